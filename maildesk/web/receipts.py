"""What stands at the top right after a request was sent, on every page until it is closed. Reads rows, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from maildesk.clock import from_iso, iso
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, key, text

SHOWN_FOR = timedelta(days=1)
# Long enough to see that no mail comes; short enough that whoever finds the browser later changes nothing.
CORRECTABLE_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request that this browser sent. number: None until the desk has worked on it.

    is_held: a person looks at it first; is_unconfirmed: its author says first that it is theirs.
    is_bounced: the mail with the number came back. is_correctable: the address can be changed, once.
    """

    id: int
    number: int | None
    address: str
    is_held: bool
    is_unconfirmed: bool
    is_bounced: bool
    is_correctable: bool
    is_corrected: bool
    at: datetime


def list_receipts(tx: Tx, visitor_hash: str, now: datetime) -> tuple[Receipt, ...]:
    """The receipts that this browser has not closed, the newest first."""
    rows = tx.list("receipts of a browser", visitor_hash=visitor_hash, since=iso(now - SHOWN_FOR))
    found = []
    for row in rows:
        at, address = from_iso(text(row["created_at"])), text(row["address"])
        is_open = not row["proved"] and row["corrected_at"] is None and now - at < CORRECTABLE_FOR
        is_open = is_open and not row["is_settled"]
        is_theirs = row["number"] is not None and text(row["requester_key"]) == key(address)
        found.append(
            Receipt(
                integer(row["id"]),
                None if row["number"] is None else integer(row["number"]),
                address,
                row["number"] is None and row["outcome"] != "received",
                row["outcome"] == "held" and row["cause"] == "unconfirmed",
                bool(row["is_bounced"]),
                is_open and is_theirs,
                row["corrected_at"] is not None,
                at,
            )
        )
    return tuple(found)
