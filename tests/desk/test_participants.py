"""Who takes part in a ticket, by whose word, and what each of them gets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from maildesk.config import Agent
from tests.desk.world import FAILED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "Ana Lima <ana@desk.test>"
SAM = "sam@friend.test"
KIM = "kim@other.test"


def notice_of(world: World) -> Letter:
    """The newest notice to Ana."""
    return [x for x in world.letters() if x.recipient == "ana@desk.test" and x.notice in ("new", "reply")][-1]


def opened(world: World, cc: str = SAM, **more: object) -> Letter:
    """Ticket 50031 of Lea's, who copies somebody; the notice of it."""
    world.write(LEA, headers={"Cc": cc}, **more)  # type: ignore[arg-type]
    return notice_of(world)


def people(world: World) -> list[str]:
    """Whom answers go to."""
    return [person.address for person in world.ticket().customers]


def answers(letters: list[Letter]) -> dict[str, str]:
    """The answers' texts, by recipient."""
    return {x.recipient: x.text for x in letters if x.notice == "answer"}


def test_a_copied_person_joins_with_a_proved_new_ticket(world: World) -> None:
    """The requester first; an event says who was added; `why` says why."""
    opened(world)
    assert people(world) == ["lea@client.test", SAM]
    assert ("event", f"cc: +{SAM}", ()) in world.entries()
    assert f"{SAM} joins, limited" in world.why(1)


def test_nobody_is_written_to_because_they_joined(world: World) -> None:
    """The confirmation goes to the requester alone, and no letter names the other."""
    world.write(LEA, headers={"Cc": SAM})
    letters = world.letters()
    assert {x.recipient for x in letters} == {"lea@client.test", "ana@desk.test", "ben@desk.test"}
    assert SAM.encode() not in only(letters, "confirmation").raw


@pytest.mark.parametrize("results", [None, FAILED])
def test_nobody_joins_by_an_unproved_mail(world: World, results: str | None) -> None:
    """A new ticket of a claimed author has that author and nobody else."""
    world.write(LEA, headers={"Cc": SAM}, results=results)
    assert SAM not in people(world)
    assert "nobody joins (its author is not proved)" in world.why(1)


def test_an_old_mail_that_comes_again_adds_nobody(world: World) -> None:
    """Its signature is as good as ever; whom it copied joins the ticket of its day and no later one."""
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: lea@client.test\r\n"
        b"To: support@desk.test\r\nCc: sam@friend.test\r\nSubject: Old\r\nMessage-ID: <old@client.test>\r\n"
        b"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\n\r\nHello\r\n"
    )
    world.give(raw, sender="lea@client.test")
    world.now += timedelta(days=40)
    world.give(raw, sender="lea@client.test")
    found = [[p.address for p in world.ticket(number).customers] for number in (50031, 50032)]
    assert found == [["lea@client.test", SAM], ["lea@client.test"]]


def test_further_addresses_of_to_join_too(world: World) -> None:
    """To is for whoever is written to, as Cc is."""
    world.write(LEA, to=("support@desk.test",), headers={"Cc": SAM, "Resent-To": KIM})
    assert people(world) == ["lea@client.test", SAM]
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: lea@client.test\r\n"
        b"To: support@desk.test, kim@other.test\r\nSubject: Two\r\nMessage-ID: <two@client.test>\r\n\r\nHello\r\n"
    )
    world.give(raw, sender="lea@client.test")
    assert [p.address for p in world.ticket(50032).customers] == ["lea@client.test", KIM]


