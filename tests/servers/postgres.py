"""A real PostgreSQL in a folder of its own, over a unix socket, as the unprivileged user that its package made."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL is not installed; tests/run installs it"
    return found[-1]


def _as_postgres(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """PostgreSQL refuses to run as root."""
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    return subprocess.run(
        command,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
        cwd="/",
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


@contextmanager
def postgres() -> Iterator[Path]:
    """The folder of the socket of a fresh, empty server."""
    folder = Path(tempfile.mkdtemp(prefix="maildesk-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        made = _as_postgres(
            str(_bin() / "initdb"),
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        )
        assert made.returncode == 0, made.stderr
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        control = str(_bin() / "pg_ctl")
        started = _as_postgres(control, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        assert started.returncode == 0, started.stdout + started.stderr
        try:
            yield folder
        finally:
            _as_postgres(control, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def psql(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script; stops at its first error."""
    return _as_postgres(
        str(_bin() / "psql"),
        "-h",
        str(folder),
        "-U",
        "postgres",
        "-d",
        "postgres",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        stdin=script,
    )
