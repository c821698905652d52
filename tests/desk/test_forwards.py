"""What an agent's mail for somebody else does: forwards, `#for`, the question who wrote it, and what is not taken as such."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from maildesk.config import Mailbox, Trust
from maildesk.mail.language import LANGUAGES
from maildesk.mail.model import Person
from maildesk.rebuild import read_all
from maildesk.store import tickets
from tests.desk.world import FAILED, PROVED, World, only

LEA = "Lea Martin <lea@client.test>"
MAX = "Max Roth <max@client.test>"
ANA = "Ana Lima <ana@desk.test>"
BEN = "Ben Okoro <ben@desk.test>"
DARK = "It is dark here.\nPlease help.\n"


def forward(author: str = LEA, above: str = "", words: str = DARK, subject: str = "Lamp broken") -> str:
    """A forward's text as Gmail writes it."""
    return (
        f"{above}\n\n---------- Forwarded message ---------\nFrom: {author}\nDate: Sat, Nov 21, 2026 at 10:00 AM\n"
        f"Subject: {subject}\nTo: Ana Lima <ana@desk.test>\n\n\n{words}"
    )


def attached(*inner: bytes, words: str = "See below.\n", message_id: str = "<f@desk.test>") -> bytes:
    """A proved mail of Ana's with mails attached."""
    mail = EmailMessage()
    mail["Authentication-Results"] = PROVED.format(domain="desk.test")
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = ANA, "support@desk.test", "Fwd: Lamp", message_id
    mail.set_content(words)
    parts = "".join(f"--b\r\nContent-Type: message/rfc822\r\n\r\n{raw.decode()}\r\n" for raw in inner)
    head, _, body = bytes(mail).decode().partition("\n\n")
    head = head.replace('Content-Type: text/plain; charset="utf-8"', "Content-Type: multipart/mixed; boundary=b")
    head = head.replace("Content-Transfer-Encoding: 7bit\n", "")
    return f"{head}\n\n--b\nContent-Type: text/plain\n\n{body}\n{parts}--b--\n".replace("\r\n", "\n").encode()


def inner(author: str = LEA, message_id: str = "<dark@client.test>") -> bytes:
    """A customer's mail with a picture."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = author, ANA, "Lamp broken", message_id
    mail["Date"] = "Sat, 21 Nov 2026 10:00:00 +0100"
    mail.set_content("It is dark here.\n")
    mail.add_attachment(b"PNG", maintype="image", subtype="png", filename="dark.png")
    return bytes(mail)


def told(world: World) -> set[tuple[str, str]]:
    return {(x.notice, x.recipient) for x in world.letters()}


def test_a_forward_opens_the_customers_ticket(world: World) -> None:
    """The inner author is the requester under the inner subject; their words come first, the agent's are a note, and
    what happened is an event with the original date."""
    settled = world.write(ANA, forward(above="Please take this one."), subject="Fwd: Lamp broken")
    assert (settled.outcome, settled.ticket) == ("ticket", 50031)
    ticket = world.ticket()
    assert (ticket.subject, ticket.requester, ticket.state) == (
        "Lamp broken",
        Person("lea@client.test", "Lea Martin"),
        "new",
    )
    assert [p.address for p in ticket.customers] == ["lea@client.test"]
    event = "requester: - → Lea Martin <lea@client.test>; written: 2026-11-21 10:00 UTC"
    assert world.entries() == [
        ("customer", DARK.strip(), ("unverified",)),
        ("note", "Please take this one.", ()),
        ("event", event, ()),
    ]


def test_a_forwards_letters(world: World) -> None:
    """The customer gets the fixed confirmation, the colleagues the notice, the agent a receipt with the number."""
    world.write(ANA, forward(above="Please take this one."), subject="Fwd: Lamp broken")
    sent = world.letters()
    assert {(x.notice, x.recipient) for x in sent} == {
        ("confirmation-for", "lea@client.test"),
        ("new", "ben@desk.test"),
        ("receipt", "ana@desk.test"),
    }
    confirmation = only(sent, "confirmation-for")
    assert "50031" in confirmation.text
    assert not any(word in confirmation.raw for word in (b"It is dark", b"Lamp", b"ana@", b"Ana Lima", b"Lea Martin"))
    notice = only(sent, "new")
    assert "It is dark here." in notice.text
    assert "Ana Lima forwarded this message." in notice.text
    assert "Please take this one." in notice.text
    assert "It is not proved that this address wrote the message" in notice.text
    assert str(notice.message["From"]).startswith("Lea Martin via Desk Support")
    assert "#50031: request of Lea Martin <lea@client.test>" in only(sent, "receipt").text


def test_a_forward_without_a_word_has_no_note(world: World) -> None:
    """Nothing above it: the customer's entry and the event alone."""
    world.write(ANA, forward(), subject="Fwd: Lamp broken")
    assert [kind for kind, _, _ in world.entries()] == ["customer", "event"]


