"""What checking the author costs: `python -m tests.measure trust`. Part of tests/measure.py; README quotes it.

The mix of `speed`, of which four in five are signed by the author's domain with RSA-2048, is worked on by the real worker, the
DNS on loopback and its answers in memory after the first; the time to settle all of it with and without the checks.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from maildesk.config import Trust
from maildesk.mail.checks import ask, check
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from maildesk.store import ledger
from maildesk.store.sqlite import Kind
from maildesk.worker import Worker
from tests.desk.world import START, World
from tests.dns import Dns
from tests.signing import records, sign
from tests.wait import until_async

SIGNED_SHARE = 0.8
_SUPPORT = ("support@desk.test",)


def trust(mails: list[tuple[str, bytes]], rounds: int) -> None:
    """Print milliseconds a mail, without and with the checks, in turn, and where the difference goes."""
    chance = random.Random(7)
    raws = [sign(raw, "client.test") if chance.random() < SIGNED_SHARE else raw for _, raw in mails]
    spans: dict[str, list[float]] = {"none": [], "dkim": []}
    with Dns(records(policy="none")) as dns:
        for _ in range(rounds):
            for mode, found in spans.items():
                found.append(_settled(raws, mode, dns.address) / len(raws) * 1000)
    none, dkim = (statistics.median(found) for found in spans.values())
    print(
        f"verify none {none:.2f} ms a mail, dkim {dkim:.2f} ms, {(dkim / none - 1) * 100:+.1f} % "
        f"({len(raws)} mails, median of {rounds}; none {_range(spans['none'])}, dkim {_range(spans['dkim'])})"
    )
    keys, at = records(policy="none"), START.timestamp()
    asked = [ask(raw, "client.test", at) for raw in raws]
    print(
        f"reading a mail {_each(lambda n: understand(raws[n]), len(raws)):.2f} ms, its signatures and body hash "
        f"{_each(lambda n: ask(raws[n], 'client.test', at), len(raws)):.2f} ms, keys and RSA "
        f"{_each(lambda n: check(asked[n], keys), len(raws)):.2f} ms"
    )


def _range(found: list[float]) -> str:
    return f"{min(found):.2f}-{max(found):.2f}"


def _each(work: Callable[[int], object], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        work(number)
    return (time.process_time() - began) / count * 1000


def _settled(raws: list[bytes], mode: str, server: str) -> float:
    """Seconds of the processor until a worker has settled all mails, which are accepted one by one as the doors do."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), Trust(verify=mode, resolvers=(server,), agent_proof="aligned"), agents=())  # type: ignore[arg-type]
        envelope = Envelope("smtp", "127.0.0.1", "someone@client.test", _SUPPORT, START)
        began = time.process_time()
        for raw in raws:
            world.store.write(lambda tx, raw=raw: ledger.add_mails(tx, raw, envelope, _SUPPORT), Kind.ACCEPT).result()

        async def work() -> None:
            worker, stop = Worker(world.store, lambda: world.settler, lambda: None), asyncio.Event()
            task = asyncio.create_task(worker.run(stop))
            await until_async(lambda: not world.store.read(lambda tx: ledger.list_received(tx, 1)), 600)
            stop.set()
            await task

        asyncio.run(work())
        span = time.process_time() - began
        world.close()
    return span
