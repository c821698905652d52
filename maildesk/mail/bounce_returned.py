"""The mail that came back with a report: its Message-IDs and the people in its header.
Reads attached mails and header parts first, then headers that a report quotes in its text."""

from __future__ import annotations

import re

from maildesk.mail.bounce_fields import ADDRESS
from maildesk.mail.charset import decode
from maildesk.mail.head import Head, ids_in, read_head
from maildesk.mail.parts import Part, content

RETURNED_BYTES = 262_144
_HEADERS = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
_ID = re.compile(
    r"^[ \t>|*]{0,12}(?:x-)?(?:original-)?message-?id[ \t]{0,8}:[ \t]{0,8}(<[^<>\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,500}>)",
    re.IGNORECASE | re.MULTILINE,
)
_TO = re.compile(r"^[ \t>|*]{0,12}(?:to|cc)[ \t]{0,8}:[ \t]{0,8}([^\n]{1,1000})", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(
    r"^[ \t>|*]{0,12}(?:from|return-path|sender|reply-to)[ \t]{0,8}:[ \t]{0,8}([^\n]{1,1000})",
    re.IGNORECASE | re.MULTILINE,
)


def returned_heads(tree: Part) -> tuple[Head, ...]:
    """The headers of the mails that are attached to a report."""
    inner = [part for part in list(tree.walk())[1:] if part.type in _HEADERS]
    return tuple(read_head(content(part)[:RETURNED_BYTES].lstrip()) for part in inner[:10])


def returned_ids(head: Head, tree: Part, heads: tuple[Head, ...], text: str) -> tuple[str, ...]:
    """Which letters a report answers: ids of the attached mail, else of quoted headers, else of the report's own thread."""
    ids = [i for inner in heads for i in ids_in(inner.first("message-id"))]
    if not ids:
        ids = _ID.findall(text[:100_000])
    if not ids:
        leaves = [
            part for part in list(tree.walk())[1:] if not part.parts and not part.type.startswith(("image/", "video/"))
        ]
        ids = [
            i
            for part in leaves[:10]
            for i in _ID.findall(decode(content(part)[:RETURNED_BYTES].replace(b"\r\n", b"\n")))
        ]
    if not ids:
        for name in (
            "x-original-message-id",
            "original-message-id",
            "in-reply-to",
            "references",
            "x-ms-exchange-parent-message-id",
        ):
            ids += ids_in(head.first(name))
    return tuple(dict.fromkeys(ids))


def returned_to(heads: tuple[Head, ...], text: str) -> tuple[str, ...]:
    """Whom the mail that came back was written to: the best answer when nothing else names a recipient."""
    fields = [inner.text(name) for inner in heads for name in ("to", "cc")] or _TO.findall(text[:100_000])
    return tuple(dict.fromkeys(address.strip("'.") for field in fields for address in ADDRESS.findall(field)))


def returned_from(heads: tuple[Head, ...], text: str) -> set[str]:
    """Who wrote the mail that came back, in lower case."""
    names = ("from", "return-path", "sender", "reply-to")
    fields = [inner.text(name) for inner in heads for name in names] or _FROM.findall(text[:100_000])
    return {address.strip("'.").casefold() for field in fields for address in ADDRESS.findall(field)}
