"""Every text of the pages stands in every catalogue, says the same with the same parts, and nothing else stands there."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.catalogues import FOLDER, LANGUAGES, catalogue, extracted, updated

_PARTS = re.compile(r"%\(\w+\)s|</?[a-z]+[^>]*>|#")


def forms(text: object) -> tuple[str, ...]:
    """The plural forms of a text; one for most."""
    return tuple(map(str, text)) if isinstance(text, Iterable) and not isinstance(text, str) else (str(text),)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language: str) -> None:
    """What the templates and the code say is translated, in each plural form; what they say no more is gone."""
    assert (FOLDER / f"{language}.po").read_bytes() == updated(language), "run `python -m tests.catalogues`"
    found = catalogue(language)
    for message in extracted():
        if message.id:
            known = found.get(message.id)
            assert known is not None, message.id
            assert all(form.strip() for form in forms(known.string)), message.id
            assert not known.fuzzy, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_parts_of_its_text(language: str) -> None:
    """The same values and the same marks of HTML, each as often: none is lost, none is made up."""
    for message in catalogue(language):
        if message.id:
            wanted = sorted(_PARTS.findall(forms(message.id)[-1]))
            for form in forms(message.string):
                assert sorted(_PARTS.findall(form)) == wanted, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_no_english(language: str) -> None:
    """Sentences of some length differ from theirs; a catalogue filled with its own ids would pass everything else."""
    same = [m.id for m in catalogue(language) if m.id and len(forms(m.id)[0]) > 16 and forms(m.id) == forms(m.string)]
    assert same == []


def test_the_articles_name_the_buttons_as_they_are() -> None:
    """The article on arrived requests names buttons and pages: a reader must find them."""
    for language in LANGUAGES:
        text = (FOLDER.parents[1] / "articles" / language / "request-arrived.md").read_text("utf-8")
        named = {re.sub(r"\s", " ", found) for found in re.findall(r"\*\*(.+?)\*\*", text)}
        known = catalogue(language)
        said = {re.sub(r"\s", " ", form) for m in known if m.id for form in forms(m.string)}
        assert named - said == set(), language
