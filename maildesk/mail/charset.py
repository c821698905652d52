"""Bytes to text: a sane order of guesses, text that was decoded wrongly before us, and what no stored text may hold.
Never fails."""

from __future__ import annotations

import codecs
import re
import unicodedata

from maildesk.mail.labels import codec_of

_WESTERN = frozenset(("cp1252", "ascii", "iso8859-1", "iso8859-15"))
# In these, bytes below 128 are not ASCII.
_WIDE = frozenset(("utf-16-le", "utf-16-be", "utf-16", "utf-32", "utf-32-le", "utf-32-be"))
_SHIFTING = {"utf-7": b"+", "hz": b"~"}
# What also reads a charset's bytes where Python's first codec knows fewer characters than its label promises.
_WIDER = {"big5hkscs": "cp950", "euc_jp": "euc_jis_2004", "cp932": "shift_jis_2004", "cp949": "johab"}
_EAST_ASIAN = frozenset(("gb18030", "big5hkscs", "cp949", "cp932", "euc_jp"))
_ASCII = bytes(range(128))
_HIGH = bytes(range(128, 256))
_NO_LETTERS = bytes(b for b in range(256) if not chr(b).isalpha() or b > 127)
# What people write undeclared in scripts that are not Latin.
_GUESSES = "cp1251 koi8_r koi8_u cp866 iso8859_5 gb18030 big5hkscs cp932 euc_jp cp949 cp1253 cp1255 cp1256"
_GUESSED_BYTES, _HIGH_MIN = 8_192, 60
# So many 8-bit bytes in valid UTF-8 are no accident, whatever was declared: in single bytes, in pairs.
_NO_ACCIDENT, _NO_ACCIDENT_IN_PAIRS = 6, 16
_SAMPLE_BYTES = 65_536
# Characters that Windows adds are looked for in a text of this length, letter by letter.
_JIS_BYTES = 1_048_576
# A text of more shifts is no letter: it is read at once, with a mark for each letter of Windows'.
_ESCAPES = 20_000
_JIS = re.compile(rb"\x1b(\$[@AB]|\$\([@ABD]|\([A-Z0-9])")
# One such pair is enough, for nobody types it; of others two are needed.
_SURE = re.compile("[ÂÃ][\u00a0-\u00bf]|â€|ðŸ|Ã[ƒ‚]")
# Where what comes out holds such letters, a real "ß–" or "Ü…" was taken for a letter.
_RARE = re.compile(
    "[\u0080\u0082-\u008c\u008e\u0091-\u009c\u009e\u009f\u0180-\u0191\u0193-\u0217\u021c-\u02c5\u02c7-\u02db\u02dd-\u02ff"
    "\u0304-\u0307\u0309-\u0326\u0328-\u036f\u0460-\u048f\u0492-\u05cf\u0700-\u0dff\u0f00-\u1dff\ue000-\uf8ff]"
)
# The longest run of combining marks that a script needs; more is a picture painted over the neighbours' lines.
_MARKS_RUN = 4
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_MARK}{{{_MARKS_RUN}}}){_MARK}+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEPARATORS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
# Bidi controls and isolates: they let a subject or a name read as what it is not.
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NFC_LIMIT = 262_144
_LONG_RUN = re.compile(r"[^\w\s\x00-\u02ff\u2000-\u20cf\u2100-\ufe1f\ufe30-\uffff]{32}")
# The first byte of a UTF-8 sequence and one that continues it, both shown as windows-1252.
_HIGH_HALF = "".join(bytes([b]).decode("cp1252", "replace") for b in range(0x80, 0xC0)).replace("\ufffd", "")
_MOJIBAKE = re.compile(f"[\u00c2-\u00f4][\u0080-\u009f{re.escape(_HIGH_HALF)}]")


def decode(raw: bytes, label: str | None = None) -> str:
    """The text of bytes that claim to be written in `label`.

    The order: UTF-8 where a Western charset or none is declared, or where nothing else writes such bytes; the declared
    charset; UTF-8; windows-1252. What stays unreadable becomes U+FFFD.
    """
    codec = codec_of(label) if label else None
    if raw.isascii() and b"\x1b" not in raw and codec not in _WIDE and _SHIFTING.get(codec or "", b"\0") not in raw:
        return raw.decode("ascii")
    if raw.startswith(codecs.BOM_UTF8):
        return raw[3:].decode("utf-8", "replace")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and (codec in _WIDE or b"\0" in raw[:200]):
        return raw.decode("utf-16", "replace")
    if codec in _WIDE and b"\0" not in raw[:_SAMPLE_BYTES]:
        # Programs that call every text Unicode; in two bytes a line end or a space would hold a NUL.
        codec = None
    if (codec is None or codec in _WESTERN or codec.startswith("iso2022_jp")) and (b"\x1b$" in raw or b"\x1b(" in raw):
        return _from_jis(raw)
    for name in _order(raw, codec):
        try:
            return raw.decode(name)
        except (UnicodeError, ValueError):
            continue
    if codec is None or codec in _WESTERN:
        return raw.decode(_guessed(raw) or "cp1252", "replace")
    text = raw.decode(codec, "replace")
    # A UTF-8 label over Western bytes: nearly every 8-bit byte is then a fault.
    if codec == "utf-8" and text.count("\ufffd") * 2 > len(text) - len(text.encode("ascii", "ignore")):
        return raw.decode("cp1252", "replace")
    return text