def test_an_answer_reaches_the_forwarded_customer(world: World) -> None:
    """Whoever answers the notice or the receipt answers the customer, who sees neither the note nor the agent's address."""
    world.write(ANA, forward(above="She pays late."), subject="Fwd: Lamp broken")
    sent = world.letters()
    world.write(BEN, "Hello Lea, try another bulb.\n", answers=only(sent, "new"))
    answer = only(world.letters(), "answer", "lea@client.test")
    assert "try another bulb" in answer.text
    assert not any(word in answer.raw for word in (b"pays late", b"ana@desk.test", b"ben@desk.test"))
    world.write(ANA, "#send\nI am on it.\n", answers=only(sent, "receipt"))
    only(world.letters(), "answer", "lea@client.test")


def test_the_confirmations_address_works(world: World) -> None:
    """The customer's reply to it joins the ticket."""
    world.write(ANA, forward(), subject="Fwd: Lamp broken")
    world.write(LEA, "Thank you for looking.\n", answers=only(world.letters(), "confirmation-for"))
    assert world.entries()[-1] == ("customer", "Thank you for looking.", ())


def test_commands_on_top_of_a_forward_count(world: World) -> None:
    """They are done on the new ticket, stand in the event and in the receipt, and are no words."""
    world.write(
        ANA, forward(above="#assign ben\n#priority high\n#tag vip\n\nHe knows her."), subject="Fwd: Lamp broken"
    )
    ticket = world.ticket()
    assert (ticket.assignee, ticket.priority, ticket.tags) == ("ben@desk.test", "high", ("vip",))
    assert world.entries()[1] == ("note", "He knows her.", ())
    receipt = only(world.letters(), "receipt").text
    assert "assigned to Ben Okoro" in receipt
    assert "high" in receipt


def test_a_spam_command_on_a_forward_writes_to_no_customer(world: World) -> None:
    """#spam: solved, tagged, and only the agent hears of it."""
    world.write(ANA, forward(above="#spam"), subject="Fwd: Lamp broken")
    assert (world.ticket().state, world.ticket().tags) == ("solved", ("spam",))
    assert told(world) == {("receipt", "ana@desk.test")}


def test_a_command_that_cannot_be_done_opens_nothing(world: World) -> None:
    """All or nothing: the agent gets the whole mail back with the nearest command, and nobody else anything."""
    settled = world.write(ANA, forward(above="#asign ben"), subject="Fwd: Lamp broken")
    assert (settled.outcome, settled.ticket) == ("ignored", None)
    letter = only(world.letters(), "not-done", "ana@desk.test")
    assert "#assign" in letter.text
    assert "It is dark here." in letter.text


def test_an_attached_mail_opens_its_authors_ticket(world: World) -> None:
    """With its attachments on the customer's entry, its Message-ID known, and the confirmation under it."""
    world.give(attached(inner()), sender="ana@desk.test")
    ticket = world.ticket()
    assert (ticket.requester, ticket.subject) == (Person("lea@client.test", "Lea Martin"), "Lamp broken")
    entries = world.store.read(lambda tx: tickets.list_entries(tx, ticket.id, 9))
    assert [(e.kind, e.message_id) for e in reversed(entries)] == [
        ("customer", "<dark@client.test>"),
        ("note", "<f@desk.test>"),
        ("event", None),
    ]
    first = entries[-1].id
    names = world.store.read(lambda tx: [row["name"] for row in tx.list("attachments of an entry", entry_id=first)])
    assert names == ["dark.png"]
    sent = world.letters()
    assert "<dark@client.test>" in str(only(sent, "confirmation-for").message["References"])
    assert [a.get_filename() for a in only(sent, "new").message.iter_attachments()] == ["dark.png"]


