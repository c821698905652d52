"""relay_spam (T70, T71): forged mails that would make the desk write to somebody who never wrote."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from maildesk.desk import brakes
from tests.desk.world import World
from tests.threat.kit import outside

MARK = "BUYNOWMARKER"


def forged(author: str, n: int) -> bytes:
    """A mail whose every field and part says what the attacker wants said."""
    return (
        f'From: "{MARK}" <{author}>\r\nTo: "{MARK}" <support@desk.test>\r\nCc: {MARK}@evil.test\r\nReply-To: {MARK}@evil.test\r\n'
        f"Subject: {MARK} {n}\r\nMessage-ID: <{n}@evil.test>\r\nContent-Language: en\r\nX-{MARK}: {MARK}\r\n"
        f"Thread-Topic: {MARK}\r\nOrganization: {MARK}\r\nList-Subscribe: <mailto:{MARK}@evil.test>\r\n\r\n{MARK}\r\n"
    ).encode()


def test_one_victim_gets_three_a_day_and_no_word_of_the_attacker(world: World) -> None:
    """Whatever tag the victim's address bears, three letters a day, none with a byte of the attacker's."""
    got: Counter[str] = Counter()
    for n in range(200):
        world.give(forged(f"victim+{n}@client.test", n), sender="x@evil.test")
        world.now += timedelta(seconds=30)
        if not n % 20:
            world.run("send-owed")
        for letter in outside(world.letters()):
            assert MARK not in letter.raw.decode("latin-1") + letter.text
            got[letter.recipient.partition("@")[2]] += 1
    assert got["client.test"] <= 3


def test_many_victims_share_the_budgets_of_domain_and_desk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the domain's and the desk's budgets, for a test's time: no more leave, and nothing is lost."""
    small = (replace(one, letters=one.letters // 100) if one.letters >= 1000 else one for one in brakes.LIMITS)
    monkeypatch.setattr(brakes, "LIMITS", tuple(small))
    got: Counter[str] = Counter()
    for n in range(300):
        world.give(forged(f"v{n}@victims{n % 5}.test", n), sender="x@evil.test")
        for letter in outside(world.letters()):
            got[letter.recipient.partition("@")[2]] += 1
    assert max(got.values()) <= 10
    assert sum(got.values()) == 50
    waiting = world.store.read(lambda tx: len(tx.list("owed confirmations", limit=1000)))
    assert waiting + sum(got.values()) == 300
