"""The SQLite engine: group commit, nobody answered before COMMIT, order, what a damaged file or disk does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from maildesk.errors import DiskNearlyFull
from maildesk.store import sqlite
from maildesk.store.sqlite import Kind, SqliteEngine, StoreBroken, StoreBusy, Tx
from tests.conftest import ROOT

PATIENCE_S = 20


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    with started(tmp_path / "desk.db") as found:
        yield found


@contextmanager
def started(path: Path, on_broken: Callable[[BaseException], None] | None = None) -> Iterator[SqliteEngine]:
    engine = SqliteEngine(path, on_broken=on_broken)
    engine.migrate()
    engine.start()
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def held(engine: SqliteEngine) -> Iterator[None]:
    """The writer is busy meanwhile: what is asked for inside waits together."""
    is_in, may_go = threading.Event(), threading.Event()

    def wait(_: Tx) -> None:
        is_in.set()
        may_go.wait(PATIENCE_S)

    blocked = engine.write(wait, Kind.ACCEPT)
    assert is_in.wait(PATIENCE_S)
    try:
        yield
    finally:
        may_go.set()
    blocked.result(PATIENCE_S)


def note(name: str, size: int = 1) -> Callable[[Tx], int]:
    return lambda tx: tx.add("counter", name=name + "x" * size, value=1)


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return [name.rstrip("x") for (name,) in connection.execute("SELECT name FROM counters ORDER BY rowid")]


def test_one_bad_write_fails_alone(engine: SqliteEngine, tmp_path: Path) -> None:
    """In a batch each write has a savepoint: the one that raises is undone and told, the others are there."""

    def bad(tx: Tx) -> None:
        note("bad")(tx)
        raise ValueError("no")

    with held(engine):
        futures: list[Future[object]] = [engine.write(work) for work in (note("a"), bad, note("b"))]  # type: ignore[list-item]
    assert isinstance(futures[1].exception(PATIENCE_S), ValueError)
    assert futures[0].exception(PATIENCE_S) is futures[2].exception(PATIENCE_S) is None
    assert names(tmp_path / "desk.db") == ["a", "b"]


def test_nobody_is_answered_before_the_commit(engine: SqliteEngine, tmp_path: Path) -> None:
    """While a batch runs its first writes have no answer yet and are not to be seen; afterwards all are."""
    seen: list[object] = []
    with held(engine):
        first = engine.write(note("a"))
        last = engine.write(lambda _: seen.append((first.done(), names(tmp_path / "desk.db"))))
    last.result(PATIENCE_S)
    assert seen == [(False, [])]
    assert first.done()
    assert names(tmp_path / "desk.db") == ["a"]


def test_accepts_go_first_and_batches_are_of_one_kind(engine: SqliteEngine) -> None:
    """Whatever was asked for first: accepts, marks, settlements, rebuilds, each kind in its own order and transaction."""
    order: list[str] = []
    with held(engine):
        futures = [
            engine.write(lambda _, name=name: order.append(name), kind)  # type: ignore[misc]
            for name, kind in (
                ("r1", Kind.REBUILD),
                ("s1", Kind.SETTLE),
                ("m1", Kind.MARK),
                ("a1", Kind.ACCEPT),
                ("s2", Kind.SETTLE),
                ("a2", Kind.ACCEPT),
            )
        ]
    for future in futures:
        future.result(PATIENCE_S)
    assert order == ["a1", "a2", "m1", "s1", "s2", "r1"]


@pytest.mark.parametrize("kind", [Kind.SETTLE, Kind.REBUILD])
def test_settlements_leave_room_for_accepts(engine: SqliteEngine, kind: Kind) -> None:
    """A batch of settlements, or of a rebuild, ends after 20 ms, so that an accept that comes meanwhile waits no longer."""
    order: list[str] = []
    accepted: list[Future[None]] = []

    def settle(_: Tx) -> None:
        end = time.monotonic() + sqlite.SETTLE_BATCH_S / 2
        while time.monotonic() < end:
            pass
        order.append("settled")
        if not accepted:
            accepted.append(engine.write(lambda _: order.append("accepted"), Kind.ACCEPT))

    with held(engine):
        futures = [engine.write(settle, Kind.SETTLE) for _ in range(20)]
    for future in futures:
        future.result(PATIENCE_S)
    assert order.index("accepted") <= 4
    assert len(order) == 21


def test_a_cancelled_write_is_never_begun(engine: SqliteEngine, tmp_path: Path) -> None:
    """Whoever stopped waiting before the work began has nothing done; the others are served."""
    with held(engine):
        gone, stays = engine.write(note("gone")), engine.write(note("stays"))
        assert gone.cancel()
    stays.result(PATIENCE_S)
    assert names(tmp_path / "desk.db") == ["stays"]


def test_a_closed_store_commits_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    """close() finishes what was asked for; later writes are told at once."""
    engine = SqliteEngine(tmp_path / "desk.db")
    engine.migrate()
    engine.start()
    futures = [engine.write(note(f"n{i}")) for i in range(50)]
    engine.close()
    assert [f.exception(0) for f in futures] == [None] * 50
    assert len(names(tmp_path / "desk.db")) == 50
    assert isinstance(engine.write(note("late")).exception(PATIENCE_S), StoreBroken)


def test_a_busy_database_is_told_and_the_writer_goes_on(engine: SqliteEngine, tmp_path: Path) -> None:
    """When the transaction cannot even begin, its writes fail with "try again" instead of waiting for ever."""
    engine.write(lambda tx: tx._connection.execute("COMMIT").execute("PRAGMA busy_timeout=50")).exception(PATIENCE_S)
    with closing(sqlite3.connect(tmp_path / "desk.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = engine.write(note("a"))
        assert isinstance(refused.exception(PATIENCE_S), StoreBusy)
        other.execute("ROLLBACK")
    engine.write(note("b")).result(PATIENCE_S)
    assert names(tmp_path / "desk.db") == ["b"]


def test_a_lost_transaction_is_told_to_all_of_it(tmp_path: Path) -> None:
    """When the database itself ended the transaction, whatever was raised, nobody in it has an answer but the error."""
    broken: list[BaseException] = []

    def ends(tx: Tx) -> None:
        tx._connection.execute("ROLLBACK")
        raise ValueError("something else")

    with started(tmp_path / "desk.db", broken.append) as engine:
        with held(engine):
            futures: list[Future[object]] = [engine.write(work) for work in (note("a"), ends, note("b"))]  # type: ignore[list-item]
        assert isinstance(futures[0].exception(PATIENCE_S), StoreBroken)
        assert isinstance(futures[1].exception(PATIENCE_S), StoreBroken)
        futures[2].result(PATIENCE_S)
        assert len(broken) == 1
    assert names(tmp_path / "desk.db") == ["b"]


def test_a_full_disk_fails_the_whole_batch(tmp_path: Path) -> None:
    """On a small tmpfs: everybody in the batch hears that the disk is full, nothing of it is there, smaller ones go on."""
    small = tmp_path / "small"
    small.mkdir()
    assert subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], check=False).returncode == 0
    try:
        with started(small / "desk.db") as engine:
            with held(engine):
                batch = [engine.write(note("a")), engine.write(note("big", 8_000_000)), engine.write(note("b"))]
            failed = [f.exception(PATIENCE_S) for f in batch]
            assert [type(f) for f in failed[:2]] == [DiskNearlyFull, DiskNearlyFull]
            engine.write(note("c")).result(PATIENCE_S)
            there = names(small / "desk.db")
            assert there == (["c"] if failed[2] else ["b", "c"])
            with closing(sqlite3.connect(small / "desk.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


# A desk's writer alone: ten writes in batches, a line for each answer as soon as it is there.
ALONE = """
import os, sys
from pathlib import Path
from maildesk.store.sqlite import SqliteEngine
def say(*words):
    os.write(1, " ".join(words).encode() + b"\\n")
