"""When a letter goes again, and when it never does. Pure: time and chance come in as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from maildesk.smarthost import Accepted, Broken, Deferred, Fate, NotOurs, Refused, Unsure
from maildesk.store.outbox import ClaimedLetter


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the relay is, in seconds; the defaults are the desk's.

    backoff_s: waits after the first, second ... attempt, the last one repeated; life_s: after that a letter fails.
    unsure_s: after a lost answer to the last dot, so that a relay that did take it has settled. look_s: the longest
    sleep; lease_s: more than the longest time one letter may take.
    """

    backoff_s: tuple[float, ...] = (60, 120, 240, 480, 900, 1800)
    life_s: float = 5 * 86400
    unsure_s: float = 300
    probe_s: float = 60
    look_s: float = 60
    idle_s: float = 30
    lease_s: float = 1800


PACE = Pace()


def next_attempt(attempts: int, first_at: datetime, now: datetime, jitter: float, pace: Pace = PACE) -> datetime | None:
    """When a letter goes again after `attempts` (at least 1) attempts; None when its five days are over.

    `jitter` is chance from 0.0 to 1.0 and moves the wait by up to 20 % either way. The last attempt falls on the very
    end of the five days.
    """
    end = first_at + timedelta(seconds=pace.life_s)
    if now >= end:
        return None
    wait_s = pace.backoff_s[min(attempts, len(pace.backoff_s)) - 1] * (0.8 + 0.4 * jitter)
    return min(now + timedelta(seconds=wait_s), end)


@dataclass(frozen=True, slots=True)
class Later:
    """The letter goes again then; what the last try ended with."""

    next_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """The letter has failed; what the agents are told."""

    why: str


Mark = Accepted | Later | Never


def mark_for(letter: ClaimedLetter, fate: Fate, now: datetime, jitter: float, pace: Pace) -> Mark | None:
    """What is written about a letter; None: nothing, it is somebody else's."""
    match fate:
        case Accepted():
            return fate
        case Refused(why):
            return Never(why)
        case NotOurs():
            return None
        case Deferred(why) | Broken(why):
            next_at = next_attempt(letter.attempts, letter.created_at, now, jitter, pace)
        case Unsure(why):
            next_at = next_attempt(letter.attempts, letter.created_at, now, jitter, pace)
            if next_at is not None:
                next_at = now + timedelta(seconds=pace.unsure_s)
        case _:
            assert_never(fate)
    return Later(next_at, why) if next_at else Never(f"not delivered in time; the last try ended with: {why}")
