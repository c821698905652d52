"""T76: a report that nobody's relay wrote silences no customer and stops no letter."""

from __future__ import annotations

from datetime import timedelta

from tests.desk.test_customers import bounce_of
from tests.desk.world import World, only

LEA = "Lea Martin <lea@client.test>"


def test_a_made_up_report_does_nothing(world: World) -> None:
    """Without a signed address and without a letter of ours in it, it is kept and ignored."""
    world.write(LEA)
    world.letters()
    head = b"Message-ID: <made.up@desk.test>\r\nSubject: x\r\n\r\n"
    assert world.give(bounce_of(head, "lea@client.test"), sender="").outcome == "ignored"
    assert world.letters() == []


def test_an_old_letters_id_alone_silences_nobody(world: World) -> None:
    """Whoever kept a confirmation forges its report after a week: its customer is confirmed to as before."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.now += timedelta(days=7)
    world.give(bounce_of(confirmation.raw, "lea@client.test"), sender="")
    world.letters()
    world.write(LEA, subject="Another matter")
    assert only(world.letters(), "confirmation", "lea@client.test")


def test_a_signed_address_takes_reports_of_its_own_letter(world: World) -> None:
    """The real report counts once; told again it is told to nobody."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    raw = bounce_of(confirmation.raw, "lea@client.test")
    world.give(raw, confirmation.envelope_from, sender="")
    assert {x.notice for x in world.letters()} == {"undelivered"}
    world.give(raw.replace(b"<b@client.test>", b"<b2@client.test>"), confirmation.envelope_from, sender="")
    assert world.letters() == []
