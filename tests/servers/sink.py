"""A relay that keeps what it gets: its journal is the truth of what left the desk. Knows nothing of maildesk.

In a test: `with Sink() as sink: ...; sink.wait_for(2)`. As a process of its own (prints its port, ends on SIGTERM):
`python -m tests.servers.sink --journal sink.jsonl`, and `read_journal(Path("sink.jsonl"))` afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import re
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

_PATH = re.compile(rb"^(?:MAIL FROM|RCPT TO):\s*<([^>]*)>(.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that was answered (or was about to be answered) 250.

    raw: the content with CRLF and without the dots of the wire. at: seconds since the epoch; connection: from 1.
    options: what followed the path in MAIL ("BODY=8BITMIME SMTPUTF8"). user: who signed in, "" when nobody did.
    """

    sender: str
    recipients: tuple[str, ...]
    raw: bytes = field(repr=False)
    at: float
    connection: int
    options: str = ""
    tls: bool = False
    user: str = ""

    @property
    def recipient(self) -> str:
        """The only recipient; an AssertionError when there is not exactly one."""
        assert len(self.recipients) == 1, self.recipients
        return self.recipients[0]

    def header(self, name: str) -> str | None:
        """The raw, unfolded value of the first field of that name, None when there is none."""
        head = re.sub(rb"\r?\n(?=[ \t])", b"", self.raw.split(b"\r\n\r\n", 1)[0])
        for line in head.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                return value.strip().decode("utf-8", "replace")
        return None

    def to_json(self) -> str:
        return json.dumps(
            {
                "sender": self.sender,
                "recipients": list(self.recipients),
                "raw": base64.b64encode(self.raw).decode(),
                "at": self.at,
                "connection": self.connection,
                "options": self.options,
                "tls": self.tls,
                "user": self.user,
            }
        )


def read_journal(path: Path) -> list[Received]:
    """The mails of a journal file, oldest first; a last line that a kill cut was never answered: left out."""
    mails = []
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        if line.endswith(b"\n"):
            row = json.loads(line)
            raw, recipients = base64.b64decode(row.pop("raw")), tuple(row.pop("recipients"))
            mails.append(Received(raw=raw, recipients=recipients, **row))
    return mails


@dataclass
class Script:
    """What the sink does out of the ordinary; a test may change any field while it runs.

    at_rcpt, at_dot: replies for a recipient, one an attempt ("450 4.2.1 later"); "" accepts, so does an empty list.
    at_mail: replies to MAIL, whoever sends, in the same way.
    greeting: the first line of each connection; anything but 220 closes it.
    tempfail_chance: the share of RCPTs that get 451, drawn from the sink's seed.
    delay_s: waited before each reply to a final dot.
    lose_answers: so many mails are journalled, and then the connection is cut without a word.
    after_dot: sent right behind each 250 of a final dot, then the connection closes ("421 4.3.2 going down").
    deaf: commands that get no reply ("QUIT").
    """

    at_rcpt: dict[str, list[str]] = field(default_factory=dict)
    at_dot: dict[str, list[str]] = field(default_factory=dict)
    at_mail: list[str] = field(default_factory=list)
    greeting: str = "220 sink.test ESMTP"
    tempfail_chance: float = 0.0
    delay_s: float = 0.0
    lose_answers: int = 0
    after_dot: str = ""
    deaf: tuple[str, ...] = ()


