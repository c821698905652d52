"""A person's own requests by mail: what is asked at "+my" is answered to its proved author, with theirs alone."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildesk.config import Mailbox
from maildesk.desk.asking import Wanted, words_of
from maildesk.store.history import find_history
from tests.desk.world import FAILED, PROVED, Letter, World, only

LEA, MAX, EVE = "Lea Martin <lea@client.test>", "max@other.test", "eve@evil.test"
MY = "support+my@desk.test"
KINDS = ("list", "found", "request")
NUMBER = re.compile(r"^#(\d+) ", re.MULTILINE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def ask(world: World, author: str, words: str, **how: object) -> list[Letter]:
    """What the desk owes after somebody asked; nothing that was owed before."""
    world.letters()
    world.write(author, words, subject=str(how.pop("subject", "")), to=(MY,), **how)  # type: ignore[arg-type]
    return world.letters()


def tomorrow(world: World) -> None:
    """Asked often enough: another day."""
    world.now += timedelta(days=1, seconds=1)


def open_ticket(world: World, author: str, words: str, subject: str = "Printer on fire", **how: object) -> Letter:
    """A new ticket; its notice to Ana."""
    world.letters()
    world.write(author, words, subject=subject, **how)  # type: ignore[arg-type]
    return only(world.letters(), "new", "ana@desk.test")


def tickets_of(world: World) -> int:
    """How many tickets the desk has."""
    with closing(sqlite3.connect(f"{(world.folder / 'desk.db').as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM tickets").fetchone()[0])


def all_of(letter: Letter) -> str:
    """Everything that a letter says: its fields, its text, its HTML, its files."""
    parts = [part.get_content() for part in letter.message.walk() if not part.is_multipart()]
    return "\n".join([str(letter.message["Subject"]), *map(str, parts)])


OPERATORS = (
    '"', "'", "a\"b", "mount OR the", "mount NOT the", "NEAR(mount the, 5)", "moun*", "^mount", "subject : mount",
    "{subject} : mount", "- mount", "mount + the", "(mount", "mount)", "mount\x00the", "'; DROP TABLE entries; --", "%", "_",
    "1 UNION SELECT 1", "mount AND", "AND", "OR", "NOT", ":words", "?1", "\ud800", "\u0301mount", "ﬀ", "ß", "İ",
)  # fmt: skip
# What is asked.


@pytest.mark.parametrize(
    ("words", "subject"),
    [("status", ""), ("STATUS\n\nThanks, Lea", "hello"), ("", ""), ("", "status"), ("Statut", ""), ("meine Anfragen", ""),
     ("Mis solicitudes", "x"), ("elenco", ""), ("hello there", "Re: status")],
)  # fmt: skip
def test_status_lists_every_own_request(world: World, words: str, subject: str) -> None:
    """Number, subject, state in plain words and when it was last written to, newest first; an empty mail asks so too."""
    open_ticket(world, LEA, "one", "The first")
    notice = open_ticket(world, LEA, "two", "The second")
    open_ticket(world, MAX, "three", "The third")
    world.write("ana@desk.test", "Done.", answers=notice)
    letter = only(ask(world, LEA, words, subject=subject), "history-list", "lea@client.test")
    assert NUMBER.findall(letter.text) == ["50032", "50031"]
    assert "#50032 The second" in letter.text
    assert "The third" not in all_of(letter)
    assert world.why().endswith("history-list to lea@client.test")


def test_states_are_in_the_askers_words(world: World) -> None:
    """What the desk calls pending waits for whoever reads it."""
    notice = open_ticket(world, LEA, "one")
    world.write("ana@desk.test", "Which printer?", answers=notice)
    assert "waiting for your reply" in only(ask(world, LEA, "status"), "history-list").text
    world.set_state("solved")
    assert "solved" in only(ask(world, LEA, "status"), "history-list").text


def test_each_request_has_its_own_address(world: World) -> None:
    """What is written to it becomes the request's next entry."""
    open_ticket(world, LEA, "one", "The first")
    open_ticket(world, LEA, "two", "The second")
    addresses = re.findall(r"support\+\S+@desk\.test", only(ask(world, LEA, "status"), "history-list").text)
    assert len(addresses) == 2
    world.write(LEA, "More of it.", subject="whatever", to=(addresses[1],))
    assert [text for _, text, _ in world.entries(50031)] == ["one", "More of it."]


