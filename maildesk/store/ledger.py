"""The ledger: every mail that was accepted, and what became of it. Decides nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from maildesk.clock import from_iso, iso
from maildesk.desk.model import Outcome
from maildesk.mail.model import Envelope, Via
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import integer, optional, storable, text


@dataclass(frozen=True, slots=True)
class StoredMail:
    """An accepted mail with its bytes; attempts counts how often settling it failed."""

    id: int
    mailbox: str
    envelope: Envelope
    raw: bytes
    outcome: Outcome
    attempts: int


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An accepted mail that waits to be worked on."""

    id: int
    received_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One row of the ledger as `mails --json` shows it. entry: the first entry that the mail made, by its id."""

    id: int
    received_at: datetime
    via: str
    sender: str | None
    recipients: tuple[str, ...]
    mailbox: str
    message_id: str | None
    sha256: str
    size: int
    outcome: Outcome
    ticket: int | None
    cause: str | None
    why: tuple[str, ...]
    entry: int | None


def add_mails(tx: Tx, raw: bytes, envelope: Envelope, mailboxes: Iterable[str]) -> tuple[int, ...]:
    """The bytes once, and a row for each of our mailboxes; the rows' ids."""
    raw_id = tx.add("raw mail", sha256=hashlib.sha256(raw).hexdigest(), size=len(raw), content=raw)
    return tuple(
        tx.add(
            "mail in the ledger",
            raw_id=raw_id,
            via=envelope.via,
            peer=envelope.peer,
            sender=None if envelope.sender is None else storable(envelope.sender),
            recipients=json.dumps([storable(r) for r in envelope.recipients]),
            mailbox=mailbox,
            received_at=iso(envelope.received_at),
            proof=envelope.proof,
            quiet=int(envelope.quiet),
        )
        for mailbox in mailboxes
    )


def list_received(tx: Tx, limit: int) -> tuple[Unsettled, ...]:
    """Mails that are not settled yet, oldest first."""
    return tuple(
        Unsettled(integer(row["id"]), from_iso(text(row["received_at"])), integer(row["size"]))
        for row in tx.list("mails not settled yet", limit=limit)
    )


def find_mail(tx: Tx, mail_id: int) -> StoredMail | None:
    """An accepted mail with its bytes."""
    row = tx.find("accepted mail with its bytes", id=mail_id)
    if row is None:
        return None
    raw = row["content"]
    return StoredMail(
        id=mail_id,
        mailbox=text(row["mailbox"]),
        envelope=Envelope(
            via=cast(Via, row["via"]),
            peer=text(row["peer"]),
            sender=optional(row["sender"]),
            recipients=tuple(json.loads(text(row["recipients"]))),
            received_at=from_iso(text(row["received_at"])),
            proof=optional(row["proof"]),
            quiet=bool(row["quiet"]),
        ),
        raw=raw if isinstance(raw, bytes) else b"",
        outcome=cast(Outcome, row["outcome"]),
        attempts=integer(row["attempts"]),
    )


def list_ledger(tx: Tx, *, outcome: str, limit: int) -> tuple[LedgerLine, ...]:
    """The ledger, newest first; outcome "" is any."""
    return tuple(map(_line, tx.list("mails of the ledger, newest first", outcome=outcome, limit=limit)))


def list_lines_of(tx: Tx, mail: str) -> tuple[LedgerLine, ...]:
    """The rows of one ledger id or one Message-ID (with or without angle brackets)."""
    number = int(mail) if mail.isascii() and mail.isdigit() and len(mail) <= 18 else -1
    rows = tx.list("mails of the ledger by id or message id", id=number, message_id=bracketed(mail))
    return tuple(map(_line, rows))


def bracketed(message_id: str) -> str:
    """A Message-ID as the store holds it, which people write with or without angle brackets."""
    return message_id if message_id.startswith("<") else f"<{message_id}>"


def _line(row: Row) -> LedgerLine:
    return LedgerLine(
        id=integer(row["id"]),
        received_at=from_iso(text(row["received_at"])),
        via=text(row["via"]),
        sender=optional(row["sender"]),
        recipients=tuple(json.loads(text(row["recipients"]))),
        mailbox=text(row["mailbox"]),
        message_id=optional(row["message_id"]),
        sha256=text(row["sha256"]),
        size=integer(row["size"]),
        outcome=cast(Outcome, row["outcome"]),
        ticket=None if row["number"] is None else integer(row["number"]),
        cause=optional(row["cause"]),
        why=tuple(json.loads(text(row["why"]))),
        entry=None if row["entry_id"] is None else integer(row["entry_id"]),
    )
