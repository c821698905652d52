"""One SMTP or LMTP session: commands to `accept` and its outcome back. It opens nothing and never looks into a mail.

aiosmtpd parses the commands. Repaired here is what a desk on the Internet cannot live with: replies that bounce mail
for our own faults, DATA line by line, limits on lines, and ends that cut a mail in two.
"""

# ruff: noqa: N802 - commands and hooks have aiosmtpd's names

from __future__ import annotations

import asyncio
import collections
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
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
Welcome = Callable[[str, str], object]

# RFC 5321, 4.5.3.2.7.
IDLE_S = 300.0
# A whole mail must have come within this time, and after the first minute no slower than this.
DATA_S = 600.0
SLOW_AFTER_S = 60.0
MIN_BYTES_PER_S = 1024
# RFC 5321, 4.5.3.2.6: so long a sender waits for the answer to its last dot.
ACCEPT_S = 600.0
PROXY_HEADER_S = 10.0
MAX_ERRORS = 10
# For strangers; RFC 5321, 4.5.3.1.8 allows less than 100 only because nobody has so many addresses of one desk.
MAX_RECIPIENTS = 50
# Postfix' smtpd_recipient_limit.
MAX_RELAY_RECIPIENTS = 1000
# Bounce addresses that carry a whole other address are longer than the 512 of RFC 5321, 4.5.3.1.4 allows.
COMMAND_BYTES = 4096
# A mail too large is read up to this many times the limit, so that its sender hears why, and then cut.
DRAIN_TIMES = 2
LEAVING = b"421 4.3.2 The desk is going down, please try again"
# One read takes all that the reader holds, which pauses its transport at twice `line_length_limit`.
_EVERYTHING = 1 << 30


@dataclass(slots=True)
class House:
    """What the sessions of one door share; the parameters are `SmtpDoor`'s."""

    accept: Accept
    recipient: Recipient
    need_welcome: Welcome
    is_relay: Callable[[str], bool]
    need_room: Callable[[], object]
    max_mail_bytes: int
    hostname: str
    via: Via
    starttls: ssl.SSLContext | None
    proxy_protocol: bool
    brakes: Brakes
    sessions: set[SmtpSession] = field(default_factory=set)
    # Kept until done: a mail that is being written is not dropped because its sender hung up.
    accepting: set[asyncio.Future[tuple[int, ...]]] = field(default_factory=set)
    is_closing: bool = False

    def admit(self, peer: str) -> bytes | None:
        """None when a peer may come in, and then it has a place until `dismiss`; else the reply that turns it away."""
        if self.is_closing:
            return LEAVING
        return None if self.is_relay(peer) else self.brakes.admit(peer)

    def dismiss(self, session: SmtpSession) -> None:
        """A session is over, and its place is free; a second call changes nothing."""
        self.sessions.discard(session)
        if not session.gone.done():
            session.gone.set_result(None)
            if session.has_place and not session.is_relay:
                self.brakes.release(session.peer)


