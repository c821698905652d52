"""T77: mailing lists, role and no-reply addresses get no automatic letter; their mail is a ticket that agents see."""

from __future__ import annotations

import pytest

from tests.desk.world import World


@pytest.mark.parametrize(
    ("author", "headers"),
    [
        ("news@shop.test", {"List-Id": "<news.shop.test>"}),
        ("news@shop.test", {"List-Unsubscribe": "<mailto:u@shop.test>"}),
        ("lea@client.test", {"Precedence": "list"}),
        ("lea@client.test", {"Precedence": "bulk"}),
        ("no-reply@shop.test", {}),
        ("noreply@shop.test", {}),
        ("do-not-reply@shop.test", {}),
        ("bounces@list.test", {}),
        ("mailer-daemon@shop.test", {}),
    ],
)
def test_nobody_outside_is_written_to(world: World, author: str, headers: dict[str, str]) -> None:
    """A ticket with the flag, notices to agents, and not one letter to the list or the robot, proved or not."""
    assert world.write(author, headers=headers).outcome == "ticket"
    assert {x.recipient for x in world.letters()} <= {"ana@desk.test", "ben@desk.test"}
    assert "automatic" in world.entries()[0][2]