@pytest.mark.parametrize(
    "address",
    [
        "support@desk.test", "support+x@desk.test", "SUPPORT@DESK.TEST", "postmaster@desk.test", "ana@desk.test",
        "Ben@Desk.test", "ana.lima@home.test", "noreply@shop.test", "do-not-reply@shop.test", "mailer-daemon@x.test",
        "owner-users@lists.test", "users-request@lists.test", "users-bounces@lists.test", "users-unsubscribe@lists.test",
        "majordomo@lists.test", "bounce+abc@shop.test", "LEA@client.test", "quiet@victim.test",
    ],
)  # fmt: skip
def test_who_never_joins(world: World, address: str) -> None:
    """The desk, agents by each of their addresses, what no person reads, who wants no mail, and the author."""
    world.close()
    agents = (Agent(address="ana@desk.test", name="Ana Lima", aliases=("ana.lima@home.test",)), world.agents[1])
    desk = World.reopened(world, agents=agents)
    with closing(sqlite3.connect(desk.folder / "desk.db")) as db, db:
        db.execute("INSERT INTO silenced (address_key, why) VALUES ('quiet@victim.test', 'asked')")
    desk.write(LEA, headers={"Cc": f"{address}, {SAM}"})
    assert people(desk) == ["lea@client.test", SAM]
    desk.close()


def test_five_join_by_one_mail(world: World) -> None:
    """The sixth is refused, and `why` says so."""
    opened(world, ", ".join(f"p{n}@friend.test" for n in range(8)))
    assert len(people(world)) == 1 + 5
    assert "p5@friend.test does not join: 5 join by one mail" in world.why(1)


def test_ten_join_a_ticket(world: World) -> None:
    """However many mails name them."""
    notice = opened(world, ", ".join(f"p{n}@friend.test" for n in range(5)))
    world.write(ANA, "Which one?\n", answers=notice)
    answer = only(world.letters(), "answer", "lea@client.test")
    for mail in range(3):
        cc = ", ".join(f"q{mail}{n}@friend.test" for n in range(4))
        world.write(LEA, answers=answer, headers={"Cc": cc})
    assert len(people(world)) == 1 + 10


def test_a_customer_adds_twenty_a_day(world: World) -> None:
    """On all their tickets together; a day later more."""

    def copies(ticket: int) -> int:
        cc = ", ".join(f"p{ticket}-{n}@friend.test" for n in range(5))
        world.write(LEA, f"Matter {ticket}\n", subject=f"Matter {ticket}", headers={"Cc": cc})
        return len(world.ticket(50031 + ticket).customers) - 1

    assert [copies(n) for n in range(5)] == [5, 5, 5, 5, 0]
    world.now += timedelta(days=1, minutes=1)
    assert copies(5) == 5


def test_the_requester_adds_somebody_by_a_reply(world: World) -> None:
    """By a signed address; they have nothing that is older."""
    notice = opened(world, "support@desk.test")
    world.write(ANA, "First answer.\n", answers=notice)
    answer = only(world.letters(), "answer")
    world.write(LEA, "Sam too, please.\n", answers=answer, headers={"Cc": SAM})
    assert people(world) == ["lea@client.test", SAM]
    world.write(ANA, "Second answer.\n", answers=notice_of(world))
    found = answers(world.letters())
    assert found[SAM].strip().endswith("Second answer.")
    assert "First answer." not in found[SAM]


def test_a_participant_adds_nobody(world: World) -> None:
    """What Sam writes joins; whom Sam copies does not."""
    world.write(ANA, "Hello all.\n", answers=opened(world))
    answer = only(world.letters(), "answer", SAM)
    world.write(SAM, "Kim too.\n", answers=answer, headers={"Cc": KIM})
    assert people(world) == ["lea@client.test", SAM]
    assert any("Kim too." in text for _, text, _ in world.entries())
    assert "its author is not the requester" in world.why(3)


def test_a_reply_without_a_letter_of_ours_adds_nobody(world: World) -> None:
    """A known Message-ID of somebody else's is no invitation."""
    world.write(LEA)
    first = next(iter(world.store.read(lambda tx: tx.list("people of a ticket", ticket_id=1))))
    assert first["address"] == "lea@client.test"
    entry = f"<1.{int((world.now - timedelta(seconds=1)).timestamp())}@client.test>"
    world.write(LEA, "More.\n", headers={"In-Reply-To": entry, "References": entry, "Cc": SAM})
    assert "it answers no letter of ours" in world.why(2)
    assert people(world) == ["lea@client.test"]


