"""Which ticket a mail belongs to: the order of evidence, conflicts, hostile references."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.config import Config, Desk, Mailbox, Relay
from maildesk.desk.directory import Directory, Recipient
from maildesk.desk.evidence import Evidence, find, near, numbers_in
from maildesk.desk.model import Facts, SentLetter, Ticket
from maildesk.desk.questions import needed
from maildesk.mail.model import Envelope, Mail
from maildesk.mail.parse import understand
from maildesk.mail.token import Keyring, Purpose, anchor, make_message_id
from tests.desk.world import World, only

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
RING = Keyring("desk.test", 0, {0: bytes(range(32))})
DESK = Directory(
    Config(desk=Desk(name="D"), mailbox=(Mailbox(address="support@desk.test"),), relay=Relay(host="127.0.0.1")), RING
)
SUPPORT = DESK.config.mailbox[0]


def ticket(ticket_id: int) -> Ticket:
    return Ticket(
        ticket_id, 50030 + ticket_id, "s", "open", "normal", SUPPORT.address, "en", None, None, (), (), AT, AT
    )


ONE, TWO = ticket(1), ticket(2)


def signed(ticket_id: int, purpose: Purpose = Purpose.CUSTOMER_REPLY, slot: int = 1) -> Recipient:
    return Recipient(SUPPORT, RING.verify(RING.sign(purpose, ticket_id, slot), purpose))


def letter_id(ticket_id: int, purpose: Purpose = Purpose.MESSAGE_ID) -> str:
    return make_message_id(RING, "n", ticket_id, 3, ticket_id, purpose)


def evidence(mail: Mail, *recipients: Recipient, known: tuple[tuple[str, int], ...] = ()) -> Evidence:
    letters = tuple(SentLetter(i, "notice", "new", i, 3, "ana@desk.test", letter_id(i), 0) for i in (1, 2))
    return find(mail, recipients, Facts(AT, SUPPORT.address, (ONE, TWO), known=known, letters=letters), DESK)


def test_the_strongest_counts() -> None:
    """Signed address before signed Message-ID before a known Message-ID before the number in the subject."""
    everything = Mail(subject="Re: [#50032] s", references=("<a@client.test>", letter_id(1)))
    known = (("<a@client.test>", 2),)
    assert evidence(everything, signed(1), known=known).level == "signed-address"
    assert (evidence(everything, known=known).level, evidence(everything, known=known).ticket) == ("signed-id", ONE)
    foreign = Mail(subject="Re: [#50031] s", references=("<a@client.test>",))
    assert (evidence(foreign, known=known).level, evidence(foreign, known=known).ticket) == ("known-id", TWO)
    assert (evidence(foreign).level, evidence(foreign).ticket) == ("subject", ONE)
    assert evidence(Mail(subject="s")).level == "none"


def test_a_signed_address_names_whose_it_is() -> None:
    """Its slot and its path, and the letter that the mail answers."""
    found = evidence(Mail(references=(letter_id(1),)), signed(1, Purpose.AGENT_REPLY, 4))
    assert (found.slot, found.is_agent_path) == (4, True)
    assert found.answered is not None
    assert found.answered.ticket_id == 1
    assert evidence(Mail(), signed(1)).is_agent_path is False


@pytest.mark.parametrize(
    ("references", "recipients"),
    [((), (signed(1), signed(2))), ((letter_id(2),), (signed(1),)), ((anchor(RING, 2),), (signed(1, Purpose.AGENT_REPLY),))],
)  # fmt: skip
def test_two_tickets_in_one_mail_prove_neither(references: tuple[str, ...], recipients: tuple[Recipient, ...]) -> None:
    """The envelope says which, but nobody is its addressee, nor an agent on a signed path; `why` says so."""
    found = evidence(Mail(references=references), *recipients)
    assert (found.level, found.ticket, found.slot, found.is_agent_path) == ("known-id", ONE, None, False)
    assert "#50032" in " ".join(found.why)


def test_an_older_letter_of_another_ticket_is_no_conflict() -> None:
    """A follow-up's references name the old ticket too; the newest of our letters is the thread's."""
    found = evidence(Mail(references=(letter_id(1), "<x@client.test>", letter_id(2))), signed(2))
    assert (found.level, found.ticket) == ("signed-address", TWO)


def test_an_unknown_ticket_is_no_evidence() -> None:
    """A token of a ticket that the store does not have, in the address or a reference: as if it were not there."""
    assert evidence(Mail(), signed(99)).level == "none"
    assert evidence(Mail(references=(anchor(RING, 99),))).level == "none"
    assert evidence(Mail(references=(anchor(RING, 99),)), signed(99), signed(2)).ticket == TWO


def test_a_bounce_address_is_no_way_in() -> None:
    """A person's mail to a bounce address has no evidence by it."""
    assert evidence(Mail(), signed(1, Purpose.BOUNCE)).level == "none"


