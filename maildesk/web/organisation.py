"""The requests that an organisation shares ([[organisation]]): its people read each other's, and answer none of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from starlette.responses import Response

from maildesk.desk.model import State
from maildesk.desk.own_requests import OwnRequest
from maildesk.store.history import Asker, SharedRequests, list_shared
from maildesk.store.sqlite import Tx
from maildesk.web.states import state_words
from maildesk.web.visit import Page, Visit

A_PAGE = 25
# Above every number that a path can ask for (request.number_of).
_ABOVE_ALL = 10**15


@dataclass(frozen=True, slots=True)
class Line:
    """A request in the list, with the name of whoever asked; "" where that would be an address."""

    request: OwnRequest
    asked_by: str


def names_of(visit: Visit) -> tuple[str, ...]:
    """The organisations whose requests whoever signed in may read."""
    return tuple(one.name for one in visit.site.settler().directory.organisations_of(visit.who.addresses))


def asker_of(visit: Visit) -> Asker:
    """Whoever signed in, with the domains whose requests they may read beside their own."""
    shared = visit.site.settler().directory.organisations_of(visit.who.addresses)
    return Asker(visit.who.address, visit.who.account_id, tuple(d for one in shared for d in one.domains))


def shown_name(name: str) -> str:
    """A name that a colleague may read: people who call themselves by their address have none."""
    return "" if "@" in name else name


async def _organisation(visit: Visit) -> Response:
    """The list; there is no such page for whoever is of no organisation."""
    asker, asked = asker_of(visit), visit.request.query_params
    if not asker.domains:
        return visit.missing()
    state = asked.get("state", "") if asked.get("state", "") in get_args(State) else ""
    given = asked.get("before", "")
    before = int(given) if re.fullmatch(r"[1-9]\d{0,14}", given, re.ASCII) else _ABOVE_ALL

    def look(tx: Tx) -> SharedRequests:
        return list_shared(tx, asker, state=state, before=before, limit=A_PAGE)

    found = await visit.read(look)
    return visit.page(
        "organisation.html",
        lines=[Line(request, shown_name(name)) for request, name in found.lines],
        organisations=names_of(visit),
        before=found.before,
        is_first=before == _ABOVE_ALL,
        state=state,
        states=state_words(visit),
    )


PAGES = (Page("GET", "/requests/organisation", "customer", _organisation),)
