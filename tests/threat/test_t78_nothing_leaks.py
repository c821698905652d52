"""T78: no letter holds a word that its reader must not have. Marks in notes, in other tickets, in other participants' entries and
in Bcc are looked for in every letter that left, bytes and decoded.
"""

from __future__ import annotations

from tests.threat.correspondence import Conversation, readable, reply_address
from tests.threat.wire import Wire

NOTE, OTHER, LEAS, SAMS, BLIND = "marknote78", "markother78", "marklea78", "marksam78", "markblind78"


def test_an_answer_that_quotes_everything_leaks_nothing(wire: Wire) -> None:
    """The agent quotes all marks between their words: each reader gets their own and the answers."""
    other = Conversation(wire, "t78 other")
    other.opens(f"{OTHER} is my matter.")
    ticket, sam = Conversation(wire, "t78 one"), "sam@t78.test"
    notice = ticket.opens(f"{LEAS} is my matter.", sam)
    ticket.answers(notice, f"#note\n{NOTE} stays inside.")
    ticket.answers(notice, "Everybody knows this.")
    (letter,) = ticket.to(sam)
    ticket.writes(sam, f"{SAMS} is my matter.", reply_address(letter), answers=letter)
    ticket.writes("blind@t78.test", f"{BLIND} by a stranger.", reply_address(letter), answers=letter)
    quoted = "\n".join(
        f"> {line}"
        for line in (
            f"{LEAS} is my matter.",
            f"{SAMS} is my matter.",
            f"{OTHER} is my matter.",
            f"{NOTE} stays inside.",
            f"{BLIND} by a stranger.",
            "Everybody knows this.",
        )
    )
    for turn in ("first", "second"):
        ticket.answers(notice, f"#send\n\nYou wrote:\n\n{quoted}\n\nThe {turn} end.")
    marks = {ticket.requester: {LEAS}, sam: {SAMS}, other.requester: set()}
    for reader, own in marks.items():
        found = "\n".join(readable(x) for x in ticket.to(reader))
        assert {m for m in (NOTE, OTHER, LEAS, SAMS, BLIND) if m in found} == own, reader
    both = ["\n".join(readable(x) for x in ticket.to(reader)) for reader in (ticket.requester, sam)]
    assert all("> Everybody knows this." in one and "The second end." in one for one in both), "the control"


def test_a_letter_has_one_recipient(wire: Wire) -> None:
    """One RCPT each, and no Bcc field in anything that ever left."""
    ticket = Conversation(wire, "t78 each")
    ticket.answers(ticket.opens("Hello all.", "a@t78-each.test", "b@t78-each.test"), "One each.")
    letters = wire.left()
    assert all(len(letter.recipients) == 1 for letter in letters)
    assert not [letter for letter in letters if letter.header("Bcc") is not None]
