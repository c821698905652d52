"""Whom a mail from a folder was for, by a cheap scan of its header. Pure: no address is believed, no MIME is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable

# Headers of real mail end far below this; what is longer is the parser's business, not the door's.
_MAX_HEADER_BYTES = 262_144
# A header with more addresses than this was not written to reach us.
_MAX_ADDRESSES = 1_000
_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"^(delivered-to|x-original-to|to|cc)[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
# Whatever may stand around an address in a list; splitting is linear where a pattern for addresses is not.
_AROUND = re.compile(r'[\s<>(),:;"\[\]]+')
_STAMPED = (b"delivered-to", b"x-original-to")


def recipients_of(raw: bytes, belongs: Callable[[str], bool], fallback: str) -> tuple[str, ...]:
    """The addresses for which `belongs` is true, as they are written, each once; `(fallback,)` when there is none.

    First those that a mail server stamped (Delivered-To, X-Original-To, topmost first), then those of To and Cc.
    A folder has no envelope: a signed reply address is found here or nowhere. Stamps come first because our server
    wrote the topmost; anybody can write the rest, which proves nothing but whom the mail speaks to.
    """
    head = raw[:_MAX_HEADER_BYTES]
    if end := _END.search(head):
        head = head[: end.start() + 1]
    stamped: list[str] = []
    written: list[str] = []
    for name, value in _FIELD.findall(_FOLD.sub(b" ", head)):
        words = _AROUND.split(value.decode("utf-8", "replace"))
        found = stamped if name.lower() in _STAMPED else written
        found += [word for word in words if "@" in word[1:-1]]
    chosen: dict[str, str] = {}
    for address in (stamped + written)[:_MAX_ADDRESSES]:
        if address.lower() not in chosen and belongs(address):
            chosen[address.lower()] = address
    return tuple(chosen.values()) or (fallback,)
