"""Settles one mail inside one transaction: facts, decision, changes, and the final bytes of every letter owed.

Runs in the store's writer; never waits for anything but the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from maildesk.clock import from_iso, iso
from maildesk.desk import letters as desk_letters
from maildesk.desk.brakes import Braking, brake, is_braked
from maildesk.desk.decision import (
    AssigneeSet,
    Decision,
    Entered,
    MentionAdded,
    Opened,
    PersonSeen,
    PrioritySet,
    RequesterSet,
    StateSet,
    TagsSet,
)
from maildesk.desk.directory import Directory
from maildesk.desk.entering import agreed
from maildesk.desk.model import Facts, LetterPlan, LetterView, Outcome, StandingStill, Ticket
from maildesk.desk.notices import BY_NAME
from maildesk.desk.questions import needed
from maildesk.desk.rules import decide
from maildesk.desk.trust import judge
from maildesk.errors import NotComposable
from maildesk.facts import answer
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.model import Mail, Person
from maildesk.mail.token import MAX_SLOT, Purpose, anchor, make_message_id, read_message_id
from maildesk.render import Renderer
from maildesk.store import ledger, tickets
from maildesk.store.sqlite import Tx

# The daily letter names so many tickets; `maildesk tickets --state new` names all.
_QUIET_NAMED = 20


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a mail, for the log: its outcome, the ticket's number, how many letters are owed."""

    outcome: Outcome
    ticket: int | None
    letters: int
    cause: str | None = None


