"""The commands that only read the store: tickets, ticket, search, mails, why, outbox. Each prints for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TextIO

from maildesk import clock
from maildesk.cli.terminal import plain
from maildesk.desk.model import Ticket
from maildesk.store import ledger, outbox, tickets
from maildesk.store.sqlite import Row, Tx

# PostgreSQL refuses a negative LIMIT and SQLite a NULL one: everything is a number nobody reaches.
ALL = 2**62


def limit_of(count: int) -> int:
    """A command's --limit: 0 is all."""
    return ALL if count == 0 else min(count, ALL)


def as_time(at: datetime) -> str:
    """ISO-8601 UTC with a Z, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def ticket_json(ticket: Ticket) -> dict[str, object]:
    """A ticket as `tickets --json` lists it."""
    requester = ticket.requester
    return {
        "number": ticket.number,
        "subject": ticket.subject,
        "state": ticket.state,
        "priority": ticket.priority,
        "mailbox": ticket.mailbox,
        "language": ticket.language,
        "tags": list(ticket.tags),
        "assignee": ticket.assignee,
        "requester": {
            "address": requester.address if requester else None,
            "name": requester.name if requester else None,
        },
        "participants": [person.address for person in ticket.customers],
        "created_at": as_time(ticket.created_at),
        "updated_at": as_time(ticket.updated_at),
        "mentions": list(ticket.mentions),
        "merged_into": ticket.merged_into,
    }


def entries_json(tx: Tx, ticket: Ticket) -> list[dict[str, object]]:
    """A ticket's whole thread as `ticket --json` shows it."""
    return [_entry_json(tx, row) for row in tx.list("entries of a ticket", ticket_id=ticket.id)]


def _entry_json(tx: Tx, row: Row) -> dict[str, object]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "author": _author(row),
        "at": as_time(clock.from_iso(tickets.text(row["at"]))),
        "via": row["via"],
        "text": row["text"],
        "full_text": row["full_text"],
        "message_id": row["message_id"],
        "mail": row["mail_id"],
        "flags": json.loads(tickets.text(row["flags"])),
        "attachments": [
            {"name": a["name"], "type": a["type"], "size": a["size"], "sha256": a["sha256"]}
            for a in tx.list("attachments of an entry", entry_id=row["id"])
        ],
    }


def _author(row: Row) -> object:
    """An address; for an author nobody can believe an object of nulls; "desk" for an event nobody wrote."""
    if row["author_address"] is not None:
        return row["author_address"]
    return "desk" if row["kind"] == "event" else {"address": None, "name": None}


def line_json(line: ledger.LedgerLine) -> dict[str, object]:
    """A row of the ledger as `mails --json` shows it."""
    return {
        "id": line.id,
        "received_at": as_time(line.received_at),
        "via": line.via,
        "sender": line.sender,
        "recipients": list(line.recipients),
        "mailbox": line.mailbox,
        "message_id": line.message_id,
        "sha256": line.sha256,
        "size": line.size,
        "outcome": line.outcome,
        "ticket": line.ticket,
        "cause": line.cause,
        "why": list(line.why),
    }


def letter_json(line: outbox.OutboxLine) -> dict[str, object]:
    """A letter as `outbox --json` shows it."""
    return {
        "id": line.id,
        "kind": line.kind,
        "ticket": line.ticket,
        "recipient": line.recipient,
        "message_id": line.message_id,
        "state": line.state,
        "attempts": line.attempts,
        "next_at": None if line.next_at is None else as_time(line.next_at),
        "error": line.error,
    }


def search_words(words: str) -> str:
    """Words as the full-text index takes them: every one must occur, none is read as an operator."""
    return " ".join(f'"{word}"' for word in words.replace('"', " ").split())


def list_tickets(tx: Tx, *, state: str, mailbox: str, assignee: str, limit: int) -> list[Ticket]:
    """Tickets, newest first."""
    rows = tx.list("tickets, newest first", state=state, mailbox=mailbox, assignee=assignee, limit=limit_of(limit))
    return [tickets.to_ticket(tx, row) for row in rows]


def search(tx: Tx, words: str, limit: int) -> list[dict[str, object]]:
    """Entries that hold every word, best first."""
    quoted = search_words(words)
    if not quoted:
        return []
    return [
        {
            "ticket": row["ticket"],
            "entry": row["entry"],
            "at": as_time(clock.from_iso(tickets.text(row["at"]))),
            "excerpt": row["excerpt"],
        }
        for row in tx.list("entries that match words", words=quoted, limit=limit_of(limit))
    ]


def raw_of(tx: Tx, ticket: Ticket, entry_id: int) -> bytes | None:
    """The original bytes of an entry of this ticket; None when it has none."""
    row = tx.find("entry", id=entry_id)
    if row is None or row["ticket_id"] != ticket.id or row["mail_id"] is None:
        return None
    stored = ledger.find_mail(tx, tickets.integer(row["mail_id"]))
    return None if stored is None else stored.raw


def write_ticket(out: TextIO, ticket: Ticket, entries: Iterable[dict[str, object]]) -> None:
    """A ticket with its thread, for people."""
    requester = ticket.requester
    who = "nobody who could be believed" if requester is None else f"{requester.name} <{requester.address}>".strip()
    out.write(plain(f"#{ticket.number}  {ticket.subject}\n{ticket.state}, {ticket.priority}, {ticket.mailbox}"))
    out.write(plain(f", {ticket.assignee or 'nobody'} takes care of it\nfrom {who}\n"))
    if ticket.tags:
        out.write(plain(f"tags: {' '.join(ticket.tags)}\n"))
    if ticket.mentions:
        out.write(f"see also: {', '.join(f'#{n}' for n in ticket.mentions)}\n")
    for entry in entries:
        author = entry["author"] if isinstance(entry["author"], str) else "nobody who could be believed"
        flags = entry["flags"]
        marks = f" [{', '.join(map(str, flags))}]" if isinstance(flags, list) and flags else ""
        out.write(plain(f"\n--- {entry['id']} {entry['kind']} by {author}, {entry['at']}, {entry['via']}{marks}\n"))
        out.write(plain(entry["text"]).rstrip() + "\n")
        found = entry["attachments"]
        out.writelines(
            plain(f"    {attachment['name']} ({attachment['type']}, {attachment['size']} bytes)\n")
            for attachment in (found if isinstance(found, list) else ())
        )
