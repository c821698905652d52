"""A header block: its fields, parameters, ids and dates.
Every function is total and linear; none knows what a field is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from maildesk.mail.charset import decode, one_line
from maildesk.mail.labels import codec_of
from maildesk.mail.words import decode_words

Fields = tuple[tuple[str, bytes], ...]

# THREATS, T61 and T63: what lies beyond these is cut or refused before anything reads it closely.
HEAD_BYTES = 262_144
FIELD_BYTES = 16_384
SHOWN_BYTES = 4_096
# The first id opens the thread, the last ones are nearest; what lies between is never looked up.
LAST_IDS = 100

# RFC 5322 allows every printable sign in a field's name; one with quotes or "=" in it is a parameter on its own line.
_FIELD = re.compile(rb"([\x21\x23-\x39\x3b\x3c\x3e-\x7e]{1,76})[ \t]*:[ \t]*")
_HEAD_LINE = re.compile(rb"[\x21\x23-\x39\x3b\x3c\x3e-\x7e]{1,76}[ \t]*:|[ \t]|\r?\n")
_PARAMETER = re.compile(rb"[a-z]{2,20}(?:\*\d{0,3}\*?)?[ \t]?=", re.IGNORECASE)
_KNOWN = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|mime-version|content-[a-z-]{4,20}|received|return-path)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK = re.compile(rb"\n\r?\n")
_ID = re.compile(r"<([^<>]{1,998})>")
_BARE_ID = re.compile(r"[^\s<>@,;()\"]{1,500}@[^\s<>@,;()\"]{1,500}")
_CONTINUED = re.compile(r"(.+?)\*(\d{1,3})(\*?)$")


@dataclass(frozen=True, slots=True)
class Head:
    """The fields in order, as (lower-case name, raw value), where the body begins, and what was odd."""

    fields: Fields
    body_at: int
    defects: tuple[str, ...] = ()

    def first(self, name: str) -> bytes:
        """The raw value of the first such field, b"" when there is none."""
        return next((value for key, value in self.fields if key == name), b"")

    def every(self, name: str) -> tuple[bytes, ...]:
        """The raw values of all such fields, top first."""
        return tuple(value for key, value in self.fields if key == name)

    def text(self, name: str) -> str:
        """The first such field, decoded to one line."""
        return text_of(self.first(name))

    def in_charset(self, label: str) -> Head:
        """The same head with raw 8-bit fields that are no UTF-8 read by `label`, the charset that the body declares."""
        codec = codec_of(label)
        if codec is None or codec in ("cp1252", "utf-8") or all(value.isascii() for _, value in self.fields):
            return self
        return replace(self, fields=tuple((name, _in_utf8(value, codec)) for name, value in self.fields))


def _in_utf8(value: bytes, codec: str) -> bytes:
    if value.isascii():
        return value
    try:
        value.decode("utf-8")
    except UnicodeError:
        try:
            return value.decode(codec).encode()
        except UnicodeError:
            pass
    return value


def read_head(raw: bytes, start: int = 0, end: int | None = None) -> Head:
    """The fields of the block that begins at `start`; a block without any field is no header, and all of it is body."""
    end = len(raw) if end is None else end
    if start == 0:
        start = _first_line(raw, end)
    if raw.startswith(b"\n", start, end) or raw.startswith(b"\r\n", start, end):
        return Head((), start + (1 if raw.startswith(b"\n", start) else 2))
    blank = _BLANK.search(raw, start, min(end, start + HEAD_BYTES))
    stop, body_at = (
        (blank.start() + 1, blank.end()) if blank else (min(end, start + HEAD_BYTES), min(end, start + HEAD_BYTES))
    )
    fields: list[tuple[str, list[bytes]]] = []
    defects: list[str] = []
    last_known = max((found.start() for found in _KNOWN.finditer(raw, start, stop)), default=-1)
    at = start
    while at < stop:
        newline = raw.find(b"\n", at, stop)
        next_at = stop if newline < 0 else newline + 1
        line = raw[at:next_at].rstrip(b"\r\n")
        if line[:1] in (b" ", b"\t") and fields:
            if not line.strip() and next_at < end and not _HEAD_LINE.match(raw, next_at, end):
                # A server or an editor left white space on the line between header and body.
                return Head(_joined(fields), next_at, (*defects, "white space on the line after the header"))
            fields[-1][1].append(line)
        elif found := _FIELD.match(line.lstrip(b" \t")):
            if line[:1] in (b" ", b"\t"):
                defects.append("the first header line begins with a space")
            fields.append((found[1].decode("ascii").lower(), [line.lstrip(b" \t")[found.end() :]]))
        elif not line.startswith((b"From ", b">From ")) or fields:
            if not fields and last_known < next_at:
                return Head((), start, ("there is no header",))
            if fields and _goes_on(*fields[-1], line):
                fields[-1][1].append(b" " + line)
            elif last_known < next_at or (blank is None and fields):
                # The blank line behind the header is missing: the body begins with the first line that is no field.
                return Head(_joined(fields), at, (*defects, "no blank line after the header"))
            defects.append("a header line is no field")
        at = next_at
    return Head(_joined(fields), body_at, tuple(dict.fromkeys(defects)))


def _goes_on(name: str, before: list[bytes], line: bytes) -> bool:
    """Whether a line that lacks its white space goes on with the field above it."""
    if name.startswith("content-"):
        return _PARAMETER.match(line) is not None
    if name in ("from", "to", "cc", "reply-to"):
        return b"@" in line and len(line) < 400
    return name == "subject" and (line.startswith(b"=?") or before[-1].endswith(b"?="))


def _first_line(raw: bytes, end: int) -> int:
    """Where a mail's first field stands behind lines of white space, as some programs save it; else 0."""
    stop = min(end, SHOWN_BYTES)
    begin = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    begin = next((i for i in range(begin, stop) if raw[i] not in b" \t\r\n"), stop)
    return begin if begin < stop and _FIELD.match(raw, begin) and _KNOWN.search(raw, begin, begin + SHOWN_BYTES) else 0


