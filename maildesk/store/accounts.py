"""Accounts, sessions and links to sign in, as rows. Secrets come in as digests. Decides only what a row may be used for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from maildesk.clock import from_iso, iso
from maildesk.desk.brakes import budget_key
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import integer, key, optional, storable, text

LINK_FOR = timedelta(minutes=20)
# A customer's session lasts as long as they come back; an agent's ends with the day's work.
SESSION_FOR = timedelta(days=30)
AGENT_SESSION_FOR = timedelta(hours=12)
FRESH_FOR = timedelta(minutes=5)
# With a million codes, five guesses are one chance in two hundred thousand.
MAX_TRIES = 5
# New codes make new chances: beyond this only the link works, which nobody guesses.
MAX_TRIES_A_DAY = 25
MAILS_AN_HOUR = 5
# Of the whole desk: an attacker with a list of victims is one as well.
DESK_MAILS_AN_HOUR = 2000
# A session's last visit is written this often.
_SEEN_EVERY = timedelta(hours=1)

Kind = Literal["sign-in", "address"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A session's row with its account. addresses: those of the account, proved, the oldest first."""

    id: int
    account_id: int
    name: str
    language: str
    address: str
    addresses: tuple[str, ...]
    created_at: datetime
    fresh_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """A link and a code that were asked for. account_id: whose account gets the address (kind "address")."""

    id: int
    kind: Kind
    address: str
    account_id: int | None
    name: str
    language: str
    next: str


def find_session(tx: Tx, token_hash: str, now: datetime) -> Signed | None:
    """Whoever has the session's secret; None when it has ended, or its address has left the account."""
    row = tx.find("session by its secret", token_hash=token_hash, now=iso(now))
    if row is None:
        return None
    addresses = tuple(text(r["address"]) for r in tx.list("addresses of an account", account_id=row["account_id"]))
    if key(text(row["address"])) not in map(key, addresses):
        return None
    return Signed(
        integer(row["id"]),
        integer(row["account_id"]),
        text(row["name"]),
        text(row["language"]),
        text(row["address"]),
        addresses,
        from_iso(text(row["created_at"])),
        from_iso(text(row["fresh_at"])),
        from_iso(text(row["seen_at"])),
    )


def is_due(seen_at: datetime, now: datetime) -> bool:
    """Whether a session's visit is to be written."""
    return not timedelta() <= now - seen_at < _SEEN_EVERY


def see_session(tx: Tx, session_id: int, now: datetime) -> None:
    """A customer's session lasts from its last visit."""
    tx.change("a session was seen", id=session_id, at=iso(now), expires_at=iso(now + SESSION_FOR))


def begin(
    tx: Tx,
    kind: Kind,
    address: str,
    *,
    is_ours: bool,
    account_id: int | None,
    name: str,
    language: str,
    next_path: str,
    visitor_hash: str,
    link_hash: str,
    code_hash: str,
    now: datetime,
) -> bool:
    """A link and a code for an address; whether they may be mailed. A row is written whatever the answer.

    is_ours: the desk's own address, which signs in nowhere.
    """
    since = iso(now - timedelta(hours=1))
    # As budgets count it: one mailbox has many spellings.
    counted = budget_key(address)
    sent = tx.find("mails to sign in to an address since", address_key=counted, since=since)
    everybody = tx.find("mails to sign in since", since=since)
    is_sent = (
        not is_ours
        and (sent is None or integer(sent["letters"]) < MAILS_AN_HOUR)
        and (everybody is None or integer(everybody["letters"]) < DESK_MAILS_AN_HOUR)
    )
    tx.change("end older sign-ins of a browser", visitor_hash=visitor_hash, address_key=counted, at=iso(now))
    tx.add(
        "sign-in",
        kind=kind,
        address=address,
        address_key=counted,
        account_id=account_id,
        name=storable(name),
        language=language,
        next=next_path,
        visitor_hash=visitor_hash,
        link_hash=link_hash,
        code_hash=code_hash,
        is_sent=int(is_sent),
        at=iso(now),
    )
    return is_sent


