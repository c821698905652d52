"""What lies in state_dir and who may work there: the lock, the keys, the store's place. Opens, never decides."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from maildesk import clock
from maildesk.config import Config, refuse_unbuilt
from maildesk.desk.directory import Directory
from maildesk.errors import AlreadyRunning, BadConfig, Problem
from maildesk.mail import address as addresses
from maildesk.store import tickets
from maildesk.store.keys import load_or_create
from maildesk.store.sqlite import Tx


class Lock:
    """The desk's lock: held for the daemon's life, or by a command that changes something without one."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"
        self._file: int | None = None

    def take(self) -> None:
        """Raises AlreadyRunning when somebody holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyRunning(f"Another maildesk runs on {self._path.parent}; stop it first.") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._file = descriptor

    def release(self) -> None:
        """Let go; the file stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def prepare_state(config: Config) -> None:
    """Create state_dir for its owner alone."""
    config.desk.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.desk.state_dir.chmod(0o700)


def open_directory(config: Config) -> Directory:
    """The desk's directory with its signing keys, made at the first start.

    Raises BadConfig when a desk is there and its keys are not: fresh ones would void every address that people have.
    """
    if store_path(config).exists() and not config.desk.keys_file.exists():
        raise BadConfig(
            Problem(
                "desk.keys_file",
                f'"{config.desk.keys_file}" is gone and the desk is not: put the keys back, from a backup',
            )
        )
    domain = addresses.split(config.mailbox[0].address)[1]
    keyring = load_or_create(
        config.desk.keys_file, config.desk.id, addresses.a_label(domain), clock.fresh_bytes(32), clock.now()
    )
    return Directory(config, keyring)


def store_path(config: Config) -> Path:
    """The database file. Raises BadConfig for an engine that is not built."""
    refuse_unbuilt(config)
    return Path(config.store.url.removeprefix("sqlite:"))


def first_counters(tx: Tx, first_number: int) -> None:
    """The counter of ticket numbers starts below first_number and never goes back."""
    tx.add("counter", name=tickets.TICKET_COUNTER, value=first_number - 1)
    tx.change("raise a counter", name=tickets.TICKET_COUNTER, value=first_number - 1)
