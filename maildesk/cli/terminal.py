"""What a person's terminal gets: text that cannot harm it, and tables. Knows no store."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

# Joiners make one sign of several in Persian, Hindi and emoji; what else shows nothing is left out.
_KEPT = frozenset("\n\t\u200c\u200d")
_UNSEEN = frozenset("\r\u00ad\u200b\u2060\ufeff")


def plain(value: object) -> str:
    """Text for a terminal: no control or direction mark of somebody else's mail reaches it; every space is a space."""
    words = "" if value is None else str(value)
    if words.isprintable():
        return words
    return "".join(_shown(c) for c in words)


def _shown(char: str) -> str:
    if char.isprintable() or char in _KEPT:
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    return "" if char in _UNSEEN else "\N{REPLACEMENT CHARACTER}"


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON with letters as they are; what does not print is escaped, which says the same and harms no terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def write_table(out: TextIO, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with aligned columns; the last may be of any length."""
    cells = [[plain(c).replace("\n", " ") for c in row] for row in rows]
    widths = [max([len(h), *(min(len(r[i]), 40) for r in cells)]) for i, h in enumerate(heads)]
    for row in ([*heads], *cells):
        line = [c if i == len(heads) - 1 else f"{c[: widths[i]]:{widths[i]}}" for i, c in enumerate(row)]
        out.write("  ".join(line).rstrip() + "\n")
