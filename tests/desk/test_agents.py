"""What an agent's mail does: answers, notes, commands, and what is not taken as an act."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildesk.config import Agent, Mailbox, Trust
from maildesk.desk.commands import COMMANDS
from maildesk.mail.model import Person
from maildesk.mail.token import Purpose
from maildesk.store import tickets
from tests.desk.world import FAILED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "Ana Lima <ana@desk.test>"
BEN = "Ben Okoro <ben@desk.test>"


def _opened(world: World) -> dict[str, Letter]:
    """A ticket of Lea's, and the letters it caused by recipient."""
    world.write(LEA)
    return {x.recipient: x for x in world.letters()}


def test_an_answer_goes_to_the_customer(world: World) -> None:
    """The new text goes to the customer from the mailbox in the agent's name, with attachments, and never shows the
    agent's address; the ticket is pending and theirs; the colleagues hear of it in a line."""
    letters = _opened(world)
    world.write(
        ANA,
        "Hello Lea,\n\nplease use water.\n\n-- \nAna Lima, ana@desk.test\n",
        answers=letters["ana@desk.test"],
        attachments=(("water.txt", b"H2O"),),
    )
    sent = world.letters()
    answer = only(sent, "answer", "lea@client.test")
    assert "please use water" in answer.text
    assert "Ana Lima" in answer.text
    assert b"ana@desk.test" not in answer.raw
    assert "wrote:" not in answer.text
    assert ">" not in answer.text
    assert str(answer.message["From"]).endswith("<support@desk.test>")
    assert "Ana Lima (Desk Support)" in str(answer.message["From"])
    assert answer.message["Auto-Submitted"] is None
    assert answer.message["Subject"] == "Re: [#50031] Printer on fire"
    assert [a.get_filename() for a in answer.message.iter_attachments()] == ["water.txt"]
    assert only(sent, "taken").recipient == "ben@desk.test"
    ticket = world.ticket()
    assert (ticket.state, ticket.assignee) == ("pending", "ana@desk.test")
    assert len(sent) == 2


def test_the_assignee_alone_hears_of_the_next_entry(world: World) -> None:
    """After Ana's answer a customer's entry is told to Ana alone."""
    letters = _opened(world)
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"])
    answer = only(world.letters(), "answer")
    world.write(LEA, "It still burns.\n", answers=answer)
    assert [(x.notice, x.recipient) for x in world.letters()] == [("reply", "ana@desk.test")]


def test_an_assignee_who_left_means_everybody(tmp_path: Path) -> None:
    """When the assignee is no agent any more, all agents of the mailbox hear of it."""
    world = World(tmp_path)
    letters = _opened(world)
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"])
    answer = only(world.letters(), "answer")
    world.close()
    later = World.reopened(world, agents=(Agent(address="ben@desk.test"), Agent(address="cleo@desk.test")))
    later.write(LEA, "It still burns.\n", answers=answer)
    assert {x.recipient for x in later.letters()} == {"ben@desk.test", "cleo@desk.test"}
    later.close()


def test_two_answers_to_one_notice(world: World) -> None:
    """The second agent's answer is not sent but returned with the news; #send on top sends it."""
    letters = _opened(world)
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"])
    world.letters()
    world.write(BEN, "Use foam.\n", answers=letters["ben@desk.test"])
    back = world.letters()
    returned = only(back, "not-sent", "ben@desk.test")
    assert len(back) == 1
    assert "Use foam" in returned.text
    assert "Ana Lima" in returned.text
    assert "#send" in returned.text
    world.write(BEN, "#send\nUse foam.\n", answers=letters["ben@desk.test"])
    assert "Use foam" in only(world.letters(), "answer", "lea@client.test").text


def test_nobody_to_answer(world: World) -> None:
    """An answer on a ticket whose author nobody could believe is returned, not lost in silence."""
    world.give(b"From: a@client.test, b@evil.test\r\nSubject: x\r\n\r\nhello\r\n")
    ticket = world.ticket()
    slot = world.store.write(
        lambda tx: tickets.slot_of(tx, ticket.id, "agent", Person("ana@desk.test", "Ana Lima"), world.now)
    ).result()
    world.write(
        ANA, "Who are you?\n", to=(f"support+{world.keyring.sign(Purpose.AGENT_REPLY, ticket.id, slot)}@desk.test",)
    )
    returned = only(world.letters(), "not-sent", "ana@desk.test")
    assert "Who are you?" in returned.text
    assert world.ticket().state == "new"


