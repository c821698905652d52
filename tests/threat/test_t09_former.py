"""T09: the address of somebody who was removed. What they write is flagged and told to agents alone; it brings nothing back."""

from __future__ import annotations

from tests.threat.correspondence import Conversation, readable, reply_address
from tests.threat.wire import Wire

SECRET = "sunflower-0909"


def test_a_removed_participants_address_only_deposits(wire: Wire) -> None:
    """Their proved reply with a Cc joins as `former`; neither of them gets a later answer."""
    ticket, sam, kim = Conversation(wire, "t09 former"), "sam@t09.test", "kim@t09.test"
    notice = ticket.opens("Hello both.", sam)
    ticket.answers(notice, "We look at it.")
    (letter,) = ticket.to(sam)
    ticket.answers(notice, f"#uncc {sam}")
    row = ticket.writes(sam, "Still here.", reply_address(letter), cc=kim, answers=letter)
    assert row["outcome"] == "entry"
    assert "former" in ticket.flags()
    ticket.answers(wire.letter("ana@desk.test", "Still here."), f"#send\n\nIt is {SECRET}.")
    assert ticket.people() == [ticket.requester]
    assert len(ticket.to(sam)) == 1
    assert ticket.to(kim) == []
    assert [x for x in ticket.to(ticket.requester) if SECRET in readable(x)], "the control"


def test_an_agent_brings_them_back(wire: Wire) -> None:
    """They get what is written from then on."""
    ticket, sam = Conversation(wire, "t09 back"), "sam@t09-back.test"
    notice = ticket.opens("Hello both.", sam)
    ticket.answers(notice, f"#uncc {sam}\n\nOne {SECRET}.")
    ticket.answers(notice, f"#cc {sam}\n\nTwo.")
    letters = ticket.to(sam)
    assert len(letters) == 1
    assert "Two." in readable(letters[0])
    assert SECRET not in readable(letters[0])