def _joined(fields: list[tuple[str, list[bytes]]]) -> Fields:
    return tuple((name, b"".join(lines).strip()) for name, lines in fields)


def text_of(value: bytes, limit_bytes: int = FIELD_BYTES) -> str:
    """A field's text in one line, encoded words decoded (RFC 2047); of a value beyond the limit the first 4 KiB."""
    if len(value) > limit_bytes:
        value = value[:SHOWN_BYTES]
    return one_line(decode_words(decode(value)))


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """Split `text/plain; charset="utf-8"` into its lower-case first word and its parameters, names in lower case.

    RFC 2231 continuations and charsets, RFC 2047 words and raw 8-bit text in a value are all decoded to what they mean.
    """
    text = value[:FIELD_BYTES].decode("latin-1")
    pieces = _split_quoted(text, ";")
    main, space, rest = pieces[0].strip().partition(" ")
    if "=" in main:
        # The first word is missing: `filename="a.pdf"`.
        pieces.insert(1, pieces[0])
        main = ""
    elif space and "=" in rest:
        # The semicolon is missing: "text/plain charset=utf-8".
        pieces.insert(1, rest)
    else:
        main = pieces[0].strip()
    last = ""
    plain: dict[str, str] = {}
    extended: dict[str, list[tuple[int, str, bool]]] = {}
    for piece in pieces[1:200]:
        name, equals, raw_value = piece.partition("=")
        name = name.strip().casefold()
        if not equals and piece.strip() and last in ("filename", "name"):
            # A semicolon in a name without quotes.
            plain[last] += f";{piece.rstrip()}"
        if not equals or not name:
            continue
        last = name
        content = _unquoted(raw_value.strip())
        if found := _CONTINUED.match(name):
            extended.setdefault(found[1], []).append((int(found[2]), content, bool(found[3])))
        elif name.endswith("*"):
            extended.setdefault(name[:-1], []).append((0, content, True))
        else:
            plain.setdefault(name, content)
    read = {name: one_line(decode_words(decode(content.encode("latin-1")))) for name, content in plain.items()}
    for name, runs in extended.items():
        # Who writes both forms and an encoded word in the plain one has its meaning there (Kopano does).
        if "=?" not in plain.get(name, ""):
            read[name] = _rejoined(runs)
    return main.casefold(), read


def _rejoined(runs: list[tuple[int, str, bool]]) -> str:
    charset, out = "", bytearray()
    for number, content, is_encoded in sorted(runs):
        if is_encoded and number == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        out.extend(unquote_to_bytes(content) if is_encoded else content.encode("latin-1"))
    return one_line(decode_words(decode(bytes(out), charset or None)))


def _split_quoted(text: str, mark: str) -> list[str]:
    """Split at `mark` outside of quoted strings and comments; an open quote is none."""
    if '"' not in text:
        return text.split(mark)
    pieces, begin, at, in_quotes = [], 0, 0, False
    while at < len(text):
        c = text[at]
        if c == "\\" and in_quotes:
            at += 1
        elif c == '"':
            in_quotes = not in_quotes
        elif c == mark and not in_quotes:
            pieces.append(text[begin:at])
            begin = at + 1
        at += 1
    if in_quotes and '"' in text[begin:]:
        # The last quote never closes: what follows it is split as if it were not there.
        return [*pieces, *text[begin:].split(mark)]
    return [*pieces, text[begin:]]


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        inner = value[1:]
        close = re.search(r'(?<!\\)"', inner)
        inner = inner[: close.start()] if close else inner
        # Windows paths come unescaped; only quotes and backslashes are really escaped.
        return re.sub(r'\\(["\\])', r"\1", inner)
    return value.strip("'") if value.startswith("'") else value


def ids_in(value: bytes, *, bare: bool = False) -> tuple[str, ...]:
    """The Message-IDs of a field, in order, each once, with angle brackets: the first and the last 100.

    bare: an id without brackets counts where there is none with them.
    """
    text = one_line(decode(value))
    found = [f"<{''.join(inner.split())}>" for inner in _ID.findall(text)]
    if not found and bare:
        found = [f"<{word}>" for word in _BARE_ID.findall(text[:2000])]
    ids = tuple(dict.fromkeys(i for i in found if len(i) > 2))
    return ids if len(ids) <= LAST_IDS else (ids[0], *ids[-LAST_IDS:])


def date_of(value: bytes) -> datetime | None:
    """The moment a Date field names, in UTC; None when it names none. A date without zone is taken as UTC."""
    text = text_of(value)[:100]
    try:
        at = parsedate_to_datetime(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