class Sink:
    """The server; `with Sink() as sink` runs it in a thread on a free loopback port.

    tls: "starttls" and "implicit" need `certificate`, a server's SSLContext (trustme: `cert.configure_cert(context)`).
    passwords: user -> password (AUTH PLAIN, LOGIN); tokens: user -> bearer token (AUTH XOAUTH2). MAIL then needs AUTH.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: Literal["none", "starttls", "implicit"] = "none",
        certificate: ssl.SSLContext | None = None,
        passwords: Mapping[str, str] | None = None,
        tokens: Mapping[str, str] | None = None,
        journal: Path | None = None,
        script: Script | None = None,
        seed: int = 0,
        offers: Sequence[str] = ("PIPELINING", "SIZE 60000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        keep_in_memory: bool = True,
    ) -> None:
        assert (tls == "none") == (certificate is None), "a certificate belongs to starttls and implicit"
        self.script = script or Script()
        self.passwords, self.tokens = dict(passwords or {}), dict(tokens or {})
        self.offers, self.tls, self.certificate = tuple(offers), tls, certificate
        self.connections = 0
        self.open_now = 0
        self.most_open = 0
        self.opened_at: list[float] = []
        self.commands: list[str] = []
        self.mails: list[Received] = []
        self._keep = keep_in_memory
        self._chance = random.Random(seed)
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sink", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._journal = open(journal, "ab") if journal else None  # noqa: SIM115 - open as long as the sink
        self._reserved: socket.socket | None = _bound(port)
        self.port: int = self._reserved.getsockname()[1]

    host = "127.0.0.1"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Run the thread and open the port."""
        self._thread.start()
        self.open()

    def stop(self) -> None:
        """Close everything and end the thread."""
        self._call(self._shut(hold_port=False))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._journal:
            self._journal.close()

    def open(self) -> None:
        """Take connections (again), on the same port as before."""

        async def run() -> None:
            self._server = await asyncio.start_server(self._serve, sock=self._reserved, limit=1 << 26)
            self._reserved = None

        self._call(run())

    def refuse(self) -> None:
        """Cut all connections and refuse new ones until `open`; nobody else can take the port meanwhile."""
        self._call(self._shut(hold_port=True))

    def cut(self) -> None:
        """Cut all connections; new ones are welcome."""

        def abort() -> None:
            for writer in tuple(self._writers):
                writer.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def wait_for(self, what: int | Callable[[list[Received]], bool], timeout_s: float = 10.0) -> list[Received]:
        """All mails so far, once there are `what` of them or `what(mails)` is true; AssertionError when time is up."""

        def enough() -> bool:
            return len(self.mails) >= what if isinstance(what, int) else what(self.mails)

        with self._changed:
            assert self._changed.wait_for(enough, timeout_s), (
                f"{len(self.mails)} mails after {timeout_s} s: {self.mails}"
            )
            return list(self.mails)

    def clear(self) -> None:
        """Forget the mails in memory; the journal file keeps them."""
        with self._changed:
            self.mails.clear()

    def _call(self, work: Coroutine[None, None, None]) -> None:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(10)

    async def _shut(self, *, hold_port: bool) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)
        if self._reserved is not None and not hold_port:
            self._reserved.close()
        elif self._reserved is None and hold_port:
            # Bound but not listening: the kernel answers RST, and no other test gets this port.
            self._reserved = _bound(self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.opened_at.append(time.time())
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        self._writers.add(writer)
        # A cut connection, a refused certificate and endless input end the session and nothing else.
        try:
            with contextlib.suppress(OSError, EOFError, ssl.SSLError, asyncio.LimitOverrunError, ValueError):
                if self.tls == "implicit":
                    await writer.start_tls(self.certificate or ssl.SSLContext())
                await _Session(self, reader, writer, self.connections).run()
        finally:
            self.open_now -= 1
            self._writers.discard(writer)
            writer.close()

    def _keep_mail(self, mail: Received) -> None:
        if self._journal:
            self._journal.write(mail.to_json().encode() + b"\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())
        if self._keep:
            with self._changed:
                self.mails.append(mail)
                self._changed.notify_all()

    def draw(self) -> bool:
        """Whether chance refuses this recipient for now."""
        return self.script.tempfail_chance > 0 and self._chance.random() < self.script.tempfail_chance


class _Session:
    """One connection."""

    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.sink, self.reader, self.writer, self.number = sink, reader, writer, number
        self.secure = sink.tls == "implicit"
        self.user = ""
        self.sender: str | None = None
        self.options = ""
        self.recipients: list[str] = []

    async def run(self) -> None:
        greeting = self.sink.script.greeting
        await self.say(greeting)
        while greeting.startswith("220"):
            line = (await self.reader.readuntil(b"\n")).rstrip(b"\r\n")
            verb = line.split(b" ")[0].split(b":")[0].decode("ascii", "replace").upper()
            self.sink.commands.append(verb if verb == "AUTH" else line.decode("utf-8", "replace"))
            if verb in self.sink.script.deaf:
                continue
            if verb == "QUIT":
                await self.say("221 2.0.0 bye")
                return
            if await self.answer(verb, line):
                return

    async def say(self, *lines: str) -> None:
        for place, line in enumerate(lines):
            if place + 1 < len(lines):
                line = f"{line[:3]}-{line[4:]}"
            self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def answer(self, verb: str, line: bytes) -> bool:
        """Answer one command; True ends the session."""
        needs_auth = bool(self.sink.passwords or self.sink.tokens) and not self.user
        if verb in ("EHLO", "HELO"):
            await self.say("250 sink.test", *(f"250 {word}" for word in self.offered()))
        elif verb == "STARTTLS" and self.sink.tls == "starttls" and not self.secure:
            await self.say("220 2.0.0 go ahead")
            assert self.sink.certificate is not None
            await self.writer.start_tls(self.sink.certificate)
            self.secure = True
        elif verb == "AUTH":
            await self.sign_in(line)
        elif verb in ("RSET", "NOOP"):
            self.sender, self.recipients = None, []
            await self.say("250 2.0.0 ok")
        elif verb == "MAIL" and needs_auth:
            await self.say("530 5.7.0 Authentication required")
        elif verb == "MAIL" and self.sink.script.at_mail:
            await self.say(self.sink.script.at_mail.pop(0))
        elif verb == "MAIL" and (path := _PATH.match(line)):
            self.sender, self.recipients = path[1].decode(), []
            self.options = path[2].decode().strip()
            await self.say("250 2.1.0 ok")
        elif verb == "RCPT" and self.sender is not None and (path := _PATH.match(line)):
            await self.recipient(path[1].decode())
        elif verb == "DATA" and self.recipients:
            return await self.data()
        elif verb == "DATA":
            await self.say("554 5.5.1 No valid recipients")
        else:
            await self.say("500 5.5.2 What?")
        return False

    def offered(self) -> list[str]:
        words = list(self.sink.offers)
        if self.sink.tls == "starttls" and not self.secure:
            return [*words, "STARTTLS"]
        ways = (["PLAIN", "LOGIN"] if self.sink.passwords else []) + (["XOAUTH2"] if self.sink.tokens else [])
        return [*words, "AUTH " + " ".join(ways)] if ways else words

    async def sign_in(self, line: bytes) -> None:
        words = line.decode().split(" ")
        way, first = words[1].upper(), words[2] if len(words) > 2 else None
        if way == "LOGIN":
            user = _decoded(first if first is not None else await self.ask("VXNlcm5hbWU6"))
            good = self.sink.passwords.get(user) == _decoded(await self.ask("UGFzc3dvcmQ6"))
        elif way == "PLAIN":
            _, user, password = _decoded(first if first is not None else await self.ask("")).split("\0")
            good = self.sink.passwords.get(user) == password
        else:
            given = _decoded(first if first is not None else await self.ask(""))
            user = given.partition("user=")[2].partition("\1")[0]
            good = self.sink.tokens.get(user) == given.partition("auth=Bearer ")[2].partition("\1")[0]
            if not good:
                # The error is a challenge, and the client answers it with an empty line (Google's XOAUTH2).
                await self.ask(base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode())
        self.user = user if good else ""
        await self.say("235 2.7.0 welcome" if good else "535 5.7.8 Wrong credentials")

    async def ask(self, challenge: str) -> str:
        await self.say(f"334 {challenge}")
        return (await self.reader.readuntil(b"\n")).decode().strip()

    async def recipient(self, address: str) -> None:
        if scripted := _next(self.sink.script.at_rcpt, address):
            await self.say(scripted)
        elif self.sink.draw():
            await self.say("451 4.7.1 Try again later")
        else:
            self.recipients.append(address)
            await self.say("250 2.1.5 ok")

    async def data(self) -> bool:
        await self.say("354 go ahead")
        lines = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        script = self.sink.script
        if script.delay_s:
            await asyncio.sleep(script.delay_s)
        if refusal := next((said for address in self.recipients if (said := _next(script.at_dot, address))), ""):
            await self.say(refusal)
            return False
        mail = Received(
            sender=self.sender or "",
            recipients=tuple(self.recipients),
            raw=b"".join(lines),
            at=time.time(),
            connection=self.number,
            options=self.options,
            tls=self.secure,
            user=self.user,
        )
        self.sink._keep_mail(mail)
        self.sender, self.recipients = None, []
        if script.lose_answers > 0:
            script.lose_answers -= 1
            self.writer.transport.abort()
            return True
        await self.say("250 2.0.0 kept")
        if script.after_dot:
            await self.say(script.after_dot)
        return bool(script.after_dot)


def _bound(port: int) -> socket.socket:
    """A socket that holds a loopback port and does not listen yet."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _next(scripted: dict[str, list[str]], address: str) -> str:
    replies = scripted.get(address)
    return replies.pop(0) if replies else ""


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def main() -> None:
    """Run until SIGTERM; the first line of stdout is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--tempfail-chance", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    script = Script(delay_s=given.delay_s, tempfail_chance=given.tempfail_chance)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with Sink(port=given.port, journal=given.journal, script=script, seed=given.seed, keep_in_memory=False) as sink:
        sys.stdout.write(f"{sink.port}\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