def test_the_anchor_alone_is_enough() -> None:
    """What relays leave of our Message-IDs: the anchor names the ticket and nobody's slot."""
    found = evidence(Mail(references=(anchor(RING, 1),)))
    assert (found.level, found.ticket, found.slot) == ("signed-id", ONE, None)


def test_other_purposes_and_forgeries_in_references() -> None:
    """A customer's reply token or a changed signature in a Message-ID is a foreign id."""
    for text in (letter_id(1, Purpose.CUSTOMER_REPLY), letter_id(1).replace("@desk.test", "@evil.test")):
        assert evidence(Mail(references=(text,))).level == "none"
    whole = letter_id(1)
    assert evidence(Mail(references=(whole[:8] + ("a" if whole[8] != "a" else "b") + whole[9:],))).level == "none"


@pytest.mark.parametrize(
    ("subject", "numbers"),
    [("Re: [#5] [#5] x", (5,)), ("[#1] [#2]", (1, 2)), ("#5", ()), ("[# 5]", ()), ("[#٥]", ()), ("[#5", ()),
     ("[#" + "9" * 30 + "]", ()), (" ".join(f"[#{n}]" for n in range(9)), (0, 1, 2, 3, 4))],
)  # fmt: skip
def test_numbers_in_a_subject(subject: str, numbers: tuple[int, ...]) -> None:
    """Only our tag, ASCII digits, each once, a handful."""
    assert numbers_in(subject) == numbers


@given(st.lists(st.integers(), max_size=60, unique=True))
def test_the_references_that_are_looked_at(ids: list[int]) -> None:
    """The first and the last twenty, in order, each once."""
    references = tuple(f"<{i}@client.test>" for i in ids)
    seen = near(references)
    assert len(seen) <= 21
    assert seen[:1] == references[:1]
    assert seen[-20:] == references[-20:]


def test_five_thousand_references_take_no_time(world: World) -> None:
    """A mail with 5,000 references is asked about in under 50 ms, and its own thread is still found."""
    world.write("lea@client.test")
    confirmation = only(world.letters(), "confirmation")
    ids = [f"<{n}.filler@client.test>" for n in range(5000)]
    ids.insert(0, str(confirmation.message["Message-ID"]))
    raw = (
        "Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: lea@client.test\r\n"
        "Subject: more\r\nReferences: " + "\r\n ".join(ids) + "\r\n\r\nMore.\r\n"
    ).encode()
    mail = understand(raw)
    begin = time.perf_counter()
    questions = needed(mail, Envelope("smtp", "", "lea@client.test", ("support@desk.test",), AT), world.directory)
    assert time.perf_counter() - begin < 0.05
    assert len(questions.foreign_ids) <= 21
    begin = time.perf_counter()
    world.give(raw)
    assert time.perf_counter() - begin < 0.5
    assert len(world.entries()) == 2


def test_an_agents_act_needs_one_ticket(world: World) -> None:
    """An answer to the notice of one ticket, sent to the signed address of another, goes to no customer."""
    world.write("lea@client.test")
    one = only(world.letters(), "new", "ana@desk.test")
    world.write("noe@client.test", subject="Other matter")
    two = only(world.letters(), "new", "ana@desk.test")
    world.write("ana@desk.test", "For Noe.\n", answers=two, to=(str(one.message["Reply-To"]),))
    assert [x for x in world.letters() if x.notice == "answer"] == []
    assert world.entries()[-1][0] == "note"
