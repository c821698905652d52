"""The letters' templates: each notice in each language, whole and careful."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from maildesk.desk.model import Effect, Flag, LetterView, Listed, Priority, Remark, RemarkKind, Said, State
from maildesk.mail.model import Person
from maildesk.mail.subject import base_subject
from maildesk.render import LETTERS, TO_CUSTOMERS, Renderer, problems, template_folders
from maildesk.samples import fullest, sample

LANGUAGES = ("de", "en", "es", "fr", "it")
(FOLDER,) = template_folders(None)
RENDERER = Renderer((FOLDER,))
FIXED = ("confirmation-unproved", "confirmation-for", "confirmation-merged")
# Letters that are about no one ticket.
WITHOUT_TICKET = (
    "standstill", "held", "held-done", "sign-in", "add-address", "verify", "article", "history-list", "history-found",
    "history-help",
)  # fmt: skip
EVERY = [(letter, language) for letter in LETTERS for language in LANGUAGES]


def test_every_notice_renders_in_every_language() -> None:
    """Full, usual and bare views all become a letter; an undefined variable would be named here."""
    assert RENDERER.languages() == LANGUAGES
    assert problems((FOLDER,), LANGUAGES) == []


def expressions(path: Path) -> set[str]:
    """What a template takes from its view, without the words of its language."""
    found = re.findall(r"{{-?\s*(.*?)\s*-?}}|{%-?\s*(?:if|elif|for \w+ in)\s+(.*?)\s*-?%}", path.read_text())
    return {re.sub(r'"[^"]*"', '""', one or other) for one, other in found}


@pytest.mark.parametrize("name", [*LETTERS, "_words", "_history"])
def test_all_languages_say_the_same_things(name: str) -> None:
    """A letter takes the same variables in each language: what one says, no other forgets."""
    first, *others = (expressions(FOLDER / "mail" / language / f"{name}.txt") for language in LANGUAGES)
    assert all(other == first for other in others)


def test_the_table_of_variables_is_the_view() -> None:
    """templates/mail/README.md documents each field of LetterView and nothing else."""
    section = (FOLDER / "mail/README.md").read_text().partition("## Variables")[2].partition("## Filters")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [one.name for one in fields(LetterView)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_desk_is_translated(language: str) -> None:
    """States, priorities, flags and remarks appear as sentences, never as their internal names."""
    for state in get_args(State):
        for priority in get_args(Priority):
            view = replace(fullest("reply", language), state=state, priority=priority, remarks=())
            RENDERER.render("reply", view)
    told = (
        RENDERER.render("new", fullest("new", language)).text
        + RENDERER.render("receipt", fullest("receipt", language)).text
    )
    for name in (*get_args(Flag), *get_args(RemarkKind)):
        if "-" in name:
            assert name not in told
    flags = {RENDERER.render("new", replace(sample("new", language), flags=(flag,))).text for flag in get_args(Flag)}
    assert len(flags) == len(get_args(Flag))


@pytest.mark.parametrize(("letter", "language"), EVERY)
def test_a_letter_is_sober(letter: str, language: str) -> None:
    """No exclamation mark, no template left over, no marks of ours, no row of blank lines, and HTML in its language."""
    rendered = RENDERER.render(letter, fullest(letter, language))
    for text in (rendered.subject, rendered.text):
        assert not re.search(r"[!¡]|{[{%]|[\ufdd0-\ufdd3]|\n\n\n", text.replace("\n\nSecond", ""))
    assert f'<html lang="{language}"' in rendered.html
    assert not re.search(r"[\ufdd0-\ufdd3]|src=|@import|url\(", rendered.html)


@pytest.mark.parametrize(("letter", "language"), [one for one in EVERY if one[0] in TO_CUSTOMERS])
def test_a_customer_never_reads_of_others(letter: str, language: str) -> None:
    """No agent's or other customer's address, no note, no history stands in a letter to a customer (THREATS T78, T80)."""
    mark = "MARKER"
    view = replace(
        sample(letter, language),
        author=Person(f"{mark}@a.test", mark),
        requester=Person(f"{mark}@r.test", mark),
        agent=mark,
        assignee=mark,
        rest=mark,
        tags=(mark,),
        history=(Said(mark, datetime(2026, 11, 22, tzinfo=UTC), mark),),
        remarks=(Remark("not-sent-to", mark),),
        effects=(Effect("assignee", "", mark),),
        recipient=mark,
        error=mark,
        setting=mark,
        mailbox_address=mark,
    )
    rendered = RENDERER.render(letter, view)
    assert mark not in rendered.subject + rendered.text + rendered.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("letter", FIXED)
def test_an_unproved_customer_reads_no_word_of_theirs(letter: str, language: str) -> None:
    """A fixed confirmation holds number, date and desk, whatever the mail held (THREATS T72)."""
    mark = "MARKER"
    view = replace(sample(letter, language), subject=mark, text=mark, attachments=(Listed(mark, 1),), mailbox=mark)
    rendered = RENDERER.render(letter, view)
    assert rendered.subject == "[#50031] Example Support"
    assert "50031" in rendered.text
    assert mark not in rendered.text + rendered.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_confirmation_has_the_number_and_lists_what_came(language: str) -> None:
    """Subject `Re: [#N] theirs`, the number in the text, each attachment with its size."""
    view = sample("confirmation", language)
    rendered = RENDERER.render("confirmation", view)
    assert rendered.subject == f"Re: [#50031] {view.subject}"
    assert "#50031" in rendered.text
    assert re.search(r"- error-49\.png \(1[.,]2\u00a0M[Bo]\)", rendered.text)


@pytest.mark.parametrize(("letter", "language"), EVERY)
def test_letters_of_a_ticket_stay_in_its_conversation(letter: str, language: str) -> None:
    """But for the fixed confirmation and the admins' digest, the base subject is the ticket's (RFC 5256, 2.1)."""
    view = sample(letter, language)
    rendered = RENDERER.render(letter, view)
    if letter not in (*FIXED, *WITHOUT_TICKET):
        assert base_subject(rendered.subject) == view.subject
        assert rendered.subject.count("[#50031]") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agent_gets_back_what_was_not_sent(language: str) -> None:
    """The agent's own text stands whole in each letter that says that it was not sent or not done."""
    for letter in ("not-sent", "not-done", "not-taken"):
        view = sample(letter, language)
        assert view.text in RENDERER.render(letter, view).text, letter
    assert "#send" in RENDERER.render("not-sent", sample("not-sent", language)).text
    assert "#solved" in RENDERER.render("not-done", sample("not-done", language)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_begins_with_who_and_what(language: str) -> None:
    """First the author with address, the care to take and the new text; the rest is folded away at the end."""
    text = RENDERER.render("reply", fullest("reply", language)).text
    new = sample("reply", language).text.split("\n")[2]
    places = [
        text.index(part) for part in ("lea@client.example", "\n- ", new, "error-49.png", "-" * 40, "Sent from my phone")
    ]
    assert places == sorted(places)
