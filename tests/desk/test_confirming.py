"""An agent's mail that lacks proof: it stays internal, and the real agent can say once that it was theirs."""

from __future__ import annotations

from datetime import timedelta

from maildesk.store import ledger
from tests.desk.world import Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "ana@desk.test"


def asked(world: World) -> Letter:
    """Ana answers Lea without proof; the letter that asks her whether it was she."""
    world.write(LEA)
    notice = only(world.letters(), "new", ANA)
    fate = world.write(ANA, "#solved\n\nUse water.\n", answers=notice, results=None)
    assert fate.outcome == "entry"
    letters = world.letters()
    assert {x.notice for x in letters} == {"not-taken"}
    assert world.entries()[-1][0] == "note"
    assert world.entries()[-1][2] == ("unverified", "agent-unverified")
    assert world.ticket().state == "new"
    return only(letters, "not-taken", ANA)


def test_a_confirmed_mail_is_carried_out(world: World) -> None:
    """#confirm in answer to the letter: the answer goes out and the command is done, as if it had been proved."""
    letter = asked(world)
    assert "#confirm" in letter.text
    assert world.write(ANA, "#confirm\n", answers=letter, results=None).outcome == "ignored"
    (fate,) = world.settle_waiting()
    assert fate.outcome == "entry"
    answer = only(world.letters(), "answer", "lea@client.test")
    assert answer.text.startswith("Use water.")
    assert world.ticket().state == "solved"
    assert "confirmed ana@desk.test" in world.why(2)


def test_a_confirmation_counts_once(world: World) -> None:
    """The second one is a mail like any other: nothing goes to the customer again."""
    letter = asked(world)
    world.write(ANA, "#confirm\n", answers=letter, results=None)
    world.settle_waiting()
    world.letters()
    world.write(ANA, "#confirm\n\n\n", answers=letter, results=None)
    assert world.settle_waiting() == []
    assert "answer" not in {x.notice for x in world.letters()}


def test_a_confirmation_lives_72_hours(world: World) -> None:
    """Later the letter is only a letter."""
    letter = asked(world)
    world.now += timedelta(hours=73)
    world.write(ANA, "#confirm\n", answers=letter, results=None)
    assert world.settle_waiting() == []


def test_nobody_else_confirms(world: World) -> None:
    """A stranger, a colleague, or a machine in the agent's name that has the letter does nothing."""
    letter = asked(world)
    assert world.write("eve@evil.test", "#confirm\n", answers=letter).cause == "agent-unverified"
    assert world.write("ben@desk.test", "#confirm\n", answers=letter).cause == "agent-unverified"
    world.write(ANA, "#confirm\n", answers=letter, headers={"Auto-Submitted": "auto-replied"})
    world.write(ANA, "I am away.\n", answers=letter)
    assert world.settle_waiting() == []
    assert "answer" not in {x.notice for x in world.letters()}


def test_the_agent_is_asked_once_an_hour(world: World) -> None:
    """A flood of forged mail in an agent's name is one letter to them."""
    world.write(LEA)
    notice = only(world.letters(), "new", ANA)
    for count in range(5):
        world.write(ANA, f"Forged {count}.\n", answers=notice, results=None)
    assert [x.notice for x in world.letters()] == ["not-taken"]


def test_an_act_is_done_once(world: World) -> None:
    """The same bytes under other headers, as whoever has them can send them again: held, and nothing goes out."""
    world.write(LEA)
    notice = only(world.letters(), "new", ANA)
    headers = {"Message-ID": "<act@desk.test>"}
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\n"
        b"From: ana@desk.test\r\nSubject: Re: x\r\nDate: "
        + world.now.strftime("%a, %d %b %Y %H:%M:%S +0000").encode()
        + f"\r\nMessage-ID: {headers['Message-ID']}\r\nTo: {notice.message['Reply-To']}\r\n".encode()
    )
    to = str(notice.message["Reply-To"])
    assert world.give(raw + b"\r\nUse water.\r\n", to, sender=ANA).outcome == "entry"
    assert only(world.letters(), "answer")
    for count in range(3):
        fate = world.give(raw + f"X-Copy: {count}\r\n\r\nUse water.\r\n".encode(), to, sender=ANA)
        assert (fate.outcome, fate.cause) == ("held", "replay")
    assert world.give(raw + b"\r\nUse water.\r\n", to, sender=ANA).outcome == "duplicate"
    assert world.letters() == []


def test_answers_to_somebody_else_are_no_agents(world: World) -> None:
    """From an agent, Reply-To somebody else, or the other way round: no command, no answer; the agent's own alias and the
    desk's address are no conflict."""
    world.write(LEA)
    notice = only(world.letters(), "new", ANA)
    world.write(ANA, "#solved\n\nSend it to me.\n", answers=notice, headers={"Reply-To": "eve@evil.test"})
    letter = only(world.letters(), "not-taken", ANA)
    assert "Reply-To" in letter.text
    assert world.ticket().state == "new"
    world.write("eve@evil.test", "#solved\n\nSend it to me.\n", answers=notice, headers={"Reply-To": ANA})
    assert world.ticket().state == "new"
    world.write(ANA, "#solved\n", answers=notice, headers={"Reply-To": ANA})
    assert world.ticket().state == "solved"


def test_a_ticket_on_behalf_is_opened_once(world: World) -> None:
    """A proved agent's #for, sent again under other headers or after a month: held, and nobody is written to twice."""
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\nFrom: ana@desk.test\r\n"
        b"Subject: Printer\r\nMessage-ID: <for@desk.test>\r\n"
    )
    words = b"\r\n#for lea@client.test\r\n\r\nShe called.\r\n"
    assert world.give(raw + words, sender=ANA).outcome == "ticket"
    assert only(world.letters(), "confirmation-for", "lea@client.test")
    assert world.give(raw + b"X-Copy: 1\r\n" + words, sender=ANA).cause == "replay"
    world.now += timedelta(days=31)
    assert world.give(raw + words, sender=ANA).cause == "replay"
    assert world.letters() == []


def test_a_held_act_that_is_let_in_is_done(world: World) -> None:
    """An admin's word on the command line is enough for what was held as a replay."""
    world.write(LEA)
    notice = only(world.letters(), "new", ANA)
    head = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\nFrom: ana@desk.test\r\n"
        b"Subject: Re: x\r\nMessage-ID: <act@desk.test>\r\nTo: " + str(notice.message["Reply-To"]).encode() + b"\r\n"
    )
    to = str(notice.message["Reply-To"])
    world.give(head + b"\r\nUse water.\r\n", to, sender=ANA)
    assert world.give(head + b"X-Copy: 1\r\n\r\nUse more water.\r\n", to, sender=ANA).cause == "replay"
    world.letters()
    assert world.store.write(lambda tx: ledger.decide_held(tx, 3, True, world.now)).result()
    assert [x.outcome for x in world.settle_waiting()] == ["entry"]
    assert only(world.letters(), "answer", "lea@client.test").text.startswith("Use more water.")
