"""A cheap look at the bytes before anything expensive: which mail is a monster, and what makes two mails the same.
Never parses."""

from __future__ import annotations

import hashlib
import re
from itertools import islice

from maildesk.mail.head import HEAD_BYTES

# THREATS, T61: what no honest mail has.
FIELDS = 2_000
PARTS = 1_000
DEPTH = 50
BOUNDARY_CHARS = 200
# So many boundaries are counted one by one, which is faster than looking at each line.
MARKS = 20

_BLANK = re.compile(rb"\n\r?\n")
_FIELD_LINE = re.compile(rb"^[^\s:]", re.MULTILINE)
_BOUNDARY = re.compile(rb'boundary\*?0?\*?[ \t]{0,9}=[ \t]{0,9}"?([^"\r\n;]{1,1000})', re.IGNORECASE)
_CONTENT_TYPE = re.compile(
    rb"^content-type[ \t]*:[ \t]*(?:\r?\n[ \t]+)?(multipart/|message/rfc822)", re.IGNORECASE | re.MULTILINE
)
_MOVING = (b"return-path", b"received", b"delivered-to", b"x-original-to", b"authentication-results")


def monstrous(raw: bytes) -> str | None:
    """Why the mail is not to be taken apart at all; None for every mail that a person or an honest program wrote."""
    blank = _BLANK.search(raw, 0, HEAD_BYTES + 4)
    if blank is None and len(raw) > HEAD_BYTES:
        return "the header is longer than 256 KiB"
    head = raw[: blank.start()] if blank else raw
    if head.count(b"\n") > FIELDS and len(_FIELD_LINE.findall(head)) > FIELDS:
        return "the header has more than 2,000 fields"
    if raw.count(b"\n--") <= PARTS and raw.count(b"oundary") <= DEPTH and raw.count(b"essage/") <= DEPTH:
        boundaries = _BOUNDARY.findall(raw) if b"oundary" in raw or b"OUNDARY" in raw else []
        return _too_long(boundaries)
    boundaries = _BOUNDARY.findall(raw)
    kinds = _CONTENT_TYPE.findall(raw)
    if len(kinds) > PARTS:
        return "the mail has more than 1,000 parts"
    marks = {boundary.strip()[:BOUNDARY_CHARS] for boundary in boundaries}
    if len(marks) <= MARKS:
        stands = re.compile(rb"\n--(?:%s)[ \t\r]*+(?=\n|\Z)" % b"|".join(map(re.escape, sorted(marks))))
        found = sum(1 for _ in islice(stands.finditer(raw), PARTS + 1)) if marks else 0
        return "the mail has more than 1,000 parts" if found > PARTS else _too_long(boundaries)
    lines = 0
    at = raw.find(b"\n--")
    while at >= 0 and marks:
        # A "--" line counts only when a boundary of this mail stands on it: patches and signatures have many.
        end = raw.find(b"\n", at + 1, at + BOUNDARY_CHARS + 8)
        line = raw[at + 3 : end if end >= 0 else at + BOUNDARY_CHARS + 8].rstrip()
        lines += line in marks
        if lines > PARTS:
            return "the mail has more than 1,000 parts"
        at = raw.find(b"\n--", at + 3)
    return _too_long(boundaries)


def _too_long(boundaries: list[bytes]) -> str | None:
    return "a boundary is longer than 200 characters" if any(len(b) > BOUNDARY_CHARS for b in boundaries) else None


def content_key(raw: bytes) -> str:
    """SHA-256 of the mail without what servers add on its way, in hex: the same for the same mail by another road.

    Left out: Return-Path, Received, Delivered-To, X-Original-To, Authentication-Results, ARC-*, X-Spam-*, an mbox line,
    blank lines at the end; line ends are CRLF (THREATS, 3.4.6).
    """
    body = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    digest = hashlib.sha256()
    at, keep = 0, True
    # A header beyond the limit is a monster's: its rest is taken as it is.
    while at < min(len(body), HEAD_BYTES) and body[at : at + 1] != b"\n":
        newline = body.find(b"\n", at)
        end = len(body) if newline < 0 else newline + 1
        line = body[at:end]
        if line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].strip().lower()
            keep = not (
                name in _MOVING or name.startswith((b"arc-", b"x-spam-")) or (at == 0 and line.startswith(b"From "))
            )
        if keep:
            digest.update(line.rstrip(b"\n") + b"\r\n")
        at = end
    digest.update(body[at:].rstrip(b"\n").replace(b"\n", b"\r\n"))
    return digest.hexdigest()
