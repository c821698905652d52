"""Claims and marks on a real database: one letter is one process's, whatever slept, died or kept wrong time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maildesk.store.outbox import (
    ClaimedLetter,
    claim_letters,
    claimed_content,
    give_back,
    list_outbox,
    mark_deferred,
    mark_failed,
    mark_sent,
    next_due_at,
    oldest_letter_at,
    release_all_leases,
    still_claimed,
)
from tests.relay_desk import Desk, letter_bytes, opened

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
LATER = NOW + timedelta(seconds=61)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path) as desk:
        yield desk


def claim(desk: Desk, now: datetime = NOW, limit: int = 9) -> tuple[ClaimedLetter, ...]:
    return desk.store.write(lambda tx: claim_letters(tx, now=now, limit=limit, lease_s=60)).result(10)


def due(desk: Desk, now: datetime = NOW) -> datetime | None:
    return desk.store.read(lambda tx: next_due_at(tx, now=now))


def test_claim_is_exclusive_until_its_lease_ends(desk: Desk) -> None:
    """A claimed letter is nobody else's for the length of the lease, and then anybody's, counted."""
    desk.add("lea@client.test", at=NOW)
    (first,) = claim(desk)
    assert claim(desk) == ()
    assert due(desk) == NOW + timedelta(seconds=60)
    (second,) = claim(desk, LATER)
    assert (first.epoch, first.attempts, second.epoch, second.attempts) == (1, 1, 2, 2)


def test_who_slept_through_the_lease_changes_nothing(desk: Desk) -> None:
    """After another claim the old one neither sends nor marks; the new one does."""
    desk.add("lea@client.test", at=NOW)
    (slept,), (taken,) = claim(desk), claim(desk, LATER)
    assert desk.store.read(lambda tx: claimed_content(tx, slept, now=LATER)) is None
    assert not desk.store.read(lambda tx: still_claimed(tx, slept, now=LATER))
    assert not desk.store.write(lambda tx: mark_sent(tx, slept, at=LATER)).result(10)
    assert not desk.store.write(lambda tx: mark_failed(tx, slept, error="x")).result(10)
    assert not desk.store.write(lambda tx: mark_deferred(tx, slept, next_at=LATER, error="x")).result(10)
    assert not desk.store.write(lambda tx: give_back(tx, slept, now=LATER)).result(10)
    assert desk.store.read(lambda tx: claimed_content(tx, taken, now=LATER)) == letter_bytes(taken.id)
    assert desk.store.write(lambda tx: mark_sent(tx, taken, at=LATER)).result(10)


def test_lease_that_is_over_sends_nothing(desk: Desk) -> None:
    """Even when nobody else has claimed it: somebody may at any moment."""
    desk.add("lea@client.test", at=NOW)
    (letter,) = claim(desk)
    assert desk.store.read(lambda tx: still_claimed(tx, letter, now=NOW))
    assert not desk.store.read(lambda tx: still_claimed(tx, letter, now=LATER))


def test_ticket_waits_for_its_letter_on_the_way(desk: Desk) -> None:
    """While a letter of a ticket is claimed, later ones of that ticket are not due; other tickets' are."""
    desk.add("lea@client.test", "ana@desk.test", ticket_id=1, at=NOW)
    desk.add("tom@client.test", ticket_id=2, at=NOW)
    (first,) = claim(desk, limit=1)
    assert [letter.id for letter in claim(desk)] == [3]
    assert due(desk) == NOW + timedelta(seconds=60)
    desk.store.write(lambda tx: mark_sent(tx, first, at=NOW)).result(10)
    assert due(desk) == NOW
    assert [letter.id for letter in claim(desk)] == [2]


def test_deferred_letter_holds_up_nobody(desk: Desk) -> None:
    """A ticket's next letter does not wait for one that was put off."""
    desk.add("lea@client.test", "ana@desk.test", ticket_id=1, at=NOW)
    (first,) = claim(desk, limit=1)
    desk.store.write(lambda tx: mark_deferred(tx, first, next_at=LATER, error="450 later")).result(10)
    assert [letter.id for letter in claim(desk)] == [2]
    assert [letter.id for letter in claim(desk, LATER + timedelta(minutes=1))] == [1, 2]


def test_given_back_is_as_if_never_claimed(desk: Desk) -> None:
    """A letter that was claimed and not tried is due at once, and its attempt does not count."""
    desk.add("lea@client.test", at=NOW)
    (letter,) = claim(desk)
    assert desk.store.write(lambda tx: give_back(tx, letter, now=NOW)).result(10)
    ((shown),) = desk.unsent()
    assert (shown.state, shown.attempts, shown.next_at) == ("waiting", 0, NOW)


def test_start_ends_every_lease(desk: Desk) -> None:
    """What a killed process had claimed is due at once, and its attempt counts."""
    desk.add("lea@client.test", "tom@client.test", at=NOW)
    claim(desk, limit=1)
    assert desk.store.write(lambda tx: release_all_leases(tx, now=NOW)).result(10) == 1
    assert [(letter.id, letter.attempts) for letter in claim(desk)] == [(1, 2), (2, 1)]


def test_due_time_of_a_wrong_clock_counts_for_nothing(desk: Desk) -> None:
    """A letter written or claimed while the clock stood a year ahead goes now."""
    desk.add("lea@client.test", at=NOW + timedelta(days=365))
    assert due(desk) == NOW
    assert len(claim(desk)) == 1
    desk.add("tom@client.test", at=NOW + timedelta(days=365))
    assert len(claim(desk, NOW + timedelta(days=365))) == 2
    assert len(claim(desk)) == 2


def test_outbox_shows_what_is_not_sent(desk: Desk) -> None:
    """Newest first; a claimed letter shows as waiting, a failed one has its error and no next time."""
    desk.add("a@c.test", "b@c.test", "c@c.test", "d@c.test", at=NOW)
    one, two, three, _ = claim(desk)
    desk.store.write(lambda tx: mark_sent(tx, one, at=NOW)).result(10)
    desk.store.write(lambda tx: mark_failed(tx, two, error="550 5.1.1 unknown")).result(10)
    desk.store.write(lambda tx: mark_deferred(tx, three, next_at=LATER, error="x" * 9999)).result(10)
    shown = [(line.id, line.state, line.next_at, len(line.error or "")) for line in desk.unsent()]
    assert shown == [
        (4, "waiting", LATER - timedelta(seconds=1), 0),
        (3, "deferred", LATER, 500),
        (2, "failed", None, 17),
    ]
    assert [line.id for line in desk.store.read(lambda tx: list_outbox(tx, limit=1))] == [4]
    assert desk.store.read(oldest_letter_at) == NOW