def test_what_a_customer_writes_goes_to_agents_only(world: World) -> None:
    """The requester's and the participant's mails are notices, never letters to the other."""
    world.write(ANA, "Hello all.\n", answers=opened(world))
    sent = world.letters()
    for author in (LEA, SAM):
        bare = author.rpartition("<")[2].rstrip(">")
        world.write(author, "And now?\n", answers=only(sent, "answer", bare))
        assert {x.recipient for x in world.letters()} <= {"ana@desk.test", "ben@desk.test"}


def test_an_answer_is_one_letter_to_each_alone(world: World) -> None:
    """To names its reader, and no byte of it another one; the requester alone hears of whom they added, once."""
    notice = opened(world, f"{SAM}, {KIM}")
    world.write(ANA, "Use water.\n", answers=notice)
    letters = [x for x in world.letters() if x.notice == "answer"]
    assert sorted(x.recipient for x in letters) == [KIM, "lea@client.test", SAM]
    for letter in letters:
        assert str(letter.message["To"]) == letter.recipient
        assert letter.message["Cc"] is None
        if letter.recipient != "lea@client.test":
            others = {KIM, SAM, "lea@client.test", "ana@desk.test"} - {letter.recipient}
            assert not [o for o in others if o in letter.raw.decode("latin-1") or o in letter.text]
    assert f"Copied: {SAM}, {KIM}" in only(letters, "answer", "lea@client.test").text
    world.write(ANA, "And sand.\n", answers=notice)
    assert "Copied" not in answers(world.letters())["lea@client.test"]


def test_a_limited_reader_gets_no_files(world: World) -> None:
    """The requester gets them; whom an agent lifts gets those of later answers."""
    notice = opened(world)
    world.write(ANA, "See the plan.\n", answers=notice, attachments=(("plan.bin", b"secret plan"),))
    letters = {x.recipient: list(x.message.iter_attachments()) for x in world.letters() if x.notice == "answer"}
    assert (len(letters["lea@client.test"]), len(letters[SAM])) == (1, 0)
    world.write(
        ANA, f"#cc {SAM} Sam\n\nThe other plan.\n", answers=notice, attachments=(("plan2.bin", b"second plan"),)
    )
    letters = {x.recipient: list(x.message.iter_attachments()) for x in world.letters() if x.notice == "answer"}
    assert (len(letters["lea@client.test"]), len(letters[SAM])) == (1, 1)


def test_each_letter_quotes_what_its_reader_has(world: World) -> None:
    """Between an agent's words stand quoted lines of one customer: the others get the words without them."""
    notice = opened(world)
    words = "Hello,\n\n> the printer is on fire.\n\nSince when?\n"
    world.write(ANA, words, answers=notice)
    first = answers(world.letters())
    assert "> the printer is on fire." in first["lea@client.test"]
    assert "printer is on fire" not in first[SAM].partition("\n")[2]
    # What stands in the kept answer as a quote is nobody else's in the next one either.
    world.write(ANA, "Again:\n\n> > the printer is on fire.\n> Since when?\n\nPlease tell.\n", answers=notice)
    second = answers(world.letters())
    assert "the printer is on fire." in second["lea@client.test"]
    assert "printer is on fire." not in second[SAM]
    assert "> Since when?" in second[SAM]


def test_the_participants_words_are_not_quoted_to_the_requester(world: World) -> None:
    """Nor the other way round."""
    notice = opened(world)
    world.write(ANA, "Hello all.\n", answers=notice)
    world.write(SAM, "My salary is 4711.\n", answers=only(world.letters(), "answer", SAM))
    world.write(ANA, "Well:\n\n> My salary is 4711.\n> Hello all.\n\nThanks.\n", answers=notice_of(world))
    found = answers(world.letters())
    assert "> My salary is 4711." in found[SAM]
    assert "4711" not in found["lea@client.test"]
    assert "> Hello all." in found["lea@client.test"]


