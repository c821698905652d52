"""What the DKIM signatures of a mail say for its author (RFC 6376, with the conditions that make one a proof). Pure.

First, with the mail at hand, `claims` keeps what there is to verify; later, with the keys from the DNS, `verify` says what
holds. dkimpy does the mathematics; it never sees the body, nor a field or key of hostile size.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from maildesk.mail import address as addresses
from maildesk.mail.canonical import Raw, body_hash, read_strictly
from maildesk.mail.dmarc import Records
from maildesk.mail.domains import is_aligned

# Of a domain's own signatures so many are verified: two algorithms, and an older key.
MAX_SIGNATURES = 3
# A field above this, or with longer runs of white space, is no signer's; dkimpy's patterns take the square of such runs.
MAX_FIELD_BYTES = 8192
MAX_SIGNED_FIELDS = 200
# A key of 4096 bits needs 800 characters. Larger keys and exponents would let a sender choose how long we calculate.
MAX_KEY_CHARS = 4096
MIN_KEY_BITS, MAX_KEY_BITS = 1024, 4096
MAX_EXPONENT_BITS = 64
MAX_KEYS = 3
# Clocks differ.
SLOP_S = 3600

# What must be signed when it is there: otherwise it can be exchanged under a signature that holds.
COVERED = ("from", "subject", "date")
# Microsoft 365 leaves To and Cc open, Yahoo the Message-ID: such a signature proves the author, and is not enough to act.
OPEN = ("to", "cc", "message-id")
# What stands once (RFC 5322, 3.6; RFC 2045): of two a reader may take the one that nobody signed.
_SINGLE = (*COVERED, *OPEN, "sender", "reply-to", "content-type", "content-transfer-encoding")
_WHITE = re.compile(rb"\s{100}")
_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.ASCII
)
_ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}

Found = Literal["pass", "weak", "fail", "silent"]


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of one signature: it verified; it would prove nothing; it does not verify; nobody told its key.

    unsigned: which of To, Cc and Message-ID the mail has and the signature leaves open, lower-case.
    """

    domain: str
    selector: str
    found: Found
    why: str
    unsigned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One signature that could prove the author. verdict: what is known without its key; else there is something to verify."""

    domain: str
    selector: str
    verdict: Signed | None
    tags: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    header: Raw = (b"", b"")
    fields: tuple[Raw, ...] = field(default=(), repr=False)
    unsigned: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Where its key stands in the DNS."""
        return f"{self.selector}._domainkey.{self.domain}"


class _Fault(Exception):
    """A signature is not one, or cannot hold; the text says why."""


class _Weak(Exception):
    """A signature may hold and prove nothing; the text says why."""


class _Silent:
    """Where dkimpy's log lines go: they repeat words of the mail."""

    def debug(self, *_: object) -> None:
        """Nothing."""

    error = debug


def claims(raw: bytes, domain: str, received_s: float) -> tuple[Claim, ...]:
    """The signatures of this domain's owner, at most three. received_s: when the mail came, in seconds since 1970."""
    if b"dkim-signature:" not in raw[:262_144].lower():
        return ()
    strict = read_strictly(raw)
    if strict is None:
        return ()
    fields, body_at = strict
    names = [name.decode("ascii").lower() for name, _ in fields]
    hashes: dict[bool, bytes] = {}
    found: list[Claim] = []
    for header in (f for f, name in zip(fields, names, strict=True) if name == "dkim-signature"):
        tags = _tags(header[1])
        signer, selector = _name(tags.get(b"d", b"")), _name(tags.get(b"s", b""))
        if not signer or not selector or not is_aligned(signer, domain):
            continue
        try:
            signed = _examine(tags, signer, names, received_s)
            is_relaxed = tags.get(b"c", b"").partition(b"/")[2] == b"relaxed"
            if is_relaxed not in hashes:
                hashes[is_relaxed] = body_hash(raw, body_at, is_relaxed=is_relaxed)
            if hashes[is_relaxed] != _decoded(tags[b"bh"]):
                raise _Fault("the body is not what was signed")
            covered = tuple(f for f, name in zip(fields, names, strict=True) if name in signed)
            unsigned = tuple(name for name in OPEN if name in names and name not in signed)
            found.append(Claim(signer, selector, None, tags, header, covered, unsigned))
        except (_Fault, _Weak) as error:
            kind: Found = "weak" if isinstance(error, _Weak) else "fail"
            found.append(Claim(signer, selector, Signed(signer, selector, kind, str(error))))
        if len(found) == MAX_SIGNATURES:
            break
    return tuple(found)


def _tags(value: bytes) -> dict[bytes, bytes]:
    if len(value) > MAX_FIELD_BYTES or _WHITE.search(value):
        return {}
    try:
        return dict(parse_tag_value(value))
    except InvalidTagValueList:
        return {}


def _name(value: bytes) -> str:
    """A domain or selector in the form that the DNS holds; "" where it is none (RFC 8616 for those with other letters)."""
    try:
        text = addresses.a_label(value.decode("utf-8").rstrip("."))
    except UnicodeError:
        return ""
    return text if _NAME.fullmatch(text) else ""


