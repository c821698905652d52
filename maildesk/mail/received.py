"""Who wrote a Received field, and who handed the mail over. Pure; the words of a HELO and of comments are the sender's."""

from __future__ import annotations

import re

_PARENTHESES = re.compile(r"([()])")
_BY = re.compile(r"(?:^|\s)by\s+(\S+)", re.IGNORECASE)
_FROM = re.compile(r"\s*from\s", re.IGNORECASE)


def writers_of(received: str) -> frozenset[str]:
    """Every name behind a "by" outside of comments, in lower case without a last dot.

    A HELO of several words may hold a "by" of its own, so more than one name stands here only where somebody cheats.
    """
    depth, outside = 0, []
    for piece in _PARENTHESES.split(received.partition(";")[0]):
        if piece in ("(", ")"):
            depth = max(depth + (1 if piece == "(" else -1), 0)
        elif not depth:
            outside.append(piece)
    return frozenset(name.casefold().rstrip(".") for name in _BY.findall(" ".join(outside)))


def is_handed_over(received: str) -> bool:
    """Whether the field tells from whom the mail came."""
    return _FROM.match(received) is not None
