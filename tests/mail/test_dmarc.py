"""Which policy holds for a mail, and which domains answer for each other."""

from __future__ import annotations

import pytest

from maildesk.mail.dmarc import Policy, find_policy, names
from maildesk.mail.domains import is_aligned, organisational


@pytest.mark.parametrize(
    ("domain", "owner"),
    [
        ("client.test", "client.test"),
        ("a.b.client.test", "client.test"),
        ("shop.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("Lea.GitHub.io.", "lea.github.io"),
        ("straße.de", "xn--strae-oqa.de"),
        ("test", "test"),
        ("", ""),
    ],
)
def test_who_owns_a_domain(domain: str, owner: str) -> None:
    """The public suffix list says where one owner's names begin; what is shared by many is nobody's."""
    assert organisational(domain) == owner


@pytest.mark.parametrize(
    ("other", "domain", "relaxed", "strict"),
    [
        ("client.test", "Client.Test", True, True),
        ("mail.client.test", "client.test", True, False),
        ("client.test", "mail.client.test", True, False),
        ("news.client.test", "mail.client.test", True, False),
        ("evilclient.test", "client.test", False, False),
        ("client.test.evil.test", "client.test", False, False),
        ("test", "client.test", False, False),
        ("eve.github.io", "lea.github.io", False, False),
        ("github.io", "lea.github.io", False, False),
        ("", "client.test", False, False),
        ("", "", False, False),
    ],
)
def test_alignment(other: str, domain: str, relaxed: bool, strict: bool) -> None:
    """Relaxed is one owner, strict is one name (RFC 7489, 3.1)."""
    assert (is_aligned(other, domain), is_aligned(other, domain, is_strict=True)) == (relaxed, strict)


def policy(**records: str) -> tuple[Policy | None, bool]:
    """What holds for a mail from mail.client.test; here and above: the records of its domain and of the owner's."""
    found = {"_dmarc.mail.client.test": (), "_dmarc.client.test": ()}
    places = {"here": "_dmarc.mail.client.test", "above": "_dmarc.client.test"}
    return find_policy("mail.client.test", found | {places[key]: (text,) for key, text in records.items()})


@pytest.mark.parametrize(
    ("record", "wish"),
    [
        ("v=DMARC1; p=none", "none"),
        ("v=DMARC1;p=quarantine;pct=0", "quarantine"),
        (" v = DMARC1 ; P = REJECT ; t=y", "reject"),
        ("v=DMARC1; p=reject; p=none", "reject"),
        ("v=DMARC1; rua=mailto:x@client.test", "none"),
        ("v=DMARC1; p=nonsense", "none"),
        ("v=DMARC1; p=reject; sp=none", "reject"),
    ],
)
def test_the_wish_of_a_record(record: str, wish: str) -> None:
    """The record of the author's own domain says what its p= says; a share or a trial of a policy is the policy."""
    assert policy(here=record) == (Policy("mail.client.test", wish), False)  # type: ignore[arg-type]


def test_the_owners_record_holds_below() -> None:
    """Where the domain has none, the owner's sp= holds, else its p=; the nearer record wins."""
    assert policy(above="v=DMARC1; p=reject; sp=none; adkim=s; aspf=S") == (
        Policy("client.test", "none", True, True),
        False,
    )
    assert policy(above="v=DMARC1; p=reject") == (Policy("client.test", "reject"), False)
    assert policy(here="v=DMARC1; p=none", above="v=DMARC1; p=reject") == (Policy("mail.client.test", "none"), False)


@pytest.mark.parametrize(
    "text", ["", "v=spf1 -all", "v=DMARC2; p=reject", "p=reject", "v=dmarc1; p=reject", ";;;=", "DMARC1"]
)
def test_other_texts_are_no_policy(text: str) -> None:
    """Only what begins with v=DMARC1 is a record, and two of them are none."""
    assert policy(here=text) == (None, False)
    two = {"_dmarc.client.test": ("v=DMARC1; p=reject", "v=DMARC1; p=none")}
    assert find_policy("client.test", two) == (None, False)


def test_silence_is_told() -> None:
    """Without an answer about the nearer name nobody knows the policy, whatever the owner's record says."""
    assert names("mail.client.test") == ("_dmarc.mail.client.test", "_dmarc.client.test")
    above = {"_dmarc.client.test": ("v=DMARC1; p=reject",)}
    assert find_policy("mail.client.test", above | {"_dmarc.mail.client.test": None}) == (None, True)
    assert find_policy("mail.client.test", {"_dmarc.mail.client.test": ()}) == (None, True)
