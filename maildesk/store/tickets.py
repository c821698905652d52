"""Tickets, their people and entries, as rows and as values. Decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from maildesk.clock import from_iso, iso
from maildesk.desk.decision import Entered, Joined, Opened
from maildesk.desk.model import Derivation, Entry, EntryKind, Participant, Priority, SentLetter, State, Ticket
from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.model import Attachment, Person, Via
from maildesk.store.sqlite import Row, Tx, Value

TICKET_COUNTER = "ticket"


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as its row names it."""

    name: str
    type: str
    size: int
    sha256: str
    is_inline: bool
    content_id: str | None


def find_ticket(tx: Tx, ticket_id: int) -> Ticket | None:
    """The ticket of a row id."""
    row = tx.find("ticket by id", id=ticket_id)
    return None if row is None else to_ticket(tx, row)


def find_ticket_by_number(tx: Tx, number: int) -> Ticket | None:
    """The ticket people call by this number."""
    row = tx.find("ticket by number", number=number)
    return None if row is None else to_ticket(tx, row)


def to_ticket(tx: Tx, row: Row) -> Ticket:
    """A ticket's row with its people."""
    people = tuple(
        Participant(
            integer(p["slot"]),
            _kind(p["kind"]),
            Person(text(p["address"]), text(p["name"])),
            "limited" if p["reach"] == "limited" else "full",
            integer(p["joined_entry"]),
            removed=p["removed_at"] is not None,
        )
        for p in tx.list("people of a ticket", ticket_id=row["id"])
    )
    requester = row["requester_address"]
    return Ticket(
        id=integer(row["id"]),
        number=integer(row["number"]),
        subject=text(row["subject"]),
        state=cast(State, row["state"]),
        priority=cast(Priority, row["priority"]),
        mailbox=text(row["mailbox"]),
        language=text(row["language"]),
        assignee=optional(row["assignee"]),
        requester=None if requester is None else Person(text(requester), text(row["requester_name"])),
        tags=tuple(json.loads(text(row["tags"]))),
        mentions=tuple(json.loads(text(row["mentions"]))),
        created_at=from_iso(text(row["created_at"])),
        updated_at=from_iso(text(row["updated_at"])),
        solved_at=time(row["solved_at"]),
        merged_into=None if row["merged_into"] is None else integer(row["merged_into"]),
        people=people,
    )


def list_entries(tx: Tx, ticket_id: int, limit: int) -> tuple[Entry, ...]:
    """A ticket's last entries, newest first."""
    return tuple(
        Entry(
            id=integer(row["id"]),
            kind=cast(EntryKind, row["kind"]),
            author=author_of(row),
            at=from_iso(text(row["at"])),
            text=text(row["text"]),
            full_text=text(row["full_text"]),
            message_id=optional(row["message_id"]),
            flags=tuple(json.loads(text(row["flags"]))),
            mail_id=None if row["mail_id"] is None else integer(row["mail_id"]),
        )
        for row in tx.list("entries of a ticket, newest first", ticket_id=ticket_id, limit=limit)
    )


def author_of(row: Row) -> Person | None:
    """An entry's author; None when nobody could be believed."""
    address = row["author_address"]
    return None if address is None else Person(text(address), text(row["author_name"]))


def to_letter(row: Row) -> SentLetter:
    """A letter's row as decisions see it."""
    return SentLetter(
        id=integer(row["id"]),
        kind=row["kind"],  # type: ignore[arg-type]
        notice=text(row["notice"]),
        ticket_id=None if row["ticket_id"] is None else integer(row["ticket_id"]),
        slot=integer(row["slot"] or 0),
        recipient=text(row["recipient"]),
        message_id=text(row["message_id"]),
        entry_id=integer(row["entry_id"] or 0),
        created_at=time(row["created_at"]),
        is_bounced=row["bounced_at"] is not None,
    )


def add_ticket(tx: Tx, opened: Opened, at: datetime) -> int:
    """A new ticket with the next number; its row id."""
    tx.change("take the next number of a counter", name=TICKET_COUNTER)
    counter = tx.find("counter", name=TICKET_COUNTER)
    if counter is None:
        raise LookupError("the store has no counter of tickets")
    requester = opened.requester
    ticket_id = tx.add(
        "ticket",
        number=counter["value"],
        subject=storable(opened.subject),
        state="new",
        priority="normal",
        mailbox=opened.mailbox,
        language=opened.language,
        requester_address=None if requester is None else requester.address,
        requester_key=None if requester is None else key(requester.address),
        requester_domain=None if requester is None else key(requester.address).rpartition("@")[2],
        requester_name="" if requester is None else storable(requester.name),
        tags=json.dumps(opened.tags),
        mentions=json.dumps(opened.mentions),
        at=iso(at),
    )
    if requester is not None:
        slot_of(tx, ticket_id, "customer", requester, at)
    return ticket_id


