"""Signed tokens: 32 characters that name a ticket and one of its people, and that nobody else can make.

Knows keys as values and never reads a file. One format, five purposes; a token counts only for the purpose
of the path it came by.

    byte 0      version (2 bits) = 1, purpose (3), key id (3)
    bytes 1-5   ticket row id, big-endian
    bytes 6-7   slot: a person or a letter of that ticket
    bytes 8-19  first 12 bytes of HMAC-SHA256(K, "maildesk-token-1" NUL desk_id NUL bytes 0-7)
    text        base32 (RFC 4648, 6), lower-case, without padding
    K           HKDF-SHA256 (RFC 5869) of the master key, salt "maildesk/hkdf/1", info "maildesk/1/<purpose>/<key id>"
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

_VERSION = 1
_MAC_BYTES = 12
MAX_SLOT = 0xFFFF
SHAPE = re.compile(r"[a-z2-7]{32}", re.ASCII)


class Purpose(IntEnum):
    """Which path a token may come by."""

    CUSTOMER_REPLY = 1
    AGENT_REPLY = 2
    WEB = 3
    BOUNCE = 4
    MESSAGE_ID = 5


@dataclass(frozen=True, slots=True)
class Token:
    """A verified token's content."""

    purpose: Purpose
    kid: int
    ticket_id: int
    slot: int


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that counts no more, too old or compromised; what it signed is known for ours and proves nothing."""

    kid: int
    master: bytes
    made_at: datetime | None
    retired_at: datetime


@dataclass(frozen=True)
class Keyring:
    """The desk's signing keys: `current` signs, all of `masters` (key id 0-7 to 32 bytes) verify.

    desk_id is part of every signature: a copy of a desk under another name honours none of its tokens.
    retired: the oldest first; their key ids may be those of later keys. made_at: of `masters`, where it is known.
    """

    desk_id: str
    current: int
    masters: Mapping[int, bytes]
    retired: tuple[RetiredKey, ...] = ()
    made_at: Mapping[int, datetime] = field(default_factory=dict, compare=False)

    def sign(self, purpose: Purpose, ticket_id: int, slot: int = 0) -> str:
        """A token of 32 characters."""
        return _signed(self.masters[self.current], self.current, self.desk_id, purpose, ticket_id, slot)

    def verify(self, text: str, *purposes: Purpose) -> Token | None:
        """What the token says, when it is ours and for one of `purposes`; None otherwise. Letter case is ignored."""
        raw = _unpacked(text)
        if raw is None:
            return None
        purpose, kid = raw[0] >> 3 & 7, raw[0] & 7
        master = self.masters.get(kid)
        if master is None or purpose not in purposes or not self._is_signed_by(master, raw):
            return None
        ticket_id, slot = int.from_bytes(raw[1:6], "big"), int.from_bytes(raw[6:8], "big")
        return Token(Purpose(purpose), kid, ticket_id, slot)

    def was_ours(self, text: str) -> bool:
        """Whether a retired key signed it: whoever has such a token got it from us, and it names nothing any more."""
        raw = _unpacked(text)
        return raw is not None and any(
            key.kid == raw[0] & 7 and self._is_signed_by(key.master, raw) for key in self.retired
        )

    def _is_signed_by(self, master: bytes, raw: bytes) -> bool:
        expected = _mac(master, self.desk_id, raw[0] >> 3 & 7, raw[0] & 7, raw[:8])
        return hmac.compare_digest(expected, raw[8:])

    def digest(self, what: str) -> bytes:
        """16 bytes that only this desk can derive from `what`; the same for the same key and text."""
        key = _derive(self.masters[self.current], f"maildesk/1/digest/{self.current}")
        return hmac.digest(key, what.encode(), "sha256")[:16]


def looks_like_token(text: str) -> bool:
    """Whether the text has a token's shape; says nothing about its signature."""
    return SHAPE.fullmatch(text.lower()) is not None


