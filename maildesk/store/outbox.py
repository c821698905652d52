"""The outbox as the relay and the `outbox` command see it: claims, marks, due times. Never speaks to a network.

A claim is a lease with an epoch. Whatever is written about a claimed letter names the epoch, so a process that slept
through its lease and woke up changes nothing (the fencing of a lock service). Attempts count claims, on disk before
anything is sent, so an attempt that a crash interrupted is counted too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from maildesk.clock import from_iso, iso
from maildesk.store.sqlite import Row, Tx, Value

# Longer than any back-off or lease: a due time beyond it comes from a clock that stood wrong when it was written.
HORIZON = timedelta(hours=1)
# What is kept of a relay's words.
_MAX_ERROR_CHARS = 500

OutboxState = Literal["waiting", "deferred", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class ClaimedLetter:
    """A letter that this process may send while its lease lasts; attempts counts this one. ticket_id: the row's id."""

    id: int
    epoch: int
    kind: str
    notice: str
    ticket_id: int | None
    recipient: str
    envelope_from: str
    message_id: str
    attempts: int
    created_at: datetime
    mail_id: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxLine:
    """One letter as `outbox --json` shows it; ticket: the number people see. A claimed letter shows as waiting."""

    id: int
    kind: str
    ticket: int | None
    recipient: str
    message_id: str
    state: OutboxState
    attempts: int
    next_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Written:
    """One letter, whatever became of it, as `why` shows it. mail_id: the mail that caused it."""

    line: OutboxLine
    notice: str
    created_at: datetime
    sent_at: datetime | None
    mail_id: int | None


def claim_letters(tx: Tx, *, now: datetime, limit: int, lease_s: float) -> tuple[ClaimedLetter, ...]:
    """At most `limit` letters that are due, leased for `lease_s` seconds, in the order in which they were written.

    While a letter of a ticket is leased, later letters of that ticket are not due, whoever asks.
    """
    until = iso(now + timedelta(seconds=lease_s))
    rows = tx.list("letters that are due", now=iso(now), horizon=iso(now + HORIZON), limit=limit)
    return tuple(
        _claimed(row) for row in rows if tx.change("claim a letter", id=row["id"], epoch=row["epoch"], until=until)
    )


def claimed_content(tx: Tx, letter: ClaimedLetter, *, now: datetime) -> bytes | None:
    """The letter's final bytes; None when the lease is over or somebody else's."""
    row = tx.find("content of a claimed letter", id=letter.id, epoch=letter.epoch, now=iso(now))
    content = row["content"] if row else None
    return content if isinstance(content, bytes) else None


def still_claimed(tx: Tx, letter: ClaimedLetter, *, now: datetime) -> bool:
    """Whether the lease is still this claim's."""
    return tx.find("claimed letter", id=letter.id, epoch=letter.epoch, now=iso(now)) is not None


def mark_sent(tx: Tx, letter: ClaimedLetter, *, at: datetime) -> bool:
    """The relay took it; False when the claim was lost meanwhile."""
    return tx.change("mark a letter as sent", id=letter.id, epoch=letter.epoch, at=iso(at)) > 0


def mark_deferred(tx: Tx, letter: ClaimedLetter, *, next_at: datetime, error: str) -> bool:
    """It goes again at `next_at`; False when the claim was lost meanwhile."""
    values: dict[str, Value] = {"next_at": iso(next_at), "error": error[:_MAX_ERROR_CHARS]}
    return tx.change("defer a letter", id=letter.id, epoch=letter.epoch, **values) > 0


def mark_failed(tx: Tx, letter: ClaimedLetter, *, error: str) -> bool:
    """It never goes again; False when the claim was lost meanwhile."""
    return tx.change("fail a letter", id=letter.id, epoch=letter.epoch, error=error[:_MAX_ERROR_CHARS]) > 0


def give_back(tx: Tx, letter: ClaimedLetter, *, now: datetime) -> bool:
    """It was claimed and not tried: due at once, the attempt not counted; False when the claim was lost meanwhile."""
    return tx.change("give a letter back", id=letter.id, epoch=letter.epoch, now=iso(now)) > 0


def release_all_leases(tx: Tx, *, now: datetime) -> int:
    """How many leases were ended; their letters are due at once. Only where no other process can hold one: SQLite."""
    return tx.change("end all leases", now=iso(now))


def next_due_at(tx: Tx, *, now: datetime) -> datetime | None:
    """When the next letter can be claimed (perhaps in the past); None when nothing is on its way."""
    row = tx.find("when a letter is due next", now=iso(now), horizon=iso(now + HORIZON))
    return _time(row["next_at"]) if row else None


def oldest_letter_at(tx: Tx) -> datetime | None:
    """When the oldest letter that is still on its way was written; None when there is none."""
    row = tx.find("oldest letter on its way")
    return _time(row["created_at"]) if row else None


def list_outbox(tx: Tx, *, limit: int = -1) -> tuple[OutboxLine, ...]:
    """Letters that wait, were deferred or failed, newest first; a `limit` of -1 is all."""
    return tuple(_line(row) for row in tx.list("letters not sent", limit=limit if limit >= 0 else _ALL))


def find_written(tx: Tx, message_id: str) -> Written | None:
    """The letter with this Message-ID; None when it is none of ours."""
    row = tx.find("letter with its fate", message_id=message_id)
    if row is None:
        return None
    mail_id = row["mail_id"]
    return Written(
        _line(row), str(row["notice"]), from_iso(str(row["created_at"])), _time(row["sent_at"]),
        None if mail_id is None else _int(mail_id),
    )  # fmt: skip


# PostgreSQL refuses a negative LIMIT.
_ALL = 2**62


def _claimed(row: Row) -> ClaimedLetter:
    ticket_id, mail_id = row["ticket_id"], row["mail_id"]
    return ClaimedLetter(
        id=_int(row["id"]),
        # The claim has just raised both.
        epoch=_int(row["epoch"]) + 1,
        attempts=_int(row["attempts"]) + 1,
        kind=str(row["kind"]),
        notice=str(row["notice"]),
        ticket_id=None if ticket_id is None else _int(ticket_id),
        recipient=str(row["recipient"]),
        envelope_from=str(row["envelope_from"] or ""),
        message_id=str(row["message_id"]),
        created_at=from_iso(str(row["created_at"])),
        mail_id=None if mail_id is None else _int(mail_id),
    )


def _line(row: Row) -> OutboxLine:
    number, error = row["number"], row["error"]
    states: dict[str, OutboxState] = {"deferred": "deferred", "failed": "failed", "sent": "sent"}
    return OutboxLine(
        id=_int(row["id"]),
        kind=str(row["kind"]),
        ticket=None if number is None else _int(number),
        recipient=str(row["recipient"]),
        message_id=str(row["message_id"]),
        state=states.get(str(row["state"]), "waiting"),
        attempts=_int(row["attempts"]),
        next_at=_time(row["next_at"]),
        error=None if error is None else str(error),
    )


def _time(value: Value) -> datetime | None:
    return None if value is None else from_iso(str(value))


def _int(value: Value) -> int:
    return int(value or 0)
