"""A person's own requests, as rows and as values. Every query goes through the same view of whose a request is.

That view, in queries.sql: the customers who take part and were not removed, by the asker's address, and by the other
addresses of the same account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from maildesk.clock import from_iso, iso
from maildesk.desk.asking import Wanted
from maildesk.desk.brakes import AHEAD
from maildesk.desk.model import Entry, EntryKind, Listed, Participant, State
from maildesk.desk.own_requests import UNPROVED, History, OwnEntry, OwnRequest
from maildesk.mail.model import Person
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import author_of, integer, key, text

# A letter names so many requests; how many there are it says as well.
LISTED = 100
# Of one request, the newest; a conversation of more is a log file.
_ENTRIES = 1000
# Of an organisation, for one page: where forged mail stands between, it has fewer lines.
_LOOKED_AT = 200
# Entries that hold the words, the newest: among those the best are chosen.
CANDIDATES = 200
# Whoever has more requests: all that match is looked through for theirs, not theirs for what matches.
_MANY = 400
_ANSWERED_IN = timedelta(days=1)


def find_history(tx: Tx, wanted: Wanted, now: datetime) -> History:
    """What the store has for this asker, and for nobody else."""
    mine = {"address_key": key(wanted.asker)}
    times = {"since": iso(now - _ANSWERED_IN), "until": iso(now + AHEAD)}
    row = tx.find("answers about own requests since", recipient_key=mine["address_key"], **times)
    answered = integer(row["letters"]) if row else 0
    match wanted.verb:
        case "status":
            counted = tx.find("how many own requests", **mine)
            rows = tx.list("own requests of an address", number=0, limit=LISTED, **mine)
            return History(answered, _requests(rows), integer(counted["requests"]) if counted else 0)
        case "send" if wanted.number is not None:
            rows = tx.list("own requests of an address", number=wanted.number, limit=LISTED, **mine)
            found = _requests(rows)
            return History(answered, found, len(found), tuple(one for own in found for one in _entries(tx, own)))
        case "find":
            entries = find_matching(tx, wanted.asker, wanted.words)
            found = tuple({one.request.ticket_id: one.request for one in reversed(entries)}.values())
            return History(answered, found, len(found), entries)
        case _:
            return History(answered)


def find_own(tx: Tx, address: str, number: int) -> OwnRequest | None:
    """The request of this number, where it is the account's to whom the address belongs.

    A foreign number and a missing one are looked up the same way: among one's own.
    """
    rows = (
        tx.list("own requests of an address", number=number, limit=LISTED, address_key=key(address)) if number else []
    )
    return next(iter(_requests(rows)), None)


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever signed in. address: one of the account's; domains: those of organisations of theirs that share."""

    address: str
    account_id: int
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedRequests:
    """Requests of an organisation, the newest first, each with its requester's name. before: to go on, 0 at the end."""

    lines: tuple[tuple[OwnRequest, str], ...]
    before: int


def find_seen(tx: Tx, asker: Asker, number: int) -> OwnRequest | None:
    """The request of this number, where it is their own, or an organisation of theirs shares it."""
    own = find_own(tx, asker.address, number)
    if own is not None or not number:
        return own
    shared = list_shared(tx, asker, state="", before=number + 1, limit=1, lowest=number)
    return next((request for request, _ in shared.lines), None)


def list_shared(tx: Tx, asker: Asker, *, state: str, before: int, limit: int, lowest: int = 1) -> SharedRequests:
    """The newest requests below `before` of the asker's organisations. What nobody proved to be of one is not among them."""
    rows: list[Row] = []
    for domain in asker.domains:
        rows += tx.list(
            "shared requests of a domain",
            domain=domain,
            address=asker.address,
            account_id=asker.account_id,
            state=state,
            lowest=lowest,
            before=before,
            limit=_LOOKED_AT,
        )
    rows = sorted(rows, key=lambda row: integer(row["number"]), reverse=True)[:_LOOKED_AT]
    lines: list[tuple[OwnRequest, str]] = []
    for row in rows:
        request = replace(_request(row), is_shared=True)
        if not request.is_doubtful:
            lines.append((request, text(row["asked_by"])))
        if len(lines) > limit:
            return SharedRequests(tuple(lines[:limit]), lines[limit - 1][0].number)
    return SharedRequests(tuple(lines), integer(rows[-1]["number"]) if len(rows) == _LOOKED_AT else 0)


