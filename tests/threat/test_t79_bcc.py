"""T79: a Bcc field that some program left in its mail is shown to nobody and adds nobody; a blind copy to the desk is noted."""

from __future__ import annotations

from tests.threat.correspondence import Conversation, readable
from tests.threat.wire import Wire, mail


def test_bcc_is_shown_to_nobody(wire: Wire) -> None:
    """Not to the agents who are told, not to the requester, not in later answers."""
    ticket, hidden = Conversation(wire, "t79 bcc"), "hidden@t79.test"
    raw = mail(ticket.name, b"Hello.", author=ticket.requester, fields=f"Bcc: {hidden}\r\n".encode())
    wire.gives(raw, sender=ticket.requester)
    ticket.answers(wire.letter("ana@desk.test", ticket.name), "An answer.")
    assert ticket.people() == [ticket.requester]
    assert not [x for x in wire.left() if hidden in readable(x) or hidden in x.recipients]


def test_a_blind_copy_to_the_desk_is_noted_and_adds_nobody(wire: Wire) -> None:
    """Whom the mail was written to does not see a desk; they do not join it."""
    ticket, friend = Conversation(wire, "t79 blind"), "friend@t79.test"
    raw = mail(ticket.name, b"Hello.", author=ticket.requester).replace(
        b"To: support@desk.test", f"To: {friend}".encode()
    )
    row = wire.gives(raw, sender=ticket.requester)
    assert "blind copy" in row["why"]
    ticket.answers(wire.letter("ana@desk.test", ticket.name), "An answer.")
    assert ticket.people() == [ticket.requester]
    assert ticket.to(friend) == []
