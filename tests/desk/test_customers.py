"""What a customer's mail does: tickets, joins, states, confirmations. Laws of INTERFACE-level behaviour on real bytes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from maildesk.config import Mailbox, Trust
from tests.desk.world import FAILED, World, only

LEA = "Lea Martin <lea@client.test>"


def test_a_proved_mail_is_a_ticket_with_their_subject_in_its_confirmation(world: World) -> None:
    """A new mail gets the next number; the confirmation threads under it and lists what arrived; all agents are told."""
    world.write(LEA, attachments=(("plan.pdf", b"x" * 2048),))
    letters = world.letters()
    confirmation = only(letters, "confirmation", "lea@client.test")
    assert confirmation.message["Subject"] == "Re: [#50031] Printer on fire"
    assert confirmation.message["In-Reply-To"] == "<1.1795370400@client.test>"
    assert confirmation.message["References"].split()[0].startswith("<t.")
    assert confirmation.message["Auto-Submitted"] == "auto-replied"
    assert confirmation.message["X-Auto-Response-Suppress"] == "All"
    assert confirmation.message["Precedence"] is None
    assert "plan.pdf" in confirmation.text
    assert {x.recipient for x in letters if x.notice == "new"} == {"ana@desk.test", "ben@desk.test"}
    assert only(letters, "new", "ana@desk.test").message["From"].startswith('"Lea Martin via Desk Support"') or str(
        only(letters, "new", "ana@desk.test").message["From"]
    ).startswith("Lea Martin via Desk Support")
    ticket = world.ticket()
    assert (ticket.state, ticket.subject, ticket.assignee) == ("new", "Printer on fire", None)
    assert world.entries()[0][2] == ()


def test_an_attachment_too_large_for_a_notice_is_named(world: World) -> None:
    """What fits travels with the notice; what does not is named as kept."""
    world.write(LEA, attachments=(("small.txt", b"x"), ("huge.bin", bytes(16_000_000))))
    notice = only(world.letters(), "new", "ana@desk.test")
    assert [a.get_filename() for a in notice.message.iter_attachments()] == ["small.txt"]
    assert "too large" in next(line for line in notice.text.splitlines() if "huge.bin" in line)
    assert "too large" not in next(line for line in notice.text.splitlines() if "small.txt" in line)


def test_an_unproved_mail_gets_fixed_text(world: World) -> None:
    """No word of theirs goes back to an address that nobody proved, and the entry is flagged."""
    world.write('"Marker Name" <lea@client.test>', "Marker words.\n", subject="Marker subject", results=None)
    letter = only(world.letters(), "confirmation-unproved", "lea@client.test")
    assert letter.message["Subject"] == "[#50031] Example Support"
    assert b"Marker" not in letter.raw
    assert world.entries()[0][2] == ("unverified",)


def test_a_failed_author_is_quiet(world: World) -> None:
    """A mail whose domain disowns it is a flagged ticket, and nothing at all is written to anybody."""
    world.write(LEA, results=FAILED)
    assert world.letters() == []
    assert world.entries()[0][2] == ("unverified", "auth-fail")


def test_two_authors_are_nobody(world: World) -> None:
    """With two mailboxes in From nobody is believed: a ticket without requester, quiet."""
    world.give(b"From: a@client.test, b@evil.test\r\nTo: support@desk.test\r\nSubject: x\r\n\r\nhello\r\n")
    assert world.ticket().requester is None
    assert world.entries()[0][2] == ("ambiguous-author",)
    assert world.letters() == []


def test_results_of_a_foreign_server_count_nothing(world: World) -> None:
    """Authentication-Results of an id that is not configured, or below a foreign Received, prove nothing."""
    world.write(LEA, results="mx.evil.test; dmarc=pass header.from={domain}")
    assert world.entries()[0][2] == ("unverified",)
    world.give(
        b"Received: from x by mx.evil.test; Sun, 22 Nov 2026 18:00:00 +0000\r\n"
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n"
        b"From: lea@client.test\r\nSubject: y\r\nMessage-ID: <y@client.test>\r\n\r\nhello\r\n"
    )
    assert world.entries(50032)[0][2] == ("unverified",)


@pytest.mark.parametrize("road", ["signed address", "signed id", "known id", "subject"])
def test_a_reply_joins_by_each_road(world: World, road: str) -> None:
    """Signed address, signed Message-ID at the base address, own Message-ID, number in the subject: one ticket."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    if road == "signed address":
        world.write(LEA, "More.\n", to=(str(confirmation.message["Reply-To"]),), subject="something else")
    elif road == "signed id":
        world.write(LEA, "More.\n", headers={"In-Reply-To": str(confirmation.message["Message-ID"])}, subject="other")
    elif road == "known id":
        world.write(LEA, "More.\n", headers={"References": "<1.1795370400@client.test>"}, subject="other")
    else:
        world.write(LEA, "More.\n", subject="RE: [#50031] Printer on fire")
    assert len(world.entries()) == 2
    assert world.entries()[1][2] == (("by-subject",) if road == "subject" else ())
    assert [x.notice for x in world.letters()] == ["reply", "reply"]


