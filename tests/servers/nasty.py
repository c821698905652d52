"""A bad line: a TCP proxy in front of any server that cuts, swallows and delays as told. Knows no protocol.

`with Nasty(sink.port, lambda n: Plan(cut_to_client_after=200)) as line:`, connect to `line.port`; `line.passed` tells
what went through on each connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Self

_PIECE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Plan:
    """What one connection suffers; None: nothing of that kind. Counted in bytes of that direction, from 0.

    cut_to_server_after, cut_to_client_after: both sides are reset once so many bytes have gone through.
    swallow_to_client_after: from that byte on the server is heard no more, and the connection stays open.
    delay_s: waited before each piece, in both directions; piece_bytes: how much goes through at a time.
    """

    cut_to_server_after: int | None = None
    cut_to_client_after: int | None = None
    swallow_to_client_after: int | None = None
    delay_s: float = 0.0
    piece_bytes: int = _PIECE_BYTES


@dataclass
class Passed:
    """What reached either end of one connection, and whether the plan cut it."""

    number: int
    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)
    was_cut: bool = False


class Nasty:
    """The proxy, in a thread of its own, on a free loopback port."""

    host = "127.0.0.1"

    def __init__(self, server_port: int, plan: Callable[[int], Plan] = lambda _: Plan()) -> None:
        self.plan = plan
        self.passed: list[Passed] = []
        self.port = 0
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nasty", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many were taken so far."""
        return len(self.passed)

    @property
    def cuts(self) -> int:
        """How many connections the plan cut."""
        return sum(connection.was_cut for connection in self.passed)

    def _call(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        # One turn lets the pumps see their end before the loop stops.
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = Passed(len(self.passed) + 1)
        self.passed.append(passed)
        plan = self.plan(passed.number)
        try:
            server_reader, server_writer = await asyncio.open_connection(self.host, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self._writers |= ends

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, to_client: bool) -> None:
            went = passed.to_client if to_client else passed.to_server
            cut_after = plan.cut_to_client_after if to_client else plan.cut_to_server_after
            swallow_after = plan.swallow_to_client_after if to_client else None
            while True:
                if cut_after is not None and len(went) >= cut_after:
                    passed.was_cut = True
                    for end in ends:
                        end.transport.abort()
                    return
                left = plan.piece_bytes if cut_after is None else min(plan.piece_bytes, cut_after - len(went))
                piece = await source.read(left)
                if not piece:
                    target.write_eof()
                    return
                if plan.delay_s:
                    await asyncio.sleep(plan.delay_s)
                if swallow_after is not None:
                    piece = piece[: max(swallow_after - len(went), 0)]
                went += piece
                target.write(piece)
                await target.drain()

        async def pump_quietly(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, to_client: bool) -> None:
            # Either end may go at any time: that is what this line is for.
            with contextlib.suppress(OSError, RuntimeError):
                await pump(source, target, to_client=to_client)

        await asyncio.gather(
            pump_quietly(reader, server_writer, to_client=False), pump_quietly(server_reader, writer, to_client=True)
        )
        for end in ends:
            end.close()
        self._writers -= ends
