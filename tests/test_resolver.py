"""Questions to the DNS, to a real server on loopback: answers, memory, the budget, and the fuse that a dead resolver blows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest

from maildesk import resolver as module
from maildesk.resolver import Resolver
from tests.dns import Dns
from tests.wait import until_async

RECORDS = {"a.test": ("one", "two"), "long.test": ("x" * 3000,), ("a.test", "MX"): ("10 mx.a.test",), "empty.test": ()}


@pytest.fixture
def dns() -> Iterator[Dns]:
    with Dns(RECORDS) as found:
        yield found


def test_what_a_server_says(dns: Dns) -> None:
    """Texts are joined, what is too long for a datagram comes by TCP, and no record and no name are both nothing."""

    async def look() -> None:
        resolver = Resolver((dns.address,))
        assert await resolver.texts(["a.test", "long.test", "empty.test", "none.test", "a..b", "x" * 70]) == {
            "a.test": ("one", "two"),
            "long.test": ("x" * 3000,),
            "empty.test": (),
            "none.test": (),
            "a..b": (),
            "x" * 70: (),
        }
        assert await resolver.ask("a.test", "MX") == ("10 mx.a.test",)

    asyncio.run(look())
    assert ("long.test", "TXT", "tcp") in dns.asked


@pytest.mark.parametrize("trouble", ["servfail", "refused", "lie"])
def test_a_servers_trouble_is_no_answer(dns: Dns, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says that it cannot say has not said that there is nothing; and a server that says so is alive."""
    monkeypatch.setattr(module, "BUDGET_S", 0.2)
    dns.trouble["a.test"] = trouble  # type: ignore[assignment]

    async def look() -> None:
        resolver = Resolver((dns.address,))
        for _ in range(5):
            assert await resolver.texts(["a.test"]) == {"a.test": None}
        assert await resolver.texts(["long.test"]) != {"long.test": None}

    asyncio.run(look())


def test_an_answer_is_remembered(dns: Dns) -> None:
    """One question for many who ask at once and for those who come later; `known` tells them without waiting."""

    async def look() -> None:
        resolver = Resolver((dns.address,))
        assert resolver.known(["a.test"]) is None
        await asyncio.gather(*(resolver.texts(["a.test", "none.test"]) for _ in range(20)))
        await resolver.texts(["a.test"])
        assert resolver.known(["a.test", "none.test"]) == {"a.test": ("one", "two"), "none.test": ()}
        assert resolver.known(["a.test", "other.test"]) is None

    asyncio.run(look())
    assert (dns.times("a.test"), dns.times("none.test")) == (1, 1)


def test_the_memory_is_bounded(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest answers make room."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)

    async def look() -> None:
        resolver = Resolver((dns.address,))
        for number in range(5):
            await resolver.texts([f"n{number}.test"])
        assert [number for number in range(5) if resolver.known([f"n{number}.test"])] == [2, 3, 4]

    asyncio.run(look())


def test_a_mail_waits_no_longer_than_its_budget(dns: Dns) -> None:
    """Of several questions those that are answered count; the silent one ends with the budget."""
    dns.trouble["dead.test"] = "swallow"

    async def look() -> float:
        resolver = Resolver((dns.address,))
        began = time.monotonic()
        assert await resolver.texts(["dead.test", "a.test"]) == {"dead.test": None, "a.test": ("one", "two")}
        return time.monotonic() - began

    assert 0.5 < asyncio.run(look()) < module.BUDGET_S + 0.5


def test_a_dead_resolver_blows_the_fuse(
    dns: Dns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After three silences nobody waits any more; when it answers again one question brings it back. One line each."""
    caplog.set_level(logging.INFO, "maildesk")
    monkeypatch.setattr(module, "BUDGET_S", 0.2)
    monkeypatch.setattr(module, "TRY_S", 0.1)
    monkeypatch.setattr(module, "DOWN_S", 0.3)
    dns.trouble[""] = "swallow"

    async def look() -> None:
        resolver = Resolver((dns.address,))
        for number in range(3):
            assert await resolver.texts([f"n{number}.test"]) == {f"n{number}.test": None}
        await until_async(lambda: [line for line in caplog.messages if line.startswith("dns.down")])
        asked, began = len(dns.asked), time.monotonic()
        for number in range(50):
            assert await resolver.texts([f"m{number}.test"]) == {f"m{number}.test": None}
        assert time.monotonic() - began < 0.2
        assert len(dns.asked) == asked
        dns.trouble.clear()
        over = time.monotonic() + module.DOWN_S
        await until_async(lambda: time.monotonic() > over)
        assert await resolver.texts(["a.test"]) == {"a.test": ("one", "two")}

    asyncio.run(look())
    assert [line.split()[0] for line in caplog.messages] == ["dns.down", "dns.up"]


def test_dead_domains_do_not_blow_the_fuse(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends from domains without working servers does not take the DNS away from everybody else."""
    monkeypatch.setattr(module, "BUDGET_S", 0.1)
    for number in range(8):
        dns.trouble[f"n{number}.test"] = "swallow"

    async def look() -> None:
        resolver = Resolver((dns.address,))
        for number in range(8):
            await resolver.texts([f"n{number}.test"])
        assert await resolver.texts(["a.test"]) == {"a.test": ("one", "two")}

    asyncio.run(look())


def test_without_any_server_nobody_answers(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port where nobody listens is silence, never an error."""
    monkeypatch.setattr(module, "BUDGET_S", 0.2)
    monkeypatch.setattr(module, "TRY_S", 0.1)
    address = dns.address

    async def look() -> None:
        resolver = Resolver((address,))
        assert not await resolver.answers()
        assert await resolver.texts(["a.test"]) == {"a.test": None}

    dns.close()
    asyncio.run(look())


def test_a_dead_resolver_is_known_from_the_start(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at the start blows the fuse: the first mail waits for that look at most, and asks nobody."""
    monkeypatch.setattr(module, "TRY_S", 0.2)
    dns.trouble[""] = "swallow"

    async def look() -> float:
        resolver = Resolver((dns.address,))
        resolver.look()
        begun = time.monotonic()
        assert await resolver.texts(["a.test"]) == {"a.test": None}
        return time.monotonic() - begun

    assert asyncio.run(look()) < module.BUDGET_S / 2
    assert dns.times("a.test") == 0
