"""Addresses as values: what is one, which two are the same, and the signed forms."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maildesk.errors import Malformed
from maildesk.mail.address import a_label, key, same, split, with_token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lea",
        "@client.test",
        "lea@",
        "lea@.",
        "lea@...",
        "l ea@client.test",
        "lea@client.test\n",
        "a@b\0c",
        "a@" + "x" * 253,
    ],
)
def test_what_is_no_address(text: str) -> None:
    """No parts, white space, a control, only dots, above 254 octets: Malformed, and the same as nothing."""
    with pytest.raises(Malformed):
        split(text)
    assert not same(text, text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lea@Client.Test", "lea@client.test"),
        ("lea@client.test.", "lea@client.test"),
        ("lea@bücher.test", "lea@xn--bcher-kva.test"),
        ("lea@BÜCHER.test", "lea@bücher。test"),
        ("LÉA@client.test", "léa@client.test"),
        ("lea@straße.test", "lea@xn--strae-oqa.test"),
    ],
)
def test_one_mailbox_in_two_spellings(one: str, other: str) -> None:
    """Case, a final dot and the form of an international domain make no difference."""
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lea+x@client.test", "lea@client.test"),
        ("l.ea@client.test", "lea@client.test"),
        ("lea@straße.test", "lea@strasse.test"),
        ("lea@client.test", "lea@client.test.evil"),
        ("lеa@client.test", "lea@client.test"),
    ],
)
def test_two_mailboxes_that_look_alike(one: str, other: str) -> None:
    """Tags, dots, homographs and what IDNA 2003 confused are other people."""
    assert not same(one, other)


def test_signed_forms() -> None:
    """Plus, minus, a domain of its own, none."""
    token = "jaaaaaaaaeaacvut7fxz5mji5iac5dws"
    assert with_token("support@desk.test", "plus", token) == f"support+{token}@desk.test"
    assert with_token("support@desk.test", "minus", token) == f"support-{token}@desk.test"
    assert with_token("support@desk.test", "domain:Reply.Desk.Test", token) == f"{token}@reply.desk.test"
    assert with_token("support@desk.test", "none", token) is None


@given(st.text(max_size=80))
@example("lea@\u00af")
@example("lea@bank.test\uff20client.test")
@example("lea@client\u2026")
def test_any_text_is_an_address_or_malformed(text: str) -> None:
    """Nothing else is raised, and a key is its own key."""
    a_label(text)
    try:
        found = key(text)
    except Malformed:
        return
    assert key(found) == found