def test_the_customer_wrote_again_meanwhile(world: World) -> None:
    """The answer is sent, and the receipt says that there is news."""
    letters = _opened(world)
    world.write(LEA, "One more thing.\n", answers=letters["lea@client.test"])
    world.letters()
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"])
    sent = world.letters()
    only(sent, "answer", "lea@client.test")
    only(sent, "receipt", "ana@desk.test")


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("#solved", "state", "solved"),
        ("#open", "state", "open"),
        ("#pending", "state", "pending"),
        ("#hold", "state", "on-hold"),
        ("#assign ben", "assignee", "ben@desk.test"),
        ("#assign Ben Okoro", "assignee", "ben@desk.test"),
        ("#assign me", "assignee", "ana@desk.test"),
        ("#priority urgent", "priority", "urgent"),
        ("#tag refund march", "tags", ("refund", "march")),
        ("#spam", "tags", ("spam",)),
        ("#SOLVED", "state", "solved"),
    ],
)
def test_a_command_alone(world: World, line: str, field: str, value: object) -> None:
    """Each command does its one thing, sends the customer nothing, and is answered by a receipt of one line."""
    letters = _opened(world)
    world.write(ANA, f"{line}\n", answers=letters["ana@desk.test"])
    assert getattr(world.ticket(), field) == value
    sent = world.letters()
    assert [x for x in sent if x.recipient == "lea@client.test"] == []
    receipt = only(sent, "receipt", "ana@desk.test")
    assert "50031" in receipt.text


def test_solved_assigns_an_unassigned_ticket(world: World) -> None:
    """#solved on an unassigned ticket makes it the agent's."""
    letters = _opened(world)
    world.write(ANA, "#solved\n", answers=letters["ana@desk.test"])
    assert world.ticket().assignee == "ana@desk.test"


def test_a_command_with_an_answer(world: World) -> None:
    """The commands do not reach the customer, and the state is the command's, not pending."""
    letters = _opened(world)
    world.write(ANA, "#solved\n#tag water\nUse water.\n", answers=letters["ana@desk.test"])
    answer = only(world.letters(), "answer")
    assert "#" not in answer.text.replace("#50031", "")
    assert world.ticket().state == "solved"


def test_commands_of_an_html_mail(world: World) -> None:
    """Mail programs that write HTML put a blank line between any two lines: every command is still one."""
    letters = _opened(world)
    notice = letters["ana@desk.test"].message
    raw = (
        "Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\nFrom: Ana Lima <ana@desk.test>\r\n"
        f"Subject: RE: x\r\nMessage-ID: <html@desk.test>\r\nIn-Reply-To: {notice['Message-ID']}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        "<p>#solved</p><p>#tag water</p><p>Use <b>water</b>.</p>\r\n"
    )
    world.give(raw.encode(), str(notice["Reply-To"]))
    assert (world.ticket().state, world.ticket().tags) == ("solved", ("water",))
    assert only(world.letters(), "answer").text.startswith("Use water.")


def test_a_note_stays_inside(world: World) -> None:
    """#note: no change of state, nothing to the customer, an entry of kind note."""
    letters = _opened(world)
    world.write(ANA, "#note\nShe is a good customer.\n", answers=letters["ana@desk.test"])
    assert world.entries()[-1][:2] == ("note", "She is a good customer.")
    assert world.ticket().state == "new"
    assert [x for x in world.letters() if x.recipient == "lea@client.test"] == []


def test_an_unknown_command_does_nothing(world: World) -> None:
    """Nothing is sent or changed; the nearest command is named and the text comes back."""
    letters = _opened(world)
    world.write(ANA, "#sloved\n#priority urgent\nUse water.\n", answers=letters["ana@desk.test"])
    sent = world.letters()
    refused = only(sent, "not-done", "ana@desk.test")
    assert len(sent) == 1
    assert "#solved" in refused.text
    assert "Use water" in refused.text
    assert (world.ticket().state, world.ticket().priority) == ("new", "normal")


