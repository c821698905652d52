"""T08: a reply address cannot be guessed. Of 100,000 random ones none is taken; a stranger who tries is told 550 5.1.1, and
after a few 421: the brake that shuts them out for an hour.
"""

from __future__ import annotations

import random

import pytest

from maildesk.errors import UnknownMailbox
from maildesk.mail.token import Purpose
from tests.desk.world import World
from tests.threat.kit import ALPHABET
from tests.threat.wire import Wire

GUESSES = 100_000
STRANGER = "127.0.0.8"


def guess(chance: random.Random) -> str:
    """32 characters of the alphabet; half of them say version 1 and a purpose, as ours do."""
    token = "".join(chance.choices(ALPHABET, k=32))
    return token if chance.random() < 0.5 else chance.choice("ijklmn") + token[1:]


def test_of_a_hundred_thousand_guesses_none_is_taken(world: World) -> None:
    """By no purpose, at no path; as an address each is refused."""
    chance = random.Random(8)
    for number in range(GUESSES):
        token = guess(chance)
        assert world.keyring.verify(token, *Purpose) is None
        if number % 10 == 0:
            with pytest.raises(UnknownMailbox):
                world.directory.recipient(f"support+{token}@desk.test", "eve@evil.test", False)


def test_a_stranger_who_guesses_is_shut_out(wire: Wire) -> None:
    """Each guess is 550 5.1.1 until the brake says 421 4.7.0; whoever sends for others is not braked by it."""
    chance = random.Random(9)
    replies = []
    while not replies or replies[-1].startswith("550 5.1.1"):
        with wire.client(STRANGER) as client:
            client.say("MAIL FROM:<eve@evil.test>")
            for _ in range(8):
                replies.append(client.say(f"RCPT TO:<support+{guess(chance)}@desk.test>"))
                if not replies[-1].startswith("550"):
                    break
        assert len(replies) < 100
    assert replies[-1].startswith("421 4.7.0"), replies[-1]
    with wire.client() as relay:
        relay.say("MAIL FROM:<lea@client.test>")
        assert relay.say("RCPT TO:<support@desk.test>").startswith("250")
