"""`maildesk stats`: the figures of a real conversation, for people and for programs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from maildesk import clock
from tests.conftest import Run
from tests.desk.world import World


def talk(world: World) -> None:
    """Two requests of a minute ago; one has an answer of two seconds later."""
    world.now = clock.now().replace(microsecond=0) - timedelta(minutes=1)
    world.write("Lea Martin <lea@client.test>")
    notice = next(x for x in world.letters() if x.recipient == "ana@desk.test")
    world.write("Noe <noe@client.test>", "Where is my parcel?\n", subject="Parcel")
    world.write("ana@desk.test", "Use water.\n", answers=notice)


def test_figures_of_a_conversation(world: World, run: Run) -> None:
    """What came today, what waits by state and age, and who answered how soon."""
    talk(world)
    code, out, err = run("stats", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert list(found) == ["at", "timezone", "arrivals", "backlog", "first_replies"]
    assert len(found["arrivals"]) == 30
    assert sum(row["tickets"] for row in found["arrivals"][-2:]) == 2
    assert set(found["arrivals"][-1]) == {"day", "mailbox", "tickets"}
    assert [row for row in found["backlog"] if row["tickets"]] == [
        {"mailbox": "support@desk.test", "state": "new", "age": "under-1-day", "tickets": 1},
        {"mailbox": "support@desk.test", "state": "pending", "age": "under-1-day", "tickets": 1},
    ]
    assert len(found["backlog"]) == 20
    times = {"replies": 1, "median_s": 2, "within_s": 2}
    assert found["first_replies"] == {
        "all": times,
        "by_mailbox": [{"mailbox": "support@desk.test"} | times],
        "by_agent": [{"agent": "ana@desk.test"} | times],
    }


def test_figures_for_people(world: World, run: Run) -> None:
    """Three tables whose figures are the same; a time has two units at most."""
    talk(world)
    code, out, err = run("stats")
    assert code == 0, err
    lines = out.splitlines()
    assert "DAY         ALL  support@desk.test" in lines
    assert "all         2    2" in lines
    assert "support@desk.test  new      1            0         0         0          0      1" in lines
    assert "all                pending  1            0         0         0          0      1" in lines
    assert "ana@desk.test      1        2 s          2 s" in lines


def test_a_desk_without_mail_has_figures(run: Run) -> None:
    """Nothing came, nothing waits, nobody was answered; and that is no error."""
    code, out, _ = run("stats", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["first_replies"] == {"all": None, "by_mailbox": [], "by_agent": []}
    assert not any(row["tickets"] for row in (*found["arrivals"], *found["backlog"]))


@pytest.mark.parametrize(("mailbox", "code"), [("Support@DESK.test", 0), ("nobody@desk.test", 1), ("no address", 1)])
def test_one_mailbox(run: Run, mailbox: str, code: int) -> None:
    """In any case of its letters; another one is told which there are."""
    found, out, err = run("stats", "--mailbox", mailbox)
    assert found == code
    assert ("support@desk.test" in err) is bool(code)
    assert bool(out) is not bool(code)
