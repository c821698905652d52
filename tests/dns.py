"""A small real DNS server on a free loopback port, UDP and TCP: what it says is a dictionary, and it can misbehave as told.

with Dns({"s1._domainkey.client.test": ("v=DKIM1; ...",), ("client.test", "MX"): ("10 mx.client.test",)}) as dns:
    ... Trust(verify="dkim", resolvers=(dns.address,))
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Literal, Self, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Key = str | tuple[str, str]
Trouble = Literal["servfail", "refused", "swallow", "truncate", "lie"]


class Dns:
    """The server. records: texts by name (TXT) or by (name, kind); a missing name does not exist. Both may change meanwhile.

    trouble: what goes wrong, by name, "" for every name. asked: (name, kind, "udp" or "tcp") of each question, in order.
    """

    def __init__(self, records: Mapping[Key, tuple[str, ...]] | None = None, *, ttl: int = 300) -> None:
        self.records: dict[Key, tuple[str, ...]] = dict(records or {})
        self.trouble: dict[str, Trouble] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.ttl = ttl
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.address = f"127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more; a second time does nothing."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._udp.close()
        self._tcp.close()
        self._loop.close()

    def times(self, name: str, kind: str = "TXT") -> int:
        """How often this was asked for."""
        return sum((one, what) == (name, kind) for one, what, _ in self.asked)

    async def _start(self) -> int:
        for _ in range(50):
            self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", 0)
            port = int(self._tcp.sockets[0].getsockname()[1])
            try:
                self._udp, _protocol = await self._loop.create_datagram_endpoint(
                    lambda: _Udp(self), local_addr=("127.0.0.1", port)
                )
            except OSError:
                # Somebody has the same port for datagrams.
                self._tcp.close()
                continue
            return port
        raise RuntimeError("there is no port that is free twice")

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            answer = self.answer(wire, "tcp")
            if answer is not None:
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        writer.close()

    def answer(self, wire: bytes, road: str) -> bytes | None:
        """The bytes to send back; None for silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, road))
        reply = dns.message.make_response(query, recursion_available=True)
        match self.trouble.get(name, self.trouble.get("")):
            case "swallow":
                return None
            case "servfail":
                reply.set_rcode(dns.rcode.SERVFAIL)
                return reply.to_wire()
            case "refused":
                reply.set_rcode(dns.rcode.REFUSED)
                return reply.to_wire()
            case "lie":
                return b"\0" * 40
            case "truncate" if road == "udp":
                reply.flags |= dns.flags.TC
                return reply.to_wire()
        texts = self.records.get((name, kind), self.records.get(name) if kind == "TXT" else None)
        if texts:
            texts = tuple(_quoted(text) if kind == "TXT" else text + "." * (kind in ("MX", "PTR")) for text in texts)
            reply.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", kind, list(texts)))
        elif texts is None and not any(name == (key if isinstance(key, str) else key[0]) for key in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        found = reply.to_wire(max_size=65535)
        if road == "udp" and len(found) > 1232:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        return found


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: Dns) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, "udp")
        if answer is not None:
            self._transport.sendto(answer, addr)


def _quoted(text: str) -> str:
    """A TXT record's text in the strings of at most 255 octets that it travels in."""
    pieces = [text[at : at + 250] for at in range(0, len(text), 250)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