engine = SqliteEngine(Path(sys.argv[1]), on_broken=lambda error: say("broken"))
engine.start()
for i in range(5):
    pair = [engine.write(lambda tx, n=n: tx.add("counter", name=f"n{i}{n}", value=1)) for n in "ab"]
    for n, future in zip("ab", pair):
        error = future.exception(20)
        say("ok" if error is None else type(error).__name__, f"n{i}{n}")
"""


def injected(path: Path, what: str) -> list[list[str]]:
    """The lines of that writer while strace does `what` to its system calls."""
    SqliteEngine(path).migrate()
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", f"inject={what}"]
    done = subprocess.run(
        [*strace, sys.executable, "-c", ALONE, str(path)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("at", [3, 4, 5, 6])
def test_killed_at_a_sync_nothing_answered_is_lost(tmp_path: Path, at: int) -> None:
    """SIGKILL at the n-th fdatasync: every write that was answered is there."""
    lines = injected(tmp_path / "desk.db", f"fdatasync:signal=KILL:when={at}")
    answered = {name for word, name in lines if word == "ok"}
    assert len(answered) < 10
    assert answered or at < 5
    assert answered <= set(names(tmp_path / "desk.db"))


def test_a_failing_sync_fails_the_batch_and_says_so(tmp_path: Path) -> None:
    """EIO at fdatasync: nobody in the transaction gets a yes, and the daemon hears that its disk is broken."""
    lines = injected(tmp_path / "desk.db", "fdatasync:error=EIO:when=5+")
    words = [line[0] for line in lines]
    assert "broken" in words
    assert "StoreBroken" in words
    answered = {line[1] for line in lines if line[0] == "ok"}
    assert answered <= set(names(tmp_path / "desk.db"))
    assert 0 < len(answered) < 10


def test_the_pragmas_are_read_back(engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer syncs in full over a write-ahead log; a library that quietly takes NORMAL instead is refused."""
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1}

    def look(tx: Tx) -> dict[str, object]:
        return {p: tx._connection.execute(f"PRAGMA {p}").fetchone()[0] for p in wanted}

    assert engine.write(look).result(PATIENCE_S) == wanted

    class Normal(sqlite3.Connection):
        def execute(self, text: str, *values: object) -> sqlite3.Cursor:
            return super().execute(text.replace("synchronous=FULL", "synchronous=NORMAL"), *values)  # type: ignore[arg-type]

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Normal))
    with pytest.raises(StoreBroken, match="synchronous=FULL"):
        SqliteEngine(tmp_path / "other.db").migrate()


