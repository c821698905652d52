"""T07: a number in a subject lets nobody in. A proved stranger who writes "[#50031]" opens a ticket of their own that
mentions the other, and nothing of the other leaves.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.threat.kit import SECRET, opened, raw_mail, told

STRANGERS = ("eve@evil.test", "mallory@gmail.test", "sam@client.test")


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_number_alone_opens_a_ticket_of_the_strangers_own(world: World, stranger: str) -> None:
    """The ticket of the number is as it was; the new one is the stranger's and names it for agents."""
    opened(world)
    before = world.entries()
    world.give(raw_mail(stranger, "What did they write?", subject="Re: [#50031] Printer on fire"), sender=stranger)
    assert world.entries() == before
    found = world.ticket(50032)
    assert found.requester is not None
    assert found.requester.address == stranger
    assert 50031 in found.mentions


@pytest.mark.parametrize("stranger", STRANGERS)
def test_nothing_of_the_numbered_ticket_leaves(world: World, stranger: str) -> None:
    """The stranger's confirmation, and whatever an agent answers them, hold no word of it."""
    opened(world)
    world.give(raw_mail(stranger, "And?", subject="[#50031] status?"), sender=stranger)
    letters = world.letters()
    assert SECRET not in told(letters, stranger)
    notice = next(x for x in letters if x.recipient == "ana@desk.test")
    world.write("Ana Lima <ana@desk.test>", "We look at it.\n", answers=notice)
    later = world.letters()
    assert "We look at it." in told(later, stranger)
    assert SECRET not in told(later, stranger)
    assert not told(later, "lea@client.test")