def test_an_agent_adds_and_removes_people(world: World) -> None:
    """`#cc` is full and gets this answer already; after `#uncc` nothing more; `#cc` again begins anew."""
    notice = opened(world, "support@desk.test")
    world.write(ANA, f"#cc {SAM} Sam Sung\n\nWelcome Sam.\n", answers=notice)
    letters = world.letters()
    assert "Welcome Sam." in answers(letters)[SAM]
    assert "Sam Sung <sam@friend.test> gets the answers" in only(letters, "receipt").text
    world.write(ANA, f"#uncc {SAM}\n\nWithout Sam.\n", answers=notice)
    assert list(answers(world.letters())) == ["lea@client.test"]
    world.write(ANA, f"#cc {SAM}\n\n> Without Sam.\n\nSam again.\n", answers=notice)
    again = answers(world.letters())[SAM]
    assert "Sam again." in again
    assert "Without Sam." not in again
    events = [text for kind, text, _ in world.entries() if kind == "event"]
    assert events[0].endswith("cc: +Sam Sung <sam@friend.test>")
    assert events[1].endswith("cc: -Sam Sung <sam@friend.test>")


@pytest.mark.parametrize(
    "line",
    ["#uncc lea@client.test", "#uncc nobody@x.test", "#cc support@desk.test", "#cc ben@desk.test", "#cc", "#uncc"],
)
def test_what_cc_and_uncc_do_not_do(world: World, line: str) -> None:
    """The requester stays; nobody of the desk is a customer; the mail goes back whole."""
    notice = opened(world)
    world.write(ANA, f"{line}\n\nText.\n", answers=notice)
    letters = world.letters()
    assert people(world) == ["lea@client.test", SAM]
    assert [x.notice for x in letters] == ["not-done"]


def test_a_former_participants_mail_is_told_to_agents_only(world: World) -> None:
    """It joins, flagged; it makes nobody a participant; the requester's Cc does not bring them back."""
    notice = opened(world)
    world.write(ANA, "Hello.\n", answers=notice)
    letters = world.letters()
    sams, leas = only(letters, "answer", SAM), only(letters, "answer", "lea@client.test")
    world.write(ANA, f"#uncc {SAM}\n", answers=notice)
    world.letters()
    world.write(SAM, "I am still here.\n", answers=sams, headers={"Cc": KIM})
    assert [(text, flags) for _, text, flags in world.entries()][-1][1] == ("former",)
    assert {x.recipient for x in world.letters()} <= {"ana@desk.test", "ben@desk.test"}
    world.write(LEA, "Sam, please.\n", answers=leas, headers={"Cc": SAM})
    assert people(world) == ["lea@client.test"]
    assert f"{SAM} does not join: an agent has removed it" in world.why(5)


def test_a_forward_with_cc_on_top_adds_too(world: World) -> None:
    """`#for` opens somebody's ticket and `#cc` adds another person, who gets the answers."""
    world.write(ANA, f"#for lea@client.test Lea\n#cc {SAM}\n\nShe called.\n")
    assert people(world) == ["lea@client.test", SAM]


def test_a_blind_copy_is_named_in_why(world: World) -> None:
    """Nobody who was written to joins a desk that they cannot see, and Bcc adds nobody."""
    world.write(LEA, headers={"Bcc": f"support@desk.test, {KIM}"})
    assert people(world) == ["lea@client.test"]
    assert "blind copy" not in world.why(1)
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: lea@client.test\r\n"
        b"To: sam@friend.test\r\nBcc: kim@other.test\r\nSubject: Two\r\nMessage-ID: <two@client.test>\r\n\r\nHello\r\n"
    )
    world.give(raw, sender="lea@client.test")
    assert [p.address for p in world.ticket(50032).customers] == ["lea@client.test"]
    assert "blind copy: support@desk.test" in world.why(2)
