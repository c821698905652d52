"""What stands in a winmail.dat, Outlook's own envelope (MS-OXTNEF): its files and its text.
Total, linear and bounded; tells None of what it cannot read.

tnefparse, the library for it, walks four billion properties when a file of forty bytes says that it has them, copies the
rest of the file for each attribute and logs where nobody asked; the format is small enough to be read here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from maildesk.mail.charset import decode, storable
from maildesk.mail.rtf import decompressed

SIGNATURE = b"\x78\x9f\x3e\x22"
# An honest one has a file for each thing that somebody dragged into a mail.
FILES, DEPTH = 200, 3
_RENDERING, _TITLE, _DATA, _FILE, _PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005, 0x9003
_TRANSPORT_NAME, _CODEPAGE, _BODY, _SUBJECT = 0x9001, 0x9007, 0x800C, 0x8004
# MAPI property ids (MS-OXPROPS).
_PR_SUBJECT, _PR_BODY, _PR_RTF, _PR_HTML, _PR_CODEPAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_PR_LONG_NAME, _PR_NAME, _PR_DISPLAY, _PR_CONTENT, _PR_TYPE, _PR_CID = 0x3707, 0x3704, 0x3001, 0x3701, 0x370E, 0x3712
# The width of the property types that have one, padding included.
_WIDTHS = {0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8, 0x0040: 8}
_CLSID, _OBJECT, _STRING, _UNICODE, _BINARY = 0x0048, 0x000D, 0x001E, 0x001F, 0x0102
_OBJECT_ID_BYTES = 16
_NAMED = 0x8000
_MULTIPLE = 0x1000


@dataclass(slots=True)
class Enclosed:
    """One file of the envelope."""

    name: str = ""
    content: bytes = b""
    type: str = ""
    content_id: str | None = None


@dataclass(slots=True)
class Opened:
    """What an envelope holds; is_cut: it ended before its end."""

    subject: str = ""
    text: str = ""
    html: str = ""
    rtf: bytes = b""
    files: list[Enclosed] = field(default_factory=list)
    is_cut: bool = False


def open_tnef(raw: bytes, depth: int = 0) -> Opened | None:
    """The files and the text of a winmail.dat; None when the bytes are none."""
    if not raw.startswith(SIGNATURE) or depth >= DEPTH:
        return None
    opened = Opened()
    codepage = "cp1252"
    at = 6
    while at + 9 <= len(raw):
        level, name, length = raw[at], *struct.unpack_from("<HxxI", raw, at + 1)
        value = raw[at + 9 : at + 9 + length]
        at += 9 + length + 2
        if level not in (1, 2) or len(value) < length:
            opened.is_cut = True
        if level not in (1, 2):
            break
        if name == _CODEPAGE and len(value) >= 4:
            codepage = f"cp{int.from_bytes(value[:4], 'little')}"
        elif name == _RENDERING:
            if len(opened.files) >= FILES:
                break
            opened.files.append(Enclosed())
        elif level == 2 and opened.files:
            _read_file(opened.files[-1], name, value, codepage)
        elif name == _BODY:
            opened.text = _string(value, codepage)
        elif name == _SUBJECT:
            opened.subject = _string(value, codepage)
        elif name == _PROPERTIES:
            _read_message(opened, value, codepage)
    opened.files = [inner for one in opened.files for inner in _within(one, depth)][:FILES]
    return opened


def _read_file(one: Enclosed, name: int, value: bytes, codepage: str) -> None:
    if name == _DATA:
        one.content = value
    elif name == _TITLE or (name == _TRANSPORT_NAME and not one.name):
        one.name = _string(value, codepage)
    elif name == _FILE:
        found = {key: (kind, data) for key, kind, data in _properties(value)}
        for key in (_PR_DISPLAY, _PR_NAME, _PR_LONG_NAME):
            if key in found and (key != _PR_DISPLAY or not one.name):
                one.name = _value(found[key], codepage) or one.name
        one.type = _value(found.get(_PR_TYPE), codepage)
        one.content_id = _value(found.get(_PR_CID), codepage).strip("<> ") or None
        kind, data = found.get(_PR_CONTENT, (0, b""))
        if data and not one.content:
            one.content = data[_OBJECT_ID_BYTES:] if kind == _OBJECT else data


def _read_message(opened: Opened, value: bytes, codepage: str) -> None:
    found = {key: (kind, data) for key, kind, data in _properties(value)}
    if _PR_CODEPAGE in found:
        codepage = f"cp{int.from_bytes(found[_PR_CODEPAGE][1][:4], 'little')}"
    opened.subject = _value(found.get(_PR_SUBJECT), codepage) or opened.subject
    opened.text = _value(found.get(_PR_BODY), codepage) or opened.text
    opened.html = _value(found.get(_PR_HTML), codepage) or opened.html
    if _PR_RTF in found:
        opened.rtf = decompressed(found[_PR_RTF][1])


def _within(one: Enclosed, depth: int) -> Iterator[Enclosed]:
    """The file itself; of a mail that was attached, its text as a file and its own files."""
    inner = open_tnef(one.content, depth + 1)
    if inner is None:
        yield one
        return
    said = inner.html or inner.text
    if said:
        name = f"{inner.subject or one.name}{'.html' if inner.html else '.txt'}"
        yield Enclosed(name, said.encode("utf-8", "replace"), "text/html" if inner.html else "text/plain")
    elif inner.rtf:
        yield Enclosed(f"{inner.subject or one.name}.rtf", inner.rtf, "application/rtf")
    yield from inner.files


def _properties(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The properties of a block as (id, type, first value); it ends where it does not follow the format."""
    if len(value) < 4:
        return
    at = 4
    for _ in range(int.from_bytes(value[:4], "little")):
        if at + 4 > len(value):
            return
        kind, key = struct.unpack_from("<HH", value, at)
        at += 4
        if key >= _NAMED:
            at += 16
            kind_of_name, length = _u32(value, at), _u32(value, at + 4)
            at += 8 + (_padded(length) if kind_of_name else 0)
        count = 1
        if kind & _MULTIPLE or kind in (_OBJECT, _STRING, _UNICODE, _BINARY):
            count, at = _u32(value, at), at + 4
        kind &= ~_MULTIPLE
        width = 16 if kind == _CLSID else _WIDTHS.get(kind, 0)
        if not width and kind not in (_OBJECT, _STRING, _UNICODE, _BINARY):
            return
        first = b""
        for number in range(count):
            if at >= len(value):
                return
            length = width or _u32(value, at)
            at += 0 if width else 4
            if number == 0:
                first = value[at : at + length]
            at += _padded(length)
        yield key, kind, first


def _u32(value: bytes, at: int) -> int:
    return int.from_bytes(value[at : at + 4], "little")


def _padded(length: int) -> int:
    return length + -length % 4


def _value(found: tuple[int, bytes] | None, codepage: str) -> str:
    if found is None:
        return ""
    kind, data = found
    return _string(data, "utf-16-le" if kind == _UNICODE else codepage)


def _string(data: bytes, codepage: str) -> str:
    if codepage == "utf-16-le":
        return storable(data.decode("utf-16-le", "replace").partition("\0")[0])
    return storable(decode(data.partition(b"\0")[0], {"cp65001": "utf-8", "cp20127": "ascii"}.get(codepage, codepage)))
