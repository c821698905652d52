"""What each door of the real daemon refuses, in the words of the promise; nothing of it is stored."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.client import Client
from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.sink import Sink
from tests.wait import until

MAX_BYTES = 100_000
LARGE = plain_mail("Too large", words="x" * 70 + ("\r\n" + "y" * 70) * 1500)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def strict_desk(folder: Path, sink: Sink, tables: str = "") -> Desk:
    return Desk(folder, sink.port, tables=f"[limits]\nmax_mail_bytes = {MAX_BYTES}\n{tables}", agents="")


def assert_nothing_stored(desk: Desk) -> None:
    """Neither a ledger row nor a raw mail, a ticket or a letter."""
    with closing(sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True)) as db:
        for table in ("mails", "raws", "tickets", "outbox"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_smtp(tmp_path: Path, sink: Sink) -> None:
    """550 5.1.1 for an address that is no mailbox, whoever asks; 552 5.3.4 at MAIL and after the dot; then all is well."""
    with strict_desk(tmp_path, sink) as desk, Client(("127.0.0.1", desk.smtp_port)) as client:
        assert f"SIZE {MAX_BYTES}" in client.say("EHLO client.test")
        assert client.say("MAIL FROM:<lea@client.test>").startswith("250")
        for address in ("nobody@desk.test", "max@client.test", "support@client.test", "support"):
            assert client.say(f"RCPT TO:<{address}>").startswith("550 5.1.1 "), address
        assert client.say("DATA")[:3] in ("503", "554")
        assert client.say("RSET").startswith("250")
        assert client.say(f"MAIL FROM:<lea@client.test> SIZE={MAX_BYTES + 1}").startswith("552 5.3.4 ")
        assert client.mail("lea@client.test", ["support@desk.test"], LARGE).startswith("552 5.3.4 ")
        assert_nothing_stored(desk)
        assert client.mail("lea@client.test", ["support@desk.test"], plain_mail("Small")).startswith("250 ")
        sink.wait_for(1)


def test_lmtp(tmp_path: Path, sink: Sink) -> None:
    """The same at RCPT; a mail that is too large is refused once for each recipient."""
    port = free_port()
    tables = f'[lmtp]\nlisten = "127.0.0.1:{port}"\n[[mailbox]]\naddress = "sales@desk.test"\n'
    with strict_desk(tmp_path, sink, tables) as desk, Client(("127.0.0.1", port)) as client:
        assert client.say("LHLO mx.desk.test").startswith("250")
        two = ["support@desk.test", "sales@desk.test"]
        replies = client.envelope("lea@client.test", ["nobody@desk.test", *two])
        assert [one[:9] for one in replies] == ["250 2.1.0", "550 5.1.1", "250 2.1.5", "250 2.1.5"]
        assert [client.data(LARGE)[:9], client.reply()[:9]] == ["552 5.3.4", "552 5.3.4"]
        assert_nothing_stored(desk)
        assert client.mail("lea@client.test", two, plain_mail("Small")).startswith("250 ")
        assert client.reply().startswith("250 ")
        sink.wait_for(2)


def test_maildrop(tmp_path: Path, sink: Sink) -> None:
    """`deliver` ends with 67 and 65; a file too large that was laid there without it is put aside and logged."""
    with strict_desk(tmp_path, sink, "[maildrop]\n") as desk:
        drop = desk.state / "maildrop"
        assert desk.run("deliver", "--recipient", "nobody@desk.test", stdin=plain_mail("x")).returncode == 67
        assert desk.run("deliver", "--recipient", "support@desk.test", stdin=LARGE).returncode == 65
        (drop / "tmp" / "by-hand").write_bytes(LARGE)
        os.rename(drop / "tmp" / "by-hand", drop / "new" / "by-hand")
        until(lambda: "maildrop.refused" in desk.log())
        assert os.listdir(drop / "refused") == ["by-hand"]
        assert os.listdir(drop / "new") == []
        assert_nothing_stored(desk)
        assert desk.run("deliver", "--recipient", "support@desk.test", stdin=plain_mail("Small")).returncode == 0
        sink.wait_for(1)


def test_imap(tmp_path: Path, sink: Sink) -> None:
    """A mail that is too large is left lying as it is, and logged; the mail behind it is taken."""
    (tmp_path / "imap-password").write_text(PASSWORD)
    os.chmod(tmp_path / "imap-password", 0o600)
    with Dovecot() as dovecot:
        dovecot.deliver("support", LARGE)
        tables = (
            f'[[imap]]\nhost = "127.0.0.1"\nport = {dovecot.imaps_port}\nca_file = "{dovecot.ca_file}"\n'
            'username = "support"\npassword_file = "imap-password"\nmailbox = "support@desk.test"\n'
        )
        with strict_desk(tmp_path, sink, tables) as desk:
            until(lambda: "imap.left_lying" in desk.log())
            assert_nothing_stored(desk)
            dovecot.deliver("support", plain_mail("Small"))
            sink.wait_for(1)
            until(lambda: list(dovecot.flags("support").values()) == [set(), {"\\Seen"}])
