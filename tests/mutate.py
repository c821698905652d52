"""Damaged mails: the same seed and number give the same mail, so that a failure can be looked at again.

The seeds are the project's own mails and letters of the desk itself; any folder of mails can be added.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.model import Attachment
from maildesk.render import Renderer, template_folders
from maildesk.samples import sample
from tests.mail.cases import ALL
from tests.units import HTMLS, TEXTS

Mutator = Callable[[Random, bytes, bytes], bytes]

CHARSETS = (
    b"utf-8 us-ascii iso-8859-1 iso-8859-15 windows-1252 windows-1251 koi8-r utf-16 utf-16le utf-32 utf-7 "
    b"gb2312 gb18030 hz-gb-2312 big5 iso-2022-jp shift_jis euc-kr iso-2022-kr cp437 macintosh unknown-8bit idna "
    b"punycode rot13 base64 unicode_escape x-user-defined \" utf-8' \xff undefined"
).split()
ENCODINGS = (b'7bit 8bit binary base64 quoted-printable x-uuencode uuencode x-unknown "base64"').split()
TYPES = (
    b"text/plain|text/html|text/enriched|text/calendar; method=REQUEST|text/plain; format=flowed; delsp=yes|"
    b"multipart/mixed; boundary=b|multipart/alternative|multipart/report; report-type=delivery-status|"
    b"message/rfc822|multipart/digest; boundary=b|multipart/signed|message/delivery-status|"
    b"message/partial; id=a; number=1; total=2|message/external-body; access-type=url|"
    b"application/ms-tnef; name=winmail.dat|application/octet-stream|text|/|text/rfc822-headers|"
    b"message/disposition-notification|image/png"
).split(b"|")
NAMES = (
    b"From To Cc Subject Date Message-ID References In-Reply-To Reply-To Content-Type Sender "
    b"Content-Transfer-Encoding Content-Disposition Content-ID Return-Path Auto-Submitted Precedence "
    b"X-Failed-Recipients List-Id X-Auto-Response-Suppress X-Maildesk-Hops MIME-Version Received"
).split()
ODDITIES = (
    b"\x00", b"\r", b"\n", b"\r\n\r\n", b"\t", b"\x1b$B", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"\xe2\x80\xa8", b"\xc2\x85", b"\xee\x83\xb1\n", b"=?", b"?=", b"=?utf-8?b?", b"=?utf-8?q?=00?=", b"=\n",
    b"=0", b"--", b"--\n", b"-- \n", b">", b"> ", b"<", b'"', b"(", b"begin 644 x\n", b"end\n", b".\r\n",
    b"From a@b\n", b"\x0b", b"\x0c", b"\xf0\x9f\x91\xa9\xe2\x80\x8d", b"\xcc\x81" * 9, b"&#0;", b"&#xD800;",
    b"&#x110000;", b"<!--", b"<![CDATA[", b"<table><tr><td>", b"</body>", b"<blockquote type=cite>",
    b"</blockquote>",
)  # fmt: skip
_BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]{1,100})', re.IGNORECASE)
_CHARSET = re.compile(rb'(charset="?)([\w.:-]{1,40})', re.IGNORECASE)
_ENCODING = re.compile(rb"(?im)^(content-transfer-encoding:[ \t]*)([^\r\n]*)")
_TYPE = re.compile(rb"(?im)^(content-type:[ \t]*)([^\r\n]*)")
_BLANK = re.compile(rb"\r?\n\r?\n")


def seeds(folder: Path | None = None) -> list[bytes]:
    """The mails to start from: our own, the desk's letters, and every file under `folder`."""
    more = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
    return [path.read_bytes() for path in (*ALL, *more)] + letters()


def letters() -> list[bytes]:
    """Letters as the desk sends them, and a person's answer that quotes one."""
    renderer = Renderer(template_folders(None))
    made = []
    for language in ("en", "fr", "de"):
        for kind in ("confirmation", "new", "reply", "answer", "undelivered"):
            said = renderer.render(kind, sample(kind, language))
            files = (Attachment("Rechnung März.pdf", "application/pdf", b"%PDF" * 40),) if kind == "new" else ()
            quoted = "Yes, that helps.\n\nOn 22 Nov 2026, at 18:00, Example Support wrote:\n" + re.sub(
                "(?m)^", "> ", said.text
            )
            for subject, text, html in ((said.subject, said.text, said.html), (f"Re: {said.subject}", quoted, None)):
                letter = Outgoing(
                    from_name="Example Support", from_address="support@desk.test", to="lea@client.test", subject=subject,
                    message_id=f"<{kind}.{language}@desk.test>", date=datetime(2026, 11, 22, 18, tzinfo=UTC), text=text,
                    desk_id="desk.test", references=("<1@client.test>",), html=html, attachments=files,
                )  # fmt: skip
                made.append(compose(letter))
    return made


