"""Laws of transfer encodings: what was encoded comes back, whatever the road did to it."""

from __future__ import annotations

import base64
import binascii
import quopri

from hypothesis import given
from hypothesis import strategies as st

from maildesk.mail.charset import one_line
from maildesk.mail.transfer import base64_body, files_in, from_base64, from_quoted
from maildesk.mail.words import decode_words


@given(st.binary(max_size=300), st.integers(1, 90), st.sampled_from([b"\n", b"\r\n", b"\r", b" \r\n", b"!\n"]))
def test_base64_comes_back_whatever_its_lines(raw: bytes, width: int, end: bytes) -> None:
    """Line ends, stray characters and missing padding are nothing to base64."""
    encoded = base64.b64encode(raw)
    lines = end.join(encoded[i : i + width] for i in range(0, len(encoded), width))
    assert from_base64(lines) == raw
    assert from_base64(lines.rstrip(b"=")) == raw


@given(st.binary(max_size=300))
def test_base64_of_urls_is_base64(raw: bytes) -> None:
    """The alphabet of URLs is understood where the usual one is not in use."""
    assert base64_body(base64.urlsafe_b64encode(raw).rstrip(b"=")) in ((raw, b""), (base64_body(b"")[0], b"")) or any(
        c in base64.urlsafe_b64encode(raw) for c in b"-_"
    )


def test_words_behind_base64_are_no_base64() -> None:
    """A footer, with a rule above it or not, stays text."""
    encoded = base64.encodebytes(b"some text of ours " * 9)
    for footer in (b"________\nour list of users\n", b"\n-- \nscanned by our gateway\n", b"this was checked by us\n"):
        content, behind = base64_body(encoded + footer)
        assert content == b"some text of ours " * 9
        assert behind.strip() == footer.strip()


def test_text_that_claims_to_be_base64_stays() -> None:
    """Who only says base64 and writes text is read."""
    assert base64_body(b"Hello, this is plain text, isn't it?")[0] == b"Hello, this is plain text, isn't it?"


@given(st.binary(max_size=300).filter(lambda raw: b"\r" not in raw))
def test_quoted_printable_comes_back(raw: bytes) -> None:
    """What was encoded comes back, with lower-case digits and white space behind soft breaks too."""
    encoded = quopri.encodestring(raw, quotetabs=True)
    assert from_quoted(encoded) == raw
    assert from_quoted(encoded.replace(b"=\n", b"= \t\r\n")) == raw
    lower = b"".join(b"=" + run[:2].lower() + run[2:] if i else run for i, run in enumerate(encoded.split(b"=")))
    assert from_quoted(lower) == raw


@given(st.binary(min_size=1, max_size=400), st.sampled_from([b"\n", b"\r\n"]))
def test_uuencoded_files_come_out_of_the_text(raw: bytes, end: bytes) -> None:
    """The file has its bytes and its name, and the text around it is whole."""
    lines = [binascii.b2a_uu(raw[i : i + 45]).rstrip(b"\n") for i in range(0, len(raw), 45)]
    whole = end.join([b"before", b"begin 644 a b.bin", *lines, b"`", b"end", b"behind"])
    rest, files = files_in(whole)
    assert files == ((b"a b.bin", raw),)
    assert rest.split() == [b"before", b"behind"]


@given(st.binary(max_size=400))
def test_yenc_files_come_out_of_the_text(raw: bytes) -> None:
    """The file has its bytes, escaped ones included."""
    coded = bytes((b + 42) & 255 for b in raw)
    coded = b"".join(bytes((61, (b + 64) & 255)) if b in (0, 9, 10, 13, 32, 46, 61) else bytes((b,)) for b in coded)
    rest, files = files_in(b"before\r\n=ybegin line=128 size=9 name=x.bin\r\n" + coded + b"\r\n=yend size=9\r\nbehind")
    assert files == ((b"x.bin", raw),)
    assert rest.split() == [b"before", b"behind"]


@given(st.binary(max_size=400))
def test_a_cut_file_takes_no_text_with_it(raw: bytes) -> None:
    """Where a file never ends, the words below its last line stay words."""
    lines = b"".join(binascii.b2a_uu(raw[i : i + 45]) for i in range(0, len(raw), 45))
    rest, _ = files_in(b"begin 644 a.bin\n" + lines + b"These words are nobody's file, and there are many of them.\n")
    assert b"These words are nobody's file" in rest


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(1, 40), st.booleans())
def test_encoded_words_come_back_however_they_are_cut(text: str, size: int, is_base64: bool) -> None:
    """Bytes of UTF-8 cut anywhere into words read as they were written."""
    raw = text.encode()
    runs = [raw[i : i + size] for i in range(0, len(raw), size)]
    words = [
        b"=?utf-8?b?" + base64.b64encode(run) + b"?="
        if is_base64
        else b"=?utf-8?q?" + b"".join(b"=%02X" % b for b in run) + b"?="
        for run in runs
    ]
    shown = one_line(decode_words(b"\r\n ".join(words).decode()))
    assert shown == one_line(text) or "=?" in text or any("\u00c2" <= c <= "\u00f4" for c in text)
