"""Mails that want to hurt (THREATS T61 to T66), each of any size: the tests and `tests.measure hostile` take them from here.

A shape is a function of a size in bytes; the mail it makes is near that size, so that time can be seen to grow with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.units import HTMLS, TEXTS

PERSON = b"From: Lea <lea@client.test>\r\nTo: support@desk.test\r\nSubject: saved\r\n"
DAEMON = b"From: MAILER-DAEMON@mx.test\r\nReturn-Path: <>\r\nTo: lea@client.test\r\nSubject: Undelivered Mail\r\n"
FORWARDER = b"From: Ana <ana@desk.test>\r\nTo: support@desk.test\r\nSubject: Fwd: saved\r\n"
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
# What a header may hold at most; a shape of the header stays below it, or it would only show the limit.
HEAD_SIZE = 240_000
BODY_SIZE = 1_000_000
# The longest mail that a desk takes, [limits] max_mail_bytes.
BIG_BYTES = 36_700_160


@dataclass(frozen=True)
class Shape:
    """A kind of hostile mail: `make` gives it at about so many bytes, `size_bytes` is what the promise is measured at."""

    make: Callable[[int], bytes]
    size_bytes: int = BODY_SIZE

    def at(self, share: float = 1) -> bytes:
        """The mail at this share of its size."""
        return self.make(int(self.size_bytes * share))


def _of(before: bytes, unit: bytes, after: bytes = b"", size_bytes: int = BODY_SIZE) -> Shape:
    """`unit` as often as it fits."""
    return Shape(lambda size: before + unit * max(1, size // len(unit)) + after, size_bytes)


def _field(name: bytes, unit: bytes, before: bytes = b"", after: bytes = b"") -> Shape:
    """A mail with one long field."""
    head = PERSON if name not in (b"From", b"Subject") else b"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\n"
    return _of(head + name + b": " + before, unit, after + b"\r\n\r\nx", HEAD_SIZE)


def _numbered(before: bytes, unit: bytes, after: bytes = b"", size_bytes: int = BODY_SIZE) -> Shape:
    """`unit` with a number in it, another one each time."""
    return Shape(
        lambda size: before + b"".join(unit.replace(b"%d", b"%d" % n) for n in range(size // len(unit))) + after,
        size_bytes,
    )


def _nested(opening: bytes, closing: bytes, before: bytes, size_bytes: int = BODY_SIZE) -> Shape:
    """Elements in elements, half the size opens and the rest closes."""

    def make(size: int) -> bytes:
        depth = max(1, size // (len(opening) + len(closing)))
        return before + opening * depth + b"word" + closing * depth

    return Shape(make, size_bytes)


STRUCTURE = {
    "nested multiparts": _numbered(PERSON, b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n'),
    "nested multiparts of one boundary": _of(PERSON, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"),
    "nested messages": _of(PERSON, b"Content-Type: message/rfc822\r\n\r\n"),
    "nested messages, 49 deep": Shape(
        lambda size: PERSON + b"Content-Type: message/rfc822\r\n\r\n" * 49 + b"\r\n" + b"word\r\n" * (size // 6)
    ),
    "parts": _of(PERSON + MIXED, b"--b\r\n\r\nx\r\n"),
    "999 parts": Shape(lambda size: PERSON + MIXED + (b"--b\r\n\r\n" + b"x" * (size // 999) + b"\r\n") * 999),
    "999 empty parts": Shape(lambda size: PERSON + MIXED + b"--b\r\n" * 999 + b"x" * size),
    "lines that are nearly boundaries": _of(PERSON + MIXED, b"--bb\r\n"),
    "spaces behind boundaries": _of(PERSON + MIXED + b"--b", b" ", b"\r\n\r\nx"),
    "dashes": _of(PERSON + MIXED, b"--"),
    "no such boundary": _of(PERSON + MIXED, b"--c\r\ncontent-"),
    "a word that looks like a boundary": _of(PERSON + b"\r\n", b"boundary=" + b" " * 9),
    "boundaries in the text": _numbered(PERSON + b"\r\n", b"boundary=%d\r\n--%d\r\n"),
    "boundary": Shape(lambda size: PERSON + MIXED.replace(b"=b", b"=" + b"b" * size) + b"x"),
    "fields": _of(PERSON, b"X: y\r\n", b"\r\nx", HEAD_SIZE),
    "1,900 fields": Shape(
        lambda size: PERSON + (b"X: " + b"y" * (size // 1_900) + b"\r\n") * 1_900 + b"\r\nx", HEAD_SIZE
    ),
    "1,900 To fields": Shape(
        lambda size: PERSON + (b"To: " + b"a@b.test," * (size // 1_900 // 9) + b"\r\n") * 1_900 + b"\r\nx", HEAD_SIZE
    ),
    "1,900 Received fields": Shape(
        lambda size: PERSON + (b"Received: from " + b"a" * (size // 1_900) + b"\r\n") * 1_900 + b"\r\nx", HEAD_SIZE
    ),
    "1,900 Content-Type fields": Shape(
        lambda size: PERSON + (b"Content-Type: " + b"a" * (size // 1_900) + b"\r\n") * 1_900 + b"\r\nx", HEAD_SIZE
    ),
    "lines that are no field": _of(PERSON, b"nofield\r\n", b"Subject: y\r\n\r\nx", HEAD_SIZE),
    "lines that are no field, and no field below": _of(PERSON, b"nofield\r\n", b"", BODY_SIZE),
    "continued lines": _of(PERSON + b"X: y\r\n", b" z\r\n", b"\r\nx", HEAD_SIZE),
    "a header without end": _of(PERSON + b"X: ", b"y"),
    "empty lines first": _of(b"", b"\r\n", PERSON + b"\r\nx"),
    "spaces first": _of(b"", b" ", PERSON + b"\r\nx"),
    "carriage returns": _of(PERSON + b"\r\n", b"\r"),
    "carriage returns alone": _of(PERSON.replace(b"\r\n", b"\r") + b"\r", b"word\r"),
    "NULs": _of(PERSON + b"\r\n", b"\0"),
    "mbox lines": _of(PERSON + b"\r\n", b"From a@b Sun Nov 22 18:00:00 2026\r\n"),
}
FIELDS = {
    "encoded words, quoted": _field(b"Subject", b"=?utf-8?q?a?=\r\n "),
    "encoded words, base64": _field(b"Subject", b"=?utf-8?b?YQ==?= "),
    "encoded words of many charsets": _numbered(
        b"From: a@b.test\r\nSubject: ", b"=?cp%d?q?a?= ", b"\r\n\r\nx", HEAD_SIZE
    ),
    "encoded words, never closed": _field(b"Subject", b"=?a?q?"),
    "encoded words, closed once": _field(b"Subject", b"=?a?q?", after=b"?="),
    "encoded words, open marks": _field(b"Subject", b"=?", after=b"?="),
    "encoded words, marks without words": _field(b"Subject", b"=?a?x?b?="),
    "encoded words in names": _field(b"To", b"=?utf-8?q?a?= <a@b.test>,\r\n "),
    "a long subject": _field(b"Subject", b"word "),
    "a subject of prefixes": _field(b"Subject", b"Re: "),
    "a subject of brackets": _field(b"Subject", b"[x] "),
    "a subject in zalgo": _field(b"Subject", "e\u0301\u0301\u0301\u0301\u0301".encode()),
    "a subject of bidi controls": _field(b"Subject", "\u202e\u2066".encode()),
    "addresses": _field(b"To", b"aaa@bbb.test,\r\n "),
    "addresses of one domain, each another": _numbered(PERSON + b"Cc: ", b"a%d@b.test, ", b"\r\n\r\nx", HEAD_SIZE),
    "authors": _field(b"From", b"aaa@bbb.test, "),
    "commas": _field(b"To", b","),
    "round brackets": _field(b"To", b"("),
    "closed brackets": _field(b"To", b"()"),
    "angle brackets": _field(b"To", b"<"),
    "closed angle brackets": _field(b"To", b"<>"),
    "quotes": _field(b"To", b'"'),
    "open quotes": _field(b"To", b'"a'),
    "backslashes": _field(b"To", b"\\", before=b'"'),
    "ats": _field(b"To", b"@"),
    "dots": _field(b"From", b".", after=b"@b.test"),
    "domain of labels": _field(b"From", b"a.", before=b"a@"),
    "groups": _field(b"To", b"g:;"),
    "colons": _field(b"To", b":"),
    "words in a name": _field(b"From", b"word ", after=b"<a@b.test>"),
    "ids": _field(b"References", b"<a@b.test>\r\n "),
    "other ids": _numbered(PERSON + b"References: ", b"<%d@b.test> ", b"\r\n\r\nx", HEAD_SIZE),
    "open ids": _field(b"References", b"<a"),
    "ids without brackets": _field(b"Message-ID", b"a@b "),
    "an id without brackets": _field(b"Message-ID", b"a", after=b"@"),
    "a date": _field(b"Date", b"1 "),
    "a date of colons": _field(b"Date", b"1:"),
    "a date of brackets": _field(b"Date", b"("),
    "parameters": _field(b"Content-Type", b"a=b; ", before=b"text/plain; "),
    "parameters without value": _field(b"Content-Type", b";", before=b"text/plain"),
    "parameters in quotes": _field(b"Content-Type", b'a="b;";', before=b"text/plain; "),
    "parameters, quotes never closed": _field(b"Content-Type", b'a="b;', before=b"text/plain; "),
    "continuations": _numbered(PERSON + b"Content-Type: text/plain; ", b"name*%d*=a%20; ", b"\r\n\r\nx", HEAD_SIZE),
    "continuations of one number": _field(b"Content-Type", b"name*0*=''a;", before=b"text/plain; "),
    "stars": _field(b"Content-Type", b"*", before=b"text/plain; name", after=b"=a"),
    "percents": _field(b"Content-Type", b"%41", before=b"text/plain; name*=utf-8''"),
    "names": _field(b"Content-Disposition", b"a", before=b'attachment; filename="', after=b'"'),
    "a charset": _field(b"Content-Type", b"a", before=b"text/plain; charset="),
    "an auto-submitted": _field(b"Auto-Submitted", b"a;"),
    "suppressions": _field(b"X-Auto-Response-Suppress", b"x,"),
    "a precedence": _field(b"Precedence", b"bulk "),
    "failed recipients": _field(b"X-Failed-Recipients", b"a@b.test, "),
    "a list id": _field(b"List-Id", b"<a."),
    "a reply prefix": _field(b"Subject", b"Re:[x] "),
    "a report": _field(b"Content-Type", b"a", before=b"multipart/report; report-type="),
}


def _as_html(unit: bytes) -> Shape:
    return _of(PERSON + HTML, unit)


def _as_attached(unit: bytes) -> Shape:
    before = FORWARDER + MIXED + b"--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + PERSON + PLAIN
    return _of(before, unit, b"\r\n--b--\r\n")


def _as_flowed(unit: bytes) -> Shape:
    return _of(PERSON + PLAIN.replace(b"; charset", b"; format=flowed; delsp=yes; charset"), unit)


def _part(
    kind: bytes, unit: bytes, encoding: bytes = b"8bit", before: bytes = b"", size_bytes: int = BODY_SIZE
) -> Shape:
    head = PERSON + MIXED + b"--b\r\n\r\nsee\r\n--b\r\nContent-Type: " + kind
    return _of(
        head + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + before, unit, b"\r\n--b--", size_bytes
    )


REPORT = DAEMON + (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nfailed\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
)
GROUP = b"Final-Recipient: rfc822; a%d@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
PARTS = {
    "base64": _part(b"image/png", b"QUJD" * 18 + b"\r\n", b"base64"),
    "base64 of text": _part(b"text/plain", b"QUJD" * 18 + b"\r\n", b"base64"),
    "base64, a letter a line": _part(b"image/png", b"Q\r\n", b"base64"),
    "base64, junk": _part(b"image/png", b"\xff!", b"base64"),
    "base64, padding": _part(b"image/png", b"=", b"base64"),
    "base64, padding between": _part(b"image/png", b"QQ==", b"base64"),
    "base64, no body line": _part(b"image/png", b"Q", b"base64"),
    "quoted-printable": _part(b"text/plain", b"=41=0A", b"quoted-printable"),
    "quoted-printable, equal signs": _part(b"text/plain", b"=", b"quoted-printable"),
    "quoted-printable, soft breaks": _part(b"text/plain", b"=\r\n", b"quoted-printable"),
    "quoted-printable, broken": _part(b"text/plain", b"=G", b"quoted-printable"),
    "quoted-printable, spaces": _part(b"text/plain", b" ", b"quoted-printable"),
    "uuencoded part": _part(b"application/x-a", b"M" + b"0" * 60 + b"\n", b"x-uuencode", b"begin 644 a\n"),
    "uuencoded part, broken": _part(b"application/x-a", b"M0\n", b"x-uuencode", b"begin 644 a\n"),
    "an unknown encoding": _part(b"text/plain", b"word\r\n", b"x-unknown"),
    "calendar": _part(b"text/calendar; method=REQUEST", b"BEGIN:VEVENT\r\nSUMMARY:a\r\nEND:VEVENT\r\n"),
    "calendar, one line": _part(b"text/calendar; method=REPLY", b"a;"),
    "calendar, folded": _part(b"text/calendar", b" \r\n", before=b"BEGIN:VCALENDAR\r\n"),
    "calendar, nested": _part(b"text/calendar", b"BEGIN:VCALENDAR\r\n"),
    "winmail.dat": _part(
        b'application/ms-tnef; name="winmail.dat"', b"\xff\xff\xff\xff", before=b"\x78\x9f\x3e\x22\x01\x00"
    ),
    "winmail.dat, small attributes": _part(
        b"application/ms-tnef", b"\x02\x10\x80\x00\x00" + b"\x00" * 6, before=b"\x78\x9f\x3e\x22\x01\x00"
    ),
    "winmail.dat, empty attachments": _part(
        b"application/ms-tnef",
        b"\x02\x02\x90\x06\x00\x0e\x00\x00\x00" + b"\x01" * 14 + b"\x0e\x00",
        before=b"\x78\x9f\x3e\x22\x01\x00",
    ),
    "delivery status": _numbered(REPORT, GROUP, b"--b--", 8_000_000),
    "delivery status, empty lines": _of(REPORT, b"\r\n", b"--b--"),
    "delivery status, one group": _of(REPORT, b"Final-Recipient: rfc822; a@b.test\r\n", b"--b--"),
    "delivery status, one field": _of(REPORT + b"Final-Recipient: ", b"rfc822;", b"\r\n--b--"),
    "delivery status, diagnostics": _of(REPORT + b"Diagnostic-Code: ", b"5.1.", b"\r\n--b--"),
    "delivery status, colons": _of(REPORT, b":", b"\r\n--b--"),
    "read receipt": _part(b"message/disposition-notification", b"Final-Recipient: rfc822; a@b.test\r\n"),
    "returned headers": _part(b"text/rfc822-headers", b"Message-ID: <a@b.test>\r\n"),
    "enriched": _part(b"text/enriched", b"<bold>"),
    "enriched, parameters": _part(b"text/enriched", b"<param>"),
    "enriched, open tags": _part(b"text/enriched", b"<a"),
    "attached mails": _part(b"message/rfc822", b"Subject: a\r\n"),
    "utf-16": _part(b"text/plain; charset=utf-16", b"\x00\xd8"),
    "utf-7": _part(b"text/plain; charset=utf-7", b"+AAA-"),
    "utf-7, open": _part(b"text/plain; charset=utf-7", b"+AAA"),
    "utf-32": _part(b"text/plain; charset=utf-32", b"\xff\xff\xff\xff"),
    "hz": _part(b"text/plain; charset=hz-gb-2312", b"~{"),
    "iso-2022-jp": _part(b"text/plain; charset=iso-2022-jp", b"\x1b$B"),
    "iso-2022-jp, broken": _part(b"text/plain; charset=iso-2022-jp", b"\x1b$B\xff"),
    "iso-2022-kr": _part(b"text/plain; charset=iso-2022-kr", b"\x0e!!\x0f"),
    "gb18030, broken": _part(b"text/plain; charset=gb18030", b"\x81"),
    "big5, broken": _part(b"text/plain; charset=big5", b"\xff\xfe"),
    "alternatives": Shape(
        lambda size: (
            PERSON
            + MIXED.replace(b"mixed", b"alternative")
            + (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>a" * (size // 900 // 4) + b"\r\n") * 900
        )
    ),
    "texts": Shape(lambda size: PERSON + MIXED + (b"--b\r\n\r\n" + b"On " * (size // 900 // 3) + b"\r\n") * 900),
    "pictures, each shown": Shape(
        lambda size: (
            PERSON
            + MIXED
            + b"--b\r\nContent-Type: text/html\r\n\r\n"
            + b"<p>a" * (size // 8)
            + b"".join(
                b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <c%d>\r\n\r\n" % n + b"x" * (size // 1_800)
                for n in range(900)
            )
        )
    ),
    "attached mails, each with a subject": Shape(
        lambda size: (
            PERSON
            + MIXED
            + (b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\n" + b"x" * (size // 900) + b"\r\n") * 900
        )
    ),
}
SHAPES: dict[str, Shape] = {
    **{f"structure: {name}": shape for name, shape in STRUCTURE.items()},
    **{f"field: {name}": shape for name, shape in FIELDS.items()},
    **{f"part: {name}": shape for name, shape in PARTS.items()},
    **{f"text: {name}": _of(PERSON + PLAIN, unit) for name, unit in TEXTS.items()},
    **{f"below a text: {name}": _of(PERSON + PLAIN + b"Hello,\n\nyes.\n\n", unit) for name, unit in TEXTS.items()},
    **{f"bounce: {name}": _of(DAEMON + PLAIN, unit) for name, unit in TEXTS.items()},
    **{f"forward: {name}": _of(FORWARDER + PLAIN, unit) for name, unit in TEXTS.items()},
    **{f"attached: {name}": _as_attached(unit) for name, unit in TEXTS.items()},
    **{f"flowed: {name}": _as_flowed(unit) for name, unit in TEXTS.items()},
    **{
        f"in HTML: {name}": _of(PERSON + HTML + b"<html><body><p>", unit, b"</p></body></html>")
        for name, unit in TEXTS.items()
    },
    **{f"html: {name}": _as_html(unit) for name, unit in HTMLS.items()},
    "html: one million divs": _of(PERSON + HTML, b"<div>", size_bytes=5_000_000),
    "html: divs, 199 deep": Shape(
        lambda size: PERSON + HTML + (b"<div>" * 199 + b"word" + b"</div>" * 199) * max(1, size // 2_200)
    ),
    "html: divs closed": _nested(b"<div>", b"</div>", PERSON + HTML),
    "html: tables closed": _nested(b"<table><tr><td>", b"</td></tr></table>", PERSON + HTML),
    "html: quotes of Gmail closed": _nested(b"<div class=gmail_quote>", b"</div>", PERSON + HTML),
    "html: attributes": _of(PERSON + HTML + b"<div ", b"a=b ", b">word</div>"),
    "html: attributes, each another": _numbered(PERSON + HTML + b"<div ", b"a%d=b ", b">word</div>"),
    "html: a class of words": _of(PERSON + HTML + b"<div class='", b"a ", b"'>word</div>"),
    "html: a style": _of(PERSON + HTML + b"<div style='", b"a:b;", b"'>word</div>"),
    "html: a picture in the address": _of(PERSON + HTML + b"<img src='data:image/png;base64,", b"QUJD", b"'>word"),
    "text: five megabytes of one line": _of(PERSON + PLAIN, b"word ", size_bytes=5_000_000),
    "text: a million marks on one letter": _of(PERSON + PLAIN + b"e", "\u0301".encode(), size_bytes=2_000_000),
    "text: a million bidi controls": _of(PERSON + PLAIN, "\u202e".encode(), size_bytes=3_000_000),
}


def _big(kind: bytes, unit: bytes, encoding: bytes = b"8bit", before: bytes = b"") -> Shape:
    return _part(kind, unit, encoding, before, BIG_BYTES)


_LINE = b"the printer on the second floor is out of order again\r\n"
_BASE64 = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n"
# Mails as long as a desk takes them.
BIG: dict[str, Shape] = {
    "a text of lines": _of(PERSON + PLAIN, _LINE, size_bytes=BIG_BYTES),
    "a text of one line": _of(PERSON + PLAIN, b"word ", size_bytes=BIG_BYTES),
    "a text of one word": _of(PERSON + PLAIN, b"a", size_bytes=BIG_BYTES),
    "empty lines": _of(PERSON + PLAIN, b"\r\n", size_bytes=BIG_BYTES),
    "quoted lines": _of(PERSON + PLAIN, b"> word\r\n", size_bytes=BIG_BYTES),
    "han": _of(PERSON + PLAIN, "你好世界".encode() * 10 + b"\r\n", size_bytes=BIG_BYTES),
    "umlauts in latin-1": _of(
        PERSON + PLAIN.replace(b"utf-8", b"iso-8859-1"), b"\xe4\xf6\xfc\r\n", size_bytes=BIG_BYTES
    ),
    "NULs": _of(PERSON + PLAIN, b"\0", size_bytes=BIG_BYTES),
    "bytes of any value": _of(PERSON + PLAIN, bytes(range(256)), size_bytes=BIG_BYTES),
    "carriage returns alone": _of(PERSON.replace(b"\r\n", b"\r") + b"\r", b"word\r", size_bytes=BIG_BYTES),
    "HTML": _of(PERSON + HTML, b"<p>word</p>\r\n", size_bytes=BIG_BYTES),
    "HTML, one word": _of(PERSON + HTML, b"a", size_bytes=BIG_BYTES),
    "HTML, a picture in it": _of(PERSON + HTML + b"<img src='data:image/png;base64,", b"QUJD", b"'>word", BIG_BYTES),
    "a file in base64": _big(b"application/pdf; name=a.pdf", _BASE64, b"base64"),
    "a file in 8 bit": _big(b"application/pdf; name=a.pdf", bytes(range(128, 256)) + b"\r\n"),
    "a file in quoted-printable": _big(b"application/pdf; name=a.pdf", b"=41" * 24 + b"=\r\n", b"quoted-printable"),
    "a file in uuencode": _big(
        b"application/pdf; name=a.pdf", b"M" + b"0" * 60 + b"\n", b"x-uuencode", b"begin 644 a\n"
    ),
    "a file uuencoded in the text": _of(
        PERSON + PLAIN + b"see\n\nbegin 644 a\n", b"M" + b"0" * 60 + b"\n", b"`\nend\n", BIG_BYTES
    ),
    "a text in base64": _big(b"text/plain; charset=utf-8", _BASE64, b"base64"),
    "a text in quoted-printable": _big(b"text/plain; charset=utf-8", b"=C3=A4" * 12 + b"=\r\n", b"quoted-printable"),
    "a text in utf-16": _big(b"text/plain; charset=utf-16", b"a\0"),
    "a text in iso-2022-jp": _big(b"text/plain; charset=iso-2022-jp", b"\x1b$B!!\x1b(B"),
    "a text of format=flowed": _big(b"text/plain; format=flowed", b"word \r\n"),
    "an attached mail": _big(b"message/rfc822", _LINE, before=PERSON + PLAIN),
    "an attached mail in base64": _big(b"message/rfc822", _BASE64, b"base64"),
    "a calendar": _big(b"text/calendar; method=REQUEST", b"BEGIN:VEVENT\r\nSUMMARY:a\r\nEND:VEVENT\r\n"),
    "winmail.dat": _big(b"application/ms-tnef; name=winmail.dat", _BASE64, b"base64"),
    "a delivery status": _of(REPORT, GROUP.replace(b"%d", b"1"), b"--b--", BIG_BYTES),
    "900 files": _of(
        PERSON + MIXED, b"--b\r\nContent-Type: image/png\r\n\r\n" + b"x" * 40_000 + b"\r\n", size_bytes=BIG_BYTES
    ),
    "900 HTML parts": _of(
        PERSON + MIXED,
        b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>word</p>" * 3_700 + b"\r\n",
        size_bytes=BIG_BYTES,
    ),
    "a text and the same as HTML": Shape(
        lambda size: (
            PERSON
            + MIXED.replace(b"mixed", b"alternative")
            + b"--b\r\n\r\n"
            + _LINE * (size // 2 // len(_LINE))
            + b"--b\r\nContent-Type: text/html\r\n\r\n"
            + b"<p>word</p>\r\n" * (size // 2 // 13)
        ),
        BIG_BYTES,
    ),
    "lines that are nearly boundaries": _of(PERSON + MIXED, b"--bb\r\n", size_bytes=BIG_BYTES),
    "a boundary that never comes": _of(PERSON + MIXED, _LINE, size_bytes=BIG_BYTES),
    "a header without end": _of(PERSON + b"X: ", b"y", size_bytes=BIG_BYTES),
}
