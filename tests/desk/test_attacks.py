"""What somebody with bad intentions, or a mail program with odd habits, must not get out of the desk."""

from __future__ import annotations

import textwrap
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from maildesk.config import Agent, Mailbox
from tests.desk.world import FAILED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "Ana Lima <ana@desk.test>"
BEN = "Ben Okoro <ben@desk.test>"


def _quoted(letter: Letter) -> str:
    lines = "".join(f"> {line}\n" for line in letter.text.splitlines())
    return f"On Sun, 22 Nov 2026 at 18:05, {letter.message['From']} wrote:\n{lines}"


def _opened(world: World) -> dict[str, Letter]:
    world.write(LEA)
    return {x.recipient: x for x in world.letters()}


def _reply_to(letter: Letter) -> tuple[str, ...]:
    return (str(letter.message["Reply-To"]),)


def test_what_an_earlier_answer_quoted_of_a_note_stays_inside(world: World) -> None:
    """A customer has the text of an answer, not what the agent's mail quoted below it: a note that stood there is no
    public line for the next answer's quotes."""
    first = _opened(world)
    world.write(BEN, "#note\nThe customer cannot be trusted.\n", answers=first["ben@desk.test"])
    world.letters()
    world.write(LEA, "Any news?\n", answers=first["lea@client.test"])
    notice = only(world.letters(), "reply", "ana@desk.test")
    assert "cannot be trusted" in notice.text
    world.write(ANA, "We look at it.\n", answers=notice)
    answer = only(world.letters(), "answer")
    world.write(LEA, "And now?\n", answers=answer)
    later = only(world.letters(), "reply", "ana@desk.test")
    quote = f"{_quoted(later)}> The customer cannot be trusted.\n"
    world.write(ANA, f"Hello,\n\n{quote}\nthat is all.\n", to=_reply_to(later))
    answer = only(world.letters(), "answer")
    assert "that is all." in answer.text
    assert "trusted" not in answer.text


def test_an_answer_below_the_quote_goes_out(world: World) -> None:
    """Who writes below what they answer has written an answer: all of it goes to the customer."""
    notice = _opened(world)["ana@desk.test"]
    world.write(ANA, f"{_quoted(notice)}\nUse water.\n\nAnd foam.\n", to=_reply_to(notice))
    answer = only(world.letters(), "answer", "lea@client.test")
    assert "Use water.\r\n\r\nAnd foam." in answer.text
    assert "wrote to Desk Support" not in answer.text


@pytest.mark.parametrize("results", [None, FAILED])
def test_a_forged_agent_is_not_repeated_to_the_colleagues(world: World, results: str | None) -> None:
    """A notice's history has no place for a warning: what nobody proved to be an agent's stands in none."""
    first = _opened(world)
    world.write(ANA, "Send Lea the password.\n", to=_reply_to(first["ana@desk.test"]), results=results)
    world.letters()
    world.write(LEA, "Any news?\n", answers=first["lea@client.test"])
    for letter in world.letters():
        assert "password" not in letter.text


def test_quotes_around_a_local_part_make_no_other_person(world: World) -> None:
    """A local part needs no quotes that change nothing: "lea"@client.test is lea@client.test (RFC 5321, 4.1.2), braked as one."""
    spellings = ('"lea"', "lea", r'"l\ea"', r'"le\a"', '"LEA"')
    for number, spelling in enumerate(spellings):
        head = f"From: {spelling}@client.test\r\nSubject: Hi\r\nMessage-ID: <{number}@client.test>\r\n"
        world.give(f"{head}\r\nHi\r\n".encode())
    confirmed = [x.recipient for x in world.letters() if x.kind == "confirmation"]
    assert confirmed == ["lea@client.test"] * 3


def test_an_answer_that_cannot_be_written_is_told(world: World) -> None:
    """A requester whose address no letter can bear: the ticket opens, and an agent's answer comes back as undelivered."""
    raw = "From: a\ufeffb@client.test\r\nTo: support@desk.test\r\nSubject: Hi\r\nMessage-ID: <1@client.test>\r\n\r\nHi\r\n"
    world.give(raw.encode())
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write(ANA, "Use water.\n", answers=notice)
    sent = world.letters()
    assert "answer" not in {x.notice for x in sent}
    assert only(sent, "undelivered").recipient == "ana@desk.test"
    assert [kind for kind, _, _ in world.entries()] == ["customer", "agent", "event"]


# How programs put a notice below an answer in ways that no rule knows.
UNMARKED = {
    "a rule": "<div>Use water.</div><hr><div>{html}</div>",
    "a header in Hungarian": "<div>Use water.</div><hr><b>Feladó:</b> Support<br><b>Küldve:</b> vasárnap<br>{html}",
    "a plain blockquote": "<div>Use water.</div><blockquote>{html}</blockquote>",
    "nothing at all": "Use water.\n\n{text}",
    "bars": "Use water.\n\n{bars}",
    "narrow lines": "Use water.\n\n{narrow}",
}


