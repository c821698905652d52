"""T56: whatever an IMAP server says of UIDs, each mail that was asked for is taken, no other, and nothing is expunged."""

from __future__ import annotations

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