def set_requester(tx: Tx, ticket_id: int, requester: Person, at: datetime) -> None:
    """Whose ticket it is; they are one of its people from now on."""
    tx.change(
        "requester of a ticket",
        id=ticket_id,
        requester_address=requester.address,
        requester_key=key(requester.address),
        requester_domain=key(requester.address).rpartition("@")[2],
        requester_name=storable(requester.name),
        at=iso(at),
    )
    join(tx, ticket_id, Joined(requester, "full"), at)


def slot_of(tx: Tx, ticket_id: int, kind: Literal["customer", "agent"], person: Person, at: datetime) -> int:
    """Somebody's slot on a ticket; they get the next one when they have none."""
    address_key = key(person.address)
    row = tx.find("slot of somebody on a ticket", ticket_id=ticket_id, kind=kind, address_key=address_key)
    if row is not None:
        return integer(row["slot"])
    return tx.add(
        "person of a ticket",
        ticket_id=ticket_id,
        kind=kind,
        address=person.address,
        address_key=address_key,
        name=storable(person.name),
        at=iso(at),
    )


def join(tx: Tx, ticket_id: int, joined: Joined, at: datetime) -> None:
    """Somebody takes part: what stands on the ticket so far is older than they are. Whoever takes part already may see more."""
    address_key = key(joined.person.address)
    row = tx.find("ticket by id", id=ticket_id)
    people = to_ticket(tx, row).people if row is not None else ()
    if any(p.kind == "customer" and not p.removed and key(p.person.address) == address_key for p in people):
        if joined.reach == "full":
            tx.change("somebody sees all of a ticket from now on", ticket_id=ticket_id, address_key=address_key)
        return
    newest = tx.find("newest entry of a ticket", ticket_id=ticket_id)
    slot_of(tx, ticket_id, "customer", joined.person, at)
    tx.change(
        "somebody joins a ticket again",
        ticket_id=ticket_id,
        address_key=address_key,
        reach=joined.reach,
        joined_entry=integer(newest["id"]) if newest else 0,
        at=iso(at),
    )


def files_of(attachments: Iterable[Attachment]) -> tuple[File, ...]:
    """Attachments as their rows name them."""
    return tuple(File(storable(a.name), a.type, a.size_bytes, a.sha256, a.inline, a.content_id) for a in attachments)


def names_of(files: Iterable[File]) -> str:
    """The files' names, for the full-text index."""
    return " ".join(file.name for file in files)


def add_files(tx: Tx, entry_id: int, files: Iterable[File]) -> None:
    """The rows of an entry's attachments, in order."""
    for position, file in enumerate(files):
        tx.add(
            "attachment",
            entry_id=entry_id,
            position=position,
            name=file.name,
            type=file.type,
            size=file.size,
            sha256=file.sha256,
            inline=int(file.is_inline),
            content_id=file.content_id,
        )


def add_entry(
    tx: Tx,
    ticket_id: int,
    entered: Entered,
    *,
    at: datetime,
    via: Via,
    mail_id: int | None = None,
    message_id: str | None = None,
    attachments: Iterable[Attachment] = (),
    derived: Derivation = "",
) -> int:
    """A new entry with its attachments' names; their bytes stay in the raw mail. Its row id.

    derived: how it follows from its mail, so that it can be derived again.
    """
    files = files_of(attachments)
    entry_id = tx.add(
        "entry",
        ticket_id=ticket_id,
        mail_id=mail_id,
        kind=entered.kind,
        author_address=None if entered.author is None else entered.author.address,
        author_name="" if entered.author is None else storable(entered.author.name),
        at=iso(at),
        via=via,
        subject=storable(entered.subject),
        text=storable(entered.text),
        full_text=storable(entered.full_text),
        names=names_of(files),
        message_id=message_id,
        flags=json.dumps(entered.flags),
        derived=derived,
    )
    add_files(tx, entry_id, files)
    tx.change("time of a ticket's last change", id=ticket_id, at=iso(at))
    return entry_id


def set_state(tx: Tx, ticket_id: int, state: State, at: datetime) -> None:
    """A ticket's state; solved remembers since when."""
    tx.change(
        "state of a ticket", id=ticket_id, state=state, solved_at=iso(at) if state == "solved" else None, at=iso(at)
    )


def storable(words: str) -> str:
    """Text that every store takes: no NUL, no lone surrogate (PostgreSQL refuses both)."""
    return words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def key(address: str) -> str:
    """The form in which addresses are compared; as it is where it is no address."""
    try:
        return addresses.key(address)
    except Malformed:
        return address.casefold()


def text(value: Value) -> str:
    """A column of text; "" for NULL."""
    return "" if value is None else str(value)


def optional(value: Value) -> str | None:
    """A column of text that may be NULL."""
    return None if value is None else str(value)


def integer(value: Value) -> int:
    """A column of whole numbers."""
    if not isinstance(value, int):
        raise TypeError(f"a number was expected, not {type(value).__name__}")
    return value


def time(value: Value) -> datetime | None:
    """A column of time that may be NULL."""
    return None if value is None else from_iso(str(value))


def _kind(value: Value) -> Literal["customer", "agent"]:
    return "agent" if value == "agent" else "customer"
