"""Cookies for this host alone that no script reads: set and dropped in one place."""

from __future__ import annotations

from starlette.responses import Response

from maildesk.web.visit import Visit


def set_cookie(visit: Visit, response: Response, name: str, value: str, max_age_s: int) -> None:
    """Tied to https where people come by it (RFC 6265bis, 4.1.3.2); sent along only from our own pages and links to them."""
    response.set_cookie(
        visit.site.cookie_name(name),
        value,
        max_age=max_age_s,
        path="/",
        secure=visit.site.is_secure,
        httponly=True,
        samesite="lax",
    )


def forget_all(visit: Visit, response: Response) -> None:
    """The browser forgets who was there, and what they sent: the next one at it may be somebody else."""
    visit.is_new_visitor = False
    for name in ("session", "visitor"):
        set_cookie(visit, response, name, "", 0)
