"""Encoded words (RFC 2047) as mail programs really write them.
Total and linear; none of it knows what a field is for."""

from __future__ import annotations

import binascii
import re

from maildesk.mail.charset import decode, mended
from maildesk.mail.labels import codec_of
from maildesk.mail.transfer import from_base64

# Programs that encode what is encoded already do it once more, some twice.
_ROUNDS = 3
_OPENS = re.compile(r"=\?[ \t]?([^\s?=]{0,60})[ \t]?\?[ \t]?([bBqQ])[ \t]?\?")
_HEX_FOLLOWS = re.compile(r"[0-9A-F]{2}")
_QUOTED_INSIDE = re.compile(r"=[0-9A-Fa-f]{2}[^=]|[_ ]")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")


def decode_words(text: str) -> str:
    """The text with its encoded words decoded; neighbours in one charset are joined before they are decoded.

    Lenient like mail clients: spaces inside a word, missing padding, a missing end, an unknown charset, a word inside
    quotes, a word inside a word. A word whose bytes are no text stays as it is.
    """
    for _ in range(_ROUNDS):
        if "=?" not in text:
            break
        decoded = _once(text)
        if decoded == text:
            break
        text = decoded
    return mended(text)


def _once(text: str) -> str:
    out: list[str] = []
    charset, pending, begun_at = "", bytearray(), -1
    at = 0
    while (begin := text.find("=?", at)) >= 0:
        word = _word_at(text, begin)
        gap = text[at:begin]
        # White space between two encoded words is no part of the text (RFC 2047, 6.2).
        if begun_at >= 0 and (word is None or gap.strip() or word[0] != charset):
            out.append(_text(bytes(pending), charset, text[begun_at:at]))
            begun_at, gap = -1, gap if gap.strip() or word is None else ""
        elif begun_at >= 0:
            gap = ""
        out.append(gap)
        if word is None:
            out.append("=?")
            at = begin + 2
            continue
        if begun_at < 0:
            charset, pending, begun_at = word[0], bytearray(), begin
        pending += word[1]
        at = word[2]
    if begun_at >= 0:
        out.append(_text(bytes(pending), charset, text[begun_at:at]))
    out.append(text[at:])
    return "".join(out)


def _text(content: bytes, charset: str, as_written: str) -> str:
    """What the bytes of one or more words say; as it was written where they say nothing."""
    codec = codec_of(charset)
    if (codec is None or not codec.startswith("utf-")) and not _NO_TEXT.search(content):
        return decode(content, charset)
    try:
        return content.decode(codec or "utf-8")
    except UnicodeError:
        return as_written if _NO_TEXT.search(content) else decode(content, charset)


def _word_at(text: str, begin: int) -> tuple[str, bytes, int] | None:
    """The encoded word that begins at `begin`: its charset, its bytes, where it ends. None when there is none."""
    opens = _OPENS.match(text, begin)
    if opens is None:
        return None
    is_base64 = opens[2] in "bB"
    inner, end = _inner(text, opens.end(), is_base64=is_base64)
    if not inner and end < 0:
        return None
    charset = opens[1].partition("*")[0].casefold()
    if is_base64 and not _QUOTED_INSIDE.search(inner):
        return charset, from_base64(inner.encode("ascii", "ignore")), end
    quoted = inner.replace("_", " ").encode("utf-8", "surrogateescape")
    return charset, binascii.a2b_qp(quoted), end


def _inner(text: str, begin: int, *, is_base64: bool) -> tuple[str, int]:
    """What stands in a word from `begin` on, and where the word ends; ("", -1) when it is none."""
    close = text.find("?=", begin)
    nearest = text.find("=?", begin, close if close >= 0 else len(text))
    while not is_base64 and close >= 0 and nearest < 0 and _HEX_FOLLOWS.match(text, close + 2):
        # "=?utf-8?Q?Why?=3D?=": a question mark that nobody encoded.
        further = text.find("?=", close + 2, close + 78)
        if further < 0 or text.find("=?", close, further) >= 0:
            break
        close = further
    if close >= 0 and nearest < 0:
        return text[begin:close], close + 2
    # The end is missing: the word goes up to the next white space or the next word.
    end = nearest if nearest >= 0 else len(text)
    stop = next((i for i in range(begin, min(end, begin + 998)) if text[i].isspace()), min(end, begin + 998))
    inner = text[begin:stop].rstrip("?")
    return (inner, stop) if inner else ("", -1)