def test_help_lists_every_command(world: World) -> None:
    """#help names each command of the table."""
    letters = _opened(world)
    world.write(ANA, "#help\n", answers=letters["ana@desk.test"])
    text = only(world.letters(), "help", "ana@desk.test").text
    assert [c.name for c in COMMANDS if f"#{c.name}" not in text] == []


def test_commands_below_the_first_text_are_text(world: World) -> None:
    """A planted command in a quote or below the agent's words is never read."""
    world.write(LEA, "Hello,\n\n#solved\n#spam\n")
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write(ANA, "I look into it.\n\n#solved\n", answers=notice)
    assert world.ticket().state == "pending"
    assert world.ticket().tags == ()


def test_an_assigned_colleague_is_told(world: World) -> None:
    """#assign ben: Ben gets a notice he can answer."""
    letters = _opened(world)
    world.write(ANA, "#assign ben\n", answers=letters["ana@desk.test"])
    notice = only(world.letters(), "assigned", "ben@desk.test")
    world.write(BEN, "Use foam.\n", answers=notice)
    only(world.letters(), "answer", "lea@client.test")


def test_an_unproved_agent_is_told_why(world: World) -> None:
    """Without proof the text stays inside, commands are unread, and the real agent hears it once an hour."""
    letters = _opened(world)
    for _ in range(2):
        world.write(ANA, "#solved\nUse water.\n", answers=letters["ana@desk.test"], results=None)
    assert world.entries()[-1][0] == "note"
    assert world.entries()[-1][2] == ("unverified", "agent-unverified")
    assert world.ticket().state == "new"
    explained = only(world.letters(), "not-taken", "ana@desk.test")
    assert "agent_proof" in explained.text


def test_a_forged_agent_reaches_nobody_else(world: World) -> None:
    """A mail whose domain disowns it is no act either; the customer gets nothing."""
    letters = _opened(world)
    world.write(ANA, "Send your password to evil.test.\n", answers=letters["ana@desk.test"], results=FAILED)
    assert {x.recipient for x in world.letters()} <= {"ana@desk.test"}
    assert "agent-unverified" in world.entries()[-1][2]


def test_a_proved_agent_by_other_evidence_makes_a_note(world: World) -> None:
    """Without their own signed address a proved agent's mail is a note, and they are told."""
    letters = _opened(world)
    headers = {"In-Reply-To": str(letters["ana@desk.test"].message["Message-ID"])}
    world.write(ANA, "Use water.\n", headers=headers, subject="Re: [#50031] Printer on fire")
    assert world.entries()[-1] == ("note", "Use water.", ())
    only(world.letters(), "not-taken", "ana@desk.test")


def test_a_colleague_with_another_agents_address_makes_a_note(world: World) -> None:
    """Ben answering Ana's forwarded notice does not speak as Ana, nor to the customer."""
    letters = _opened(world)
    world.write(BEN, "Use water.\n", answers=letters["ana@desk.test"])
    assert world.entries()[-1][0] == "note"
    assert {x.recipient for x in world.letters()} == {"ben@desk.test"}


def test_a_customer_with_an_agents_address_is_a_customer(world: World) -> None:
    """A forwarded notice's address lets a customer speak as themselves, not as the agent."""
    letters = _opened(world)
    world.write(LEA, "#solved\nThank you.\n", answers=letters["ana@desk.test"])
    assert world.entries()[-1][0] == "customer"
    assert world.ticket().state == "new"


def test_an_agents_new_mail_is_anyones(world: World) -> None:
    """A new mail of an agent to the mailbox opens a ticket and is confirmed; the author is not told of it."""
    world.write(ANA)
    assert {(x.notice, x.recipient) for x in world.letters()} == {
        ("confirmation", "ana@desk.test"),
        ("new", "ben@desk.test"),
    }


def test_an_agents_absence_notice_reaches_nobody(world: World) -> None:
    """An agent's vacation robot answers a notice: internal, quiet."""
    letters = _opened(world)
    headers = {"Auto-Submitted": "auto-replied"}
    world.write(ANA, "I am on holiday.\n", answers=letters["ana@desk.test"], headers=headers, subject="Out of office")
    assert world.letters() == []
    assert world.entries()[-1][0] == "note"


