"""Opens the sockets that doors listen on: TCP, socket files, and what systemd passes. It never reads from one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import ssl
import stat
from pathlib import Path

from maildesk import systemd
from maildesk.errors import AlreadyRunning, BadConfig

_BACKLOG = 1024


def open_socket(listen: str, *, state_dir: Path, mode: int = 0o600, group: str = "") -> socket.socket:
    """A listening, non-blocking socket for "127.0.0.1:2525", "[::1]:25", "unix:smtp.sock" or "fd:smtp".

    A socket file lies in `state_dir` unless its path is absolute, and has `mode` and `group`; a stale one is replaced.
    "fd:smtp" is the one that systemd calls so (FileDescriptorName=smtp).
    Raises BadConfig with one sentence that says what to do, AlreadyRunning when somebody answers on the socket file.
    """
    kind, _, rest = listen.partition(":")
    if kind == "unix":
        return _socket_file(state_dir / rest, mode, group)
    if kind == "fd":
        return _passed(rest)
    return _tcp(listen)


def server_tls(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """What a door needs for STARTTLS or implicit TLS. Raises BadConfig when the files are not a certificate's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(f"{cert_file} and {key_file} cannot be used as a certificate and its key: {error}") from error
    return context


def _tcp(listen: str) -> socket.socket:
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise BadConfig(f'"{listen}" is no place to listen: write "127.0.0.1:2525", "[::1]:25", "unix:..." or "fd:..."')
    sock: socket.socket | None = None
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "[::]" means everybody, IPv4 included, whatever the machine's default for it is.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        if sock is not None:
            sock.close()
        advice = ""
        if error.errno == errno.EACCES:
            advice = '; ports below 1024 come from systemd: "fd:smtp" and `maildesk unit --socket`'
        raise BadConfig(f"{listen} cannot be listened on: {error.strerror}{advice}") from error
    sock.setblocking(False)
    return sock


def _socket_file(path: Path, mode: int, group: str) -> socket.socket:
    _need_free(path)
    # Bound under another name and moved into place when it is ready: nobody meets it with wrong rights,
    # and there is no moment without a socket where a stale one was.
    unready = path.with_name(f"{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(unready))
        unready.chmod(mode)
        if group:
            shutil.chown(unready, group=group)
        sock.listen(_BACKLOG)
        unready.rename(path)
    except (OSError, LookupError) as error:
        sock.close()
        with contextlib.suppress(OSError):
            unready.unlink()
        raise BadConfig(f"{path} cannot be listened on: {error}") from error
    sock.setblocking(False)
    return sock


def _need_free(path: Path) -> None:
    """Raise unless nothing is at `path` or a socket that nobody answers."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BadConfig(f"{path} is there and is no socket: move it, or listen elsewhere")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        except OSError as error:
            raise BadConfig(f"{path} cannot be listened on: {error}") from error
    raise AlreadyRunning(f"Somebody listens on {path}: stop the other process first")


def _passed(name: str) -> socket.socket:
    found = systemd.listen_fds().get(name, ())
    if not found:
        raise BadConfig(
            f'systemd has passed no socket named "{name}": set FileDescriptorName={name} in the socket unit'
        )
    try:
        listens = found[0].type == socket.SOCK_STREAM and found[0].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise BadConfig(f'the socket "{name}" cannot be used: {error.strerror}') from error
    if not listens:
        raise BadConfig(f'the socket "{name}" does not listen: use ListenStream in the socket unit')
    return found[0]