@pytest.mark.parametrize("words", ["They owe us this.\n", ""])
def test_the_agents_own_files_are_the_notes(world: World, words: str) -> None:
    """What an agent attaches beside a customer's mail is no file of the customer's; the colleagues get both."""
    raw = attached(inner(), words=words)
    own = b"--b\nContent-Type: application/pdf; name=debts.pdf\nContent-Disposition: attachment\n\nPDF\n--b--"
    world.give(raw.replace(b"--b--", own), sender="ana@desk.test")
    files = {r.entry.kind: [f.name for f in r.entry.shown.files] for r in read_all(world.store, world.languages)}
    assert files == {"customer": ["dark.png"], "note": ["debts.pdf"], "event": []}
    notice = only(world.letters(), "new", "ben@desk.test")
    assert [part.get_filename() for part in notice.message.iter_attachments()] == ["dark.png", "debts.pdf"]


def test_a_rebuild_derives_the_same_again(world: World) -> None:
    """The customer's entry follows from the forwarded mail, the note from the agent's; nothing is taken for the other's."""
    world.write(ANA, forward(above="Please take this one."), subject="Fwd: Lamp broken")
    world.give(attached(inner(MAX)), sender="ana@desk.test")
    readings = [r for r in read_all(world.store, LANGUAGES) if r.entry.kind != "event"]
    assert [(r.entry.derived, r.fate) for r in readings] == [
        ("forwarded", "same"),
        ("act", "kept"),
        ("forwarded", "same"),
        ("", "kept"),
    ]


def test_what_a_ticket_has_already_becomes_a_note_there(world: World) -> None:
    """A second forward of the same mail opens nothing: a note, and the receipt says so."""
    world.give(attached(inner()), sender="ana@desk.test")
    world.letters()
    second = attached(inner(), words="Still waiting.\n", message_id="<g@desk.test>").replace(
        b"Ana Lima <ana@", b"Ben Okoro <ben@"
    )
    world.give(second, sender="ben@desk.test")
    assert world.entries()[-1][:2] == ("note", "Still waiting.")
    sent = world.letters()
    assert {(x.notice, x.recipient) for x in sent} == {("receipt", "ben@desk.test")}
    assert "#50031 already" in only(sent, "receipt").text


def test_a_forward_from_a_known_conversation_is_a_note(world: World) -> None:
    """Its subject bears a ticket's number: it belongs there, and the receipt says so in place of a reproach."""
    world.write(LEA)
    world.letters()
    world.write(ANA, forward(above="She wrote to me."), subject="Fwd: Re: [#50031] Printer on fire")
    assert world.entries()[-1][0] == "note"
    assert told(world) == {("receipt", "ana@desk.test")}


def test_two_mailboxes_are_two_tickets(tmp_path: Path) -> None:
    """A forward to both opens one in each; they mention each other, and neither takes the other for known."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test"), Mailbox(address="sales@desk.test")))
    world.give(attached(inner()), "support@desk.test", "sales@desk.test", sender="ana@desk.test")
    assert world.ticket(50031).mentions == (50032,)
    assert world.ticket(50032).mentions == (50031,)
    assert world.ticket(50032).requester == Person("lea@client.test", "Lea Martin")
    world.close()


@pytest.mark.parametrize("is_letter", [True, False])
def test_a_known_mail_for_two_mailboxes_is_one_note(tmp_path: Path, is_letter: bool) -> None:
    """A forward to both of what a ticket has, or of our letter about it, is a note there once, and opens nothing."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test"), Mailbox(address="sales@desk.test")))
    world.give(inner(), sender="lea@client.test")
    letter = only(world.letters(), "new", "ana@desk.test").raw
    raw = letter if is_letter else inner()
    settled = world.give(attached(raw), "support@desk.test", "sales@desk.test", sender="ana@desk.test")
    assert (settled.outcome, settled.ticket) == ("duplicate", None)
    assert [kind for kind, *_ in world.entries()] == ["customer", "note"]
    assert told(world) == {("receipt", "ana@desk.test")}
    world.close()


@pytest.mark.parametrize("results", [None, FAILED])
def test_an_unproved_agents_forward_is_anyones_mail(world: World, results: str | None) -> None:
    """The ticket is the agent's own, and no customer is written to."""
    world.write(ANA, forward(), subject="Fwd: Lamp broken", results=results)
    assert world.ticket().requester == Person("ana@desk.test", "Ana Lima")
    assert "lea@client.test" not in {recipient for _, recipient in told(world)}


def test_an_unproved_agent_is_told_why(world: World) -> None:
    """Once an hour, with the setting; a forged one is not: that letter would be somebody's bomb."""
    for number in range(2):
        world.write(ANA, forward(), subject=f"Fwd: Lamp broken {number}", results=None)
    letter = only(world.letters(), "not-taken", "ana@desk.test")
    assert "authserv_ids" in letter.text
    assert "request of your own" in letter.text
    assert "kept as a note" not in letter.text


