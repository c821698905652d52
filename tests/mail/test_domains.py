"""Domains: what ends one, by the bundled list."""

from __future__ import annotations

import pytest

from maildesk.mail.domains import is_top_level


@pytest.mark.parametrize("name", ["com", "fr", "COM", "uk", "za", "ck", "cm", "om", "cam", "online", "рф", "xn--p1ai"])
def test_a_true_ending(name: str) -> None:
    """Countries, those that register on the second level alone too, and the generic ones, in either form."""
    assert is_top_level(name)


@pytest.mark.parametrize("name", ["con", "cmo", "rf", "dr", "test", "local", "invalid", "lan", "", "12", "ö"])
def test_no_true_ending(name: str) -> None:
    """Slips, and what is for tests and one's own network."""
    assert not is_top_level(name)
