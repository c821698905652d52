"""Speaking with systemd, over real sockets and real passed descriptors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from maildesk.systemd import listen_fds, reloading, sd_notify, watchdog_interval_s
from tests.conftest import ROOT


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_hears_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Lines arrive as one datagram, at a socket with a file or without."""
    place = str(tmp_path / "notify") if kind == "path" else f"@maildesk-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place.replace("@", "\0", 1) if kind == "abstract" else place)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", place)
        assert sd_notify("READY=1", "STATUS=open")
        assert manager.recv(1000) == b"READY=1\nSTATUS=open"
        assert reloading()
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("place", ["", "relative", "/nonexistent/notify"])
def test_a_manager_that_is_not_there_stops_nothing(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Without anybody to tell, nothing is raised and False comes back."""
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    assert not sd_notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "process", "interval_s"),
    [("60000000", None, 30.0), ("60000000", "1", None), ("", None, None), ("0", None, None), ("x", None, None)],
)
def test_the_watchdog_is_fed_at_half_its_time(
    monkeypatch: pytest.MonkeyPatch, usec: str, process: str | None, interval_s: float | None
) -> None:
    """Half of WATCHDOG_USEC in seconds, and only for the process that is watched."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", process or str(os.getpid()))
    assert watchdog_interval_s() == interval_s


def test_passed_sockets_come_by_name() -> None:
    """Two sockets of one name and one without arrive under their names; a second call answers the same, a child finds none."""
    program = (
        "import os\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "from maildesk.systemd import listen_fds\n"
        "found = listen_fds()\n"
        "print({name: [s.getsockname()[1] for s in sockets] for name, sockets in found.items()})\n"
        "print(listen_fds() is found, [k for k in os.environ if k.startswith('LISTEN_')])\n"
        "print(any(os.get_inheritable(s.fileno()) for sockets in found.values() for s in sockets))\n"
    )
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    moved = " ".join(f"{3 + index}<&{sock.fileno()}" for index, sock in enumerate(listeners))
    try:
        done = subprocess.run(
            ["bash", "-c", f'exec "$0" -c "$1" {moved}', sys.executable, program],
            pass_fds=[sock.fileno() for sock in listeners],
            env={**os.environ, "LISTEN_FDS": "3", "LISTEN_FDNAMES": "smtp:smtp", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        ports = [sock.getsockname()[1] for sock in listeners]
    finally:
        for sock in listeners:
            sock.close()
    names, again, inheritable = done.stdout.splitlines()
    assert names == str({"smtp": ports[:2], "fd5": ports[2:]})
    assert again == "True []"
    assert inheritable == "False"


def test_sockets_for_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """LISTEN_PID is somebody else's: nothing is ours."""
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    listen_fds.cache_clear()
    assert listen_fds() == {}