def list_own(
    tx: Tx, account_id: int, *, state: str, role: str, limit: int, skip: int
) -> tuple[tuple[OwnRequest, ...], int]:
    """A page of an account's requests, the last changed first, and how many there are. role: "mine", "followed", "" both."""
    rows = tx.list("own requests on a page", account_id=account_id, state=state, role=role, limit=limit, skip=skip)
    return _requests(rows), integer(rows[0]["found"]) if rows else 0


def list_said(tx: Tx, own: OwnRequest) -> tuple[OwnEntry, ...]:
    """What was said on a request, oldest first; `reading` tells which of it its customer may see."""
    return _entries(tx, own)


def find_matching(tx: Tx, address: str, words: tuple[str, ...], limit: int = CANDIDATES) -> tuple[OwnEntry, ...]:
    """Entries of one's own requests that hold the words, the newest; `matches` tells which of them count."""
    rows = _matching(tx, words, {"address_key": key(address)}, limit) if words else []
    known = {own.ticket_id: own for own in reversed(_requests(rows))}
    # An entry of somebody who is there by two addresses comes twice.
    entries = {integer(r["entry_id"]): _entry(tx, known[integer(r["id"])], r) for r in rows}
    return tuple(entries[i] for i in sorted(entries))


def _matching(tx: Tx, words: tuple[str, ...], mine: dict[str, str], limit: int) -> list[Row]:
    """Entries that hold all of the words, or else any of them. Nothing in a word is read as an operator."""
    counted = tx.find("how many own requests", **mine)
    is_many = counted is not None and integer(counted["requests"]) > _MANY
    for between in (" ", " OR "):
        quoted = between.join(f'"{word}"' for word in words)
        if is_many:
            rows = tx.list("own entries among all that match words", words=quoted, limit=limit, **mine)
        else:
            rows = tx.list("own entries that match words", words=quoted, limit=limit, **mine)
        if rows:
            # Whoever takes part by two addresses has each twice, the wider reach first.
            return sorted(rows, key=lambda row: (-integer(row["entry_id"]), text(row["reach"])))
    return []


def _requests(rows: list[Row]) -> tuple[OwnRequest, ...]:
    """Each request once, as the widest of the person's reaches has it, which comes first."""
    found: dict[int, OwnRequest] = {}
    for row in rows:
        found.setdefault(integer(row["id"]), _request(row))
    return tuple(found.values())


def _request(row: Row) -> OwnRequest:
    reader = Participant(
        integer(row["slot"]),
        "customer",
        Person(text(row["reader"])),
        "limited" if row["reach"] == "limited" else "full",
        integer(row["joined_entry"]),
    )
    flags = json.loads(text(row["first_flags"]) or "[]")
    return OwnRequest(
        ticket_id=integer(row["id"]),
        number=integer(row["number"]),
        subject=text(row["subject"]),
        state=cast(State, row["state"]),
        mailbox=text(row["mailbox"]),
        reader=reader,
        changed_at=from_iso(text(row["changed_at"])),
        is_doubtful=bool(UNPROVED & set(flags)) and not row["first_is_theirs"],
    )


def _entries(tx: Tx, own: OwnRequest) -> tuple[OwnEntry, ...]:
    rows = tx.list("entries of an own request", ticket_id=own.ticket_id, limit=_ENTRIES)
    return tuple(_entry(tx, own, row) for row in reversed(rows))


def _entry(tx: Tx, own: OwnRequest, row: Row) -> OwnEntry:
    entry_id = integer(row["entry_id"])
    entry = Entry(
        id=entry_id,
        kind=cast(EntryKind, row["kind"]),
        author=author_of(row),
        at=from_iso(text(row["at"])),
        text=text(row["text"]),
        full_text=text(row["full_text"]),
        message_id=None,
        flags=tuple(json.loads(text(row["flags"]))),
    )
    # A letter of ours that an agent attached did not go along.
    files = tuple(
        Listed(text(a["name"]), integer(a["size"]))
        for a in tx.list("attachments of an entry", entry_id=entry_id)
        if entry.kind == "customer" or a["type"] != "message/rfc822"
    )
    return OwnEntry(own, entry, text(row["entry_subject"]), files, bool(row["is_theirs"]))
