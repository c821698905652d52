"""How often one network, or one session, may do a thing on pages: counts in memory. Knows no page and no store.

What matters for mail is counted in the store (desk/brakes.py); this keeps one guesser from asking for ever.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Brake:
    """So many times in a span, and no more."""

    name: str
    times: int
    span_s: float


REQUESTS = Brake("requests from the form", 60, 3600)
SIGN_INS = Brake("mails to sign in", 30, 3600)
# More than a person has; each is a mail to somebody who may be a stranger.
ADDRESSES = Brake("addresses that an account adds", 10, 3600)
CODES = Brake("codes tried", 30, 3600)
VOTES = Brake("votes on articles", 60, 3600)
# Whoever asks for so many numbers that are not theirs is counting through them.
MISSES = Brake("pages that are not there", 40, 600)
# More than anybody works on; whoever took over an agent's session shall not take all mail along.
READS = Brake("tickets that an agent reads", 200, 3600)
# Networks and sessions that are remembered; the oldest go first.
_MOST_KEYS = 20_000


class Brakes:
    """The counts of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def is_over(self, brake: Brake, key: str | None) -> bool:
        """Whether a key has done it too often; None is nobody who is counted."""
        if key is None:
            return False
        times = self._seen.get((brake.name, key))
        if times is None:
            return False
        while times and self._clock() - times[0] > brake.span_s:
            times.popleft()
        return len(times) >= brake.times

    def count(self, brake: Brake, key: str | None) -> None:
        """It was done once more."""
        if key is None:
            return
        self._seen.setdefault((brake.name, key), deque(maxlen=brake.times)).append(self._clock())
        self._seen.move_to_end((brake.name, key))
        while len(self._seen) > _MOST_KEYS:
            self._seen.popitem(last=False)
