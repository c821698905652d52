"""T54: an IMAP server cannot fill the memory or hold the door: literals, lines and answers have bounds, commands a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maildesk.config import Imap
from tests.doors.imap_desk import Desk, mail
from tests.servers.fake_imap import Connection, FakeImap, Gone
from tests.wait import until_async


@contextmanager
def little_memory(limit_bytes: int) -> Iterator[None]:
    """Fails when this process, which both ends of the connection share, grew by more than `limit_bytes` at its peak."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    yield
    assert status_bytes("VmHWM") - before < limit_bytes


def status_bytes(field: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def fetch_answer(connection: Connection, size: bytes, *, then: Callable[[], None]) -> dict[bytes, Any]:
    """For `serve`: a size that looks harmless, then a body whose literal claims `size`."""

    def answer(tag: bytes, rest: bytes) -> None:
        if b"RFC822.SIZE" in rest:
            connection.say(b"* 1 FETCH (UID 1 RFC822.SIZE 100)", tag + b" OK done")
            return
        connection.say(b"* 1 FETCH (UID 1 BODY[] {" + size + b"}")
        then()

    return {b"UID FETCH": answer}


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [b"4000000000", b"-1", b"9" * 5000, b"99999999999999999999"])
async def test_a_literal_that_is_no_mail_is_refused_before_it_is_allocated(
    settings: Callable[..., Imap], size: bytes
) -> None:
    """The claimed size is read, not believed: no memory is taken for it, and the connection ends."""

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        answers = fetch_answer(connection, size, then=lambda: connection.say(b"x" * 1000 + b")"))
        connection.serve(answers, uids={1: mail("x")})

    desk = Desk()
    with FakeImap(script) as server, little_memory(50_000_000):
        async with desk.watching(settings(server)) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            await until_async(lambda: len(server.connections) >= 2)
    assert desk.mails == []


@pytest.mark.asyncio
async def test_a_literal_longer_than_the_server_said_is_cut_off(settings: Callable[..., Imap]) -> None:
    """RFC822.SIZE said 100 bytes; a body above the limit is not read all the same."""

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.serve(fetch_answer(connection, b"2000000", then=lambda: None), uids={1: mail("x")})

    with FakeImap(script) as server:
        async with Desk().watching(settings(server), max_mail_bytes=1_000_000) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            assert "a literal of 2000000 bytes is not taken" in door.last_error


@pytest.mark.asyncio
async def test_a_line_without_an_end_is_refused(settings: Callable[..., Imap]) -> None:
    """The server sends "a" for ever: about a megabyte of it is read."""
    sent = [0]

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.command()
        connection.send(b"* OK ")
        while True:
            connection.send(b"a" * 65_536)
            sent[0] += 65_536

    with FakeImap(script) as server, little_memory(50_000_000):
        async with Desk().watching(settings(server), backoff_s=(5.0, 5.0)) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            assert "a line has no end" in door.last_error
    # What the kernel's buffers hold was sent too.
    assert sent[0] < 20_000_000


@pytest.mark.asyncio
async def test_an_answer_without_an_end_is_refused(settings: Callable[..., Imap]) -> None:
    """Lines of ordinary length for ever fill no memory: each command's answer has a limit."""

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.command()
        while True:
            connection.send(b'* LIST () "/" "folder of some length"\r\n' * 1000)

    with FakeImap(script) as server, little_memory(300_000_000):
        async with Desk().watching(settings(server), max_mail_bytes=1_000_000, backoff_s=(5.0, 5.0)) as door:
            await until_async(lambda: door.last_error is not None, 20)
            assert door.last_error is not None
            assert "an answer has no end" in door.last_error


@pytest.mark.asyncio
async def test_a_server_that_trickles_is_given_up(settings: Callable[..., Imap]) -> None:
    """A byte now and then keeps no command alive beyond its time."""
    released = threading.Event()

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.command()
        connection.send(b"* OK ")
        while not released.wait(0.05):
            connection.send(b"a")

    with FakeImap(script) as server:
        began = time.monotonic()
        async with Desk().watching(settings(server), timeout_s=0.5, backoff_s=(5.0, 5.0)) as door:
            await until_async(lambda: door.last_error is not None, 3)
            assert door.last_error is not None
            assert "no answer within 0.5 s" in door.last_error
            assert time.monotonic() - began < 2.0
        released.set()


@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["greeting", "after login", "in IDLE"])
async def test_a_storm_of_bye_is_met_with_patience(settings: Callable[..., Imap], when: str) -> None:
    """A server that ends every connection at once sees ever fewer of them, not a storm in return."""

    def script(connection: Connection) -> None:
        if when != "greeting":
            connection.greet_and_log_in()

        def bye(tag: bytes, rest: bytes) -> None:
            connection.say(b"+ idling", b"* BYE go away")
            raise Gone

        if when == "in IDLE":
            connection.serve({b"IDLE": bye}, uids={})
        connection.say(b"* BYE go away")

    with FakeImap(script) as server:
        async with Desk().watching(settings(server), backoff_s=(0.1, 300.0)) as door:
            until = time.monotonic() + 1.5
            await until_async(lambda: time.monotonic() > until)
            # 0.1, 0.2, 0.4, 0.8 seconds, each at least three quarters of it.
            assert 2 <= len(server.connections) <= 5
            assert door.last_error is not None