def test_an_answer_is_the_next_question(world: World) -> None:
    """Reply-To is the address that was asked, and the letter quoted below asks for nothing."""
    open_ticket(world, LEA, "the mount of the telescope")
    letter = only(ask(world, LEA, "status"), "history-list")
    assert letter.message["Reply-To"] == MY
    world.write(LEA, "find telescope", answers=letter)
    assert "mount of the telescope" in only(world.letters(), "history-found").text


@pytest.mark.parametrize("words", ["find telescope mount", "chercher: telescope", "suche TELESCOPE", "buscar télescope",
                                   "cerca «telescope»", "Find mount of telescope"])  # fmt: skip
def test_words_are_found_in_own_requests(world: World, words: str) -> None:
    """The number, and a piece of the text with the word in it, in quotes; best first."""
    open_ticket(world, LEA, "Hello,\n\n" + "nothing at all. " * 40 + "the mount of my telescope is loose")
    open_ticket(world, LEA, "a telescope", "Another")
    open_ticket(world, LEA, "a printer", "No more")
    open_ticket(world, MAX, "the mount of another telescope", "Not yours")
    letter = only(ask(world, LEA, words), "history-found", "lea@client.test")
    assert NUMBER.findall(letter.text) == (["50031"] if "mount" in words else ["50032", "50031"])
    assert re.search(r"^> … .*my telescope is loose", letter.text, re.MULTILINE)
    assert "Not yours" not in all_of(letter)
    assert "another" not in all_of(letter)


def test_where_no_request_holds_all_words_some_of_them_do(world: World) -> None:
    """Most of the words first; a word that nobody wrote takes nothing away."""
    open_ticket(world, LEA, "the mount of my telescope", "First")
    open_ticket(world, LEA, "a telescope", "Second")
    found = only(ask(world, LEA, "find telescope mount 2018"), "history-found")
    assert NUMBER.findall(found.text) == ["50031", "50032"]


def test_accents_are_found_however_they_are_written(world: World) -> None:
    """With them, without, or as signs of their own."""
    open_ticket(world, LEA, "un te\u0301lescope", "Un")
    open_ticket(world, LEA, "le télescope", "Le")
    for word in ("télescope", "te\u0301lescope", "telescope", "TÉLESCOPE"):
        found = only(ask(world, LEA, f"find {word}"), "history-found")
        assert NUMBER.findall(found.text) == ["50032", "50031"], word
    assert words_of("te\u0301lescope") == ("télescope",)


def test_words_are_no_operators(world: World) -> None:
    """Whatever a query language could read in it, it is words (THREATS T90)."""
    open_ticket(world, LEA, "the mount of my telescope")
    for words in ('" OR "', "NEAR(telescope mount)", "author_address:lea", "telescope* ^mount", "'; DROP TABLE tickets; --",
                  "{subject} : telescope", "a" * 400, "telescope AND NOT mount", "\u0000telescope", "%_%", "(" * 50):  # fmt: skip
        tomorrow(world)
        letters = ask(world, LEA, f"find {words}")
        assert [x.notice for x in letters] in (["history-found"], ["history-help"]), words
    assert tickets_of(world) == 1