class SmtpSession(SMTP):
    """One client. What aiosmtpd asks a handler is answered by `_Hooks`."""

    # The reader's limit; DATA below has no limit for a line.
    line_length_limit = 2**16
    command_size_limit = COMMAND_BYTES

    def __init__(self, house: House, peer: str) -> None:
        # aiosmtpd has one dict for all connections and clears it for each new one.
        self.command_size_limits = collections.defaultdict(lambda: COMMAND_BYTES)
        loop = asyncio.get_running_loop()
        super().__init__(
            _Hooks(),
            data_size_limit=house.max_mail_bytes,
            enable_SMTPUTF8=True,
            hostname=house.hostname,
            ident=f"{'LMTP' if house.via == 'lmtp' else 'ESMTP'} maildesk",
            tls_context=house.starttls,
            timeout=IDLE_S,
            proxy_protocol_timeout=PROXY_HEADER_S if house.proxy_protocol else None,
            loop=loop,
        )
        # Nobody signs in at a desk.
        del self._smtp_methods["AUTH"]
        self.house = house
        self.peer = peer
        self.is_relay = house.is_relay(peer)
        self.has_place = not house.proxy_protocol
        self.gone: asyncio.Future[None] = loop.create_future()
        self._errors = 0
        self._is_in_data = False

    # What follows up to `leave` is the session's life.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_first = self._handler_coroutine is None
        super().connection_made(transport)
        if is_first and self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(_forget)
            self.house.sessions.add(self)
            if self.house.is_closing:
                self.leave()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.house.dismiss(self)

    def leave(self) -> None:
        """Say 421 and go, after the mail that is coming in just now."""
        if not self._is_in_data:
            self._part(LEAVING)

    def abort(self) -> None:
        """Go without a word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            # Python 3.11.2's TLS transport forgets its wire once it was closed, and is on its way out already.
            with suppress(AttributeError):
                self.transport.abort()

    def _part(self, reply: bytes) -> None:
        """Write a last reply, take no further command, close."""
        if self.transport is None or self.transport.is_closing():
            return
        self._writer.write(reply + b"\r\n")
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        self.transport.close()

    def _timeout_cb(self) -> None:
        self._part(b"421 4.4.2 Nothing came for too long, please try again")

    # What it says.

    async def push(self, status: str | bytes) -> None:
        """Send a reply: text gets an enhanced code where it has none, bytes go out as they are.

        421 ends the session, and so does one error too many.
        """
        reply = wire.with_code(status) if isinstance(status, str) else status
        if reply.startswith(b"5") and not self.is_relay:
            self._errors += 1
            if self._errors >= MAX_ERRORS:
                await self._say_last(reply + b"\r\n421 4.7.0 Too many errors")
        if reply.startswith(b"502 5.5.1 Too many unrecognized"):
            await self._say_last(b"421 4.7.0 Too many errors")
        if reply.startswith(b"421"):
            await self._say_last(reply)
        self._writer.write(reply + b"\r\n")
        await self._writer.drain()

    async def _say_last(self, reply: bytes) -> None:
        self._part(reply)
        # Here the session's task ends: what the client has sent ahead must not run behind a last reply.
        await asyncio.sleep(0)

    async def handle_exception(self, error: Exception) -> str:
        """The reply to what a command raised: 451 for all that is our fault, and never the error's own words."""
        if isinstance(error, MaildeskError):
            return error.reply.smtp
        log.failure("smtp.failed", error)
        return MaildeskError.reply.smtp

    # Commands; the others are aiosmtpd's.

    async def check_helo_needed(self, helo: str = "EHLO") -> bool:
        return await super().check_helo_needed(helo)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self.tls_context is None or (self.session is not None and self.session.ssl):
            await self.push("503 5.5.1 TLS is not offered here, or runs already")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_VRFY(self, _arg: str) -> None:
        await self.push("252 2.0.0 Not told here; send the mail and see")

    async def smtp_HELP(self, _arg: str) -> None:
        await self.push("214 2.0.0 A help desk: write to its address")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address and what follows it, (None, None) for none: aiosmtpd parses a whole field; nearly all are plain."""
        plain = wire.plain_path(arg)
        if plain is not None:
            return plain
        if not wire.is_path(arg):
            return None, None
        try:
            address, rest = super()._getaddr(arg)
        except (AttributeError, IndexError, RecursionError, ValueError):
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
                too_large = wire.with_code("552 5.3.4 The mail is larger than this desk takes")
                await self._say_last(self._for_each(too_large) + b"\r\n421 4.7.0 Too much data")
                return
            self._reset_timeout(ACCEPT_S)
            reply = await self._offer(body, self.envelope)
            self.envelope = self._create_envelope()
            self._reset_timeout()
        finally:
            self._is_in_data = False
            self.house.brakes.let_go(self)
        if self.house.is_closing:
            await self._say_last(reply + b"\r\n" + LEAVING)
        await self.push(reply)

    async def _receive(self) -> wire.Body | None:
        """What came up to the lone dot; None when it has outgrown all patience."""
        body = wire.Body(self.house.max_mail_bytes)
        began_s = self.loop.time()
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
            if not self.is_relay and not self.house.brakes.hold(self, body.held_bytes):
                body.give_up()
            if body.size_bytes > self.house.max_mail_bytes * DRAIN_TIMES:
                return None
            took_s = self.loop.time() - began_s
            may_take_s = min(DATA_S, max(SLOW_AFTER_S, body.size_bytes / MIN_BYTES_PER_S))
            self._reset_timeout(max(0.001, min(may_take_s - took_s, IDLE_S)))

    async def _offer(self, body: wire.Body, transaction: Transaction) -> bytes:
        """The reply for a whole mail, or for each recipient of it."""
        try:
            recipients = tuple(dict.fromkeys(transaction.rcpt_tos))
            envelope = Envelope(self.house.via, self.peer, _sender(transaction), recipients, clock.now())
            ids = await self._accept(body.content(), envelope)
        except MaildeskError as error:
            reply = error.reply.smtp
            log.event("smtp.refused", reply=reply[:9], bytes=body.size_bytes)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not bounce a customer's mail
            reply = await self.handle_exception(error)
        else:
            # Whatever somebody mistyped before, this connection brings mail.
            self._errors = 0
            return self._for_each(b"250 2.0.0 " + " ".join(map(str, ids)).encode())
        return self._for_each(wire.with_code(reply))

    async def _accept(self, content: bytes, envelope: Envelope) -> tuple[int, ...]:
        """As the house's `accept`, which goes on to its end when the client hangs up meanwhile."""
        accepting = asyncio.ensure_future(self.house.accept(content, envelope))
        self.house.accepting.add(accepting)
        accepting.add_done_callback(self.house.accepting.discard)
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if accepting.cancelled() and task is not None and not task.cancelling():
                raise MaildeskError("The store dropped the mail: it is going down") from error
            accepting.add_done_callback(_forget)
            raise

    def _for_each(self, reply: bytes) -> bytes:
        """SMTP answers a mail once."""
        return reply


