"""two_desks_forever (T74): a peer that answers everything, for a week, with and without the marks of a machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.desk.world import Letter, World

CONFIRMATIONS = ("confirmation", "confirmation-unproved", "confirmation-merged")
WEEK = timedelta(days=7)


def most_in_a_day(at: list[datetime]) -> int:
    """The most letters within any 24 hours."""
    return max((sum(one <= other < one + timedelta(days=1) for other in at) for one in at), default=0)


def week(world: World, answer: Callable[[World, Letter, int], None], delay: timedelta) -> list[datetime]:
    """When automatic letters left for a peer that answers each of them after a delay, and writes again every hour anyway."""
    begun, sent, count = world.now, [], 0
    world.write("peer@client.test", subject="Hello")
    while world.now - begun < WEEK:
        letters = [x for x in world.letters() if x.notice in CONFIRMATIONS]
        sent += [world.now] * len(letters)
        for letter in letters:
            count += 1
            world.now += delay
            answer(world, letter, count)
        if not letters:
            world.now += timedelta(hours=1)
            world.run("send-owed")
    return sent


@pytest.mark.parametrize("delay", [timedelta(), timedelta(seconds=1), timedelta(hours=1)])
@pytest.mark.parametrize("is_proved", [True, False])
def test_a_peer_that_strips_every_mark_gets_three_a_day(world: World, delay: timedelta, is_proved: bool) -> None:
    """New Message-ID, no references, another subject each time: three automatic letters a day and no more."""
    proved = {} if is_proved else {"results": None}

    def answer(desk: World, letter: Letter, n: int) -> None:
        for m in range(5):
            desk.write(
                "peer@client.test", "Got it.\n", subject=f"Ticket {n}.{m}: {letter.message['Subject']}", **proved
            )

    assert most_in_a_day(week(world, answer, delay)) <= 3


def test_a_peer_that_obeys_gets_one(world: World) -> None:
    """A machine that says so ends the conversation."""

    def answer(desk: World, letter: Letter, _n: int) -> None:
        desk.write("peer@client.test", "Got it.\n", answers=letter, headers={"Auto-Submitted": "auto-replied"})

    assert len(week(world, answer, timedelta(seconds=1))) == 1


def test_the_same_subject_four_times_is_one_ticket(world: World) -> None:
    """From the fourth within an hour they are entries of the newest; agents hear once, the robot nothing (L8a)."""
    for n in range(8):
        world.write("peer@client.test", f"Got it, {n}.\n", subject=f"Re: [Ticket-{n}] Hello", results=None)
    letters = world.letters()
    assert [x.notice for x in letters if x.recipient == "ana@desk.test"] == ["new"] * 3 + ["reply"]
    assert len(world.entries(50033)) == 6
    assert "suspect robot" in world.why()
    world.now += timedelta(hours=25)
    assert world.write("peer@client.test", subject="Hello", results=None).outcome == "ticket"


def test_four_requests_within_an_hour_are_a_persons(world: World) -> None:
    """Different subjects, if by a digit, open a ticket each."""
    for n in range(5):
        assert world.write("lea@client.test", subject=f"Invoice {n}").outcome == "ticket"


@pytest.mark.parametrize(
    ("subject", "is_confirmed"),
    [
        ("[#7] Re: [#7] Hello", False),
        ("Auto: Auto: Auto: Hello", False),
        ("Re: Re: Re: Re: Hello", True),
        ("About [#7] and [#8]", True),
    ],
)
def test_a_subject_that_grew_is_not_confirmed(world: World, subject: str, is_confirmed: bool) -> None:
    """The same number twice, or the same prefix three times, is a loop's; reply prefixes are a person's (L6)."""
    world.write("peer@client.test", subject=subject)
    assert any(x.notice in CONFIRMATIONS for x in world.letters()) is is_confirmed