def test_a_whole_request_is_sent(world: World) -> None:
    """Who said what and when, the files by name and size, no note and no event; in the letter and as a file beside it."""
    notice = open_ticket(world, LEA, "It burns.", attachments=(("fire.png", b"x" * 2000),))
    world.write("ana@desk.test", "#note\nCustomer is difficult. NOTE-MARK", answers=notice)
    world.write(
        "ana@desk.test", "#priority urgent\n\nUse water.", answers=notice, attachments=(("how.pdf", b"y" * 50),)
    )
    answer = only(world.letters(), "answer")
    world.write(LEA, "Thank you.", answers=answer)
    letter = only(ask(world, LEA, "send #50031 please"), "history-request", "lea@client.test")
    (attached,) = letter.message.iter_attachments()
    assert attached.get_filename() == "request-50031.txt"
    file = attached.get_content()
    for text in (letter.text, str(file)):
        places = [text.index(x) for x in ("It burns.", "fire.png", "Use water.", "how.pdf", "Thank you.")]
        assert places == sorted(places)
        assert "Lea Martin" in text
        assert "Ana Lima" in text
    everything = all_of(letter)
    for secret in ("NOTE-MARK", "ana@desk.test", "urgent", "priority"):
        assert secret not in everything
    assert letter.message["Subject"] == "Re: [#50031] Printer on fire"
    world.write(LEA, "And more.", answers=letter)
    assert world.entries()[-1][1] == "And more."


def test_a_foreign_number_is_as_one_that_never_was(world: World) -> None:
    """The same letter, byte for byte but for the number that was asked for and what names the letter itself."""
    open_ticket(world, MAX, "private", "Secret matter")
    open_ticket(world, LEA, "mine")

    def answer(number: int) -> str:
        letter = only(ask(world, LEA, f"send {number}"), "history-help", "lea@client.test")
        return all_of(letter).replace(f"has the number {number}", "has the number N")

    assert answer(50031) == answer(50099)
    assert "None of your requests has the number N." in answer(50031)


@pytest.mark.parametrize(
    "words", ["Hello, my printer burns again!", "help", "send", "send it", "find", "find ???", "send me"]
)
def test_anything_else_is_told_what_can_be_asked(world: World, words: str) -> None:
    """No ticket is opened, and the answer says how to ask."""
    letter = only(ask(world, LEA, words), "history-help", "lea@client.test")
    assert "find WORDS" in letter.text
    assert tickets_of(world) == 0


def test_each_language_is_told_its_own_words(world: World) -> None:
    """The words that a letter names are understood, and answered in their language."""
    open_ticket(world, LEA, "one")
    for language, verb in (("fr", "chercher"), ("de", "suche"), ("es", "buscar"), ("it", "cerca")):
        tomorrow(world)
        letter = only(ask(world, LEA, f"{verb} zzz"), "history-found")
        assert letter.message["Content-Language"] == language
        lines = re.findall(r"^- (.+?) ?: ", letter.text, re.MULTILINE)
        assert len(lines) == 3
        answers = [only(ask(world, LEA, line), f"history-{kind}") for line, kind in zip(lines, KINDS, strict=True)]
        # "status" and "send" are of more than one language.
        assert answers[1].message["Content-Language"] == language


# To whom.


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ({"results": None}, "history: not proved"),
        ({"results": FAILED}, "history: not proved"),
        ({"results": "mx.desk.test; spf=pass smtp.mailfrom={domain}"}, "history: not proved"),
        ({"headers": {"Auto-Submitted": "auto-replied"}}, "history: a machine"),
        ({"headers": {"Precedence": "list", "List-Id": "<x.test>"}}, "history: a machine"),
        ({"headers": {"X-Auto-Response-Suppress": "All"}}, "history: a machine"),
        ({"sender": ""}, "history: a machine"),
    ],
)
def test_nobody_else_is_answered(world: World, how: dict[str, object], cause: str) -> None:
    """Not proved to S4, or a machine: nothing is sent, no ticket is opened, and `why` says so."""
    open_ticket(world, LEA, "one")
    assert ask(world, LEA, "status", **how) == []
    with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
        assert connection.execute("SELECT outcome, cause FROM mails ORDER BY id DESC").fetchone() == ("ignored", cause)
    assert "nothing is sent" in world.why()
    assert tickets_of(world) == 1


