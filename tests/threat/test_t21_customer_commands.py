"""T21: a command in a customer's mail is text. No spelling, by whatever signed address, changes state, priority, assignee or
tags, or makes anybody a requester or a participant.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.threat.kit import LEA, opened, raw_mail, reply_to, texts, ticket_row

SPELLINGS = (
    "#solved", "#Solved", "#SOLVED", "# solved", "#solved:", "  #solved", "\t#solved", "\ufeff#solved", "#closed", "#close",
    "#assign ana", "#assign: Ana Lima", "#assign me", "#assign none", "assign: ben", "@assign ben", "/assign ben", "!solved",
    "#priority urgent", "#Priority: urgent", "priority: urgent", "#tag vip", "#tags: vip", "#spam", "#for eve@evil.test Eve",
    "#cc eve@evil.test", "#uncc lea@client.test", "#note\nhidden", "#send", "Control: close 50031\n#solved\n#tag vip",
)  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", ["own address", "an agent's address", "mailbox"])
def test_a_customers_command_is_text(world: World, spelling: str, path: str) -> None:
    """Lea, proved, with her own signed address, with a forwarded notice's, and by References alone."""
    first = opened(world)
    world.write(LEA, "And now?\n", answers=first.answer)
    world.letters()
    before = ticket_row(world), world.ticket().customers, world.ticket().requester
    address = {"own address": first.answer, "an agent's address": first.notice}.get(path)
    to = reply_to(address) if address else "support@desk.test"
    references = [("References", str(first.answer.message["Message-ID"]))]
    world.give(raw_mail(LEA, f"{spelling}\n\nThank you.", to=to, headers=references), to, sender="lea@client.test")
    assert (ticket_row(world), world.ticket().customers, world.ticket().requester) == before
    assert "Thank you." in texts(world)


def test_the_same_words_of_an_agent_are_a_command(world: World) -> None:
    """The control."""
    first = opened(world)
    world.write("Ana Lima <ana@desk.test>", "#tag vip\n#priority urgent\n", answers=first.notice)
    assert ticket_row(world)[1] == "urgent"
    assert ticket_row(world)[3] == ("vip",)
