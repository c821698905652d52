"""The recording relay itself: what it says it got is what was sent."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.servers.sink import Script, Sink, read_journal

MAIL = b"From: a@x.test\r\nMessage-ID: <1@x.test>\r\n\r\n.dot\r\n..two\r\n\r\nend\r\n"


def test_journal_holds_the_exact_bytes(tmp_path: Path) -> None:
    """Dots of the wire are taken off and nothing else changes, in memory and in the file."""
    with Sink(journal=tmp_path / "j") as sink, smtplib.SMTP(sink.host, sink.port) as client:
        client.sendmail("a@x.test", ["b@y.test"], MAIL)
        (mail,) = sink.wait_for(1)
    assert (mail.sender, mail.recipient, mail.raw, mail.connection) == ("a@x.test", "b@y.test", MAIL, 1)
    assert mail.header("message-id") == "<1@x.test>"
    assert read_journal(tmp_path / "j") == [mail]


def test_refuse_and_open_keep_the_port() -> None:
    """A refused port answers nobody, and opens again under the same number."""
    with Sink() as sink:
        sink.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((sink.host, sink.port))
        sink.open()
        with smtplib.SMTP(sink.host, sink.port) as client:
            assert client.noop()[0] == 250


def test_scripted_replies_come_in_order() -> None:
    """A recipient gets its replies one an attempt and is accepted when they are used up."""
    with (
        Sink(script=Script(at_rcpt={"b@y.test": ["450 4.2.1 later"]})) as sink,
        smtplib.SMTP(sink.host, sink.port) as client,
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@x.test", ["b@y.test"], MAIL)
        client.sendmail("a@x.test", ["b@y.test"], MAIL)
        assert len(sink.wait_for(1)) == 1


def test_tls_and_password() -> None:
    """With STARTTLS and passwords, a mail is taken only from who signed in."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with (
        Sink(tls="starttls", certificate=context, passwords={"u": "p"}) as sink,
        smtplib.SMTP(sink.host, sink.port) as client,
    ):
        trusted = ssl.create_default_context()
        authority.configure_trust(trusted)
        client.starttls(context=trusted)
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@x.test", ["b@y.test"], MAIL)
        client.login("u", "p")
        client.sendmail("a@x.test", ["b@y.test"], MAIL)
        (mail,) = sink.wait_for(1)
    assert mail.tls
    assert mail.user == "u"


def test_own_process_keeps_its_journal_when_killed(tmp_path: Path) -> None:
    """What was answered 250 stands in the file after a SIGKILL."""
    command = [sys.executable, "-m", "tests.servers.sink", "--journal", str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("a@x.test", ["b@y.test"], MAIL)
        os.kill(process.pid, signal.SIGKILL)
    assert [mail.raw for mail in read_journal(tmp_path / "j")] == [MAIL]