def test_a_robots_address_is_not_answered(world: World) -> None:
    """An address that nobody reads is a machine's, whatever it says."""
    assert ask(world, "noreply@client.test", "status") == []


def test_a_stranger_learns_nothing(world: World) -> None:
    """Whoever has no request gets three letters that are the same whether or not the desk has what they ask for."""

    def told(world: World) -> list[str]:
        letters = [*ask(world, EVE, "status"), *ask(world, EVE, "find telescope"), *ask(world, EVE, "send 50031")]
        return [x.text for x in letters]

    empty = told(world)
    tomorrow(world)
    open_ticket(world, LEA, "the mount of my telescope")
    assert len(empty) == 3
    assert told(world) == empty


def test_a_reply_to_is_not_written_to(world: World) -> None:
    """The answer goes to the proved author and to nobody that the mail names beside them."""
    open_ticket(world, LEA, "one")
    letters = ask(world, LEA, "status", headers={"Reply-To": EVE, "Return-Receipt-To": EVE})
    assert [(x.notice, x.recipient, x.message["To"]) for x in letters] == [
        ("history-list", "lea@client.test", "lea@client.test")
    ]


def test_the_author_must_have_written_there(world: World) -> None:
    """A proved mail that somebody passes on to "+my" without its author's will is not answered."""
    open_ticket(world, LEA, "one")
    world.letters()
    mail = b"".join(
        (
            b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n",
            b"From: lea@client.test\r\nTo: someone@else.test\r\nSubject: status\r\nMessage-ID: <x@client.test>\r\n",
            b"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\n\r\nstatus\r\n",
        )
    )
    world.give(mail, MY, sender="lea@client.test")
    assert world.letters() == []
    assert "neither To nor Cc" in world.why()


def test_an_old_mail_is_not_answered(world: World) -> None:
    """Whoever has a signed mail can send it again later; after 72 hours it asks for nothing."""
    world.letters()
    stamp = "Sun, 15 Nov 2026 18:00:00 +0000"
    mail = (
        "Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n"
        f"From: lea@client.test\r\nTo: {MY}\r\nSubject: status\r\nMessage-ID: <y@client.test>\r\nDate: {stamp}\r\n\r\nstatus\r\n"
    )
    world.give(mail.encode(), MY, sender="lea@client.test")
    assert world.letters() == []
    assert "72 hours" in world.why()


def test_five_a_day(world: World) -> None:
    """The sixth question of 24 hours is ignored, with its cause; the next day is another."""
    for _ in range(5):
        assert len(ask(world, LEA, "status")) == 1
    assert ask(world, LEA, "find x") == []
    assert "5 answers a day" in world.why()
    assert len(ask(world, MAX, "status")) == 1
    world.now += timedelta(hours=23, minutes=59)
    assert ask(world, LEA, "status") == []
    world.now += timedelta(minutes=2)
    assert len(ask(world, LEA, "status")) == 1


def test_a_mail_that_comes_twice_is_answered_once(world: World) -> None:
    """Redelivered, or for two mailboxes at once: one answer."""
    world.close()
    (world.folder / "desk.db").unlink()
    boxes = (Mailbox(address="support@desk.test"), Mailbox(address="sales@desk.test"))
    two = World(world.folder, mailboxes=boxes)
    two.write(LEA, "status", subject="", to=(MY, "sales+my@desk.test"))
    assert [x.notice for x in two.letters()] == ["history-list"]
    raw = (
        "Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n"
        f"From: lea@client.test\r\nTo: {MY}\r\nSubject: status\r\nMessage-ID: <z@client.test>\r\n\r\nstatus\r\n"
    ).encode()
    two.give(raw, MY, sender="lea@client.test")
    two.give(raw, MY, sender="lea@client.test")
    assert [x.notice for x in two.letters()] == ["history-list"]
    two.close()


