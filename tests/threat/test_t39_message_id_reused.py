"""T39: a Message-ID is no name for a mail's content. Whoever sends a forged mail under a victim's Message-ID first does not
make the desk drop the real one as a duplicate: both are kept.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.desk.world import World
from tests.threat.kit import EVE, LEA, raw_mail


def outcomes(world: World) -> list[str]:
    """What became of every mail, the oldest first."""
    with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
        return [row[0] for row in connection.execute("SELECT outcome FROM mails ORDER BY id")]


@pytest.mark.parametrize("forger", [EVE, LEA], ids=["as oneself", "as the victim"])
def test_a_mail_under_a_used_message_id_is_kept(world: World, forger: str) -> None:
    """The forged mail came first; the real one opens its ticket all the same, and is confirmed."""
    message_id = "<order-17@client.test>"
    world.give(raw_mail(forger, "Forget it.", message_id=message_id, proved=forger == EVE), sender="eve@evil.test")
    world.letters()
    world.give(raw_mail(LEA, "The real matter.", message_id=message_id), sender="lea@client.test")
    assert "duplicate" not in outcomes(world)
    letters = world.letters()
    assert any("The real matter." in x.text for x in letters if x.recipient == "ana@desk.test")
    assert [x.recipient for x in letters if x.notice == "confirmation"] == ["lea@client.test"]


def test_the_same_mail_twice_is_one(world: World) -> None:
    """The control: the same content under the same Message-ID is a redelivery."""
    raw = raw_mail(LEA, "The real matter.", message_id="<order-17@client.test>")
    world.give(raw)
    world.give(raw)
    assert outcomes(world) == ["ticket", "duplicate"]
