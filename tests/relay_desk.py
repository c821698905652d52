"""What the relay's tests share: a real store, letters in it, and a running relay in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from maildesk import config
from maildesk.backoff import PACE, Pace
from maildesk.clock import iso
from maildesk.relay import OnFailed, Relay
from maildesk.store.outbox import ClaimedLetter, OutboxLine, list_outbox
from maildesk.store.sqlite import Row, SqliteEngine, Tx

# An hour of the desk's patience in a few tenths of a second.
QUICK = replace(PACE, backoff_s=(0.05, 0.1, 0.2), unsure_s=0.1, probe_s=0.2, look_s=5.0, idle_s=5.0)


def eventually(claim: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Return once `claim` is true; AssertionError when time is up."""
    deadline = time.monotonic() + timeout_s
    turn = threading.Event()
    while not claim():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        turn.wait(0.005)


def letter_bytes(number: int, body: bytes = b"Hello.\r\n.A dot\r\n..two\r\n") -> bytes:
    return b"From: desk@desk.test\r\nMessage-ID: <l%d@desk.test>\r\nSubject: %d\r\n\r\n" % (number, number) + body


@dataclass
class Desk:
    """A store with an outbox, and what the hook was told."""

    store: SqliteEngine
    failures: list[tuple[ClaimedLetter, str]] = field(default_factory=list)

    def add(
        self,
        *recipients: str,
        ticket_id: int | None = None,
        content: bytes | None = None,
        at: datetime | None = None,
        sender: str = "desk+t@desk.test",
    ) -> list[int]:
        """Letters in one transaction; their ids."""

        def work(tx: Tx) -> list[int]:
            ids = []
            for recipient in recipients:
                row = tx.find("last letter")
                number = int(row["id"] or 0) + 1 if row else 1
                tx.add(
                    "letter",
                    id=number,
                    kind="answer",
                    notice="answer",
                    ticket_id=ticket_id,
                    slot=1,
                    copy=number,
                    recipient=recipient,
                    recipient_key=recipient.lower(),
                    envelope_from=sender,
                    message_id=f"<l{number}@desk.test>",
                    braked=0,
                    mail_id=None,
                    entry_id=None,
                    at=iso(at or datetime.now(UTC)),
                )
                tx.add("content of a letter", id=number, content=content or letter_bytes(number))
                ids.append(number)
            return ids

        return self.store.write(work).result(10)

    def unsent(self) -> list[OutboxLine]:
        return list(self.store.read(list_outbox))

    def line(self, number: int) -> OutboxLine | None:
        """The letter as `outbox` shows it; None once it is sent."""
        return next((line for line in self.unsent() if line.id == number), None)

    def row(self, number: int) -> Row:
        """The stored row of a letter."""
        return self.store.read(
            lambda tx: dict(tx._connection.execute("SELECT * FROM outbox WHERE id = ?", (number,)).fetchone())
        )

    def on_failed(self, tx: Tx, letter: ClaimedLetter, why: str) -> None:
        assert tx.find("last letter") is not None
        self.failures.append((letter, why))


@contextmanager
def opened(folder: Path) -> Iterator[Desk]:
    """A desk on the database in `folder`."""
    store = SqliteEngine(folder / "maildesk.db")
    store.migrate()
    store.start()
    try:
        yield Desk(store)
    finally:
        store.close()


class Running:
    """A relay that runs in a thread with a loop of its own."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        async def main() -> None:
            self._task = asyncio.ensure_future(self.relay.run())
            await asyncio.wait([self._task])

        self.loop.run_until_complete(main())
        self.loop.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.relay.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self._task is not None
        assert self._task.exception() is None

    def drop(self) -> None:
        """End it as a kill would: nothing more is sent or marked."""
        assert self._task is not None
        self.loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextmanager
def relaying(
    desk: Desk,
    port: int,
    *,
    pace: Pace = QUICK,
    on_failed: OnFailed | None = None,
    **settings: object,
) -> Iterator[Running]:
    """A relay towards a loopback port, with `[relay]` keys in `settings`."""
    values = {"host": "127.0.0.1", "port": port, "tls": "none"} | settings
    if "maildir" in settings:
        values = settings
    running = Running(Relay(desk.store, config.Relay.model_validate(values), on_failed or desk.on_failed, pace=pace))
    try:
        yield running
    finally:
        if running._thread.is_alive():
            running.stop()
