"""T99: what is wrong with a machine's Python, SQLite or libraries is not wrong with the desk: canaries, one a flaw."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from importlib.metadata import requires, version
from pathlib import Path

import pytest

from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.parse import understand
from maildesk.store import sqlite
from maildesk.store.sqlite import SqliteEngine, StoreBroken
from tests.threat.wire import Wire


@pytest.mark.parametrize(
    "value",
    [
        "admin@corp.example <x@evil.test>",
        "admin@corp.example, <x@evil.test>",
        "admin@corp.example)<x@evil.test>",
        "(admin@corp.example)x@evil.test",
    ],
)
def test_an_address_is_never_the_words_before_it(value: str) -> None:
    """CVE-2023-27043: whatever parseaddr makes of it, nobody is believed to be admin@corp.example."""
    author = understand(f"From: {value}\r\nSubject: x\r\n\r\nx".encode()).author
    assert author is None or author.address == "x@evil.test"


@pytest.mark.parametrize(
    "injected",
    ["a\r\nBcc: x@evil.test", "a\nBcc: x@evil.test", "a\rBcc: x@evil.test", "=?utf-8?q?a=0ABcc:_x@evil.test?="],
)
def test_no_header_of_ours_takes_a_second_line(injected: str) -> None:
    """CVE-2024-6923 and CVE-2026-1299: a line end in a subject or name, encoded or not, makes no field."""
    raw = compose(
        Outgoing(
            from_name=injected,
            from_address="support@desk.test",
            to="lea@client.test",
            subject=injected,
            message_id="<a@desk.test>",
            date=datetime(2026, 11, 22, tzinfo=UTC),
            text="x",
            desk_id="desk.test",
        )
    )
    assert not [line for line in raw.split(b"\r\n") if line.lower().startswith(b"bcc")]


def test_the_door_is_of_a_version_without_the_known_holes() -> None:
    """aiosmtpd before 1.4.5 is smuggled into, before 1.4.6 injected into: neither can be installed beside us, or is."""
    (wanted,) = (line for line in requires("maildesk") or () if line.startswith("aiosmtpd"))
    assert ">=1.4.6" in wanted
    assert tuple(map(int, version("aiosmtpd").split(".")[:3])) >= (1, 4, 6)


def test_the_database_is_synchronised_or_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pragmas are read back: a SQLite that does not take synchronous=FULL or WAL is refused before any door opens."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
            return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite.sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "factory": Deaf}))
    engine = SqliteEngine(tmp_path / "desk.db")
    with pytest.raises(StoreBroken, match="synchronous"):
        _open(engine)


def _open(engine: SqliteEngine) -> None:
    engine.migrate()
    engine.start()


def test_one_connection_writes(wire: Wire) -> None:
    """SQLite's WAL-reset race (3.7.0 to 3.51.2) needs two connections that write: a second daemon is refused."""
    second = wire.desk.run("serve")
    assert second.returncode == 75
    assert b"Traceback" not in second.stderr
