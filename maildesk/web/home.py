"""The first page: what people come for, one press away."""

from __future__ import annotations

from starlette.responses import Response

from maildesk.web.visit import Page, Visit


async def _home(visit: Visit) -> Response:
    return visit.page("home.html")


PAGES = (Page("GET", "/", "anyone", _home),)
