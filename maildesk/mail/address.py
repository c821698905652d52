"""Addresses as values: comparing them, and the tags that carry our signed tokens. Never asks who owns one."""

from __future__ import annotations

import re
import unicodedata

from maildesk.errors import Malformed

MAX_LOCAL_OCTETS = 64  # RFC 5321, 4.5.3.1.1
MAX_ADDRESS_OCTETS = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what people type for a dot (RFC 3490, 3.1)


def split(address: str) -> tuple[str, str]:
    """Split "Lea@Client.Test" into ("Lea", "client.test"): the local part as written, the domain lower-case.

    Raises Malformed without both parts, with white space or a control in it, or above 254 octets.
    """
    local, at, domain = address.rpartition("@")
    domain = domain.lower().rstrip(".")
    if not at or not local or not domain or len(address.encode("utf-8", "replace")) > MAX_ADDRESS_OCTETS:
        raise Malformed(f"{address[:80]!r} is not an address")
    # Of all white space only the plain space counts as printable.
    if not address.isprintable() or " " in address:
        raise Malformed(f"{address[:80]!r} is not an address")
    return local, domain


def key(address: str) -> str:
    """The form in which two addresses are compared: local part case-folded, domain a lower-case A-label.

    RFC 5321 calls the local part case-sensitive; nobody's is. Dots and tags are kept: they may be other people.
    Raises Malformed as `split` does, and where the domain's letters fold to what no domain holds.
    """
    local, domain = split(address)
    found = local.casefold(), a_label(domain)
    # "\u00af" folds to a space with a mark, "\uff20" to an "@": what stands behind it must not become the domain.
    if split("@".join(found)) != found:
        raise Malformed(f"{address[:80]!r} is not an address")
    return "@".join(found)


def same(one: str, other: str) -> bool:
    """Whether two addresses are one mailbox; False when either is no address."""
    try:
        return key(one) == key(other)
    except Malformed:
        return False


def domain_key(domain: str) -> str:
    """The form in which two domains are compared."""
    return a_label(domain.lower().rstrip("."))


def covers(entry: str, address: str) -> bool:
    """Whether an address is "lea@client.test" itself, or of the domain "client.test" or of one below it."""
    if "@" in entry:
        return same(entry, address)
    domain = domain_key(address.rpartition("@")[2])
    return domain == domain_key(entry) or domain.endswith(f".{domain_key(entry)}")


def a_label(domain: str) -> str:
    """The domain in its ASCII form (RFC 5890, 2.3.2.1), lower-case.

    By IDNA 2008, which keeps "ß" and the final sigma: the standard library's codec is of 2003 and makes of "straße.de"
    the domain of somebody else.
    """
    if domain.isascii():
        return domain.lower()
    return ".".join(map(_a_label_of, _DOTS.split(domain)))


def _a_label_of(label: str) -> str:
    label = unicodedata.normalize("NFKC", label.lower())
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def with_token(base: str, form: str, token: str) -> str | None:
    """The signed form of a mailbox's address; None where the mailbox has none.

    form is the mailbox's reply_address: "plus", "minus", "domain:reply.example.com" or "none".
    """
    local, domain = split(base)
    if form == "plus":
        return f"{local}+{token}@{domain}"
    if form == "minus":
        return f"{local}-{token}@{domain}"
    if form.startswith("domain:"):
        return f"{token}@{form.removeprefix('domain:').lower()}"
    return None
