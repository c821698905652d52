"""Understands accepted mail and checks its author, in parallel, and settles it in order of acceptance. Decides nothing itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from maildesk import clock, log
from maildesk.errors import DiskNearlyFull, MaildeskError
from maildesk.mail.checks import Checks
from maildesk.mail.model import Mail
from maildesk.mail.parse import understand
from maildesk.mail.token import looks_like_token
from maildesk.settle import Settled, Settler
from maildesk.store import ledger
from maildesk.store.sqlite import Kind, SqliteEngine, StoreBroken, StoreBusy
from maildesk.verify import Unchecked, Verifier

# A mail that is not understood by then leaves the line, and is settled when it is ready.
PATIENCE_S = 5.0
# After so many failures a person looks: a ticket says that the mail could not be read.
MAX_ATTEMPTS = 3
# A mail above this is understood beside the others.
LARGE_BYTES = 1_000_000
# How many mails are worked on at once; the rest wait on disk.
MAX_UNDERWAY = 64
_RETRY_S = 1.0
# How long a stopping worker goes on with what it has begun.
DRAIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Underway:
    """One accepted mail in the worker. mail: None until it is understood and checked; since: monotonic seconds of its arrival."""

    id: int
    since: float
    mail: Mail | None = None
    checks: Checks | None = None
    is_signed: bool = False
    is_settling: bool = False


def next_to_settle(underway: Iterable[Underway], now: float) -> tuple[int, ...]:
    """Which mails may be settled now, in order.

    Settling follows acceptance. A mail not understood after PATIENCE_S leaves the line; a reply with signed evidence
    waits for nobody; one whose references name a mail that is not settled yet waits for that one.
    """
    ready: list[int] = []
    is_blocked = False
    unsettled: set[str] = set()
    for item in underway:
        mail = item.mail
        if item.is_settling:
            if mail is not None and mail.message_id:
                unsettled.add(mail.message_id)
            continue
        if mail is None:
            is_blocked = is_blocked or now - item.since < PATIENCE_S
            continue
        waits = not unsettled.isdisjoint(mail.references)
        if not waits and (item.is_signed or not is_blocked):
            ready.append(item.id)
        # Whatever answers this mail comes after it.
        if mail.message_id:
            unsettled.add(mail.message_id)
    return tuple(ready)


class Worker:
    """Works on the ledger's unsettled mails until it is told to stop."""

    def __init__(self, store: SqliteEngine, settler: Callable[[], Settler], on_letters: Callable[[], None]) -> None:
        self._store = store
        self._settler = settler
        self._verifier = Verifier(lambda: settler().directory)
        self._on_letters = on_letters
        self._underway: dict[int, Underway] = {}
        self._wake = asyncio.Event()
        # Decoding holds the interpreter's lock, so more threads only wait for each other; but nobody waits for a large mail.
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="understand")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="understand-large")
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry_at: dict[int, float] = {}
        self._awaited: dict[int, list[asyncio.Future[None]]] = {}

    async def settled(self, mail_id: int, within_s: float) -> None:
        """Wait until a mail that was just accepted is settled, or has failed, or the time is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(mail_id, []).append(future)
        try:
            row = await asyncio.to_thread(self._store.read, lambda tx: tx.find("outcome of a mail", id=mail_id))
            if row is not None and row["outcome"] == "received":
                await asyncio.wait({future}, timeout=within_s)
        finally:
            self._awaited.pop(mail_id, None)

    def wake(self) -> None:
        """New mail was accepted; from any thread of the event loop."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Settle what is there and what comes until `stop`; then finish what was begun."""
        stopping = asyncio.create_task(stop.wait())
        self._verifier.look()
        try:
            while not stop.is_set():
                self._wake.clear()
                self._take_more()
                self._settle_ready()
                await self._pause(stopping)
            # What was accepted just before is taken once more; a backlog stays on disk for the next start.
            self._take_more()
            deadline = time.monotonic() + DRAIN_S
            while self._underway and time.monotonic() < deadline:
                self._wake.clear()
                self._settle_ready()
                await self._pause()
        finally:
            stopping.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            for pool in (self._quick, self._slow):
                pool.shutdown(wait=True, cancel_futures=True)
            self._verifier.close()

    async def _pause(self, *others: asyncio.Task[Literal[True]]) -> None:
        """Until something changed, or may have changed by time alone."""
        waking = asyncio.create_task(self._wake.wait())
        timeout_s = _RETRY_S if self._underway or self._retry_at else None
        await asyncio.wait({waking, *others}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()

    def _take_more(self) -> None:
        if len(self._underway) >= MAX_UNDERWAY:
            return
        now = time.monotonic()
        waiting = self._store.read(lambda tx: ledger.list_received(tx, MAX_UNDERWAY * 2))
        for mail in waiting:
            if len(self._underway) >= MAX_UNDERWAY:
                break
            if mail.id not in self._underway and self._retry_at.get(mail.id, 0.0) <= now:
                self._retry_at.pop(mail.id, None)
                self._underway[mail.id] = Underway(mail.id, now)
                self._start(self._understand(mail.id, self._slow if mail.size_bytes > LARGE_BYTES else self._quick))
        # The line is the order of acceptance, also for what comes back after a failure.
        self._underway = dict(sorted(self._underway.items()))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _understand(self, mail_id: int, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        try:
            mail, is_signed, checks = await loop.run_in_executor(pool, self._understood, mail_id)
            if isinstance(checks, Unchecked):
                checks = await self._verifier.finish(checks)
        except Exception as error:  # noqa: BLE001 - whatever reading raises, the mail stays in the ledger and is tried again
            await self._failed(mail_id, error)
            return
        self._underway[mail_id] = replace(self._underway[mail_id], mail=mail, checks=checks, is_signed=is_signed)
        self._wake.set()

    def _understood(self, mail_id: int) -> tuple[Mail, bool, Unchecked | Checks | None]:
        stored = self._store.read(lambda tx: ledger.find_mail(tx, mail_id))
        if stored is None:
            raise LookupError("the ledger lost a mail")
        if stored.attempts >= MAX_ATTEMPTS:
            return salvaged(stored.raw, stored.attempts), False, None
        is_signed = any(looks_like_token(part) for r in stored.envelope.recipients for part in _tags(r))
        mail = understand(stored.raw, self._settler().directory.config.desk.languages)
        # What was checked before stays: a domain's records of today say nothing of a mail of last week.
        return mail, is_signed, stored.checks or self._verifier.begin(stored.raw, mail, stored.envelope)

    def _settle_ready(self) -> None:
        for mail_id in next_to_settle(self._underway.values(), time.monotonic()):
            item = self._underway[mail_id]
            if item.mail is not None:
                self._underway[mail_id] = replace(item, is_settling=True)
                self._start(self._settle(mail_id, item.mail, item.checks))

    async def _settle(self, mail_id: int, mail: Mail, checks: Checks | None) -> None:
        settler = self._settler()
        write = self._store.write(lambda tx: settler.settle(tx, mail_id, mail, clock.now(), checks), Kind.SETTLE)
        try:
            settled: Settled = await asyncio.wrap_future(write)
        except Exception as error:  # noqa: BLE001 - one mail that cannot be settled must not stop the others
            await self._failed(mail_id, error)
            return
        self._underway.pop(mail_id, None)
        self._tell(mail_id)
        log.event(
            "mail.settled",
            mail=mail_id,
            outcome=settled.outcome,
            ticket=settled.ticket,
            letters=settled.letters,
            thread=settled.evidenced.thread,
            who=settled.evidenced.who,
            sender=settled.evidenced.sender,
            cc_joined=settled.evidenced.cc_joined or None,
            cc_refused=settled.evidenced.cc_refused or None,
            cause=settled.cause.replace(" ", "-") if settled.cause else None,
        )
        if settled.letters:
            self._on_letters()
        self._wake.set()

    def _tell(self, mail_id: int) -> None:
        for future in self._awaited.get(mail_id, ()):
            if not future.done():
                future.set_result(None)

    async def _failed(self, mail_id: int, error: BaseException) -> None:
        """Count a failure that is the mail's, not the database's, and try again a little later."""
        log.failure("mail.failed", error, mail=mail_id)
        self._tell(mail_id)
        self._retry_at[mail_id] = time.monotonic() + _RETRY_S
        self._underway.pop(mail_id, None)
        if isinstance(error, StoreBroken | StoreBusy | DiskNearlyFull):
            return
        try:
            await asyncio.wrap_future(
                self._store.write(lambda tx: tx.change("count a failed attempt at a mail", id=mail_id))
            )
        except MaildeskError as broken:
            log.failure("store.failed", broken, mail=mail_id)


def salvaged(raw: bytes, attempts: int = MAX_ATTEMPTS) -> Mail:
    """What is kept of a mail that could not be settled: enough for a ticket that says so; the raw mail has the rest.

    When even that much could not be settled, nothing of the mail is touched any more.
    """
    bare = Mail(
        unreadable="the desk could not work on this mail; the raw mail is kept",
        author_fault="the mail could not be read",
    )
    if attempts > MAX_ATTEMPTS:
        return bare
    try:
        mail = understand(raw)
    except Exception as error:  # noqa: BLE001 - the rules failed on it before, so nothing of them may be needed here
        log.failure("mail.unreadable", error)
        return bare
    return replace(
        bare,
        subject=mail.subject,
        author=mail.author,
        author_fault=mail.author_fault,
        message_id=mail.message_id,
        content_key=mail.content_key,
        automatic=mail.automatic,
    )


def _tags(recipient: str) -> tuple[str, ...]:
    local = recipient.rpartition("@")[0]
    return (local, local.rpartition("+")[2], local.rpartition("-")[2])
