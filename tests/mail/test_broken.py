"""Laws of mail that gateways broke: the text and the files are there all the same."""

from __future__ import annotations

import pytest

from maildesk.mail.parse import understand

HEAD = b"From: lea@client.test\r\nSubject: s\r\n"
TYPE = b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n"
PARTS = (
    b"--bb\r\nContent-Type: text/plain\r\n\r\nhello there\r\n"
    b"--bb\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--bb--\r\n"
)
WHOLE = HEAD + TYPE + PARTS

BROKEN = {
    "as it was": WHOLE,
    "a byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "saved as UTF-16": WHOLE.decode().encode("utf-16"),
    "a second CR on each line": WHOLE.replace(b"\r\n", b"\r\r\n"),
    "only CR": WHOLE.replace(b"\r\n", b"\r"),
    "only LF": WHOLE.replace(b"\r\n", b"\n"),
    "a header with LF over a body with CR": (HEAD + TYPE).replace(b"\r\n", b"\n")
    + PARTS.replace(b"\r\n", b"\r")
    + b"\r" * 9,
    "no boundary named": WHOLE.replace(b"; boundary=bb", b""),
    "another boundary named": WHOLE.replace(b"boundary=bb", b"boundary=cc"),
    "no type": HEAD + b"\r\n" + PARTS,
    "no type, a preamble": HEAD + b"\r\nThis is a multi-part message in MIME format.\r\n" + PARTS,
    "an empty line in the header": HEAD + b"\r\nMIME-Version: 1.0\r\n" + TYPE + PARTS,
    "a parameter on a line of its own": WHOLE.replace(b"; boundary=bb", b";\r\nboundary=bb"),
    "never closed": WHOLE.replace(b"\r\n--bb--\r\n", b""),
    "two types": HEAD + b"Content-Type: text/plain\r\n" + TYPE + PARTS,
    "white space between header and body": WHOLE.replace(b"bb\r\n\r\n", b"bb\r\n \r\n"),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_broken_mail_shows_its_text_and_files(how: str) -> None:
    """However it was broken, the person reads the same."""
    mail = understand(BROKEN[how])
    assert (mail.subject, mail.text) == ("s", "hello there")
    assert mail.author is not None
    assert [(a.name, a.content) for a in mail.attachments] == [("a.pdf", b"%PDF")]


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Type: text\r\n\r\nhello there",
        b"Content-Type: text/plain;;;\r\n\r\nhello there",
        b"Content-Type: nonsense\r\n\r\nhello there",
        b"Content-Type:\r\n\r\nhello there",
        b"Content-Type: text/x-unheard-of\r\n\r\nhello there",
        b"Content-Type: application/octet-stream\r\n\r\nhello there",
        b"Content-Type: multipart/mixed\r\n\r\nhello there",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nhello there",
        b"Content-Type: multipart/mixed\r\n\r\n--xx12\r\n\r\nhello there\r\n--xx12--\r\n",
        b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nhello there",
        b"Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nhello there",
        b"Content-Transfer-Encoding: base64\r\n\r\nhello there",
        b"Content-Transfer-Encoding: x-unheard-of\r\n\r\nhello there",
        b"hello there\r\nTo: nobody",
    ],
)
def test_no_text_is_lost(body: bytes) -> None:
    """Whatever the header says of it, text that is there is shown."""
    assert "hello there" in understand(HEAD + body).full_text


def test_a_file_alone_is_no_text() -> None:
    """A mail that is nothing but a uuencoded file has the file and no words."""
    mail = understand(HEAD + b"\r\nbegin 644 a.txt\n#86)C\n`\nend\n")
    assert [(a.name, a.content) for a in mail.attachments] == [("a.txt", b"abc")]
    assert mail.full_text.strip() == ""


def test_html_without_words_is_no_text() -> None:
    """Nobody is shown tags."""
    assert understand(HEAD + b"Content-Type: text/html\r\n\r\n<div><br></div>").full_text.strip() == ""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (b"application/pkcs7-mime; smime-type=signed-data", "smime.p7m"),
        (b"application/pgp-signature", "signature.asc"),
        (b"text/calendar; method=REQUEST", "invite.ics"),
        (b"image/png\r\nContent-Description: Screenshot 3.png", "Screenshot 3.png"),
        (b"image/png\r\nContent-Description: a picture of mine", "image-1.png"),
    ],
)
def test_parts_without_a_name_have_their_usual_one(kind: bytes, name: str) -> None:
    """A part is called what programs call it, or what its description says if that is the name of a file."""
    raw = HEAD + TYPE + b"--bb\r\n\r\nhi\r\n--bb\r\nContent-Type: " + kind + b"\r\n\r\nMIIG\r\n--bb--"
    assert [a.name for a in understand(raw).attachments] == [name]
