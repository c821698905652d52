"""`confirm_unproved = "verify-first"`: a new request that nobody proved waits until its author says that it is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from maildesk.config import Trust, Web
from tests.desk.world import FAILED, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trust = Trust(authserv_ids=("mx.desk.test",), verify="none", confirm_unproved="verify-first")
    world = World(tmp_path, trust=trust, web=Web(public_url="https://help.desk.test"))
    yield world
    world.close()


def test_a_request_waits_and_its_author_is_asked_without_a_word_of_it(world: World) -> None:
    """No ticket, no agent is told; one letter of fixed text, without a number, with an address and a link to say yes."""
    settled = world.write("lea@client.test", "SECRETWORD", subject="SECRETWORD", results=None)
    assert (settled.outcome, settled.cause) == ("held", "unconfirmed")
    letters = world.letters()
    assert [(x.notice, x.recipient) for x in letters] == [("verify", "lea@client.test")]
    assert b"SECRETWORD" not in letters[0].raw
    link = next(line for line in letters[0].text.splitlines() if line.startswith("https://help.desk.test/"))
    assert "/confirm/" in link
    assert "#5" not in letters[0].text


def test_an_answer_to_the_letter_lets_the_request_in(world: World) -> None:
    """Whoever answers reads that mailbox: the ticket opens, agents are told, and the number goes to its author."""
    world.write("lea@client.test", results=None)
    asked = world.letters()[0]
    world.write("lea@client.test", "yes", to=(str(asked.message["Reply-To"]),), results=None)
    world.settle_waiting()
    letters = world.letters()
    assert {x.notice for x in letters} == {"confirmation-unproved", "new"}
    assert numbers(world) == [50031]


def test_it_is_asked_once_and_for_a_day(world: World) -> None:
    """A second answer opens nothing, and one after a day neither."""
    world.write("lea@client.test", results=None)
    address = str(world.letters()[0].message["Reply-To"])
    world.now += timedelta(hours=24, seconds=1)
    world.write("lea@client.test", "yes", to=(address,), results=None)
    assert world.settle_waiting() == []
    assert "older" in world.why() or "too old" in world.why()


def test_proved_mail_opens_a_ticket_at_once(world: World) -> None:
    """Whoever is proved is not asked."""
    assert world.write("lea@client.test").outcome == "ticket"


def test_nobody_is_written_to_in_a_disowned_name(world: World) -> None:
    """Where the domain says that it is forged, the request waits and no letter goes out."""
    assert world.write("lea@client.test", results=FAILED).cause == "unconfirmed"
    assert world.letters() == []


def test_a_machines_answer_says_nothing(world: World) -> None:
    """An absence notice to that address is no yes."""
    world.write("lea@client.test", results=None)
    address = str(world.letters()[0].message["Reply-To"])
    headers = {"Auto-Submitted": "auto-replied"}
    world.write("lea@client.test", "I am away", to=(address,), results=None, headers=headers)
    assert [settled.outcome for settled in world.settle_waiting()] == []


def numbers(world: World) -> list[int]:
    """The numbers of all tickets."""
    asked = {"state": "", "mailbox": "", "assignee": "", "limit": 99}
    return [int(str(row["number"])) for row in world.store.read(lambda tx: tx.list("tickets, newest first", **asked))]
