"""One folder of an account: what there is to take in it, and what became of it.

Knows UIDs, sizes and flags; never how a connection came to be, and never what a mail says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from maildesk import clock, log
from maildesk.config import Imap
from maildesk.doors.imap_wire import Client, Stopped, checked_argument
from maildesk.errors import BadConfig, BareNewline, Looping, TooLarge

MAX_BATCH_BYTES = 20 * 1_048_576
_MAX_BATCH = 50
# The wire ends a line at 1 MiB: this many UIDs of ten digits fit on one.
_MAX_SEARCH = 80_000
# The desk recognises the same content for 30 days; two less leave room for time zones and slow clocks.
_RECOGNISED = timedelta(days=28)
# Failures of one mail after which the mails behind it no longer wait for it.
_PATIENCE = 3
_NEVER = float("inf")

FindPosition = Callable[[], tuple[int, int] | None]
SavePosition = Callable[[int, int], None]


class NotNow(Exception):
    """The desk cannot take a mail at the moment; the message names the error's class."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll leaves to its caller.

    news: how many announcements of a size it has considered. retry_at: when (monotonic) something that failed is due
    again, infinity for never. trouble: what an admin should know, one sentence, None when all is well.
    """

    news: int
    retry_at: float
    trouble: str | None


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    again_at: float = 0.0


@dataclass(slots=True)
class _Progress:
    """Where the desk stands in one incarnation of the folder.

    floor: every UID up to here is done with, but for the backlog. Only this is durable, and only without a backlog.
    backlog: UIDs up to the floor that the first look left to do.
    done: UIDs above the floor that are done with, ahead of one that is not.
    unmarked: committed here and not yet marked on the server.
    """

    validity: int
    floor: int
    saved: bool
    backlog: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    unmarked: set[int] = field(default_factory=set)
    trouble: dict[int, _Trouble] = field(default_factory=dict)

    def waiting(self, found: set[int]) -> list[int]:
        return sorted((found - self.done) | self.backlog)

    def finish(self, uids: list[int]) -> None:
        self.backlog.difference_update(uids)
        self.unmarked.difference_update(uids)
        self.done.update(uid for uid in uids if uid > self.floor)
        for uid in uids:
            self.trouble.pop(uid, None)

    def advance(self, waiting: list[int]) -> bool:
        """Raise the floor up to the first mail that is not done with; True when the position is to be saved."""
        before = self.floor
        undone = [uid for uid in waiting if uid > before and uid not in self.done]
        self.floor = undone[0] - 1 if undone else max(self.done, default=before)
        self.done = {uid for uid in self.done if uid > self.floor}
        # Of what somebody else removed there is nothing left to mark or to try.
        self.unmarked.intersection_update(waiting)
        for uid in self.trouble.keys() - set(waiting):
            del self.trouble[uid]
        return not self.backlog and (self.floor != before or not self.saved)


class Folder:
    """Takes the mails of one folder; outlives connections, so that a lost one makes nothing be offered twice.

    give: returns when the mail is committed; raises NotNow, or TooLarge, Looping, BareNewline, which are for good.
    delay: how many seconds to wait after so many failures.
    """

    def __init__(
        self,
        settings: Imap,
        give: Callable[[bytes], None],
        find_position: FindPosition,
        save_position: SavePosition,
        delay: Callable[[int], float],
        stopping: threading.Event,
        max_mail_bytes: int,
    ) -> None:
        """Raises BadConfig or Malformed for a folder or a `done` that cannot be used."""
        self._name = checked_argument(settings.folder, "folder")
        self._done, _, self._target = checked_argument(settings.done, "done").partition(":")
        if self._done not in ("seen", "move", "delete") or (self._done == "move") != bool(self._target):
            raise BadConfig('imap.done is "seen", "delete", or "move:" and the name of a folder')
        if self._target == settings.folder:
            raise BadConfig("imap.done moves mail into the folder that it comes from")
        self._give = give
        self._find_position, self._save_position = find_position, save_position
        self._delay, self._stopping, self._max_mail_bytes = delay, stopping, max_mail_bytes
        self._host = settings.host
        self._progress: _Progress | None = None
        self._fetching: list[int] = []
        self._one_by_one = False
        self._refusals = 0
        self._paused_until = 0.0
        self._refused: str | None = None
        self._unmarkable: str | None = None
        self.left_lying = 0

    def poll(self, client: Client) -> Polled:
        """Take what there is to take. Raises what a broken connection raises, and Stopped."""
        # SELECT each time: it shows new mail and a folder that was made anew, and clears what imaplib piles up.
        answer = client.select_folder(self._name)
        news = client.wire.news_count()
        validity, exists = answer.get(b"UIDVALIDITY"), answer.get(b"EXISTS", 0)
        if not isinstance(validity, int):
            raise client.AbortError("no UIDVALIDITY")
        highest = max(client.search(["UID", "*"]), default=0) if exists else 0
        if self._progress is None or self._progress.validity != validity:
            self._progress = self._first_look(client, validity, exists, highest)
        progress = self._progress
        found = _search(client, exists, progress.floor + 1, highest)
        if progress.backlog:
            progress.backlog &= _search(client, exists, min(progress.backlog), max(progress.backlog))
        waiting = progress.waiting(found)
        progress.unmarked.intersection_update(waiting)
        retry_at = _NEVER
        try:
            if progress.unmarked:
                self._mark(client, progress, sorted(progress.unmarked))
            untaken = [uid for uid in progress.waiting(found) if uid not in progress.unmarked]
            retry_at = self._take_all(client, progress, untaken)
        finally:
            if progress.advance(waiting):
                self._save_position(progress.validity, progress.floor)
                progress.saved = True
        failing = f"{len(progress.trouble)} mails cannot be fetched" if progress.trouble else None
        return Polled(news, retry_at, self._refused or self._unmarkable or failing)

    def blame_fetch(self) -> None:
        """The connection broke: if it was in a fetch, find out by which mail, and let the others pass it."""
        if self._progress is not None and len(self._fetching) == 1:
            self._failed(self._progress, self._fetching[0])
        self._one_by_one = self._one_by_one or bool(self._fetching)
        self._fetching = []

    def _first_look(self, client: Client, validity: int, exists: int, highest: int) -> _Progress:
        position = self._find_position()
        if position is not None and position[0] == validity:
            return _Progress(validity, floor=position[1], saved=True)
        backlog = _search(client, exists, 1, highest, "UNSEEN")
        if position is not None or self._progress is not None:
            log.warning("imap.folder_made_anew", host=self._host, folder=self._name)
            day = (clock.now() - _RECOGNISED).date()
            # Dated as well as received: a restored mailbox may say that all of it was received today.
            backlog |= _search(client, exists, 1, highest, "SINCE", day, "SENTSINCE", day)
        return _Progress(validity, floor=highest, saved=False, backlog=backlog)

    def _take_all(self, client: Client, progress: _Progress, uids: list[int]) -> float:
        """Take these mails, oldest first, stubborn ones last. Returns when (monotonic) a failed one is due again."""
        now = time.monotonic()
        if now < self._paused_until:
            return self._paused_until
        ready: list[int] = []
        stubborn: list[int] = []
        later = _NEVER
        for uid in uids:
            trouble = progress.trouble.get(uid)
            if trouble is None or trouble.failures < _PATIENCE:
                ready.append(uid)
            elif now >= trouble.again_at:
                stubborn.append(uid)
            else:
                later = min(later, trouble.again_at)
        step = 1 if self._one_by_one else _MAX_BATCH
        portions = [ready[start : start + step] for start in range(0, len(ready), step)] + [[uid] for uid in stubborn]
        for portion in portions:
            for batch in self._batches(client, progress, portion):
                if not self._take(client, progress, batch):
                    return min(later, self._paused_until)
        self._one_by_one = False
        return later

    def _batches(self, client: Client, progress: _Progress, uids: list[int]) -> Iterator[list[int]]:
        """These UIDs in batches of at most 20 MB; what is too large is left lying here and never fetched."""
        self._fetching = uids
        told = client.fetch(uids, [b"RFC822.SIZE"])
        self._fetching = []
        batch: list[int] = []
        batch_bytes = 0
        for uid in uids:
            size = told.get(uid, {}).get(b"RFC822.SIZE")
            if not isinstance(size, int):
                # Gone meanwhile, and then the next search does not list it; else the server has trouble with this one.
                self._failed(progress, uid)
                continue
            if size > self._max_mail_bytes:
                self._leave(progress, uid, "TooLarge", size)
                continue
            if batch and batch_bytes + size > MAX_BATCH_BYTES:
                yield batch
                batch, batch_bytes = [], 0
            batch.append(uid)
            batch_bytes += size
        if batch:
            yield batch

    def _take(self, client: Client, progress: _Progress, uids: list[int]) -> bool:
        """Fetch, accept one after the other, mark together; False when the desk cannot take mail just now."""
        self._fetching = uids
        answer = client.fetch(uids, [b"BODY.PEEK[]"])
        self._fetching = []
        taken: list[int] = []
        for uid in uids:
            raw = answer.pop(uid, {}).get(b"BODY[]")
            if not isinstance(raw, bytes):
                self._failed(progress, uid)
                continue
            try:
                self._give(raw)
            except (TooLarge, Looping, BareNewline) as error:
                self._leave(progress, uid, type(error).__name__, len(raw))
                continue
            except NotNow as error:
                self._refusals += 1
                self._refused = f"the desk could not take a mail ({error}); it is tried again"
                self._paused_until = time.monotonic() + self._delay(self._refusals)
                self._failed(progress, uid)
                break
            self._refusals, self._refused = 0, None
            progress.trouble.pop(uid, None)
            progress.unmarked.add(uid)
            taken.append(uid)
            if self._stopping.is_set():
                break
        if taken:
            self._mark(client, progress, taken)
        if self._stopping.is_set():
            raise Stopped
        return self._refused is None

    def _mark(self, client: Client, progress: _Progress, uids: list[int]) -> None:
        """Do to these committed mails what `done` says. What the server refuses is tried again at the next poll."""
        # They are committed: a door that is closing still says so, else they are all offered again at the next start.
        client.wire.heeds_stop = False
        try:
            if self._done == "seen":
                client.add_flags(uids, [b"\\Seen"], silent=True)
            elif self._done == "move":
                self._move(client, uids)
            else:
                _remove(client, uids)
        except client.AbortError:
            raise
        except client.Error:
            self._unmarkable = f'the server refuses "{self._done}" for mail that was taken; it is tried again'
            return
        finally:
            client.wire.heeds_stop = True
        self._unmarkable = None
        progress.finish(uids)

    def _move(self, client: Client, uids: list[int]) -> None:
        move = client.move if client.has_capability("MOVE") else client.copy
        try:
            move(uids, self._target)
        except client.AbortError:
            raise
        except client.Error:
            # Most likely the folder is missing ([TRYCREATE], RFC 3501, 7.1); if not, the second try says so again.
            with suppress(client.Error):
                client.create_folder(self._target)
                client.subscribe_folder(self._target)
            move(uids, self._target)
        if not client.has_capability("MOVE"):
            _remove(client, uids)

    def _leave(self, progress: _Progress, uid: int, why: str, size: int) -> None:
        self.left_lying += 1
        log.warning("imap.left_lying", host=self._host, folder=self._name, uid=uid, why=why, bytes=size)
        progress.finish([uid])

    def _failed(self, progress: _Progress, uid: int) -> None:
        trouble = progress.trouble.setdefault(uid, _Trouble())
        trouble.failures += 1
        trouble.again_at = time.monotonic() + self._delay(trouble.failures)


def _search(client: Client, exists: int, low: int, high: int, *criteria: str | date) -> set[int]:
    """The UIDs from `low` to `high` that match, asked in portions whose answers fit on a line; others are ignored."""
    if high < low:
        return set()
    step = high - low + 1 if exists <= _MAX_SEARCH else _MAX_SEARCH
    found: set[int] = set()
    for start in range(low, high + 1, step):
        found.update(client.search(["UID", f"{start}:{min(start + step - 1, high)}", *criteria]))
    return {uid for uid in found if low <= uid <= high}


def _remove(client: Client, uids: list[int]) -> None:
    """Delete these and no others: a plain EXPUNGE would also take what other people have marked as deleted.

    Without UIDPLUS (RFC 4315) they stay, marked as deleted, until somebody expunges the folder.
    """
    client.add_flags(uids, [b"\\Deleted"], silent=True)
    if client.has_capability("UIDPLUS"):
        client.uid_expunge(uids)
