"""After a request was sent: the page that says so, closing its notice, and putting a wrong address right."""

from __future__ import annotations

import re

from starlette.responses import Response

from maildesk import correcting
from maildesk.clock import iso
from maildesk.desk import slips
from maildesk.store.sqlite import Tx
from maildesk.web.receipts import Receipt
from maildesk.web.visit import Page, Visit

# Back to where the notice was closed: a page of ours.
_BACK = re.compile(r"/[a-z0-9/-]{0,200}", re.ASCII)


async def _sent(visit: Visit) -> Response:
    """What was sent stands at the top right, here as on every page; this one says what comes next."""
    if not visit.receipts:
        return visit.to("/requests/new")
    return visit.page("sent.html", receipt=visit.receipts[0], is_waiting=_is_waiting(visit.receipts[0], visit))


def _is_waiting(receipt: Receipt, visit: Visit) -> bool:
    """Whether the page shall look again by itself: the number is on its way."""
    return receipt.number is None and not receipt.is_held and (visit.now - receipt.at).total_seconds() < 60


async def _close(visit: Visit) -> Response:
    """The notice was read."""
    found = _id(visit)
    if found is not None:
        await visit.write(
            lambda tx: tx.change("close a receipt", id=found, visitor_hash=visit.visitor_hash, at=iso(visit.now))
        )
    back = visit.form.get("back")
    if not _BACK.fullmatch(back) or back.startswith(("//", "/requests/sent")):
        back = "/requests" if visit.session is not None else "/"
    return visit.to(back)


async def _correct(visit: Visit) -> Response:
    """The form for the right address."""
    receipt = _receipt(visit)
    return visit.missing() if receipt is None else _address_form(visit, receipt, 200)


async def _corrected(visit: Visit) -> Response:
    """The request is the right address's from now on, and the wrong one has no place in it any more."""
    receipt = _receipt(visit)
    if receipt is None:
        return visit.missing()
    settler, now = visit.site.settler(), visit.now
    typed = visit.form.get("meant") or visit.form.get("address")
    found = slips.look(typed, settler.directory)
    is_said = visit.form.get("sure") == found.cleaned
    if found.kind != "good" or (found.nearest and not is_said):
        return _address_form(visit, receipt, 422, found.cleaned, found.kind, found.nearest or "")

    def write(tx: Tx) -> bool:
        return correcting.correct(tx, settler, receipt.id, visit.visitor_hash, found.cleaned, visit.language, now)

    await visit.write(write)
    visit.site.wake_relay()
    return visit.to("/requests/sent")


def _address_form(
    visit: Visit, receipt: Receipt, status: int, typed: str = "", error: str = "", nearest: str = ""
) -> Response:
    return visit.page(
        "correct-address.html", status, receipt=receipt, typed=typed, error=error, nearest=nearest, receipts=()
    )


def _id(visit: Visit) -> int | None:
    text = str(visit.request.path_params["id"])
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else None


def _receipt(visit: Visit) -> Receipt | None:
    return next((one for one in visit.receipts if one.id == _id(visit) and one.is_correctable), None)


PAGES = (
    Page("GET", "/requests/sent", "anyone", _sent),
    Page("POST", "/requests/sent/{id}/close", "anyone", _close),
    Page("GET", "/requests/sent/{id}/address", "anyone", _correct),
    Page("POST", "/requests/sent/{id}/address", "anyone", _corrected),
)
