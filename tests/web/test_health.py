"""The web door over real sockets: what monitors hear, and what every answer bears."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from maildesk.desk.model import StandingStill
from maildesk.web.door import Standing, WebDoor
from tests.web.house import site

SINCE = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
STILL = StandingStill("mailbox", "support@example.com", SINCE, detail="LOGIN failed for hunter2")


async def nothing() -> tuple[StandingStill, ...]:
    return ()


@asynccontextmanager
async def door(standing: Standing = nothing) -> AsyncIterator[int]:
    """A door on a free port of this machine, closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened = WebDoor(listener, standing, site())
    await opened.start()
    try:
        yield listener.getsockname()[1]
    finally:
        await opened.close()


async def ask(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case, body."""

    def run() -> tuple[int, dict[str, str], bytes]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request(method, path)
        answer = client.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        client.close()
        return found

    return await asyncio.to_thread(run)


@pytest.mark.asyncio
async def test_healthz_answers_while_the_loop_lives() -> None:
    """A monitor hears 200."""
    async with door() as port:
        status, _, body = await ask(port, "/healthz")
    assert (status, body) == (200, b"ok\n")


@pytest.mark.asyncio
async def test_readyz_says_that_all_is_well() -> None:
    """Nothing stands still: 200."""
    async with door() as port:
        status, _, body = await ask(port, "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True, "standing_still": []})


@pytest.mark.asyncio
async def test_readyz_says_what_stands_still_without_its_details() -> None:
    """503 with the mailbox and since when; what a server said stays inside."""

    async def standing() -> tuple[StandingStill, ...]:
        return (STILL,)

    async with door(standing) as port:
        status, _, body = await ask(port, "/readyz")
    row = {"what": "mailbox", "name": "support@example.com", "since": "2026-11-22T18:00:00Z"}
    assert (status, json.loads(body)) == (503, {"ready": False, "standing_still": [row]})
    assert b"hunter2" not in body


@pytest.mark.asyncio
async def test_readyz_fails_when_the_store_cannot_be_asked() -> None:
    """An error inside is 503 without its words."""

    async def standing() -> tuple[StandingStill, ...]:
        raise RuntimeError("database disk image is malformed: /var/lib/x")

    async with door(standing) as port:
        status, _, body = await ask(port, "/readyz")
    assert status == 503
    assert b"malformed" not in body
    assert b"/var/lib" not in body


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/zz/requests"), ("GET", "/xyz"), ("POST", "/healthz"), ("GET", "/healthz/"), ("GET", "/../etc/passwd")],
)
async def test_everything_else_is_not_found(method: str, path: str) -> None:
    """Outside of a language there is nothing else: no redirects, and no other methods."""
    async with door() as port:
        status, _, body = await ask(port, path, method)
    assert (status, body) == (404, b"Not found\n")


@pytest.mark.asyncio
async def test_every_answer_has_the_same_safe_headers_and_no_server_name() -> None:
    """Answers say nothing about the software and may not be framed, sniffed or stored."""
    async with door() as port:
        for path in ("/healthz", "/readyz", "/nowhere"):
            _, headers, _ = await ask(port, path)
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


@pytest.mark.asyncio
async def test_closing_finishes_the_request_under_way() -> None:
    """A monitor that asked before the end gets its answer; afterwards nobody listens."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def standing() -> tuple[StandingStill, ...]:
        asked.set()
        await answer.wait()
        return ()

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    opened = WebDoor(listener, standing, site())
    await opened.start()
    waiting = asyncio.create_task(ask(port, "/readyz"))
    await asked.wait()
    closing = asyncio.create_task(opened.close())
    answer.set()
    status, _, _ = await waiting
    await closing
    assert status == 200
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.asyncio
async def test_signals_stay_the_daemons() -> None:
    """Opening and closing the door changes no signal's handler."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    async with door():
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert during == before
