"""T23: an agent's signed mail acts once. A signature lives as long as its key, and whoever has the bytes can send them again:
as they are, or under other fields that nobody signed, tomorrow or next month.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from maildesk.config import Trust
from tests.desk.world import World
from tests.signing import records, sign
from tests.threat.kit import ANA, opened, outside, reply_to, ticket_row

ALL = ("from", "to", "subject", "date", "message-id")
COPIES = 100


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[World]:
    """A desk whose agents' domain signs."""
    found = World(tmp_path, Trust(authserv_ids=("mx.desk.test",), verify="dkim"))
    found.records = records("desk.test", "reject") | {"_dmarc.client.test": ()}
    yield found
    found.close()


def act(to: str) -> bytes:
    """A signed answer with a command that would show each time it is done."""
    raw = (
        f"From: {ANA}\r\nTo: {to}\r\nSubject: Re: Printer on fire\r\nDate: Sun, 22 Nov 2026 18:00:30 +0000\r\n"
        "Message-ID: <act@desk.test>\r\n\r\n#tag done\r\n#solved\r\n\r\nIt is repaired.\r\n"
    )
    return sign(raw.encode(), "desk.test", fields=ALL)


def undone(world: World, to: str) -> None:
    """The agent takes it back; a replay would do it again."""
    raw = (
        f"From: {ANA}\r\nTo: {to}\r\nSubject: Re: Printer on fire\r\nDate: Sun, 22 Nov 2026 18:01:30 +0000\r\n"
        "Message-ID: <undo@desk.test>\r\n\r\n#tag -done\r\n#open\r\n"
    )
    world.give(sign(raw.encode(), "desk.test", fields=ALL), to, sender="ana@desk.test")
    assert ticket_row(world)[3] == ()
    world.letters()


def changed(raw: bytes, number: int) -> bytes:
    """The same signed bytes under other fields that the signature does not name."""
    fields = (
        f"Received: from evil{number}.test by mx.desk.test\r\n",
        f"X-Copy: {number}\r\n",
        f"Sender: eve{number}@evil.test\r\n",
        f"Comments: {number}\r\nX-Priority: 1\r\n",
        f"In-Reply-To: <x{number}@y.test>\r\nReferences: <x{number}@y.test>\r\n",
        f"List-Help: <mailto:{number}@x.test>\r\n",
        f"Return-Path: <eve{number}@evil.test>\r\n",
    )
    return fields[number % len(fields)].encode() + raw


@pytest.mark.parametrize("is_changed", [False, True], ids=["the same bytes", "other unsigned fields"])
def test_a_hundred_copies_are_one_act(desk: World, is_changed: bool) -> None:
    """One answer to the customer, one change; and what the agent took back since stays taken back."""
    to = reply_to(opened(desk).notice)
    raw = act(to)
    desk.give(raw, to, sender="ana@desk.test")
    assert len(outside(desk.letters())) == 1
    undone(desk, to)
    before = ticket_row(desk)
    for number in range(COPIES - 1):
        desk.give(changed(raw, number) if is_changed else raw, to, sender="eve@evil.test")
    assert ticket_row(desk) == before
    assert outside(desk.letters()) == []


@pytest.mark.parametrize("days", [2, 4, 31, 400])
@pytest.mark.parametrize("is_changed", [False, True], ids=["the same bytes", "other unsigned fields"])
def test_a_later_copy_is_no_act(desk: World, days: int, is_changed: bool) -> None:
    """Also when the desk no longer knows the content."""
    to = reply_to(opened(desk).notice)
    raw = act(to)
    desk.give(raw, to, sender="ana@desk.test")
    undone(desk, to)
    before = ticket_row(desk)
    desk.now += timedelta(days=days)
    desk.give(changed(raw, days) if is_changed else raw, to, sender="eve@evil.test")
    assert ticket_row(desk) == before
    assert outside(desk.letters()) == []


def test_an_act_that_never_came_is_stale_after_three_days(desk: World) -> None:
    """Caught on its way and sent a week later: held, so that a person decides."""
    to = reply_to(opened(desk).notice)
    desk.now += timedelta(days=7)
    fate = desk.give(act(to), to, sender="eve@evil.test")
    assert (fate.outcome, fate.cause) == ("held", "stale-act")
    assert outside(desk.letters()) == []


def test_another_recipient_changes_nothing(desk: World) -> None:
    """The copy goes to the mailbox, and to the address of a colleague's notice."""
    first = opened(desk)
    to = reply_to(first.notice)
    raw = act(to)
    desk.give(raw, to, sender="ana@desk.test")
    undone(desk, to)
    before = ticket_row(desk)
    desk.give(changed(raw, 1), "support@desk.test", sender="eve@evil.test")
    desk.give(changed(raw, 2), reply_to(first.answer), sender="eve@evil.test")
    assert ticket_row(desk) == before
    assert {x.recipient for x in outside(desk.letters())} <= {"ana@desk.test"}