class Settler:
    """The transaction of one mail. Immutable; a reload makes a new one."""

    def __init__(self, directory: Directory, renderer: Renderer) -> None:
        self.directory = directory
        self._renderer = renderer

    def settle(self, tx: Tx, mail_id: int, mail: Mail, now: datetime) -> Settled:
        """Decide on a stored mail and write everything that follows. Raises what the database or a template raises."""
        stored = ledger.find_mail(tx, mail_id)
        if stored is None or stored.outcome != "received":
            return Settled("duplicate" if stored is None else stored.outcome, None, 0, "settled before")
        envelope, directory = stored.envelope, self.directory
        mailbox = directory.mailbox(stored.mailbox)
        verdict = judge(mail, envelope, directory.config.trust, is_relay=directory.is_relay(envelope.peer))
        facts = answer(tx, needed(mail, envelope, directory), stored.mailbox, now, directory)
        decision = decide(mail, envelope, verdict, facts, directory, mailbox)
        ticket_id, entry_id = self._apply(tx, decision, stored, mail, now)
        ticket = None if ticket_id is None else tickets.find_ticket(tx, ticket_id)
        why = list(decision.why)
        owed = 0
        for plan in decision.letters:
            held = self._braked(tx, plan, now)
            if held is not None:
                why.append(held)
                continue
            try:
                self.owe(tx, plan, ticket, now, mail_id=mail_id, hops=mail.hops)
            except NotComposable as error:
                why.append(f"no {plan.notice} to {plan.recipient.address}: {error}")
                # An answer that cannot go must not vanish; whoever cannot be confirmed still has a ticket.
                if plan.notice == "answer":
                    owed += self.refused(tx, ticket_id, plan.recipient.address, plan.notice, str(error), now)
                continue
            why.append(f"{plan.notice} to {plan.recipient.address}")
            owed += 1
        tx.change(
            "settle a mail",
            id=mail_id,
            outcome=decision.outcome,
            ticket_id=ticket_id if ticket_id is not None else self._named(decision, facts),
            entry_id=entry_id,
            cause=decision.cause,
            why=json.dumps([tickets.storable(w) for w in why]),
            message_id=mail.message_id,
            content_key=mail.content_key,
            settled_at=iso(now),
        )
        detail = json.dumps({"outcome": decision.outcome, "entry": entry_id, "letters": owed})
        tx.add("history", at=iso(now), what="settled", mail_id=mail_id, ticket_id=ticket_id, detail=detail)
        return Settled(decision.outcome, ticket.number if ticket else None, owed, decision.cause)

    @staticmethod
    def _named(decision: Decision, facts: Facts) -> int | None:
        """The ticket of a duplicate: the one its twin for the same mailbox went to, else another twin's."""
        if decision.outcome != "duplicate":
            return None
        twins = sorted(facts.twins, key=lambda t: not addresses.same(t.mailbox, facts.mailbox))
        return next((t.ticket_id for t in twins if t.ticket_id is not None), None)

    def _apply(
        self, tx: Tx, decision: Decision, stored: ledger.StoredMail, mail: Mail, now: datetime
    ) -> tuple[int | None, int | None]:
        """Write the changes in their order; the ticket's and the first entry's row id."""
        ticket_id, entry_id = decision.ticket_id, None
        # The mail's Message-ID belongs to its first entry that is not of the mail inside it.
        is_given = False
        for change in decision.changes:
            if isinstance(change, Opened):
                ticket_id = tickets.add_ticket(tx, change, now)
                continue
            if isinstance(change, PersonSeen):
                tx.add(
                    "person",
                    address_key=tickets.key(change.person.address),
                    address=change.person.address,
                    name=tickets.storable(change.person.name),
                    language=change.language,
                    proved_at=iso(now) if change.is_proved else None,
                    at=iso(now),
                )
                continue
            if ticket_id is None:
                raise LookupError("a change of a ticket without a ticket")
            match change:
                case Entered():
                    inner = mail.forwarded if change.derived == "forwarded" else None
                    own_id = None if inner or is_given else mail.message_id
                    files = inner.attachments if inner else mail.attachments
                    if inner is None and entry_id is not None:
                        # The customer's entry has those of the mail inside; the agent's own are the note's.
                        files = mail.forwarded.beside if mail.forwarded and not is_given else ()
                    files = files if change.has_attachments else ()
                    added = tickets.add_entry(
                        tx,
                        ticket_id,
                        change,
                        at=stored.envelope.received_at,
                        via=stored.envelope.via,
                        mail_id=stored.id,
                        message_id=next(iter(inner.message_ids), None) if inner else own_id,
                        attachments=files,
                        derived=agreed(change, mail, files),
                    )
                    is_given = is_given or inner is None
                    entry_id = entry_id or added
                case StateSet():
                    tickets.set_state(tx, ticket_id, change.state, now)
                case AssigneeSet():
                    tx.change("assignee of a ticket", id=ticket_id, assignee=change.assignee, at=iso(now))
                case RequesterSet():
                    tickets.set_requester(tx, ticket_id, change.requester, now)
                case PrioritySet():
                    tx.change("priority of a ticket", id=ticket_id, priority=change.priority, at=iso(now))
                case TagsSet():
                    tags = json.dumps([tickets.storable(tag) for tag in change.tags])
                    tx.change("tags of a ticket", id=ticket_id, tags=tags, at=iso(now))
                case MentionAdded():
                    self._mention(tx, change.ticket_id, ticket_id)
                case _:
                    assert_never(change)
        return ticket_id, entry_id

    @staticmethod
    def _mention(tx: Tx, other_id: int, ticket_id: int) -> None:
        """The other ticket mentions this one."""
        other, this = tickets.find_ticket(tx, other_id), tickets.find_ticket(tx, ticket_id)
        if other is not None and this is not None and this.number not in other.mentions:
            tx.change("mentions of a ticket", id=other_id, mentions=json.dumps([*other.mentions, this.number]))

    def _braked(self, tx: Tx, plan: LetterPlan, now: datetime) -> str | None:
        if not is_braked(plan):
            return None
        recipient = tickets.key(plan.recipient.address)
        day, hour = (
            tx.find("braked letters to somebody since", recipient_key=recipient, since=iso(now - span))
            for span in (timedelta(days=1), timedelta(hours=1))
        )
        return brake(
            plan,
            Braking(tickets.integer(day["letters"]) if day else 0, tickets.integer(hour["letters"]) if hour else 0),
        )

    def owe(
        self,
        tx: Tx,
        plan: LetterPlan,
        ticket: Ticket | None,
        now: datetime,
        *,
        mail_id: int | None = None,
        hops: int = 0,
    ) -> int:
        """Render a letter to its final bytes and put it into the outbox; its row id. hops: of the mail that caused it."""
        notice = BY_NAME[plan.notice]
        keyring, relay = self.directory.keyring, self.directory.config.relay
        mailbox = self.directory.mailbox(ticket.mailbox if ticket else plan.view.mailbox_address)
        last = tx.find("last letter")
        letter_id = (tickets.integer(last["id"]) if last else 0) + 1
        slot = copy = newest = 0
        references: tuple[str, ...] = ()
        reply_to, bounce_to = mailbox.address, mailbox.address
        purpose = Purpose.MESSAGE_ID
        if ticket is not None:
            kind = "customer" if plan.role == "customer" else "agent"
            slot = tickets.slot_of(tx, ticket.id, kind, plan.recipient, now)  # type: ignore[arg-type]
            counted, known = (
                tx.find("last copy of a ticket", ticket_id=ticket.id),
                tx.find("newest entry of a ticket", ticket_id=ticket.id),
            )
            copy = min(tickets.integer(counted["copy"]) + 1 if counted else 1, MAX_SLOT)
            newest = tickets.integer(known["id"]) if known else 0
            if plan.role == "agent":
                path = Purpose.AGENT_REPLY
                purpose = path if mailbox.reply_address == "none" else purpose
            else:
                path = Purpose.CUSTOMER_REPLY
            form = mailbox.reply_address
            reply_to = addresses.with_token(mailbox.address, form, keyring.sign(path, ticket.id, slot)) or reply_to
            bounce_to = (
                addresses.with_token(mailbox.address, form, keyring.sign(Purpose.BOUNCE, ticket.id, copy)) or bounce_to
            )
            references = self._references(tx, plan, ticket)
        view = plan.view if ticket is None else _filled(plan, ticket)
        rendered = self._renderer.render(plan.notice, view)
        message_id = make_message_id(keyring, notice.mark, ticket.id if ticket else 0, slot, letter_id, purpose)
        content = compose(
            Outgoing(
                from_name=plan.from_name,
                from_address=mailbox.address,
                to=plan.recipient.address,
                subject=rendered.subject,
                message_id=message_id,
                date=now,
                text=rendered.text,
                desk_id=keyring.desk_id,
                reply_to=reply_to,
                in_reply_to=plan.replies_to or (references[-1] if len(references) > 1 else None),
                references=references,
                auto_submitted=notice.auto_submitted,
                content_language=rendered.language,
                hops=hops,
                thread_topic="" if plan.is_unproved or ticket is None else ticket.subject,
                html=rendered.html,
                attachments=plan.attachments,
                pictures=plan.pictures,
            )
        )
        tx.add(
            "letter",
            id=letter_id,
            kind=notice.kind,
            notice=notice.name,
            ticket_id=ticket.id if ticket else None,
            slot=slot,
            copy=copy,
            recipient=plan.recipient.address,
            recipient_key=tickets.key(plan.recipient.address),
            envelope_from={"signed": bounce_to, "mailbox": mailbox.address, "null": ""}[relay.bounce],
            message_id=message_id,
            braked=int(notice.is_braked),
            mail_id=mail_id,
            entry_id=newest,
            at=iso(now),
        )
        tx.add("content of a letter", id=letter_id, content=content)
        return letter_id

    def _references(self, tx: Tx, plan: LetterPlan, ticket: Ticket) -> tuple[str, ...]:
        """The ticket's anchor first, then our last letter to the same person, then the mail that is answered."""
        rows = tx.list(
            "last letters to somebody on a ticket",
            ticket_id=ticket.id,
            recipient_key=tickets.key(plan.recipient.address),
            limit=1,
        )
        previous = tuple(tickets.text(row["message_id"]) for row in rows)
        answered = (plan.replies_to,) if plan.replies_to else ()
        keyring = self.directory.keyring
        first = anchor(keyring, ticket.id, ticket.created_at)
        # One of a retired key holds the conversation together and proves nothing: one that does stands beside it.
        anchors = (first,) if read_message_id(keyring, first) else (first, anchor(keyring, ticket.id))
        return (*anchors, *previous, *answered)

    def refused(self, tx: Tx, ticket_id: int | None, recipient: str, notice: str, error: str, now: datetime) -> int:
        """A letter that will never arrive: an event on its ticket, and the agents are told once. How many letters."""
        ticket = None if ticket_id is None else tickets.find_ticket(tx, ticket_id)
        if ticket is None:
            return 0
        event = Entered("event", None, "", f"not delivered: {recipient} {error}".strip(), "", ())
        tickets.add_entry(tx, ticket.id, event, at=now, via="desk")
        facts = Facts(now, ticket.mailbox, (ticket,))
        plans = desk_letters.refused(self.directory, facts, ticket, recipient, notice, error)
        for plan in plans:
            self.owe(tx, plan, ticket, now)
        return len(plans)

    def standstill(self, tx: Tx, standing: Iterable[StandingStill], now: datetime) -> int:
        """The admins' daily letter about what stands still, and about new tickets that nobody was told of. How many."""
        config = self.directory.config
        desk, mailbox = config.desk, config.mailbox[0]
        language = self.directory.language(mailbox.language or None)
        quiet = tx.list("new tickets that nobody was told of", limit=_QUIET_NAMED)
        found = (
            *standing,
            *(
                StandingStill("quiet", f"#{tickets.integer(row['number'])}", from_iso(tickets.text(row["created_at"])))
                for row in quiet
            ),
        )
        admins = dict.fromkeys((*desk.admins, *(agent.address for agent in config.agent if agent.role == "admin")))
        for admin in admins if found else ():
            view = LetterView(
                desk=desk.name,
                mailbox=self.directory.mailbox_name(mailbox),
                mailbox_address=mailbox.address,
                language=language,
                standing=found,
                created_at=now,
                recipient=admin,
            )
            self.owe(tx, LetterPlan("standstill", Person(admin), "admin", desk.name, view), None, now)
        return len(admins) if found else 0


def _filled(plan: LetterPlan, ticket: Ticket) -> LetterView:
    """The view with the ticket as it is after the changes; an unproved person's letter repeats no word of theirs."""
    view = replace(plan.view, number=ticket.number, state=ticket.state, created_at=ticket.created_at)
    if plan.is_unproved:
        return view
    return replace(view, subject=ticket.subject, priority=ticket.priority, tags=ticket.tags, mentions=ticket.mentions)
