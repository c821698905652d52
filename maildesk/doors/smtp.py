"""The SMTP and the LMTP door: the protocol to `accept` and its outcome back. It never looks into a mail.

The commands are aiosmtpd's; this file repairs what a desk on the Internet cannot live with: replies that bounce mail
for our own faults, DATA line by line, connections without number, and an end that cuts a mail in two.
"""

from __future__ import annotations

import asyncio
import collections
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Transaction

from maildesk import clock, log
from maildesk.doors import wire
from maildesk.doors.brakes import Brakes
from maildesk.errors import MaildeskError, UnknownMailbox
from maildesk.mail.model import Envelope, Via

Accept = Callable[[bytes, Envelope], Awaitable[tuple[int, ...]]]
Recipient = Callable[[str, str | None, bool], object]

# RFC 5321, 4.5.3.2.7.
IDLE_S = 300.0
# A whole mail must have come within this time, and after the first minute no slower than this.
DATA_S = 600.0
SLOW_AFTER_S = 60.0
MIN_BYTES_PER_S = 1024
# RFC 5321, 4.5.3.2.6: so long a sender waits for the answer to its last dot.
ACCEPT_S = 600.0
TLS_HANDSHAKE_S = 30.0
PROXY_HEADER_S = 10.0
MAX_ERRORS = 10
MAX_RECIPIENTS = 50
# RFC 5321, 4.5.3.1.8 asks for 100 at least; Postfix sends up to 50 at once and takes 1000.
MAX_RELAY_RECIPIENTS = 1000
# Bounce addresses that carry a whole other address are far longer than the 512 of RFC 5321, 4.5.3.1.4.
COMMAND_BYTES = 4096
# A mail too large is read on to this many times the limit, so that its sender hears why, and then cut.
_DRAIN_TIMES = 2
# One read takes all that the reader holds, which pauses its transport at twice `line_length_limit`.
_EVERYTHING = 1 << 30
_TROUBLE = MaildeskError.reply.smtp
_LEAVING = b"421 4.3.2 The desk is going down, please try again"
# How long to wait when the system has no more descriptors.
_ACCEPT_AGAIN_S = 1.0


