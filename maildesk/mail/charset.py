"""Bytes to text: the WHATWG labels, a sane order of guesses, and what no stored text may hold.
Never fails, never asks a library to guess."""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache

# Labels as browsers and mail clients read them (WHATWG Encoding, "names and labels"), where Python differs.
_LABELS = {
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "x-cp1252": "cp1252",
    "iso-8859-9": "cp1254",
    "latin5": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "chinese": "gb18030",
    "big5": "big5hkscs",
    "cn-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "korean": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "utf8": "utf-8",
    "utf-8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-user-defined": "cp1252",
}
# Python knows these as codecs, but no mail is written in them; some of them raise or run for long.
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"))
_WESTERN = frozenset(("cp1252", "ascii", "iso8859-1", "iso8859-15"))
# The longest run of combining marks that a script needs; more is a picture painted over the neighbours' lines.
_MARKS_RUN = 4
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_MARK}{{{_MARKS_RUN}}}){_MARK}+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SEPARATORS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
# Bidi controls and isolates: they let a subject or a name read as what it is not.
_BIDI = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NFC_LIMIT = 262_144
_LONG_RUN = re.compile(r"[^\w\s\x00-\u02ff\u2000-\u20cf\u2100-\ufe1f\ufe30-\uffff]{32}")


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The Python codec for a charset label, None when nobody knows it: "ISO-8859-1" is "cp1252"."""
    name = label.strip().strip("\"'").casefold()
    name = _LABELS.get(name, name)
    if not name.isascii() or "\0" in name or len(name) > 40:
        return None
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if info.name in _NO_CHARSETS or not getattr(info, "_is_text_encoding", True):
        return None
    return info.name


def decode(raw: bytes, label: str | None = None) -> str:
    """The text of bytes that claim to be written in `label`.

    The order: UTF-8 where a Western charset or none is declared (8-bit text that happens to be valid UTF-8 is UTF-8),
    the declared charset, UTF-8, windows-1252. What stays unreadable becomes U+FFFD.
    """
    if raw.isascii() and b"\x1b" not in raw and b"+" not in raw and not (label and "16" in label):
        return raw.decode("ascii")
    codec = codec_of(label) if label else None
    if raw.startswith(codecs.BOM_UTF8):
        return raw[3:].decode("utf-8", "replace")
    if codec is None and b"\x1b$" in raw:
        codec = "iso2022_jp_ext"
    order = [codec] if codec else []
    if codec is None or codec in _WESTERN:
        order = ["utf-8", *order]
    elif codec != "utf-8" and not raw.isascii():
        order.append("utf-8")
    for name in order:
        try:
            return raw.decode(name)
        except (UnicodeError, ValueError):
            continue
    if codec is None or codec in _WESTERN:
        return raw.decode("cp1252", "replace")
    text = raw.decode(codec, "replace")
    # A UTF-8 label over Western bytes: nearly every 8-bit byte is then a fault.
    if codec == "utf-8" and text.count("\ufffd") * 2 > sum(1 for c in text if c > "\x7f"):
        return raw.decode("cp1252", "replace")
    return text


def storable(text: str) -> str:
    """The same text in NFC with LF line ends, without NUL, other controls and lone surrogates: every store takes it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub("", text)
    if text.isascii():
        return text
    text = _MARKS.sub(r"\1", text.encode("utf-8", "replace").decode("utf-8"))
    # Ordering the marks of one letter takes time with the square of their number: such a text stays as it is.
    return text if len(text) > _NFC_LIMIT or _LONG_RUN.search(text) else unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """The text as one line for a subject or a name: no control, no line separator, no bidi control, single spaces."""
    return _SEPARATORS.sub(" ", storable(_BIDI.sub("", text))).strip()
