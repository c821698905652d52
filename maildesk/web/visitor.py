"""Who is at the other end of a page: the browser by its cookie, the person by their session, the network they come from.

Reads cookies and headers; what a session may do is decided by each page's row.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import Request

from maildesk.config import Agent, Web
from maildesk.desk.lists import peer_address

SECRET_BYTES = 32
# Long enough that a form which stood open over the weekend can still be sent.
VISITOR_FOR_S = 7 * 24 * 3600
_MAX_COOKIE_CHARS = 100
_MAX_FORWARDED = 20


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in. addresses: all that they have proved, the first one first; address: the one they signed in by.

    agent: who they are in the configuration; None for customers. is_fresh: they signed in within five minutes.
    """

    id: int
    account_id: int
    name: str
    language: str
    address: str
    addresses: tuple[str, ...]
    agent: Agent | None
    is_fresh: bool
    seen_at: datetime


def new_secret() -> str:
    """256 bits that nobody can guess, as text for a cookie or a link."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """How a secret is stored: whoever reads the database cannot use it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(visitor: str) -> str:
    """What a form of ours carries to show that it is ours: only this browser's pages have it."""
    return hmac.digest(visitor.encode(), b"maildesk/form/1", "sha256").hex()


def is_form_token(visitor: str | None, token: str) -> bool:
    """Whether the form was one that we gave to this browser."""
    return visitor is not None and hmac.compare_digest(form_token(visitor).encode(), token.encode())


def is_ours(request: Request, public_url: str) -> bool:
    """Whether a POST comes from a page of ours: by Sec-Fetch-Site, without it by Origin; neither is left to the token alone.

    (Fetch Metadata, 2.3; RFC 6454, 7.)
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    here = urlsplit(public_url)
    return found.netloc != "" and found.netloc in (here.netloc, request.headers.get("host", ""))


def cookie(request: Request, name: str) -> str | None:
    """A cookie of ours; None without one, or where it cannot be one."""
    value = request.cookies.get(name, "")
    return value if 0 < len(value) <= _MAX_COOKIE_CHARS and value.isascii() else None


def peer_of(request: Request, web: Web) -> str:
    """The client's address, as the proxies of [web] trusted_proxies say it; the nearest that is none of them."""
    peer = request.client.host if request.client else ""
    networks = tuple(ip_network(one, strict=False) for one in web.trusted_proxies)
    # Some proxies add a header of their own behind the client's: all of them are one list (RFC 9110, 5.2).
    claims = ",".join(request.headers.getlist("x-forwarded-for"))
    forwarded = [one.strip() for one in claims.split(",")][-_MAX_FORWARDED:]
    while forwarded and _is_in(peer, networks):
        claimed = forwarded.pop()
        if peer_address(claimed) is None:
            break
        peer = claimed
    return peer


def network_of(peer: str) -> str | None:
    """What brakes count by: an IPv4 /24, an IPv6 /56; None for this machine itself, where a proxy is nobody's."""
    found = peer_address(peer)
    if found is None or found.is_loopback:
        return None
    return str(ip_network((found, 24 if ip_address(found).version == 4 else 56), strict=False))


def _is_in(peer: str, networks: tuple[object, ...]) -> bool:
    found = peer_address(peer)
    return found is not None and any(found in network for network in networks)  # type: ignore[operator]