class SmtpDoor:
    """Serves SMTP, or LMTP, on one socket.

    accept: the ledger ids after the COMMIT, or a MaildeskError whose reply the sender hears.
    recipient: gets the address as written, the envelope sender ("" null) and whether a relay asks; raises UnknownMailbox.
    is_relay: whether a peer's address, or "unix", is a relay; no limit and no brake touches those.
    need_room: raises DiskNearlyFull.
    proxy_protocol: each connection begins with a PROXY header; the port must be open to the proxy alone.
    """

    def __init__(
        self,
        *,
        accept: Accept,
        recipient: Recipient,
        is_relay: Callable[[str], bool],
        need_room: Callable[[], object],
        max_mail_bytes: int,
        hostname: str,
        lmtp: bool = False,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        proxy_protocol: bool = False,
    ) -> None:
        self.accept = accept
        self.recipient = recipient
        self.is_relay = is_relay
        self.need_room = need_room
        self.max_mail_bytes = max_mail_bytes
        self.hostname = hostname
        self.via: Via = "lmtp" if lmtp else "smtp"
        self.brakes = Brakes()
        self.is_closing = False
        # Kept until done: a mail that is being written is not dropped because its sender hung up.
        self.accepting: set[asyncio.Future[tuple[int, ...]]] = set()
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._proxy_protocol = proxy_protocol
        self._hooks = _Hooks(self)
        self._listener: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on a listening socket, which is the door's from now on, until `close`."""
        sock.setblocking(False)
        self._listener = sock
        self._listening = asyncio.create_task(self._listen(sock), name=f"{self.via} door")

    async def close(self, grace_s: float) -> None:
        """Take no new connection, say 421 to idle ones, let mails that are coming in end; the rest is cut after `grace_s`."""
        self.is_closing = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        if self._listener is not None:
            self._listener.close()
        for task in self._opening:
            task.cancel()
        for connection in tuple(self._connections):
            connection.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self._connections or self._opening or self.accepting:
                    await asyncio.wait({c.gone for c in self._connections} | self._opening | self.accepting)
        for connection in tuple(self._connections):
            connection.abort()

    async def _listen(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(sock)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                log.failure("smtp.no-accept", error)
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            peer = wire.peer_name(address)
            # Behind a proxy nobody is known before the header has come.
            refusal = None if self._proxy_protocol else self.admit(peer)
            if refusal is None:
                task = asyncio.create_task(self._open(client, peer))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
                continue
            if not self._implicit_tls:
                client.setblocking(False)
                with suppress(OSError):
                    client.send(refusal + b"\r\n")
            client.close()

    async def _open(self, client: socket.socket, peer: str) -> None:
        connection = (_LmtpConnection if self.via == "lmtp" else _Connection)(
            self,
            peer,
            self._hooks,
            data_size_limit=self.max_mail_bytes,
            enable_SMTPUTF8=True,
            hostname=self.hostname,
            ident=f"{'LMTP' if self.via == 'lmtp' else 'ESMTP'} maildesk",
            tls_context=None if self._implicit_tls else self._tls,
            timeout=IDLE_S,
            proxy_protocol_timeout=PROXY_HEADER_S if self._proxy_protocol else None,
            loop=asyncio.get_running_loop(),
        )
        connection.holds_place = not self._proxy_protocol
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._tls if self._implicit_tls else None,
                ssl_handshake_timeout=TLS_HANDSHAKE_S if self._implicit_tls else None,
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError) as error:
            # The client's handshake, not ours: no certificate in common, or a port scanner.
            log.event("smtp.no-tls", error=type(error).__name__)
            client.close()
            self.dismiss(connection)

    def admit(self, peer: str) -> bytes | None:
        """None when a peer may come in, and then it has a place until `dismiss`; else the reply that turns it away."""
        if self.is_closing:
            return _LEAVING
        return None if self.is_relay(peer) else self.brakes.admit(peer)

    def arrived(self, connection: _Connection) -> None:
        """A connection stands; `close` will wait for it."""
        self._connections.add(connection)
        if self.is_closing:
            connection.leave()

    def dismiss(self, connection: _Connection) -> None:
        """A connection is gone, and its place is free; also a second time."""
        self._connections.discard(connection)
        if connection.holds_place:
            connection.holds_place = False
            if not self.is_relay(connection.peer):
                self.brakes.release(connection.peer)
        if not connection.gone.done():
            connection.gone.set_result(None)


