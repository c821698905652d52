"""What the help centre costs: `python -m tests.measure web`. Part of tests/measure.py; README quotes it.

A desk with 100,000 requests, asked over a real door in a process of its own: milliseconds to the first byte of each page;
50 requests a second of My activities beside 10 mails a second, with the same beside none and a bare Starlette page in the
same run; the memory of a file of 25 MB on its way in and through.
"""

from __future__ import annotations

import asyncio
import math
import re
import smtplib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from uvicorn import Config as UvicornConfig
from uvicorn import Server

from tests.filled import SESSION, fill
from tests.servers.desk import Desk, free_port
from tests.servers.sink import Sink

_RATE, _MAILS_A_SECOND = 50, 10


def web(seconds: int) -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as place, Sink() as sink:
        folder, port = Path(place), free_port()
        desk = Desk(folder, sink.port, tables=f'[web]\nlisten = "127.0.0.1:{port}"')
        with desk:
            desk.stop()
            fill(desk.state / "maildesk.db")
            desk.start()
            base = f"http://127.0.0.1:{port}"
            asyncio.run(_pages(base))
            asyncio.run(_load(base, desk, seconds))
            _upload(base, desk)


async def _pages(base: str) -> None:
    """First bytes, each page 200 times, one after the other."""
    async with httpx.AsyncClient(base_url=base, cookies={"session": SESSION}) as client:
        for path in (
            "/",
            "/requests",
            "/requests?state=solved",
            "/requests?q=printer",
            "/requests/1",
            "/account",
            "/articles",
            "/requests/new",
        ):
            spans = []
            for _ in range(200):
                began = time.perf_counter()
                async with client.stream("GET", f"/en{path}") as answer:
                    spans.append((time.perf_counter() - began) * 1000)
                    await answer.aread()
            spans.sort()
            kept = f"{answer.status_code}, {len(answer.content)} bytes"
            print(f"/en{path}: {kept}, first byte median {spans[100]:.1f} ms, p95 {spans[189]:.1f} ms")


async def _load(base: str, desk: Desk, seconds: int) -> None:
    """My activities at a fixed rate: alone, beside mail, and a bare page at the same rate."""
    bare_port = free_port()

    async def bare(_request: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><title>bare</title>")

    config = UvicornConfig(
        Starlette(routes=[Route("/", bare)]), port=bare_port, log_config=None, access_log=False, http="h11", loop="none"
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
        await asyncio.sleep(0.01)
    alone = await _rate(f"{base}/en/requests", seconds)
    mails = asyncio.create_task(asyncio.to_thread(_send_mails, desk.smtp_port, seconds))
    beside = await _rate(f"{base}/en/requests", seconds)
    accepted = await mails
    nothing = await _rate(f"http://127.0.0.1:{bare_port}/", seconds)
    server.should_exit = True
    await serving
    quiet = await asyncio.to_thread(_send_mails, desk.smtp_port, seconds)
    print(
        f"{_RATE}/s of My activities, {seconds} s: alone {_said(alone)}; beside {_MAILS_A_SECOND} mails/s {_said(beside)}"
    )
    print(
        f"a bare Starlette page at the same rate: {_said(nothing)}; ratio of the medians "
        f"{statistics.median(beside) / statistics.median(nothing):.1f}"
    )
    print(f"time of the 250: beside the pages {_said(accepted)}; without them {_said(quiet)}")


def _said(spans: list[float]) -> str:
    spans = sorted(spans)
    return (
        f"median {statistics.median(spans):.1f} ms, p99 {spans[math.ceil(len(spans) * 0.99) - 1]:.1f} ms ({len(spans)})"
    )


async def _rate(url: str, seconds: int) -> list[float]:
    """Milliseconds of each answer, asked for at fixed moments, whatever the answers before take."""
    spans: list[float] = []
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(cookies={"session": SESSION}, limits=limits, timeout=30) as client:

        async def ask(at: float) -> None:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            answer = await client.get(url)
            assert answer.status_code == 200
            # From the moment when it was due: a queue counts.
            spans.append((time.perf_counter() - at) * 1000)

        begins = time.perf_counter() + 0.2
        await asyncio.gather(*(ask(begins + number / _RATE) for number in range(seconds * _RATE)))
    return spans


def _send_mails(port: int, seconds: int) -> list[float]:
    """Milliseconds from the last dot to the 250."""
    spans, begins = [], time.perf_counter() + 0.2
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        for number in range(seconds * _MAILS_A_SECOND):
            time.sleep(max(0.0, begins + number / _MAILS_A_SECOND - time.perf_counter()))
            head = f"From: new{number}@client{number % 40}.test\r\nTo: support@desk.test\r\nSubject: load {number}\r\n"
            body = f"{head}Message-ID: <{time.time_ns()}@client.test>\r\n\r\nHello,\r\n\r\nit burns.\r\n"
            client.mail(f"new{number}@client.test")
            client.rcpt("support@desk.test")
            client.docmd("DATA")
            began = time.perf_counter()
            client.send(body + ".\r\n")
            assert client.getreply()[0] == 250
            spans.append((time.perf_counter() - began) * 1000)
    return spans


def _upload(base: str, desk: Desk) -> None:
    """The daemon's memory while 25 MB come in by the form, at the mail's making, and afterwards."""
    size = 25 * 1024 * 1024

    def resident() -> float:
        text = Path(f"/proc/{desk.pid}/smaps_rollup").read_text()
        return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / 1024

    async def run() -> tuple[list[float], list[float]]:
        arriving: list[float] = []
        making: list[float] = []
        async with httpx.AsyncClient(base_url=base, timeout=60) as client:
            page = await client.get("/en/requests/new")
            token = re.findall(r'name="token" value="([0-9a-f]+)"', page.text)[0]
            submission = re.findall(r'name="submission" value="([^"]+)"', page.text)[0]
            fields = {
                "token": token,
                "submission": submission,
                "address": "lea@client.test",
                "subject": "A film",
                "description": "See.",
            }
            lines = [
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in fields.items()
            ]
            head = (
                "".join(lines)
                + '--x\r\nContent-Disposition: form-data; name="attachments"; filename="film.bin"\r\n'
                + "Content-Type: application/octet-stream\r\n\r\n"
            )

            async def body() -> AsyncIterator[bytes]:
                yield head.encode()
                for number in range(size // 65536):
                    yield bytes([number % 251]) * 65536
                    if number % 40 == 0:
                        await asyncio.sleep(0)
                        arriving.append(resident())
                yield b"\r\n--x--\r\n"

            headers = {"content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "same-origin"}
            sent = asyncio.create_task(client.post("/en/requests/new", content=body(), headers=headers))
            while not sent.done():
                await asyncio.sleep(0.02)
                making.append(resident())
            assert sent.result().status_code == 303, sent.result().text[:500]
        return arriving, making

    before = resident()
    arriving, making = asyncio.run(run())
    time.sleep(20)
    print(
        f"a file of 25 MB: {before:.0f} MB before, at most +{max(arriving) - before:.0f} MB while it arrives, "
        f"+{max(making) - before:.0f} MB while the mail is made and worked on, {resident() - before:+.0f} MB 20 s later"
    )