def test_readers_only_read(engine: SqliteEngine) -> None:
    """A read that writes is refused by the database itself, and the next read works."""
    with pytest.raises(StoreBroken, match="readonly"):
        engine.read(note("a"))
    assert engine.read(lambda tx: tx.find("counter", name="a")) is None


def test_a_read_sees_one_moment(engine: SqliteEngine) -> None:
    """What is committed while a read goes on is not in it."""

    def look(tx: Tx) -> tuple[object, object]:
        before = tx.find("counter", name="ax")
        engine.write(note("a")).result(PATIENCE_S)
        return before, tx.find("counter", name="ax")

    assert engine.read(look) == (None, None)
    assert engine.read(lambda tx: tx.find("counter", name="ax")) is not None


def test_migrating_twice_is_nothing(tmp_path: Path) -> None:
    """The second time leaves every table, index and row as it is."""
    path = tmp_path / "desk.db"

    def dump() -> list[str]:
        with closing(sqlite3.connect(path)) as connection:
            return list(connection.iterdump())

    with started(path) as engine:
        engine.write(note("a")).result(PATIENCE_S)
    before = dump()
    SqliteEngine(path).migrate()
    assert dump() == before


@pytest.mark.parametrize("damage", ["garbage", "page", "cut"])
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path: Path, damage: str) -> None:
    """No database, a page of noise or half a file: StoreBroken that says what to do, and nothing in it is changed."""
    path = tmp_path / "desk.db"
    with started(path) as engine:
        for i in range(200):
            engine.write(note(f"n{i}", 500)).result(PATIENCE_S)
    content = path.read_bytes()
    path.write_bytes(
        {
            "garbage": b"this is no database" * 1000,
            "page": content[:8192] + os.urandom(40_000) + content[48_192:],
            "cut": content[: len(content) // 2],
        }[damage]
    )
    damaged = path.read_bytes()
    with pytest.raises(StoreBroken, match="restore it from a backup"):
        SqliteEngine(path).migrate()
    assert path.read_bytes() == damaged


def test_a_place_that_cannot_be_opened(tmp_path: Path) -> None:
    """No folder: a sentence at migrate, and a writer that was started all the same tells everybody."""
    engine = SqliteEngine(tmp_path / "missing" / "desk.db")
    with pytest.raises(StoreBroken):
        engine.migrate()
    engine.start()
    assert isinstance(engine.write(note("a")).exception(PATIENCE_S), StoreBroken)
    engine.close()


_LARGE = """
import gc, re, sys
from pathlib import Path
from maildesk.store.sqlite import SqliteEngine

def pss_mb():
    found = re.findall(r"^Pss:\\s+(\\d+)", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[0]) / 1024

engine = SqliteEngine(Path(sys.argv[1]))
engine.migrate()
engine.start()
engine.write(lambda tx: tx.add("raw mail", sha256="", size=1, content=b"x")).result()
before = pss_mb()
rows = [engine.write(lambda tx: tx.add("raw mail", sha256="", size=1, content=b"y" * 40_000_000)).result() for _ in range(2)]
gc.collect()
print(rows, pss_mb() - before)
engine.close()
"""


def test_a_large_mail_is_given_back(tmp_path: Path) -> None:
    """40 MB are in the store, once each, and a second later not in memory: the driver keeps no copy of them."""
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(tmp_path / "desk.db")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    rows, _, grown = done.stdout.strip().rpartition(" ")
    assert rows == "[2, 3]"
    assert float(grown) < 10, done.stdout
