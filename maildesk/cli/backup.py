"""`backup` and `restore`: the whole desk in one file, database and keys, made while the desk runs."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import click

from maildesk import __version__, clock
from maildesk.cli.context import Invocation
from maildesk.config import Config
from maildesk.errors import MaildeskError, NotFound
from maildesk.state import Lock, open_directory, prepare_state, store_path
from maildesk.store import tickets
from maildesk.store.keys import continues
from maildesk.store.sqlite import SqliteEngine, StoreBroken, Tx

_DATABASE, _KEYS, _ABOUT = "maildesk.db", "keys", "about.json"
# Numbers given after the backup was made may stand in people's mail: a restored desk never gives them again.
SKIPPED_NUMBERS = 1000


class NotRestorable(MaildeskError):
    """The file is no backup, or there is a desk already."""


def backup(config: Config, target: Path, *, with_keys: bool) -> None:
    """Write the backup, mode 0600, complete or not at all. Raises NotFound when there is no desk yet."""
    database = store_path(config)
    if not database.exists():
        raise NotFound(f"There is no database {database} yet; `maildesk serve` makes it.")
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".maildesk-backup-") as folder:
        copy, whole = Path(folder, _DATABASE), Path(folder, "whole")
        try:
            with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source:
                # One read transaction over a live database; unlike the backup interface it never starts over.
                source.execute("VACUUM INTO ?", (str(copy),))
        except sqlite3.Error as error:
            raise StoreBroken(f"The database {database} cannot be copied: {error}.") from error
        about = {"made_at": clock.iso(clock.now()), "version": __version__, "has_keys": with_keys}
        descriptor = os.open(whole, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive:
                _add(archive, _ABOUT, json.dumps(about).encode())
                if with_keys:
                    _add(archive, _KEYS, config.desk.keys_file.read_bytes())
                archive.add(copy, _DATABASE)
            stream.flush()
            os.fsync(stream.fileno())
        whole.replace(target)
    _sync_folder(target.absolute().parent)


def restore(config: Config, source: Path) -> int:
    """Put a backup into an empty state_dir, whole or not at all; how many numbers are skipped.

    Raises NotRestorable, and AlreadyRunning.
    """
    database = store_path(config)
    if database.exists():
        raise NotRestorable(f"There is a desk in {config.desk.state_dir} already; move it away first.")
    prepare_state(config)
    lock = Lock(config.desk.state_dir)
    lock.take()
    partial = database.with_name(database.name + ".restoring")
    try:
        keys = _unpack(source, partial)
        _check_keys(config.desk.keys_file, keys, source)
        _check_database(partial, source)
        engine = SqliteEngine(partial)
        engine.migrate()
        engine.start()
        try:
            engine.write(_skip_numbers).result()
        finally:
            engine.close()
        if keys is not None and not config.desk.keys_file.exists():
            _write_keys(config.desk.keys_file, keys)
        if keys is None and not config.desk.keys_file.exists():
            # Without keys of its own, and without any that were put there before, the restored desk gets fresh ones.
            open_directory(config)
        # A log that a former database left behind would be played into this one.
        for ending in ("-wal", "-shm"):
            database.with_name(database.name + ending).unlink(missing_ok=True)
        partial.replace(database)
        _sync_folder(database.parent)
    finally:
        for ending in ("", "-wal", "-shm"):
            partial.with_name(partial.name + ending).unlink(missing_ok=True)
        lock.release()
    return SKIPPED_NUMBERS


def _unpack(source: Path, target: Path) -> bytes | None:
    """Put the backup's database at `target`; its keys, None when it has none."""
    keys = None
    try:
        with tarfile.open(source) as archive:
            members = {member.name: member for member in archive.getmembers() if member.isfile()}
            if _DATABASE not in members:
                raise NotRestorable(f"{source} is no backup of maildesk.")
            if _KEYS in members and (stream := archive.extractfile(members[_KEYS])) is not None:
                with stream:
                    keys = stream.read()
            content = archive.extractfile(members[_DATABASE])
            target.unlink(missing_ok=True)
            with open(target, "xb", opener=_for_us_alone) as out:
                while content is not None and (block := content.read(1 << 20)):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
    except (tarfile.TarError, EOFError) as error:
        raise NotRestorable(f"{source} is no backup of maildesk: {error}.") from error
    return keys


def _check_keys(path: Path, keys: bytes | None, source: Path) -> None:
    """Other keys than the backup's, or than they became since, would void every address that its letters have."""
    if keys is not None and path.exists() and not continues(path, keys):
        raise NotRestorable(f"{path} holds other signing keys than {source}; move it away first.")


def _check_database(path: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check").fetchone()[0]
            is_ours = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'counters'").fetchone()[0]
    except sqlite3.Error as error:
        found, is_ours = str(error), 1
    if found != "ok":
        raise NotRestorable(f"The database in {source} is damaged: {found}.")
    if not is_ours:
        raise NotRestorable(f"{source} is no backup of maildesk.")


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_keys(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=_for_us_alone) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    _sync_folder(path.parent)


def _skip_numbers(tx: Tx) -> None:
    """The hole in the numbers, and the event that explains it."""
    counter = tx.find("counter", name=tickets.TICKET_COUNTER)
    value = tickets.integer(counter["value"]) if counter else 0
    tx.change("raise a counter", name=tickets.TICKET_COUNTER, value=value + SKIPPED_NUMBERS)
    detail = json.dumps({"last_number": value, "skipped": SKIPPED_NUMBERS})
    tx.add("history", at=clock.iso(clock.now()), what="restored", mail_id=None, ticket_id=None, detail=detail)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    archive.addfile(info, io.BytesIO(content))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@click.command(name="backup", epilog="\b\nExamples:\n  maildesk backup /var/backups/desk.tar")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--without-keys", is_flag=True, help="Leave the signing keys out; then old letters' addresses are void.")
@click.pass_obj
def backup_command(invocation: Invocation, file: Path, without_keys: bool) -> int:
    """The whole desk in one file, while it runs."""
    backup(invocation.load(looks_at_secrets=False), file, with_keys=not without_keys)
    held = (
        "without the signing keys" if without_keys else "with the signing keys: whoever reads it can sign as this desk"
    )
    click.echo(f"{file} holds the desk, {held}.")
    return 0


@click.command(name="restore", epilog="\b\nExamples:\n  maildesk restore /var/backups/desk.tar")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_obj
def restore_command(invocation: Invocation, file: Path) -> int:
    """Put a backup into an empty state_dir; the desk continues its conversations."""
    skipped = restore(invocation.load(looks_at_secrets=False), file)
    click.echo(f"Restored. {skipped} numbers are skipped, so that none given since the backup is given again.")
    return 0
