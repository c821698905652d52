"""Subjects of a conversation: what stays of one when clients answer and forward, and the tag that names a ticket. Pure."""

from __future__ import annotations

import re

# What mail clients write before a subject they answer or forward, in the languages in which people write to desks.
_PREFIX = re.compile(
    r"\s*(?:(?:re|r|aw|antwort|antw|sv|vs|vb|vl|rép|rép\.|rif|res|ris|rv|fwd|fw|wg|tr|i|enc|odp|pd|ynt|ilt|rz|doorst"
    r"|回复|答复|回覆|转发|轉寄|返信|転送)\s?(?:\[\d{1,4}\]|\(\d{1,4}\)|\^\d{1,4})?\s?[:\uff1a]|\[#\d+\])",
    re.IGNORECASE,
)
_TAG = re.compile(r"\s*\[#\d+\]")


def base_subject(subject: str) -> str:
    """`subject` without reply and forward prefixes, without our `[#N]` tags, on one line; "" when nothing is left."""
    text, start = " ".join(subject.split()), 0
    while match := _PREFIX.match(text, start):
        start = match.end()
    return _TAG.sub("", text[start:]).strip()


def reply_subject(number: int | None, subject: str) -> str:
    """`Re: [#50031] subject`: the tag stands once, whatever came back (RFC 5256, 2.1: clients skip a bracket in front)."""
    tag = "" if number is None else f"[#{number}] "
    return f"Re: {tag}{base_subject(subject)}".rstrip()