def test_a_number_lets_no_stranger_in(world: World) -> None:
    """The number in a stranger's subject opens a new ticket that mentions the other, and the other mentions it."""
    world.write(LEA)
    world.write("Eve <eve@evil.test>", "Give me the history.\n", subject="Re: [#50031] Printer on fire")
    assert len(world.entries()) == 1
    assert world.ticket(50032).mentions == (50031,)
    assert world.ticket(50031).mentions == (50032,)


def test_a_stranger_with_the_address_is_flagged_and_never_a_participant(world: World) -> None:
    """Whoever got the signed address may put a flagged entry there; nothing goes back to them."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.write("Eve <eve@evil.test>", "I am new here.\n", answers=confirmation)
    assert world.entries()[1][2] == ("stranger",)
    assert [p.address for p in world.ticket().customers] == ["lea@client.test"]
    assert {x.recipient for x in world.letters()} == {"ana@desk.test", "ben@desk.test"}


def test_a_strangers_reply_by_signed_id_is_a_new_ticket(world: World) -> None:
    """A signed Message-ID proves a thread for its own addressee and participants only."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.write("Eve <eve@evil.test>", headers={"In-Reply-To": str(confirmation.message["Message-ID"])})
    assert len(world.entries()) == 1
    assert world.ticket(50032).mentions == (50031,)


@pytest.mark.parametrize(
    ("before", "after"),
    [("new", "new"), ("open", "open"), ("pending", "open"), ("on-hold", "open"), ("solved", "open")],
)
def test_states_after_a_customers_entry(world: World, before: str, after: str) -> None:
    """New stays new, open stays open; pending, on-hold and solved become open."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.set_state(before)
    world.write(LEA, "Again.\n", answers=confirmation)
    assert world.ticket().state == after


def test_a_closed_ticket_gets_a_follow_up(world: World) -> None:
    """A reply to a closed ticket is a new one that mentions it, confirmed with its own number."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.set_state("closed")
    world.write(LEA, "Again.\n", answers=confirmation)
    assert world.ticket(50032).mentions == (50031,)
    assert only(world.letters(), "confirmation").message["Subject"] == "Re: [#50032] Printer on fire"
    assert world.ticket(50031).state == "closed"


def test_a_saved_address_used_for_something_else(world: World) -> None:
    """Without references, with another subject, more than 7 days after it was solved: a new ticket that mentions it."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.set_state("solved")
    world.now += timedelta(days=6)
    address = (str(confirmation.message["Reply-To"]),)
    world.write(LEA, to=address, subject="Scanner")
    assert len(world.entries()) == 2
    world.set_state("solved")
    world.now += timedelta(days=8)
    world.write(LEA, "Other.\n", to=address, subject="Scanner broken")
    assert world.ticket(50032).mentions == (50031,)


def test_a_redelivered_mail_is_recognised(world: World) -> None:
    """The same content again, with other trace fields and by another door, within 30 days: a duplicate, no letter."""
    raw = b"From: lea@client.test\r\nSubject: x\r\nMessage-ID: <x@client.test>\r\n\r\nhello\r\n"
    world.give(raw)
    world.letters()
    again = world.give(b"Received: from a by b; Sun, 22 Nov 2026 18:00:00 +0000\r\n" + raw, via="imap", sender=None)
    assert again.outcome == "duplicate"
    assert world.letters() == []
    world.now += timedelta(days=31)
    assert world.give(raw).outcome == "ticket"


def test_a_robots_daily_mail_without_a_message_id_is_new_each_day(world: World) -> None:
    """Without a Message-ID the same words half a day later are another mail; at once they are a redelivery."""
    raw = b"From: cron@client.test\r\nSubject: backup failed\r\n\r\nno space\r\n"
    assert world.give(raw).outcome == "ticket"
    assert world.give(raw).outcome == "duplicate"
    world.now += timedelta(days=1)
    assert world.give(raw).outcome == "ticket"


def test_the_daily_letter_names_quiet_tickets(world: World) -> None:
    """A new ticket that nobody was told of stands in the daily letter once."""
    world.write(LEA, results=FAILED)
    assert world.letters() == []
    assert world.run("tell-held") == 3
    letters = world.letters()
    assert {x.recipient for x in letters} == {"ana@desk.test", "ben@desk.test", "root@desk.test"}
    assert all("#50031" in x.text for x in letters)
    assert world.run("tell-held") is None
    world.now += timedelta(days=1)
    assert world.run("tell-held") == 0


def test_a_policy_that_asks_for_nothing_is_told_to_agents(world: World) -> None:
    """S1: agents hear at once, the address it claims gets nothing, and the daily letter has nothing to add."""
    world.write(LEA, results="mx.desk.test; dmarc=fail policy.dmarc=none header.from={domain}")
    assert {(x.notice, x.recipient) for x in world.letters()} == {("new", "ana@desk.test"), ("new", "ben@desk.test")}
    assert world.run("tell-held") == 0


def test_the_same_id_with_other_content_is_another_mail(world: World) -> None:
    """A reused Message-ID makes nobody's mail disappear."""
    head = b"From: lea@client.test\r\nSubject: x\r\nMessage-ID: <x@client.test>\r\n\r\n"
    assert world.give(head + b"one\r\n").outcome == "ticket"
    assert world.give(head + b"two\r\n").outcome == "ticket"