def _order(raw: bytes, codec: str | None) -> list[str]:
    """The codecs to try, the likeliest first."""
    if codec is None or codec == "utf-8":
        return ["utf-8"]
    if codec == "iso8859-15":
        # Who names it means it: the euro sign stands where windows-1252 has another.
        return ["utf-8", codec]
    if codec in _WESTERN:
        return ["utf-8"]
    wider = [_WIDER[codec]] if codec in _WIDER else []
    if codec in _WIDE:
        return [codec]
    high = len(raw[:_SAMPLE_BYTES].translate(None, _ASCII))
    if high >= (_NO_ACCIDENT_IN_PAIRS if codec in _EAST_ASIAN else _NO_ACCIDENT):
        return ["utf-8", codec, *wider]
    return [codec, "utf-8", *wider]


def _guessed(raw: bytes) -> str | None:
    """The charset that undeclared 8-bit text is most likely written in; None where most letters are ASCII.

    No Western language has as many letters beyond ASCII, so their texts, which a statistic takes for anything, never
    get here; below sixty such bytes it errs.
    """
    sample = raw[:_GUESSED_BYTES]
    if len(raw) > _GUESSED_BYTES:
        # A letter of two bytes must not be cut in the middle.
        sample = sample.rstrip(_HIGH) or sample
    high = len(sample.translate(None, _ASCII))
    if high < _HIGH_MIN or high < len(sample.translate(None, _NO_LETTERS)):
        return None
    # Loaded when such a mail comes.
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_GUESSES.split()).best()
    return best.encoding if best else None


def _from_jis(raw: bytes) -> str:
    """ISO-2022-JP with the characters that Windows adds to it (NEC's row 13, IBM's rows): those are in cp932."""
    try:
        return raw.decode("iso2022_jp_2")
    except UnicodeError:
        pass
    if len(raw) > _JIS_BYTES or raw.count(b"\x1b") > _ESCAPES:
        return raw.decode("iso2022_jp_2", "replace")
    out: list[str] = []
    known: dict[bytes, str] = {}
    at, mode = 0, b"(B"
    for escape in [*_JIS.finditer(raw), None]:
        run = raw[at : escape.start() if escape else len(raw)]
        if mode in (b"$B", b"$@", b"$(B", b"$(@"):
            out.append(known[run] if run in known else known.setdefault(run, _from_kanji(run)))
        elif mode in (b"$(D", b"$A", b"$(A"):
            shift = b"\x1b" + mode
            codec = "iso2022_jp_1" if mode == b"$(D" else "iso2022_jp_2"
            out.append((shift + run).decode(codec, "replace"))
        elif mode == b"(I":
            out.append(bytes(b | 0x80 if 0x21 <= b <= 0x5F else b for b in run).decode("cp932", "replace"))
        else:
            out.append(run.decode("ascii") if run.isascii() else decode(run.replace(b"\x1b", b"")))
        if escape:
            at, mode = escape.end(), escape[1]
    return "".join(out)


def _from_kanji(run: bytes) -> str:
    """Pairs of JIS X 0208 in seven bits; white space between them stays."""
    try:
        return run.translate(_SET_HIGH).decode("euc_jp")
    except UnicodeError:
        pass
    out = bytearray()
    at = 0
    while at < len(run):
        one, two = run[at], run[at + 1] if at + 1 < len(run) else 0
        if not (0x21 <= one <= 0x7E and 0x21 <= two <= 0x7E):
            out.append(one)
            at += 1
            continue
        out.append(((one - 1) >> 1) + (0x71 if one <= 0x5E else 0xB1))
        out.append(two + (0x7E if one % 2 == 0 else 0x20 if two >= 0x60 else 0x1F))
        at += 2
    return out.decode("cp932", "replace")


_SET_HIGH = bytes(b | 0x80 if 0x21 <= b <= 0x7E else b for b in range(256))


def mended(text: str) -> str:
    """The text that was UTF-8, was read as windows-1252 and was written as UTF-8 again, once or twice, undone.

    Only when the whole text comes back without a fault and as letters that people use: text in which one letter is as
    it should be stays as it is, and so does "AMANHÃ…".
    """
    for _ in range(2):
        if not _MOJIBAKE.search(text):
            break
        try:
            whole = codecs.charmap_encode(text, "strict", _WINDOWS)[0].decode("utf-8")
        except UnicodeError:
            break
        is_sure = _SURE.search(text) is not None or len(_MOJIBAKE.findall(text, 0, _SAMPLE_BYTES)) > 1
        if not is_sure or _RARE.search(whole):
            break
        text = whole
    return text


# windows-1252 as it is read everywhere: the five bytes that it leaves empty are the controls of the same number.
_WINDOWS = codecs.charmap_build("".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in range(256)))


def storable(text: str) -> str:
    """The same text in NFC with LF line ends, without NUL, other controls and lone surrogates: every store takes it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub("", text)
    if text.isascii():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-8", "replace").decode("utf-8")
    text = _MARKS.sub(r"\1", text)
    # Ordering the marks of one letter takes time with the square of their number: such a text stays as it is.
    return text if len(text) > _NFC_LIMIT or _LONG_RUN.search(text) else unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """The text as one line for a subject or a name: no control, no line separator, no bidi control, single spaces."""
    return _SEPARATORS.sub(" ", storable(_BIDI.sub("", text))).strip()
