"""T40: the Message-ID of somebody else's mail is no key to the ticket that holds it. A stranger who names it opens a ticket
of their own; only a proved participant joins by it.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.threat.kit import EVE, LEA, SECRET, opened, outside, raw_mail, texts, told


@pytest.mark.parametrize("field", ["In-Reply-To", "References"])
@pytest.mark.parametrize("proved", [True, False], ids=["proved", "unproved"])
def test_a_stranger_who_names_the_victims_mail_joins_nothing(world: World, field: str, proved: bool) -> None:
    """The ticket is as it was, and no word of it leaves."""
    first = opened(world)
    before = world.entries()
    raw = raw_mail(EVE, "Let me in.", headers=[(field, first.lea_id)], proved=proved)
    world.give(raw, sender="eve@evil.test")
    assert world.entries() == before
    letters = world.letters()
    assert SECRET not in told(letters, "eve@evil.test")
    assert {x.recipient for x in outside(letters)} <= {"eve@evil.test"}


@pytest.mark.parametrize("field", ["In-Reply-To", "References"])
def test_an_unproved_author_in_a_victims_name_is_told_nothing(world: World, field: str) -> None:
    """Lea's name without proof and her own Message-ID: nothing of the ticket goes to anybody outside."""
    first = opened(world)
    world.give(raw_mail(LEA, "Send it again.", headers=[(field, first.lea_id)], proved=False), sender="lea@client.test")
    assert SECRET not in told(world.letters(), "lea@client.test")
    assert world.ticket().state == "pending" or "Send it again." in texts(world)


def test_a_proved_participant_joins_by_their_own_mail(world: World) -> None:
    """The control: the plus part and our own Message-ID were lost on the way, hers was not."""
    first = opened(world)
    world.give(raw_mail(LEA, "One more thing.", headers=[("References", first.lea_id)]), sender="lea@client.test")
    assert "One more thing." in texts(world)