def test_a_signed_address_beside_it_is_stronger(world: World) -> None:
    """A reply that also names "+my" is a reply."""
    open_ticket(world, LEA, "one")
    address = re.findall(r"support\+\S{20,}@desk\.test", only(ask(world, LEA, "status"), "history-list").text)[0]
    world.write(LEA, "status", subject="x", to=(address, MY))
    assert [text for _, text, _ in world.entries()] == ["one", "status"]


# What of it.


def test_nobody_elses_words_in_ones_own_name(world: World) -> None:
    """What somebody unproved wrote in my name is named and not shown, neither its subject; what is proved is shown."""
    open_ticket(world, LEA, "FORGED one", "FORGED subject", results=None)
    open_ticket(world, LEA, "Mine.", "My own")
    listed = only(ask(world, LEA, "status"), "history-list")
    assert NUMBER.findall(listed.text) == ["50032", "50031"]
    sent = only(ask(world, LEA, "send 50031"), "history-request")
    assert "not proved that you sent" in sent.text
    found = only(ask(world, LEA, "find FORGED"), "history-found")
    assert NUMBER.findall(found.text) == []
    for letter in (listed, sent):
        assert "FORGED" not in all_of(letter)


def test_what_they_own_up_to_is_theirs(world: World) -> None:
    """ "Was it you?" was answered with yes on a page: shown as any other."""
    open_ticket(world, LEA, "From my old phone", "Old phone", results=None)
    with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
        connection.execute("INSERT INTO accounts (id, name, language, created_at) VALUES (1, 'Lea', 'en', '2026')")
        connection.execute("INSERT INTO owned (entry_id, account_id, is_theirs, at) VALUES (1, 1, 1, '2026')")
        connection.commit()
    assert "From my old phone" in only(ask(world, LEA, "send 50031"), "history-request").text
    assert "Old phone" in only(ask(world, LEA, "status"), "history-list").text
    assert "From my old phone" in only(ask(world, LEA, "find phone"), "history-found").text


def test_all_addresses_of_an_account_are_one_person(world: World) -> None:
    """Requests from either of two addresses that one person proved on a page; from an address of nobody's, its own."""
    open_ticket(world, LEA, "one", "From work")
    open_ticket(world, "lea@home.test", "two", "From home")
    open_ticket(world, MAX, "three", "Of Max")
    with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
        connection.execute("INSERT INTO accounts (id, name, language, created_at) VALUES (1, 'Lea', 'en', '2026')")
        connection.execute("UPDATE people SET account_id = 1 WHERE address_key LIKE 'lea@%'")
        connection.commit()
    for author in (LEA, "lea@home.test"):
        assert NUMBER.findall(only(ask(world, author, "status"), "history-list").text) == ["50032", "50031"]
        assert "two" in only(ask(world, author, "send 50032"), "history-request").text
    assert NUMBER.findall(only(ask(world, MAX, "status"), "history-list").text) == ["50033"]


def test_two_people_on_one_ticket(world: World) -> None:
    """Whoever was copied has what was sent to them since, and what they wrote: not what came before, no names of its files."""
    world.write(LEA, "BEFORE-MARK", subject="Together", headers={"Cc": "sam@third.test"})
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write("ana@desk.test", "Answer to both.", answers=notice, attachments=(("plan.pdf", b"x"),))
    to_sam = only(world.letters(), "answer", "sam@third.test")
    world.write("sam@third.test", "SAM-MARK", answers=to_sam)
    sam = only(ask(world, "sam@third.test", "send 50031"), "history-request", "sam@third.test")
    assert "Answer to both." in sam.text
    assert "SAM-MARK" in sam.text
    everything = all_of(sam) + all_of(only(ask(world, "sam@third.test", "find BEFORE"), "history-found"))
    for secret in ("BEFORE-MARK", "plan.pdf", "lea@client.test", "Lea Martin"):
        assert secret not in everything
    assert NUMBER.findall(only(ask(world, "sam@third.test", "status"), "history-list").text) == ["50031"]
    lea = only(ask(world, LEA, "send 50031"), "history-request")
    assert "plan.pdf" in lea.text
    assert re.search(r"Another participant:\s+SAM-MARK", lea.text)
    assert "sam@third.test" not in all_of(lea)


