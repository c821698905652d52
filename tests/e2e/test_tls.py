"""TLS of the real daemon: its two doors with certificates of a test authority, and its relay, verified or not at all."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.servers.desk import Desk, plain_mail
from tests.servers.sink import Sink
from tests.wait import until


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def certified(authority: trustme.CA, folder: Path, mode: str) -> str:
    """The keys of [smtp] for a door with a certificate of this authority."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    os.chmod(folder / "key.pem", 0o600)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return f'tls = "{mode}"\ncert_file = "cert.pem"\nkey_file = "key.pem"'


def secure_sink(authority: trustme.CA, *names: str) -> Sink:
    """A relay that offers STARTTLS with a certificate for these names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return Sink(tls="starttls", certificate=context)


def test_the_starttls_door(tmp_path: Path, authority: trustme.CA, trust: ssl.SSLContext, sink: Sink) -> None:
    """A verified client sends a mail inside TLS, and it is confirmed."""
    with Desk(tmp_path, sink.port, agents="", smtp=certified(authority, tmp_path, "starttls")) as desk:
        with smtplib.SMTP("localhost", desk.smtp_port, timeout=10) as client:
            client.starttls(context=trust)
            assert isinstance(client.sock, ssl.SSLSocket)
            client.sendmail("lea@client.test", ["support@desk.test"], plain_mail("Inside TLS"))
        sink.wait_for(1)
        assert [row["outcome"] for row in desk.json("mails")] == ["ticket"]


def test_the_implicit_door(tmp_path: Path, authority: trustme.CA, trust: ssl.SSLContext, sink: Sink) -> None:
    """TLS from the first byte; who speaks in clear gets no session."""
    with Desk(tmp_path, sink.port, agents="", smtp=certified(authority, tmp_path, "implicit")) as desk:
        with smtplib.SMTP_SSL("localhost", desk.smtp_port, timeout=10, context=trust) as client:
            client.sendmail("lea@client.test", ["support@desk.test"], plain_mail("Inside TLS"))
        sink.wait_for(1)
        with pytest.raises((smtplib.SMTPException, OSError)):
            smtplib.SMTP("localhost", desk.smtp_port, timeout=1).sendmail("a@b.test", ["support@desk.test"], b"x")
        assert [row["outcome"] for row in desk.json("mails")] == ["ticket"]


def test_a_verified_relay(tmp_path: Path, authority: trustme.CA) -> None:
    """With relay.tls = "starttls" and the right authority the letter goes, inside TLS."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with (
        secure_sink(authority, "127.0.0.1") as sink,
        Desk(tmp_path, sink.port, agents="", relay_tls="starttls", relay='ca_file = "ca.pem"') as desk,
    ):
        desk.send(plain_mail("To be confirmed"))
        assert [mail.tls for mail in sink.wait_for(1)] == [True]


@pytest.mark.parametrize("fault", ["wrong authority", "wrong name", "no STARTTLS"])
def test_a_relay_that_cannot_be_verified(tmp_path: Path, authority: trustme.CA, fault: str) -> None:
    """The letter stays in the outbox, nothing of it passes the wire, and it goes once the relay can be verified."""
    (authority if fault != "wrong authority" else trustme.CA()).cert_pem.write_to_path(tmp_path / "ca.pem")
    wrong = Sink() if fault == "no STARTTLS" else secure_sink(authority, "127.0.0.1" if "auth" in fault else "x.test")
    with wrong as sink:
        desk = Desk(tmp_path, sink.port, agents="", relay_tls="starttls", relay='ca_file = "ca.pem"')
        with desk:
            desk.send(plain_mail("To be confirmed"))
            until(lambda: sink.connections)
            until(lambda: "relay.down" in desk.log())
            (letter,) = desk.json("outbox")
            assert letter["state"] in ("waiting", "deferred")
            assert letter["recipient"] == "lea@client.test"
            assert desk.stop() == 0
        assert sink.mails == []
        assert not [line for line in sink.commands if not line.startswith(("EHLO", "STARTTLS", "QUIT"))]
    (tmp_path / "ca.pem").unlink()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with secure_sink(authority, "127.0.0.1") as sink:
        desk.config.write_text(desk.config.read_text().replace(f"port = {wrong.port}\n", f"port = {sink.port}\n"))
        with desk:
            (mail,) = sink.wait_for(1)
            assert (mail.tls, mail.recipient) == (True, "lea@client.test")
