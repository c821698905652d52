"""The IMAP door against a server that lies, floods, stalls or breaks off: memory is bounded, no credential is lost."""

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
from tests.servers.fake_imap import Connection, FakeImap, Gone, asked_uids
from tests.wait import until_async

pytestmark = pytest.mark.asyncio

SECRET = "do-not-tell-7"


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Imap]:
    secret = tmp_path / "password"
    secret.write_text(SECRET)
    secret.chmod(0o600)

    def make(server: FakeImap, **values: Any) -> Imap:
        return Imap.model_validate(
            {
                "host": "127.0.0.1",
                "port": server.port,
                "tls": "none",
                "username": "support@desk.test",
                "password_file": secret,
                "mailbox": "support@desk.test",
                **values,
            }
        )

    return make


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


async def test_a_preauth_greeting_gets_no_word(settings: Callable[..., Imap]) -> None:
    """Whoever greets with PREAUTH would choose the account that the desk reads: the desk hangs up in silence."""

    def script(connection: Connection) -> None:
        connection.say(b"* PREAUTH [CAPABILITY IMAP4rev1] welcome, bob")
        connection.serve({}, uids={1: mail("x")})

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server)) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            assert "PREAUTH" in door.last_error
        assert server.heard == b""
    assert desk.mails == []


@pytest.mark.parametrize("trick", ["no STARTTLS offered", "STARTTLS refused", "bytes behind the OK"])
async def test_no_credential_leaves_without_the_tls_that_was_asked_for(
    settings: Callable[..., Imap], trick: str
) -> None:
    """With tls = "starttls" there is no way back to plaintext, and nothing said before TLS counts."""

    def script(connection: Connection) -> None:
        connection.say(b"* OK ready")
        offers = b"" if trick == "no STARTTLS offered" else b" STARTTLS"
        tag, _ = connection.command()
        connection.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN" + offers, tag + b" OK done")
        tag, _ = connection.command()
        if trick == "STARTTLS refused":
            connection.say(tag + b" NO not today")
        else:
            connection.say(tag + b" OK go", b"* CAPABILITY IMAP4rev1 AUTH=PLAIN", b"* PREAUTH hello")
        while True:
            connection.line()

    with FakeImap(script) as server:
        async with Desk().watching(settings(server, tls="starttls")) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            await until_async(lambda: len(server.connections) >= 2)
        assert b"AUTH" not in server.heard
        assert b"LOGIN" not in server.heard


async def test_a_server_that_disables_login_gets_no_password(settings: Callable[..., Imap]) -> None:
    """LOGINDISABLED without AUTH=PLAIN (RFC 3501, 6.2.3): the password stays here, the admin is told what to set."""

    def script(connection: Connection) -> None:
        connection.say(b"* OK ready")
        tag, _ = connection.command()
        connection.say(b"* CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS", tag + b" OK done")
        connection.line()

    with FakeImap(script) as server:
        async with Desk().watching(settings(server)) as door:
            await until_async(lambda: door.last_error is not None)
            assert door.last_error is not None
            assert 'set tls to "implicit" or "starttls"' in door.last_error
        assert SECRET.encode() not in server.heard


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


async def test_uids_that_were_not_asked_for_are_ignored(settings: Callable[..., Imap]) -> None:
    """A server that answers with other mails than the asked-for does not smuggle them in, nor old ones by UID n:*."""

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def fetch(tag: bytes, rest: bytes) -> None:
            if b"RFC822.SIZE" in rest:
                connection.say(
                    b"* 1 FETCH (UID 4 RFC822.SIZE 10)", b"* 2 FETCH (UID 3 RFC822.SIZE 10)", tag + b" OK done"
                )
                return
            for uid, raw in ((3, mail("stranger")), (4, mail("asked"))):
                connection.send(b"* 1 FETCH (UID %d BODY[] {%d}\r\n" % (uid, len(raw)) + raw + b")\r\n")
            connection.say(tag + b" OK done")

        def search(tag: bytes, rest: bytes) -> None:
            connection.say(b"* SEARCH 2 3 4" if b"*" not in rest else b"* SEARCH 4", tag + b" OK done")

        connection.serve({b"UID FETCH": fetch, b"UID SEARCH": search}, uids={2: b"", 4: b""})

    desk = Desk()
    desk.position = (7, 3)
    with FakeImap(script) as server:
        async with desk.watching(settings(server)):
            await until_async(lambda: desk.position == (7, 4))
    assert desk.subjects == ["asked"]


async def test_a_mail_on_which_the_server_breaks_off_does_not_hold_up_the_others(
    settings: Callable[..., Imap],
) -> None:
    """Each fetch of one mail ends the connection: the others are taken, one by one."""
    uids = {uid: mail(f"mail {uid}") for uid in range(1, 6)}

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def fetch(tag: bytes, rest: bytes) -> None:
            asked = rest.split()[2]
            if b"BODY" in rest and (b"3" in asked or asked == b"1:5"):
                connection.say(b"* 3 FETCH (UID 3 BODY[] (((((")
                raise Gone
            connection._ordinary(tag, rest, uids)

        connection.serve({b"UID FETCH": fetch}, uids=uids)

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server), backoff_s=(0.05, 0.5), poll_s=0.3):
            await until_async(lambda: len(desk.mails) >= 4)
    assert sorted(desk.subjects) == ["mail 1", "mail 2", "mail 4", "mail 5"]
    # Never past the one that is still owed.
    assert desk.position is None or desk.position[1] < 3


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
