"""Our own articles, as files: each language whole, and what they tell people to do is understood."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml

from maildesk.desk import asking
from maildesk.mail.model import Mail
from maildesk.mail.parse import understand
from maildesk.render import template_folders
from maildesk.web.receipts import CORRECTABLE_FOR

LANGUAGES = ("en", "fr", "de", "es", "it")
OURS = template_folders("")[-1] / "articles"
ARRIVED = "request-arrived"


def read(language: str, slug: str = ARRIVED) -> tuple[dict[str, Any], str]:
    """Front matter and text of an article of ours."""
    _, front, text = (OURS / language / f"{slug}.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), text


def mail(text: str) -> Mail:
    """A mail that holds nothing but this text."""
    return understand(f"From: lea@client.test\r\nTo: support+my@desk.test\r\n\r\n{text}".encode())


def shape(text: str) -> list[str]:
    """What a text is made of, whatever its language: headings, steps, paragraphs, buttons, and where its links lead."""
    parts = re.finditer(r"^#+ |^\d+\. |^- |^\S|\]\(/..(/[^)]*)\)|`[^`]+`|\*\*", text, re.MULTILINE)
    return [part[1] or re.sub(r"\w", "x", part[0])[:1] for part in parts]


def test_each_language_has_the_same_articles() -> None:
    """Whatever we tell people in one language, we tell them in all."""
    found = {folder.name: {file.name for file in folder.glob("*.md")} for folder in OURS.iterdir() if folder.is_dir()}
    assert set(found) == set(LANGUAGES)
    assert all(names == found["en"] for names in found.values())
    assert f"{ARRIVED}.md" in found["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_article_says_the_same_in_each_language(language: str) -> None:
    """The same headings, steps, links and pieces to type, in the same order; a title, a section and an order."""
    front, text = read(language)
    english, said = read("en")
    assert front.keys() == english.keys() == {"title", "language", "section", "order"}
    assert front["language"] == language
    assert front["order"] == english["order"]
    assert front["title"].strip().endswith("?")
    assert shape(text) == shape(said)
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_that_an_article_tells_people_to_mail_is_understood(language: str) -> None:
    """Whoever mails the one word of the article gets the list of their requests."""
    _, text = read(language)
    word = re.findall(r"`([^`+]+)`", text)[0]
    assert asking.wanted(mail(word)).verb == "status"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "fifteen minutes"),
        ("fr", "quinze minutes"),
        ("de", "fünfzehn Minuten"),
        ("es", "quince minutos"),
        ("it", "quindici minuti"),
    ],
)
def test_an_article_gives_as_long_to_correct_an_address_as_the_desk_does(language: str, words: str) -> None:
    """What the article promises is what the confirmation keeps."""
    assert timedelta(minutes=15) == CORRECTABLE_FOR
    assert words in read(language)[1]


def test_an_article_has_typographic_spaces_in_french() -> None:
    """No line breaks between a French word and its mark."""
    front, text = read("fr")
    assert not re.search(r" [:;?!»]|« ", front["title"] + text)


def test_no_line_of_a_translation_is_left_in_english() -> None:
    """Nothing is left in a translation that nobody translated."""
    lines = {language: {line for line in read(language)[1].splitlines() if len(line) > 20} for language in LANGUAGES}
    for language in LANGUAGES[1:]:
        assert not lines[language] & lines["en"]
