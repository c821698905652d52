"""How much arrives, how much waits, and how soon people are answered, as values.

Pure: gets counts and times from whoever asked the store; knows days and the percentiles, and no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from statistics import median
from typing import Literal

from maildesk.desk.model import State

DAYS = 30
# Whoever waits: a ticket in one of these states.
WAITING: tuple[State, ...] = ("new", "open", "pending", "on-hold")
Age = Literal["under-1-day", "1-to-3-days", "3-to-7-days", "7-to-30-days", "over-30-days"]
# Each age and how old a ticket of it is at least; the youngest first.
AGES: tuple[tuple[Age, timedelta], ...] = (
    ("under-1-day", timedelta(0)),
    ("1-to-3-days", timedelta(days=1)),
    ("3-to-7-days", timedelta(days=3)),
    ("7-to-30-days", timedelta(days=7)),
    ("over-30-days", timedelta(days=30)),
)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many tickets a mailbox got on each of the days."""

    mailbox: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many of a mailbox's tickets are in a state now, by AGES: how long ago they came."""

    mailbox: str
    state: State
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """The first answer of an agent on a ticket. after_s: since the ticket's creation."""

    mailbox: str
    agent: str
    after_s: float


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """How soon first replies came. name: the mailbox's or the agent's address, "" for all of them.

    median_s: half were at least as fast (the mean of the middle two where there is no middle one); within_s: the time
    within which nine in ten were (the 90th percentile by nearest rank).
    """

    name: str
    replies: int
    median_s: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The whole overview. days: oldest first, in the desk's time zone; today is the last.

    times: of all first replies of these days, None when there was none. is_cut: there were more first replies than were
    looked at; the newest count.
    """

    at: datetime
    timezone: str
    days: tuple[date, ...]
    arrivals: tuple[Arrivals, ...]
    backlog: tuple[Backlog, ...]
    times: ReplyTimes | None
    times_by_mailbox: tuple[ReplyTimes, ...]
    times_by_agent: tuple[ReplyTimes, ...]
    is_cut: bool = False

    @property
    def arrived(self) -> tuple[int, ...]:
        """How many tickets came on each day, whatever the mailbox."""
        return _summed((one.counts for one in self.arrivals), len(self.days))

    @property
    def waiting(self) -> tuple[tuple[State, tuple[int, ...]], ...]:
        """How many wait in each state by age, whatever the mailbox."""
        return tuple(
            (state, _summed((one.counts for one in self.backlog if one.state == state), len(AGES))) for state in WAITING
        )


def last_days(at: datetime, zone: tzinfo) -> tuple[date, ...]:
    """The DAYS days of a time zone that end with today, oldest first."""
    today = at.astimezone(zone).date()
    return tuple(today - timedelta(days=back) for back in reversed(range(DAYS)))


def day_bounds(days: Sequence[date], zone: tzinfo) -> tuple[datetime, ...]:
    """When each day begins, and when the last one ends; in UTC. A day may have 23 or 25 hours."""
    # Where the clock is put forward at midnight, the missing time is read as the moment at which it is.
    return tuple(
        datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        for day in (*days, days[-1] + timedelta(days=1))
    )


def age_bounds(at: datetime) -> tuple[tuple[datetime | None, datetime | None], ...]:
    """For each of AGES: tickets created at or after the first time and before the second are of it; None is no bound.

    A ticket from the future, by a clock that stood wrong, is of the youngest.
    """
    edges = [at - least for _, least in AGES[1:]]
    return tuple(zip((*edges, None), (None, *edges), strict=True))


def to_figures(
    at: datetime,
    timezone: str,
    days: Sequence[date],
    arrivals: Iterable[Arrivals],
    backlog: Iterable[Backlog],
    replies: Sequence[Reply],
    *,
    is_cut: bool = False,
) -> Figures:
    """The overview of what was counted."""
    return Figures(
        at,
        timezone,
        tuple(days),
        tuple(arrivals),
        tuple(backlog),
        reply_times("", [reply.after_s for reply in replies]),
        _times_by(replies, lambda reply: reply.mailbox),
        _times_by(replies, lambda reply: reply.agent),
        is_cut,
    )


def reply_times(name: str, after_s: Sequence[float]) -> ReplyTimes | None:
    """Median and 90th percentile of times in seconds; None of nothing."""
    if not after_s:
        return None
    ordered = sorted(after_s)
    # Nearest rank: the smallest time that at least nine in ten do not exceed.
    rank = -(-len(ordered) * 9 // 10)
    return ReplyTimes(name, len(ordered), median(ordered), ordered[rank - 1])


def _times_by(replies: Iterable[Reply], name_of: Callable[[Reply], str]) -> tuple[ReplyTimes, ...]:
    found: dict[str, list[float]] = {}
    for reply in replies:
        found.setdefault(name_of(reply), []).append(reply.after_s)
    named = (reply_times(name, after_s) for name, after_s in sorted(found.items()))
    return tuple(times for times in named if times is not None)


def _summed(rows: Iterable[Sequence[int]], width: int) -> tuple[int, ...]:
    total = [0] * width
    for row in rows:
        total = [one + other for one, other in zip(total, row, strict=True)]
    return tuple(total)