def test_two_mailboxes_are_two_tickets_that_mention_each_other(tmp_path: Path) -> None:
    """One new mail to two mailboxes opens two tickets; a reply that belongs to a ticket is one entry, its other rows
    duplicates."""
    boxes = (Mailbox(address="support@desk.test"), Mailbox(address="sales@desk.test"))
    world = World(tmp_path, mailboxes=boxes)
    both = ("support@desk.test", "sales@desk.test")
    world.write(LEA, to=both)
    assert (world.ticket(50031).mentions, world.ticket(50032).mentions) == ((50032,), (50031,))
    confirmation = next(x for x in world.letters() if x.notice == "confirmation")
    fate = world.write(LEA, "More.\n", to=(str(confirmation.message["Reply-To"]), "sales@desk.test"), subject="again")
    assert fate.outcome == "duplicate"
    assert len(world.entries(50031)) == 2
    world.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"List-Id": "<news.client.test>"},
    ],
)
def test_a_machine_opens_a_ticket_without_confirmation(world: World, headers: dict[str, str]) -> None:
    """Automatic mail is never answered automatically; agents still see it."""
    world.write(LEA, headers=headers)
    assert {x.notice for x in world.letters()} == {"new"}
    assert world.entries()[0][2] == ("automatic",)


def test_the_null_sender_is_never_answered(world: World) -> None:
    """RFC 5321, 4.5.5: whatever the null sender sends gets no automatic answer."""
    world.write(LEA, sender="")
    assert [x for x in world.letters() if x.kind == "confirmation"] == []


def test_suppress_holds_our_answer_back_and_is_no_proof(world: World) -> None:
    """X-Auto-Response-Suppress: no confirmation, and no automatic flag."""
    world.write(LEA, headers={"X-Auto-Response-Suppress": "All"})
    assert {x.notice for x in world.letters()} == {"new"}
    assert world.entries()[0][2] == ()


def test_an_absence_notice(world: World) -> None:
    """On a ticket it is a flagged entry that changes no state; without a thread it is ignored, and kept."""
    absence = {"Auto-Submitted": "auto-replied", "X-Autoreply": "yes"}
    fate = world.write(LEA, "I am out of office until Monday.\n", subject="Out of office: hello", headers=absence)
    assert fate.outcome == "ignored"
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.set_state("pending")
    world.write(LEA, "I am out of office.\n", answers=confirmation, headers=absence, subject="Out of office: printer")
    assert world.ticket().state == "pending"
    assert world.entries()[-1][2] == ("automatic",)
    assert [x for x in world.letters() if x.recipient == "lea@client.test"] == []


def test_a_spam_mark_of_your_own_filter(tmp_path: Path) -> None:
    """`[trust] spam_headers` says what counts, and nothing else does."""
    world = World(tmp_path, trust=Trust(spam_headers=("X-Rspamd-Score > 15",)))
    world.write(LEA, headers={"X-Rspamd-Score": "17.2 / 15"})
    world.write(LEA, headers={"X-Spam-Flag": "YES"}, subject="other")
    assert (world.ticket(50031).tags, world.ticket(50032).tags) == (("spam",), ())
    world.close()


def test_a_trusted_spam_mark(world: World) -> None:
    """A trusted upstream spam mark: a ticket tagged spam, and nobody is told."""
    world.write(LEA, headers={"X-Spam-Flag": "YES"})
    assert world.ticket().tags == ("spam",)
    assert world.letters() == []


