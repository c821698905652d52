"""A letter that is owed: its slot, its signed addresses, its final bytes, its row in the outbox. Inside one transaction.

Decides nothing: a plan says who gets what. Waits for nothing but the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from maildesk.clock import iso
from maildesk.config import Agent
from maildesk.desk import letters as desk_letters
from maildesk.desk.decision import Entered
from maildesk.desk.directory import Directory
from maildesk.desk.grants import may_see
from maildesk.desk.model import Facts, HeldLine, LetterPlan, LetterView, StandingStill, Ticket
from maildesk.desk.notices import BY_NAME
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.model import Person
from maildesk.mail.token import MAX_SLOT, Purpose, anchor, make_message_id, read_message_id
from maildesk.render import Renderer
from maildesk.store import grants, tickets
from maildesk.store.sqlite import Tx


class Owing:
    """Writes letters into the outbox. Immutable; a reload makes a new one."""

    def __init__(self, directory: Directory, renderer: Renderer) -> None:
        self.directory = directory
        self._renderer = renderer

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
        named, named_slot, silence = (ticket.id if ticket else 0), slot, ""
        if plan.grant is not None:
            about = ticket.id if ticket else None
            grant_id = grants.add_grant(tx, plan.grant, plan.recipient.address, now, ticket_id=about, mail_id=mail_id)
            token = keyring.sign(Purpose.WEB, grant_id)
            if plan.grant == "verify" and self.directory.config.web is not None:
                link = f"{self.directory.config.public_url}/{plan.view.language}/confirm/{token}"
                plan = replace(plan, view=replace(plan.view, link=link))
            once = addresses.with_token(mailbox.address, mailbox.reply_address, token)
            if plan.grant == "silence":
                silence = once or ""
            elif once is not None:
                reply_to = once
            else:
                # Without signed addresses the letter's own Message-ID stands in for one.
                named, named_slot, purpose = grant_id, 0, Purpose.WEB
        reply_to = plan.reply_to or reply_to
        view = plan.view if ticket is None else _filled(plan, ticket)
        view = replace(view, silence=True) if silence else view
        rendered = self._renderer.render(plan.notice, view)
        message_id = make_message_id(keyring, notice.mark, named, named_slot, letter_id, purpose)
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
                unsubscribe=silence,
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

    def held(self, tx: Tx, held: tuple[HeldLine, ...], quiet: tuple[HeldLine, ...], now: datetime) -> int:
        """The daily letter about held mail, and about new tickets that nobody was told of. How many.

        Agents hear of their own mailboxes, and answer it; what is for admins goes to them alone.
        """
        config, directory, owed = self.directory.config, self.directory, 0
        mailbox = config.mailbox[0]
        registered = {a for agent in config.agent for a in map(tickets.key, (agent.address, *agent.aliases))}
        readers: list[tuple[Person, Agent | None]] = [
            (Person(agent.address, directory.agent_name(agent)), agent) for agent in config.agent
        ]
        readers += [(Person(a), None) for a in dict.fromkeys(config.desk.admins) if tickets.key(a) not in registered]
        for person, agent in readers:
            mine = tuple(line for line in held if agent is None or may_see(directory, agent, line))
            told = tuple(line for line in quiet if agent is None or may_see(directory, agent, line))
            if not mine and not told:
                continue
            language = directory.language((agent.language if agent else mailbox.language) or None)
            view = LetterView(
                desk=directory.name,
                mailbox=directory.mailbox_name(mailbox),
                mailbox_address=mailbox.address,
                language=language,
                created_at=now,
                recipient=person.name,
                held=mine,
                quiet=told,
                confirmable=agent is not None,
            )
            plan = LetterPlan("held", person, "agent" if agent else "admin", directory.name, view)
            self.owe(tx, replace(plan, grant="held") if agent else plan, None, now)
            owed += 1
        return owed

    def sign_in(
        self, tx: Tx, notice: str, address: str, language: str, link: str, code: str, minutes: int, now: datetime
    ) -> int:
        """A link and a code to sign in by; nothing in it was typed by anybody. The letter's row id."""
        config, mailbox = self.directory.config, self.directory.config.mailbox[0]
        view = LetterView(
            desk=config.desk.name,
            mailbox=self.directory.mailbox_name(mailbox),
            mailbox_address=mailbox.address,
            language=language,
            created_at=now,
            link=link,
            code=code,
            minutes=minutes,
        )
        return self.owe(tx, LetterPlan(notice, Person(address), "customer", config.desk.name, view), None, now)

    def article(self, tx: Tx, slug: str, title: str, address: str, language: str, now: datetime) -> int:
        """An article that somebody follows has changed. The letter's row id."""
        config, mailbox = self.directory.config, self.directory.config.mailbox[0]
        language = self.directory.language(language)
        view = LetterView(
            desk=config.desk.name,
            mailbox=self.directory.mailbox_name(mailbox),
            mailbox_address=mailbox.address,
            language=language,
            subject=title,
            created_at=now,
            link=f"{config.public_url}/{language}/articles/{slug}",
        )
        return self.owe(tx, LetterPlan("article", Person(address), "customer", config.desk.name, view), None, now)

    def standstill(self, tx: Tx, standing: Iterable[StandingStill], now: datetime) -> int:
        """The admins' daily letter about what stands still. How many."""
        config = self.directory.config
        desk, mailbox = config.desk, config.mailbox[0]
        language = self.directory.language(mailbox.language or None)
        found = tuple(standing)
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