def _examine(tags: dict[bytes, bytes], signer: str, names: list[str], received_s: float) -> frozenset[str]:
    """The names of the signed fields. Raises _Fault for what cannot verify, _Weak for what would prove nothing."""
    if missing := [name.decode() for name in (b"v", b"a", b"b", b"bh", b"h") if name not in tags]:
        raise _Fault(f"it lacks {missing[0]}=")
    if tags[b"v"] != b"1" or tags.get(b"q", b"dns/txt") != b"dns/txt":
        raise _Fault("it is of no known version")
    identity = _name(tags.get(b"i", b"").rpartition(b"@")[2]) if b"i" in tags else signer
    if identity != signer and not identity.endswith(f".{signer}"):
        raise _Fault("its i= is not of its d=")
    for header, _, body in [tags.get(b"c", b"simple/simple").partition(b"/")]:
        if {header, body or b"simple"} - {b"simple", b"relaxed"}:
            raise _Fault("its c= is not known")
    if tags[b"a"] not in _ALGORITHMS:
        raise _Weak("it is not made with rsa-sha256 or ed25519-sha256")
    if b"l" in tags:
        raise _Weak("it leaves a part of the body unsigned (l=)")
    if b"x" in tags and _seconds(tags[b"x"]) < received_s - SLOP_S:
        raise _Weak("it has expired")
    if b"t" in tags and _seconds(tags[b"t"]) > received_s + 24 * SLOP_S:
        raise _Weak("it is of the future")
    listed = [name.strip().lower().decode("latin-1") for name in tags[b"h"].split(b":")]
    if len(listed) > MAX_SIGNED_FIELDS:
        raise _Fault("it lists too many fields")
    signed, counts = frozenset(listed), Counter(names)
    if twice := [name for name in _SINGLE if counts[name] > 1]:
        raise _Weak(f"the mail has {counts[twice[0]]} {twice[0].title()} fields")
    if bare := [name for name in COVERED if name not in signed and (counts[name] or name == "from")]:
        raise _Weak(f"it does not cover {bare[0].title()}")
    return signed


def _seconds(text: bytes) -> int:
    if not text.isdigit() or len(text) > 12:
        raise _Fault("a time in it is none")
    return int(text)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        raise _Fault("its hash is not readable") from None


def verify(claim: Claim, records: Records) -> Signed:
    """What the signature says with the key that its domain publishes. A broken key fails it; silence of the DNS does not."""
    if claim.verdict is not None:
        return claim.verdict
    texts = records.get(claim.name)
    if texts is None:
        return Signed(claim.domain, claim.selector, "silent", "the DNS did not tell its key")
    why = "its key does not exist"
    for text in [text for text in texts if "p=" in text][:MAX_KEYS]:
        try:
            _verify(claim, text)
            return Signed(claim.domain, claim.selector, "pass", "verified", claim.unsigned)
        except _Weak as error:
            return Signed(claim.domain, claim.selector, "weak", str(error))
        except _Fault as error:
            why = str(error)
    return Signed(claim.domain, claim.selector, "fail", why)


def _verify(claim: Claim, text: str) -> None:
    """Raises _Fault when the signature does not hold with this key, _Weak when it proves nothing."""
    algorithm = _ALGORITHMS[claim.tags[b"a"]]
    tags = _key(text)
    if not tags.get(b"p"):
        raise _Fault("its key was revoked")
    if b"s" in tags and not {b"*", b"email"} & {part.strip() for part in tags[b"s"].split(b":")}:
        raise _Fault("its key is not for mail")
    if b"h" in tags and b"sha256" not in {part.strip() for part in tags[b"h"].split(b":")}:
        raise _Fault("its key is not for this algorithm")
    if tags.get(b"k", b"rsa") != algorithm:
        raise _Fault("its key is of another kind")
    engine = dkim.DKIM(logger=_Silent(), minkey=0)
    engine.headers = [[name, value] for name, value in claim.fields]
    try:
        engine.pk, engine.keysize, engine.ktag, _ = dkim.evaluate_pk(claim.name, text)
    # dkimpy and what it calls raise of many kinds for a key or a signature that is none.
    except Exception as error:
        raise _Fault("its key cannot be read") from error
    if algorithm == b"rsa":
        if engine.keysize < MIN_KEY_BITS:
            raise _Weak(f"its key has {engine.keysize} bits")
        if engine.keysize > MAX_KEY_BITS or engine.pk["publicExponent"].bit_length() > MAX_EXPONENT_BITS:
            raise _Fault("its key is too large")
    listed = [name.strip().lower() for name in claim.tags[b"h"].split(b":")]
    # The hash of the body was compared already: without bh= dkimpy looks at the header alone.
    header_tags = {name: value for name, value in claim.tags.items() if name != b"bh"}
    try:
        holds = engine.verify_sig_process(header_tags, listed, claim.header, None)
    except Exception as error:
        raise _Fault("it is no signature") from error
    if not holds:
        # A domain that is trying out (t=y) says nothing by a failure (RFC 6376, 3.6.1).
        if b"y" in {part.strip() for part in tags.get(b"t", b"").split(b":")}:
            raise _Weak("its domain is trying it out, and it does not verify")
        raise _Fault("the header is not what was signed")


def _key(text: str) -> dict[bytes, bytes]:
    if len(text) > MAX_KEY_CHARS or not text.isascii():
        raise _Fault("its key cannot be read")
    try:
        tags = dict(parse_tag_value(text.encode()))
    except InvalidTagValueList:
        raise _Fault("its key cannot be read") from None
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise _Fault("its key is of no known version")
    return tags