def case(seed: int, number: int, mails: list[bytes]) -> bytes:
    """The damaged mail of that number."""
    chance = Random(f"{seed}:{number}")
    raw = chance.choice(mails)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        raw = chance.choice(MUTATORS)(chance, raw, chance.choice(mails))
    return raw


def _place(chance: Random, raw: bytes) -> int:
    """Half of the time near the top, where the headers stand."""
    return chance.randint(0, min(len(raw), 1_000) if chance.random() < 0.5 else len(raw))


def _flip_bits(chance: Random, raw: bytes, other: bytes) -> bytes:
    damaged = bytearray(raw or b"x")
    for _ in range(chance.choice((1, 3, 30))):
        damaged[min(_place(chance, damaged), len(damaged) - 1)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _cut(chance: Random, raw: bytes, other: bytes) -> bytes:
    return raw[: _place(chance, raw)]


def _behead(chance: Random, raw: bytes, other: bytes) -> bytes:
    return raw[_place(chance, raw) :]


def _cut_out(chance: Random, raw: bytes, other: bytes) -> bytes:
    begin, end = sorted((_place(chance, raw), _place(chance, raw)))
    return raw[:begin] + raw[end:]


def _double(chance: Random, raw: bytes, other: bytes) -> bytes:
    begin, end = sorted((_place(chance, raw), _place(chance, raw)))
    return raw[:end] + raw[begin:end] * chance.randint(1, 3) + raw[end:]


def _splice_head(chance: Random, raw: bytes, other: bytes) -> bytes:
    """The header of one mail on the body of another."""
    head, body = _BLANK.search(raw), _BLANK.search(other)
    return raw[: head.end()] + other[body.end() :] if head and body else raw + other


def _splice_body(chance: Random, raw: bytes, other: bytes) -> bytes:
    return raw[: _place(chance, raw)] + other[_place(chance, other) :]


def _borrow_field(chance: Random, raw: bytes, other: bytes) -> bytes:
    """A header line of another mail at the top of this one."""
    lines = other[:4_000].splitlines(keepends=True)
    return chance.choice(lines) + raw if lines else raw


def _set_field(chance: Random, raw: bytes, other: bytes) -> bytes:
    value = chance.choice((chance.choice(ODDITIES) * 3, chance.choice(TYPES), chance.choice(CHARSETS), raw[:200]))
    return chance.choice(NAMES) + b": " + value + b"\r\n" + raw


def _replaced(chance: Random, raw: bytes, pattern: re.Pattern[bytes], values: Sequence[bytes]) -> bytes:
    return pattern.sub(lambda found: found[1] + chance.choice(values), raw, count=chance.choice((0, 1)))


def _swap_charset(chance: Random, raw: bytes, other: bytes) -> bytes:
    return _replaced(chance, raw, _CHARSET, CHARSETS)


def _swap_encoding(chance: Random, raw: bytes, other: bytes) -> bytes:
    return _replaced(chance, raw, _ENCODING, ENCODINGS)


def _swap_type(chance: Random, raw: bytes, other: bytes) -> bytes:
    return _replaced(chance, raw, _TYPE, TYPES)


def _change_boundary(chance: Random, raw: bytes, other: bytes) -> bytes:
    """The boundary of the header is another one, is doubled in the body, or never closes."""
    found = _BOUNDARY.search(raw)
    if found is None:
        return b"Content-Type: multipart/mixed; boundary=b\r\n" + raw.replace(b"\n", b"\n--b\n", chance.randint(1, 9))
    mark = b"--" + found[1]
    match chance.randrange(4):
        case 0:
            return raw[: found.start(1)] + b"another" + raw[found.end(1) :]
        case 1:
            return raw.replace(mark, mark + b"\r\n" + mark)
        case 2:
            return raw.replace(mark + b"--", b"")
        case _:
            return raw.replace(found[1], chance.choice((b"", b" ", b"a" * 300, b"--", b"b b", b"\xff")))


def _change_parts(chance: Random, raw: bytes, other: bytes) -> bytes:
    """A part is there twice, is gone, or they stand in another order."""
    found = _BOUNDARY.search(raw)
    pieces = raw.split(b"--" + found[1]) if found else raw.split(b"\n\n")
    match chance.randrange(3):
        case 0:
            pieces.insert(chance.randint(0, len(pieces)), chance.choice(pieces))
        case 1:
            pieces.pop(chance.randrange(len(pieces)))
        case _:
            chance.shuffle(pieces)
    return (b"--" + found[1] if found else b"\n\n").join(pieces)


def _insert(chance: Random, raw: bytes, other: bytes) -> bytes:
    for _ in range(chance.choice((1, 1, 5))):
        at = _place(chance, raw)
        raw = raw[:at] + chance.choice(ODDITIES) * chance.choice((1, 1, 1, 2, 40)) + raw[at:]
    return raw


def _insert_line(chance: Random, raw: bytes, other: bytes) -> bytes:
    lines, others = raw.splitlines(keepends=True), other.splitlines(keepends=True)
    lines.insert(chance.randint(0, len(lines)), chance.choice(others) if others else b"\n")
    return b"".join(lines)


def _insert_hostile(chance: Random, raw: bytes, other: bytes) -> bytes:
    unit = chance.choice((*TEXTS.values(), *HTMLS.values()))
    at = _place(chance, raw)
    return raw[:at] + unit * chance.choice((1, 2, 5, 400)) + raw[at:]


def _long_line(chance: Random, raw: bytes, other: bytes) -> bytes:
    at = _place(chance, raw)
    return raw[:at] + bytes((chance.randrange(256),)) * chance.choice((1_000, 20_000)) + raw[at:]


def _shuffle_lines(chance: Random, raw: bytes, other: bytes) -> bytes:
    lines = raw.splitlines(keepends=True)
    begin = chance.randint(0, len(lines))
    run = lines[begin : begin + 12]
    chance.shuffle(run)
    return b"".join(lines[:begin] + run + lines[begin + 12 :])


def _change_line_ends(chance: Random, raw: bytes, other: bytes) -> bytes:
    lf = raw.replace(b"\r\n", b"\n")
    return lf.replace(b"\n", chance.choice((b"\n", b"\r\n", b"\r", b"\n\r", b"\r\r\n", b"\n\n")))


def _quote(chance: Random, raw: bytes, other: bytes) -> bytes:
    """The body, or its end, quoted or indented."""
    found = _BLANK.search(raw)
    at = max(found.end() if found else 0, _place(chance, raw))
    return raw[:at] + raw[at:].replace(b"\n", b"\n" + chance.choice((b"> ", b">", b">> ", b"| ", b"\t", b" ")))


def _encode(chance: Random, raw: bytes, other: bytes) -> bytes:
    """The body encoded once more, and the header says so, or it does not."""
    found = _BLANK.search(raw)
    head, body = (raw[: found.start()], raw[found.end() :]) if found else (b"", raw)
    name, coded = chance.choice(
        ((b"base64", base64.encodebytes(body)), (b"quoted-printable", quopri.encodestring(body)))
    )
    said = b"Content-Transfer-Encoding: " + name + b"\r\n" if chance.random() < 0.7 else b""
    return said + head + b"\r\n\r\n" + coded


def _attach(chance: Random, raw: bytes, other: bytes) -> bytes:
    """The whole mail as an attachment of another one."""
    head = _BLANK.split(other, maxsplit=1)[0]
    kind = chance.choice((b"message/rfc822", b"text/rfc822-headers", b"application/octet-stream", b"text/plain"))
    return (
        b"Content-Type: multipart/mixed; boundary=outer\r\n" + head + b"\r\n\r\n--outer\r\n\r\nsee\r\n--outer\r\nContent-Type: "
        + kind + b"\r\n\r\n" + raw + b"\r\n--outer--\r\n"
    )  # fmt: skip


MUTATORS: tuple[Mutator, ...] = (
    _flip_bits,
    _cut,
    _behead,
    _cut_out,
    _double,
    _splice_head,
    _splice_body,
    _borrow_field,
    _set_field,
    _swap_charset,
    _swap_encoding,
    _swap_type,
    _change_boundary,
    _change_parts,
    _insert,
    _insert_line,
    _insert_hostile,
    _long_line,
    _shuffle_lines,
    _change_line_ends,
    _quote,
    _encode,
    _attach,
)
