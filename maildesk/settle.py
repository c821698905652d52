"""Settles one mail inside one transaction: facts, decision, changes, and the final bytes of every letter owed.

Runs in the store's writer; never waits for anything but the database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from maildesk import braking
from maildesk.clock import iso
from maildesk.desk.decision import (
    NO_EVIDENCE_YET,
    AssigneeSet,
    Decision,
    Discarded,
    Entered,
    Evidenced,
    GrantUsed,
    Joined,
    LetIn,
    LetterBounced,
    MentionAdded,
    Opened,
    PersonSeen,
    PrioritySet,
    Removed,
    RequesterSet,
    Silenced,
    StateSet,
    TagsSet,
)
from maildesk.desk.directory import Directory
from maildesk.desk.entering import agreed
from maildesk.desk.held import FOR_ADMINS
from maildesk.desk.model import Facts, Outcome
from maildesk.desk.proof import judge
from maildesk.desk.questions import needed
from maildesk.desk.rules import decide
from maildesk.errors import NotComposable
from maildesk.facts import answer
from maildesk.mail import address as addresses
from maildesk.mail.checks import Checks
from maildesk.mail.model import Mail
from maildesk.owing import Owing
from maildesk.render import Renderer
from maildesk.store import grants, ledger, tickets
from maildesk.store.sqlite import Tx

_MAX_HELD_CHARS = 250


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a mail, for the log: its outcome, the ticket's number, how many letters are owed, and on what grounds."""

    outcome: Outcome
    ticket: int | None
    letters: int
    cause: str | None = None
    evidenced: Evidenced = NO_EVIDENCE_YET


class Settler:
    """The transaction of one mail. Immutable; a reload makes a new one."""

    def __init__(self, directory: Directory, renderer: Renderer) -> None:
        self.directory = directory
        self.owing = Owing(directory, renderer)

    def settle(self, tx: Tx, mail_id: int, mail: Mail, now: datetime, checks: Checks | None = None) -> Settled:
        """Decide on a stored mail and write everything that follows. Raises what the database or a template raises.

        checks: of the mail's author, where they were made now; those that are stored already win.
        """
        stored = ledger.find_mail(tx, mail_id)
        if stored is None or stored.outcome != "received":
            return Settled("duplicate" if stored is None else stored.outcome, None, 0, "settled before")
        envelope, directory = stored.envelope, self.directory
        mailbox = directory.mailbox(stored.mailbox)
        if stored.checks is None and checks is not None:
            tx.change("checks of a mail", id=mail_id, checks=checks.to_json())
        is_relay = directory.is_relay(envelope.peer)
        verdict = judge(mail, envelope, directory.config.trust, stored.checks or checks, is_relay=is_relay)
        asked = needed(mail, envelope, directory, is_aligned=verdict.is_aligned)
        facts = answer(tx, asked, stored.mailbox, now, directory)
        decision = decide(mail, envelope, verdict, facts, directory, mailbox, stored.authority)
        ticket_id, entry_id = self._apply(tx, decision, stored, mail, now)
        ticket = None if ticket_id is None else tickets.find_ticket(tx, ticket_id)
        # What was said when it was held stays said.
        why = [*stored.why, *decision.why]
        owed = 0
        for plan in decision.letters:
            held = braking.braked(tx, plan, now)
            if held is not None:
                if held.waits and ticket is not None:
                    braking.wait(tx, plan, ticket, held.why, now)
                why.append(held.why)
                continue
            try:
                letter_id = self.owing.owe(tx, plan, ticket, now, mail_id=mail_id, hops=mail.hops)
                braking.count(tx, letter_id, plan, now)
            except NotComposable as error:
                why.append(f"no {plan.notice} to {plan.recipient.address}: {error}")
                # An answer that cannot go must not vanish; whoever cannot be confirmed still has a ticket.
                if plan.notice == "answer":
                    owed += self.owing.refused(tx, ticket_id, plan.recipient.address, plan.notice, str(error), now)
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
            **_held_columns(mail, decision),
        )
        detail = json.dumps({"outcome": decision.outcome, "entry": entry_id, "letters": owed})
        tx.add("history", at=iso(now), what="settled", mail_id=mail_id, ticket_id=ticket_id, detail=detail)
        number = ticket.number if ticket else None
        return Settled(decision.outcome, number, owed, decision.cause, decision.evidenced)

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
            if isinstance(change, LetIn):
                ledger.let_in(tx, change.mail_id, change.authority, now)
                continue
            if isinstance(change, Discarded):
                ledger.discard(tx, change.mail_id, change.by, now)
                continue
            if isinstance(change, Silenced):
                braking.silence(tx, change.address, change.why, change.until, now)
                continue
            if isinstance(change, LetterBounced):
                tx.change("a letter bounced", id=change.letter_id, at=iso(now))
                continue
            if isinstance(change, GrantUsed):
                grants.use_grant(tx, change.grant_id, now)
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
                case Joined():
                    tickets.join(tx, ticket_id, change, now)
                case Removed():
                    left = tickets.key(change.person.address)
                    tx.change("somebody leaves a ticket", ticket_id=ticket_id, address_key=left, at=iso(now))
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


def _held_columns(mail: Mail, decision: Decision) -> dict[str, str | None]:
    """What the lists show that people choose from: whom From names, believed or not, and how the text begins.

    Another service's code is for nobody's list.
    """
    if decision.outcome != "held":
        return {"author": None, "subject": None, "excerpt": None}
    begins = "" if decision.cause in FOR_ADMINS else " ".join(mail.text.split())
    found = {"author": mail.author.address if mail.author else mail.author_fault or "", "subject": mail.subject}
    return {name: tickets.storable(words)[:_MAX_HELD_CHARS] for name, words in (found | {"excerpt": begins}).items()}
