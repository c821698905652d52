"""T38: one reading of a mail's parts and names, and that one is stored: no second reader finds another file or another text."""

from __future__ import annotations

from zlib import crc32

import pytest

from maildesk.mail.parse import understand
from tests.threat.wire import Wire

# Header lines of a part that is a file, and the name under which it is kept; each has another reading somewhere.
NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "name= and filename=": (
        ("Content-Type: application/pdf; name=a.pdf", "Content-Disposition: attachment; filename=b.exe"),
        "b.exe",
    ),
    "filename= twice": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename=a.pdf; filename=b.exe"),
        "a.pdf",
    ),
    "filename= and filename*=": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename=a.pdf; filename*=utf-8''b.exe"),
        "b.exe",
    ),
    "filename*= before": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename*=utf-8''b.exe; filename=a.pdf"),
        "b.exe",
    ),
    "continued": (
        (
            "Content-Type: application/pdf",
            "Content-Disposition: attachment; filename*0=a; filename*1=.pdf; filename*2=.exe",
        ),
        "a.pdf.exe",
    ),
    "continued out of order": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename*1=.pdf; filename*0=a"),
        "a.pdf",
    ),
    "continued with a gap": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename*0=a.pdf; filename*2=.exe"),
        "a.pdf.exe",
    ),
    "quoted escapes": (
        ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a\\".exe\\".pdf"'),
        'a".exe".pdf',
    ),
    "unclosed quote": (("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a.pdf'), "a.pdf"),
    "comment": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename=(b.exe)a.pdf"),
        "(b.exe)a.pdf",
    ),
    "encoded word": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename==?utf-8?q?a=2Eexe?="),
        "a.exe",
    ),
    "encoded word quoted": (
        ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="=?utf-8?q?a=2Eexe?="'),
        "a.exe",
    ),
    "percent in plain": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename=a%2Eexe"),
        "a%2Eexe",
    ),
    "path": (("Content-Type: application/pdf", "Content-Disposition: attachment; filename=../../etc/passwd"), "passwd"),
    "backslash path": (
        ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="C:\\\\x\\\\a.exe"'),
        "a.exe",
    ),
    "nul": (("Content-Type: application/pdf", "Content-Disposition: attachment; filename=a.exe\x00.pdf"), "a.exe.pdf"),
    "trailing dot": (
        ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a.exe. "'),
        "a.exe.",
    ),
    "bidi": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEfdp.exe"),
        "afdp.exe",
    ),
    "two dispositions": (
        (
            "Content-Type: application/pdf",
            "Content-Disposition: inline; filename=a.pdf",
            "Content-Disposition: attachment; filename=b.exe",
        ),
        "a.pdf",
    ),
    "two types": (("Content-Type: application/pdf; name=a.pdf", "Content-Type: text/html; name=b.html"), "a.pdf"),
    "no disposition": (("Content-Type: application/pdf; name=a.pdf",), "a.pdf"),
    "semicolon in name": (
        ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a;filename=b.exe"'),
        "a;filename=b.exe",
    ),
    "upper case": (("CONTENT-TYPE: APPLICATION/PDF", "CONTENT-DISPOSITION: ATTACHMENT; FILENAME=A.PDF"), "A.PDF"),
    "space before colon": (
        ("Content-Type : application/pdf", "Content-Disposition : attachment; filename=a.pdf"),
        "a.pdf",
    ),
    "spaces around =": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename = a.pdf"),
        "a.pdf",
    ),
    "folded": (("Content-Type: application/pdf", "Content-Disposition: attachment;\r\n\tfilename=a.pdf"), "a.pdf"),
    "no semicolon": (("Content-Type: application/pdf", "Content-Disposition: attachment filename=a.pdf"), "a.pdf"),
    "charset unknown": (
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename*=x-no'en'a%2Epdf"),
        "a.pdf",
    ),
}
_PARTS = "--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--\r\n"
# Header lines and body of a mail, and the words that it says; a boundary or an encoding has another reading somewhere.
WORDS: dict[str, tuple[str, str, str]] = {
    "boundary quoted": ('Content-Type: multipart/mixed; boundary="b"', _PARTS, "one two"),
    "boundary twice": (
        "Content-Type: multipart/mixed; boundary=b; boundary=c",
        _PARTS + "--c\r\n\r\nthree\r\n--c--\r\n",
        "one two",
    ),
    "boundary in a comment": ("Content-Type: multipart/mixed; (boundary=c) boundary=b", _PARTS, "one two"),
    "boundary with a comment behind": ("Content-Type: multipart/mixed; boundary=b (c)", _PARTS, "one two"),
    "boundary continued": ('Content-Type: multipart/mixed; boundary*0=b; boundary*1=""', _PARTS, "one two"),
    "boundary encoded": ("Content-Type: multipart/mixed; boundary*=us-ascii''b", _PARTS, "one two"),
    "boundary of an encoded word": ("Content-Type: multipart/mixed; boundary==?us-ascii?q?b?=", _PARTS, "one two"),
    "boundary with a trailing space": ('Content-Type: multipart/mixed; boundary="b "', _PARTS, "one two"),
    "boundary empty": ('Content-Type: multipart/mixed; boundary=""', _PARTS, "one two"),
    "boundary none": ("Content-Type: multipart/mixed", _PARTS, "one two"),
    "two Content-Type, mixed first": (
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain",
        _PARTS,
        "one two",
    ),
    "two Content-Type, plain first": (
        "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b",
        _PARTS,
        "one two",
    ),
    "two boundaries": (
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Type: multipart/mixed; boundary=c",
        _PARTS,
        "one two",
    ),
    "Content-Type of nonsense": (
        "Content-Type: multi part/mixed; boundary=b",
        _PARTS,
        "--b Content-Type: text/plain one --b Content-Type: text/plain two --b--",
    ),
    "Content-Type empty": (
        "Content-Type: ",
        _PARTS,
        "--b Content-Type: text/plain one --b Content-Type: text/plain two --b--",
    ),
    "part without a header": ("Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\none\r\n--b--\r\n", "one"),
    "never closed": ("Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\none\r\n", "one"),
    "text behind the end": (
        "Content-Type: multipart/mixed; boundary=b",
        "--b\r\n\r\none\r\n--b--\r\nepilogue\r\n",
        "one",
    ),
    "text before the start": (
        "Content-Type: multipart/mixed; boundary=b",
        "preamble\r\n--b\r\n\r\none\r\n--b--\r\n",
        "one",
    ),
    "closed and opened again": (
        "Content-Type: multipart/mixed; boundary=b",
        "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
        "one two",
    ),
    "encoding twice": ("Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit", "b25l\r\n", "one"),
    "encoding of a multipart": (
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64",
        _PARTS,
        "one two",
    ),
    "encoding quoted": ('Content-Transfer-Encoding: "base64"', "b25l\r\n", "one"),
    "encoding unknown": ("Content-Transfer-Encoding: base65", "b25l\r\n", "b25l"),
    "base64 in two pieces": ("Content-Transfer-Encoding: base64", "b25l\r\n=\r\ndHdv\r\n", "onetwo"),
}


