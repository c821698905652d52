"""A raw SMTP and LMTP client that sends the bytes it is told and shows the bytes it got. It repairs nothing."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Self

TIMEOUT_S = 10.0


class Client:
    """`with Client(("127.0.0.1", 2525)) as client: client.greeting; client.say("EHLO x")`.

    address: (host, port), or the path of a socket file. source: the address to come from.
    first: bytes to send before the greeting is read (a PROXY header). tls: spoken from the first byte.
    """

    def __init__(
        self,
        address: tuple[str, int] | str,
        *,
        source: str = "",
        first: bytes = b"",
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout_s)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout_s, (source, 0) if source else None)
        self._buffer = b""
        if tls is not None:
            self.start_tls(tls)
        if first:
            self.send(first)
        self.greeting = self.reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands on this connection as "desk.test"."""
        self.sock = context.wrap_socket(self.sock, server_hostname="desk.test")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(self) -> str:
        """The next reply, its lines joined by "\\n", without the last line end; "" when the server has closed."""
        lines = []
        while True:
            line = self._line()
            if not line:
                return "\n".join(lines)
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def replies(self, count: int) -> list[str]:
        return [self.reply() for _ in range(count)]

    def say(self, command: str | bytes) -> str:
        """The reply to one command line."""
        self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")
        return self.reply()

    def envelope(self, sender: str, recipients: Iterable[str]) -> list[str]:
        """The replies to MAIL and each RCPT, after a greeting where none was."""
        return [self.say(f"MAIL FROM:<{sender}>"), *[self.say(f"RCPT TO:<{one}>") for one in recipients]]

    def data(self, raw: bytes) -> str:
        """The reply to a mail; `raw` is stuffed here and ended, with CRLF added where it does not end so."""
        begun = self.say("DATA")
        assert begun.startswith("354"), begun
        self.send(stuffed(raw) + b".\r\n")
        return self.reply()

    def mail(self, sender: str, recipients: Iterable[str], raw: bytes) -> str:
        """The reply to a whole mail whose recipients must all be taken."""
        replies = self.envelope(sender, recipients)
        assert all(one.startswith("250") for one in replies), replies
        return self.data(raw)

    def is_closed(self) -> bool:
        """Whether the server closes now; what it still says is left out."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                line, self._buffer = self._buffer, b""
                return line.decode()
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode()


def stuffed(raw: bytes) -> bytes:
    """The mail as it travels, without the lone dot (RFC 5321, 4.5.2)."""
    doubled = raw.replace(b"\r\n.", b"\r\n..")
    if doubled.startswith(b"."):
        doubled = b"." + doubled
    return doubled if not raw or doubled.endswith(b"\r\n") else doubled + b"\r\n"
