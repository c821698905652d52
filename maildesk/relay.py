"""When letters leave: claims what is due, sends over kept connections, marks what became of each. Writes no letter.

At least once, always the same bytes. Each worker holds one connection and sends batches of its own. The letters of one
ticket never travel on two connections at once (the claim sees to it), so they arrive in the order in which they were
written. A relay that cannot be reached is found out before anything is claimed: no letter pays with an attempt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from maildesk import clock, config, log
from maildesk.backoff import PACE, Later, Never, Pace, mark_for
from maildesk.errors import MaildeskError
from maildesk.oauth import TokenSource
from maildesk.smarthost import (
    Accepted,
    Broken,
    Deferred,
    Fate,
    NotOurs,
    Outgoing,
    RelayDown,
    Road,
    Unsure,
    open_road,
    time_limit_s,
)
from maildesk.store import outbox
from maildesk.store.outbox import ClaimedLetter
from maildesk.store.sqlite import SqliteEngine, Tx

T = TypeVar("T")
OnFailed = Callable[[Tx, ClaimedLetter, str], None]

MOST_CONNECTIONS = 5
_LARGEST_BATCH = 32
# A batch that takes longer shrinks, one that is quicker grows: a kill then repeats little, and commits are few.
_QUICK_S, _SLOW_S = 0.25, 1.0
# What was answered is on disk this long after the answer, even in the middle of a batch.
_MARK_AFTER_S = 0.1
# A connection that breaks before the last dot has delivered nothing: the letter goes again over a new one, so often.
_TRIES = 3
# So many letters in a row whose connections all broke are the relay's fault.
_BROKEN_IN_A_ROW = 2
_STORE_RETRY_S = 1.0
_CLAIM_AGAIN_S = 0.2
# A letter that has waited so long for a busy connection is worth another one.
_PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class Down:
    """The relay cannot be used since then, and why."""

    since: datetime
    why: str


class Relay:
    """The sender of the desk's letters. `run` in the daemon's loop, `wake` after each commit that added letters.

    on_failed is called in the transaction that marks a letter as failed, with what the relay said. owns_leases: no
    other process can hold a lease (SQLite).
    """

    def __init__(
        self,
        store: SqliteEngine,
        settings: config.Relay,
        on_failed: OnFailed,
        *,
        owns_leases: bool = True,
        pace: Pace = PACE,
    ) -> None:
        self._store, self._settings, self._on_failed = store, settings, on_failed
        self._owns_leases, self._pace = owns_leases, pace
        self._tokens = TokenSource(settings.oauth2) if settings.oauth2 else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._stopping = False
        self._workers: set[asyncio.Task[None]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._idle: list[tuple[Road, float]] = []
        self._opening = 0
        self._allowed = 1
        self._broken_in_a_row = 0
        self._not_before = 0.0
        self.down: Down | None = None

    def wake(self) -> None:
        """Something became due. From any thread; never blocks."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    def stop(self) -> None:
        """No new letters from now on; `run` returns when those on the wire have their answer. From the loop's thread.

        Cancel `run` to end sooner: what was on the wire then is sent again, same bytes, by the next start.
        """
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Send until `stop`."""
        self._loop = asyncio.get_running_loop()
        try:
            if self._owns_leases:
                await self._insist(lambda tx: outbox.release_all_leases(tx, now=clock.now()))
            while not self._stopping:
                self._changed.clear()
                try:
                    wait_s = await self._look()
                except MaildeskError as error:
                    log.failure("relay.store", error)
                    wait_s = _STORE_RETRY_S
                await self._wait(wait_s)
            if self._workers:
                await asyncio.wait(self._workers)
        finally:
            for task in self._workers:
                task.cancel()
            for road, _ in self._idle:
                self._part(road)
            self._idle.clear()
            if left := self._workers | self._farewells:
                await asyncio.wait(left)

    async def _wait(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(max(wait_s, 0)):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _look(self) -> float:
        """Start a worker if one is needed; how many seconds until the next look, unless something changes."""
        monotonic, pace = time.monotonic(), self._pace
        for road, since in [idle for idle in self._idle if monotonic - idle[1] >= pace.idle_s]:
            self._idle.remove((road, since))
            self._part(road)
        # Round up, or the last look before the end of an idle time would be many.
        longest_s = min([pace.look_s, *(since + pace.idle_s - monotonic + 0.01 for _, since in self._idle)])
        if monotonic < self._not_before:
            return min(longest_s, self._not_before - monotonic)
        now = clock.now()
        due_at = await asyncio.to_thread(self._store.read, lambda tx: outbox.next_due_at(tx, now=now))
        # Asked again: a worker may have found the relay down during the read.
        if (pause_s := self._not_before - time.monotonic()) > 0:
            return min(longest_s, pause_s)
        if due_at is None:
            return longest_s
        if due_at > now:
            return min(longest_s, (due_at - now).total_seconds())
        waited_s = (now - due_at).total_seconds()
        if self._workers and waited_s < _PATIENCE_S:
            # Whoever is sending just now will be done in a moment, over a connection that is open.
            return min(longest_s, _PATIENCE_S - waited_s)
        # A worker that has not claimed yet may take all there is.
        if not self._opening and len(self._workers) < self._allowed:
            self._opening += 1
            task = asyncio.create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._worker_ended)
        return longest_s

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        self._workers.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._not_before = time.monotonic() + self._pace.probe_s
            log.failure("relay.worker", error)

    async def _work(self) -> None:
        """Open a road, send batches over it until nothing is due."""
        lane = _Lane(self._open)
        size, sent, opening = 1, 0, True
        try:
            await lane.road()
            while not self._stopping:
                letters = await self._claim(size)
                if opening:
                    opening, self._opening = False, self._opening - 1
                    self._changed.set()
                if not letters:
                    break
                started = time.monotonic()
                sent += len(letters)
                await self._send_batch(lane, letters)
                took_s = time.monotonic() - started
                if len(letters) == size:
                    self._allowed = min(self._allowed + 1, MOST_CONNECTIONS)
                    self._changed.set()
                if took_s < _QUICK_S:
                    size = min(size * 2, _LARGEST_BATCH)
                elif took_s > _SLOW_S:
                    size = max(size // 2, 1)
            if not sent:
                self._not_before = time.monotonic() + _CLAIM_AGAIN_S
        except RelayDown as error:
            self._note_down(error, others=len(self._workers) - self._opening - (0 if opening else 1))
        except MaildeskError as error:
            self._not_before = time.monotonic() + _STORE_RETRY_S
            log.failure("relay.store", error)
        finally:
            if opening:
                self._opening -= 1
            if (road := lane.leave()) is not None:
                self._idle.append((road, time.monotonic()))

    async def _open(self) -> Road:
        """A road that was kept, or a new one. Raises RelayDown."""
        while self._idle:
            road, _ = self._idle.pop()
            if road.usable:
                return road
        road = await open_road(self._settings, self._tokens)
        if not self._broken_in_a_row:
            self._note_up()
        return road

    def _note_up(self) -> None:
        if self.down is not None:
            log.event("relay.up", down_s=round((clock.now() - self.down.since).total_seconds()))
            self.down = None

    def _note_down(self, error: RelayDown, *, others: int) -> None:
        if others > 0:
            # They still send: the relay wants fewer connections, and is not down.
            self._allowed = others
            return
        self._allowed = 1
        self._not_before = time.monotonic() + self._pace.probe_s
        if self.down is None:
            self.down = Down(clock.now(), str(error))
            log.warning("relay.down", why=f'"{error}"')

    async def _claim(self, limit: int) -> tuple[ClaimedLetter, ...]:
        now, lease_s = clock.now(), self._pace.lease_s
        return await self._write(lambda tx: outbox.claim_letters(tx, now=now, limit=limit, lease_s=lease_s))

    async def _send_batch(self, lane: _Lane, letters: tuple[ClaimedLetter, ...]) -> None:
        """Send them in order and mark each; those that were not tried are given back. Raises RelayDown."""
        claimed_at = marked_at = time.monotonic()
        done: list[tuple[ClaimedLetter, Fate]] = []
        left = list(letters)
        try:
            try:
                while left and not self._stopping:
                    fate = await self._send_one(lane, left[0], claimed_at)
                    if fate is None:
                        break
                    done.append((left.pop(0), fate))
                    if self._broken_in_a_row >= _BROKEN_IN_A_ROW:
                        raise RelayDown("The relay takes connections and then breaks them.")
                    if time.monotonic() - marked_at > _MARK_AFTER_S:
                        await self._mark(done)
                        done, marked_at = [], time.monotonic()
            except MaildeskError:
                await self._mark(done, left)
                raise
            await self._mark(done, left)
        except asyncio.CancelledError:
            # What was answered is marked even now; the one on the wire stays claimed: nobody knows what became of it.
            self._store.write(lambda tx: _write_marks(tx, done, left[1:]))
            raise

    async def _send_one(self, lane: _Lane, letter: ClaimedLetter, claimed_at: float) -> Fate | None:
        """What became of one letter; None when its lease is too short to try. Raises RelayDown."""
        now = clock.now()
        content = await asyncio.to_thread(self._store.read, lambda tx: outbox.claimed_content(tx, letter, now=now))
        if content is None:
            return NotOurs()
        if time.monotonic() - claimed_at + time_limit_s(content) > self._pace.lease_s:
            return None
        outgoing = Outgoing(letter.envelope_from, letter.recipient, content)

        async def still_ours() -> bool:
            at = clock.now()
            return await asyncio.to_thread(self._store.read, lambda tx: outbox.still_claimed(tx, letter, now=at))

        fate: Fate = Broken("not tried")
        for _ in range(1 if self._broken_in_a_row else _TRIES):
            try:
                fate = await (await lane.road()).send(outgoing, still_ours)
            except RelayDown:
                raise
            except Exception as error:  # noqa: BLE001 - one letter that trips our code must not hold up the others
                log.failure("letter.error", error, letter=letter.id)
                fate = Deferred(f"an error of the desk's own: {type(error).__name__}")
            if not isinstance(fate, Broken):
                self._broken_in_a_row = 0
                self._note_up()
                return fate
        self._broken_in_a_row += 1
        return fate

    async def _mark(self, done: list[tuple[ClaimedLetter, Fate]], left: list[ClaimedLetter] | None = None) -> None:
        if left or any(isinstance(fate, Accepted) for _, fate in done):
            await self._insist(lambda tx: _write_marks(tx, done, left or []))
        for letter, fate in done:
            if isinstance(fate, Accepted):
                log.event(
                    "letter.sent", letter=letter.id, mail=letter.mail_id, kind=letter.kind, attempt=letter.attempts
                )
            else:
                await self._mark_refused(letter, fate)

    async def _mark_refused(self, letter: ClaimedLetter, fate: Fate) -> None:
        """What did not go: a transaction of its own, so that what the hook raises touches no other letter."""
        mark = mark_for(letter, fate, clock.now(), clock.fresh_bytes(1)[0] / 255, self._pace)
        if isinstance(mark, Never):
            never = mark

            def fail(tx: Tx) -> None:
                if outbox.mark_failed(tx, letter, error=never.why):
                    self._on_failed(tx, letter, never.why)

            try:
                await self._write(fail)
            except Exception as error:  # noqa: BLE001 - the agents have not been told, so the letter has not failed yet
                log.failure("letter.hook", error, letter=letter.id)
                mark = Later(clock.now() + timedelta(seconds=self._pace.backoff_s[-1]), never.why)
            else:
                log.warning("letter.failed", letter=letter.id, mail=letter.mail_id, attempt=letter.attempts)
        if isinstance(mark, Later):
            later = mark
            await self._insist(lambda tx: outbox.mark_deferred(tx, letter, next_at=later.next_at, error=later.why))
            name = "letter.unsure" if isinstance(fate, Unsure) else "letter.deferred"
            log.warning(name, letter=letter.id, mail=letter.mail_id, attempt=letter.attempts, next_at=later.next_at)

    async def _write(self, work: Callable[[Tx], T]) -> T:
        return await asyncio.wrap_future(self._store.write(work))

    async def _insist(self, work: Callable[[Tx], T]) -> T:
        """Write, and try again while the store fails: what the relay answered is known nowhere else."""
        while True:
            try:
                return await self._write(work)
            except MaildeskError as error:
                log.failure("relay.store", error)
                await asyncio.sleep(_STORE_RETRY_S)

    def _part(self, road: Road) -> None:
        task = asyncio.create_task(road.close())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)


def _write_marks(tx: Tx, done: list[tuple[ClaimedLetter, Fate]], left: list[ClaimedLetter]) -> None:
    """What went well, and what was not tried: one transaction for all of them."""
    now = clock.now()
    for letter in left:
        outbox.give_back(tx, letter, now=now)
    for letter, fate in done:
        if isinstance(fate, Accepted):
            outbox.mark_sent(tx, letter, at=now)


class _Lane:
    """The one road of a worker, opened again when it broke."""

    def __init__(self, open_one: Callable[[], Coroutine[None, None, Road]]) -> None:
        self._open_one = open_one
        self._road: Road | None = None

    async def road(self) -> Road:
        """The road, usable. Raises RelayDown."""
        if self._road is None or not self._road.usable:
            self._road = None
            self._road = await self._open_one()
        return self._road

    def leave(self) -> Road | None:
        """The road if it can be kept."""
        return self._road if self._road is not None and self._road.usable else None
