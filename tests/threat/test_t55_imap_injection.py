"""T55: no argument of an IMAP command carries a second command: line ends, NULs and endless names never reach the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from maildesk.config import Imap
from maildesk.errors import Malformed
from tests.doors.imap_desk import Desk, mail
from tests.servers.fake_imap import Connection, FakeImap
from tests.wait import until_async

INJECTIONS = ("INBOX\r\nA1 DELETE x", "a\0b", "a\nb", "a\rb", "x" * 2000, "INBOX\r\n", "\r\nA1 LOGOUT")


@pytest.mark.parametrize("value", INJECTIONS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("key", ["folder", "username", "done"])
def test_no_argument_carries_a_second_command(settings: Callable[..., Imap], key: str, value: str) -> None:
    """Refused before a connection exists."""
    with FakeImap(lambda _: None) as server:
        value = f"move:{value}" if key == "done" else value
        with pytest.raises(Malformed):
            Desk().door(settings(server).model_copy(update={key: value}))
        assert server.connections == []


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ['a"b', "a\\b", "a b", "{5}", "Entw&APw-rfe", "Entwürfe", "*", "%", "a)(b"])
async def test_a_name_is_one_argument(settings: Callable[..., Imap], name: str) -> None:
    """Quotes, backslashes, brackets and letters of any kind in a folder's name are quoted or encoded: SELECT has one argument,
    and each line of the door is one command."""

    def script(connection: Connection) -> None:
        connection.greet_and_log_in()
        connection.serve({}, uids={1: mail("x")})

    desk = Desk()
    with FakeImap(script) as server:
        async with desk.watching(settings(server, folder=name)):
            await until_async(lambda: desk.mails)
        lines = bytes(server.connections[0].heard).split(b"\r\n")
    (select,) = [line for line in lines if b" SELECT " in line]
    argument = select.partition(b" SELECT ")[2]
    assert argument.startswith(b'"')
    assert argument.endswith(b'"')
    assert b'"' not in argument[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert argument.isascii()