def find_link(tx: Tx, link_hash: str, now: datetime) -> SignIn | None:
    """What a link is for; None when it was used, is too old, or never was."""
    row = tx.find("sign-in by its link", link_hash=link_hash, since=iso(now - LINK_FOR))
    return None if row is None else _sign_in(row)


def find_code(tx: Tx, visitor_hash: str, code_hash: str, now: datetime) -> SignIn | None:
    """What the code is for that this browser asked for; None for a wrong one, which counts."""
    row = tx.find("sign-in of a browser", visitor_hash=visitor_hash, since=iso(now - LINK_FOR))
    if row is None or integer(row["tries"]) >= MAX_TRIES:
        return None
    day = {"address_key": row["address_key"], "since": iso(now - timedelta(days=1))}
    wrong = tx.find("wrong codes of an address since", **day)
    if wrong is not None and integer(wrong["tries"]) >= MAX_TRIES_A_DAY:
        return None
    if text(row["code_hash"]) != code_hash or not row["is_sent"]:
        tx.change("count a wrong code", id=row["id"])
        return None
    return _sign_in(row)


def use(tx: Tx, found: SignIn, now: datetime) -> int | None:
    """The account that the link's address belongs to from now on; None when it was used meanwhile."""
    if tx.change("use a sign-in", id=found.id, at=iso(now)) == 0:
        return None
    person = tx.find("person with their account", address_key=key(found.address))
    account_id = found.account_id if found.kind == "address" else None
    if account_id is None:
        account_id = None if person is None or person["account_id"] is None else integer(person["account_id"])
    if account_id is None:
        # Anybody can have given a name to an address that nobody had proved.
        name = found.name or (text(person["name"]) if person and person["proved_at"] is not None else "")
        account_id = tx.add("account", name=storable(name), language=found.language, at=iso(now))
    former = None if person is None or person["account_id"] is None else integer(person["account_id"])
    tx.add(
        "person",
        address_key=key(found.address),
        address=found.address,
        name=storable(found.name),
        language=None,
        proved_at=iso(now),
        at=iso(now),
    )
    tx.change("account of an address", address_key=key(found.address), account_id=account_id, at=iso(now))
    if former is not None and former != account_id:
        _leave(tx, former, found.address, now)
    return account_id


def open_session(
    tx: Tx, account_id: int, address: str, token_hash: str, device: str, now: datetime, *, is_agent: bool
) -> int:
    """A new session; its row id."""
    return tx.add(
        "session",
        token_hash=token_hash,
        account_id=account_id,
        address=address,
        device=storable(device)[:200],
        at=iso(now),
        expires_at=iso(now + (AGENT_SESSION_FOR if is_agent else SESSION_FOR)),
    )


def leave(tx: Tx, account_id: int, address: str, now: datetime) -> None:
    """An address is no longer the account's."""
    tx.change("an address leaves its account", address_key=key(address), account_id=account_id)
    _leave(tx, account_id, address, now)


def delete(tx: Tx, account_id: int, now: datetime) -> None:
    """The account ends; what was written stays the desk's, as mail does."""
    tx.change("end the sessions of an account", account_id=account_id, at=iso(now), but=0)
    for row in tx.list("addresses of an account", account_id=account_id):
        tx.change("an address leaves its account", address_key=row["address_key"], account_id=account_id)
    tx.drop("followers of articles of an account", account_id=account_id)
    tx.change("name and language of an account", id=account_id, name="", language="")


def _leave(tx: Tx, account_id: int, address: str, now: datetime) -> None:
    tx.change("end the sessions by an address", account_id=account_id, address=address, at=iso(now))
    if not tx.list("addresses of an account", account_id=account_id):
        tx.change("end the sessions of an account", account_id=account_id, at=iso(now), but=0)


def _sign_in(row: Row) -> SignIn:
    return SignIn(
        integer(row["id"]),
        "address" if row["kind"] == "address" else "sign-in",
        text(row["address"]),
        None if row["account_id"] is None else integer(row["account_id"]),
        text(row["name"]),
        text(row["language"]),
        optional(row["next"]) or "",
    )