def test_further_addresses_get_nothing(world: World) -> None:
    """Addresses an agent adds get nothing from the desk and are named in the receipt."""
    letters = _opened(world)
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"], headers={"Cc": "boss@client.test"})
    sent = world.letters()
    assert "boss@client.test" in only(sent, "receipt", "ana@desk.test").text
    assert {x.recipient for x in sent} == {"lea@client.test", "ana@desk.test", "ben@desk.test"}


def test_inline_quotes_travel_only_when_the_customer_has_them(world: World) -> None:
    """Between the agent's lines a quoted line goes along when a public entry holds it; of a note nothing ever does."""
    world.write(LEA, "Does water help?\nAnd foam?\n")
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write(ANA, "#note\nThe secret note.\n", answers=notice)
    world.letters()
    words = "> Does water help?\nYes.\n\n> The secret note.\n> And foam?\nNo.\n"
    world.write(
        ANA,
        words,
        to=(str(notice.message["Reply-To"]),),
        subject="Re: [#50031] Printer on fire",
        headers={"In-Reply-To": str(notice.message["Message-ID"])},
    )
    text = only(world.letters(), "answer").text
    assert "> Does water help?" in text
    assert "> And foam?" in text
    assert "secret" not in text


def test_a_replayed_act_happens_once(world: World) -> None:
    """The same bytes again are a duplicate: one answer."""
    letters = _opened(world)
    raw = (
        b"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\nFrom: ana@desk.test\r\n"
        b"Subject: Re: x\r\nMessage-ID: <r@desk.test>\r\n\r\nUse water.\r\n"
    )
    to = str(letters["ana@desk.test"].message["Reply-To"])
    assert [world.give(raw, to).outcome for _ in range(5)] == ["entry"] + ["duplicate"] * 4
    assert len([x for x in world.letters() if x.notice == "answer"]) == 1


def test_token_proof_is_enough_where_it_is_configured(tmp_path: Path) -> None:
    """agent_proof = "token": whoever sees a notice can act as its reader; it is the default where no proof is to be had."""
    world = World(tmp_path, trust=Trust(verify="none"))
    letters = _opened(world)
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"], results=None)
    only(world.letters(), "answer", "lea@client.test")
    world.close()


def test_without_signed_addresses_message_ids_do_their_work(tmp_path: Path) -> None:
    """reply_address = "none": the notice's signed Message-ID stands in for the agent's address."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test", reply_address="none"),))
    letters = _opened(world)
    assert letters["ana@desk.test"].message["Reply-To"] == "support@desk.test"
    world.write(ANA, "Use water.\n", answers=letters["ana@desk.test"])
    answer = only(world.letters(), "answer", "lea@client.test")
    world.write(LEA, "Thanks.\n", answers=answer)
    assert len(world.entries()) == 3
    world.close()


def test_every_letter_has_one_recipient_and_a_signed_reply_address(world: World) -> None:
    """A notice has a signed Reply-To too, and every envelope sender is a signed bounce address."""
    for letter in _opened(world).values():
        assert letter.message["To"] == letter.recipient
        assert str(letter.message["Reply-To"]).startswith("support+")
        assert letter.envelope_from.startswith("support+")
        assert letter.envelope_from != letter.message["Reply-To"]


def test_two_programs_that_answer_each_other_stop(world: World) -> None:
    """An agent's mailbox that answers notices, and a customer's that answers answers: after ten in an hour one comes back."""
    world.write(LEA)
    sent = 0
    for turn in range(15):
        notice = [x for x in world.letters() if x.recipient == "ana@desk.test"][-1]
        world.write(ANA, f"I am away, {turn}.\n", answers=notice)
        letters = world.letters()
        if not any(x.notice == "answer" for x in letters):
            assert "Ten answers" in only(letters, "not-sent", "ana@desk.test").text
            break
        sent += 1
        answer = next(x for x in letters if x.notice == "answer")
        world.write(LEA, f"We have your message {turn}.\n", answers=answer)
    assert sent == 10
