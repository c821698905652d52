"""The web door: a server in the daemon's loop that answers monitors and shows the pages. Decides nothing, reads no mail."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.config import Config as UvicornConfig
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import Server

from maildesk import log
from maildesk.desk.model import StandingStill
from maildesk.web.app import build
from maildesk.web.visit import Site

Standing = Callable[[], Awaitable[tuple[StandingStill, ...]]]

# A monitor gives up after some ten seconds; it shall hear our own answer before.
ANSWER_WITHIN_S = 5.0
STOP_WITHIN_S = 5
# A browser opens six; many more people than that at one moment, or somebody who opens them and stays, hear 503.
MOST_CONNECTIONS = 500
IDLE_CONNECTION_S = 15
# From its first byte, or from the connection on; whoever only keeps one of the few is not waited for.
HEAD_WITHIN_S = 15.0


def monitors(standing: Standing) -> list[BaseRoute]:
    """/healthz while the loop lives, /readyz with what stands still."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                # A breaker that does its work is no reason to restart anything.
                found = [one for one in await standing() if one.what != "confirmations"]
        except Exception as error:  # noqa: BLE001 - whatever keeps the store from answering is what this page is for
            log.failure("web.readyz", error)
            return JSONResponse({"ready": False, "standing_still": [{"what": "store"}]}, 503)
        rows = [{"what": still.what, "name": still.name, "since": _time(still)} for still in found]
        return JSONResponse({"ready": not found, "standing_still": rows}, 503 if found else 200)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


class WebDoor:
    """The web door on a socket that listens already."""

    def __init__(self, listener: socket.socket, standing: Standing, site: Site) -> None:
        """standing: what has not moved for too long; () when all is well."""
        config = UvicornConfig(
            build(site, monitors(standing)),
            http=_Patience,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=IDLE_CONNECTION_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on. Raises OSError when the socket cannot be used."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="web door")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not self._server.ready.is_set():
            ready.cancel()
            self._task.result()
            raise OSError("the web door did not open")

    async def close(self) -> None:
        """Finish the requests under way, at most STOP_WITHIN_S, and close the socket."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None
        self._listener.close()


class _Patience(H11Protocol):
    """A connection on which the head of a request comes in time, or none: uvicorn waits for ever."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._head is not None:
            self._head.cancel()
        self._head = None


class _Server(Server):
    """uvicorn within our loop: signals are the daemon's."""

    def __init__(self, config: UvicornConfig) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _time(still: StandingStill) -> str:
    return still.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
