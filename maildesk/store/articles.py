"""What readers think of articles, and who wants to hear when one changes. Rows and values; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, key, text


@dataclass(frozen=True, slots=True)
class Opinion:
    """How many found an article helpful of how many who said so; what this reader said, None for nothing yet."""

    helpful: int
    votes: int
    is_helpful: bool | None
    is_followed: bool


def find_opinion(tx: Tx, slug: str, language: str, visitor_hash: str, account_id: int) -> Opinion:
    """Of everybody, and of this reader; account_id 0 is nobody's."""
    counted = tx.find("votes on an article", slug=slug, language=language)
    mine = tx.find("vote on an article of a reader", slug=slug, language=language, visitor_hash=visitor_hash)
    follows = tx.find("follower of an article", slug=slug, account_id=account_id)
    return Opinion(
        integer(counted["helpful"]) if counted else 0,
        integer(counted["votes"]) if counted else 0,
        None if mine is None else bool(mine["is_helpful"]),
        follows is not None,
    )


def list_followers(tx: Tx, slug: str) -> tuple[tuple[str, str], ...]:
    """Who hears when an article changes: address and language, only addresses that are still their account's."""
    rows = tx.list("followers of an article", slug=slug)
    found = [(text(row["address"]), text(row["language"]), row["address_key"]) for row in rows]
    # An account knows its address as the first mail wrote it, the follower as they typed it when they signed in.
    return tuple((address, language) for address, language, known in found if key(address) == known)
