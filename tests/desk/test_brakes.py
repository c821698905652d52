"""Brakes: budgets of automatic letters for an address, a domain and the desk; what waits, and who is silenced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maildesk import braking
from maildesk.desk import brakes
from maildesk.desk.brakes import budget_domain, budget_key, is_braked, too_many_bounces, too_many_new
from maildesk.desk.model import LetterPlan, LetterView
from maildesk.desk.notices import NOTICES
from maildesk.mail.model import Person
from tests.desk.world import PROVED, Letter, World, only

CONFIRMED = ("confirmation", "confirmation-unproved", "confirmation-merged")


def confirmed(world: World) -> list[str]:
    """Who was confirmed since the last look."""
    return [x.recipient for x in world.letters() if x.notice in CONFIRMED]


def test_only_answers_of_machines_are_braked() -> None:
    """What a person wrote and what agents are told is never held back."""
    assert {n.name for n in NOTICES if n.is_braked} == {*CONFIRMED, "confirmation-for", "verify", "not-taken"}
    view = LetterView("Desk", "Desk", "support@desk.test", "en")
    assert not is_braked(LetterPlan("answer", Person("lea@client.test"), "customer", "Desk", view))


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Victim+1@Client.Test", "victim@client.test"),
        ("v.ic.tim+x@googlemail.com", "victim@gmail.com"),
        ("v.ictim@client.test", "v.ictim@client.test"),
        ("+tag@client.test", "+tag@client.test"),
    ],
)
def test_an_address_counts_without_its_tag(address: str, key: str) -> None:
    """Tags are nobody else's, and at Gmail neither are dots."""
    assert budget_key(address) == key


def test_a_domain_counts_as_its_owners() -> None:
    """A host of a company and the company are one."""
    assert budget_domain("lea@mail.client.co.uk") == "client.co.uk"


def test_the_breaker_has_floors() -> None:
    """A quiet desk's first busy hour and a few typos are no attack."""
    assert not too_many_new(4999, 0)
    assert not too_many_new(199, 1)
    assert too_many_new(200, 1)
    assert not too_many_new(299, 30)
    assert not too_many_bounces(19, 19)
    assert too_many_bounces(20, 399)
    assert not too_many_bounces(20, 400)


def test_the_windows_slide(world: World) -> None:
    """A day after the first of three the next goes out; another address was never held back."""
    for n in range(4):
        world.write("lea@client.test", subject=f"matter {n}", results=None)
    assert confirmed(world) == ["lea@client.test"] * 3
    assert "3 a day to an unproved address" in world.why()
    world.write("LEA@Client.TEST", subject="in capitals", results=None)
    world.write("lea+1@client.test", subject="with a tag", results=None)
    world.write("noe@client.test", subject="another", results=None)
    assert confirmed(world) == ["noe@client.test"]
    world.now += timedelta(days=1)
    world.write("lea@client.test", subject="tomorrow", results=None)
    assert confirmed(world) == ["lea@client.test"]


def test_what_waited_leaves_as_one_letter(world: World) -> None:
    """Confirmations beyond the budget go out together, with all numbers and no word of their author's."""
    for n in range(6):
        world.write("lea@client.test", subject=f"MARKER {n}", results=None)
    world.letters()
    assert not world.run("send-owed")
    world.now += timedelta(days=1)
    assert world.run("send-owed") == 1
    letter = only(world.letters(), "confirmation-merged", "lea@client.test")
    assert "3 messages" in letter.text
    assert "#50034 #50035 #50036" in letter.text
    assert "MARKER" not in letter.raw.decode()
    world.now += timedelta(minutes=2)
    assert not world.run("send-owed")


def test_who_was_answered_needs_no_confirmation(world: World) -> None:
    """An agent's answer drops what waited for that ticket."""
    for n in range(4):
        world.write("lea@client.test", subject=f"matter {n}", results=None)
    notice = only([x for x in world.letters() if "50034" in str(x.message["Subject"])], "new", "ana@desk.test")
    world.write("ana@desk.test", "Use water.\n", answers=notice)
    world.letters()
    world.now += timedelta(hours=23, minutes=59, seconds=50)
    assert not world.run("send-owed")
    assert not confirmed(world)


def test_what_waits_for_a_day_is_dropped(world: World) -> None:
    """A confirmation a day late helps nobody; the history says that it was dropped."""
    for n in range(4):
        world.write("lea@client.test", subject=f"matter {n}", results=None)
    world.letters()
    world.now += timedelta(days=2)
    assert not world.run("send-owed")
    assert not confirmed(world)


def test_a_person_has_more(world: World) -> None:
    """Where an agent answered, a proved address has three in ten minutes and twenty a day."""
    world.write("lea@client.test", subject="first")
    world.write("ana@desk.test", "Use water.\n", answers=only(world.letters(), "new", "ana@desk.test"))
    count = 0
    for n in range(30):
        world.now += timedelta(minutes=11)
        world.write("lea@client.test", subject=f"matter {n}")
        count += len(confirmed(world))
    assert count == 19


@pytest.mark.parametrize("place", ["subject", "text"])
def test_aliases_that_answer_with_a_number_share_a_budget(world: World, place: str) -> None:
    """A robot with a new address for each answer gets twenty an hour, sixty a day, and no more (L8c)."""
    for n in range(100):
        subject = f"Ticket [#{50030 + n}] received" if place == "subject" else f"matter {n}"
        words = f"You wrote about [#{50030 + n}].\n" if place == "text" else "We have it.\n"
        world.write(f"r{n}@client.test", words, subject=subject)
        world.now += timedelta(minutes=1)
        if n == 49:
            assert len(confirmed(world)) == 20
            assert "20 an hour to addresses of one domain" in world.why()
    world.run("send-owed")
    world.now += timedelta(hours=20)
    world.run("send-owed")
    assert len(confirmed(world)) <= 40


