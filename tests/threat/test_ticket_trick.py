"""T03, the Ticket Trick (De Ceukelaire, 2017): somebody signs up at another service with the desk's address, and reads the
service's letter of verification through the desk. By mail it leaves to nobody outside: not to the service's own address,
which anybody may claim, not by its Message-ID, its subject or a Cc. Pages that show tickets come with the web.
"""

from __future__ import annotations

import pytest

from tests.desk.world import FAILED, World
from tests.threat.kit import EVE, outside, raw_mail, told

SERVICE = "no-reply@chat.test"
CODE = "581-204"
VERIFICATION = (
    "Hi support@desk.test,\n\nConfirm your email address to finish signing up.\n\n"
    f"Your verification code is {CODE}. It expires in 10 minutes.\n\nhttps://chat.test/verify?token=ab12\n"
)


def deliver(world: World) -> str:
    """The other service's letter, proved, as it comes; its outcome."""
    raw = raw_mail(
        f"Chat <{SERVICE}>", VERIFICATION, subject=f"{CODE} is your verification code", message_id="<verify@chat.test>"
    )
    return world.give(raw, sender=SERVICE).outcome


def test_only_admins_hear_of_a_verification_letter(world: World) -> None:
    """It is held, and its code stands in no letter to an agent who is none."""
    assert deliver(world) == "held"
    for job in ("tell-held", "tell-admins"):
        world.run(job)
    assert not any(CODE in told([x], x.recipient) for x in world.letters() if x.recipient != "root@desk.test")


def everything(world: World) -> list[str]:
    """All that goes to anybody outside, the clock's letters too."""
    for job in ("tell-held", "tell-admins"):
        world.run(job)
    letters = world.letters()
    return [told(letters, reader) for reader in sorted({x.recipient for x in outside(letters)})]


def test_a_verification_letter_is_answered_to_nobody(world: World) -> None:
    """The service's own address, which somebody else may claim tomorrow, hears nothing at all."""
    deliver(world)
    assert everything(world) == []


@pytest.mark.parametrize(
    "fields",
    [
        (("References", "<verify@chat.test>"), ("In-Reply-To", "<verify@chat.test>")),
        (("Reply-To", "eve@evil.test"),),
        (("Cc", "eve@evil.test"),),
        (),
    ],
    ids=["by its Message-ID", "with a Reply-To", "with a Cc", "by subject"],
)
@pytest.mark.parametrize("author", [EVE, SERVICE], ids=["as oneself", "as the service"])
def test_nobody_reads_it_by_mail(world: World, author: str, fields: tuple[tuple[str, str], ...]) -> None:
    """As oneself or in the service's name, before and after it came: its code leaves to nobody."""
    deliver(world)
    results = None if author == EVE else FAILED.format(domain="chat.test")
    raw = raw_mail(
        author, "What was my code?", subject="Re: is your verification code", headers=fields, proved=author == EVE
    )
    if results is not None:
        raw = f"Authentication-Results: {results}\r\n".encode() + raw
    world.give(raw, sender="eve@evil.test")
    assert not any(CODE in words for words in everything(world))