class LmtpSession(SmtpSession, LMTP):
    """LMTP answers a mail once for each recipient, in their order (RFC 2033, 4.2); aiosmtpd's answers once."""

    async def check_helo_needed(self, helo: str = "LHLO") -> bool:
        return await super().check_helo_needed(helo)

    def _for_each(self, reply: bytes) -> bytes:
        return b"\r\n".join([reply] * (len(self.envelope.rcpt_tos) if self.envelope else 1))


class _Hooks:
    """What aiosmtpd asks when a command is well formed: the reply, or an error for `handle_exception`."""

    async def handle_EHLO(
        self, server: SmtpSession, session: Session, _envelope: Transaction, hostname: str, _responses: list[str]
    ) -> list[bytes]:
        session.host_name = hostname
        house = server.house
        offers = [f"SIZE {house.max_mail_bytes}", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        if server.tls_context is not None and not session.ssl:
            offers.append("STARTTLS")
        lines = [f"250-{line}" for line in (house.hostname, *offers)]
        return ["\r\n".join([*lines, "250 HELP"]).encode()]

    async def handle_HELO(self, server: SmtpSession, session: Session, _envelope: Transaction, hostname: str) -> bytes:
        session.host_name = hostname
        return f"250 {server.house.hostname}".encode()

    async def handle_PROXY(
        self, server: SmtpSession, _session: Session, _envelope: Transaction, data: ProxyData
    ) -> bool:
        house = server.house
        if not data.valid:
            return False
        # A header without an address is the proxy's own: its health check.
        peer = wire.peer_name((str(data.src_addr),)) if data.src_addr else server.peer
        # Whoever reaches the port can write such a header: a relay's address counts only when a relay passes it on.
        if house.is_relay(peer) and not house.is_relay(server.peer):
            log.warning("smtp.proxy-not-trusted", proxy=server.peer)
            return False
        refusal = house.admit(peer)
        if refusal is not None:
            await server.push(refusal)
            return False
        server.peer, server.is_relay, server.has_place = peer, house.is_relay(peer), True
        return True

    async def handle_MAIL(
        self, server: SmtpSession, _session: Session, envelope: Transaction, address: str, options: list[str]
    ) -> str:
        server.house.need_room()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SmtpSession, _session: Session, envelope: Transaction, address: str, _options: list[str]
    ) -> str:
        house = server.house
        if len(envelope.rcpt_tos) >= (MAX_RELAY_RECIPIENTS if server.is_relay else MAX_RECIPIENTS):
            return "452 4.5.3 Too many recipients, send the mail again for the rest"
        if not server.is_relay and house.brakes.is_guessing(server.peer):
            return "421 4.7.0 Too many addresses that are none, try again in an hour"
        house.need_welcome(_sender(envelope), server.peer)
        try:
            house.recipient(address, _sender(envelope), server.is_relay)
        except UnknownMailbox:
            if not server.is_relay:
                house.brakes.wrong_address(server.peer)
            raise
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"


def _sender(transaction: Transaction) -> str:
    """aiosmtpd has "<>" for the null sender, and None before MAIL."""
    return "" if transaction.mail_from in (None, "<>") else str(transaction.mail_from)


def _forget(task: asyncio.Future[Any]) -> None:
    """Take the end of a task nobody waits for: a lost connection is no error, anything else is told."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, OSError):
        log.failure("smtp.failed", error)
