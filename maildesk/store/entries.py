"""What entries show of their mails, as rows: written when a mail is settled, compared and written again by a rebuild.

Decides nothing. The bytes of attachments stay in the raw mail; here are their names, sizes and digests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from maildesk.clock import iso
from maildesk.desk.entering import Derived
from maildesk.desk.model import Derivation, EntryKind, Outcome
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import File, add_files, files_of, integer, names_of, optional, storable, text


@dataclass(frozen=True, slots=True)
class Shown:
    """All that an entry shows of its mail, as the store holds it."""

    subject: str
    text: str
    full_text: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Mailed:
    """An entry that came from a mail, with the mail's bytes. derived: how its words follow from them; ticket: the number."""

    id: int
    ticket_id: int
    ticket: int
    mail_id: int
    kind: EntryKind
    derived: Derivation
    outcome: Outcome
    shown: Shown
    raw: bytes


def shown(derived: Derived, written: str) -> Shown:
    """What was derived, as the store would hold it; written: the words where they do not follow from the mail."""
    words = written if derived.text is None else derived.text
    return Shown(storable(derived.subject), storable(words), storable(derived.full_text), files_of(derived.attachments))


def count_mailed(tx: Tx) -> int:
    """How many entries came from mails."""
    row = tx.find("how many entries came from a mail")
    return integer(row["entries"]) if row else 0


def list_mailed(tx: Tx, after: int, limit: int) -> tuple[int, ...]:
    """The ids of the next entries that came from mails, in their order."""
    return tuple(integer(row["id"]) for row in tx.list("entries that came from a mail", after=after, limit=limit))


def find_mailed(tx: Tx, entry_id: int) -> Mailed | None:
    """An entry that came from a mail; None when there is none."""
    row = tx.find("entry with its mail", id=entry_id)
    if row is None:
        return None
    raw = row["content"]
    return Mailed(
        id=entry_id,
        ticket_id=integer(row["ticket_id"]),
        ticket=integer(row["number"]),
        mail_id=integer(row["mail_id"]),
        kind=cast(EntryKind, row["kind"]),
        # A daemon of an older version may still run on tables of its own time.
        derived=cast(Derivation, text(row["derived"]) if "derived" in row.keys() else ""),  # noqa: SIM118 - a row's `in` looks at values
        outcome=cast(Outcome, row["outcome"]),
        shown=_shown(tx, row),
        raw=raw if isinstance(raw, bytes) else b"",
    )


def change_shown(tx: Tx, entry: Mailed, after: Shown, at: datetime) -> bool:
    """Write what the entry shows from now on, and that it was done; False where somebody changed it meanwhile."""
    row = tx.find("entry", id=entry.id)
    if row is None or _shown(tx, row) != entry.shown:
        return False
    tx.change(
        "what an entry shows of its mail",
        id=entry.id,
        subject=after.subject,
        text=after.text,
        full_text=after.full_text,
        names=names_of(after.files),
    )
    if after.files != entry.shown.files:
        tx.drop("attachments of an entry", entry_id=entry.id)
        add_files(tx, entry.id, after.files)
    detail = json.dumps({"entry": entry.id})
    tx.add("history", at=iso(at), what="rebuilt", mail_id=entry.mail_id, ticket_id=entry.ticket_id, detail=detail)
    return True


def list_files(tx: Tx, entry_id: int) -> tuple[File, ...]:
    """The attachments of an entry, in their order."""
    return tuple(
        File(
            text(row["name"]),
            text(row["type"]),
            integer(row["size"]),
            text(row["sha256"]),
            bool(row["inline"]),
            optional(row["content_id"]),
        )
        for row in tx.list("attachments of an entry", entry_id=entry_id)
    )


def _shown(tx: Tx, row: Row) -> Shown:
    files = list_files(tx, integer(row["id"]))
    return Shown(text(row["subject"]), text(row["text"]), text(row["full_text"]), files)
