"""The commands at the top of an agent's mail: every spelling, all or nothing, and nothing is ever lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.config import Agent, Config, Desk, Mailbox, Relay
from maildesk.desk.commands import COMMANDS, MAX_COMMAND_LINES, Act, Reading, effects, read
from maildesk.desk.directory import Directory
from maildesk.desk.model import Ticket
from maildesk.mail.model import Person
from maildesk.mail.token import Keyring

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
ANA = Agent(address="ana@desk.test", name="Ana Lima")
DESK = Directory(
    Config(
        desk=Desk(name="D"),
        mailbox=(Mailbox(address="support@desk.test"), Mailbox(address="sales@desk.test")),
        agent=(
            ANA,
            Agent(address="ben@desk.test", name="Ben Okoro", aliases=("b@home.test",)),
            Agent(address="ben2@desk.test", name="Ben Adler"),
            Agent(address="sal@desk.test", name="Sal", mailboxes=("sales@desk.test",)),
        ),
        relay=Relay(host="127.0.0.1"),
    ),
    Keyring("desk.test", 0, {0: bytes(range(32))}),
)
TICKET = Ticket(1, 50031, "s", "new", "normal", "support@desk.test", "en", None, None, ("old",), (), AT, AT)


def reading(text: str) -> Reading:
    return read(text, TICKET, ANA, DESK)


@pytest.mark.parametrize(
    ("line", "act"),
    [
        ("#solved", Act(state="solved")),
        ("#Solved", Act(state="solved")),
        ("  #SOLVED  ", Act(state="solved")),
        ("#solved:", Act(state="solved")),
        ("# solved", Act(state="solved")),
        ("#solved\u00a0", Act(state="solved")),
        ("#open", Act(state="open")),
        ("#pending", Act(state="pending")),
        ("#hold", Act(state="on-hold")),
        ("#note", Act(is_note=True)),
        ("#send", Act(is_forced=True)),
        ("#help", Act(wants_help=True)),
        ("#spam", Act(state="solved", tags=("old", "spam"))),
        ("#assign me", Act(assignee="ana@desk.test")),
        ("#assign none", Act(unassigns=True)),
        ("#assign Ben Okoro", Act(assignee="ben@desk.test")),
        ("#assign\tben okoro", Act(assignee="ben@desk.test")),
        ("#assign\u00a0b@home.test", Act(assignee="ben@desk.test")),
        ("#assign B@HOME.test", Act(assignee="ben@desk.test")),
        ("#assign @ben2", Act(assignee="ben2@desk.test")),
        ("#assign ben", Act(assignee="ben@desk.test")),
        ("#assign ana", Act(assignee="ana@desk.test")),
        ("#priority: HIGH", Act(priority="high")),
        ("#for lea@client.test", Act(requester=Person("lea@client.test"))),
        ("#for LEA@Client.test Lea  Martin", Act(requester=Person("LEA@client.test", "Lea Martin"))),
        ("#for: Lea Martin <lea@client.test>", Act(requester=Person("lea@client.test", "Lea Martin"))),
        (
            "#for\u00a0lea@client.test <mailto:lea@client.test> Lea Martin",
            Act(requester=Person("lea@client.test", "Lea Martin")),
        ),
        ("#tag refund, Märch -old", Act(tags=("refund", "märch"))),
        ("#tag #refund refund", Act(tags=("old", "refund"))),
    ],
)
def test_spellings(line: str, act: Act) -> None:
    """Each command in the ways people write it; the words below are the text."""
    found = reading(f"{line}\nHello Lea.")
    assert (found.act, found.text, found.refused) == (act, "Hello Lea.", None)


@pytest.mark.parametrize(
    ("line", "nearest"),
    [("#sloved", "#solved"), ("#asign ben", "#assign"), ("#prio high", "#priority"), ("#tags x", "#tag"),
     ("#xyzzyx", ""), ("#", ""), ("##", ""), ("#50031", "")],
)  # fmt: skip
def test_an_unknown_word_refuses_everything(line: str, nearest: str) -> None:
    """Nothing before or behind it is done either, and the nearest command is named."""
    found = reading(f"#solved\n{line}\n#priority high\nHello Lea.")
    assert found.act == Act()
    assert found.refused is not None
    assert (found.refused.kind, found.refused.more) == ("unknown-command", nearest)
    assert found.text == "Hello Lea."


@pytest.mark.parametrize(
    "line",
    ["#assign", "#assign eve", "#assign sal", "#assign @", "#priority", "#priority huge", "#tag", "#tag ,",
     "#solved yes please", "#open it", "#send it now", "#help me", "#spam bin it"],
)  # fmt: skip
def test_a_bad_argument_refuses_everything(line: str) -> None:
    """Missing, unknown or superfluous words: nothing is done, and the whole line is shown."""
    found = reading(f"#priority low\n{line}\nHello Lea.")
    assert found.act == Act()
    assert found.refused is not None
    assert (found.refused.kind, found.refused.detail) == ("bad-argument", line)
    assert found.text == "Hello Lea."


def test_two_people_are_nobody() -> None:
    """Two lines that name two people refuse both; the same one twice is one."""
    assert reading("#for lea@client.test\n#for max@client.test").refused is not None
    assert reading("#for lea@client.test\n#for LEA@client.test Lea").act.requester == Person("LEA@client.test", "Lea")


def test_a_first_name_of_two_is_nobody() -> None:
    """Two Bens: a first name alone decides nothing where no address does."""
    found = reading("#assign Ben A")
    assert found.refused is not None
    assert "Ben Adler" in found.refused.more


def test_words_behind_note_are_the_notes() -> None:
    """ "#note she is nice" keeps what it says."""
    found = reading("#note she is nice\nreally")
    assert (found.text, found.act.is_note) == ("she is nice\nreally", True)


def test_only_the_first_block_is_read() -> None:
    """Below any other line a "#" is text; blank lines in front and between do not count."""
    found = reading("\n \n\u00a0\n#open\n\n#priority high\nHello.\n#solved\n# Heading")
    assert found.act == Act(state="open", priority="high")
    assert found.text == "Hello.\n#solved\n# Heading"


def test_no_more_than_twenty_lines() -> None:
    """What stands below is text."""
    text = "\n".join(["#open"] * MAX_COMMAND_LINES + ["#solved", "Hello."])
    assert (reading(text).act.state, reading(text).text) == ("open", "#solved\nHello.")


def test_later_commands_win_and_tags_add_up() -> None:
    """The block is read from top to bottom."""
    found = reading("#open\n#tag a\n#solved\n#tag b -old\n#assign none\n#assign me")
    assert found.act == Act(state="solved", assignee="ana@desk.test", tags=("a", "b"))


LINES = st.one_of(
    st.sampled_from([f"#{c.name}" for c in COMMANDS]),
    st.builds("#{} {}".format, st.sampled_from([c.name for c in COMMANDS]), st.text(max_size=12)),
    st.text(max_size=30),
    st.just(""),
)


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_reading_never_raises_and_never_loses_words(text: str) -> None:
    """Every line that is no command of the first block is in the text, in order; refused, nothing is done."""
    found = reading(text)
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), len(lines))
    below = "\n".join(lines[first:]).strip("\n")
    assert found.text.endswith(below)
    assert found.refused is None or found.act == Act()


def test_what_a_receipt_says() -> None:
    """State, assignee, priority and tags before and after, each only where it changed."""
    act = reading("#assign ben okoro\n#priority high\n#tag x").act
    found = effects(act, TICKET, "new", act.assignee, DESK)
    assert [(e.what, e.before, e.after) for e in found] == [
        ("assignee", "", "Ben Okoro"),
        ("priority", "normal", "high"),
        ("tags", "old", "old x"),
    ]
    assert effects(Act(), TICKET, "new", None, DESK) == ()
