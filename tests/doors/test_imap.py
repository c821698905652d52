"""The IMAP door against a real Dovecot."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from maildesk.config import OAuth2
from maildesk.errors import BadConfig, DiskNearlyFull, Looping, TooLarge
from tests.doors.imap_desk import Desk, mail, settings_for
from tests.servers.dovecot import Dovecot
from tests.wait import until, until_async

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as server:
        yield server


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of the test's own, who has an empty INBOX."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()) + "@desk.test"


def idling(server: Dovecot, user: str) -> Callable[[], bool]:
    """Whether the user's session stands in IDLE, as a condition to wait for."""

    return lambda: server.is_idling(user)


async def test_a_delivered_mail_is_taken_within_a_second_by_idle(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """IDLE tells of a mail at once: it is at the desk about a second after its delivery, whatever the poll."""
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path)) as door:
        await until_async(lambda: door.last_poll_at)
        await until_async(idling(dovecot, user))
        delivered_at = time.monotonic()
        dovecot.deliver(user, mail("now"))
        await until_async(lambda: desk.mails)
        assert time.monotonic() - delivered_at < 1.5
    assert desk.subjects == ["now"]


async def test_the_bytes_are_the_servers_and_the_envelope_says_imap(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """The desk gets what the server holds, byte for byte, and an envelope that claims nothing that nobody knows."""
    dovecot.deliver(user, mail("whole", header="To: support+abc@desk.test\r\n", size_bytes=200_000))
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path)):
        await until_async(lambda: desk.mails)
    assert desk.mails == dovecot.bodies(user)
    envelope = desk.envelopes[0]
    assert (envelope.via, envelope.peer, envelope.sender) == ("imap", "", None)
    assert envelope.recipients == ("support+abc@desk.test",)


@pytest.mark.parametrize("done", ["seen", 'move:Élan & "Co"', "delete"])
async def test_a_mail_is_marked_only_after_the_commit(dovecot: Dovecot, user: str, tmp_path: Path, done: str) -> None:
    """While accept runs, and when it fails, the mail lies in the folder unread; then it is seen, moved or deleted."""
    desk = Desk()
    at_commit: list[dict[int, set[str]]] = []

    def refuse_twice(raw: bytes) -> None:
        at_commit.append(dovecot.flags(user))
        if len(at_commit) < 3:
            raise DiskNearlyFull("no room")

    desk.before_commit = refuse_twice
    dovecot.deliver(user, mail("one"))
    async with desk.watching(settings_for(dovecot, user, tmp_path, done=done), poll_s=0.3) as door:
        await until_async(lambda: desk.mails)
        if done == "seen":
            await until_async(lambda: dovecot.flags(user) == {1: {"\\Seen"}})
        else:
            await until_async(lambda: dovecot.flags(user) == {})
        await until_async(lambda: door.last_error is None)
    assert at_commit == [{1: set()}] * 3
    assert desk.subjects == ["one"]
    moved = done.partition(":")[2]
    assert not moved or len(dovecot.bodies(user, moved)) == 1
    assert desk.position is not None
    assert desk.position[1] == 1


async def test_move_and_delete_leave_the_mail_of_others_alone(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """A mail that somebody marked as deleted and did not expunge is not expunged by the desk."""
    dovecot.deliver(user, mail("theirs"))
    with dovecot.connect(user) as client:
        client.select_folder("INBOX")
        client.add_flags([1], ["\\Deleted", "\\Seen"])
    dovecot.deliver(user, mail("ours"))
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path, done="delete")):
        await until_async(lambda: desk.mails)
        await until_async(lambda: dovecot.flags(user) == {1: {"\\Seen", "\\Deleted"}})
    assert desk.subjects == ["ours"]


