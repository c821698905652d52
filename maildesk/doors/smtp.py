"""The SMTP and the LMTP door: who may connect, and how the door closes. What is said inside is the session's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from maildesk import log
from maildesk.doors import wire
from maildesk.doors.brakes import Brakes
from maildesk.doors.session import Accept, House, LmtpSession, Recipient, SmtpSession, Welcome
from maildesk.errors import MaildeskError

# So many mails of the largest size strangers may be sending at once: 200 places for them must not fill the memory.
HELD_TIMES = 8
TLS_HANDSHAKE_S = 30.0
# How long to wait when the system has no more descriptors.
_ACCEPT_AGAIN_S = 1.0


class SmtpDoor:
    """Serves SMTP, or LMTP, on one socket.

    accept: the ledger ids after the COMMIT, or a MaildeskError whose reply the sender hears.
    recipient: gets the address as written, the envelope sender ("" null) and whether a relay asks; raises
    UnknownMailbox, or another MaildeskError.
    need_welcome: gets the envelope sender and the peer at each RCPT; raises the MaildeskError whose reply they hear.
    is_relay: whether a peer's address, or "unix", is a relay; no limit and no brake touches those.
    need_room: asked at MAIL; raises DiskNearlyFull.
    tls: offered as STARTTLS, or, with implicit_tls, spoken from the first byte.
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
        need_welcome: Welcome = lambda _sender, _peer: None,
    ) -> None:
        self._need_welcome = need_welcome
        self._house = House(
            accept=accept,
            recipient=recipient,
            need_welcome=self._welcome,
            is_relay=is_relay,
            need_room=need_room,
            max_mail_bytes=max_mail_bytes,
            hostname=hostname,
            via="lmtp" if lmtp else "smtp",
            starttls=None if implicit_tls else tls,
            proxy_protocol=proxy_protocol,
            brakes=Brakes(HELD_TIMES * max_mail_bytes),
        )
        self._implicit_tls = tls if implicit_tls else None
        self._opening: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on a listening socket, which is the door's from now on, until `close`."""
        sock.setblocking(False)
        self._listener = sock
        self._listening = asyncio.create_task(self._listen(sock), name=f"{self._house.via} door")

    async def close(self, grace_s: float) -> None:
        """Take no new connection, say 421 to idle ones, let mails that are coming in end.

        What is not done after `grace_s` seconds is cut, and its sender keeps the mail.
        """
        house = self._house
        house.is_closing = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        if self._listener is not None:
            self._listener.close()
        for task in self._opening:
            task.cancel()
        for session in tuple(house.sessions):
            session.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while pending := {s.gone for s in house.sessions} | self._opening | house.accepting:
                    await asyncio.wait(pending)
        for session in tuple(house.sessions):
            session.abort()

    def _welcome(self, sender: str, peer: str) -> None:
        """Whoever is refused leaves a line in the log, for an admin whose list says too much."""
        try:
            self._need_welcome(sender, peer)
        except MaildeskError as error:
            log.event("smtp.refused", reply=error.reply.smtp[:9], peer=peer)
            raise

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
            refusal = None if self._house.proxy_protocol else self._house.admit(peer)
            if refusal is None:
                task = asyncio.create_task(self._open(client, peer))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
                continue
            if self._implicit_tls is None:
                client.setblocking(False)
                with suppress(OSError):
                    client.send(refusal + b"\r\n")
            client.close()

    async def _open(self, client: socket.socket, peer: str) -> None:
        session = (LmtpSession if self._house.via == "lmtp" else SmtpSession)(self._house, peer)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: session,
                client,
                ssl=self._implicit_tls,
                ssl_handshake_timeout=TLS_HANDSHAKE_S if self._implicit_tls else None,
            )
        except (OSError, asyncio.CancelledError) as error:
            # A handshake that failed is the client's: no version in common, or somebody who looks for open ports.
            log.event("smtp.not-opened", error=type(error).__name__)
            self._house.dismiss(session)
