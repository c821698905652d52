"""The daemon watches a real Dovecot mailbox."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.sink import Sink
from tests.wait import until


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as made:
        yield made


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def imap_desk(folder: Path, sink: Sink, dovecot: Dovecot, user: str, done: str = "seen", tables: str = "") -> Desk:
    """A desk that watches this user's INBOX over TLS."""
    secret = folder / "imap-password"
    secret.write_text(PASSWORD)
    os.chmod(secret, 0o600)
    imap = (
        f'[[imap]]\nhost = "127.0.0.1"\nport = {dovecot.imaps_port}\nca_file = "{dovecot.ca_file}"\n'
        f'username = "{user}"\npassword_file = "imap-password"\nmailbox = "support@desk.test"\ndone = "{done}"\n'
    )
    return Desk(folder, sink.port, tables=f"{imap}{tables}", agents="")


def test_seen_and_by_idle(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    """What lay there and what comes while the daemon stands in IDLE become tickets, and are marked as read."""
    dovecot.deliver("seen", plain_mail("Before the start"), "lea@client.test")
    with imap_desk(tmp_path, sink, dovecot, "seen") as desk:
        sink.wait_for(1)
        until(lambda: dovecot.is_idling("seen"))
        dovecot.deliver("seen", plain_mail("Into the IDLE", author="max@client.test"), "max@client.test")
        sink.wait_for(2)
        until(lambda: all("\\Seen" in flags for flags in dovecot.flags("seen").values()))
        assert [row["via"] for row in desk.json("mails")] == ["imap", "imap"]
        (entry,) = desk.json("ticket", "50032")["entries"]
        assert (entry["author"], entry["via"], entry["flags"]) == ("max@client.test", "imap", [])
        assert desk.stop() == 0
        desk.start()
        until(lambda: dovecot.is_idling("seen"))
        assert len(desk.json("mails")) == 2
        assert desk.stop() == 0
    assert len(sink.mails) == 2


def test_moved_away(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    """With done = "move:Archive" the folder is empty after the commit, and Archive has the mail as it was."""
    mail = plain_mail("To be archived")
    dovecot.deliver("mover", mail, "lea@client.test")
    with imap_desk(tmp_path, sink, dovecot, "mover", "move:Archive"):
        sink.wait_for(1)
        until(lambda: dovecot.flags("mover", "Archive"))
        assert dovecot.flags("mover") == {}
        (kept,) = dovecot.bodies("mover", "Archive")
        assert kept.endswith(mail)


def test_by_lmtp_and_by_imap_is_one_ticket(tmp_path: Path, dovecot: Dovecot, sink: Sink) -> None:
    """A mail that reaches the desk by two doors is one ticket with one confirmation; its second row is a duplicate."""
    lmtp_port = free_port()
    tables = f'[lmtp]\nlisten = "127.0.0.1:{lmtp_port}"\n'
    mail = plain_mail("Both ways")
    with imap_desk(tmp_path, sink, dovecot, "both", tables=tables) as desk:
        with smtplib.LMTP("127.0.0.1", lmtp_port) as client:
            client.sendmail("lea@client.test", ["support@desk.test"], mail)
        sink.wait_for(1)
        dovecot.deliver("both", mail, "lea@client.test")
        until(lambda: all("\\Seen" in flags for flags in dovecot.flags("both").values() or [set()]))
        until(lambda: desk.json("mails")[0]["outcome"] != "received")
        newest, oldest = desk.json("mails")
        assert (oldest["via"], oldest["outcome"]) == ("lmtp", "ticket")
        assert (newest["via"], newest["outcome"], newest["ticket"]) == ("imap", "duplicate", oldest["ticket"])
        assert desk.stop() == 0
    assert len(sink.mails) == 1
