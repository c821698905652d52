"""Checks who wrote a mail: asks the DNS what [trust] verify needs, and hands the answers to the pure rules.

Never refuses anything and never raises for what the DNS says or does not. Each mail is checked once; the ledger keeps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address

import spf

from maildesk import log
from maildesk.desk.directory import Directory
from maildesk.desk.proof import domain_of
from maildesk.mail import address as addresses
from maildesk.mail.checks import Checks, Questions, Spf, ask, check
from maildesk.mail.model import Envelope, Mail
from maildesk.resolver import BUDGET_S, Answer, Resolver

# RFC 7208, 3.4 asks for 450; pyspf's patterns take the square of a record that is made to be slow.
MAX_SPF_CHARS = 2048
# They wait for the DNS more than they calculate.
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A mail that is understood and waits for the DNS. peer: whose right to send SPF tells; "" where nobody asks."""

    questions: Questions
    sender: str
    peer: str


class Verifier:
    """The checks of one desk. `begin` is called in a worker's thread with the mail at hand, `finish` in the event loop."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        """directory: the present one, so that a reload holds."""
        self._directory = directory
        self._resolver: Resolver | None = None
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="verify")

    def look(self) -> None:
        """At the desk's start, in the event loop: whether the DNS answers."""
        if self._directory().config.trust.verify != "none":
            self.resolver.look()

    def begin(self, raw: bytes, mail: Mail, envelope: Envelope) -> Unchecked | Checks | None:
        """What is to be asked; the checks themselves where the memory has all answers; None where there is nothing to check."""
        directory, domain = self._directory(), domain_of(mail)
        trust = directory.config.trust
        if trust.verify == "none" or not domain or envelope.quiet or envelope.via == "web":
            return None
        try:
            questions = ask(raw, domain, envelope.received_at.timestamp())
        except Exception as error:  # noqa: BLE001 - a fault in the checks must not keep a mail from its ticket
            log.failure("verify.failed", error)
            return None
        is_door = envelope.via == "smtp" and not directory.is_relay(envelope.peer) and _is_ip(envelope.peer)
        if trust.verify == "mx" and is_door and envelope.sender:
            return Unchecked(questions, envelope.sender, envelope.peer)
        known = self.resolver.known(questions.names)
        return Unchecked(questions, "", "") if known is None else check(questions, known)

    async def finish(self, unchecked: Unchecked) -> Checks | None:
        """The checks, with what the DNS says within its budget; None where they failed."""
        resolver, questions, loop = self.resolver, unchecked.questions, asyncio.get_running_loop()
        lookups, result = _Lookups(resolver, loop, time.monotonic() + BUDGET_S), None
        asked = asyncio.ensure_future(resolver.texts(questions.names))
        if unchecked.peer:
            result = await loop.run_in_executor(self._pool, _spf, unchecked.peer, unchecked.sender, lookups)
        records = {**lookups.seen, **await asked}
        try:
            return await loop.run_in_executor(self._pool, check, questions, records, result)
        except Exception as error:  # noqa: BLE001 - as above: such a mail is unproved
            log.failure("verify.failed", error)
            return None

    @property
    def resolver(self) -> Resolver:
        """Made at the first question, and anew when a reload names other servers."""
        servers = self._directory().config.trust.resolvers
        if self._resolver is None or self._resolver.servers != servers:
            self._resolver = Resolver(servers)
        return self._resolver

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _is_ip(peer: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ip_address(peer))
    return False


@dataclass
class _Lookups:
    """The questions of one SPF check, asked from its thread. seen: the answers, by "MX client.test", or by name alone for TXT."""

    resolver: Resolver
    loop: asyncio.AbstractEventLoop
    until: float
    seen: dict[str, Answer] = field(default_factory=dict)

    def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """Raises spf.TempError without an answer in time."""
        future = asyncio.run_coroutine_threadsafe(self.resolver.ask(name, kind), self.loop)
        try:
            answer = future.result(max(self.until - time.monotonic(), 0.0))
        except TimeoutError:
            future.cancel()
            answer = None
        self.seen[name if kind == "TXT" else f"{kind} {name}"] = answer
        if answer is None:
            raise spf.TempError("the DNS did not answer")
        return answer


_thread = threading.local()


def _look_up(name: str, kind: str, *_limits: object) -> list[tuple[tuple[str, str], object]]:
    """What pyspf calls instead of its own resolver: the same shapes."""
    if kind not in ("A", "AAAA", "MX", "PTR", "TXT"):
        return []
    lookups: _Lookups = _thread.lookups
    found: list[tuple[tuple[str, str], object]] = []
    for text in lookups.ask(name.lower().rstrip("."), kind):
        preference, _, host = text.partition(" ")
        match kind:
            case "TXT" if len(text) > MAX_SPF_CHARS:
                if text.startswith("v=spf1"):
                    raise spf.PermError("the record is too long")
            case "TXT":
                found.append(((name, kind), (text.encode(),)))
            case "MX":
                found.append(((name, kind), (int(preference), host)))
            case _:
                found.append(((name, kind), text))
    return found


# pyspf has no other way to bring one's own resolver; nothing else in this process uses pyspf.
spf.DNSLookup = _look_up


def _spf(peer: str, sender: str, lookups: _Lookups) -> Spf:
    """SPF for MAIL FROM (RFC 7208, 2.4), in a thread. The name of HELO is not known here; its macro is "unknown"."""
    domain = addresses.a_label(sender.rpartition("@")[2])
    _thread.lookups = lookups
    try:
        local = sender.rpartition("@")[0]
        result = spf.check2(i=peer, s=f"{local}@{domain}", h="unknown", timeout=BUDGET_S, querytime=0)[0]
    except Exception:  # noqa: BLE001 - whatever a record does to its parser, the domain then has none that can be read
        result = "permerror"
    finally:
        del _thread.lookups
    return Spf(str(result), domain)
