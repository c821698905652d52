"""A letter of the outbox as its final bytes say it: every part and header decoded, the markers and tokens in it found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header
from email.message import Message

MARKER = re.compile(r"mk\d{6}[a-z]q")
TOKEN = re.compile(r"(?<![a-z2-7])[a-z2-7]{32}(?![a-z2-7])")
_REFERENCES = {"in-reply-to", "references"}


@dataclass(frozen=True)
class Letter:
    """A letter of the outbox as bytes, with what the law reads in it."""

    id: int
    notice: str
    ticket_id: int | None
    recipient: str
    content: bytes
    head: Message
    body_markers: tuple[str, ...]
    reference_markers: tuple[str, ...]
    text: str
    envelope_from: str


def read_letter(row: tuple[int, str, int | None, str, bytes, str]) -> Letter:
    """The letter with every part and header decoded, attached mails too."""
    letter_id, notice, ticket_id, recipient, content, envelope_from = row
    head = message_from_bytes(content)
    near, far, text = [], [], ""
    for name, value in head.items():
        found = MARKER.findall(_decoded(value))
        (far if name.lower() in _REFERENCES else near).extend(found)
    for part in _leaves(head):
        for value in part.values() if part is not head else ():
            near += MARKER.findall(_decoded(value))
        words = (part.get_payload(decode=True) or b"").decode("utf-8", "replace")
        near += MARKER.findall(words)
        near += MARKER.findall(str(part.get_filename() or ""))
        if part.get_content_type() == "text/plain" and not text:
            text = words.replace("\r\n", "\n")
    return Letter(letter_id, notice, ticket_id, recipient, content, head, tuple(near), tuple(far), text, envelope_from)


def _leaves(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if part.is_multipart():
            continue
        yield part
        payload = part.get_payload(decode=True) or b""
        if part is not message and b"\nMessage-ID:" in payload:
            yield from _leaves(message_from_bytes(payload))


def _decoded(value: str) -> str:
    if "=?" not in value:
        return str(value)
    return "".join(
        words.decode(charset or "ascii", "replace") if isinstance(words, bytes) else words
        for words, charset in decode_header(value)
    )
