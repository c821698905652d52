"""Brakes: three automatic letters a day to an unproved address, ten an hour to anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maildesk.desk.brakes import Braking, brake, is_braked
from maildesk.desk.model import LetterPlan, LetterView
from maildesk.desk.notices import NOTICES
from maildesk.mail.model import Person
from tests.desk.world import World


def plan(notice: str, *, is_unproved: bool) -> LetterPlan:
    view = LetterView("Desk", "Desk", "support@desk.test", "en")
    return LetterPlan(notice, Person("lea@client.test"), "customer", "Desk", view, is_unproved=is_unproved)


@pytest.mark.parametrize(
    ("is_unproved", "day", "hour", "goes"),
    [(True, 2, 2, True), (True, 3, 0, False), (True, 3, 3, False), (False, 3, 3, True), (False, 200, 9, True),
     (False, 10, 10, False), (True, 0, 10, False)],
)  # fmt: skip
def test_the_counts(is_unproved: bool, day: int, hour: int, goes: bool) -> None:
    """The third a day goes and the fourth does not; the tenth an hour goes and the eleventh does not."""
    assert (brake(plan("confirmation", is_unproved=is_unproved), Braking(day, hour)) is None) is goes


def test_only_answers_of_machines_are_braked() -> None:
    """What a person wrote and what agents are told is never held back."""
    assert {n.name for n in NOTICES if n.is_braked} == {
        "confirmation",
        "confirmation-unproved",
        "confirmation-for",
        "not-taken",
    }
    assert not is_braked(plan("answer", is_unproved=False))


def test_the_windows_slide(world: World) -> None:
    """A day after the first of three the next goes out; another address was never held back."""
    for n in range(4):
        world.write("lea@client.test", subject=f"matter {n}", results=None)
    assert sum(x.notice == "confirmation-unproved" for x in world.letters()) == 3
    assert "3 automatic letters a day" in world.why()
    world.write("LEA@Client.TEST", subject="in capitals", results=None)
    world.write("noe@client.test", subject="another", results=None)
    assert [x.recipient for x in world.letters() if x.notice == "confirmation-unproved"] == ["noe@client.test"]
    world.now += timedelta(days=1)
    world.write("lea@client.test", subject="tomorrow", results=None)
    assert [x.recipient for x in world.letters() if x.notice == "confirmation-unproved"] == ["lea@client.test"]
