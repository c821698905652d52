"""One guarded IMAP connection: sockets, limits, TLS and login. Knows no mail and no desk.

Every byte that it reads has a bound and a deadline: the server may be hostile, broken, slow or dead.
"""

from __future__ import annotations

import imaplib
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Literal

from imapclient import IMAPClient

from maildesk.config import Imap
from maildesk.errors import MaildeskError, Malformed

_CHUNK_BYTES = 65_536
_MAX_LINE_BYTES = 1_048_576
# What one command may bring beside the literals that were asked for: 80,000 UIDs on a line, folder lists, chatter.
_MAX_CHATTER_BYTES = 48 * 1_048_576
# A line costs memory beyond its bytes: an object and a place in imaplib's lists.
_LINE_COST_BYTES = 64
# A connection slower than this for a whole mail is as good as dead; faster, each second buys the command a second.
_SLOWEST_BYTES_S = 32_768
_MAX_ARGUMENT_BYTES = 1_024
_NEW_MAIL = re.compile(rb"\* \d{1,10} (?:EXISTS|RECENT)\b", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9@._+-]{1,320}")


class Stopped(Exception):
    """The door is closing; whoever waits on the wire stops waiting."""


class Broken(imaplib.IMAP4.abort):
    """The connection cannot be used any more; the message is ours, no word of the server's is in it."""


class Refused(MaildeskError):
    """The server's offer is not taken, or ours was refused; the message says what to look at and holds no secret."""


class LoginRefused(Refused):
    """The server did not accept the credentials."""


def checked_argument(value: str, key: str) -> str:
    """`value`, fit to travel in a command: imapclient passes line breaks on, and the server would obey what follows.

    Raises Malformed for CR, LF, NUL, or more than 1 KiB.
    """
    if re.search(r"[\r\n\0]", value) or len(value.encode("utf-8", "surrogatepass")) > _MAX_ARGUMENT_BYTES:
        raise Malformed(f"imap.{key} has a line break or a NUL, or is longer than {_MAX_ARGUMENT_BYTES} bytes")
    return value


