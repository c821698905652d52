"""T80: no letter to a customer names another one: not in a field, not in a part, not in a Message-ID it answers."""

from __future__ import annotations

from tests.threat.correspondence import Conversation, readable, reply_address
from tests.threat.wire import Wire


def test_two_customers_on_one_ticket(wire: Wire) -> None:
    """Each has written and each has read; neither letter holds the other's address or domain."""
    ticket, sam = Conversation(wire, "t80 two"), "sam@t80-friend.test"
    notice = ticket.opens("Hello both.", sam)
    ticket.answers(notice, "We look at it.")
    (letter,) = ticket.to(sam)
    ticket.writes(sam, "Thank you.", reply_address(letter), answers=letter)
    ticket.answers(wire.letter("ana@desk.test", "Thank you."), "You are welcome.")
    assert len(ticket.to(sam)) == 2
    for one in ticket.to(sam):
        assert one.header("To") == sam
        assert one.header("Cc") is None
        assert "client.test" not in readable(one)
        assert "ana@desk.test" not in readable(one)
    for one in ticket.to(ticket.requester):
        assert one.header("To") == ticket.requester
        # The requester put them there, and is told so once.
        assert ("t80-friend" in readable(one)) == ("Copied:" in readable(one))
