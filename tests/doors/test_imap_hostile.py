"""The IMAP door against a server that stalls or breaks off: no mail waits or is lost. What wants to hurt is in tests/threat."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maildesk.config import Imap
from tests.doors.imap_desk import SECRET, Desk, fake_settings, mail
from tests.servers.fake_imap import Connection, FakeImap, Gone, asked_uids
from tests.wait import until_async

pytestmark = pytest.mark.asyncio


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Imap]:
    return fake_settings(tmp_path)


async def test_a_server_that_repeats_the_password_does_not_bring_it_into_the_log(
    settings: Callable[..., Imap], caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal that quotes the command is told without the server's words."""

    def script(connection: Connection) -> None:
        connection.say(b"* OK ready")
        tag, _ = connection.command()
        connection.say(b"* CAPABILITY IMAP4rev1", tag + b" OK done")
        tag, rest = connection.command()
        connection.say(tag + b" NO [AUTHENTICATIONFAILED] not this: " + rest)

    with FakeImap(script) as server:
        async with Desk().watching(settings(server)) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            assert SECRET not in door.last_error
        assert SECRET.encode() in server.heard
    assert "imap.trouble" in caplog.text
    assert SECRET not in caplog.text


async def test_an_idle_that_only_chatters_is_not_polled_in_a_storm(settings: Callable[..., Imap]) -> None:
    """A server that announces mail for ever in which there is nothing new is asked a few times a second."""
    polls: list[bytes] = []

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def idle(tag: bytes, rest: bytes) -> None:
            polls.append(tag)
            connection.say(b"+ idling", *[b"* 1 EXISTS"] * 100)
            connection.line()
            connection.say(tag + b" OK done")

        connection.serve({b"IDLE": idle}, uids={})

    with FakeImap(script) as server:
        async with Desk().watching(settings(server)):
            await until_async(lambda: len(polls) >= 1)
            until = time.monotonic() + 1.0
            await until_async(lambda: time.monotonic() > until)
            assert len(polls) <= 8


async def test_an_idle_that_went_dead_in_silence_is_noticed_by_the_poll(settings: Callable[..., Imap]) -> None:
    """The other end is gone without a word (half-open): the poll gets no answer, a new connection takes the mail."""
    uids: dict[int, bytes] = {}
    released = threading.Event()

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def silence(tag: bytes, rest: bytes) -> None:
            connection.say(b"+ idling")
            uids[1] = mail("while nobody listened")
            released.wait(20)
            raise Gone

        connection.serve({b"IDLE": silence} if connection.number == 1 else {}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server), poll_s=0.3, timeout_s=0.5):
            await until_async(lambda: desk.subjects == ["while nobody listened"])
        released.set()


async def test_without_idle_the_poll_finds_the_mail(settings: Callable[..., Imap], monkeypatch: Any) -> None:
    """A server that offers no IDLE is polled."""
    monkeypatch.setattr("tests.servers.fake_imap.CAPABILITIES", b"IMAP4rev1 AUTH=PLAIN")
    uids: dict[int, bytes] = {}

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.serve({}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server), poll_s=0.3) as door:
            await until_async(lambda: door.last_poll_at)
            uids[5] = mail("polled")
            await until_async(lambda: desk.subjects == ["polled"])
        assert b"IDLE" not in server.heard


async def test_a_mail_that_comes_while_another_is_flagged_is_not_slept_over(settings: Callable[..., Imap]) -> None:
    """What is announced before IDLE begins is not announced again in it: the folder is looked at once more."""
    uids = {1: mail("one")}

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def store(tag: bytes, rest: bytes) -> None:
            if 2 not in uids:
                uids[2] = mail("two")
                connection.say(b"* 2 EXISTS")
            connection.say(tag + b" OK done")

        connection.serve({b"UID STORE": store}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server)):
            await until_async(lambda: desk.subjects == ["one", "two"], 3)


async def test_without_move_and_uidplus_nothing_is_expunged(settings: Callable[..., Imap], monkeypatch: Any) -> None:
    """A bare EXPUNGE takes what others marked: on an old server the copied mail stays, marked as deleted."""
    monkeypatch.setattr("tests.servers.fake_imap.CAPABILITIES", b"IMAP4rev1 AUTH=PLAIN")

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.serve({}, uids={1: mail("x")})

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server, done="move:Done")):
            await until_async(lambda: desk.position == (7, 1))
        assert b'UID COPY 1 "Done"' in server.heard
        assert b"\\Deleted" in server.heard
        assert b"EXPUNGE" not in server.heard


async def test_what_cannot_be_marked_does_not_stop_the_mail(settings: Callable[..., Imap]) -> None:
    """An archive over quota is told; new mail is still taken, each mail is offered once, the position waits."""
    uids = {1: mail("one")}
    full = [True]

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def move(tag: bytes, rest: bytes) -> None:
            connection.say(tag + (b" NO [OVERQUOTA] full" if full[0] else b" OK moved"))

        connection.serve({b"UID MOVE": move}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server, done="move:Done"), poll_s=0.2) as door:
            await until_async(lambda: door.last_error is not None)
            uids[2] = mail("two")
            await until_async(lambda: desk.subjects == ["one", "two"])
            assert desk.position is None
            full[0] = False
            await until_async(lambda: desk.position == (7, 2))
            await until_async(lambda: door.last_error is None)
    assert desk.subjects == ["one", "two"]


async def test_stop_ends_a_command_that_hangs(settings: Callable[..., Imap]) -> None:
    """The server has stopped answering in the middle of a command: the door closes all the same, at once."""
    released = threading.Event()

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.command()
        released.wait(20)

    with FakeImap(script) as server:
        door = Desk().door(settings(server))
        door.start()
        await until_async(lambda: b"SELECT" in server.heard)
        began = time.monotonic()
        await door.stop()
        assert time.monotonic() - began < 0.5
        released.set()


@pytest.mark.parametrize("done", ["seen", "move:Done"])
async def test_a_connection_that_breaks_at_every_byte_loses_and_doubles_nothing(
    settings: Callable[..., Imap], done: str
) -> None:
    """Each connection lives a few bytes longer than the one before: every mail is taken once, and marked in the end."""
    uids = {uid: mail(f"mail {uid}") for uid in range(1, 4)}
    marked: set[int] = set()

    def script(connection: Connection) -> None:
        connection.budget_bytes = connection.number * 5
        connection.greet_and_log_in()

        def mark(tag: bytes, rest: bytes) -> None:
            marked.update(asked_uids(rest))
            connection.say(tag + b" OK done")

        connection.serve({b"UID STORE": mark, b"UID MOVE": mark}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server, done=done), backoff_s=(0.001, 0.002)):
            await until_async(lambda: desk.position == (7, 3), 20)
    assert sorted(desk.subjects) == ["mail 1", "mail 2", "mail 3"]
    assert marked == {1, 2, 3}