def with_file(fields: tuple[str, ...], name: str) -> bytes:
    """A mail with a text and one file."""
    lines = "".join(f"{line}\r\n" for line in fields)
    head = f"From: t38@client.test\r\nSubject: t38\r\nMessage-ID: <{crc32(name.encode())}@client.test>\r\n"
    parts = f"--b\r\nContent-Type: text/plain\r\n\r\nsee\r\n--b\r\n{lines}\r\nx\r\n--b--\r\n"
    return f"{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}".encode()


def test_there_are_fifty_cases() -> None:
    """Names and structures together."""
    assert len(NAMES) + len(WORDS) >= 50


@pytest.mark.parametrize("case", NAMES)
def test_a_file_has_one_name(wire: Wire, case: str) -> None:
    """The name and type that are stored are those that `explain` shows, without a path, a control or a turn of direction; the
    file is one file, and never part of the text."""
    fields, name = NAMES[case]
    raw = with_file(fields, case)
    row = wire.gives(raw, sender="t38@client.test")
    stored = wire.rows("SELECT name, type, size FROM attachments WHERE entry_id = ?", row["entry_id"])
    assert stored == [{"name": name, "type": "application/pdf", "size": 1}]
    read = understand(raw)
    assert [(file.name, file.type, file.size_bytes) for file in read.attachments] == [(name, "application/pdf", 1)]
    assert read.full_text == "see"


@pytest.mark.parametrize("case", WORDS)
def test_a_mail_has_one_text(wire: Wire, case: str) -> None:
    """The words that are stored are those that `explain` shows, and none that a sender wrote are left out."""
    head, body, words = WORDS[case]
    first = f"From: t38@client.test\r\nSubject: t38\r\nMessage-ID: <{crc32(case.encode())}@client.test>\r\n"
    raw = f"{first}{head}\r\n\r\n{body}".encode()
    row = wire.gives(raw, sender="t38@client.test")
    (stored,) = wire.rows("SELECT full_text FROM entries WHERE id = ?", row["entry_id"])
    assert stored["full_text"].split() == understand(raw).full_text.split() == words.split()
    assert wire.rows("SELECT id FROM attachments WHERE entry_id = ?", row["entry_id"]) == []
