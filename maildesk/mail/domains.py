"""Which domains belong together: the organisational domain (RFC 7489, 3.2) and alignment. Pure; its list is bundled."""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from maildesk.mail import address as addresses


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def _listed() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@lru_cache(1024)
def is_top_level(name: str) -> bool:
    """Whether domains end in this name: "com", "fr", "xn--p1ai"; those for tests and for one's own network do not count."""
    name = addresses.a_label(name)
    # Some countries (za, ck) stand in the list with their second level alone.
    return bool(name) and any(_listed().publicsuffix(f"{below}.{name}") is not None for below in ("x", "x.co"))


@lru_cache(4096)
def organisational(domain: str) -> str:
    """The domain that its owner registered: "example.co.uk" of "mail.example.co.uk"; a public suffix is its own."""
    domain = addresses.a_label(domain.rstrip("."))
    return _suffixes().privatesuffix(domain) or domain


def is_aligned(other: str, domain: str, *, is_strict: bool = False) -> bool:
    """Whether who answers for `other` answers for `domain` (RFC 7489, 3.1): the same domain, or the same owner unless strict."""
    other, domain = addresses.a_label(other.rstrip(".")), addresses.a_label(domain.rstrip("."))
    if not other or other == domain:
        return bool(other)
    return not is_strict and organisational(other) == organisational(domain)
