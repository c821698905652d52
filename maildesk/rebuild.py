"""Derives again, from the raw mails, what entries show of them: after an upgrade of the rules that read mail.

What was decided stays: tickets, states, letters, authors, flags, order. Mails are understood outside of the writer; each
entry is then written in a small transaction of its own, so that it can be killed at any moment and run again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Literal

from maildesk import clock, log
from maildesk.desk.entering import derive
from maildesk.mail.parse import understand
from maildesk.store import entries
from maildesk.store.entries import Mailed, Shown
from maildesk.store.sqlite import Kind, SqliteEngine, StoreBroken

# So many ids are read at once, so many writes wait for the writer at most.
_IDS = 500
MAX_WAITING = 50

Fate = Literal["same", "changed", "kept", "left"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry read again. after: what it would show, `entry.shown` where that is the same or has to stay.

    fate "kept": its words are not its mail's alone, and all the rest is the same. "left": the mail could be read once and now
    cannot, so nothing of it is touched; `why` says what is wrong.
    """

    entry: Mailed
    after: Shown
    fate: Fate
    why: str = ""

    @property
    def differs(self) -> tuple[str, ...]:
        """Which of subject, text, full_text and files differ."""
        before = self.entry.shown
        return tuple(f.name for f in fields(Shown) if getattr(before, f.name) != getattr(self.after, f.name))


def read_again(entry: Mailed, languages: tuple[str, ...]) -> Reading:
    """What an entry would show if its mail came today. Never raises for what stands in a mail."""
    before, raw = entry.shown, entry.raw
    # Readings are kept for a while, the bytes need not be.
    entry = replace(entry, raw=b"")
    if not entry.derived:
        return Reading(entry, before, "same" if entry.kind == "event" else "kept")
    try:
        mail = understand(raw, languages)
        derived = derive(mail, entry.derived)
        after = before if derived is None else entries.shown(derived, before.text)
    except Exception as error:  # noqa: BLE001 - whatever a mail does to the rules, its entry must stay as it is
        log.failure("rebuild.unreadable", error, mail=entry.mail_id)
        return Reading(entry, before, "left", f"reading it failed with {type(error).__name__}")
    is_less = entry.outcome != "unreadable" or len(after.full_text) < len(before.full_text)
    if mail.unreadable and after != before and is_less:
        return Reading(entry, before, "left", mail.unreadable)
    if before.full_text.strip() and not after.full_text.strip():
        return Reading(entry, before, "left", "no text was found in it")
    if after != before:
        return Reading(entry, after, "changed")
    return Reading(entry, before, "same" if derived is not None and derived.text is not None else "kept")


def read_all(store: SqliteEngine, languages: tuple[str, ...]) -> Iterator[Reading]:
    """Every entry that came from a mail, read again, in order; one mail in memory at a time."""
    after = 0
    while ids := store.read(partial(entries.list_mailed, after=after, limit=_IDS)):
        yield from read_some(store, ids, languages)
        after = ids[-1]


def read_some(store: SqliteEngine, ids: Iterable[int], languages: tuple[str, ...]) -> Iterator[Reading]:
    """The entries of these ids, read again."""
    for entry_id in ids:
        entry = store.read(partial(entries.find_mailed, entry_id=entry_id))
        if entry is not None:
            yield read_again(entry, languages)


def write(store: SqliteEngine, readings: Iterable[Reading]) -> int:
    """Write those that changed; how many did. Returns when all of it is on disk.

    Raises what the store raises: what was written by then stays, and the next run goes on.
    """
    waiting: deque[Future[bool]] = deque()
    done = 0
    for reading in readings:
        if reading.fate != "changed":
            continue
        change = partial(entries.change_shown, entry=reading.entry, after=reading.after, at=clock.now())
        waiting.append(store.write(change, Kind.REBUILD))
        if len(waiting) >= MAX_WAITING:
            done += waiting.popleft().result()
    return done + sum(future.result() for future in waiting)


def mend_index(store: SqliteEngine) -> bool:
    """Whether the full-text index had to be made anew, because it was not what the entries say. Takes the writer for long."""
    try:
        store.write(lambda tx: tx.change("check of the full-text index")).result()
    except StoreBroken:
        store.write(lambda tx: tx.change("whole full-text index")).result()
        store.write(lambda tx: tx.change("check of the full-text index")).result()
        return True
    return False
