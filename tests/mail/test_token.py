"""Tokens: the format is a promise, and nothing that was altered is believed."""

from __future__ import annotations

import pytest

from maildesk.mail.token import Keyring, Purpose, anchor, make_message_id, read_message_id

RING = Keyring("desk.example", 0, {0: bytes(range(32)), 1: bytes(range(32)), 7: bytes(range(32))})


@pytest.mark.parametrize(
    ("purpose", "kid", "ticket_id", "slot", "text"),
    [
        (1, 0, 1, 1, "jaaaaaaaaeaacvut7fxz5mji5iac5dws"),
        (2, 0, 12345, 3, "kaaaaabqheaahx2wgo5rnnhikplcfcog"),
        (5, 1, 12345, 0, "neaaaabqheaabrqfrphn35stnwhg7h7w"),
        (4, 7, 1099511627775, 65535, "m777777777777q7pf5df2zgsyln2z22n"),
    ],
)
def test_vectors(purpose: int, kid: int, ticket_id: int, slot: int, text: str) -> None:
    """The published vectors come out of signing, and verifying them gives the fields back."""
    ring = Keyring(RING.desk_id, kid, RING.masters)
    assert ring.sign(Purpose(purpose), ticket_id, slot) == text
    token = ring.verify(text.upper(), Purpose(purpose))
    assert token is not None
    assert (token.purpose, token.kid, token.ticket_id, token.slot) == (purpose, kid, ticket_id, slot)


def test_no_single_character_mutant_is_accepted() -> None:
    """Of all 992 strings that differ in one character none verifies for any purpose."""
    text = RING.sign(Purpose.AGENT_REPLY, 77, 2)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    mutants = [text[:i] + c + text[i + 1 :] for i in range(32) for c in alphabet if c != text[i]]
    assert len(mutants) == 992
    assert [m for m in mutants if RING.verify(m, *Purpose)] == []


@pytest.mark.parametrize(
    "text", ["", "jaaa", "jaaaaaaaaeaacvut7fxz5mji5iac5dws=", "jaaaaaaaaeaacvut7fxz5mji5iac5dw1", "ä" * 32]
)
def test_other_shapes_are_no_tokens(text: str) -> None:
    """Truncated, padded or foreign characters: no token, no error."""
    assert RING.verify(text, *Purpose) is None


def test_a_token_counts_only_for_its_purpose_and_desk() -> None:
    """A customer's token on an agent's path is nothing, and so is a token of a copy of the desk under another id."""
    text = RING.sign(Purpose.CUSTOMER_REPLY, 5, 1)
    assert RING.verify(text, Purpose.AGENT_REPLY) is None
    assert Keyring("copy.example", 0, RING.masters).verify(text, Purpose.CUSTOMER_REPLY) is None


def test_message_ids_are_short_and_read_back() -> None:
    """Our Message-ID is made once from the letter's id, fits 76 octets, survives a change of case, and forgeries fail."""
    text = make_message_id(RING, "c", 5, 1, 99, Purpose.MESSAGE_ID)
    assert text == make_message_id(RING, "c", 5, 1, 99, Purpose.MESSAGE_ID)
    assert len(text) <= 78
    read = read_message_id(RING, text.upper())
    assert read is not None
    assert (read.kind, read.token.ticket_id, read.token.slot) == ("c", 5, 1)
    assert read_message_id(RING, text.replace("c.", "c.a", 1)) is None
    start = read_message_id(RING, anchor(RING, 5))
    assert start is not None
    assert start.kind == "t"
