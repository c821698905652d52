"""The laws of the SMTP door about TLS, with a real certificate of a test authority."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from maildesk.doors.listen import server_tls
from maildesk.errors import BadConfig
from tests.smtpdesk import SmtpDesk
from tests.wait import until

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("desk.test")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return server_tls(folder / "cert.pem", folder / "key.pem")


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def desk(server: ssl.SSLContext) -> Iterator[SmtpDesk]:
    with SmtpDesk(tls=server) as desk:
        yield desk


def test_starttls(desk: SmtpDesk, trust: ssl.SSLContext) -> None:
    """STARTTLS is offered, the session begins anew inside, and a mail of many chunks comes through."""
    raw = b"x" * 90_000 + b"\r\n"
    with desk.greeted() as client:
        assert "250-STARTTLS" in client.say("EHLO client.test").split("\n")
        assert client.say("STARTTLS") == "220 2.0.0 Ready to start TLS"
        client.start_tls(trust)
        assert client.say("MAIL FROM:<lea@client.test>").startswith("503 5.5.1 ")
        offers = client.say("EHLO client.test")
        assert "STARTTLS" not in offers.split("\n", 1)[1]
        assert "AUTH" not in offers
        assert client.mail("lea@client.test", ["support@desk.test"], raw).startswith("250")
        assert desk.mails[0][0] == raw
        assert client.say("QUIT").startswith("221")


def test_starttls_is_no_must(desk: SmtpDesk) -> None:
    """A server without TLS may bring mail (RFC 3207, 4)."""
    with desk.greeted() as client:
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_starttls_once(desk: SmtpDesk, trust: ssl.SSLContext) -> None:
    """Inside TLS another STARTTLS is 503, and TLS goes on."""
    with desk.greeted() as client:
        client.say("STARTTLS")
        client.start_tls(trust)
        client.say("EHLO client.test")
        assert client.say("STARTTLS").startswith("503 5.5.1 ")
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_a_failed_handshake_leaves_nothing(desk: SmtpDesk) -> None:
    """Rubbish instead of a handshake closes the connection, and its place is free."""
    with desk.greeted() as client:
        client.say("STARTTLS")
        client.send(b"\x00" * 500)
        assert client.is_closed()
    assert until(lambda: not desk.door._house.sessions)
    with desk.greeted() as client:
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_implicit_tls(server: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """The greeting comes inside TLS, and STARTTLS is neither offered nor taken."""
    with SmtpDesk(tls=server, implicit_tls=True) as desk, desk.greeted(tls=trust) as client:
        assert "STARTTLS" not in client.say("EHLO client.test")
        assert client.say("STARTTLS").startswith("503 5.5.1 ")
        assert client.mail("lea@client.test", ["support@desk.test"], b"x" * 90_000 + b"\r\n").startswith("250")
        assert desk.mails[0][1].peer == "127.0.0.1"


def test_clear_text_at_an_implicit_door(server: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """A client that does not speak TLS is let go without its place."""
    with SmtpDesk(tls=server, implicit_tls=True) as desk:
        for _ in range(25):
            with desk.client(first=b"EHLO client.test\r\n") as client:
                assert "220" not in client.greeting
        assert until(lambda: not desk.door._house.brakes._places)
        with desk.greeted(tls=trust) as client:
            assert client.say("NOOP").startswith("250")


def test_leaving_inside_tls(desk: SmtpDesk, trust: ssl.SSLContext) -> None:
    """A door that closes says 421 inside TLS too."""
    with desk.greeted() as client:
        client.say("STARTTLS")
        client.start_tls(trust)
        client.say("EHLO client.test")
        desk.close(0.5)
        assert client.reply().startswith("421 4.3.2 ")


def test_a_wrong_certificate_is_told_at_start(tmp_path: Path) -> None:
    """A file that is no certificate is a configuration error with its name in it."""
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(BadConfig, match=r"cert\.pem"):
        server_tls(tmp_path / "cert.pem", tmp_path / "key.pem")
