"""Laws of mail that wants to hurt: what could be saved is there. How long it takes is in tests/threat (T61 to T66)."""

from __future__ import annotations

import pytest

from maildesk.mail.limits import monstrous
from maildesk.mail.marks import QUOTE_BEGINS, QUOTE_ENDS
from maildesk.mail.parse import understand
from tests.mail.laws import broken
from tests.shapes import PLAIN, REPORT

HEAD = b"From: a@b.test\r\nSubject: saved\r\n"
MONSTERS = {
    "header": HEAD + b"X: " + b"a" * 300_000 + b"\r\n\r\nx",
    "fields": HEAD + b"X: y\r\n" * 3_000 + b"\r\nx",
    "parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5_000,
    "boundary": HEAD + b'Content-Type: multipart/mixed; boundary="' + b"b" * 500 + b'"\r\n\r\nx',
}


@pytest.mark.parametrize("shape", sorted(MONSTERS))
def test_monsters_are_saved_unread(shape: str) -> None:
    """A monster is `unreadable`, and its subject and author are there."""
    assert monstrous(MONSTERS[shape])
    mail = understand(MONSTERS[shape])
    assert mail.unreadable == monstrous(MONSTERS[shape])
    assert mail.subject == "saved"
    assert mail.author is not None
    assert mail.content_key


def test_a_big_honest_mail_is_no_monster() -> None:
    """A patch with thousands of "--" lines and a mail of ten parts are read."""
    patch = HEAD + b"\r\nhello\n" + b"--- a/file\n+++ b/file\n" * 3_000
    assert understand(patch).unreadable is None
    parts = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10 + b"--b--"
    assert understand(parts).unreadable is None


@pytest.mark.parametrize("attribute", ["a%d=b", "a%d", "a%d='>'", 'a%d="<"'])
def test_an_element_of_many_attributes_keeps_its_words(attribute: str) -> None:
    """A thousand attributes do not silence the mail."""
    raw = HEAD + b"Content-Type: text/html\r\n\r\n<div %s>hello</div>"
    assert "hello" in understand(raw % b" ".join((attribute.replace("%d", str(n))).encode() for n in range(1_000))).text


@pytest.mark.parametrize("kind", [PLAIN, b"Content-Type: text/html; charset=utf-8\r\n\r\n"])
@pytest.mark.parametrize("mark", [QUOTE_BEGINS, QUOTE_ENDS, "&#xE0F1;"])
def test_nobody_marks_a_quote_from_outside(kind: bytes, mark: str) -> None:
    """The characters with which the HTML reader marks quotes do nothing in a mail that brings them."""
    lines = f"hello<br>\n{mark}<br>\nworld<br>\n{mark}\n"
    assert "world" in understand(HEAD + kind + lines.encode()).text
    assert understand(HEAD + kind + f"{mark}\n".encode() * 6_000).unreadable is None


def test_a_picture_that_the_html_shows_is_inline() -> None:
    """Each of several pictures is inline where the HTML names its id, and only there."""
    html = b"--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:one@x width=2><img src='cid:two'>\r\n"
    pictures = b"".join(
        b"--b\r\nContent-Type: image/png\r\nContent-ID: <%s>\r\n\r\nx\r\n" % cid for cid in (b"one@x", b"two", b"tw")
    )
    mail = understand(HEAD + b"Content-Type: multipart/related; boundary=b\r\n\r\n" + html + pictures + b"--b--")
    assert [one.inline for one in mail.attachments] == [True, True, False]


@pytest.mark.parametrize("entity", ["&#1;", "&#x7f;", "&#xE0F1;", "&#xD800;", "&#x110000;", "&#0;"])
@pytest.mark.parametrize("before", ["", "<div>" * 300])
def test_an_entity_brings_no_control(entity: str, before: str) -> None:
    """Neither reader of HTML lets an entity bring what no text may hold."""
    raw = HEAD + f"Content-Type: text/html\r\n\r\n{before}a{entity}b".encode()
    assert broken(understand(raw)) == []


def test_mending_brings_no_control() -> None:
    """A control hidden in twice encoded text is gone, like any other."""
    hidden = "\u00c3\u00a9 \u00c3\u00a9t\u00c3\u00a9 \u00c3\u00a9 \x01\u00c2\u0081".encode()
    mail = understand(HEAD + PLAIN + hidden)
    assert not any(ord(c) < 32 for c in mail.full_text)


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\u202e"])
def test_a_forwarded_subject_is_one_line(mark: str) -> None:
    """A separator of lines inside a forwarded subject does not break it."""
    block = f"From: a@b.test\nDate: 3 May 2026 10:00\nSubject: one{mark}two\nTo: c@d.test\n\nwords\n"
    mail = understand(HEAD + PLAIN + f"---------- Forwarded message ---------\n{block}".encode())
    assert mail.forwarded is not None
    assert mail.forwarded.subject.split() in (["one", "two"], ["onetwo"])
    assert broken(mail) == []


def test_a_recipient_in_a_report_has_no_control() -> None:
    """A NUL inside the address that a report names is not stored."""
    raw = REPORT + b"Final-Recipient: rfc822; lea@\0client.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--"
    mail = understand(raw)
    assert mail.bounce is not None
    assert broken(mail) == []