def test_our_own_letter_coming_back(world: World) -> None:
    """A letter of ours that a forward brings back is held, and answered to nobody."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    fate = world.give(confirmation.raw, sender="support@desk.test")
    assert (fate.outcome, fate.cause) == ("held", "loop")
    assert world.letters() == []
    assert len(world.entries()) == 1


def bounce_of(letter_raw: bytes, recipient: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    head, _, _ = letter_raw.partition(b"\r\n\r\n")
    return (
        b"From: MAILER-DAEMON@client.test\r\nTo: support@desk.test\r\nSubject: Undelivered Mail\r\n"
        b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nMessage-ID: <b@client.test>\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nno such user\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; client.test\r\n\r\n"
        + f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n".encode()
        + b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        + head
        + b"\r\n--b--\r\n"
    )


def test_a_bounce_of_ours_is_an_event(world: World) -> None:
    """By its signed address, or by the Message-ID it returns: an event with the status; agents are told once."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.give(bounce_of(confirmation.raw, "lea@client.test"), confirmation.envelope_from, sender="")
    kind, text, _ = world.entries()[-1]
    assert kind == "event"
    assert "5.1.1" in text
    assert {(x.notice, x.recipient) for x in world.letters()} == {
        ("undelivered", "ana@desk.test"),
        ("undelivered", "ben@desk.test"),
    }
    assert world.ticket().state == "new"


def test_a_bounced_notice_tells_the_others_only(world: World) -> None:
    """A notice that bounced never causes a notice to the same address."""
    world.write(LEA)
    notice = only(world.letters(), "new", "ana@desk.test")
    world.give(bounce_of(notice.raw, "ana@desk.test"), "support@desk.test", sender="")
    assert {x.recipient for x in world.letters()} == {"ben@desk.test"}


def test_a_delay_is_no_failure(world: World) -> None:
    """A delay is an event and nobody is told."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.give(
        bounce_of(confirmation.raw, "lea@client.test", "4.4.1", "delayed"), confirmation.envelope_from, sender=""
    )
    assert world.entries()[-1][0] == "event"
    assert world.letters() == []


def test_a_bounce_of_nothing_is_ignored(world: World) -> None:
    """A bounce that returns no letter of ours is kept and ignored."""
    fate = world.give(bounce_of(b"Message-ID: <x@evil.test>\r\n\r\n", "x@evil.test"), sender="")
    assert fate.outcome == "ignored"
    assert world.letters() == []


def test_an_unproved_address_gets_three_automatic_letters_a_day(world: World) -> None:
    """The fourth confirmation in 24 hours stays away; the tickets do not."""
    for n in range(5):
        world.write(LEA, subject=f"Matter {n}", results=None)
    assert len([x for x in world.letters() if x.kind == "confirmation"]) == 3
    assert world.ticket(50035).number == 50035
    assert "3 a day to an unproved address" in world.why()
    world.now += timedelta(days=1)
    world.write(LEA, subject="Next day", results=None)
    assert len([x for x in world.letters() if x.kind == "confirmation"]) == 1


@pytest.mark.parametrize(
    ("stated", "words", "language"),
    [
        ("de-AT", "Bonjour, je ne retrouve pas ma facture du mois de mars, pourriez-vous m'aider ?", "de"),
        (None, "Bonjour, je ne retrouve pas ma facture du mois de mars, pourriez-vous m'aider ?", "fr"),
        (None, "ok", "en"),
    ],
)
def test_the_language_of_a_confirmation(world: World, stated: str | None, words: str, language: str) -> None:
    """Content-Language, then the text if long enough to tell, then the desk's first language."""
    world.write(LEA, words + "\n", subject="?", headers={} if stated is None else {"Content-Language": stated})
    assert only(world.letters(), "confirmation").message["Content-Language"] == language


def test_the_persons_last_language_is_remembered(world: World) -> None:
    """A short mail is answered in the language of the person's last one."""
    world.write(LEA, "Bonjour, je ne retrouve pas ma facture du mois de mars, pourriez-vous m'aider ?\n")
    world.write(LEA, "ok\n", subject="?")
    assert [x.message["Content-Language"] for x in world.letters() if x.kind == "confirmation"] == ["fr", "fr"]


def test_a_customers_command_is_text(world: World) -> None:
    """#solved in a customer's mail changes nothing but what every reply changes."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.set_state("pending")
    world.write(LEA, "#solved\n", answers=confirmation)
    assert world.ticket().state == "open"
    assert world.entries()[-1][:2] == ("customer", "#solved")
