"""`maildesk rebuild` beside a running desk, and killed in the middle: real processes, the control socket, SIGKILL."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from maildesk import __version__
from maildesk.control import ask
from maildesk.store.sqlite import SqliteEngine
from tests.conftest import ROOT
from tests.servers.desk import Desk, plain_mail
from tests.servers.sink import Sink
from tests.test_rebuild import change, dump, rows
from tests.wait import until

DB = "maildesk.db"
# More than the daemon is given at once.
COPIES = 1500


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A running desk with one ticket."""
    with Sink() as sink, Desk(tmp_path, sink.port) as found:
        found.send(plain_mail("The telescope", words="It is broken.\n\nSent from my iPhone"))
        until(lambda: found.json("tickets"))
        yield found


def make_old(desk: Desk, copies: int = 0) -> None:
    """As if an older version had written the entries, and there were many."""
    columns = (
        "ticket_id, mail_id, kind, author_address, author_name, at, via, subject, full_text, names, flags, derived"
    )
    change(
        desk.state,
        "PRAGMA busy_timeout=5000",
        "UPDATE entries SET text = 'microscope', full_text = 'microscope'",
        f"""INSERT INTO entries ({columns}, text)
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies})
          SELECT {columns}, text FROM entries, n WHERE entries.id = 1 AND {copies} > 0""",
        name=DB,
    )


def texts(desk: Desk) -> dict[str, int]:
    return dict(rows(desk.state, "SELECT text, count(*) FROM entries GROUP BY text", DB))


def written(desk: Desk) -> int:
    return int(rows(desk.state, "SELECT count(*) FROM history WHERE what = 'rebuilt'", DB)[0][0])


def is_whole(desk: Desk) -> None:
    """The database is sound and its index says what the entries say."""
    with closing(sqlite3.connect(desk.state / DB)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.execute("INSERT INTO entries_fts(entries_fts, rank) VALUES ('integrity-check', 1)")
        connection.rollback()


@contextmanager
def rebuilding(desk: Desk) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process, once it has written something."""
    command = [sys.executable, "-m", "maildesk", "rebuild", "--config", str(desk.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        try:
            until(lambda: written(desk) or process.poll() is not None, 30)
            yield process
        finally:
            process.kill()


def test_beside_a_running_desk(desk: Desk) -> None:
    """The daemon writes; search finds the new words; a dry run before changed nothing; nothing is left for a second run."""
    make_old(desk)
    done = desk.run("rebuild", "--dry-run")
    assert b"+ It is broken." in done.stdout, done.stderr
    assert texts(desk) == {"microscope": 1}
    done = desk.run("rebuild")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"changed: 1." in done.stdout
    assert texts(desk) == {"It is broken.": 1}
    assert [found["entry"] for found in desk.json("search", "iphone")] == [1]
    assert desk.json("search", "microscope") == []
    assert b"changed: 0" in desk.run("rebuild").stdout
    is_whole(desk)


def test_progress_is_for_terminals(desk: Desk) -> None:
    """A bar on a terminal's standard error, none in a pipe."""
    command = [sys.executable, "-m", "maildesk", "rebuild", "--config", str(desk.config)]
    ours, theirs = os.openpty()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, check=True, timeout=60)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        assert b"Reading mails again" in terminal.read(4096)
    assert done.stdout == b"Entries read again: 1; changed: 0.\n"
    assert desk.run("rebuild").stderr == b""


def test_killed_in_the_middle(desk: Desk) -> None:
    """Each entry is the old one or the new one, the store is sound, and run again it finishes; then nothing is left."""
    assert desk.stop() == 0
    make_old(desk, COPIES)
    with rebuilding(desk) as process:
        process.kill()
    found = texts(desk)
    assert set(found) == {"microscope", "It is broken."}
    assert sum(found.values()) == COPIES + 1
    is_whole(desk)
    done = desk.run("rebuild")
    assert done.returncode == 0, done.stderr
    assert texts(desk) == {"It is broken.": COPIES + 1}
    assert written(desk) == COPIES + 1
    is_whole(desk)
    before = dump(desk.state, DB)
    assert b"changed: 0" in desk.run("rebuild").stdout
    assert dump(desk.state, DB) == before


def test_the_desk_is_killed_in_the_middle(desk: Desk) -> None:
    """The command says in a sentence to run it again; after the desk's next start it finishes."""
    make_old(desk, COPIES)
    with rebuilding(desk) as process:
        desk.kill()
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.count(b"\n")) == (75, 1), err
    assert set(texts(desk)) == {"microscope", "It is broken."}
    is_whole(desk)
    desk.start()
    assert desk.run("rebuild").returncode == 0
    assert texts(desk) == {"It is broken.": COPIES + 1}


def test_mail_comes_in_meanwhile(desk: Desk) -> None:
    """A mail that is sent while a rebuild writes gets its ticket, and the rebuild ends as if there were none."""
    make_old(desk, COPIES)
    with rebuilding(desk) as process:
        desk.send(plain_mail("Meanwhile"))
        until(lambda: len(desk.json("tickets")) == 2)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
    assert texts(desk) == {"It is broken.": COPIES + 1, "Hello": 1}


@pytest.mark.parametrize(
    "answer", [{"answer": {"version": "0.0.9", "changed": 0}}, {"error": "it knows no such command"}]
)
def test_a_daemon_of_another_version_is_named(tmp_path: Path, answer: object) -> None:
    """It would derive with other rules, or knows of none: a sentence that says to restart it, and nothing is changed."""
    desk = Desk(tmp_path, 1)
    SqliteEngine(desk.config.parent / DB).migrate()
    desk.config.write_text(desk.config.read_text().replace('state_dir = "state"', 'state_dir = "."'))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(json.dumps(answer).encode() + b"\n")

        daemon = threading.Thread(target=speak)
        daemon.start()
        done = desk.run("rebuild")
        daemon.join()
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (75, b"", 1)
    assert b"restart it, then rebuild" in done.stderr


def test_what_the_daemon_is_asked_wrongly_changes_nothing(desk: Desk) -> None:
    """No entries, no list, entries that are not there: the version that runs, and nothing changed."""
    for entries in ([], "x", [4711], ["1", None]):
        answer = ask(desk.state / "control.sock", "rebuild", entries=entries)
        assert answer == {"version": __version__, "changed": 0}
