"""Questions to the DNS, with a memory and a fuse. Knows nothing of mail; never raises for what a server answers or does not.

A resolver that is dead must not slow the desk down: after three questions in a row without an answer, and a trial question
that any living resolver answers, nobody is asked for half a minute; then one trial question brings it back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.resolver

from maildesk import log
from maildesk.config_values import parse_resolver

# What one mail may wait for all its questions together.
BUDGET_S = 3.0
# A datagram may be lost: within the budget a server is asked again.
TRY_S = 1.2
MAX_SILENCES = 3
DOWN_S = 30.0
# An answer is remembered as long as it says, within these.
MIN_AGE_S, MAX_AGE_S = 30.0, 3600.0
MAX_REMEMBERED = 20_000
# No record that is asked for here is so long; who publishes one would have us keep it with each of their mails.
MAX_TEXT_CHARS = 8192
# RFC 9715: what fits through any network without fragments.
_UDP_BYTES = 1232

# The texts of the records, sorted, as their order means nothing; () when there are none; None when nobody answered.
Answer = tuple[str, ...] | None


class Resolver:
    """One memory and one fuse for the whole desk. Its coroutines belong to one event loop; `known` may be asked anywhere."""

    def __init__(self, servers: tuple[str, ...]) -> None:
        """servers: [trust] resolvers; those of the system when it is empty."""
        self.servers = servers
        self._remembered: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._silences = 0
        self._down_until: float | None = None
        self._trial: asyncio.Task[bool] | None = None
        self._first: asyncio.Task[None] | None = None
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            # As if its only server were dead.
            self._resolver = dns.asyncresolver.Resolver(configure=False)
        if servers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(*parse_resolver(text)) for text in servers]
        self._resolver.use_edns(0, 0, _UDP_BYTES)
        self._resolver.timeout = TRY_S

    def known(self, names: Iterable[str]) -> dict[str, Answer] | None:
        """The texts of TXT records that need no question; None when one is missing."""
        now, found = time.monotonic(), dict[str, Answer]()
        for name in names:
            until, answer = self._remembered.get((name, "TXT"), (0.0, None))
            if until <= now:
                return None
            found[name] = answer
        return found

    async def texts(self, names: Iterable[str]) -> dict[str, Answer]:
        """The texts of TXT records, all asked for at once; what is open at the end of the budget has no answer."""
        tasks = {name: asyncio.ensure_future(self.ask(name, "TXT")) for name in dict.fromkeys(names)}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=BUDGET_S)
        found: dict[str, Answer] = {}
        for name, task in tasks.items():
            found[name] = task.result() if task.done() else None
            task.cancel()
        return found

    def look(self) -> None:
        """At the desk's start: that every server is dead is known before the first mail has waited for them in vain."""
        self._first = asyncio.ensure_future(self._start())

    async def _start(self) -> None:
        if not await self._try() and self._down_until is None:
            self._down_until = time.monotonic() + DOWN_S
            log.warning("dns.down", seconds=int(DOWN_S))

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of one kind ("TXT", "A", "AAAA", "MX", "PTR") as texts; who asks the same at once shares one question."""
        key = (name, kind)
        until, answer = self._remembered.get(key, (0.0, None))
        if until > time.monotonic():
            return answer
        if self._first is not None:
            await asyncio.shield(self._first)
        if self._down_until is not None and not await self._is_back():
            return None
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._fetch(name, kind))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # Whoever gives up leaves the question to the others, and its answer to the memory.
        return await asyncio.shield(task)

    async def _fetch(self, name: str, kind: str) -> Answer:
        try:
            found = await self._resolver.resolve(name, kind, search=False, lifetime=BUDGET_S, raise_on_no_answer=False)
        except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            self._remember((name, kind), MIN_AGE_S * 2, ())
            return ()
        except (dns.exception.DNSException, OSError) as error:
            if _is_silence(error):
                await self._count_silence()
            else:
                self._silences = 0
            return None
        except Exception as error:  # noqa: BLE001 - whatever a reply does to its reader, a mail waits for this answer
            log.failure("dns.failed", error)
            return None
        texts = (
            ()
            if found.rrset is None
            else tuple(sorted(text for text in map(_text, found.rrset) if len(text) <= MAX_TEXT_CHARS))
        )
        self._remember((name, kind), float(found.rrset.ttl) if found.rrset is not None else MIN_AGE_S * 2, texts)
        return texts

    def _remember(self, key: tuple[str, str], age_s: float, answer: Answer) -> None:
        self._silences = 0
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered.pop(key, None)
        self._remembered[key] = (time.monotonic() + min(max(age_s, MIN_AGE_S), MAX_AGE_S), answer)

    async def _count_silence(self) -> None:
        """Three in a row may be three domains of one sender: only who does not answer for the root either is down."""
        self._silences += 1
        if self._silences < MAX_SILENCES or self._down_until is not None:
            return
        if await self._try():
            self._silences = 0
        elif self._down_until is None:
            self._down_until = time.monotonic() + DOWN_S
            log.warning("dns.down", seconds=int(DOWN_S))

    async def _is_back(self) -> bool:
        """Whether a resolver that was down answers again; one of those who ask finds out, the others do not wait."""
        if self._down_until is None or time.monotonic() < self._down_until or self._trial is not None:
            return False
        if not await self._try():
            self._down_until = time.monotonic() + DOWN_S
            return False
        self._down_until, self._silences = None, 0
        log.event("dns.up")
        return True

    async def _try(self) -> bool:
        if self._trial is None:
            self._trial = asyncio.ensure_future(self.answers())
            self._trial.add_done_callback(lambda _: setattr(self, "_trial", None))
        return await asyncio.shield(self._trial)

    async def answers(self) -> bool:
        """Whether a resolver answers at all: who serves the root is known to each."""
        if not self._resolver.nameservers:
            return False
        try:
            await self._resolver.resolve(".", "NS", search=False, lifetime=TRY_S, raise_on_no_answer=False)
        except (dns.exception.DNSException, OSError) as error:
            return not _is_silence(error)
        return True


def _is_silence(error: Exception) -> bool:
    """Whether no server said anything; a refusal or a server's own failure is an answer."""
    if isinstance(error, dns.resolver.NoNameservers | dns.resolver.LifetimeTimeout):
        attempts = error.kwargs.get("errors", ())
        return all(isinstance(attempt[3], dns.exception.Timeout | OSError) for attempt in attempts)
    return isinstance(error, OSError)


def _text(record: dns.rdata.Rdata) -> str:
    """A record as text: the strings of a TXT record joined, a name without its last dot."""
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return record.to_text().removesuffix(".")
