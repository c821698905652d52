"""T26: Reply-To makes nobody an agent, and an agent's mail whose answers would go to somebody else is no act. Nothing is ever
sent to an address that only Reply-To names.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.threat.kit import ANA, BEN, EVE, LEA, opened, outside, raw_mail, reply_to, ticket_row

WORDS = "#solved\n\nPay to the account of Eve."


@pytest.mark.parametrize("author", [EVE, LEA], ids=["stranger", "customer"])
@pytest.mark.parametrize("field", ["Reply-To", "Sender", "Resent-From"])
def test_an_agent_in_another_field_acts_nothing(world: World, author: str, field: str) -> None:
    """Somebody else's From, proved, with the agent's own signed address and the agent in a field beside it."""
    first = opened(world)
    before = ticket_row(world)[1:]
    to = reply_to(first.notice)
    world.give(raw_mail(author, WORDS, to=to, headers=[(field, ANA)]), to, sender="eve@evil.test")
    assert ticket_row(world)[1:] == before
    assert ticket_row(world)[0] in ("pending", "open")
    assert not [x for x in world.letters() if x.notice == "answer"]


@pytest.mark.parametrize("other", [EVE, LEA, BEN], ids=["stranger", "customer", "colleague"])
def test_an_agents_mail_that_asks_for_answers_elsewhere_is_no_act(world: World, other: str) -> None:
    """Proved and by the agent's own address: a person looks first."""
    first = opened(world)
    before = ticket_row(world)
    to = reply_to(first.notice)
    world.give(raw_mail(ANA, WORDS, to=to, headers=[("Reply-To", other)]), to, sender="ana@desk.test")
    assert ticket_row(world) == before
    assert outside(world.letters()) == []


@pytest.mark.parametrize("author", [EVE, LEA, ANA])
def test_nothing_is_sent_to_reply_to_alone(world: World, author: str) -> None:
    """New mail, proved or not: letters go to From or to nobody."""
    for proved in (True, False):
        world.give(raw_mail(author, "Hello.", headers=[("Reply-To", "drop@evil.test")], proved=proved))
    assert "drop@evil.test" not in {x.recipient for x in world.letters()}


@pytest.mark.parametrize("other", [ANA, "support@desk.test"], ids=["the agent", "the desk"])
def test_a_reply_to_of_the_agent_or_the_desk_is_no_conflict(world: World, other: str) -> None:
    """The control."""
    first = opened(world)
    to = reply_to(first.notice)
    world.give(raw_mail(ANA, "#solved\n\nDone.", to=to, headers=[("Reply-To", other)]), to, sender="ana@desk.test")
    assert ticket_row(world)[0] == "solved"
