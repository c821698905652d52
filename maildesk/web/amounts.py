"""Days, spans and counts in a reader's language, for pages that are more than a template."""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_decimal

from maildesk.web.pages import counted, locale_of

# The symbols of SI (BIPM 2019, table 8); the day's is "d" there, and people write their own.
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_DAY = {"fr": "j", "de": "Tg.", "it": "g"}


def short_count(number: int, language: str) -> str:
    """A number for the side of a plot: "12K"."""
    return format_compact_decimal(number, locale=locale_of(language)) if number >= 10_000 else counted(number, language)


def day(at: date, language: str) -> str:
    """A day: "22 Nov 2026"."""
    return format_date(at, "medium", locale=locale_of(language))


def short_day(at: date, language: str) -> str:
    """A day for the foot of a plot: "22/11"."""
    return format_skeleton("Md", datetime.combine(at, time()), locale=locale_of(language))


def span(seconds: float, language: str) -> str:
    """The two largest units of a span: "3 d 4 h", "40 s"; the largest alone where there is nothing of the next."""
    rest = max(0, round(seconds))
    largest = next((at for at, (_, length_s) in enumerate(_UNITS) if rest >= length_s), len(_UNITS) - 1)
    shown: list[str] = []
    # Nobody asks for the seconds of a minute.
    for unit, length_s in _UNITS[largest : max(largest + 1, min(largest + 2, 3))]:
        amount, rest = divmod(rest, length_s)
        if amount or not shown:
            symbol = _DAY.get(language, unit) if unit == "d" else unit
            shown.append(f"{counted(amount, language)}\u00a0{symbol}")
    return " ".join(shown)
