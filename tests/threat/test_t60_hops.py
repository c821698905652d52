"""T60: a mail that goes round is stopped: by its Received fields at the door, by its passage through desks behind it."""

from __future__ import annotations

import pytest

from tests.threat.wire import Wire, mail

MAX_RECEIVED = 50


def hops(count: int, line: bytes = b"Received: from a.test by b%d.test; Sun, 22 Nov 2026 18:00:00 +0000\r\n") -> bytes:
    return b"".join(line % number for number in range(count))


@pytest.mark.parametrize("spelling", [b"Received:", b"received:", b"RECEIVED:"])
def test_fifty_servers_are_a_loop(wire: Wire, spelling: bytes) -> None:
    """Fifty Received fields are 554 5.4.6, in any spelling; forty-nine are a long way, and taken."""
    line = spelling + b" from a.test\r\n\tby b%d.test; Sun, 22 Nov 2026 18:00:00 +0000\r\n"
    name = f"t60 {spelling.decode()}"
    assert wire.sends(hops(MAX_RECEIVED, line) + mail(name)).startswith("554 5.4.6 ")
    assert wire.sends(hops(MAX_RECEIVED - 1, line) + mail(name)).startswith("250 ")


def test_a_quoted_header_is_no_way(wire: Wire) -> None:
    """Received fields in the body, as in an attached or quoted mail, count for nothing."""
    assert wire.sends(mail("t60 quoted", hops(200))).startswith("250 ")


@pytest.mark.parametrize(
    "fields", [b"X-Maildesk-Hops: 3\r\n", b"X-Maildesk-Hops: 99999999\r\n", b"X-Maildesk-Desk: DESK.test\r\n"]
)
def test_a_chain_of_desks_ends_here(wire: Wire, fields: bytes) -> None:
    """What three desks wrote because of each other, or what bears this desk's own mark, is held, and nothing leaves."""
    before = len(wire.left())
    row = wire.gives(mail(f"t60 {fields.decode().strip()}", fields=fields))
    assert (row["outcome"], row["cause"]) == ("held", "loop")
    assert len(wire.left()) == before
