"""T20: a forged agent's mail is nobody's act. Without the agent's own token it joins nothing as theirs; with one, but without
proof, it stays internal and the real agent is asked once an hour. Nothing of it goes to the customer, on the wire.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.servers.desk import plain_mail
from tests.threat.kit import ANA, mutants, opened, outside, raw_mail, reply_to, texts, ticket_row, token_of
from tests.threat.wire import Wire

WORDS = "#solved\n\nPay to the account of Eve."
FORGED = "Authentication-Results: mx.desk.test; dmarc=fail header.from=desk.test"
UNKNOWN = "Authentication-Results: mx.desk.test; dmarc=none header.from=desk.test"


def forged(results: str, to: str, references: str = "", number: int = 1) -> bytes:
    """A mail in Ana's name that a mail server has looked at."""
    fields = [("Message-ID", f"<f{number}@evil.test>"), *([("References", references)] if references else [])]
    return f"{results}\r\n".encode() + raw_mail(ANA, WORDS, to=to, headers=fields, proved=False)


@pytest.mark.parametrize("results", [FORGED, UNKNOWN], ids=["forged", "unknown"])
@pytest.mark.parametrize("path", ["signed address", "Message-ID", "both"])
def test_a_forged_agent_with_a_real_token_changes_nothing(world: World, results: str, path: str) -> None:
    """Whoever holds a forwarded notice writes in its reader's name: the customer hears nothing, no command is done."""
    first = opened(world)
    before = ticket_row(world)
    to = "support@desk.test" if path == "Message-ID" else reply_to(first.notice)
    references = "" if path == "signed address" else str(first.notice.message["Message-ID"])
    world.give(forged(results, to, references), to, sender="eve@evil.test")
    assert ticket_row(world) == before
    assert outside(world.letters()) == []


def test_the_real_agent_is_asked_once_an_hour(world: World) -> None:
    """Twenty forged mails are one letter to Ana."""
    first = opened(world)
    to = reply_to(first.notice)
    for number in range(20):
        world.give(forged(UNKNOWN, to, number=number), to, sender="eve@evil.test")
    assert [x.recipient for x in world.letters()] == ["ana@desk.test"]


def test_no_mutant_of_an_agents_address_is_an_agents(world: World) -> None:
    """992 addresses that differ in one character, and every byte of the notice's Message-ID."""
    first = opened(world)
    before = ticket_row(world), texts(world)
    token, message_id = token_of(reply_to(first.notice)), str(first.notice.message["Message-ID"])
    for wrong in mutants(token):
        assert world.directory.recipient(f"support+{wrong}@desk.test", "ana@desk.test", True).token is None
    for place in range(3, 35):
        wrong_id = f"{message_id[:place]}{'a' if message_id[place] != 'a' else 'b'}{message_id[place + 1 :]}"
        raw = raw_mail(ANA, WORDS, headers=[("In-Reply-To", wrong_id), ("Message-ID", f"<m{place}@desk.test>")])
        world.give(raw, sender="ana@desk.test")
    assert (ticket_row(world), texts(world)) == before
    assert {x.recipient for x in outside(world.letters())} <= {"ana@desk.test"}


def test_a_forged_agent_on_the_wire(wire: Wire) -> None:
    """The real daemon: the notice's own address and Message-ID in a mail that Ana's domain disowns; the relay is silent."""
    raw = plain_mail("t20 on the wire", author="Tess <t20@client.test>", message_id="<t20@client.test>")
    assert wire.gives(raw, sender="t20@client.test")["outcome"] == "ticket"
    notice = wire.letter("ana@desk.test", "t20 on the wire")
    assert wire.letter("t20@client.test")
    to, message_id = notice.header("Reply-To"), notice.header("Message-ID")
    assert to is not None
    assert message_id is not None
    row = wire.gives(forged(FORGED, to, message_id, 20), to, sender="eve@evil.test")
    (ticket,) = wire.rows("SELECT state, assignee FROM tickets WHERE id = ?", row["ticket_id"] or 0) or [{}]
    assert ticket.get("state", "new") == "new"
    assert ticket.get("assignee") is None
    told = [x for x in wire.left() if b"account of Eve" in x.raw]
    assert {x.recipient for x in told} <= {"ana@desk.test"}
