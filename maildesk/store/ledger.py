"""The ledger: every mail that was accepted, and what became of it. Decides nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from maildesk.clock import from_iso, iso
from maildesk.desk.model import HeldLine, Outcome
from maildesk.mail.checks import Checks
from maildesk.mail.model import Envelope, Via
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import integer, optional, storable, text


@dataclass(frozen=True, slots=True)
class StoredMail:
    """An accepted mail with its bytes; attempts counts how often settling it failed. checks: of its author, once made."""

    id: int
    mailbox: str
    envelope: Envelope
    raw: bytes
    outcome: Outcome
    attempts: int
    authority: str = ""
    why: tuple[str, ...] = ()
    checks: Checks | None = None


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
            wish=envelope.wish,
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
            wish="solve" if row["wish"] == "solve" else "",
        ),
        raw=raw if isinstance(raw, bytes) else b"",
        outcome=cast(Outcome, row["outcome"]),
        attempts=integer(row["attempts"]),
        authority=text(row["authority"]),
        why=tuple(json.loads(text(row["why"]))),
        checks=None if row["checks"] is None else Checks.from_json(text(row["checks"])),
    )


def list_ledger(tx: Tx, *, outcome: str, limit: int) -> tuple[LedgerLine, ...]:
    """The ledger, newest first; outcome "" is any."""
    return tuple(map(_line, tx.list("mails of the ledger, newest first", outcome=outcome, limit=limit)))


def list_lines_of(tx: Tx, mail: str) -> tuple[LedgerLine, ...]:
    """The rows of one ledger id or one Message-ID (with or without angle brackets)."""
    number = int(mail) if mail.isascii() and mail.isdigit() and len(mail) <= 18 else -1
    rows = tx.list("mails of the ledger by id or message id", id=number, message_id=bracketed(mail))
    return tuple(map(_line, rows))


def list_held(tx: Tx, ids: Iterable[int]) -> tuple[HeldLine, ...]:
    """Those of the named mails that are held."""
    return tuple(held_line(row) for mail_id in ids for row in tx.list("held mail", id=mail_id))


def list_held_since(tx: Tx, since: datetime, limit: int) -> tuple[HeldLine, ...]:
    """What was held since then, oldest first."""
    return tuple(map(held_line, tx.list("mail held since", since=iso(since), limit=limit)))


def held_line(row: Row) -> HeldLine:
    """A held mail's row as letters name it."""
    return HeldLine(
        integer(row["id"]),
        from_iso(text(row["received_at"])),
        text(row["mailbox"]),
        text(row["author"]),
        text(row["subject"]),
        text(row["cause"]),
        text(row["excerpt"]),
    )


def let_in(tx: Tx, mail_id: int, authority: str, at: datetime) -> bool:
    """A mail that was held, or is confirmed to be an agent's, is settled again on somebody's word; whether it can be."""
    was = "held" if authority.startswith("released ") else "entry"
    done = tx.change("let a mail in", id=mail_id, authority=authority, was=was) > 0
    if done:
        detail = json.dumps({"authority": authority})
        tx.add("history", at=iso(at), what="let-in", mail_id=mail_id, ticket_id=None, detail=detail)
    return done


def discard(tx: Tx, mail_id: int, by: str, at: datetime) -> bool:
    """A held mail is let go of; whether it was held."""
    done = tx.change("discard a held mail", id=mail_id) > 0
    if done:
        tx.add("history", at=iso(at), what="discarded", mail_id=mail_id, ticket_id=None, detail=json.dumps({"by": by}))
    return done


def decide_held(tx: Tx, mail_id: int, is_release: bool, at: datetime) -> bool:
    """What the command line decided on a held mail; whether it was held."""
    return let_in(tx, mail_id, "released command", at) if is_release else discard(tx, mail_id, "command", at)


def drop_held(tx: Tx, before: datetime, at: datetime, limit: int) -> int:
    """Held and discarded mails that came before then lose their bytes; the ledger keeps their lines. How many."""
    rows = tx.list("held mails that came before", before=iso(before), limit=limit)
    for row in rows:
        tx.change("end of a held mail", id=row["id"])
        tx.change("bytes of a held mail", id=row["raw_id"], nothing=b"", at=iso(at))
        tx.add("history", at=iso(at), what="dropped", mail_id=row["id"], ticket_id=None, detail="{}")
    return len(rows)


def list_acted(tx: Tx, message_id: str, content_key: str, before: datetime) -> tuple[int, ...]:
    """The mails with this Message-ID that became entries: of other content, or of the same and come before then."""
    return tuple(
        integer(row["id"])
        for row in tx.list(
            "mails of a message id that became entries",
            message_id=message_id,
            content_key=content_key,
            before=iso(before),
        )
    )


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
