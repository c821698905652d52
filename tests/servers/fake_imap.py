"""An IMAP server that says whatever a test wants: one function a connection, raw bytes, everything received is kept."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

CAPABILITIES = b"IMAP4rev1 IDLE UIDPLUS MOVE AUTH=PLAIN"


class Gone(Exception):
    """The client has closed the connection."""


class Connection:
    """One client. `heard` is every byte that it sent, so far; `budget_bytes`, when set, is all that it will be told."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.number = number
        self.heard = bytearray()
        self.budget_bytes: int | None = None
        self._sock = sock
        self._file = sock.makefile("rb")

    def say(self, *lines: bytes) -> None:
        """Send lines, each with its CRLF."""
        self.send(b"".join(line + b"\r\n" for line in lines))

    def send(self, data: bytes) -> None:
        cut = self.budget_bytes is not None and len(data) > self.budget_bytes
        if self.budget_bytes is not None:
            data = data[: self.budget_bytes]
            self.budget_bytes -= len(data)
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Gone from error
        if cut:
            raise Gone

    def line(self) -> bytes:
        """The next line of the client, without its CRLF. Raises Gone at the end."""
        try:
            line = self._file.readline(65_536)
        except OSError as error:
            raise Gone from error
        if not line:
            raise Gone
        self.heard += line
        return line.rstrip(b"\r\n")

    def command(self) -> tuple[bytes, bytes]:
        """The next command as (tag, the rest)."""
        tag, _, rest = self.line().partition(b" ")
        return tag, rest

    def greet_and_log_in(self) -> None:
        """The usual beginning: a greeting, CAPABILITY, AUTHENTICATE PLAIN."""
        self.say(b"* OK ready")
        tag, _ = self.command()
        self.say(b"* CAPABILITY " + CAPABILITIES, tag + b" OK done")
        tag, rest = self.command()
        if rest.upper().startswith(b"AUTHENTICATE"):
            self.say(b"+ ")
            self.line()
        self.say(tag + b" OK [CAPABILITY " + CAPABILITIES + b"] in")

    def serve(self, answers: dict[bytes, Callable[[bytes, bytes], None]], *, uids: dict[int, bytes]) -> None:
        """Behave as a small server whose folder holds `uids`, but for commands that begin with a key of `answers`.

        Those get (tag, rest) and must answer themselves.
        """
        while True:
            tag, rest = self.command()
            for start, answer in answers.items():
                if rest.upper().startswith(start):
                    answer(tag, rest)
                    break
            else:
                self._ordinary(tag, rest, uids)

    def _ordinary(self, tag: bytes, rest: bytes, uids: dict[int, bytes]) -> None:
        words = rest.upper().split()
        verb = words[1] if words[0] == b"UID" else words[0]
        if verb == b"SELECT":
            self.say(
                b"* FLAGS (\\Seen)",
                b"* %d EXISTS" % len(uids),
                b"* 0 RECENT",
                b"* OK [UIDVALIDITY 7] ok",
                b"* OK [UIDNEXT %d] ok" % (max(uids, default=0) + 1),
                tag + b" OK [READ-WRITE] selected",
            )
        elif verb == b"SEARCH":
            found = sorted(uids)
            if b"*" in words:
                found = found[-1:]
            elif match := re.search(rb"(\d+):(\d+)", rest):
                found = [uid for uid in found if int(match[1]) <= uid <= int(match[2])]
            self.say(b" ".join([b"* SEARCH", *(b"%d" % uid for uid in found)]), tag + b" OK done")
        elif verb == b"FETCH":
            for number, uid in enumerate(sorted(uids), 1):
                if uid not in asked_uids(rest):
                    continue
                raw = uids[uid]
                if b"RFC822.SIZE" in rest:
                    self.say(b"* %d FETCH (UID %d RFC822.SIZE %d)" % (number, uid, len(raw)))
                else:
                    self.send(b"* %d FETCH (UID %d BODY[] {%d}\r\n" % (number, uid, len(raw)) + raw + b")\r\n")
            self.say(tag + b" OK done")
        elif verb == b"IDLE":
            self.say(b"+ idling")
            self.line()
            self.say(tag + b" OK done")
        else:
            self.say(tag + b" OK done")

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._sock.close()


class FakeImap:
    """Listens between `with` and its end; calls `script` for each connection, and closes it when the script returns."""

    def __init__(self, script: Callable[[Connection], None]) -> None:
        self.connections: list[Connection] = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FakeImap:
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A listening socket wakes its accept() by shutdown, not by close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def heard(self) -> bytes:
        return b"".join(bytes(connection.heard) for connection in self.connections)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(sock, len(self.connections) + 1)
            self.connections.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: Connection) -> None:
        with suppress(Gone, OSError, ValueError):
            self._script(connection)
        with suppress(OSError):
            connection.close()


def asked_uids(command: bytes) -> set[int]:
    """The UIDs of "UID FETCH 3,5:7 (...)"."""
    uids: set[int] = set()
    for part in command.split()[2].split(b","):
        low, _, high = part.partition(b":")
        uids.update(range(int(low), int(high or low) + 1))
    return uids