def test_whoever_was_removed_has_no_request(world: World) -> None:
    """`#uncc`: not in the list, not found, not sent."""
    world.write(LEA, "one", subject="Together", headers={"Cc": "sam@third.test"})
    notice = only(world.letters(), "new", "ana@desk.test")
    world.write("ana@desk.test", "Answer to both.", answers=notice)
    world.write("ana@desk.test", "#uncc sam@third.test", answers=notice)
    assert NUMBER.findall(only(ask(world, "sam@third.test", "status"), "history-list").text) == []
    assert NUMBER.findall(only(ask(world, "sam@third.test", "find Answer"), "history-found").text) == []
    assert [x.notice for x in ask(world, "sam@third.test", "send 50031")] == ["history-help"]


def test_what_an_agents_mail_quotes_is_not_found(world: World) -> None:
    """An agent's answer quotes the notice, with notes and their colleagues: the index has it, the customer does not."""
    notice = open_ticket(world, LEA, "one")
    world.write("ben@desk.test", "#note\nHUSH is her name", answers=notice)
    world.write("ana@desk.test", "Done.\n\n> HUSH is her name", answers=notice)
    for word in ("HUSH", "ana", "desk"):
        tomorrow(world)
        found = only(ask(world, LEA, f"find {word}"), "history-found")
        assert NUMBER.findall(found.text) == [], word


def test_what_an_answer_quoted_is_for_those_who_had_it(world: World) -> None:
    """An answer is kept with what any of its readers had quoted in it: each finds and gets their own lines, and no other's."""
    notice = open_ticket(world, LEA, "the red one\nthe green one")
    world.write("ana@desk.test", "First answer, of long ago.", answers=notice)
    to_lea = only(world.letters(), "answer")
    world.write(LEA, "and SAM too", answers=to_lea, headers={"Cc": "sam@third.test"})
    reply = only(world.letters(), "reply", "ana@desk.test")
    quoted = "> the red one\n> First answer, of long ago.\n\nSee above."
    world.write("ana@desk.test", quoted, to=(str(reply.message["Reply-To"]),))
    assert "> the red one" in world.entries()[-1][1]
    lea = only(ask(world, LEA, "send 50031"), "history-request").text
    assert lea.count("the red one") == 2
    sam = only(ask(world, "sam@third.test", "send 50031"), "history-request")
    assert "See above." in sam.text
    found = only(ask(world, "sam@third.test", "find above"), "history-found")
    assert NUMBER.findall(found.text) == ["50031"]
    for letter in (sam, found, only(ask(world, "sam@third.test", "find red"), "history-found")):
        assert "the red one" not in all_of(letter)
        assert "First answer" not in all_of(letter)


def test_notes_leave_no_trace(world: World) -> None:
    """An internal note moves no time that a customer is told."""
    notice = open_ticket(world, LEA, "one")
    before = only(ask(world, LEA, "status"), "history-list").text
    world.now += timedelta(hours=3)
    world.write("ana@desk.test", "#note\nLater.", answers=notice)
    assert only(ask(world, LEA, "status"), "history-list").text == before


def test_a_hundred_are_listed_and_the_others_counted(world: World) -> None:
    """The newest hundred; the count of all is the database's."""
    for number in range(104):
        world.write(LEA, f"matter {number}", subject=f"Matter {number}")
    letter = only(ask(world, LEA, "status"), "history-list")
    numbers = [int(n) for n in NUMBER.findall(letter.text)]
    assert numbers == list(range(50134, 50034, -1))
    assert "Older requests: 4." in letter.text


