"""What the overview counts, and the queue. Knows rows; what the figures mean stands in desk/figures.py.

Every query is for one mailbox, so that an agent's overview costs, and shows, their own mailboxes alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from maildesk.clock import from_iso, iso
from maildesk.desk.figures import (
    WAITING,
    Arrivals,
    Backlog,
    Figures,
    Reply,
    age_bounds,
    day_bounds,
    last_days,
    to_figures,
)
from maildesk.desk.model import State, Ticket
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import find_ticket, find_ticket_by_number, integer, text

# A desk with more in 30 days learns as much from the newest, and a page that waits for all of them is slow.
MOST_REPLIES = 5_000
# Texts before and after every time.
_EVER, _NEVER = "", "~"
NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the tickets that wait, oldest first. count: on all pages; has_more: there is a next page."""

    tickets: tuple[Ticket, ...]
    count: int
    has_more: bool


def list_mailboxes(tx: Tx) -> tuple[str, ...]:
    """Every mailbox that ever got a ticket, as tickets name it; also those that have left the configuration."""
    found: list[str] = []
    while row := tx.find("next mailbox with tickets", after=found[-1] if found else ""):
        if row["mailbox"] is None:
            break
        found.append(text(row["mailbox"]))
    return tuple(found)


def read_figures(
    tx: Tx, mailboxes: Sequence[str], at: datetime, zone: ZoneInfo, *, most_replies: int = MOST_REPLIES
) -> Figures:
    """The figures of these mailboxes at a time; their days are the zone's. Of all first replies the newest are looked at."""
    days = last_days(at, zone)
    bounds = [iso(bound) for bound in day_bounds(days, zone)]
    ages = [(iso(since) if since else _EVER, iso(until) if until else _NEVER) for since, until in age_bounds(at)]
    arrivals = tuple(
        Arrivals(
            mailbox,
            tuple(
                _count(tx.find("how many tickets came", mailbox=mailbox, since=since, until=until))
                for since, until in pairwise(bounds)
            ),
        )
        for mailbox in mailboxes
    )
    backlog = tuple(
        Backlog(
            mailbox,
            state,
            tuple(
                _count(tx.find("how many tickets wait", mailbox=mailbox, state=state, since=since, until=until))
                for since, until in ages
            ),
        )
        for mailbox in mailboxes
        for state in WAITING
    )
    rows = tx.list("first replies since", since=bounds[0], until=iso(at), limit=most_replies)
    replies = [
        Reply(
            text(row["mailbox"]),
            text(row["author_address"]),
            (from_iso(text(row["at"])) - from_iso(text(row["created_at"]))).total_seconds(),
        )
        for row in rows
        if row["mailbox"] in mailboxes
    ]
    return to_figures(at, zone.key, days, arrivals, backlog, replies, is_cut=len(rows) == most_replies)


def list_queue(
    tx: Tx, mailboxes: Sequence[str], states: Collection[State], *, assignee: str = "", after: int = 0, limit: int = 50
) -> Queue:
    """Tickets of these mailboxes in these states, oldest first.

    assignee: an agent's address, NOBODY for tickets without one, "" for all. after: the number of the ticket before this
    page; 0 or the number of none is the beginning.
    """
    last = find_ticket_by_number(tx, after) if after else None
    since, after_id = (iso(last.created_at), last.id) if last else (_EVER, 0)
    rows = [
        [
            (text(row["created_at"]), integer(row["id"]))
            for row in tx.list(
                "tickets that wait, oldest first",
                state=state,
                mailbox=mailbox,
                assignee=assignee.lower(),
                since=since,
                after=after_id,
                limit=limit + 1,
            )
        ]
        for mailbox in mailboxes
        for state in states
    ]
    first = list(islice(merge(*rows), limit + 1))
    found = (find_ticket(tx, ticket_id) for _, ticket_id in first[:limit])
    count = sum(
        _count(tx.find("how many tickets wait for somebody", mailbox=mailbox, state=state, assignee=assignee.lower()))
        for mailbox in mailboxes
        for state in states
    )
    return Queue(tuple(ticket for ticket in found if ticket is not None), count, len(first) > limit)


def _count(row: Row | None) -> int:
    return integer(row["tickets"]) if row else 0
