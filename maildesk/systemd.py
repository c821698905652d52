"""What a service and systemd say to each other: readiness, watchdog, passed sockets. Does nothing without systemd."""

from __future__ import annotations

import os
import socket
import time
from functools import cache

# A manager that does not read for so long is left alone: our doors wait meanwhile.
_TELL_S = 0.2
_FIRST_PASSED = 3  # sd_listen_fds(3): descriptors are passed from 3 on


def sd_notify(*lines: str) -> bool:
    """Tell systemd the lines, such as "READY=1"; whether there was anybody to tell (sd_notify(3)).

    Raises nothing: a service that cannot speak to its manager still serves.
    """
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return False
    # "@" stands for the zero byte that begins a name of Linux's abstract sockets (unix(7)).
    name = "\0" + place[1:] if place.startswith("@") else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as teller:
            teller.settimeout(_TELL_S)
            teller.connect(name)
            teller.sendall("\n".join(lines).encode())
    except OSError:
        return False
    return True


def reloading() -> bool:
    """Tell systemd that a reload begins, with the time it wants beside; "READY=1" ends it."""
    return sd_notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_interval_s() -> float | None:
    """How often "WATCHDOG=1" is due: half of what systemd waits for; None when it does not watch this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    span = os.environ.get("WATCHDOG_USEC", "")
    return int(span) / 2_000_000 if span.isascii() and span.isdigit() and int(span) else None


@cache
def listen_fds() -> dict[str, tuple[socket.socket, ...]]:
    """The sockets that systemd passed, by the name in FileDescriptorName= ("fd3" and so on without one).

    They are taken once, every call answers the same; the variables go, so that no child takes them for its own
    (sd_listen_fds(3)).
    """
    process, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    if process != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return {}
    passed: dict[str, tuple[socket.socket, ...]] = {}
    for index in range(int(count)):
        number = _FIRST_PASSED + index
        name = names[index] if index < len(names) and names[index] else f"fd{number}"
        os.set_inheritable(number, False)
        listener = socket.socket(fileno=number)
        listener.setblocking(False)
        passed[name] = (*passed.get(name, ()), listener)
    return passed
