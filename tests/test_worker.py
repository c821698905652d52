"""The worker: order of settling as a pure function, three tries, and nothing that stops the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from maildesk.errors import DiskNearlyFull, MaildeskError
from maildesk.mail.checks import Checks
from maildesk.mail.model import Envelope, Mail
from maildesk.settle import Settled, Settler
from maildesk.store import ledger
from maildesk.store.sqlite import Kind, StoreBroken, StoreBusy, Tx
from maildesk.worker import PATIENCE_S, Underway, Worker, next_to_settle, salvaged
from tests.desk.world import START, World
from tests.wait import until_async

NOW = 1000.0


def line(*items: Underway) -> tuple[int, ...]:
    return next_to_settle(items, NOW)


def ready(number: int, mail: Mail | None = None, **values: object) -> Underway:
    return replace(Underway(number, NOW, mail or Mail(message_id=f"<{number}@x.test>")), **values)  # type: ignore[arg-type]


def waiting(number: int, for_s: float = 0.0) -> Underway:
    return Underway(number, NOW - for_s)


def test_order_of_acceptance() -> None:
    """What is understood goes in order, up to the first that is not."""
    assert line(ready(1), ready(2), waiting(3), ready(4)) == (1, 2)
    assert line(waiting(1), ready(2)) == ()
    assert line() == ()


def test_patience() -> None:
    """A mail that is not understood after 5 s leaves the line; a moment before it still holds it."""
    assert line(waiting(1, PATIENCE_S), ready(2)) == (2,)
    assert line(waiting(1, PATIENCE_S - 0.01), ready(2)) == ()
    assert line(waiting(1, PATIENCE_S), waiting(2), ready(3)) == ()


def test_signed_evidence_waits_for_nobody() -> None:
    """A reply to a signed address is settled although an earlier mail is not understood yet."""
    assert line(waiting(1), ready(2, is_signed=True), ready(3)) == (2,)


def test_a_reply_waits_for_what_it_answers() -> None:
    """One whose references name a mail that is not settled yet waits for that one, signed or not."""
    answer = Mail(message_id="<2@x.test>", references=("<1@x.test>",))
    assert line(ready(1), ready(2, answer), ready(3)) == (1, 3)
    assert line(ready(1, is_settling=True), ready(2, answer, is_signed=True)) == ()
    assert line(ready(2, answer)) == (2,)


def test_a_thread_keeps_its_order() -> None:
    """What answers a waiting mail waits too; a mail that names itself or a later one does not wait for ever."""
    second = Mail(message_id="<2@x.test>", references=("<1@x.test>",))
    third = Mail(message_id="<3@x.test>", references=("<2@x.test>",))
    assert line(ready(1), ready(2, second), ready(3, third)) == (1,)
    assert line(ready(1, Mail(message_id="<1@x.test>", references=("<1@x.test>", "<2@x.test>"))), ready(2)) == (1, 2)


def test_what_is_being_settled_is_not_begun_again() -> None:
    """Once handed to the store it is left alone."""
    assert line(ready(1, is_settling=True), ready(2)) == (2,)


class Stubborn(Settler):
    """Rules that fail on a mail that says so: so many times, with this error."""

    fails: int = 10**9
    error: Exception = ZeroDivisionError("the words of a mail")
    tried: int = 0

    def settle(self, tx: Tx, mail_id: int, mail: Mail, now: datetime, checks: Checks | None = None) -> Settled:
        if "poison" in mail.text and self.tried < self.fails:
            self.tried += 1
            raise self.error
        return super().settle(tx, mail_id, mail, now, checks)


@asynccontextmanager
async def working(world: World, settler: Settler) -> AsyncIterator[Worker]:
    """A worker on this desk."""
    worker, stop = Worker(world.store, lambda: settler, lambda: None), asyncio.Event()
    task = asyncio.ensure_future(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        worker.wake()
        await task


def accept(world: World, name: str, words: str, *fields: str) -> int:
    head = "".join(f"{field}\r\n" for field in fields)
    raw = f"From: {name}@client.test\r\nSubject: {name}\r\nMessage-ID: <{name}@client.test>\r\n{head}\r\n{words}\r\n".encode()
    envelope = Envelope("smtp", "127.0.0.1", f"{name}@client.test", ("support@desk.test",), START)
    add = world.store.write(lambda tx: ledger.add_mails(tx, raw, envelope, ("support@desk.test",)), Kind.ACCEPT)
    return add.result()[0]


def outcomes(world: World) -> dict[int, str]:
    return {row.id: row.outcome for row in world.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=99))}


def attempts(world: World, mail_id: int) -> int:
    found = world.store.read(lambda tx: ledger.find_mail(tx, mail_id))
    assert found is not None
    return found.attempts


def stubborn(world: World) -> Stubborn:
    return Stubborn(world.directory, world.settler.owing._renderer)


@pytest.mark.asyncio
async def test_three_failures_make_a_ticket_that_says_so(tmp_path: Path) -> None:
    """A mail that the rules cannot take is tried three times and is then an unreadable ticket; others flow meanwhile."""
    world = World(tmp_path)
    bad, good = accept(world, "bad", "poison"), accept(world, "good", "hello")
    async with working(world, stubborn(world)) as worker:
        await until_async(lambda: outcomes(world)[good] == "ticket")
        assert outcomes(world)[bad] == "received"
        later = accept(world, "later", "hello")
        worker.wake()
        await until_async(lambda: outcomes(world)[later] == "ticket")
        await until_async(lambda: outcomes(world)[bad] == "unreadable")
    assert attempts(world, bad) == 3
    (row,) = world.store.read(lambda tx: ledger.list_lines_of(tx, str(bad)))
    assert row.ticket is not None
    assert row.cause is not None
    assert "raw mail is kept" in row.cause
    told = [x for x in world.letters() if x.notice == "new" and f"#{row.ticket}]" in str(x.message["Subject"])]
    assert {x.recipient for x in told} == {"ana@desk.test", "ben@desk.test"}
    assert all("could not read this message" in x.text for x in told)
    assert "raw mail is kept" in world.entries(row.ticket)[0][1]
    world.close()


@pytest.mark.asyncio
async def test_even_what_is_saved_of_a_mail_may_fail(tmp_path: Path) -> None:
    """When the saved rest cannot be settled either, a bare ticket is made of nothing of the mail."""
    world = World(tmp_path)

    class Worse(Stubborn):
        def settle(self, tx: Tx, mail_id: int, mail: Mail, now: datetime, checks: Checks | None = None) -> Settled:
            if mail.subject:
                raise MaildeskError("a letter cannot be written")
            return super().settle(tx, mail_id, mail, now, checks)

    bad = accept(world, "bad", "poison")
    for _ in range(3):
        world.store.write(lambda tx: tx.change("count a failed attempt at a mail", id=bad)).result()
    async with working(world, Worse(world.directory, world.settler.owing._renderer)):
        await until_async(lambda: outcomes(world)[bad] == "unreadable", 20)
    assert world.ticket().requester is None
    world.close()


@pytest.mark.parametrize("error", [StoreBroken("x"), StoreBusy("x"), DiskNearlyFull("x")])
@pytest.mark.asyncio
async def test_the_databases_faults_are_not_the_mails(tmp_path: Path, error: Exception) -> None:
    """A broken, busy or full database is not counted against the mail: it is tried until it works."""
    world = World(tmp_path)
    bad, settler = accept(world, "bad", "poison"), stubborn(world)
    settler.error, settler.fails = error, 2
    async with working(world, settler):
        await until_async(lambda: outcomes(world)[bad] == "ticket")
    assert attempts(world, bad) == 0
    world.close()


@pytest.mark.asyncio
async def test_a_backlog_is_settled_in_order_and_a_stop_finishes_what_was_begun(tmp_path: Path) -> None:
    """Mail that waited on disk gets its numbers in the order of acceptance."""
    world = World(tmp_path)
    ids = [accept(world, f"c{n}", f"hello {n}") for n in range(150)]
    async with working(world, world.settler):
        await until_async(lambda: set(outcomes(world).values()) == {"ticket"}, 30)
    rows = world.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=999))
    assert {row.id: row.ticket for row in rows} == {mail: 50031 + n for n, mail in enumerate(ids)}
    world.close()


def test_what_is_saved() -> None:
    """Subject, author and ids of a mail that failed; nothing at all of one that failed again."""
    raw = b"From: lea@client.test\r\nSubject: s\r\nMessage-ID: <a@client.test>\r\n\r\npoison\r\n"
    saved = salvaged(raw)
    assert (saved.subject, saved.message_id, saved.text) == ("s", "<a@client.test>", "")
    assert saved.unreadable
    assert salvaged(raw, 4) == Mail(unreadable=saved.unreadable, author_fault="the mail could not be read")
