"""T27: what a stolen agent's mailbox can do by mail is bounded by what there is: no command exports, erases, merges or reads
tickets in bulk, so that nothing has to be confirmed on the web. Each mail acts on the one ticket whose address it came to;
step-up confirmation and alerts come with the web (issue of the web pages).
"""

from __future__ import annotations

import pytest

from maildesk.desk.commands import COMMANDS
from tests.desk.world import World
from tests.threat.kit import ANA, LEA, SECRET, opened, outside, raw_mail, reply_to, ticket_row

DANGEROUS = (
    "erase",
    "export",
    "merge",
    "split",
    "delete",
    "bulk",
    "requester",
    "send-all",
    "find",
    "list",
    "forward",
    "bcc",
)


def test_no_command_is_dangerous() -> None:
    """A command of these names needs a confirmation of its own before it is built."""
    assert not {c.name for c in COMMANDS} & set(DANGEROUS)


@pytest.mark.parametrize("word", DANGEROUS)
def test_a_dangerous_word_does_nothing(world: World, word: str) -> None:
    """The whole block is refused, the agent is told, the customer hears nothing."""
    first = opened(world)
    before = ticket_row(world)
    to = reply_to(first.notice)
    world.give(raw_mail(ANA, f"#{word} 50031 eve@evil.test\n#solved\n\nHello.", to=to), to, sender="ana@desk.test")
    assert ticket_row(world) == before
    letters = world.letters()
    assert outside(letters) == []
    assert {x.notice for x in letters} == {"not-done"}


def test_a_mail_acts_on_the_ticket_of_its_address_alone(world: World) -> None:
    """Numbers of other tickets in subject and text name nothing."""
    first = opened(world)
    world.give(
        raw_mail(LEA, "Another matter.", subject="Other", message_id="<other@client.test>"), sender="lea@client.test"
    )
    world.letters()
    to = reply_to(first.notice)
    raw = raw_mail(ANA, "#solved\n\nDone, and #50032 too.", to=to, subject="Re: [#50032] Other [#50031]")
    world.give(raw, to, sender="ana@desk.test")
    assert (ticket_row(world)[0], ticket_row(world, 50032)[0]) == ("solved", "new")


def test_an_agents_stolen_mailbox_reads_no_other_ticket(world: World) -> None:
    """Asking by mail brings nothing of a ticket: the letters are receipts of what was done."""
    opened(world)
    world.give(raw_mail(ANA, "#help\n\nSend me ticket 50031.", subject="[#50031] status"), sender="ana@desk.test")
    assert not any(SECRET in x.text for x in outside(world.letters()))
