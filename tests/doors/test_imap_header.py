"""Whom a mail from a folder was for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.doors.imap_header import recipients_of

TOKEN = "support+k7f3aaaaaaaaaaaaaaaaaaaaaaaaaaaa@desk.test"


def belongs(address: str) -> bool:
    local, _, domain = address.lower().partition("@")
    return domain == "desk.test" and local.partition("+")[0] in ("support", "help")


def found(header: str) -> tuple[str, ...]:
    return recipients_of(header.encode() + b"\r\n\r\nTo: support+body@desk.test\r\n", belongs, "support@desk.test")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"To: {TOKEN}", (TOKEN,)),
        (f"To: Example Support <{TOKEN}>", (TOKEN,)),
        (f'To: "{TOKEN}" <{TOKEN}>', (TOKEN,)),
        (f"to:{TOKEN}", (TOKEN,)),
        (f"Subject: x\r\nTo: someone@else.test,\r\n\t=?utf-8?q?D=C3=A9sk?= <{TOKEN}>", (TOKEN,)),
        (f"Cc: a@b.test, (hello) {TOKEN} ;", (TOKEN,)),
        (f"To: friends: a@b.test, {TOKEN};", (TOKEN,)),
        (f"Delivered-To: help@desk.test\r\nTo: {TOKEN}", ("help@desk.test", TOKEN)),
        (f"To: help@desk.test\r\nX-Original-To: {TOKEN}", (TOKEN, "help@desk.test")),
        ("To: Support@Desk.Test, support@desk.test", ("Support@Desk.Test",)),
        ("To: someone@else.test", ("support@desk.test",)),
        (f"Reply-To: {TOKEN}\r\nSubject: To: {TOKEN}\r\nX-To: {TOKEN}", ("support@desk.test",)),
        ("Bcc:", ("support@desk.test",)),
    ],
)
def test_the_desks_addresses_are_found_in_the_header(header: str, expected: tuple[str, ...]) -> None:
    """Stamped ones first, then To and Cc, folded or decorated as they may be; the mailbox itself when there is none."""
    assert found(header) == expected


def test_an_address_in_the_body_is_no_recipient() -> None:
    """Only the header says whom a mail was for, whatever its line ends are."""
    for line_end in ("\r\n", "\n"):
        raw = line_end.join(["Subject: x", "", f"To: {TOKEN}", ""]).encode()
        assert recipients_of(raw, belongs, "support@desk.test") == ("support@desk.test",)


def test_a_monstrous_header_costs_little() -> None:
    """A megabyte of addresses, brackets or folds is scanned in a moment."""
    for filling in (b"a@b.test, ", b"(", b"<", b"\r\n ", b"@", b'"', b"a" * 50 + b"@"):
        began = time.monotonic()
        raw = b"To: " + filling * (1_000_000 // len(filling)) + b"\r\n\r\n"
        assert recipients_of(raw, belongs, "support@desk.test") == ("support@desk.test",)
        assert time.monotonic() - began < 1.0


@given(st.binary(max_size=300))
def test_any_bytes_have_a_recipient(raw: bytes) -> None:
    """Whatever a folder holds, there is at least one recipient, and each belongs to the desk."""
    recipients = recipients_of(b"To: " + raw, belongs, "support@desk.test")
    assert recipients
    assert all(map(belongs, recipients))
