"""Real keys and real DKIM signatures for tests: what a signing mail server adds, and the records its domain publishes."""

from __future__ import annotations

import base64
from functools import cache
from unittest.mock import patch

import dkim
import nacl.encoding
import nacl.signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class _LongAgo:
    """The clock of dkimpy, so that a signature is never of the future, whatever a test's clock says."""

    @staticmethod
    def time() -> float:
        return 1_600_000_000.0


FIELDS = ("from", "to", "cc", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")


@cache
def rsa_key(bits: int = 2048, _number: int = 0) -> tuple[bytes, str]:
    """A private key and the text of its record; made once."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


@cache
def ed25519_key() -> tuple[bytes, str]:
    """The same for RFC 8463."""
    key = nacl.signing.SigningKey.generate()
    public = key.verify_key.encode(nacl.encoding.Base64Encoder).decode()
    return key.encode(nacl.encoding.Base64Encoder), f"v=DKIM1; k=ed25519; p={public}"


def sign(
    raw: bytes,
    domain: str,
    *,
    selector: str = "s1",
    algorithm: str = "rsa-sha256",
    key: bytes | None = None,
    fields: tuple[str, ...] = FIELDS,
    form: str = "relaxed/relaxed",
    length: bool = False,
) -> bytes:
    """The mail with a signature of long ago on top. fields: what is signed, of those that the mail has."""
    found = dkim.DKIM(raw)
    present = {name.lower().decode() for name, _ in found.headers}
    private = key or (ed25519_key()[0] if algorithm == "ed25519-sha256" else rsa_key()[0])
    with patch.object(dkim, "time", _LongAgo):
        header = found.sign(
            selector.encode(),
            domain.encode(),
            private,
            signature_algorithm=algorithm.encode(),
            canonicalize=tuple(part.encode() for part in form.split("/")),  # type: ignore[arg-type]
            include_headers=[name.encode() for name in fields if name in present],
            length=length,
        )
    return bytes(header) + raw


def records(
    domain: str = "client.test", policy: str | None = None, *, selector: str = "s1"
) -> dict[str, tuple[str, ...]]:
    """What the domain publishes: the key that `sign` uses, and a DMARC record or none."""
    return {
        f"{selector}._domainkey.{domain}": (rsa_key()[1],),
        f"_dmarc.{domain}": (f"v=DMARC1; p={policy}",) if policy else (),
    }
