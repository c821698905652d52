"""The bytes of a mail that a DKIM signature covers: its header, line by line, and the hash of its body. Pure and linear."""

from __future__ import annotations

import hashlib
import re

from maildesk.mail.head import HEAD_BYTES, read_head

Raw = tuple[bytes, bytes]

# No mail has so many fields; each is looked at for each signature.
MAX_FIELDS = 1000
_NAME = re.compile(rb"([\x21\x23-\x39\x3b\x3c\x3e-\x7e]{1,76}):")
_TABS = bytes.maketrans(b"\t", b" ")


def read_strictly(raw: bytes) -> tuple[tuple[Raw, ...], int] | None:
    """The fields as (name, value with its folding, CR LF at the end), and where the body begins; None for any oddity.

    A lenient reader is how a signature over one mail comes to vouch for another: where this and the reader whose mail the
    desk shows do not see the same fields, no signature counts.
    """
    seen = read_head(raw)
    if seen.defects or not seen.fields or seen.body_at > HEAD_BYTES:
        return None
    lines = raw[: seen.body_at].split(b"\n")
    if len(lines) < 2 or lines.pop() != b"" or lines.pop().removesuffix(b"\r") != b"":
        return None
    if lines and lines[0].startswith((b"From ", b">From ")):
        # A mailbox file's line above the header is nobody's field.
        lines.pop(0)
    found: list[tuple[bytes, list[bytes]]] = []
    for line in (line.removesuffix(b"\r") for line in lines):
        if b"\r" in line or b"\0" in line or not line.strip():
            return None
        if line[:1] in (b" ", b"\t"):
            if not found:
                return None
            found[-1][1].append(line)
        elif name := _NAME.match(line):
            found.append((name[1], [line[name.end() :]]))
        else:
            return None
    fields = tuple((name, b"\r\n".join([*value, b""])) for name, value in found)
    if len(fields) > MAX_FIELDS or [name.decode("ascii").lower() for name, _ in fields] != [n for n, _ in seen.fields]:
        return None
    return fields, seen.body_at


def body_hash(raw: bytes, body_at: int, *, is_relaxed: bool) -> bytes:
    """SHA-256 of the body in its canonical form (RFC 6376, 3.4.3 and 3.4.4). Each step is one pass in C.

    Not dkimpy's: its search for white space at the ends of lines takes the square of a run of spaces.
    """
    body = raw[body_at:]
    if body.count(b"\n") != body.count(b"\r\n"):
        body = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if is_relaxed:
        if b"\t" in body:
            body = body.translate(_TABS)
        while b"  " in body:
            # A run of spaces is halved each time.
            body = body.replace(b"  ", b" ")
        body = body.replace(b" \r\n", b"\r\n").removesuffix(b" ")
    # Of the line ends at the end only whole ones go: before each LF stands a CR by now, so a CR behind a CR is the last to stay.
    if body.endswith(b"\n"):
        bare = len(body.rstrip(b"\r\n"))
        lone = body.rfind(b"\r\r", bare)
        body = body[: lone + 1 if lone >= 0 else bare]
    # The simple form of an empty body is one line end, the relaxed one nothing.
    is_empty = not body and is_relaxed
    return hashlib.sha256(body if is_empty else body + b"\r\n").digest()
