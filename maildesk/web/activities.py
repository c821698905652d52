""" "My activities": all requests of whoever signed in, ever, with their state; searched and filtered. Nobody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from starlette.responses import Response

from maildesk.desk.asking import MAX_WORDS, words_of
from maildesk.desk.model import State
from maildesk.desk.own_requests import OwnRequest, matches
from maildesk.store import history
from maildesk.store.sqlite import Tx
from maildesk.web.organisation import names_of
from maildesk.web.states import state_words
from maildesk.web.visit import Page, Visit

A_PAGE = 25
_MOST_PAGES = 10_000
# A search shows a page of the best of so many entries: whoever finds more takes one more word.
_CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A request in the list. excerpt: where the words were found, "" without a search."""

    request: OwnRequest
    excerpt: str = ""


async def _activities(visit: Visit) -> Response:
    """The list, or what a search found."""
    who, asked = visit.who, visit.request.query_params
    state = asked.get("state", "") if asked.get("state", "") in get_args(State) else ""
    role = asked.get("role", "") if asked.get("role", "") in ("mine", "followed") else ""
    words = words_of(asked.get("q", ""))[:MAX_WORDS]
    number = asked.get("page", "1")
    page = min(max(int(number), 1), _MOST_PAGES) if number.isascii() and number.isdigit() and len(number) < 6 else 1

    def look(tx: Tx) -> tuple[tuple[Line, ...], int]:
        skip = (page - 1) * A_PAGE
        if words:
            best = matches(history.find_matching(tx, who.address, words, _CANDIDATES), words)
            found = [one for one in best if state in ("", one.own.request.state)]
            return tuple(Line(one.own.request, one.excerpt) for one in found[skip : skip + A_PAGE]), len(found)
        lines, count = history.list_own(tx, who.account_id, state=state, role=role, limit=A_PAGE, skip=skip)
        return tuple(map(Line, lines)), count

    lines, count = await visit.read(look)
    if page > 1 and not lines:
        return visit.to("/requests", q=asked.get("q", "")[:200], state=state, role=role)
    return visit.page(
        "activities.html",
        lines=lines,
        count=count,
        page=page,
        last=max(1, -(-count // A_PAGE)),
        asked={"q": asked.get("q", "")[:200], "state": state, "role": role},
        states=state_words(visit),
        organisations=names_of(visit),
    )


PAGES = (Page("GET", "/requests", "customer", _activities),)