def test_a_customers_forward_is_their_own_ticket(world: World) -> None:
    """Only an agent speaks for others."""
    world.write(MAX, forward(), subject="Fwd: Lamp broken")
    assert world.ticket().requester == Person("max@client.test", "Max Roth")
    assert "lea@client.test" not in {recipient for _, recipient in told(world)}


@pytest.mark.parametrize(
    "author", ["Desk <support@desk.test>", "support+x@desk.test", BEN, ANA, "no-reply@shop.test", "MAILER-DAEMON@client.test"]
)  # fmt: skip
def test_whoever_is_no_customer_is_not_written_to(world: World, author: str) -> None:
    """Our own address, an agent, a robot: the agent's own ticket, as any mail of theirs, and the ledger says why."""
    world.write(ANA, forward(author), subject="Fwd: Lamp broken")
    assert world.ticket().requester == Person("ana@desk.test", "Ana Lima")
    assert told(world) == {("confirmation", "ana@desk.test"), ("new", "ben@desk.test")}
    assert "nobody to write to" in world.why()


NESTED = forward(MAX, words=forward(LEA, above="Can you help her?"), subject="Fwd: Lamp broken")


def test_with_two_possible_authors_nobody_is_written_to(world: World) -> None:
    """A ticket of nobody's, a question to the agent with a line for each, the notice to the colleagues."""
    world.write(ANA, NESTED, subject="Fwd: Fwd: Lamp broken")
    ticket = world.ticket()
    assert (ticket.requester, ticket.customers, ticket.state) == (None, (), "new")
    assert world.entries()[0][2] == ("unverified", "ambiguous-author")
    sent = world.letters()
    assert {(x.notice, x.recipient) for x in sent} == {("who-wrote", "ana@desk.test"), ("new", "ben@desk.test")}
    lines = only(sent, "who-wrote").text.splitlines()
    assert [line for line in lines if line.startswith("#for")] == [
        "#for max@client.test Max Roth",
        "#for lea@client.test Lea Martin",
    ]


def test_the_answer_names_the_requester(world: World) -> None:
    """`#for` in reply to the question: the ticket is theirs, they are confirmed to, the colleagues hear it; replies join."""
    world.write(ANA, NESTED, subject="Fwd: Fwd: Lamp broken")
    world.write(ANA, "#for lea@client.test Lea Martin\n", answers=only(world.letters(), "who-wrote"))
    assert world.ticket().requester == Person("lea@client.test", "Lea Martin")
    sent = world.letters()
    assert {(x.notice, x.recipient) for x in sent} == {
        ("confirmation-for", "lea@client.test"),
        ("named", "ben@desk.test"),
        ("receipt", "ana@desk.test"),
    }
    assert "Lea Martin <lea@client.test>" in only(sent, "named").text
    world.write(LEA, "Thank you.\n", answers=only(sent, "confirmation-for"))
    assert world.entries()[-1][:2] == ("customer", "Thank you.")
    only(world.letters(), "reply", "ana@desk.test")


def test_a_colleague_may_name_the_requester_and_answer(world: World) -> None:
    """With words below it the answer goes out at once, and stands for the confirmation."""
    world.write(ANA, NESTED, subject="Fwd: Fwd: Lamp broken")
    world.write(BEN, "#for lea@client.test\nTry another bulb.\n", answers=only(world.letters(), "new"))
    sent = world.letters()
    assert {x.notice for x in sent if x.recipient == "lea@client.test"} == {"answer"}
    assert world.ticket().assignee == "ben@desk.test"


def test_an_answer_before_the_name_is_returned(world: World) -> None:
    """While nobody knows whose it is, nothing goes out."""
    world.write(ANA, NESTED, subject="Fwd: Fwd: Lamp broken")
    world.write(ANA, "Try another bulb.\n", answers=only(world.letters(), "who-wrote"))
    assert told(world) == {("not-sent", "ana@desk.test")}


def test_a_for_on_top_settles_two_authors_at_once(world: World) -> None:
    """The agent says it in the forward itself: nothing is asked."""
    world.write(ANA, "#for lea@client.test\n" + NESTED, subject="Fwd: Fwd: Lamp broken")
    assert world.ticket().requester == Person("lea@client.test")
    assert ("confirmation-for", "lea@client.test") in told(world)