# RFC 5322 atoms around our dots: kind, token, digest. A relay that rewrites Message-IDs breaks the match, not the mail.
_MESSAGE_ID = re.compile(r"<?([a-z])\.([a-z2-7]{32})(?:\.([a-z2-7]{26}))?@([^<>@\s]+)>?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SignedId:
    """What one of our own Message-IDs says: the kind of letter (one character, "t" the ticket's anchor) and its token."""

    kind: str
    token: Token


def make_message_id(keyring: Keyring, kind: str, ticket_id: int, slot: int, letter_id: int, purpose: Purpose) -> str:
    """The Message-ID of a letter, made once: "<c.TOKEN.DIGEST@desk.example>", 76 octets for a short desk id."""
    digest = base64.b32encode(keyring.digest(f"letter/{letter_id}")).decode("ascii").rstrip("=").lower()
    return f"<{kind}.{keyring.sign(purpose, ticket_id, slot)}.{digest}@{keyring.desk_id}>"


def anchor(keyring: Keyring, ticket_id: int, opened_at: datetime | None = None) -> str:
    """The id that stands first in the References of every letter of a ticket, so that clients make one thread of them.

    Signed by the key that was current when the ticket was opened, so that it stays the same when a new key signs; it
    may prove nothing any more. Without opened_at by the current one.
    """
    kid, master = keyring.current, keyring.masters[keyring.current]
    if opened_at is not None:
        former = [(key.made_at, key.kid, key.master) for key in keyring.retired if key.made_at is not None]
        known = sorted(former + [(at, kid, keyring.masters[kid]) for kid, at in keyring.made_at.items()])
        older = [key for key in known if key[0] <= opened_at] or known[:1]
        kid, master = older[-1][1:] if older else (kid, master)
    return f"<t.{_signed(master, kid, keyring.desk_id, Purpose.MESSAGE_ID, ticket_id, 0)}@{keyring.desk_id}>"


def read_message_id(keyring: Keyring, text: str, *purposes: Purpose) -> SignedId | None:
    """What a Message-ID of ours says; None when it is not ours or its signature is wrong."""
    match = _MESSAGE_ID.fullmatch(text.strip())
    if match is None or match[4].lower() != keyring.desk_id.lower():
        return None
    token = keyring.verify(match[2], *(purposes or (Purpose.MESSAGE_ID, Purpose.AGENT_REPLY)))
    return None if token is None else SignedId(match[1].lower(), token)


def _unpacked(text: str) -> bytes | None:
    """A token's 20 bytes; None where the text has not its shape or is of another version."""
    text = text.lower()
    if SHAPE.fullmatch(text) is None:
        return None
    raw = base64.b32decode(text.upper())
    return raw if raw[0] >> 6 == _VERSION else None


def _signed(master: bytes, kid: int, desk_id: str, purpose: int, ticket_id: int, slot: int) -> str:
    head = _head(purpose, kid, ticket_id, slot)
    return base64.b32encode(head + _mac(master, desk_id, purpose, kid, head)).decode("ascii").lower()


def _head(purpose: int, kid: int, ticket_id: int, slot: int) -> bytes:
    if not 0 <= slot <= MAX_SLOT:
        raise ValueError(f"slot {slot} does not fit 16 bits")
    return bytes([_VERSION << 6 | purpose << 3 | kid]) + ticket_id.to_bytes(5, "big") + slot.to_bytes(2, "big")


def _mac(master: bytes, desk_id: str, purpose: int, kid: int, head: bytes) -> bytes:
    key = _derive(master, f"maildesk/1/{int(purpose)}/{kid}")
    return hmac.digest(key, b"maildesk-token-1\0" + desk_id.encode() + b"\0" + head, "sha256")[:_MAC_BYTES]


@lru_cache(maxsize=64)
def _derive(master: bytes, info: str) -> bytes:
    """32 bytes of HKDF-SHA256: for one block of output it is two calls of HMAC (RFC 5869, 2.2 and 2.3)."""
    extracted = hmac.digest(b"maildesk/hkdf/1", master, hashlib.sha256)
    return hmac.digest(extracted, info.encode() + b"\x01", hashlib.sha256)
