"""What of an agent's mail a customer gets: no line of a note, of another ticket, or an agent's address, ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.desk.model import Entry, Participant
from maildesk.desk.outgoing import answer_text
from maildesk.desk.participants import had
from maildesk.mail.model import Block, BlockKind, Person
from tests.desk.world import Letter, World, only

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
OWN = ("ana@desk.test", "ana.lima@home.test")
NOTE, OTHER = "she owes us 300", "the other customer's matter"


def entry(kind: str, text: str, *flags: str) -> Entry:
    return Entry(1, kind, Person("lea@client.test"), AT, text, text, None, flags)  # type: ignore[arg-type]


ENTRIES = (
    entry("customer", "the printer is on fire\nsince  Monday"),
    entry("agent", "please use water"),
    entry("note", NOTE),
    entry("event", "state: new → open"),
    entry("customer", "I am a stranger", "stranger"),
    entry("customer", "I am nobody", "ambiguous-author"),
    entry("customer", "I was disowned", "unverified", "auth-fail"),
)
HAD = had(ENTRIES, Participant(1, "customer", Person("lea@client.test")))
HIDDEN = (NOTE, OTHER, "state: new → open", "I am a stranger", "I am nobody", "I was disowned", "a line of the notice")


def answer(*blocks: tuple[BlockKind, str], own: str | None = None) -> str:
    found = tuple(Block(kind, text) for kind, text in blocks)
    first = next((b.text for b in found if b.kind == "own"), "")
    return answer_text(found, first if own is None else own, HAD, OWN, "support@desk.test")


def test_what_a_reader_has() -> None:
    """What they wrote under a name that can be believed, and the answers since they joined."""
    assert [e.text for e in HAD] == ["the printer is on fire\nsince  Monday", "please use water"]
    assert had(ENTRIES, Participant(2, "customer", Person("sam@client.test"), "limited", joined_entry=1)) == ()


def test_quotes_between_the_words() -> None:
    """Quoted lines of public entries stay where words stand below them; marks and spaces make no difference."""
    text = answer(
        ("own", "Hello Lea,"), ("quote", f"> > since Monday\n> {NOTE}\nplease   use water"), ("own", "Which one?")
    )
    assert text == "Hello Lea,\n\n> > since Monday\n> please   use water\n\nWhich one?"


def test_the_quote_at_the_end_stays_behind() -> None:
    """What mail programs append below the words is not sent, nor the line that introduces it."""
    text = answer(("own", "Done."), ("attribution", "On Monday, Lea wrote:"), ("quote", "> please use water"))
    assert text == "Done."


def test_the_signature_stays() -> None:
    """The agent's own signature goes along, without their address."""
    text = answer(("own", "Done."), ("signature", "-- \nAna Lima\nana@desk.test"))
    assert text == "Done.\n\n-- \nAna Lima\nsupport@desk.test"


@pytest.mark.parametrize(
    "words",
    ["ana@desk.test", "ANA@Desk.Test", "<ana@desk.test>", "mailto:ana@desk.test", "_ana@desk.test_", "*ana@desk.test*",
     "ana@desk.test.", "(ana.lima@home.test)", "ana@desk.test,ana.lima@home.test", "write:ana@desk.test"],
)  # fmt: skip
def test_the_agents_addresses_never(words: str) -> None:
    """In any spelling or dress; the mailbox's stands in its place."""
    text = answer(("own", f"Write {words} please"), ("signature", words)).casefold()
    assert "support@desk.test" in text
    assert not [a for a in OWN if a in text]


@pytest.mark.parametrize("words", ["diana@desk.test", "ana@desk.test-example.test", "banana@desk.testing.test"])
def test_other_peoples_addresses_stay(words: str) -> None:
    """An address that only holds the agent's is somebody else's."""
    assert words in answer(("own", words))


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["own", "quote", "attribution", "banner", "signature"]),
        st.lists(st.sampled_from(["the printer is on fire", "please use water", "", *HIDDEN]), max_size=4),
        st.sampled_from(["", "> ", ">> ", "| ", "  "]),
    ),
    max_size=8,
)


@given(BLOCKS, st.sampled_from(["Hello.", ""]))
def test_no_hidden_line_in_any_answer(blocks: list[tuple[str, list[str], str]], own: str) -> None:
    """Whatever is quoted, a line that no public entry holds is not in the answer."""
    found = tuple(
        Block(kind, "Hello." if kind in ("own", "signature") else "\n".join(mark + line for line in lines))  # type: ignore[arg-type]
        for kind, lines, mark in blocks
    )
    text = answer_text(found, own, HAD, OWN, "support@desk.test")
    assert not [line for line in HIDDEN if line in text]


def _replied(letter: Letter, style: str, words: str) -> str:
    """A reply's text as mail programs write it, the whole notice below or around the words."""
    lines = letter.text.splitlines()
    sender, subject = letter.message["From"], letter.message["Subject"]
    marked = "\n".join(f"> {line}" for line in lines)
    bare = "\n".join(lines)
    return {
        "gmail": f"{words}\n\nOn Sun, 22 Nov 2026 at 18:05, {sender} wrote:\n\n{marked}\n",
        "below": f"On Sun, 22 Nov 2026 at 18:05, {sender} wrote:\n\n{marked}\n\n{words}\n",
        "between": f"On Sun, 22 Nov 2026 at 18:05, {sender} wrote:\n\n{marked}\n\n{words}\n\n{marked}\n\nBye.\n",
        "outlook": f"{words}\n\n________________________________\nFrom: {sender}\nSent: Sunday, 22 November 2026 18:05\n"
        f"To: Ana Lima\nSubject: {subject}\n\n{bare}\n",
        "outlook text": f"{words}\n\n-----Original Message-----\nFrom: {sender}\nSent: Sunday, 22 November 2026 18:05\n"
        f"To: Ana Lima\nSubject: {subject}\n\n{bare}\n",
        "apple": f"{words}\n\n> On 22 Nov 2026, at 18:05, {sender} wrote:\n> \n{marked}\n",
    }[style]


@pytest.mark.parametrize("style", ["gmail", "below", "between", "outlook", "outlook text", "apple"])
def test_a_note_in_the_notice_reaches_no_customer(world: World, style: str) -> None:
    """A notice repeats a colleague's note to the agent; however the agent's program quotes it, the customer never sees it."""
    world.write("Lea Martin <lea@client.test>", "The printer burns.\n")
    letters = world.letters()
    world.write("ben@desk.test", "#note\nMARKER she owes us 300.\n", answers=only(letters, "new", "ben@desk.test"))
    world.write("lea@client.test", "It still burns.\n", answers=only(letters, "confirmation"))
    notice = only(world.letters(), "reply", "ana@desk.test")
    assert "MARKER" in notice.text
    world.write(
        "ana@desk.test",
        _replied(notice, style, "Use water."),
        to=(str(notice.message["Reply-To"]),),
        subject=f"Re: {notice.message['Subject']}",
        headers={"In-Reply-To": str(notice.message["Message-ID"])},
    )
    sent = only(world.letters(), "answer", "lea@client.test")
    assert "Use water." in sent.text
    assert b"MARKER" not in sent.raw
