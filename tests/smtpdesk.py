"""An SMTP or LMTP door on a real socket, in a thread with a loop of its own, and a desk behind it that keeps mails."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from maildesk.doors.smtp import SmtpDoor
from maildesk.errors import UnknownMailbox
from maildesk.mail.model import Envelope
from tests.servers.client import Client

OURS = ("support@desk.test", "sales@desk.test", "postmaster", "süpport@desk.test")
EVERYBODY_S = 20.0

T = TypeVar("T")


class SmtpDesk:
    """`with SmtpDesk() as desk: desk.client()`. Further settings are the door's.

    relays: peers that are relays; by default none, so that all limits hold.
    on_mail: called before a mail is kept; may raise, or return a coroutine to wait for.
    """

    def __init__(
        self,
        *,
        relays: tuple[str, ...] = (),
        on_mail: Callable[[bytes, Envelope], Any] | None = None,
        on_recipient: Callable[[str, str | None, bool], object] | None = None,
        sock: socket.socket | None = None,
        **settings: Any,
    ) -> None:
        self.mails: list[tuple[bytes, Envelope]] = []
        self._on_mail = on_mail
        self._on_recipient = on_recipient
        self.asked: list[tuple[str, str | None, bool]] = []
        self._relays = relays
        self._settings = {"max_mail_bytes": 100_000, "hostname": "desk.test", "need_room": lambda: None, **settings}
        self._sock = sock or socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self._sock.getsockname()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.complaints: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(1)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        assert kind is not None or not self.complaints, self.complaints

    def client(self, **settings: Any) -> Client:
        return Client(self.address, **settings)

    def greeted(self, **settings: Any) -> Client:
        """A client after EHLO, or LHLO."""
        client = self.client(**settings)
        reply = client.say("LHLO client.test" if self._settings.get("lmtp") else "EHLO client.test")
        assert reply.startswith("250"), reply
        return client

    def close(self, grace_s: float) -> None:
        """Close the door and wait for it."""
        self.run(self.door.close(grace_s))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(EVERYBODY_S)

    async def _start(self) -> None:
        self.door = SmtpDoor(
            accept=self._accept,
            recipient=self._recipient,
            is_relay=lambda peer: peer in self._relays,
            **self._settings,
        )
        await self.door.start(self._sock)

    async def _accept(self, raw: bytes, envelope: Envelope) -> tuple[int, ...]:
        if self._on_mail is not None:
            awaitable = self._on_mail(raw, envelope)
            if awaitable is not None:
                await awaitable
        self.mails.append((raw, envelope))
        first = len(self.mails)
        return tuple(range(first, first + len(envelope.recipients)))

    def _recipient(self, address: str, sender: str | None, is_relay: bool) -> object:
        self.asked.append((address, sender, is_relay))
        if self._on_recipient is not None:
            return self._on_recipient(address, sender, is_relay)
        if address.replace("+tag", "").lower() not in OURS:
            raise UnknownMailbox("No such mailbox here")
        return address
