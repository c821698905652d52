"""What customers' pages cost: `python -m tests.measure activities`. Part of tests/measure.py; README quotes it.

100,000 tickets of 5,000 people of one organisation, with their answers, asked for over a real door by one who has 20 of them and
by one who has 2,000.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from maildesk.config import Organisation
from tests.measure_overview import TICKETS, TIMES, fill
from tests.web.house import house

_FEW, _MANY = "lea7@client.test", "lea8@client.test"
_MANY_REQUESTS = 2_000


def activities() -> None:
    """Milliseconds until a page is whole, median and 95th percentile."""
    asyncio.run(_measure())


async def _measure() -> None:
    organisations = (Organisation(name="Client Ltd", domains=("client.test",)),)
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder), organisations=organisations) as home:
            fill(Path(folder) / "desk.db", 730.0, 0.03)
            _take_part(Path(folder) / "desk.db")
            # As the daemon does once it is ready.
            gc.freeze()
            for who, count, number in ((_FEW, TICKETS // 5_000, 5_007), (_MANY, _MANY_REQUESTS, 5_008)):
                browser = await home.sign_in(who)
                for path in (
                    "/en/requests",
                    "/en/requests?state=solved",
                    "/en/requests?q=printer+floor",
                    "/en/requests/organisation",
                    f"/en/requests/{number}",
                ):
                    took_ms, size = [], 0
                    for _ in range(TIMES):
                        begin = time.perf_counter()
                        answer = await browser.get(path)
                        took_ms.append((time.perf_counter() - begin) * 1000)
                        assert answer.status_code == 200, path
                        size = len(answer.content)
                    took_ms.sort()
                    print(
                        f"{count} requests of {TICKETS}: {path} {took_ms[TIMES // 2]:.0f} ms median, "
                        f"{took_ms[TIMES * 95 // 100]:.0f} ms 95th percentile, {size / 1000:.0f} kB"
                    )


def _take_part(database: Path) -> None:
    """Each requester takes part in their tickets; one has many."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE tickets SET requester_address = ?, requester_key = ? WHERE id % ? = 0",
            (_MANY, _MANY, TICKETS // _MANY_REQUESTS),
        )
        connection.execute("UPDATE tickets SET requester_domain = 'client.test'")
        connection.execute(
            """INSERT INTO participants (ticket_id, slot, kind, address, address_key, name, joined_at)
               SELECT id, 1, 'customer', requester_address, requester_key, '', created_at FROM tickets"""
        )
        connection.commit()
