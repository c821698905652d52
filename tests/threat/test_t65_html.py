"""T65: HTML that nests, repeats or never ends (a million divs, attributes, styles) is read in linear time, or shown as text."""

from __future__ import annotations

from maildesk.mail.parse import understand
from tests.shapes import HTML, PERSON
from tests.threat.shaped import family, slow, steep

SHAPES = family("html")


def test_no_html_takes_long() -> None:
    """No shape is slow."""
    assert slow(SHAPES) == {}


def test_time_grows_with_the_size_and_not_faster() -> None:
    """Over three doublings the exponent stays far below a square's."""
    assert steep(SHAPES) == {}


def test_deep_html_keeps_its_words() -> None:
    """However deep, the words at the bottom are there, up to the length at which HTML is cut (and the entry says so)."""
    for depth in (300, 3_000, 100_000):
        assert understand(PERSON + HTML + b"<div>" * depth + b"hello").full_text.strip() == "hello", depth
    cut = understand(PERSON + HTML + b"<div>" * 300_000 + b"hello")
    assert any("too long to be read" in defect for defect in cut.defects)