class Guarded(imaplib.IMAP4):
    """imaplib with a reader of our own: the standard one allocates whatever size the server claims, and waits for ever.

    A literal above `max_literal_bytes` is refused before anything is allocated; a line ends at 1 MiB, a command's
    whole answer at `max_answer_bytes`. Each command has `timeout_s`, and a second more for each 32 KiB that came.
    A readable `stop_fd` raises Stopped wherever bytes are awaited, unless `heeds_stop` is off.
    """

    def __init__(
        self,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        *,
        stop_fd: int,
        timeout_s: float,
        max_literal_bytes: int,
        max_answer_bytes: int,
    ) -> None:
        self._context = context
        self._stop_fd = stop_fd
        self._timeout_s = timeout_s
        self._max_literal_bytes = max_literal_bytes
        self._max_answer_bytes = max_answer_bytes
        self._buffer = bytearray()
        self._received_bytes = 0
        self._begun_at = time.monotonic()
        self.heeds_stop = True
        super().__init__(host, port, timeout_s)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self.sock = socket.create_connection((host, port), timeout)
        # A SEARCH leaves in two writes; without this its end waits 40 ms for the other side's delayed acknowledgement.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            self.sock = _wrapped(self.sock, self._context, host)
        self._begin()

    def read(self, size: int) -> bytes:
        if size > self._max_literal_bytes:
            raise Broken(f"a literal of {size} bytes is not taken")
        while len(self._buffer) < size:
            self._need()
        with memoryview(self._buffer) as view:
            data = view[:size].tobytes()
        del self._buffer[:size]
        return data

    def readline(self) -> bytes:
        while (line := self._buffered_line()) is None:
            self._need()
        return line

    def shutdown(self) -> None:
        self._buffer.clear()
        self.sock.close()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Literal["OK"], list[None]]:
        if ssl_context is None or "STARTTLS" not in self.capabilities:
            raise Broken("no STARTTLS is offered")
        typ, data = self._simple_command("STARTTLS")
        if typ != "OK":
            raise Broken("STARTTLS was refused")
        # What stands behind the OK was sent in the clear, by anybody: it must not count as said under TLS.
        if self._buffer:
            raise Broken("bytes came before TLS had begun")
        self.sock = _wrapped(self.sock, ssl_context, self.host)
        self.untagged_responses.clear()
        self._tls_established = True
        self._get_capabilities()
        return "OK", data

    def idle_until(self, deadline: float) -> bool:
        """Wait in IDLE (RFC 2177) for new mail until `deadline` (monotonic); True as soon as the server speaks of any.

        imapclient's own `idle_check` answers [] at once and for ever on a dead connection; here that is an error.
        """
        tag = self._command("IDLE")
        while self._get_response() is not None:
            if self.tagged_commands.get(tag):
                raise Broken("IDLE was refused")
        told = False
        while not told and (line := self._line_before(deadline)) is not None:
            if line[:5].upper() == b"* BYE":
                raise Broken("the server said BYE")
            told = _NEW_MAIL.match(line) is not None
        self._begin()
        self.send(b"DONE\r\n")
        self._command_complete("IDLE", tag)
        return told

    def news_count(self) -> int:
        """How many times the server has announced a mailbox size since SELECT."""
        return len(self.untagged_responses.get("EXISTS", ()))

    def _get_capabilities(self) -> None:
        # imaplib and imapclient take PREAUTH as logged in: whoever sits in the line would choose the account.
        if self.state != "NONAUTH":
            raise Broken("the server greeted with PREAUTH")
        super()._get_capabilities()  # type: ignore[misc]  # typeshed leaves the private half of imaplib out

    def _new_tag(self) -> bytes:
        # Every command passes here, imapclient's own kinds too.
        self._begin()
        tag: bytes = super()._new_tag()  # type: ignore[misc]  # as above
        return tag

    def _begin(self) -> None:
        self._begun_at = time.monotonic()
        self._received_bytes = 0

    def _buffered_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, _MAX_LINE_BYTES)
        if end < 0:
            if len(self._buffer) >= _MAX_LINE_BYTES:
                raise Broken("a line has no end")
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._received_bytes += _LINE_COST_BYTES
        return line

    def _line_before(self, deadline: float) -> bytes | None:
        while (line := self._buffered_line()) is None:
            if not self._fill(deadline):
                return None
        return line

    def _need(self) -> None:
        if not self._fill(self._begun_at + self._timeout_s + self._received_bytes / _SLOWEST_BYTES_S):
            raise TimeoutError

    def _fill(self, deadline: float) -> bool:
        """Wait for bytes and add them to the buffer; False when `deadline` (monotonic) passed without any."""
        while True:
            chunk, awaited = self._receive()
            if chunk is not None:
                break
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            poller = select.poll()
            poller.register(self.sock, awaited)
            if self.heeds_stop:
                poller.register(self._stop_fd, select.POLLIN)
            if any(fd == self._stop_fd for fd, _ in poller.poll(left_s * 1000 + 1)):
                raise Stopped
        if not chunk:
            raise Broken("the server closed the connection")
        self._buffer += chunk
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_answer_bytes:
            raise Broken("an answer has no end")
        return True

    def _receive(self) -> tuple[bytes | None, int]:
        """What is there now (b"" at the end of the stream), or None and what to poll for."""
        self.sock.setblocking(False)
        try:
            return self.sock.recv(_CHUNK_BYTES), select.POLLIN
        except (BlockingIOError, ssl.SSLWantReadError):
            return None, select.POLLIN
        except ssl.SSLWantWriteError:
            return None, select.POLLOUT
        finally:
            self.sock.settimeout(self._timeout_s)


