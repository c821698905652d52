"""The moment that a person's mail program wrote into a text: "samedi 21 novembre 2026 à 10:00", "2026年11月21日 上午10:00".
Language-free rules; the names of months stand in the phrase book. Never asks a clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache

from maildesk.mail.phrasebook import phrases

# What a program writes is shorter; a longer line is somebody's text.
MOMENT_CHARS = 120
# Shorter pieces of a month's name are other words.
_ABBREVIATED = 3
# A two-digit year is of this century up to here (RFC 5322, 4.3 says 49; nobody forwards mail of 1970).
_CENTURY = 2000

_YEAR_FIRST = re.compile(r"(?<![\d:])((?:19|20)\d\d)[-/.年년] ?(\d{1,2})[-/.月월] ?(\d{1,2})(?!\d)[日일]?")
_YEAR_LAST = re.compile(r"(?<![\d:])(\d{1,2})([-/.]) ?(\d{1,2})[-/.] ?((?:19|20)\d\d|\d\d)(?![\d:])")
_WORD = re.compile(r"[^\W\d_]{3,20}")
_DAY_BEFORE = re.compile(r"(?<![\d:.])(\d{1,2})[^\d:]{0,6}$")
_DAY_AFTER = re.compile(r"[.,]? {0,2}(\d{1,2})(?![\d:])")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_SHORT_YEAR = re.compile(r"[^\w:]{1,3}(\d\d)(?![\d:])")
_TIME = re.compile(r"(?<!\d)([01]?\d|2[0-3]) ?[:.h時时点點시] ?([0-5]\d)(?:[:.분分m ]{1,2}([0-5]\d))?(?!\d)")
_ZONE = re.compile(
    r"(?:GMT|UTC)? ?([+\-\u2212])(\d{2}):?(\d{2})(?!\d)|(?:GMT|UTC) ?([+\-\u2212])(\d{1,2})(?!\d)", re.ASCII
)
_ZULU = re.compile(r"\b(?:UTC|GMT|Z)\b|\dZ\b")


def moment_of(text: str, near: datetime | None = None, zone: tzinfo = UTC) -> datetime | None:
    """The moment in UTC; None when the text names no day.

    zone: that of a time which names none. near: when the mail around it was written, which tells "03/04" from "04/03":
    the first that is not after it is meant; the day comes first.
    """
    text = text[:MOMENT_CHARS].replace("\xa0", " ").replace("\u202f", " ").replace("\u200e", "")
    found = []
    for (year, month, day), (begin, end) in _days(text):
        # What is left is the time: "21.11.2026" must not be read as 21:11.
        rest = f"{text[:begin]} | {text[end:]}"
        hour, minute, second = _time(rest)
        try:
            found.append(datetime(year, month, day, hour, minute, second, tzinfo=_zone(rest) or zone).astimezone(UTC))
        except (ValueError, OverflowError):
            continue
    fitting = [at for at in found if near is None or at <= near + timedelta(days=1)]
    return next(iter((*fitting, *found)), None)


Day = tuple[int, int, int]


def _days(text: str) -> Iterable[tuple[Day, tuple[int, int]]]:
    """The days a text may name, the likeliest first, each with where it stands."""
    if found := _YEAR_FIRST.search(text):
        yield (int(found[1]), int(found[2]), int(found[3])), found.span()
        return
    if found := _YEAR_LAST.search(text):
        one, other, year = int(found[1]), int(found[3]), int(found[4])
        year = year + _CENTURY if year < 100 else year
        readings = [(year, other, one), (year, one, other)]
        # With slashes Americans write the month first; what comes too late for the mail around it is the other one.
        yield from ((reading, found.span()) for reading in readings if 1 <= reading[1] <= 12)
        return
    for word in reversed(list(_WORD.finditer(text))):
        month = _month(word[0].casefold())
        if month and (found_day := _beside(text, word, month)):
            yield found_day
            return


def _beside(text: str, word: re.Match[str], month: int) -> tuple[Day, tuple[int, int]] | None:
    """The day whose month the word is: the number before it, else the one behind, and the year."""
    before = _DAY_BEFORE.search(text, max(0, word.start() - 10), word.start())
    after = None if before else _DAY_AFTER.match(text, word.end())
    if before is None and after is None:
        return None
    end = word.end() if before else after.end() if after else word.end()
    year = _YEAR.search(text)
    short = None if year else _SHORT_YEAR.match(text, end)
    if year is None and short is None:
        return None
    day = int((before or after)[1])  # type: ignore[index]
    last = year or short
    number = int(last[1]) if last else 0
    begin = before.start() if before else word.start()
    if last and last.start() >= begin:
        # Up to the year, when nothing but a few characters stand between.
        end = last.end() if last.start() - end <= 6 else end
    return (number + _CENTURY if number < 100 else number, month, day), (begin, end)


def _month(word: str) -> int:
    months = phrases().months
    return months.get(word, 0) or (_prefixes().get(word, 0) if len(word) >= _ABBREVIATED else 0)


@cache
def _prefixes() -> dict[str, int]:
    """The beginnings of months' names that can mean one month only."""
    found: dict[str, set[int]] = {}
    for name, month in phrases().months.items():
        for size in range(_ABBREVIATED, len(name)):
            found.setdefault(name[:size], set()).add(month)
    return {prefix: months.pop() for prefix, months in found.items() if len(months) == 1}


def _time(text: str) -> tuple[int, int, int]:
    found = _TIME.search(text)
    if found is None:
        return 0, 0, 0
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    beside = f"{text[max(0, found.start() - 6) : found.start()]} {text[found.end() : found.end() + 14]} ".casefold()
    if hour < 12 and _stands(phrases().afternoon, beside):
        return hour + 12, minute, second
    if hour == 12 and _stands(phrases().morning, beside):
        return 0, minute, second
    return hour, minute, second


def _stands(words: tuple[str, ...], text: str) -> bool:
    return any(
        re.search(rf"(?<![^\W\d]){re.escape(word)}(?![^\W\d])" if word.isascii() else re.escape(word), text)
        for word in words
    )


def _zone(text: str) -> tzinfo | None:
    if found := _ZONE.search(text):
        sign = -1 if (found[1] or found[4]) in "-\u2212" else 1
        hours, minutes = int(found[2] or found[5]), int(found[3] or 0)
        return timezone(sign * timedelta(hours=hours, minutes=minutes)) if hours < 24 and minutes < 60 else None
    return UTC if _ZULU.search(text) else None
