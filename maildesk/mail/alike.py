"""Where the lines of a text stand in another form of the same text, less what the other form says besides.
Pure; knows characters and places, nothing of HTML."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# A line that is not where the one before ended is searched for; a text that needs more searches is another text.
SEARCHES = 200
# So many places in all that look right at first and are not.
FALSE_PLACES = 5_000

# What plain text and HTML write differently: white space, what is invisible, marks of emphasis, quotes, lists and rules.
_LEFT_OUT = dict.fromkeys(
    map(ord, " \t\n\r\f\v\xa0\u00ad\u034f\u061c\u2060\ufeff\u3000*_>|#=~`•◦▪●·○■□‣⁃" + "\ufe0e\ufe0f\ufffc"), None
)
_LEFT_OUT |= dict.fromkeys(
    [*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070), *range(0x2500, 0x2580)], None
)
_ALIKE = {ord(one): "'" for one in "‘’‚‛´"} | {ord(one): '"' for one in "“”„‟«»"} | {ord(o): "-" for o in "‐‑‒–—―−"}
_NORMAL: dict[int, str | None] = _LEFT_OUT | _ALIKE

# What may stand for a picture, or be a link's target behind its label; else a link that is written out.
_TOKEN = re.compile(
    r"(?P<aside>\[\]\([^\s()]{1,2000}\)|[<(][^\s<>()]{1,2000}[>)]|\[[^\[\]]{1,2000}\])|\b(?:https?://|mailto:)[^\s<>\"]{1,2000}"
)
_LIST_MARK = re.compile(r"[ \t>]*(?:[-+o•◦▪·*]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?=\S)")
_RULE = re.compile(r"[\s>]*[-_=*~#+—–]{3,}\s*")


def normal(text: str) -> str:
    """`text` without what two forms of it write differently; each character left stands for one of the text."""
    return text.translate(_NORMAL)


def place_of(text: str, count: int) -> int:
    """Where in `text` the character that is number `count` in its normal form stands; the end when there are fewer."""
    for at, char in enumerate(text):
        if _NORMAL.get(ord(char), char) is None:
            continue
        if count == 0:
            return at
        count -= 1
    return len(text)


@dataclass(slots=True)
class Other:
    """The other form: its normal characters, where its lines may begin, and where a client's quote begins or ends.

    turns: places where quoted and not quoted change, the first from not quoted to quoted.
    said_otherwise: what it says without words, as `address` writes it: targets of links, names of pictures.
    """

    normal: str
    begins: frozenset[int]
    turns: list[int]
    said_otherwise: frozenset[str] = frozenset()

    def is_quoted(self, at: int) -> bool:
        return bisect_right(self.turns, at) % 2 == 1


@dataclass(slots=True)
class _Walk:
    other: Other
    at: int = 0
    searches: int = 0
    false_places: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)

    def take(self, found: int, length: int) -> None:
        if self.runs and self.runs[-1][1] == found:
            self.runs[-1] = (self.runs[-1][0], found + length)
        else:
            self.runs.append((found, found + length))
        self.at = found + length

    def search(self, wanted: str, is_quoted: bool | None) -> int:
        """The next place where a line begins with `wanted`, -1 when there is none."""
        self.searches += 1
        other, found = self.other, self.at
        while self.searches <= SEARCHES and self.false_places <= FALSE_PLACES:
            found = other.normal.find(wanted, found)
            if found < 0:
                break
            if found in other.begins and (is_quoted is None or other.is_quoted(found) == is_quoted):
                return found
            self.false_places += 1
            found += 1
        return -1


def runs_of(text: str, other: Other) -> list[tuple[int, int]] | None:
    """Where in `other` the text stands: runs in order, which together are the text and nothing else; None: they differ.

    What may differ: white space, marks of emphasis and lists, the kind of quotation marks and dashes, marks of pictures
    ("[image: a.png]"), and a link's target behind its label where the other form has that target.
    """
    walk = _Walk(other)
    for line in text.split("\n"):
        if not _follow(walk, line):
            return None
    return walk.runs


def _follow(walk: _Walk, line: str) -> bool:
    """Walk over one line; whether the other form has it."""
    is_quoted = line.lstrip(" \t").startswith(">")
    at_line_start, skipped = True, ""
    for options, may_miss in _pieces(line, walk.other):
        found = _here(walk, options, is_quoted if at_line_start else None)
        if found is None and at_line_start and not may_miss:
            found = _further(walk, [skipped + one for one in options if skipped] + list(options), is_quoted)
        if found is None and not may_miss:
            return False
        if found is None:
            skipped += options[0]
            continue
        walk.take(*found)
        at_line_start, skipped = False, ""
    return True


def _here(walk: _Walk, options: Iterable[str], is_quoted: bool | None) -> tuple[int, int] | None:
    if is_quoted is not None and walk.other.is_quoted(walk.at) != is_quoted:
        return None
    length = next((len(one) for one in options if walk.other.normal.startswith(one, walk.at)), None)
    return None if length is None else (walk.at, length)


def _further(walk: _Walk, options: Iterable[str], is_quoted: bool) -> tuple[int, int] | None:
    options = list(options)
    for wanted in options:
        if (found := walk.search(wanted, is_quoted)) >= 0:
            return found, len(wanted)
    if (here := _here(walk, options, None)) is not None:
        return here
    for wanted in options:
        if (found := walk.search(wanted, None)) >= 0:
            return found, len(wanted)
    return None


def _pieces(line: str, other: Other) -> Iterator[tuple[tuple[str, ...], bool]]:
    """A line's pieces in normal form: the ways in which the other form may write it, and whether it may lack it."""
    if _RULE.fullmatch(line):
        if written := normal(line):
            yield (written,), True
        return
    end = 0
    if mark := _LIST_MARK.match(line):
        end = mark.end()
        if written := normal(mark[0]):
            yield (written,), True
    for token in _TOKEN.finditer(line, end):
        if before := normal(line[end : token.start()]):
            yield (before,), False
        end = token.end()
        written = token[0]
        if token.lastgroup == "aside":
            yield (normal(written),), address(written.strip("<>()[]")) in other.said_otherwise or _is_picture(written)
        else:
            short = written.partition("://")[2] or written.partition(":")[2]
            options = (written, written.rstrip("/"), short, short.rstrip("/"))
            yield tuple(dict.fromkeys(n for n in map(normal, options) if n)), address(written) in other.said_otherwise
    if after := normal(line[end:]):
        yield (after,), False


def _is_picture(mark: str) -> bool:
    return mark[1:].partition(":")[0].strip().casefold() in ("image", "cid", "inline image")


def address(written: str) -> str:
    """A link's target or a picture's mark, as they are compared."""
    return written.strip().rstrip("/.,;:").removeprefix("mailto:").removeprefix("cid:").casefold()
