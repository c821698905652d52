"""T05: our own letters that come back are kept beside with their cause: no ticket, no entry, not a word to anybody."""

from __future__ import annotations

import pytest

from tests.threat.wire import Wire, mail

WAYS = (
    "to the mailbox",
    "to its own reply address",
    "with the null sender",
    "with another Message-ID",
    "without our marks",
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["a confirmation", "a notice", "an answer"])
def test_a_letter_that_comes_back_is_held(wire: Wire, kind: str, way: str) -> None:
    """Whoever sends it back, by whatever address, with one of its marks left: held as a loop, and nothing leaves."""
    name = f"t05 {kind} {way}"
    requester = f"{name.replace(' ', '.')}@client.test"
    wire.gives(mail(name, author=requester), sender=requester)
    if kind == "an answer":
        notice = wire.letter("ana@desk.test", name)
        answer = mail(f"Re {name}", b"We look at it.", author="ana@desk.test")
        reply_to = str(notice.header("Reply-To")).rpartition("<")[2].rstrip(">")
        wire.gives(answer, reply_to, sender="ana@desk.test")
        letter = wire.letter(requester, "We look at it.")
    else:
        letter = wire.letter(requester if kind == "a confirmation" else "ana@desk.test", name)
    raw = letter.raw
    message_id = str(letter.header("Message-ID")).encode()
    if way == "with another Message-ID":
        raw = raw.replace(message_id, b"<rewritten@relay.test>", 1)
    if way == "without our marks":
        head, _, body = raw.partition(b"\r\n\r\n")
        raw = b"\r\n".join(x for x in head.split(b"\r\n") if not x.lower().startswith(b"x-")) + b"\r\n\r\n" + body
    to = str(letter.header("Reply-To")).rpartition("<")[2].rstrip(">") if way == "to its own reply address" else ""
    before = len(wire.left())
    tickets = len(wire.rows("SELECT id FROM tickets"))
    entries = len(wire.rows("SELECT id FROM entries"))
    row = wire.gives(raw, *([to] if to else []), sender="" if way == "with the null sender" else letter.recipient)
    assert (row["outcome"], row["cause"]) == ("held", "loop"), row
    assert len(wire.left()) == before
    assert len(wire.rows("SELECT id FROM tickets")) == tickets
    assert len(wire.rows("SELECT id FROM entries")) == entries
