"""Settling: one transaction, numbers without holes, and letters whose every header is as promised."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from pathlib import Path

import pytest

from maildesk.config import Mailbox, Relay, Trust
from maildesk.desk.model import LetterPlan, Ticket
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from maildesk.mail.token import Purpose
from maildesk.owing import Owing
from maildesk.store import ledger
from maildesk.store.sqlite import Kind, Tx
from tests.desk.world import World, only

LEA = "Lea Martin <lea@client.test>"


class HalfWay(Owing):
    """Raises after the ticket and the first letter are written."""

    fails = True

    def owe(
        self,
        tx: Tx,
        plan: LetterPlan,
        ticket: Ticket | None,
        now: datetime,
        *,
        mail_id: int | None = None,
        hops: int = 0,
    ) -> int:
        found = super().owe(tx, plan, ticket, now, mail_id=mail_id, hops=hops)
        if self.fails and plan.notice == "new":
            raise RuntimeError("half-way")
        return found


def test_numbers_have_no_holes(world: World) -> None:
    """A settlement that raises half-way leaves no number, ticket, entry or letter behind; the next one has them."""
    raw = b"From: lea@client.test\r\nSubject: s\r\nMessage-ID: <s@client.test>\r\n\r\nhello\r\n"
    settler, owing = world.settler, HalfWay(world.directory, world.settler.owing._renderer)
    settler.owing = owing
    envelope = Envelope("smtp", "127.0.0.1", "lea@client.test", ("support@desk.test",), world.now)
    (mail_id,) = world.store.write(lambda tx: ledger.add_mails(tx, raw, envelope, ("support@desk.test",))).result()

    def settle(_: object = None) -> object:
        job = lambda tx: settler.settle(tx, mail_id, understand(raw), world.now)  # noqa: E731
        return world.store.write(job, Kind.SETTLE).exception()

    assert isinstance(settle(), RuntimeError)
    assert world.letters() == []
    owing.fails = False
    world.write("noe@client.test", subject="in between")
    assert world.ticket(50031).subject == "in between"
    assert settle() is None
    assert world.ticket(50032).subject == "s"
    assert settle() is None
    letters = [x for x in world.letters() if x.recipient == "lea@client.test"]
    assert len(letters) == 1


def test_message_ids_have_one_shape(world: World) -> None:
    """Kind, token, digest, our id; 76 octets or so; all different; each says ticket and reader."""
    world.write(LEA)
    letters = world.letters()
    world.write("ana@desk.test", "Use water.\n", answers=only(letters, "new", "ana@desk.test"))
    letters += world.letters()
    ids = [str(x.message["Message-ID"]) for x in letters]
    kinds = {x.notice: i[1] for x, i in zip(letters, ids, strict=True)}
    assert kinds == {"confirmation": "c", "new": "n", "answer": "r", "taken": "n"}
    assert len(set(ids)) == len(ids)
    for text in ids:
        assert re.fullmatch(r"<[cnr]\.[a-z2-7]{32}\.[a-z2-7]{26}@desk\.test>", text)


def test_references_begin_with_the_anchor(world: World) -> None:
    """Every letter of a ticket: the anchor, our last letter to the same person, the mail that is answered."""
    world.write(LEA)
    first = world.letters()
    confirmation, notice = only(first, "confirmation"), only(first, "new", "ana@desk.test")
    anchor = str(confirmation.message["References"]).split()[0]
    assert anchor.startswith("<t.")
    assert str(notice.message["References"]).split() == [anchor]
    world.write("ana@desk.test", "Use water.\n", answers=notice)
    answer = only(world.letters(), "answer")
    theirs = "<1.1795370400@client.test>"
    assert str(answer.message["References"]).split() == [anchor, str(confirmation.message["Message-ID"]), theirs]
    assert answer.message["In-Reply-To"] == "<1.1795370400@client.test>"


@pytest.mark.parametrize(
    ("bounce", "form", "expected"),
    [
        ("signed", "plus", r"support\+[a-z2-7]{32}@desk\.test"),
        ("signed", "minus", r"support-[a-z2-7]{32}@desk\.test"),
        ("signed", "domain:reply.desk.test", r"[a-z2-7]{32}@reply\.desk\.test"),
        ("signed", "none", r"support@desk\.test"),
        ("mailbox", "plus", r"support@desk\.test"),
        ("null", "plus", r""),
    ],
)
def test_envelope_senders_and_reply_addresses(tmp_path: Path, bounce: str, form: str, expected: str) -> None:
    """relay.bounce and reply_address decide; whatever is signed says the ticket, and another slot for each reader."""
    world = World(
        tmp_path,
        relay=Relay(host="127.0.0.1", bounce=bounce),  # type: ignore[arg-type]
        mailboxes=(Mailbox(address="support@desk.test", name="Desk Support", reply_address=form),),
    )
    world.write(LEA)
    for letter in world.letters():
        assert re.fullmatch(expected, letter.envelope_from)
        reply_to = str(letter.message["Reply-To"])
        if form == "none":
            assert reply_to == "support@desk.test"
            continue
        path = Purpose.CUSTOMER_REPLY if letter.notice == "confirmation" else Purpose.AGENT_REPLY
        found = world.directory.recipient(reply_to, "lea@client.test", False)
        assert found.token is not None
        assert found.token.purpose is path
        assert found.token.ticket_id == world.ticket().id
        if bounce == "signed":
            token = world.directory.recipient(letter.envelope_from, "", False).token
            assert token is not None
            assert token.purpose is Purpose.BOUNCE
    world.close()


def test_one_recipient_and_a_bare_to(world: World) -> None:
    """To is the one address without a name; From names who it is from."""
    world.write(LEA)
    for letter in world.letters():
        (to,) = letter.message["To"].addresses
        assert to == Address(addr_spec=letter.recipient)
        assert letter.message["Cc"] is letter.message["Bcc"] is None


def test_a_thread_topic_only_for_who_is_proved(world: World) -> None:
    """Outlook's name of a thread is the subject; an unproved address gets no word of it."""
    world.write(LEA)
    assert only(world.letters(), "confirmation").message["Thread-Topic"] == "Printer on fire"
    world.write(LEA, results=None, subject="Other")
    assert only(world.letters(), "confirmation-unproved").message["Thread-Topic"] is None