def test_two_attached_mails_of_two_people_are_asked_about(world: World) -> None:
    """Several attached mails of one person are one matter; of two nobody is written to."""
    world.give(attached(inner(), inner(message_id="<dark2@client.test>")), sender="ana@desk.test")
    assert world.ticket(50031).requester == Person("lea@client.test", "Lea Martin")
    world.letters()
    raw = attached(inner(message_id="<x@client.test>"), inner(MAX, "<y@client.test>"), message_id="<h@desk.test>")
    world.give(raw, sender="ana@desk.test")
    assert world.ticket(50032).requester is None
    assert ("who-wrote", "ana@desk.test") in told(world)


@pytest.mark.parametrize("author", ["Lea Martin via Help <help@list.test>", "lea@client.test, max@client.test"])
def test_an_attached_mail_of_nobody_sure_is_asked_about(world: World, author: str) -> None:
    """As in the text: a list under its member's name, or two people. Nobody is written to, the question has a line for each."""
    world.give(attached(inner(author)), sender="ana@desk.test")
    letters = world.letters()
    assert {(x.notice, x.recipient) for x in letters} == {("who-wrote", "ana@desk.test"), ("new", "ben@desk.test")}
    asked = only(letters, "who-wrote").text
    assert [one in asked for one in ("#for help@list.test", "#for lea@client.test", "#for max@client.test")] == (
        [True, False, False] if "via" in author else [False, True, True]
    )


def test_a_name_without_an_address_is_asked_about(world: World) -> None:
    """The desk knows who wrote, not where: it asks, with the name."""
    world.write(ANA, forward("Lea Martin"), subject="Fwd: Lamp broken")
    assert world.ticket().requester is None
    assert "The name there is Lea Martin." in only(world.letters(), "who-wrote").text


def test_a_for_opens_a_ticket_on_somebodys_behalf(world: World) -> None:
    """A call: the agent's text is a note, the caller is the requester and gets the fixed confirmation."""
    words = "#for lea@client.test Lea Martin\n#priority high\nShe called: the lamp is broken.\n"
    world.write(ANA, words, subject="Lamp broken", attachments=(("call.wav", b"RIFF"),))
    ticket = world.ticket()
    assert (ticket.requester, ticket.priority, ticket.subject) == (
        Person("lea@client.test", "Lea Martin"),
        "high",
        "Lamp broken",
    )
    assert world.entries()[0][:2] == ("note", "She called: the lamp is broken.")
    sent = world.letters()
    confirmation = only(sent, "confirmation-for", "lea@client.test")
    assert not any(word in confirmation.raw for word in (b"called", b"Lamp", b"ana@"))
    assert {(x.notice, x.recipient) for x in sent if x is not confirmation} == {
        ("new", "ben@desk.test"),
        ("receipt", "ana@desk.test"),
    }
    world.write(BEN, "Hello Lea.\n", answers=only(sent, "new"))
    assert b"called" not in only(world.letters(), "answer", "lea@client.test").raw


def test_an_unproved_for_is_anyones_mail(world: World) -> None:
    """Nobody is written to in the name of an agent who is not proved."""
    world.write(ANA, "#for lea@client.test\nShe called.\n", results=None)
    assert world.ticket().requester == Person("ana@desk.test", "Ana Lima")
    assert {x.recipient for x in world.letters()} == {"ana@desk.test", "ben@desk.test"}


def test_token_proof_proves_no_new_mail(tmp_path: Path) -> None:
    """Where a notice's address is an agent's proof, a mail without one proves nothing."""
    world = World(tmp_path, trust=Trust(verify="none"))
    world.write(ANA, forward(), subject="Fwd: Lamp broken", results=None)
    assert world.ticket().requester == Person("ana@desk.test", "Ana Lima")
    world.close()


@pytest.mark.parametrize(
    "argument",
    ["", "Lea", "lea@", "lea@client..test", "ben@desk.test", "support@desk.test", "a@x.test b@x.test", "support+x@desk.test"],
)  # fmt: skip
def test_a_bad_for_is_refused(world: World, argument: str) -> None:
    """No address, two of them, an agent's, one of ours: nothing is opened, nobody is written to, the agent gets it back."""
    settled = world.write(ANA, f"#for {argument}\nShe called.\n")
    assert settled.outcome == "ignored"
    letter = only(world.letters(), "not-done", "ana@desk.test")
    assert f"#for {argument}".strip() in letter.text
    assert "She called." in letter.text