class Client(IMAPClient):  # type: ignore[misc]  # imapclient carries no types
    """IMAPClient over a Guarded connection."""

    def __init__(self, settings: Imap, make: Callable[[ssl.SSLContext | None], Guarded], timeout_s: float) -> None:
        self._make = make
        context = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file)
        implicit = settings.tls == "implicit"
        super().__init__(settings.host, settings.port, ssl=implicit, ssl_context=context, timeout=timeout_s)
        # imapclient sets 5, for which imaplib writes the repr of every literal: four times a mail's size, thrown away.
        self._imap.debug = 0
        self.wire: Guarded = self._imap
        try:
            if settings.tls == "starttls":
                self.starttls(context)
        except BaseException:
            self.shutdown()
            raise

    def _create_IMAP4(self) -> Guarded:  # noqa: N802 - imapclient's name for the place where its connection is made
        return self._make(self.ssl_context if self.ssl else None)


def connect(settings: Imap, *, stop_fd: int, timeout_s: float, max_literal_bytes: int, max_answer_bytes: int) -> Client:
    """A connection with verified TLS as configured, not logged in. No byte of a credential has left.

    Raises OSError (ssl.SSLError too), imaplib.IMAP4.error.
    """

    def make(context: ssl.SSLContext | None) -> Guarded:
        return Guarded(
            settings.host,
            settings.port,
            context,
            stop_fd=stop_fd,
            timeout_s=timeout_s,
            max_literal_bytes=max_literal_bytes,
            max_answer_bytes=max_answer_bytes + _MAX_CHATTER_BYTES,
        )

    return Client(settings, make, timeout_s)


def log_in_with_password(client: Client, username: str, password: str) -> None:
    """AUTHENTICATE PLAIN where it is offered, for it takes any character; LOGIN else. Raises LoginRefused."""
    checked_argument(username, "username")
    checked_argument(password, "password_file")
    if client.has_capability("AUTH=PLAIN"):
        _authenticate(client, "PLAIN", f"\0{username}\0{password}", b"")
        return
    if client.has_capability("LOGINDISABLED"):
        raise LoginRefused('the server takes no password on this connection: set tls to "implicit" or "starttls"')
    if not _PLAIN_WORD.fullmatch(username) or not password.isascii():
        raise LoginRefused("the server has no AUTH=PLAIN, and LOGIN cannot carry this username or password")
    try:
        client.login(username, password)
    except client.Error as error:
        raise _refusal(error) from None


def log_in_with_token(client: Client, username: str, token: str) -> None:
    """XOAUTH2 where it is offered, as Microsoft and Google document it, else OAUTHBEARER (RFC 7628).

    Raises LoginRefused.
    """
    checked_argument(username, "username")
    if client.has_capability("AUTH=XOAUTH2"):
        _authenticate(client, "XOAUTH2", f"user={username}\1auth=Bearer {token}\1\1", b"")
    elif client.has_capability("AUTH=OAUTHBEARER"):
        name = username.replace("=", "=3D").replace(",", "=2C")
        _authenticate(client, "OAUTHBEARER", f"n,a={name},\1auth=Bearer {token}\1\1", b"\1")
    else:
        raise LoginRefused("the server offers neither XOAUTH2 nor OAUTHBEARER")


def _authenticate(client: Client, mechanism: str, credentials: str, after: bytes) -> None:
    """Answer the server's first challenge with `credentials`, once, and every further one with `after`.

    A refused token is told in a second challenge; imapclient's own two methods answer it with the credentials again.
    """
    answers: Iterator[bytes] = iter((credentials.encode("utf-8"),))
    try:
        client.sasl_login(mechanism, lambda _challenge: next(answers, after))
    except client.Error as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> Exception:
    """What a failed login was: the credentials, or (imapclient calls both the same) a connection that broke."""
    if isinstance(error.__context__, imaplib.IMAP4.abort):
        return error.__context__
    # Only the code (RFC 5530): the server's words may repeat what we sent, and this goes to a log.
    code = re.search(r"\[([A-Z-]{1,40})\]", str(error)[:500])
    return LoginRefused(f"the server refused the login{f' ({code[1]})' if code else ''}: check the credentials")


def _wrapped(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