MARK = "Zaubermarke"


def _hostile(place: str) -> bytes:
    """A mail with a marker in one place, the rest plain."""
    fields = {
        "Authentication-Results": "mx.evil.test; none",
        "From": "lea@client.test",
        "To": "support@desk.test",
        "Subject": "s",
        "Message-ID": "<plain@client.test>",
        "Date": "Sun, 22 Nov 2026 18:00:00 +0000",
        "Content-Language": "en",
        "Content-Type": "text/plain; charset=utf-8",
    }
    body = "hello\r\n"
    if place == "name":
        fields["From"] = f'"{MARK} <b>{MARK}</b>" <lea@client.test>'
    elif place == "body":
        body = f"{MARK}\r\n"
    elif place == "attachment":
        fields["Content-Type"] = f'application/pdf; name="{MARK}.pdf"'
    elif place == "html":
        fields["Content-Type"], body = "text/html", f"<p>{MARK}</p>"
    elif place == "Message-ID without @":
        fields["Message-ID"] = f"<{MARK}>"
    elif place == "long Message-ID":
        fields["Message-ID"] = f"<{MARK}{'a' * 260}@client.test>"
    elif place == "broken Message-ID":
        fields["Message-ID"] = f"<{MARK}@click@client.test> ({MARK})"
    else:
        fields[place] = f"{MARK} <{MARK}@client.test>" if place in ("Reply-To", "Cc", "To", "Sender") else f"{MARK}"
    return "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n" + body.encode()


PLACES = (
    "name", "body", "attachment", "html", "Subject", "Date", "To", "Cc", "Reply-To", "Sender", "Content-Language", "Keywords",
    "Thread-Topic", "Thread-Index", "Comments", "Organization", "X-Mailer", "List-Subscribe", "In-Reply-To", "References",
    "X-Maildesk-Desk", "X-Maildesk-Hops", "Message-ID without @", "long Message-ID", "broken Message-ID",
    "Authentication-Results",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_word_of_an_unproved_sender(world: World, place: str) -> None:
    """THREATS T72: whatever they wrote, wherever, none of it is in the letter to them."""
    world.give(_hostile(place), sender="lea@client.test")
    letter = only(world.letters(), "confirmation-unproved", "lea@client.test")
    assert MARK.casefold() not in letter.raw.decode().casefold()
    decoded = "".join([letter.text, *map(str, letter.message.values()), str(letter.message.get_body(("html",)))])
    assert MARK.casefold() not in decoded.casefold()


def test_a_well_formed_message_id_stands_in_the_references_alone(world: World) -> None:
    """So that the letter threads: In-Reply-To and References hold it, nothing else does."""
    raw = _hostile("body").replace(b"plain@", MARK.encode() + b"@")
    world.give(raw, sender="lea@client.test")
    letter = only(world.letters(), "confirmation-unproved")
    assert letter.message["In-Reply-To"] == f"<{MARK}@client.test>"
    assert letter.raw.count(MARK.encode()) == 2


@pytest.mark.parametrize(
    ("author", "is_written_to"),
    [
        ('"é"@client.test', True),
        ('"é b"@client.test', False),
        ("\ufeffa@client.test", False),
        ('"a b"@client.test', True),
        ("a@ä.test", True),
    ],
)
@pytest.mark.parametrize("results", ["mx.desk.test; dmarc=pass header.from={}", "mx.evil.test; none"])
def test_an_address_that_cannot_be_written_to_costs_the_confirmation_alone(
    world: World, author: str, is_written_to: bool, results: str
) -> None:
    """Whoever may be believed has a ticket, and the agents hear of it; `why` says what no letter could be addressed to."""
    results = results.format(author.rpartition("@")[2])
    raw = f"Authentication-Results: {results}\r\nFrom: <{author}>\r\nMessage-ID: <a@x.test>\r\nSubject: s\r\n\r\nhello\r\n"
    assert world.give(raw.encode()).outcome == "ticket"
    letters = world.letters()
    assert any(x.kind == "confirmation" for x in letters) is is_written_to
    assert sum(x.notice == "new" for x in letters) == 2
    assert ("valid address" in world.why()) is not is_written_to


def test_an_unproved_agents_act_is_flagged(tmp_path: Path) -> None:
    """Where the token alone is proof, the entry still says that its author was not proved."""
    world = World(tmp_path, trust=Trust(agent_proof="token"))
    world.write(LEA, results=None)
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write("ana@desk.test", "Use water.\n", answers=notice, results=None)
    only(world.letters(), "answer", "lea@client.test")
    assert world.entries()[-1] == ("agent", "Use water.", ("unverified",))
    world.close()
