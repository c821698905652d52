"""T64: no text makes a rule go back and forth: what folds quotes, finds signatures and bounces reads each line once."""

from __future__ import annotations

import pytest

from tests.threat.shaped import family, slow, steep

FAMILIES = ("text", "below a text", "bounce", "forward", "attached", "flowed", "in HTML")


@pytest.mark.parametrize("name", FAMILIES)
def test_no_text_takes_long(name: str) -> None:
    """Repeated pieces of what rules look for: as a person's words, below them, as a bounce, a forward, an attached mail."""
    assert slow(family(name)) == {}


def test_time_grows_with_the_size_and_not_faster() -> None:
    """Over three doublings the exponent stays far below a square's."""
    assert steep(family("text")) == {}
