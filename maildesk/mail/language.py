"""Which language a text is written in, among those a desk knows.
Honest about short texts; loads its models on first use."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import LanguageDetector

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl")
# More than this changes no answer.
CHARS_READ = 400
# Two languages nearer than this are a guess.
DISTANCE_MIN = 0.1
# Below this the letters alone tell nothing; from here on they do without a small word of the language.
LETTERS_MIN, LETTERS_ENOUGH = 20, 120
# What small words must add up to: by themselves, and where the letters say the same. One that two languages share
# is half a word for each of them.
SURE, LIKELY = 1.5, 0.3
# How far the next language must stand behind, and how near a language must be that the letters speak for.
LEAD, TIED = 0.75, 0.4
# Languages whose texts come to every desk and look like another's to a detector that does not know them.
_RIVALS = ("pl", "sv", "da", "nb", "fi", "cs", "tr")
# They stand in names and addresses as well: alone they are no sentence.
_PARTICLES = frozenset(
    ("de", "la", "der", "van", "von", "du", "del", "di", "da", "do", "dos", "das", "le", "des", "den", "della")
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@cache
def _small_words() -> dict[str, tuple[str, ...]]:
    """For each small word the languages that have it."""
    text = (files("maildesk.mail") / "small_words.toml").read_text("utf-8")
    known: dict[str, list[str]] = {}
    for language, words in tomllib.loads(text).items():
        for word in set(words.split()):
            known.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in known.items()}


@lru_cache(maxsize=8)
def _detector(among: tuple[str, ...]) -> LanguageDetector | None:
    # lingua is loaded when a mail comes, not by an idle desk; the accurate models would cost 150 MB.
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [code for code in (getattr(IsoCode639_1, name.upper(), None) for name in among) if code is not None]
    if len(codes) < 2:
        return None
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode()
    return builder.with_minimum_relative_distance(DISTANCE_MIN).build()


def language_of(text: str, among: tuple[str, ...] = LANGUAGES) -> str | None:
    """The ISO 639-1 code of the text's language, one of `among`; None when it is too short or could be several."""
    sample = " ".join(word for word in text[:CHARS_READ].split() if "@" not in word and "://" not in word)
    among = tuple(dict.fromkeys(a.casefold() for a in among))
    letters = sum(map(str.isalpha, sample))
    found = _by_small_words(sample)
    (first, most), (_, next_most) = [*found.most_common(2), ("", 0.0), ("", 0.0)][:2]
    if letters < LETTERS_ENOUGH and most >= SURE and most - next_most >= LEAD:
        return first if first in among else None
    if letters < LETTERS_MIN:
        return None
    by_letters = _by_letters(sample, among)
    if by_letters is None or letters >= LETTERS_ENOUGH or by_letters not in _languages():
        return by_letters
    # A name, an address, a product: letters look like a language where no sentence is.
    return by_letters if found[by_letters] >= max(LIKELY, most - TIED) else None


def _by_letters(sample: str, among: tuple[str, ...]) -> str | None:
    detector = _detector((*among, *(rival for rival in _RIVALS if rival not in among)))
    found = detector.detect_language_of(sample) if detector else None
    code = found.iso_code_639_1.name.lower() if found else None
    return code if code in among else None


@cache
def _languages() -> frozenset[str]:
    return frozenset(language for languages in _small_words().values() for language in languages)


def _by_small_words(sample: str) -> Counter[str]:
    """How many of the text's small words each language has, each word counted once; none without a sentence."""
    counts: Counter[str] = Counter()
    is_sentence = False
    for word in set(_WORD.findall(sample.casefold().replace("’", "'"))):
        owners = _small_words().get(word, ())
        is_sentence = is_sentence or (bool(owners) and word not in _PARTICLES)
        for language in owners:
            counts[language] += 1 / len(owners)  # type: ignore[assignment]
    return counts if is_sentence else Counter()