@pytest.mark.parametrize("program", UNMARKED)
def test_a_notice_never_travels_however_it_is_quoted(world: World, program: str) -> None:
    """What the desk wrote to an agent, a note in it above all, is never an answer's text: not even where the agent's
    program marks its quotes in a way that nobody knows."""
    first = _opened(world)
    world.write(ANA, "#assign me\n", answers=first["ana@desk.test"])
    world.write(BEN, "#note\nThe customer cannot be trusted.\nNever refund.\n", answers=first["ben@desk.test"])
    notice = only(world.letters(), "note", "ana@desk.test")
    page = notice.message.get_body(("html",))
    assert page is not None
    words = UNMARKED[program].format(
        html=page.get_content(),
        text=notice.text,
        bars=notice.text.replace("\n", "\n| "),
        narrow="\n".join(textwrap.fill(line, 32) for line in notice.text.splitlines()),
    )
    kind = "html" if "<div>" in words else "plain"
    head = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\nFrom: {ANA}\r\nMessage-ID: <1@x.test>\r\n"
        f"References: {notice.message['Message-ID']}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n"
    )
    world.give((head + words).encode(), *_reply_to(notice))
    answer = only(world.letters(), "answer", "lea@client.test")
    assert answer.text.startswith("Use water.")
    for inner in ("trusted", "refund", "Ben Okoro", "#note", "Printer on fire"):
        assert inner not in answer.text


def test_words_that_a_notice_has_too_are_the_agents(world: World) -> None:
    """Only below the beginning of a notice are its lines a quote: what an agent says in the same words goes out."""
    notice = _opened(world)["ana@desk.test"]
    world.write(ANA, "You wrote:\nthe printer is on fire.\n#help lists all commands\nHello,\n", answers=notice)
    text = only(world.letters(), "answer", "lea@client.test").text
    assert text == "You wrote:\r\nthe printer is on fire.\r\n#help lists all commands\r\nHello,\r\n"


def test_files_of_the_agents_program_stay_behind(world: World) -> None:
    """No file beside an answer holds the agent's address because a program put it there: a card, a signature, a
    winmail.dat; in a file's name the mailbox's address stands in its place. The agent's own files travel as they are."""
    notice = _opened(world)["ana@desk.test"]
    card = b"BEGIN:VCARD\r\nEMAIL:Ana@desk.test\r\nEND:VCARD\r\n"
    other = b"BEGIN:VCARD\r\nEMAIL:bob@shop.test\r\nEND:VCARD\r\n"
    files = (
        ("ana.vcf", "text/vcard", card),
        ("bob.vcf", "text/vcard", other),
        ("smime.p7s", "application/pkcs7-signature", b"ana@desk.test"),
        ("winmail.dat", "application/ms-tnef", b"ana@desk.test"),
        ("for ana@desk.test.pdf", "application/pdf", b"%PDF"),
    )
    mail = EmailMessage(policy=policy.SMTP)
    mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=desk.test"
    mail["From"], mail["Message-ID"], mail["In-Reply-To"] = ANA, "<1@x.test>", str(notice.message["Message-ID"])
    mail.set_content("Use water.\n")
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    world.give(bytes(mail), *_reply_to(notice))
    answer = only(world.letters(), "answer", "lea@client.test")
    sent = {one.get_filename(): one.get_payload(decode=True) for one in answer.message.iter_attachments()}
    assert sent == {"bob.vcf": other, "for support@desk.test.pdf": b"%PDF"}


def test_a_mail_in_the_desks_own_name_is_held(world: World) -> None:
    """Who claims one of our own addresses, a website's form perhaps, is answered by nobody; the daily letter names it."""
    for author in ("support@desk.test", "Support+form@desk.test", '"support"@desk.test'):
        assert world.write(author, f"From {author}.\n", subject=author).cause == "own-address"
    assert world.letters() == []
    world.run("tell-held")
    text = only(world.letters(), "held", "ana@desk.test").text
    assert all(author in text for author in ("support@desk.test", "Support+form@desk.test"))


def test_desks_that_are_each_others_agents_fall_silent(tmp_path: Path) -> None:
    """Two desks, each an agent of the other under an alias: the notices about notices end after a few."""
    desks = {}
    for name, other in (("a", "b"), ("b", "a")):
        mailbox = Mailbox(address=f"support@{name}.test", aliases=(f"team@{name}.test",))
        folder = tmp_path / name
        folder.mkdir()
        desks[name] = World(folder, mailboxes=(mailbox,), agents=(Agent(address=f"team@{other}.test"),), desk_id=name)
    desks["a"].write(LEA, to=("support@a.test",))
    passed, on_the_way = 0, [x for x in desks["a"].letters() if x.recipient.endswith("@b.test")]
    while on_the_way and passed < 30:
        letter, passed = on_the_way.pop(), passed + 1
        desk = desks[letter.recipient[-6]]
        desk.give(letter.raw, letter.recipient, sender="support@desk.test")
        on_the_way += [x for x in desk.letters() if not x.recipient.endswith("@client.test")]
    assert 1 < passed < 6
    for desk in desks.values():
        desk.close()


def test_a_notice_that_is_attached_stays_inside(world: World) -> None:
    """A program that attaches the notice instead of quoting it: the answer goes without it, and the agent is told."""
    first = _opened(world)
    world.write(BEN, "#note\nThe customer cannot be trusted.\n", answers=first["ben@desk.test"])
    world.letters()
    world.write(LEA, "Any news?\n", answers=first["lea@client.test"])
    notice = only(world.letters(), "reply", "ana@desk.test")
    mail = EmailMessage(policy=policy.SMTP)
    mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=desk.test"
    mail["From"], mail["Message-ID"] = ANA, "<1@x.test>"
    mail.set_content("Use water.\n")
    mail.add_attachment(notice.message)
    mail.add_attachment(notice.raw, maintype="application", subtype="octet-stream", filename="notice.EML")
    world.give(bytes(mail), *_reply_to(notice))
    sent = world.letters()
    answer = only(sent, "answer", "lea@client.test")
    assert answer.text == "Use water.\r\n"
    assert list(answer.message.iter_attachments()) == []
    assert "was not sent along" in only(sent, "receipt", "ana@desk.test").text
