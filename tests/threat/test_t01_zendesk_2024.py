"""T01: the attack that read whole tickets of Zendesk's customers in 2024. A forged reply of the requester's with the attacker
in Cc adds nobody, and nothing of the ticket leaves, whatever address it is sent to.
"""

from __future__ import annotations

from tests.threat.correspondence import Conversation, flipped, readable, reply_address
from tests.threat.wire import Wire

SECRET = "sunflower-0101"


def test_zendesk_2024(wire: Wire) -> None:
    """As published: to the base address with the number, to an address with one bit flipped, and with the real one."""
    ticket, eve = Conversation(wire, "t01 zendesk"), "eve@t01.test"
    notice = ticket.opens(f"My code is {SECRET}.")
    ticket.answers(notice, f"We keep {SECRET}.")
    real = reply_address(wire.letter(ticket.requester, "We keep"))
    before = len(wire.left())
    numbered = f"forged [#{ticket.number()}]"
    for to in ("support@desk.test", flipped(real), real):
        row = ticket.writes(ticket.requester, f"{numbered} Please add my colleague.", to, cc=eve, proved=False)
        assert eve in row["why"], "it says that the copy was refused"
    left = wire.left()[before:]
    assert not [letter for letter in left if eve in letter.recipients]
    assert ticket.people() == [ticket.requester]
    # Of what went out since, agents alone have words of the ticket.
    assert not [x for x in left if x.recipients != ("ana@desk.test",) and SECRET in readable(x)]
    ticket.answers(notice, f"Once more: {SECRET}.")
    assert ticket.to(eve) == []
    assert len(ticket.to(ticket.requester)) >= 2, "the control: answers go to the requester"


def test_the_log_counts_and_names_nobody(wire: Wire) -> None:
    """cc_refused=1 stands in the line of the mail; no address does."""
    ticket, eve = Conversation(wire, "t01 log"), "eve@t01-log.test"
    ticket.opens("Hello.")
    ticket.writes(ticket.requester, "And my colleague.", "support@desk.test", cc=eve, proved=False)
    log = (wire.desk.folder / "log").read_text()
    assert "cc_refused=1" in log
    assert eve not in log
