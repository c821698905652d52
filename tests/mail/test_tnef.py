"""Laws of winmail.dat: its files and its text come out, and no bytes make the reader run or fall."""

from __future__ import annotations

import struct
import time

from hypothesis import given
from hypothesis import strategies as st

from maildesk.mail.parse import understand
from maildesk.mail.rtf import decompressed, rtf_text
from maildesk.mail.tnef import FILES, open_tnef

UNICODE, BINARY, OBJECT, LONG = 0x1F, 0x102, 0x0D, 0x03
MESSAGE_ID = bytes.fromhex("0703020000000000c000000000000046")


def attribute(level: int, name: int, value: bytes) -> bytes:
    """One attribute of an envelope, its checksum included."""
    return struct.pack("<BHHI", level, name, 0, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*found: tuple[int, int, bytes]) -> bytes:
    """A block of MAPI properties from (id, type, value)."""
    out = struct.pack("<I", len(found))
    for key, kind, value in found:
        out += struct.pack("<HH", kind, key)
        out += value if kind == LONG else struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return out


def envelope(*attributes: bytes) -> bytes:
    """A winmail.dat of these attributes."""
    codepage = attribute(1, 0x9007, struct.pack("<II", 1252, 0))
    return b"\x78\x9f\x3e\x22\x01\x00" + codepage + b"".join(attributes)


def attached(name: str, content: bytes, long_name: str = "") -> bytes:
    """The attributes of one file; the short name is what DOS would have called it."""
    long = (0x3707, UNICODE, (long_name or name).encode("utf-16-le") + b"\0\0")
    return (
        attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, name.encode("cp1252") + b"\0")
        + attribute(2, 0x800F, content)
        + attribute(2, 0x9005, properties(long))
    )


def body(text: str) -> bytes:
    return attribute(1, 0x9003, properties((0x1000, UNICODE, text.encode("utf-16-le") + b"\0\0")))


def packed(rtf: bytes) -> bytes:
    """RTF compressed without a single reference to what was before: eight literals a flag."""
    runs = b"".join(b"\0" + rtf[i : i + 8] for i in range(0, len(rtf), 8))
    return struct.pack("<II4sI", len(runs) + 12, len(rtf), b"LZFu", 0) + runs


def mail_with(winmail: bytes, text: bytes = b"See the files.", kind: bytes = b"application/ms-tnef") -> bytes:
    import base64

    return (
        b"From: ana@client.test\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\n"
        + text
        + b"\r\n--b\r\nContent-Type: "
        + kind
        + b'; name="winmail.dat"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(winmail) + b"--b--\r\n"
    )


def test_the_files_take_the_place_of_the_envelope() -> None:
    """The files come with their long names and all their bytes, zeros at the end included; winmail.dat is gone."""
    raw = mail_with(envelope(attached("RECHNU~1.PDF", b"%PDF\0\0", "Rechnung März.pdf"), attached("b.txt", b"b")))
    mail = understand(raw)
    assert [(a.name, a.content, a.type) for a in mail.attachments] == [
        ("Rechnung März.pdf", b"%PDF\0\0", "application/pdf"),
        ("b.txt", b"b", "text/plain"),
    ]
    assert (mail.text, mail.defects) == ("See the files.", ())


def test_an_envelope_is_known_by_its_name() -> None:
    """Gateways send it as any binary file."""
    mail = understand(mail_with(envelope(attached("a.txt", b"a")), kind=b"application/octet-stream"))
    assert [a.name for a in mail.attachments] == ["a.txt"]


def test_the_text_of_the_envelope_counts_when_there_is_no_other() -> None:
    """Text, else HTML, else rich text is what the mail says, when it says nothing outside of the envelope."""
    html = attribute(1, 0x9003, properties((0x1013, BINARY, b"<p>caf\xe9 <b>noir</b></p>")))
    rtf = packed(rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}Gr\'fc\'dfe\par aus \u8364?{\*\x gone}K\'f6ln}")
    rich = attribute(1, 0x9003, properties((0x1009, BINARY, rtf)))
    assert understand(mail_with(envelope(body("Hello Ana"), html), b"")).text == "Hello Ana"
    assert understand(mail_with(envelope(html), b"")).text == "café noir"
    assert understand(mail_with(envelope(rich), b"")).text == "Grüße\naus €Köln"
    assert understand(mail_with(envelope(body("Hello Ana")), b"Outside")).full_text.strip() == "Outside"


def test_a_mail_in_the_envelope_gives_its_text_and_files() -> None:
    """A mail that was attached in Outlook is a text file and its own files."""
    inner = envelope(body("inner words"), attached("deep.txt", b"deep"))
    outer = attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"Old mail\0")
    outer += attribute(2, 0x9005, properties((0x3701, OBJECT, MESSAGE_ID + inner)))
    names = {a.name: a.content for a in understand(mail_with(envelope(outer))).attachments}
    assert names == {"Old mail.txt": b"inner words", "deep.txt": b"deep"}


def test_a_broken_envelope_is_kept() -> None:
    """What cannot be opened stays under its name, with a defect; a cut one gives what is whole."""
    mail = understand(mail_with(b"\x78\x9f\x3e\x22nonsense"))
    assert [a.name for a in mail.attachments] == ["winmail.dat"]
    assert mail.defects
    cut = understand(mail_with(envelope(attached("a.txt", b"whole"), attached("b.txt", b"cut" * 99))[:-400]))
    assert cut.attachments[0].content == b"whole"
    assert cut.defects


def test_impossible_counts_end_at_once() -> None:
    """Four billion properties, values, files or levels of mails in mails cost nothing."""
    hostile = [
        attribute(1, 0x9003, b"\xff\xff\xff\xff" + b"\x1f\x10\x00\x10\xff\xff\xff\xff" * 99),
        attribute(1, 0x9003, b"\xff\xff\xff\xff" + b"\x1f\x00\x00\x90" + b"\xff" * 200),
        attribute(2, 0x9002, b"") * 50_000,
        attribute(
            1, 0x9003, properties((0x1009, BINARY, struct.pack("<II4sI", 2**31, 2**31, b"LZFu", 0) + b"\xff" * 9**6))
        ),
    ]
    began = time.process_time()
    for one in hostile:
        opened = open_tnef(envelope(one))
        assert opened is not None
        assert len(opened.files) <= FILES
    nested = b""
    for _ in range(60):
        inner = properties((0x3701, OBJECT, MESSAGE_ID + nested))
        nested = envelope(attribute(2, 0x9002, b"") + attribute(2, 0x9005, inner))
    assert open_tnef(nested) is not None
    assert time.process_time() - began < 1.0


@given(st.binary(max_size=120), st.integers(0, 300))
def test_any_bytes_give_an_answer(junk: bytes, at: int) -> None:
    """No envelope, damaged however, raises."""
    whole = envelope(
        body("text"),
        attached("a.txt", b"abc"),
        attribute(1, 0x9003, properties((0x1009, BINARY, packed(b"{\\rtf1 x}")))),
    )
    open_tnef(whole[:at] + junk + whole[at + len(junk) :])
    open_tnef(b"\x78\x9f\x3e\x22\0\0" + junk)
    rtf_text(b"{\\rtf1 " + junk)
    decompressed(b"\xff\xff\0\0\xff\xff\0\0LZFu\0\0\0\0" + junk)


@given(st.binary(max_size=300))
def test_rich_text_is_unpacked_as_it_was(rtf: bytes) -> None:
    """What was packed comes back byte for byte."""
    assert decompressed(packed(rtf)) == rtf
