"""T02: whoever was forwarded a letter holds its signed address. As the requester without proof, or as themselves, they write
something that agents see; they add nobody, read nothing, and become nobody of the ticket.
"""

from __future__ import annotations

import pytest

from tests.threat.correspondence import Conversation, readable, reply_address
from tests.threat.wire import Wire

SECRET = "sunflower-0202"


@pytest.mark.parametrize("who", ["the requester, unproved", "themselves, proved"])
def test_a_forwarded_letters_address_gives_nothing_away(wire: Wire, who: str) -> None:
    """Neither the writer nor whom they copy gets a letter with a word of the ticket, now or by the next answer."""
    ticket = Conversation(wire, f"t02 {who.partition(',')[0]}")
    name = ticket.name.replace(" ", "-")
    eve, friend = f"eve@{name}.test", f"friend@{name}.test"
    notice = ticket.opens(f"My code is {SECRET}.")
    ticket.answers(notice, f"We keep {SECRET}.")
    real = wire.letter(ticket.requester, "We keep")
    is_eve = who.startswith("themselves")
    author = eve if is_eve else ticket.requester
    ticket.writes(author, "What was it?", reply_address(real), cc=friend, proved=is_eve, answers=real)
    assert ("stranger" if is_eve else "unverified") in ticket.flags()
    ticket.answers(wire.letter("ana@desk.test", "What was it?"), f"#send\n\nIt is {SECRET}.")
    assert ticket.people() == [ticket.requester]
    assert ticket.to(eve) == ticket.to(friend) == []
    assert [x for x in ticket.to(ticket.requester) if f"It is {SECRET}" in readable(x)], "the control"
