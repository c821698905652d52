"""Saying that a request is one's own, by the link of the letter that asks (`confirm_unproved = "verify-first"`).

Looking at the page does nothing; its button lets the request in.
"""

from __future__ import annotations

from starlette.responses import Response

from maildesk.desk.grants import can_verify
from maildesk.desk.model import Grant
from maildesk.mail.token import Purpose
from maildesk.store import grants, ledger
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer
from maildesk.web.visit import Page, Visit

NUMBER_WITHIN_S = 3.0


async def _show(visit: Visit) -> Response:
    """The button."""
    found = await visit.read(lambda tx: _grant(tx, visit))
    return visit.page("confirm.html", 200 if found else 410, state="ask" if found else "over", number=None)


async def _confirm(visit: Visit) -> Response:
    """It was pressed: the request is worked on as any other."""
    now = visit.now

    def write(tx: Tx) -> int | None:
        found = _grant(tx, visit)
        if found is None or found.mail_id is None or not grants.use_grant(tx, found.id, now):
            return None
        ledger.let_in(tx, found.mail_id, f"released {found.address}", now)
        return found.mail_id

    mail_id = await visit.write(write)
    if mail_id is None:
        return visit.page("confirm.html", 410, state="over", number=None)
    visit.site.inbox.wake()
    await visit.site.settled(mail_id, NUMBER_WITHIN_S)
    row = await visit.read(lambda tx: tx.find("number that a mail became", id=mail_id))
    number = None if row is None or row["number"] is None else integer(row["number"])
    return visit.page("confirm.html", 200, state="done", number=number)


def _grant(tx: Tx, visit: Visit) -> Grant | None:
    token = visit.site.settler().directory.keyring.verify(str(visit.request.path_params["token"]), Purpose.WEB)
    found = grants.find_grant(tx, token.ticket_id) if token is not None else None
    return found if found is not None and can_verify(found, visit.now) else None


PAGES = (Page("GET", "/confirm/{token}", "anyone", _show), Page("POST", "/confirm/{token}", "anyone", _confirm))