def test_a_for_where_the_requester_is_known_is_refused(world: World) -> None:
    """Nobody takes a ticket from its requester: nothing is done, and the letter says whose it is."""
    world.write(LEA)
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write(ANA, "#for max@client.test\n#solved\n", answers=notice)
    sent = world.letters()
    assert "Lea Martin <lea@client.test>" in only(sent, "not-done", "ana@desk.test").text
    assert len(sent) == 1
    assert (world.ticket().requester, world.ticket().state) == (Person("lea@client.test", "Lea Martin"), "new")


def test_a_forward_in_reply_to_a_notice_is_an_answer(world: World) -> None:
    """The agent's own signed address decides: what they send there goes to that customer, and opens nothing."""
    world.write(LEA)
    notice = only(world.letters(), "new", "ana@desk.test")
    to = (str(notice.message["Reply-To"]),)
    world.write(ANA, "Max says:\n" + forward(MAX), to=to, subject="Fwd: Lamp broken")
    assert world.entries()[-1][0] == "agent"
    assert "max@client.test" not in {recipient for _, recipient in told(world)}


@pytest.mark.parametrize("above", ["Look.\n", "#for zoe@client.test\nLook.\n"])
def test_a_letter_of_ours_that_is_forwarded_goes_to_its_ticket(world: World, above: str) -> None:
    """Attached and under any subject it is a note there: what it says, notes among it, and its signed Message-ID reach nobody."""
    world.write(LEA)
    notice = only(world.letters(), "new", "ana@desk.test")
    settled = world.give(attached(notice.raw, words=above), sender="ana@desk.test")
    assert (settled.outcome, settled.ticket) == ("entry", 50031)
    assert world.entries()[-1][0] == "note"
    assert told(world) == {("receipt", "ana@desk.test")}


@pytest.mark.parametrize("author", ["Lea via Desk Support <support@desk.test>", BEN, ANA])
def test_what_we_wrote_is_no_customers_entry(world: World, author: str) -> None:
    """`#for` over a forward of our own letter or of a colleague's mail: all of it is a note, so that nothing of it travels."""
    secret = "They never pay, be careful.\n"
    world.write(ANA, forward(author, "#for zoe@client.test\nShe called.", secret), subject="Fwd: Lamp broken")
    assert world.ticket().requester == Person("zoe@client.test")
    (kind, text, _), *others = world.entries()
    assert (kind, "She called." in text, secret.strip() in text) == ("note", True, True)
    assert [kind for kind, *_ in others] == ["event"]
    letters = world.letters()
    confirmation = only(letters, "confirmation-for", "zoe@client.test")
    assert "They never pay" not in confirmation.raw.decode()
    world.write(BEN, "> They never pay, be careful.\n\nHello Zoe.\n", answers=only(letters, "new", "ben@desk.test"))
    assert "They never pay" not in only(world.letters(), "answer", "zoe@client.test").raw.decode()


def test_an_automatic_forward_opens_nobodys_ticket(world: World) -> None:
    """A rule that forwards by itself is a machine: no customer is written to."""
    world.write(ANA, forward(), subject="Fwd: Lamp broken", headers={"Auto-Submitted": "auto-generated"})
    assert "lea@client.test" not in {recipient for _, recipient in told(world)}


def test_a_mailbox_without_confirmations_confirms_nothing(tmp_path: Path) -> None:
    """confirm = false holds for forwards, and for `#for` later on."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test", confirm=False),))
    world.write(ANA, forward(), subject="Fwd: Lamp broken")
    assert "lea@client.test" not in {recipient for _, recipient in told(world)}
    world.close()


def test_the_confirmation_is_in_the_customers_language(world: World) -> None:
    """That of the forwarded words, not that of the agent's."""
    words = "Bonjour, la lampe du salon ne s'allume plus depuis hier soir, pouvez-vous m'aider s'il vous plaît ?\n"
    world.write(ANA, forward(above="Please take this one, she is waiting for it.", words=words), subject="Fwd: Lampe")
    assert world.ticket().language == "fr"
    assert only(world.letters(), "confirmation-for").message["Content-Language"] == "fr"


def test_an_unproved_author_gets_no_more_than_three(world: World) -> None:
    """The brake of unproved addresses holds for forwards too."""
    for number in range(5):
        world.write(ANA, forward(subject=f"Lamp {number}"), subject=f"Fwd: Lamp {number}")
    assert len([x for x in world.letters() if x.recipient == "lea@client.test"]) == 3
