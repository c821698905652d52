"""T63: a long field (addresses, encoded words, parameters, RFC 2231) costs no more than its length."""

from __future__ import annotations

from maildesk.mail.parse import understand
from tests.threat.shaped import bytes_of, family, slow, steep

FIELDS = family("field")


def test_no_field_takes_long() -> None:
    """Every kind of field, a quarter of a million characters long, is read in a moment."""
    assert slow(FIELDS) == {}


def test_time_grows_with_the_size_and_not_faster() -> None:
    """Over three doublings the exponent stays far below a square's."""
    assert steep(FIELDS) == {}


def test_what_is_below_a_long_field_is_read() -> None:
    """A hostile field does not silence the mail: it is no monster, and its text is there."""
    lost = [name for name, raw in zip(FIELDS, bytes_of(FIELDS.values()), strict=True) if not understand(raw).full_text]
    assert lost == []
