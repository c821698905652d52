"""What the overview costs: `python -m tests.measure overview`. Part of tests/measure.py; README quotes it.

100,000 tickets in five mailboxes, nine in ten of them answered by one of twelve agents, asked for over a real door: once with
two years of history, once with everything of the last 30 days and nothing solved, which is the worst that can be.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from maildesk import clock
from maildesk.config import Agent, Mailbox, Web
from maildesk.desk.figures import WAITING
from tests.web.house import house

TICKETS = 100_000
TIMES = 60
_MAILBOXES = tuple(f"m{at}@desk.test" for at in range(5))
_AGENTS = tuple(f"a{at}@desk.test" for at in range(12))
_WORDS = "The printer on the second floor makes a noise and stops without any message on its small screen. " * 5


def overview() -> None:
    """Milliseconds until a page is whole, median and 95th percentile."""
    for name, days, waiting in (("two years, 3 % waiting", 730.0, 0.03), ("30 days, all waiting", 29.0, 1.0)):
        asyncio.run(_measure(name, days, waiting))


async def _measure(name: str, days: float, waiting: float) -> None:
    web, agents = Web(agents_read=True), tuple(Agent(address=one) for one in _AGENTS)
    mailboxes = tuple(Mailbox(address=one) for one in _MAILBOXES)
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder), web=web, agents=agents, mailboxes=mailboxes) as home:
            fill(Path(folder) / "desk.db", days, waiting)
            browser = await home.sign_in(_AGENTS[0])
            # As the daemon does once it is ready.
            gc.freeze()
            for path in (
                "/en/overview",
                f"/en/overview?mailbox={_MAILBOXES[0]}",
                "/en/overview/queue",
                "/en/overview/requests/100",
            ):
                took_ms, size = [], 0
                for _ in range(TIMES):
                    begin = time.perf_counter()
                    answer = await browser.get(path)
                    took_ms.append((time.perf_counter() - begin) * 1000)
                    assert answer.status_code == 200, path
                    size = len(answer.content)
                took_ms.sort()
                median_ms, high_ms = took_ms[TIMES // 2], took_ms[TIMES * 95 // 100]
                print(
                    f"{name}: {path} {median_ms:.0f} ms median, {high_ms:.0f} ms 95th percentile, {size / 1000:.0f} kB"
                )


def fill(database: Path, days: float, waiting: float) -> None:
    """Tickets 1 to TICKETS over so many days until now, this share of them neither solved nor closed, with their entries."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executemany(
            """INSERT INTO tickets (id, number, subject, state, priority, mailbox, language, assignee, requester_address,
                 requester_key, requester_name, created_at, updated_at)
               VALUES (?, ?, 'Printer on fire', ?, 'normal', ?, 'en', ?, ?, ?, 'Lea Martin', ?, ?)""",
            ((n, n, state, mailbox, agent, who, who, at, at) for n, state, mailbox, agent, who, at, _ in _tickets(days, waiting)),
        )  # fmt: skip
        connection.executemany(
            """INSERT INTO entries (ticket_id, kind, author_address, author_name, at, via, subject, text, full_text)
               VALUES (?, ?, ?, '', ?, 'smtp', 'Printer on fire', ?, ?)""",
            (
                row
                for n, _, _, agent, who, at, answered_at in _tickets(days, waiting)
                for row in (
                    (n, "customer", who, at, _WORDS, _WORDS),
                    *([(n, "agent", agent, answered_at, _WORDS, _WORDS)] if answered_at else []),
                )
            ),
        )
        connection.commit()


def _tickets(days: float, waiting: float) -> Iterator[tuple[int, str, str, str, str, str, str | None]]:
    chance, end = random.Random(7), clock.now()
    for number in range(1, TICKETS + 1):
        at = end - timedelta(days=days) * (1 - number / (TICKETS + 1))
        state = chance.choice(WAITING) if chance.random() < waiting else chance.choice(("solved", "closed"))
        answered_at = clock.iso(at + timedelta(seconds=chance.expovariate(1 / 20_000)))
        is_answered = chance.random() < 0.9 and answered_at < clock.iso(end)
        mailbox, agent = chance.choice(_MAILBOXES), chance.choice(_AGENTS)
        yield (
            number,
            state,
            mailbox,
            agent,
            f"lea{number % 5000}@client.test",
            clock.iso(at),
            answered_at if is_answered else None,
        )
