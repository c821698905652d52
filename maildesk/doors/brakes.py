"""How much strangers may ask of a door: connections and bytes at once, wrong addresses in an hour. No protocol.

Counted in memory, for one door of one process; relays are never counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

from maildesk import log
from maildesk.doors.wire import neighbourhood

MAX_FROM_ONE = 20
MAX_IN_ALL = 200
MAX_WRONG = 20
WRONG_S = 3600.0
# More neighbourhoods than this with a wrong address are forgotten, the oldest first: about 10 MB.
_REMEMBERED = 20_000
# A flood is told of once a minute, not once a connection.
_TOLD_EVERY_S = 60.0


class Brakes:
    """Places for strangers, bytes of their mails that are coming in, and their wrong addresses."""

    def __init__(self, held_bytes: int, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._may_hold_bytes = held_bytes
        self._held: dict[object, int] = {}
        self._places: Counter[str] = Counter()
        self._in_all = 0
        self._wrong: dict[str, deque[float]] = {}
        self._told_at_s = -_TOLD_EVERY_S

    def admit(self, peer: str) -> bytes | None:
        """None when there is a place for the peer, which it then has until `release`; else the reply for it."""
        key = neighbourhood(peer)
        if self._in_all >= MAX_IN_ALL or self._places[key] >= MAX_FROM_ONE:
            if self._now_s() - self._told_at_s >= _TOLD_EVERY_S:
                self._told_at_s = self._now_s()
                log.warning("smtp.full", in_all=self._in_all, from_one=self._places[key], peer=peer)
            if not self._places[key]:
                del self._places[key]
            return b"421 4.3.2 Too many connections, please try again"
        self._places[key] += 1
        self._in_all += 1
        return None

    def release(self, peer: str) -> None:
        """A place is free again."""
        key = neighbourhood(peer)
        self._in_all -= 1
        self._places[key] -= 1
        if not self._places[key]:
            del self._places[key]

    def hold(self, who: object, count_bytes: int) -> bool:
        """Whether there is room for so much of somebody's mail, in place of what they had; else they hold nothing."""
        self._held[who] = count_bytes
        if sum(self._held.values()) <= self._may_hold_bytes:
            return True
        self._held[who] = 0
        return False

    def let_go(self, who: object) -> None:
        """Somebody's mail is no longer in memory."""
        self._held.pop(who, None)

    def wrong_address(self, peer: str) -> None:
        """The peer has named an address that is none of ours."""
        key = neighbourhood(peer)
        times = self._wrong.setdefault(key, deque(maxlen=MAX_WRONG))
        times.append(self._now_s())
        if len(times) == MAX_WRONG and self.is_guessing(peer):
            log.warning("smtp.guessing", peer=peer)
        if len(self._wrong) > _REMEMBERED:
            del self._wrong[next(iter(self._wrong))]

    def is_guessing(self, peer: str) -> bool:
        """Whether the peer has named so many of them within the hour that it must wait."""
        times = self._wrong.get(neighbourhood(peer))
        return times is not None and len(times) == MAX_WRONG and self._now_s() - times[0] < WRONG_S