def test_other_peoples_requests_change_nothing(world: World) -> None:
    """Order, counts and excerpts are the same whatever else the desk has (THREATS T93)."""
    for words in ("a telescope", "the mount of a telescope", "a printer, and a mount"):
        open_ticket(world, LEA, words, words)

    def told() -> list[str]:
        tomorrow(world)
        asked = ("status", "find telescope mount", "find telescope printer zebra", "send 50032", "send 50034")
        return [letter.text for words in asked for letter in ask(world, LEA, words)]

    before = told()
    for number in range(30):
        notice = open_ticket(world, f"p{number}@other.test", "telescope zebra zebra " * 5, "zebra")
        world.write("ana@desk.test", "zebra zebra", answers=notice)
    assert told() == before
    assert len(before) == 5


def test_any_text_can_be_looked_for(world: World) -> None:
    """No text, of whatever signs, is an error to the index, and none finds another's entry (THREATS T90)."""
    open_ticket(world, LEA, "the mount of my telescope, n'est-ce pas; 100%")
    open_ticket(world, MAX, "the mount of another")

    @settings(max_examples=300, deadline=None)
    @given(st.text(min_size=1, max_size=60) | st.sampled_from(OPERATORS))
    def look(text: str) -> None:
        asked = Wanted("find", "lea@client.test", words_of(text))
        found = world.store.read(lambda tx: find_history(tx, asked, world.now)) if asked.words else None
        assert found is None or {own.number for own in found.requests} <= {50031}

    look()


@pytest.mark.parametrize("seed", range(4))
def test_other_peoples_texts_never_appear(world: World, seed: int) -> None:
    """Twelve people, forty tickets with copies, answers and forgeries: each reads what is theirs, all of it, and no other's."""
    chance = random.Random(seed)
    people = [f"p{n}@d{n}.test" for n in range(12)]
    # Each mark, who may read it, and the ticket that it is on.
    marks: dict[str, tuple[set[int], int]] = {}
    for ticket in range(50031, 50071):
        who, copied = chance.sample(range(12), 2)
        is_forged = chance.random() < 0.2
        has_copy = not is_forged and chance.random() < 0.4
        both = {who, copied} if has_copy else {who}
        notice = open_ticket(
            world,
            people[who],
            f"common said{ticket}",
            f"Subject subj{ticket}",
            headers={"Cc": people[copied]} if has_copy else {},
            results=None if is_forged else PROVED,
        )
        marks[f"said{ticket}"] = (set() if is_forged else {who}, ticket)
        marks[f"subj{ticket}"] = (set() if is_forged else both, ticket)
        if chance.random() < 0.5:
            world.write("ana@desk.test", f"#note\ncommon note{ticket}", answers=notice)
            world.write("ana@desk.test", f"common answ{ticket}", answers=notice)
            marks[f"note{ticket}"] = (set(), ticket)
            marks[f"answ{ticket}"] = (both, ticket)
    for n, person in enumerate(people):
        tomorrow(world)
        listed = only(ask(world, person, "status"), "history-list")
        foreign = chance.choice([mark for mark, (may, _) in marks.items() if n not in may])
        assert NUMBER.findall(only(ask(world, person, f"find {foreign}"), "history-found").text) == []
        told = all_of(listed) + all_of(only(ask(world, person, "find common"), "history-found"))
        for asked in chance.sample(range(50031, 50071), 2):
            (letter,) = ask(world, person, f"send {asked}")
            mine = {mark for mark, (may, ticket) in marks.items() if n in may and ticket == asked}
            assert {mark for mark in marks if mark in letter.text and "subj" not in mark} == mine - {f"subj{asked}"}
            told += all_of(letter)
        assert [mark for mark, (may, _) in marks.items() if mark in told and n not in may] == []
        with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM participants WHERE kind = 'customer' AND address_key = ?", (person,)
            ).fetchone()
        assert len(NUMBER.findall(listed.text)) == count