class _Connection(SMTP):
    """One client. aiosmtpd reads and parses the commands; what it asks a handler is answered by `_Hooks`."""

    # The reader's limit as well as the body line's, which DATA below does not ask for.
    line_length_limit = 2**16
    command_size_limit = COMMAND_BYTES

    def __init__(self, door: SmtpDoor, peer: str, hooks: _Hooks, **settings: Any) -> None:
        # aiosmtpd shares one dict among all connections and clears it for each new one.
        self.command_size_limits = collections.defaultdict(lambda: COMMAND_BYTES)
        super().__init__(hooks, **settings)
        # Nobody signs in at a desk, and no command says so.
        del self._smtp_methods["AUTH"]
        self.door = door
        self.peer = peer
        self.is_relay = door.is_relay(peer)
        self.holds_place = False
        self.errors = 0
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._is_in_data = False

    # -- its life ----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_first = self._handler_coroutine is None
        super().connection_made(transport)
        if is_first and self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(_forget)
            self.door.arrived(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.door.dismiss(self)

    def leave(self) -> None:
        """Say 421 and go, after the mail that is coming in just now."""
        if not self._is_in_data:
            self._part(_LEAVING)

    def abort(self) -> None:
        """Go without a word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def _part(self, reply: bytes) -> None:
        """Write a last reply, take no further command, close."""
        if self.transport is None or self.transport.is_closing():
            return
        self._writer.write(reply + b"\r\n")
        # What the client has sent ahead must not run behind a last reply.
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        self.transport.close()

    def _timeout_cb(self) -> None:
        self._part(b"421 4.4.2 Nothing came for too long, please try again")

    # -- what it says ------------------------------------------------------------------------------------------------

    async def push(self, status: str | bytes) -> None:
        """Send a reply: text gets an enhanced code where it has none, bytes go out as they are.

        421 ends the connection, and so does one error too many.
        """
        reply = wire.with_code(status) if isinstance(status, str) else status
        if reply.startswith(b"5") and not self.is_relay:
            self.errors += 1
            if self.errors >= MAX_ERRORS:
                reply += b"\r\n421 4.7.0 Too many errors"
        if reply.startswith(b"502 5.5.1 Too many unrecognized"):
            reply = b"421 4.7.0 Too many errors"
        if b"421 " in (reply[:4], reply.rpartition(b"\n")[2][:4]):
            self._part(reply)
            return
        self._writer.write(reply + b"\r\n")
        await self._writer.drain()

    async def handle_exception(self, error: Exception) -> str:
        """The reply to what a command raised: never the error's own words, and 451 for everything that is our fault."""
        if isinstance(error, MaildeskError):
            return error.reply.smtp
        log.failure("smtp.failed", error)
        return _TROUBLE

    # -- commands ----------------------------------------------------------------------------------------------------

    async def check_helo_needed(self, helo: str = "EHLO") -> bool:
        return await super().check_helo_needed(helo)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self.tls_context is None or (self.session is not None and self.session.ssl):
            await self.push("503 5.5.1 TLS is not offered here, or runs already")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_VRFY(self, arg: str) -> None:
        await self.push("252 2.0.0 Not told here; send the mail and see")

    async def smtp_HELP(self, arg: str) -> None:
        await self.push("214 2.0.0 A help desk: write to its address")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address and what follows it; (None, None) when there is none.

        aiosmtpd parses a whole header field for each; nearly all addresses are plain.
        """
        plain = wire.plain_path(arg)
        if plain is not None:
            return plain
        # A path has no comments (RFC 5321, 4.1.2), and the parser goes one call deeper for each parenthesis.
        if "(" in arg or "[" in arg.partition("@")[0]:
            return None, None
        try:
            address, rest = super()._getaddr(arg)
        except (IndexError, RecursionError, ValueError):
            # What the standard library's parser raises beside its own error.
            return None, None
        return (address, rest) if address is None or wire.is_printable(address) else (None, None)

    def _getparams(self, params: Any) -> dict[str, str | bool] | None:
        return wire.parameters(list(params))

    async def smtp_DATA(self, arg: str) -> None:
        """Take a mail in bulk: aiosmtpd reads a line at a time, and refuses long ones."""
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 No recipient yet")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        self._is_in_data = True
        try:
            await self.push(b"354 End data with <CR><LF>.<CR><LF>")
            body = await self._receive()
            if body is None:
                reply = wire.with_code("552 5.3.4 The mail is larger than this desk takes")
                self._part(self._for_each(reply) + b"\r\n421 4.7.0 Too much data")
                return
            self._reset_timeout(ACCEPT_S)
            reply = await self._offer(body, self.envelope)
            self._set_post_data_state()
            self._reset_timeout()
        finally:
            self._is_in_data = False
        if self.door.is_closing:
            self._part(reply + b"\r\n" + _LEAVING)
        else:
            await self.push(reply)

    async def _receive(self) -> wire.Body | None:
        """What came up to the lone dot; None when it has outgrown all patience."""
        limit_bytes = self.door.max_mail_bytes
        body = wire.Body(limit_bytes)
        began_s = timed_s = self.loop.time()
        self._reset_timeout(SLOW_AFTER_S)
        while True:
            chunk = await self._reader.read(_EVERYTHING)
            if not chunk:
                raise ConnectionResetError
            rest = body.feed(chunk)
            if rest is not None:
                if rest:
                    # The read has emptied the reader and nothing was awaited since: this comes first again.
                    self._reader.feed_data(rest)
                return body
            if body.size_bytes > limit_bytes * _DRAIN_TIMES:
                return None
            now_s = self.loop.time()
            if now_s - timed_s >= 1:
                timed_s = now_s
                until_s = began_s + min(DATA_S, max(SLOW_AFTER_S, body.size_bytes / MIN_BYTES_PER_S))
                self._reset_timeout(max(0.001, min(until_s - now_s, IDLE_S)))

    async def _offer(self, body: wire.Body, transaction: Transaction) -> bytes:
        """The reply for a whole mail, or for each recipient of it."""
        try:
            content = body.content()
            sender = "" if transaction.mail_from in (None, "<>") else transaction.mail_from
            recipients = tuple(dict.fromkeys(transaction.rcpt_tos))
            envelope = Envelope(self.door.via, self.peer, sender, recipients, clock.now())
            ids = await self._accept(content, envelope)
        except MaildeskError as error:
            reply = error.reply.smtp
            log.event("smtp.refused", reply=reply[:9], bytes=body.size_bytes)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not bounce a customer's mail
            reply = await self.handle_exception(error)
        else:
            reply = "250 2.0.0 " + " ".join(map(str, ids))
            self.errors = 0
        return self._for_each(wire.with_code(reply))

    async def _accept(self, content: bytes, envelope: Envelope) -> tuple[int, ...]:
        """As the door's `accept`, which goes on to its end when the client hangs up meanwhile."""
        accepting = asyncio.ensure_future(self.door.accept(content, envelope))
        self.door.accepting.add(accepting)
        accepting.add_done_callback(self.door.accepting.discard)
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError as error:
            if accepting.cancelled():
                raise MaildeskError("The store has dropped the mail, it goes down") from error
            accepting.add_done_callback(_forget)
            raise

    def _for_each(self, reply: bytes) -> bytes:
        """SMTP answers a mail once."""
        return reply


class _LmtpConnection(_Connection, LMTP):
    """LMTP answers a mail once for each recipient, in their order (RFC 2033, 4.2); aiosmtpd does it once."""

    async def check_helo_needed(self, helo: str = "LHLO") -> bool:
        return await super().check_helo_needed(helo)

    def _for_each(self, reply: bytes) -> bytes:
        count = len(self.envelope.rcpt_tos) if self.envelope is not None else 1
        return b"\r\n".join([reply] * count)


class _Hooks:
    """What aiosmtpd asks when a command is well formed: the reply, or an error for `handle_exception`."""

    def __init__(self, door: SmtpDoor) -> None:
        self._door = door

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: _Connection, session: Session, _envelope: Transaction, hostname: str, _responses: list[str]
    ) -> list[bytes]:
        session.host_name = hostname
        offers = [f"SIZE {self._door.max_mail_bytes}", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        if server.tls_context is not None and not session.ssl:
            offers.append("STARTTLS")
        lines = [f"250-{line}" for line in (self._door.hostname, *offers)]
        return ["\r\n".join([*lines, "250 HELP"]).encode()]

    async def handle_HELO(  # noqa: N802 - aiosmtpd's name
        self, _server: _Connection, session: Session, _envelope: Transaction, hostname: str
    ) -> bytes:
        session.host_name = hostname
        return f"250 {self._door.hostname}".encode()

    async def handle_PROXY(  # noqa: N802 - aiosmtpd's name
        self, server: _Connection, _session: Session, _envelope: Transaction, data: ProxyData
    ) -> bool:
        if not data.valid:
            return False
        proxy, peer = server.peer, wire.peer_name((str(data.src_addr),)) if data.src_addr else server.peer
        # Whoever reaches the port can write such a header: a relay's name counts only from one of ours.
        if self._door.is_relay(peer) and not self._door.is_relay(proxy):
            log.warning("smtp.proxy-not-trusted", proxy=proxy)
            return False
        refusal = self._door.admit(peer)
        if refusal is not None:
            await server.push(refusal)
            return False
        server.peer, server.is_relay, server.holds_place = peer, self._door.is_relay(peer), True
        return True

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: _Connection, _session: Session, envelope: Transaction, address: str, options: list[str]
    ) -> str:
        self._door.need_room()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: _Connection, _session: Session, envelope: Transaction, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= (MAX_RELAY_RECIPIENTS if server.is_relay else MAX_RECIPIENTS):
            return "452 4.5.3 Too many recipients, send the mail again for the rest"
        if not server.is_relay and self._door.brakes.is_guessing(server.peer):
            return "421 4.7.0 Too many addresses that are none, try again in an hour"
        sender = "" if envelope.mail_from in (None, "<>") else envelope.mail_from
        try:
            self._door.recipient(address, sender, server.is_relay)
        except UnknownMailbox:
            if not server.is_relay:
                self._door.brakes.wrong_address(server.peer)
            raise
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"


def _forget(task: asyncio.Future[Any]) -> None:
    """Take a future's end, whatever it is: a lost connection is nobody's error."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, OSError):
        log.failure("smtp.failed", error)
