"""Which language a text is written in, among those a desk knows.
Honest about short texts; loads its models on first use."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import LanguageDetector

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl")
# Below this a text is a greeting, and greetings are borrowed.
LETTERS_MIN = 20
# More than this changes no answer.
CHARS_READ = 800
# Two languages nearer than this are a guess.
DISTANCE_MIN = 0.1


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
    if sum(map(str.isalpha, sample)) < LETTERS_MIN:
        return None
    detector = _detector(tuple(dict.fromkeys(a.casefold() for a in among)))
    found = detector.detect_language_of(sample) if detector else None
    return found.iso_code_639_1.name.lower() if found else None
