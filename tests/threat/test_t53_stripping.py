"""T53: where TLS was asked for, nothing goes without it: who strips, injects or pre-authenticates gets no credential."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from maildesk.config import Imap
from tests.doors.imap_desk import SECRET, Desk, mail
from tests.relay_desk import eventually, opened, relaying
from tests.servers.fake_imap import Connection, FakeImap
from tests.servers.sink import Sink
from tests.test_relay_trouble import ca_file, server_context
from tests.wait import until_async


@pytest.mark.asyncio
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


@pytest.mark.asyncio
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


@pytest.mark.asyncio
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


def test_starttls_is_required_when_configured(tmp_path: Path) -> None:
    """A relay without STARTTLS gets nothing but EHLO, and the letters wait."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port, tls="starttls") as running:
        desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: running.relay.down is not None)
        assert {command.split(" ")[0] for command in sink.commands} == {"EHLO"}
        assert (line := desk.line(1)) is not None
        assert line.state == "waiting"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_wrong_certificate_gets_no_letter(tmp_path: Path, tls: Any, wrong: str) -> None:
    """An unknown authority or another name in the certificate: nothing is sent, least of all in clear."""
    known, unknown = trustme.CA(), trustme.CA()
    context = server_context(unknown) if wrong == "authority" else server_context(known, "other.test")
    password = tmp_path / "password"
    password.write_text("secret")
    with (
        opened(tmp_path) as desk,
        Sink(tls=tls, certificate=context, passwords={"u": "secret"}) as sink,
        relaying(
            desk, sink.port, tls=tls, ca_file=ca_file(known, tmp_path), username="u", password_file=password
        ) as running,
    ):
        desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: running.relay.down is not None)
        assert running.relay.down is not None
        assert "certificate" in running.relay.down.why
        assert {command.split(" ")[0] for command in sink.commands} <= {"EHLO", "STARTTLS"}
        assert (line := desk.line(1)) is not None
        assert (line.state, line.attempts) == ("waiting", 0)
