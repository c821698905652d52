"""SIGKILL of the daemon while a mail comes in, by each door and at each moment of a mail's way: no loss, nothing twice."""

from __future__ import annotations

import os
import smtplib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.dying import ACCEPT, MARK, REMOVE, ROWS, SEND, SETTLE, DyingDesk
from tests.servers.client import Client, stuffed
from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.sink import Sink
from tests.wait import until


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def author(number: int) -> str:
    return f"c{number}@client.test"


def mail(number: int) -> bytes:
    return plain_mail(f"matter {number}", author=author(number), message_id=f"<{number}@client.test>")


def rows(desk: Desk) -> list[tuple[str, str]]:
    """Message-ID and outcome of every row of the ledger."""
    with closing(sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True)) as db:
        return list(db.execute("SELECT message_id, outcome FROM mails"))


def is_drained(desk: Desk) -> bool:
    """No mail waits to be settled and no letter to be sent."""
    with closing(sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True)) as db:
        (owed,) = db.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
    return not owed and all(outcome != "received" for _, outcome in rows(desk))


def assert_each_once(desk: Desk, sink: Sink, count: int, *, sent_twice: int = 0) -> Counter[str]:
    """Each of the mails 0 to count-1 is one ticket with one number and one confirmation; how often each has more rows.

    sent_twice: how many confirmations may have left a second time, with the same Message-ID and bytes: those whose
    daemon died between the relay's 250 and its own note of it.
    """
    ids = [f"<{number}@client.test>" for number in range(count)]
    until(lambda: {mid for mid, outcome in rows(desk) if outcome == "ticket"} == set(ids) and is_drained(desk))
    assert sorted(mid for mid, outcome in rows(desk) if outcome == "ticket") == sorted(ids)
    assert {outcome for _, outcome in rows(desk)} <= {"ticket", "duplicate"}
    with closing(sqlite3.connect(desk.state / "maildesk.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert [n for (n,) in db.execute("SELECT number FROM tickets ORDER BY 1")] == list(range(50031, 50031 + count))
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (count,)
    letters = Counter(letter.recipient for letter in sink.mails)
    assert set(letters) == {author(number) for number in range(count)}
    assert letters.total() - count <= sent_twice
    assert len({(letter.recipient, letter.raw) for letter in sink.mails}) == count
    return Counter(mid for mid, outcome in rows(desk) if outcome == "duplicate")


def send_until_taken(desk: DyingDesk, number: int) -> None:
    """A sender: what was not answered 250 is sent again once the desk is back."""
    try:
        desk.send(mail(number), sender=author(number))
    except (OSError, smtplib.SMTPException):
        desk.wait_killed()
        desk.start()
        desk.send(mail(number), sender=author(number))
    else:
        desk.wait_killed()
        desk.start()


def test_smtp(tmp_path: Path, sink: Sink) -> None:
    """By SMTP, at every moment from the dot to the relay's answer; only a 250 that was lost makes a duplicate."""
    moments = [f"{when} {what}" for what in (ACCEPT, SETTLE, SEND) for when in ("before", "after")]
    moments.append(f"after {ROWS}")
    with DyingDesk(tmp_path, sink.port, agents="") as desk:
        for number, moment in enumerate(moments):
            desk.dies(moment)
            send_until_taken(desk, number)
            until(lambda: is_drained(desk))
        resent = assert_each_once(desk, sink, len(moments), sent_twice=1)
        assert set(resent) == {f"<{moments.index(f'after {ACCEPT}')}@client.test>"}


def test_smtp_on_the_wire(tmp_path: Path, sink: Sink) -> None:
    """A daemon that dies between MAIL and the dot has nothing of the mail; one that dies behind its 250 has all of it."""
    with Desk(tmp_path, sink.port, agents="") as desk:
        for number, part in enumerate((0.0, 0.5, 1.0)):
            with Client(("127.0.0.1", desk.smtp_port)) as client:
                client.say("EHLO client.test")
                client.envelope(author(number), ["support@desk.test"])
                assert client.say("DATA").startswith("354")
                whole = stuffed(mail(number))
                client.send(whole[: int(len(whole) * part)])
                desk.kill()
                assert client.is_closed()
            desk.start()
            assert len(rows(desk)) == number
            desk.send(mail(number), sender=author(number))
        desk.kill()
        desk.start()
        # The last kill may come when a confirmation has left and its daemon has not noted that yet.
        assert not assert_each_once(desk, sink, 3, sent_twice=1)


def test_lmtp_with_postfix(tmp_path: Path, sink: Sink) -> None:
    """Postfix gets no answer from a daemon that dies, keeps the mail, and delivers it again."""
    port = free_port()
    settings = {
        "myhostname": "mx.desk.test",
        "virtual_mailbox_domains": "desk.test",
        "virtual_mailbox_maps": "static:yes",
        "virtual_transport": f"lmtp:inet:127.0.0.1:{port}",
    }
    moments = (f"before {ACCEPT}", f"after {ROWS}", f"after {ACCEPT}", f"after {SETTLE}")
    tables = f'[lmtp]\nlisten = "127.0.0.1:{port}"\n'
    with Postfix(settings) as postfix, DyingDesk(tmp_path, sink.port, agents="", tables=tables) as desk:
        for number, moment in enumerate(moments):
            desk.dies(moment)
            postfix.submit(author(number), ["support@desk.test"], mail(number))
            desk.wait_killed()
            desk.start()
            until(lambda: postfix.flush() or not postfix.queued())
            until(lambda: is_drained(desk))
        resent = assert_each_once(desk, sink, len(moments))
        assert set(resent) == {"<2@client.test>"}


def test_maildrop(tmp_path: Path, sink: Sink) -> None:
    """A mail leaves the maildrop only once it is committed: whatever dies before offers it again, recognised."""
    moments = [f"{when} {what}" for what in (ACCEPT, REMOVE) for when in ("before", "after")]
    moments.append(f"after {ROWS}")
    with DyingDesk(tmp_path, sink.port, agents="", tables="[maildrop]\n") as desk:
        drop = desk.state / "maildrop" / "new"
        for number, moment in enumerate(moments):
            desk.dies(moment)
            assert desk.run("deliver", "--recipient", "support@desk.test", stdin=mail(number)).returncode == 0
            desk.wait_killed()
            desk.start()
            until(lambda: not os.listdir(drop))
            until(lambda: is_drained(desk))
        resent = assert_each_once(desk, sink, len(moments))
        lost_yes = (f"after {ACCEPT}", f"before {REMOVE}")
        assert set(resent) == {f"<{moments.index(moment)}@client.test>" for moment in lost_yes}


def test_imap(tmp_path: Path, sink: Sink) -> None:
    """A mail is marked only once it is committed: whatever dies before fetches it again, recognised."""
    moments = [f"{when} {what}" for what in (ACCEPT, MARK) for when in ("before", "after")]
    (tmp_path / "imap-password").write_text(PASSWORD)
    os.chmod(tmp_path / "imap-password", 0o600)
    with Dovecot() as dovecot:
        tables = (
            f'[[imap]]\nhost = "127.0.0.1"\nport = {dovecot.imaps_port}\nca_file = "{dovecot.ca_file}"\n'
            'username = "support"\npassword_file = "imap-password"\nmailbox = "support@desk.test"\n'
        )
        with DyingDesk(tmp_path, sink.port, agents="", tables=tables) as desk:
            for number, moment in enumerate(moments):
                desk.dies(moment)
                dovecot.deliver("support", mail(number))
                desk.wait_killed()
                desk.start()
                until(lambda n=number: sum(f == {"\\Seen"} for f in dovecot.flags("support").values()) == n + 1)
                until(lambda: is_drained(desk))
            resent = assert_each_once(desk, sink, len(moments))
            again = {f"<{moments.index(moment)}@client.test>" for moment in (f"after {ACCEPT}", f"before {MARK}")}
            assert again <= set(resent)
