"""The web door: answers monitors, and everything else with 404 until there are pages. Decides nothing, reads no mail."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config as UvicornConfig
from uvicorn.server import Server

from maildesk import log
from maildesk.desk.model import StandingStill

Standing = Callable[[], Awaitable[tuple[StandingStill, ...]]]

# A monitor gives up after some ten seconds; it shall hear our own answer before.
ANSWER_WITHIN_S = 5.0
STOP_WITHIN_S = 5
# Two pages need few connections at once; more is somebody who opens them and stays.
MOST_CONNECTIONS = 128
IDLE_CONNECTION_S = 15

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


def build(standing: Standing) -> ASGIApp:
    """The application: /healthz while the loop lives, /readyz with what stands still, 404 for all else."""

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

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    app = Starlette(routes=routes, exception_handlers={404: _missing, 405: _missing})
    # An address is right or wrong: a redirect would name the host that the client claims.
    app.router.redirect_slashes = False
    return _with_headers(app)


class WebDoor:
    """The web door on a socket that listens already."""

    def __init__(self, listener: socket.socket, standing: Standing) -> None:
        """standing: what has not moved for too long; () when all is well."""
        config = UvicornConfig(
            build(standing),
            http="h11",
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


def _with_headers(app: ASGIApp) -> ASGIApp:
    """The application with the same headers on each answer, errors included."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


async def _missing(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("Not found\n", 404)


def _time(still: StandingStill) -> str:
    return still.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
