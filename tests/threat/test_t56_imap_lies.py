"""T56: whatever an IMAP server says of UIDs, each mail that was asked for is taken, no other, and nothing is expunged."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from maildesk.config import Imap
from tests.doors.imap_desk import Desk, mail
from tests.servers.fake_imap import Connection, FakeImap, Gone
from tests.wait import until_async


@pytest.mark.asyncio
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


@pytest.mark.asyncio
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


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(3))
async def test_a_server_that_lies_at_random_costs_no_mail(settings: Callable[..., Imap], seed: int) -> None:
    """Wrong sizes, answers twice or not at all, UIDs that nobody asked for, foreign ones in SEARCH, broken connections: for a
    while every answer may be a lie. Then it is honest, and every mail of the folder was taken, and nothing else."""
    chance = random.Random(seed)
    uids = {uid: mail(f"mail {uid}") for uid in range(1, 13)}
    lies = [60]

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()

        def honest(tag: bytes, rest: bytes) -> None:
            connection._ordinary(tag, rest, uids)

        def fetch(tag: bytes, rest: bytes) -> None:
            if lies[0] <= 0:
                return honest(tag, rest)
            lies[0] -= 1
            match chance.randrange(5):
                case 0:
                    raise Gone
                case 1:
                    connection.say(tag + b" OK nothing")
                case 2:
                    connection.say(b"* 1 FETCH (UID 99 BODY[] {7}", b"foreign)")
                    honest(tag, rest)
                case 3:
                    connection.say(
                        b"* 1 FETCH (UID %d RFC822.SIZE %d)" % (chance.randrange(1, 13), chance.randrange(9999))
                    )
                    honest(tag, rest)
                case _:
                    honest(tag, rest)
            return None

        def search(tag: bytes, rest: bytes) -> None:
            if lies[0] > 0 and chance.random() < 0.5:
                lies[0] -= 1
                connection.say(b"* SEARCH 99 98 4000000000 0", b"* SEARCH", tag + b" OK done")
            else:
                honest(tag, rest)

        connection.serve({b"UID FETCH": fetch, b"UID SEARCH": search}, uids=uids)

    desk = Desk()
    wanted = {f"mail {uid}" for uid in uids}
    with FakeImap(script) as server:
        async with desk.watching(settings(server), backoff_s=(0.01, 0.05), poll_s=0.05, timeout_s=2.0):
            await until_async(lambda: set(desk.subjects) >= wanted, 20)
        assert b"EXPUNGE" not in server.heard
    assert set(desk.subjects) == wanted
