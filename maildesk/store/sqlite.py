"""The SQLite engine: one connection writes and checkpoints, readers only read. Knows SQL and no desk.

Group commit: what waits is committed together, a savepoint each, one fsync. Nobody is answered before COMMIT has
returned; a full disk or an input/output error undoes the whole transaction (sqlite.org, "Response To Errors Within A
Transaction"), so everybody in that batch is told. Batches are of one kind and waiting accepts go first.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from maildesk.errors import DiskNearlyFull, MaildeskError
from maildesk.store.schema_pages import migrations
from maildesk.store.sql import queries

T = TypeVar("T")
Value = str | int | float | bytes | None
Row = Mapping[str, Value]

# A batch of settlements, or of a rebuild, ends after this long, so that an accept never waits longer for the writer.
SETTLE_BATCH_S = 0.02
_BUSY_TIMEOUT_MS = 5000
_CHECKPOINT_PAGES = 1000
_LARGE_BYTES = 1_000_000


class StoreBroken(MaildeskError):
    """The database could not be read or written."""


class StoreBusy(MaildeskError):
    """Somebody else holds the database's lock."""


class Kind(IntEnum):
    """What a write is part of; batches are of one kind, in this order."""

    ACCEPT = 0
    MARK = 1
    SETTLE = 2
    REBUILD = 3


class Tx:
    """One transaction, or one read: five verbs over the named queries."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queries = queries()

    def find(self, name: str, /, **values: Value) -> Row | None:
        """The first row, or None."""
        return self._run("find", name, values).fetchone()  # type: ignore[no-any-return]

    def list(self, name: str, /, **values: Value) -> list[Row]:
        """All rows."""
        return self._run("list", name, values).fetchall()

    def add(self, name: str, /, **values: Value) -> int:
        """The new row's id; 0 when the statement returns none."""
        row = self._run("add", name, values).fetchone()
        if any(isinstance(value, bytes) and len(value) > _LARGE_BYTES for value in values.values()):
            self._let_go(name, values)
        return int(row[0]) if row else 0

    def _let_go(self, name: str, values: Mapping[str, Value]) -> None:
        """Make the driver forget a large value: a prepared statement keeps its last ones, a copy each, until it has others."""
        nothing = {key: None if isinstance(value, bytes) else value for key, value in values.items()}
        self._connection.execute("SAVEPOINT let_go")
        with suppress(sqlite3.IntegrityError):
            self._run("add", name, nothing).fetchone()
        self._connection.execute("ROLLBACK TO let_go")
        self._connection.execute("RELEASE let_go")

    def change(self, name: str, /, **values: Value) -> int:
        """How many rows were changed."""
        return self._run("change", name, values).rowcount

    def drop(self, name: str, /, **values: Value) -> int:
        """How many rows were removed."""
        return self._run("drop", name, values).rowcount

    def _run(self, verb: str, name: str, values: Mapping[str, Value]) -> sqlite3.Cursor:
        return self._connection.execute(self._queries[f"{verb}: {name}"].text, values)


class _Job:
    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[Tx], object]) -> None:
        self.work = work
        self.future: Future[object] = Future()


