"""A small mail server for tests: takes each mail by SMTP and carries it on before it says 250. Knows nothing of maildesk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

# Carries one mail to one recipient: (sender, recipient, raw); whatever it raises makes the answer 451.
Carry = Callable[[str, str, bytes], None]


class Post:
    """`with Post(carry) as post:`, a relay on `post.port`; each recipient's copy is handed to `carry`."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="post", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            self._loop.create_server(lambda: SMTP(self, hostname="mail.test", loop=self._loop), "127.0.0.1", 0),
            self._loop,
        ).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut(self) -> None:
        assert self._server is not None
        self._server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        try:
            for recipient in envelope.rcpt_tos:
                await asyncio.to_thread(self._carry, envelope.mail_from or "", recipient, envelope.content)
        except OSError as error:
            return f"451 4.3.0 {type(error).__name__}"
        return "250 2.0.0 carried"
