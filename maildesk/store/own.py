"""Whose words an entry's are, where nobody had proved it: what people said of what stands in their name. Rows alone."""

from __future__ import annotations

from datetime import datetime

from maildesk.clock import iso
from maildesk.store.sqlite import Tx


def own_what_was_sent(tx: Tx, visitor_hash: str, address: str, account_id: int, now: datetime) -> None:
    """Whoever proves an address in the browser that sent a request from it needs not be asked whether they did."""
    for row in tx.list("entries that a browser sent", visitor_hash=visitor_hash, address=address):
        tx.add("word on an entry", entry_id=row["entry_id"], account_id=account_id, is_theirs=1, at=iso(now))
