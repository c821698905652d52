"""A store with 100,000 requests of 5,000 people, and somebody who is signed in: for measuring pages."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from maildesk import clock
from maildesk.web.visitor import digest
from tests.measure_overview import fill as fill_tickets

# The secret of a session's cookie: the account has ten addresses and two hundred requests.
SESSION = "measured-session-secret"
ADDRESSES = tuple(f"lea{number}@client.test" for number in range(10))


def fill(database: Path) -> None:
    """Into a store that has its tables."""
    fill_tickets(database, 730.0, 0.03)
    now = clock.now()
    at, later = clock.iso(now), clock.iso(now + timedelta(days=30))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            """INSERT INTO participants (ticket_id, slot, kind, address, address_key, name, joined_at)
               SELECT id, 1, 'customer', requester_address, requester_key, requester_name, created_at FROM tickets"""
        )
        connection.execute("INSERT INTO accounts (id, name, language, created_at) VALUES (1, 'Lea', 'en', ?)", (at,))
        connection.executemany(
            "INSERT INTO people (address_key, address, name, proved_at, seen_at, account_id) VALUES (?, ?, '', ?, ?, 1)",
            ((one, one, at, at) for one in ADDRESSES),
        )
        connection.execute(
            """INSERT INTO sessions (token_hash, account_id, address, created_at, fresh_at, seen_at, expires_at)
               VALUES (?, 1, ?, ?, ?, ?, ?)""",
            (digest(SESSION), ADDRESSES[0], at, at, at, later),
        )
        connection.execute("ANALYZE")
        connection.commit()
