"""SIGKILL under load: what was answered 250 is there once, with one number and one confirmation, and nothing is torn.

The same harness is shown to see a loss: against a desk that answers before it commits it must fail.
"""

from __future__ import annotations

import random
import smtplib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from tests.servers.desk import Desk, faked, plain_mail
from tests.servers.nasty import Nasty, Plan
from tests.servers.sink import Sink
from tests.wait import until

KILLS = 50
SENDERS = 4


@dataclass
class Journal:
    """What the senders know: every Message-ID that was answered 250, and its bytes."""

    answered: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, message_id: str, raw: bytes) -> None:
        with self.lock:
            self.answered[message_id] = raw


@contextmanager
def load(port: int, journal: Journal, tag: str) -> Iterator[None]:
    """Senders that go on through every restart, each mail from its own address; a mail without 250 is sent again."""
    stop = threading.Event()

    def send_forever(worker: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            author = f"c{tag}w{worker}n{count}@client.test"
            message_id = f"<{tag}.{worker}.{count}@client.test>"
            raw = plain_mail(f"matter {tag} {worker} {count}", author=author, message_id=message_id)
            while not stop.is_set():
                try:
                    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
                        client.sendmail(author, ["support@desk.test"], raw)
                    journal.add(message_id, raw)
                    break
                except (OSError, smtplib.SMTPException):
                    stop.wait(0.02)

    threads = [threading.Thread(target=send_forever, args=(n,)) for n in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def check(desk: Desk, sink: Sink, journal: Journal, cuts: int) -> None:
    """The laws, from the senders' journal, the database and the relay's journal."""
    with closing(sqlite3.connect(desk.state / "maildesk.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute(
            "SELECT m.message_id, m.outcome, r.sha256 FROM mails m JOIN raws r ON r.id = m.raw_id"
        ).fetchall()
        taken = {mid: digest for mid, outcome, digest in rows if outcome == "ticket"}
        assert Counter(mid for mid, outcome, _ in rows if outcome == "ticket").most_common(1)[0][1] == 1
        assert {o for _, o, _ in rows} <= {"ticket", "duplicate"}
        lost = [mid for mid in journal.answered if mid not in taken]
        assert lost == []
        assert all(taken[mid] == sha256(raw).hexdigest() for mid, raw in journal.answered.items())
        numbers = sorted(n for (n,) in db.execute("SELECT number FROM tickets"))
        assert numbers == list(range(50031, 50031 + len(numbers)))
        assert len(numbers) == len(taken)
    confirmations: dict[str, list[tuple[str | None, bytes]]] = {}
    for mail in sink.wait_for(lambda _: True):
        if mail.recipient.startswith("c"):
            confirmations.setdefault(mail.recipient, []).append((mail.header("Message-ID"), mail.raw))
    assert len(confirmations) == len(taken)
    extra = 0
    for copies in confirmations.values():
        assert len(set(copies)) == 1
        extra += len(copies) - 1
    assert extra <= cuts


@pytest.mark.parametrize("cutting", [False, True], ids=["kills", "kills and a cutting relay"])
def test_killed_at_random_moments(tmp_path: Path, cutting: bool) -> None:
    """SIGKILL at 50 random moments under load and restart, also with a relay that closes connections at random bytes."""
    chance, journal = random.Random(2026), Journal()
    kills = 5 if cutting else KILLS

    def plan(_connection: int) -> Plan:
        if not cutting or chance.random() > 0.5:
            return Plan()
        return Plan(cut_to_client_after=chance.randrange(20, 2000))

    with Sink() as sink, Nasty(sink.port, plan) as nasty:
        desk = Desk(tmp_path, nasty.port, agents="")
        desk.start()
        with load(desk.smtp_port, journal, "k"):
            for _ in range(kills):
                before = len(journal.answered)
                until(lambda before=before: len(journal.answered) > before + chance.randrange(3, 25), 30)
                desk.kill()
                desk.start()
        if cutting:
            # A letter whose last answer was lost waits five minutes before it goes again: the clock is put forward, and the
            # relay is left in peace, or some letters would wait again and again.
            assert desk.stop() == 0
            nasty.plan = lambda _connection: Plan()
            desk.start(faked("+10m"))
        until(lambda: _drained(desk), 60)
        assert desk.stop() == 0
        check(desk, sink, journal, cuts=nasty.cuts + kills * 32)
    assert len(journal.answered) > kills


def _drained(desk: Desk) -> bool:
    with closing(sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True)) as db:
        waiting = db.execute("SELECT count(*) FROM mails WHERE outcome = 'received'").fetchone()[0]
        owed = db.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()[0]
        return bool(waiting + owed == 0)
