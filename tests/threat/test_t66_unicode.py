"""T66: characters that pile up, turn around or show nothing do no harm in a subject or a name, and cost no time."""

from __future__ import annotations

import unicodedata

import pytest

from maildesk.mail.parse import understand
from tests.threat.shaped import family, slow

MARKS = {
    name: shape
    for name, shape in family("text", "field").items()
    if "mark" in name or "bidi" in name or "zalgo" in name
}
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
MAX_MARKS = 4


def subject_and_name(words: str) -> tuple[str, str]:
    """What a mail with these words in its Subject and its author's name shows of them."""
    mail = understand(f"From: {words} <lea@client.test>\r\nSubject: {words}\r\n\r\nx".encode())
    assert mail.author is not None
    return mail.subject, mail.author.name


def test_marks_are_capped() -> None:
    """At most four marks stay on one letter, in a subject and in a name; an honest accent stays."""
    for shown in subject_and_name("e" + "\u0301" * 500 + " Zalgo"):
        run = most = 0
        for char in unicodedata.normalize("NFD", shown):
            run = run + 1 if unicodedata.combining(char) else 0
            most = max(most, run)
        assert most <= MAX_MARKS + 1, shown
    assert subject_and_name("Zoe\u0308 Tie\u0302\u0301n") == ("Zoë Tiến",) * 2


@pytest.mark.parametrize("char", TURNING, ids=lambda char: f"U+{ord(char):04X}")
def test_nothing_turns_a_line_around(char: str) -> None:
    """A control of direction is gone from a subject and from a name."""
    assert all(char not in shown and "invoice" in shown for shown in subject_and_name(f"invoice{char}gnp.exe"))


def test_a_million_of_them_take_no_time() -> None:
    """Marks and controls by the million."""
    assert len(MARKS) >= 4
    assert slow(MARKS) == {}