class SqliteEngine:
    """One database file. `write` from any thread; `read` from any thread, each with a connection of its own."""

    def __init__(self, path: Path, *, on_broken: Callable[[BaseException], None] | None = None) -> None:
        self._path = path
        self._on_broken = on_broken
        self._waiting: tuple[deque[_Job], ...] = tuple(deque() for _ in Kind)
        self._chores: deque[Future[None]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._readers: list[sqlite3.Connection] = []
        self._free: deque[sqlite3.Connection] = deque()
        self.written_at = time.monotonic()

    def migrate(self) -> None:
        """Make or update the tables. The caller holds the desk's lock: two at once would collide.

        Raises StoreBroken for a damaged file, before anything in it is changed.
        """
        try:
            connection = self._connect_writer()
            try:
                found = connection.execute("PRAGMA quick_check").fetchone()[0]
                if found != "ok":
                    raise StoreBroken(f"The database {self._path} is damaged ({found}); restore it from a backup.")
                migrations.apply(Database(connection, execute_plugins=False))
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StoreBroken(
                f"The database {self._path} cannot be used ({error}); restore it from a backup."
            ) from error

    def start(self) -> None:
        """Start the writer."""
        self._thread = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._thread.start()

    def read(self, work: Callable[[Tx], T]) -> T:
        """What `work` makes of one consistent snapshot. Raises StoreBroken when the database cannot be read."""
        try:
            with self._reader() as connection:
                connection.execute("BEGIN")
                try:
                    return work(Tx(connection))
                finally:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreBroken(f"The database {self._path} cannot be read: {error}.") from error

    def write(self, work: Callable[[Tx], T], kind: Kind = Kind.MARK) -> Future[T]:
        """Run `work` in the writer; the future is done only after the COMMIT, or with the error that undid it."""
        job = _Job(work)
        with self._changed:
            if self._closing:
                job.future.set_exception(StoreBroken("The desk is stopping; please try again."))
            else:
                self._waiting[kind].append(job)
                self._changed.notify()
        return job.future  # type: ignore[return-value]

    def tidy(self) -> Future[None]:
        """Between two transactions: statistics for the query planner, and the write-ahead log written back and cut."""
        chore: Future[None] = Future()
        with self._changed:
            if self._closing:
                chore.set_exception(StoreBroken("The desk is stopping; please try again."))
            else:
                self._chores.append(chore)
                self._changed.notify()
        return chore

    def close(self) -> None:
        """Commit what waits, checkpoint, close."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        for connection in self._readers:
            connection.close()
        self._readers.clear()
        self._free.clear()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._free.pop()
        except IndexError:
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
            self._readers.append(connection)
        try:
            yield connection
        finally:
            self._free.append(connection)

    def _connect_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        for pragma, wanted in (
            ("journal_mode=WAL", "wal"),
            # NORMAL loses acknowledged mail at a power loss; FULL does not.
            ("synchronous=FULL", None),
            ("foreign_keys=ON", None),
            ("secure_delete=ON", None),
            (f"busy_timeout={_BUSY_TIMEOUT_MS}", None),
            (f"wal_autocheckpoint={_CHECKPOINT_PAGES}", None),
        ):
            row = connection.execute(f"PRAGMA {pragma}").fetchone()
            if wanted is not None and row[0] != wanted:
                raise StoreBroken(f"The database {self._path} cannot use a write-ahead log on this file system.")
        if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
            raise StoreBroken(f"The database {self._path} does not take synchronous=FULL.")
        return connection

    def _write_forever(self) -> None:
        try:
            connection = self._connect_writer()
        except (sqlite3.Error, StoreBroken) as error:
            self._give_up(error)
            return
        try:
            while True:
                with self._changed:
                    while not any(self._waiting) and not self._chores and not self._closing:
                        self._changed.wait()
                    kind = next((k for k in Kind if self._waiting[k]), None)
                if kind is not None:
                    self._commit_batch(connection, kind)
                elif self._chores:
                    self._do_chore(connection, self._chores.popleft())
                else:
                    return
        finally:
            connection.close()

    @staticmethod
    def _do_chore(connection: sqlite3.Connection, chore: Future[None]) -> None:
        if not chore.set_running_or_notify_cancel():
            return
        try:
            connection.execute("PRAGMA optimize")
            # A reader that is in its way makes it do less, which is no error; tomorrow is another day.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            chore.set_exception(_translated(error))
        else:
            chore.set_result(None)

    def _give_up(self, error: BaseException) -> None:
        """No writer: whoever waits or comes is told, so that nobody waits for ever."""
        broken = StoreBroken(f"The database {self._path} cannot be opened: {error}.")
        with self._changed:
            self._closing = True
            waiting = [job for queue in self._waiting for job in queue]
            for queue in self._waiting:
                queue.clear()
        for job in waiting:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(broken)
        while self._chores:
            self._chores.popleft().set_exception(broken)
        if self._on_broken is not None:
            self._on_broken(error)

    def _take(self, kind: Kind, deadline: float) -> _Job | None:
        if kind >= Kind.SETTLE and time.monotonic() > deadline:
            return None
        while self._waiting[kind]:
            job = self._waiting[kind].popleft()
            # Whoever stopped waiting before the work began gets nothing done; afterwards it cannot be taken back.
            if job.future.set_running_or_notify_cancel():
                return job
        return None

    def _commit_batch(self, connection: sqlite3.Connection, kind: Kind) -> None:
        """One transaction over what waits of a kind. Only what is there already: waiting for more makes it slower."""
        batch: list[_Job] = []
        done: list[tuple[_Job, object]] = []
        refused: list[tuple[_Job, BaseException]] = []
        deadline = time.monotonic() + SETTLE_BATCH_S
        job = self._take(kind, deadline)
        if job is None:
            return
        try:
            batch.append(job)
            connection.execute("BEGIN IMMEDIATE")
            while job is not None:
                connection.execute("SAVEPOINT one")
                try:
                    done.append((job, job.work(Tx(connection))))
                except Exception as error:
                    if _ends_transaction(error) or not connection.in_transaction:
                        raise
                    connection.execute("ROLLBACK TO one")
                    refused.append((job, error))
                connection.execute("RELEASE one")
                job = self._take(kind, deadline)
                if job is not None:
                    batch.append(job)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever ended the transaction, everybody in it must hear of it
            self._undo(connection, batch, error)
            return
        self.written_at = time.monotonic()
        for finished, result in done:
            finished.future.set_result(result)
        for finished, reason in refused:
            finished.future.set_exception(reason)

    def _undo(self, connection: sqlite3.Connection, batch: list[_Job], error: Exception) -> None:
        """The whole transaction is gone, and nobody in it gets another answer."""
        known = _translated(error)
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error as worse:
            known = _translated(worse)
        for failed in batch:
            failed.future.set_exception(known)
        if isinstance(known, StoreBroken) and self._on_broken is not None:
            self._on_broken(error)


_WHOLE_TRANSACTION = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)


def _ends_transaction(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _WHOLE_TRANSACTION


def _translated(error: Exception) -> MaildeskError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskNearlyFull("The disk is full; nothing was taken.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy("The database is busy; please try again.")
    return StoreBroken(f"The database failed: {error}.")
