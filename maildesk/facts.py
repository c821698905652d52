"""Answers in one place everything that a decision asks of the store. Decides nothing, writes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from maildesk import braking
from maildesk.clock import from_iso, iso
from maildesk.desk import robots
from maildesk.desk.directory import Directory
from maildesk.desk.model import Entry, Facts, Questions, Ticket, Twin
from maildesk.mail.compose import written_text
from maildesk.store import grants, history, ledger, tickets
from maildesk.store.sqlite import Tx

# A redelivered mail is recognised for this long. One without a Message-ID may be tomorrow's mail of the same robot, word
# for word: only while its sender may still be trying.
DUPLICATES_FOR = timedelta(days=30)
UNIDENTIFIED_FOR = timedelta(hours=12)
# Those whom a customer adds are counted for so long.
ADDED_IN = timedelta(days=1)
# Copies of one mail for several mailboxes come together.
SAME_DELIVERY = timedelta(hours=1)
# Enough of a ticket to quote from and to see what is new; the rest is in the store.
_ENTRIES = 60
# Tickets of one address and day that are looked at.
_RECENT = 100
# The text of a letter stands in front of its attachments.
_READ_BYTES = 524_288


def answer(tx: Tx, questions: Questions, mailbox: str, now: datetime, directory: Directory) -> Facts:
    """Everything a decision asked for, in one place."""
    letters = []
    for message_id in questions.letter_ids:
        row = tx.find("letter by its message id", message_id=message_id)
        if row is not None:
            letters.append(tickets.to_letter(row))
    for ticket_id, copy in questions.copies:
        row = tx.find("letter by its copy", ticket_id=ticket_id, copy=copy)
        if row is not None:
            letters.insert(0, tickets.to_letter(row))
    known, inner = _held(tx, questions.foreign_ids), _held(tx, questions.inner_ids)
    span = DUPLICATES_FOR if questions.is_identified else UNIDENTIFIED_FOR
    twins = tuple(
        Twin(
            tickets.integer(row["id"]),
            tickets.text(row["mailbox"]),
            row["outcome"],  # type: ignore[arg-type]
            None if row["ticket_id"] is None else tickets.integer(row["ticket_id"]),
            tickets.optional(row["cause"]),
        )
        for row in tx.list("other mails of the same content", content_key=questions.content_key, since=iso(now - span))
    )
    ids = [
        *questions.ticket_ids,
        *(x.ticket_id for x in letters),
        *(k for _, k in (*known, *inner)),
        *(t.ticket_id for t in twins),
    ]
    found: dict[int, Ticket] = {}
    for named in ids:
        ticket = tickets.find_ticket(tx, named) if named is not None and named not in found else None
        if ticket is not None:
            found[ticket.id] = ticket
    for number in questions.numbers:
        ticket = tickets.find_ticket_by_number(tx, number)
        if ticket is not None:
            found.setdefault(ticket.id, ticket)
    robot = None
    # Evidence that is signed or known leads elsewhere.
    if questions.author is not None and not ids and directory.agent(questions.author) is None:
        robot = _robot(tx, questions.author, questions.subject, now)
        ticket = tickets.find_ticket(tx, robot) if robot is not None else None
        if ticket is not None:
            found.setdefault(ticket.id, ticket)
    entries: list[tuple[int, tuple[Entry, ...]]] = [(i, tickets.list_entries(tx, i, _ENTRIES)) for i in found]
    language, explained, agent_letters, agent_read = None, 0, [], []
    acted: tuple[int, ...] = ()
    if questions.author is not None:
        author_key = tickets.key(questions.author)
        person = tx.find("person by address", address_key=author_key)
        language = tickets.optional(person["language"]) if person else None
        agent = directory.agent(questions.author)
        if agent is not None:
            agent_key = tickets.key(agent.address)
            counted = tx.find(
                "letters of a notice to somebody since",
                recipient_key=agent_key,
                since=iso(now - timedelta(hours=1)),
                notice="not-taken",
            )
            explained = tickets.integer(counted["letters"]) if counted else 0
            if questions.message_id:
                before = now - SAME_DELIVERY
                acted = ledger.list_acted(tx, questions.message_id, questions.content_key, before)
            for ticket_id in found:
                rows = tx.list(
                    "last letters to somebody on a ticket", ticket_id=ticket_id, recipient_key=agent_key, limit=1
                )
                agent_letters += [tickets.to_letter(row) for row in rows]
            read = (x for x in (*letters, *agent_letters) if x.kind not in ("confirmation", "answer"))
            for letter in dict.fromkeys(read):
                row = tx.find("beginning of a letter", id=letter.id, limit=_READ_BYTES)
                if row is not None and isinstance(row["content"], bytes):
                    agent_read.append(written_text(row["content"]))
    return Facts(
        robot=robot,
        now=now,
        mailbox=mailbox,
        tickets=tuple(found.values()),
        entries=tuple(entries),
        known=known,
        inner=inner,
        letters=tuple(letters),
        twins=twins,
        agent_letters=tuple(agent_letters),
        agent_read=tuple(agent_read),
        last_language=language,
        explained=explained,
        grant=next((g for g in (grants.find_grant(tx, i) for i in questions.grant_ids) if g is not None), None),
        held=ledger.list_held(tx, questions.held_ids),
        acted=acted,
        silenced=tuple(a for a in questions.named if _is_silenced(tx, a, now)),
        added_today=_added(tx, questions.author, now),
        history=history.find_history(tx, questions.wanted, now) if questions.wanted is not None else None,
    )


def _is_silenced(tx: Tx, address: str, now: datetime) -> bool:
    return tx.find("silenced address", address_key=tickets.key(address), now=iso(now)) is not None


def _added(tx: Tx, author: str | None, now: datetime) -> int:
    """How many people the author has added to their tickets in 24 hours."""
    if author is None:
        return 0
    row = tx.find("people added by a requester since", requester_key=tickets.key(author), since=iso(now - ADDED_IN))
    return tickets.integer(row["people"]) if row else 0


def _robot(tx: Tx, author: str, subject: str, now: datetime) -> int | None:
    """The ticket that a suspect robot's mails go to; None for anybody whom an agent answered."""
    rows = tx.list(
        "tickets that somebody opened since",
        requester_key=tickets.key(author),
        since=iso(now - robots.SUSPECT_FOR),
        until=iso(now),
        limit=_RECENT,
    )
    if len(rows) < robots.MAX_TICKETS:
        return None
    recent = [
        robots.Recent(tickets.integer(r["id"]), tickets.text(r["subject"]), from_iso(tickets.text(r["created_at"])))
        for r in rows
    ]
    robot = robots.suspect(subject, recent)
    return None if robot is None or braking.has_human_sign(tx, author, now) else robot


def _held(tx: Tx, message_ids: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """The Message-IDs that an entry has, each with its ticket."""
    rows = ((found, tx.find("ticket that holds a message", message_id=found)) for found in message_ids)
    return tuple((found, tickets.integer(row["ticket_id"])) for found, row in rows if row is not None)