async def test_the_first_look_takes_the_unread_and_later_everything_new(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """Old mail that was read is not taken; a mail opened in webmail after the first look is."""
    for subject in ("old read", "old unread", "old read too"):
        dovecot.deliver(user, mail(subject))
    with dovecot.connect(user) as client:
        client.select_folder("INBOX")
        client.add_flags([1, 3], ["\\Seen"])
    desk = Desk()
    settings = settings_for(dovecot, user, tmp_path)
    async with desk.watching(settings):
        await until_async(lambda: desk.position and desk.position[1] == 3)
    dovecot.deliver(user, mail("opened by a person"))
    with dovecot.connect(user) as client:
        client.select_folder("INBOX")
        client.remove_flags([1], ["\\Seen"])
        client.add_flags([4], ["\\Seen"])
    async with desk.watching(settings):
        await until_async(lambda: desk.position and desk.position[1] == 4)
    assert desk.subjects == ["old unread", "opened by a person"]


async def test_a_crash_between_commit_and_flag_offers_the_same_bytes_again(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """A desk that died after its commit and before the flag is offered the mail again, and flags it then."""
    desk = Desk()
    settings = settings_for(dovecot, user, tmp_path)
    async with desk.watching(settings) as door:
        await until_async(lambda: desk.position)

        def cut(raw: bytes) -> None:
            dovecot.kick(user)
            # The session ends soon after the order, not with it.
            until(lambda: dovecot.sessions(user) == 0)
            # The thread must not get as far as a second connection: what follows is another process's life.
            door._stopping.set()

        desk.after_commit = cut
        dovecot.deliver(user, mail("twice"))
        await until_async(lambda: len(desk.mails) == 1)
    assert dovecot.flags(user) == {1: set()}
    desk.after_commit = lambda _: None
    async with desk.watching(settings):
        await until_async(lambda: dovecot.flags(user) == {1: {"\\Seen"}})
    assert len(desk.mails) == 2
    assert desk.mails[0] == desk.mails[1]


async def test_a_connection_cut_before_the_flag_is_flagged_on_the_next(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """A door that lost only its connection remembers what was committed: it flags the mail, and offers it no more."""
    desk = Desk()
    cuts: list[bytes] = []

    def cut_once(raw: bytes) -> None:
        if not cuts:
            cuts.append(raw)
            dovecot.kick(user)

    desk.after_commit = cut_once
    dovecot.deliver(user, mail("once"))
    async with desk.watching(settings_for(dovecot, user, tmp_path)):
        await until_async(lambda: dovecot.flags(user) == {1: {"\\Seen"}})
    assert cuts
    assert desk.subjects == ["once"]


async def test_a_folder_made_anew_is_read_again(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """After a UIDVALIDITY change old UIDs mean nothing: what is in the folder now is taken, low as its UIDs are."""
    with dovecot.connect(user) as client:
        client.create_folder("Desk")
        for number in range(3):
            client.append("Desk", mail(f"before {number}"))
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path, folder="Desk"), poll_s=0.5):
        await until_async(lambda: len(desk.mails) == 3)
        await until_async(lambda: desk.position)
        old = desk.position
        with dovecot.connect(user) as client:
            client.delete_folder("Desk")
            client.create_folder("Desk")
            client.append("Desk", mail("after"))
        await until_async(lambda: "after" in desk.subjects)
        await until_async(lambda: desk.position != old)
    assert desk.position is not None
    assert old is not None
    assert desk.position[0] != old[0]
    assert desk.position[1] == 1


async def test_after_a_uidvalidity_change_recent_read_mail_is_offered_and_old_is_not(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """A read mail of this week may be one the desk never saw; one of last year would only be answered a second time."""
    recent = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(time.time() - 3 * 86_400))
    with dovecot.connect(user) as client:
        client.append("INBOX", mail("recent", header=f"Date: {recent}\r\n"), flags=["\\Seen"])
        client.append("INBOX", mail("old", header="Date: Mon, 05 Jan 2015 10:00:00 +0000\r\n"), flags=["\\Seen"])
    desk = Desk()
    desk.position = (1, 99)
    async with desk.watching(settings_for(dovecot, user, tmp_path)):
        await until_async(lambda: desk.position != (1, 99))
    assert desk.subjects == ["recent"]


async def test_a_session_kicked_in_idle_recovers(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """An IDLE whose connection the server ends is noticed at once, and the next mail is taken."""
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path)) as door:
        await until_async(idling(dovecot, user))
        dovecot.kick(user)
        await until_async(lambda: door.last_error is not None)
        dovecot.deliver(user, mail("after the kick"))
        await until_async(lambda: desk.subjects == ["after the kick"])
        await until_async(lambda: door.last_error is None)


async def test_a_dead_server_costs_no_processor(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """Neither a quiet IDLE nor a server that is gone makes the door spin."""
    desk = Desk()
    with Dovecot() as server:
        async with desk.watching(settings_for(server, user, tmp_path), backoff_s=(0.3, 2.0)) as door:
            await until_async(idling(server, user))
            used = time.process_time()
            until = time.monotonic() + 1.0
            await until_async(lambda: time.monotonic() > until)
            idle_s = time.process_time() - used
            server.stop()
            await until_async(lambda: door.last_error is not None)
            used = time.process_time()
            until = time.monotonic() + 1.0
            await until_async(lambda: time.monotonic() > until)
            dead_s = time.process_time() - used
            server.start()
            server.deliver(user, mail("back"))
            await until_async(lambda: desk.subjects == ["back"])
    # The test's own waiting takes a few hundredths.
    assert idle_s < 0.2
    assert dead_s < 0.2


async def test_a_wrong_password_is_told_and_tried_ever_more_rarely(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """The admin reads what is wrong, without the password; the server sees a few attempts, not a storm."""
    settings = settings_for(dovecot, user, tmp_path)
    (tmp_path / "imap-password").write_text("wrong-secret\n")
    async with Desk().watching(settings, backoff_s=(0.2, 300.0)) as door:
        await until_async(lambda: door.last_error is not None)
        assert door.last_error is not None
        assert "refused the login (AUTHENTICATIONFAILED)" in door.last_error
        assert "wrong-secret" not in door.last_error
        until = time.monotonic() + 2.0
        await until_async(lambda: time.monotonic() > until)
        log = (dovecot.folder / "log").read_text()
        attempts = log.count(f"user=<{user}>, method=PLAIN")
        # 0.2, 0.4, 0.8, 1.6 seconds, each at least three quarters of it.
        assert 2 <= attempts <= 5
        (tmp_path / "imap-password").write_text("correct-horse-7\n")
        await until_async(lambda: door.last_error is None)


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
async def test_an_access_token_logs_in_and_an_expired_one_is_renewed(user: str, tmp_path: Path, mechanism: str) -> None:
    """Each mechanism alone; a token that the server no longer takes is dropped and the command asked for a new one."""
    command = tmp_path / "token"
    command.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\ncat {tmp_path}/current\n")
    command.chmod(0o755)
    (tmp_path / "current").write_text("first.token\n")
    desk = Desk()
    with Dovecot(mechanisms=mechanism) as server:
        server.tokens["first.token"] = user
        settings = settings_for(server, user, tmp_path, tls="implicit", oauth2=OAuth2(command=str(command)))
        server.deliver(user, mail("one"))
        async with desk.watching(settings) as door:
            await until_async(lambda: desk.subjects == ["one"])
            assert (tmp_path / "asked").read_text() == "asked\n"
            (tmp_path / "current").write_text("second.token\n")
            server.tokens.clear()
            server.tokens["second.token"] = user
            server.kick(user)
            server.deliver(user, mail("two"))
            await until_async(lambda: desk.subjects == ["one", "two"])
            await until_async(lambda: door.last_error is None)
    assert (tmp_path / "asked").read_text() == "asked\nasked\n"


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_tls_is_verified(dovecot: Dovecot, user: str, tmp_path: Path, tls: str) -> None:
    """A certificate of the configured authority is taken; a server with one we cannot verify never gets the login."""
    dovecot.deliver(user, mail("safe"))
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path, tls=tls)):
        await until_async(lambda: desk.subjects == ["safe"])
    strange = tmp_path / "strange.pem"
    trustme.CA().cert_pem.write_to_path(strange)
    logged = (dovecot.folder / "log").read_text().count(f"Login: user=<{user}>")
    refused = settings_for(dovecot, user, tmp_path, tls=tls, ca_file=strange)
    async with Desk().watching(refused) as door:
        await until_async(lambda: door.last_error is not None)
        assert door.last_error is not None
        assert "certificate cannot be verified" in door.last_error
    assert (dovecot.folder / "log").read_text().count(f"Login: user=<{user}>") == logged


async def test_a_mail_above_the_limit_is_left_lying(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """It is not fetched, not marked, not asked for again; those around it are taken."""
    for subject, size_bytes in (("small", 0), ("huge", 200_000), ("small too", 0)):
        dovecot.deliver(user, mail(subject, size_bytes=size_bytes))
    desk = Desk()
    settings = settings_for(dovecot, user, tmp_path)
    async with desk.watching(settings, max_mail_bytes=100_000) as door:
        await until_async(lambda: desk.position and desk.position[1] == 3)
        assert door.left_lying == 1
        assert door.last_error is None
    async with desk.watching(settings, max_mail_bytes=100_000) as door:
        await until_async(lambda: door.last_poll_at)
        assert door.left_lying == 0
    assert desk.subjects == ["small", "small too"]
    assert dovecot.flags(user) == {1: {"\\Seen"}, 2: set(), 3: {"\\Seen"}}


@pytest.mark.parametrize("refusal", [TooLarge, Looping])
async def test_what_accept_refuses_for_good_is_passed(
    dovecot: Dovecot, user: str, tmp_path: Path, refusal: type[Exception]
) -> None:
    """A permanent refusal leaves the mail unread in the folder and lets the next one through at once."""
    desk = Desk()

    def refuse(raw: bytes) -> None:
        if b"Subject: bad" in raw:
            raise refusal("never")

    desk.before_commit = refuse
    dovecot.deliver(user, mail("bad"))
    dovecot.deliver(user, mail("good"))
    async with desk.watching(settings_for(dovecot, user, tmp_path)) as door:
        await until_async(lambda: desk.position and desk.position[1] == 2)
        assert door.left_lying == 1
    assert desk.subjects == ["good"]
    assert dovecot.flags(user) == {1: set(), 2: {"\\Seen"}}


async def test_a_mail_that_always_fails_does_not_hold_up_the_others(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """After three failures the mails behind it are taken; it is not lost, the position waits below it."""
    desk = Desk()

    def fail(raw: bytes) -> None:
        if b"Subject: poison" in raw:
            raise RuntimeError("a bug of ours")

    desk.before_commit = fail
    for subject in ("first", "poison", "last"):
        dovecot.deliver(user, mail(subject))
    settings = settings_for(dovecot, user, tmp_path)
    async with desk.watching(settings) as door:
        await until_async(lambda: desk.subjects == ["first", "last"])
        await until_async(lambda: dovecot.flags(user) == {1: {"\\Seen"}, 2: set(), 3: {"\\Seen"}})
        assert door.last_error is not None
        desk.before_commit = lambda _: None
        await until_async(lambda: desk.subjects == ["first", "last", "poison"])
        await until_async(lambda: desk.position and desk.position[1] == 3)


async def test_many_mails_come_in_order_and_each_once(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """More than a batch: the order is that of the UIDs, and nothing comes twice or not at all."""
    subjects = [f"mail {number}" for number in range(120)]
    with dovecot.connect(user) as client:
        for subject in subjects:
            client.append("INBOX", mail(subject))
    desk = Desk()
    async with desk.watching(settings_for(dovecot, user, tmp_path, done="move:Done")):
        await until_async(lambda: desk.position and desk.position[1] == 120)
    assert desk.subjects == subjects
    assert dovecot.flags(user) == {}
    assert len(dovecot.bodies(user, "Done")) == 120


async def test_stop_ends_an_idle_door_at_once(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """Stopping does not wait for the IDLE, the poll or the server, and leaves no thread and no descriptor behind."""
    descriptors = len(os.listdir("/proc/self/fd"))
    door = Desk().door(settings_for(dovecot, user, tmp_path))
    door.start()
    await until_async(idling(dovecot, user))
    began = time.monotonic()
    await door.stop()
    assert time.monotonic() - began < 0.5
    assert door._thread is not None
    assert not door._thread.is_alive()
    await until_async(lambda: dovecot.sessions(user) == 0)
    assert len(os.listdir("/proc/self/fd")) <= descriptors


async def test_a_door_that_is_stopped_while_accepting_marks_what_it_took(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    """A drain finishes the mail at hand: it is committed, so it is marked, and its place in the folder is kept."""
    desk = Desk()
    with dovecot.connect(user) as client:
        desk.position = (client.select_folder("INBOX")[b"UIDVALIDITY"], 0)
    door = desk.door(settings_for(dovecot, user, tmp_path))

    def stop(raw: bytes) -> None:
        door._stopping.set()
        os.write(door._stop_write_fd, b".")

    desk.after_commit = stop
    for subject in ("one", "two"):
        dovecot.deliver(user, mail(subject))
    door.start()
    assert door._thread is not None
    thread = door._thread
    await until_async(lambda: not thread.is_alive())
    assert desk.subjects == ["one"]
    assert dovecot.flags(user) == {1: {"\\Seen"}, 2: set()}
    assert desk.position[1] == 1


@pytest.mark.parametrize("done", ["move:", "seem", "delete:x", "move:INBOX", ""])
async def test_an_impossible_done_is_refused(dovecot: Dovecot, tmp_path: Path, done: str) -> None:
    """What to do with a mail that was taken is one of three things, and a move goes elsewhere."""
    with pytest.raises(BadConfig):
        Desk().door(settings_for(dovecot, "a@desk.test", tmp_path).model_copy(update={"done": done}))