def test_many_people_of_one_company_are_confirmed(world: World) -> None:
    """An outage at a customer's: a hundred of them write within minutes, and each hears at once."""
    for n in range(100):
        world.write(f"p{n}@client.test", subject=f"matter {n}", results=None if n % 2 else PROVED)
    assert len(confirmed(world)) == 100


def test_free_mail_is_nobodys_domain(world: World) -> None:
    """Thirty people of a free-mail domain are thirty people."""
    for n in range(30):
        world.write(f"r{n}@gmail.com", subject=f"matter {n}", results=None)
    assert len(confirmed(world)) == 30


def test_the_breaker_holds_and_closes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond ten times the usual hour new unproved addresses wait, admins hear of it, and are confirmed when it closes."""
    monkeypatch.setattr(brakes, "BREAKER_NEW_FLOOR", 50)
    world.store.write(lambda tx: tx.add("measure", name=braking._MEDIAN, value=1)).result()
    for n in range(60):
        world.write(f"a@c{n}.test", subject=f"matter {n}", results=None)
    assert len(confirmed(world)) == 50
    still = world.store.read(lambda tx: braking.standing_still(tx, world.now))
    assert still is not None
    assert still.what == "confirmations"
    world.write("lea@client.test", subject="proved")
    assert confirmed(world) == ["lea@client.test"]
    world.now += timedelta(hours=1, minutes=2)
    assert world.run("send-owed") == 10
    assert len(confirmed(world)) == 10
    assert world.store.read(lambda tx: braking.standing_still(tx, world.now)) is None


def test_a_clock_that_jumped_back_holds_nobody_for_ever(world: World) -> None:
    """Letters that a wrong clock wrote years ahead are not counted."""
    world.now += timedelta(days=3000)
    for n in range(3):
        world.write("lea@client.test", subject=f"matter {n}", results=None)
    world.now -= timedelta(days=3000)
    world.letters()
    world.write("lea@client.test", subject="now", results=None)
    assert confirmed(world) == ["lea@client.test"]


def unsubscribe(letter: Letter) -> str:
    """The address of a letter's List-Unsubscribe."""
    return str(letter.message["List-Unsubscribe"]).removeprefix("<mailto:").partition("?")[0]


@pytest.mark.parametrize("sender", ["somebody@else.test", None])
def test_one_mail_silences_an_address_for_good(world: World, sender: str | None) -> None:
    """An empty mail from anybody to the letter's own address ends automatic letters; an agent's answer still goes."""
    world.write("lea@client.test", results=None)
    letters = world.letters()
    world.give(b"From: x@else.test\r\nSubject: unsubscribe\r\n\r\n", unsubscribe(letters[0]), sender=sender)
    assert not world.letters()
    world.now += timedelta(days=400)
    world.write("lea+1@client.test", subject="another", results=None)
    assert not confirmed(world)
    assert "asked for no automatic letters" in world.why()
    world.write("ana@desk.test", "Use water.\n", answers=only(letters, "new", "ana@desk.test"))
    assert only(world.letters(), "answer").recipient == "lea@client.test"


def test_a_report_silences_nobody(world: World) -> None:
    """The null sender is a machine's: no wish of anybody."""
    world.write("lea@client.test", results=None)
    world.give(b"From: x@else.test\r\nSubject: ?\r\n\r\n", unsubscribe(world.letters()[0]), sender="")
    world.write("lea@client.test", subject="another", results=None)
    assert "lea@client.test" in confirmed(world)


def bounce(letter: Letter) -> bytes:
    """A delivery report that returns a letter's header."""
    return (
        "From: mailer-daemon@client.test\r\nTo: support@desk.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n'
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.client.test\r\n\r\n"
        f"Final-Recipient: rfc822; {letter.recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n--b\r\n"
        f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {letter.message['Message-ID']}\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounced_letter_is_told_once_and_silences_for_a_month(world: World) -> None:
    """The first report is told to agents, the next is an event; no automatic letter goes there for 30 days."""
    world.write("lea@client.test", results=None)
    letter = only(world.letters(), "confirmation-unproved")
    for n in range(3):
        world.give(bounce(letter) + b"\r\n" * n, letter.envelope_from, sender="")
    assert [x.notice for x in world.letters()] == ["undelivered", "undelivered"]
    world.write("lea@client.test", subject="another", results=None)
    assert not confirmed(world)
    world.now += timedelta(days=31)
    world.write("lea@client.test", subject="a month later", results=None)
    assert confirmed(world) == ["lea@client.test"]


def test_a_forged_report_of_an_old_letter_counts_for_nothing(world: World) -> None:
    """Who kept a letter's Message-ID can say later that it bounced: without its signed address nobody listens (T76)."""
    world.write("lea@client.test", results=None)
    letter = only(world.letters(), "confirmation-unproved")
    world.now += timedelta(days=6)
    assert world.give(bounce(letter), sender="").outcome == "ignored"
    assert not world.letters()
    world.write("lea@client.test", subject="another", results=None)
    assert confirmed(world) == ["lea@client.test"]
