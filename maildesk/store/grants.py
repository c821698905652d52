"""Signed addresses whose holder may do one thing: a row each. Knows rows, not what they allow."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from maildesk.clock import from_iso, iso
from maildesk.desk.model import Grant, GrantKind
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, text, time


def add_grant(
    tx: Tx, kind: GrantKind, address: str, at: datetime, *, ticket_id: int | None = None, mail_id: int | None = None
) -> int:
    """A new grant for whoever reads the mail of `address`; its row id, which a token of purpose 3 names."""
    return tx.add("grant", kind=kind, address=address, ticket_id=ticket_id, mail_id=mail_id, at=iso(at))


def find_grant(tx: Tx, grant_id: int) -> Grant | None:
    """The grant of this row id."""
    row = tx.find("grant", id=grant_id)
    if row is None:
        return None
    return Grant(
        id=integer(row["id"]),
        kind=cast(GrantKind, row["kind"]),
        address=text(row["address"]),
        ticket_id=None if row["ticket_id"] is None else integer(row["ticket_id"]),
        mail_id=None if row["mail_id"] is None else integer(row["mail_id"]),
        created_at=from_iso(text(row["created_at"])),
        used_at=time(row["used_at"]),
    )


def use_grant(tx: Tx, grant_id: int, at: datetime) -> bool:
    """Mark a grant as used; False when it was already."""
    return tx.change("use a grant", id=grant_id, at=iso(at)) > 0
