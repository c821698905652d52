"""Signing in by a link or a code that was mailed: nothing else proves an address, and no password is kept.

A GET changes nothing, so that programs which look at links cannot use them up; whether an address is known here is never said.
"""

from __future__ import annotations

import re
import secrets

from starlette.responses import Response

from maildesk import log
from maildesk.clock import iso
from maildesk.desk import slips
from maildesk.mail.compose import safe_header
from maildesk.store import accounts, own
from maildesk.store.accounts import SESSION_FOR, Kind, SignIn
from maildesk.store.sqlite import Tx
from maildesk.web.brakes import CODES, SIGN_INS
from maildesk.web.cookies import forget_all, set_cookie
from maildesk.web.visit import Page, Visit
from maildesk.web.visitor import cookie, digest, network_of, new_secret

MAX_NAME_CHARS = 100
# Where somebody may be led after signing in: a page of ours, never another site's.
_NEXT = re.compile(r"/[a-z0-9/-]{0,200}", re.ASCII)
_LINK_MINUTES = int(accounts.LINK_FOR.total_seconds()) // 60


async def _ask(visit: Visit) -> Response:
    """The form that asks for an address; with a name for people who come for the first time."""
    return _form(visit, 200, visit.request.query_params.get("next", ""))


async def _sent(visit: Visit) -> Response:
    """The same for everybody: a mail is on its way, if the address can get one."""
    return visit.page("sign-in-sent.html", minutes=_LINK_MINUTES, error="")


async def _send(visit: Visit) -> Response:
    """A link and a code, mailed; the answer does not depend on whose the address is."""
    found = slips.look(visit.form.get("address"), visit.site.settler().directory)
    network = network_of(visit.peer)
    if visit.site.brakes.is_over(SIGN_INS, network):
        return visit.page("trouble.html", 429, kind="often")
    if found.kind in ("missing", "malformed"):
        return _form(visit, 422, visit.form.get("next"), found.kind)
    visit.site.brakes.count(SIGN_INS, network)
    await begin(visit, "sign-in", found.cleaned, visit.form.get("name"), visit.form.get("next"))
    return visit.to("/sign-in/sent")


def _form(visit: Visit, status: int, next_path: str, error: str = "") -> Response:
    typed = {"address": visit.form.get("address"), "name": visit.form.get("name")}
    again = visit.request.query_params.get("again", "")
    if again and visit.session is not None:
        typed["address"] = visit.session.address
    is_new = visit.request.url.path.endswith("/sign-up")
    return visit.page(
        "sign-in.html", status, typed=typed, next=_safe(next_path), error=error, is_new=is_new, is_again=bool(again)
    )


async def begin(visit: Visit, kind: Kind, address: str, name: str, next_path: str) -> None:
    """Write down a link and a code for an address, and mail them where budgets and the address allow it."""
    secret, code, now = new_secret(), f"{secrets.randbelow(1_000_000):06}", visit.now
    visit.token()
    settler = visit.site.settler()
    account = visit.session.account_id if kind == "address" and visit.session is not None else None

    def write(tx: Tx) -> bool:
        is_sent = accounts.begin(
            tx,
            kind,
            address,
            is_ours=settler.directory.is_own(address),
            account_id=account,
            name=safe_header(name)[:MAX_NAME_CHARS],
            language=visit.language,
            next_path=_safe(next_path),
            visitor_hash=visit.visitor_hash,
            link_hash=digest(secret),
            code_hash=digest(f"{visit.visitor}/{code}"),
            now=now,
        )
        if is_sent:
            notice = "sign-in" if kind == "sign-in" else "add-address"
            link = f"{visit.site.public_url}{visit.url(f'/sign-in/{secret}')}"
            settler.owing.sign_in(tx, notice, address, visit.language, link, code, _LINK_MINUTES, now)
        return is_sent

    if await visit.write(write):
        visit.site.wake_relay()


async def _link(visit: Visit) -> Response:
    """What the link shows: a button. Looking at it uses nothing up."""
    found = await visit.read(lambda tx: accounts.find_link(tx, _hash(visit), visit.now))
    return visit.page("sign-in-link.html", 200 if found else 410, found=found, is_here=_is_here(visit, found))


async def _use_link(visit: Visit) -> Response:
    """The button was pressed."""
    found = await visit.read(lambda tx: accounts.find_link(tx, _hash(visit), visit.now))
    if found is None or not _is_here(visit, found):
        return visit.page("sign-in-link.html", 410, found=found, is_here=_is_here(visit, found))
    return await _enter(visit, found)


async def _use_code(visit: Visit) -> Response:
    """The code was typed, in the browser that asked for it."""
    code, now = "".join(visit.form.get("code").split()), visit.now
    network = network_of(visit.peer)
    if visit.site.brakes.is_over(CODES, network):
        return visit.page("trouble.html", 429, kind="often")
    visit.site.brakes.count(CODES, network)
    code_hash = digest(f"{visit.visitor}/{code}")
    found = await visit.write(lambda tx: accounts.find_code(tx, visit.visitor_hash, code_hash, now))
    if found is None or not _is_here(visit, found):
        return visit.page("sign-in-sent.html", 422, minutes=_LINK_MINUTES, error="code")
    return await _enter(visit, found)


async def _enter(visit: Visit, found: SignIn) -> Response:
    """A new session, under a new secret; what this browser sent in that name is that person's from now on."""
    secret, now, directory = new_secret(), visit.now, visit.site.settler().directory
    former = visit.session
    device = safe_header(visit.request.headers.get("user-agent", ""))

    def write(tx: Tx) -> int | None:
        account_id = accounts.use(tx, found, now)
        if account_id is None:
            return None
        own.own_what_was_sent(tx, visit.visitor_hash, found.address, account_id, now)
        if found.kind == "address":
            # Another address proves nothing of the session's own: it stays as old as it is.
            return account_id
        if former is not None:
            tx.change("end a session", id=former.id, account_id=former.account_id, at=iso(now))
        is_agent = directory.agent(found.address) is not None
        accounts.open_session(tx, account_id, found.address, digest(secret), device, now, is_agent=is_agent)
        return account_id

    account_id = await visit.write(write)
    if account_id is None:
        return visit.page("sign-in-link.html", 410, found=None, is_here=True)
    log.event("web.signed-in", account=account_id)
    if found.kind == "address":
        return visit.to("/account")
    response = visit.to(_safe(found.next) or "/requests")
    set_cookie(visit, response, "session", secret, int(SESSION_FOR.total_seconds()))
    return response


async def _leave(visit: Visit) -> Response:
    """Signing out; nobody signed in is signed out already."""
    session = visit.session
    if session is not None:
        await visit.write(
            lambda tx: tx.change("end a session", id=session.id, account_id=session.account_id, at=iso(visit.now))
        )
    response = visit.to("/")
    if cookie(visit.request, visit.site.cookie_name("session")) is not None:
        forget_all(visit, response)
    return response


def _hash(visit: Visit) -> str:
    return digest(str(visit.request.path_params["secret"]))


def _is_here(visit: Visit, found: SignIn | None) -> bool:
    """Whether this browser may use it: an address is added to an account only by whoever is signed in to it.

    Otherwise somebody's press on a link could give their requests to a stranger who had typed their address.
    """
    if found is None or found.kind == "sign-in":
        return True
    return visit.session is not None and visit.session.account_id == found.account_id


def _safe(path: str) -> str:
    return path if _NEXT.fullmatch(path) and not path.startswith("//") else ""


PAGES = (
    Page("GET", "/sign-in", "anyone", _ask),
    Page("GET", "/sign-up", "anyone", _ask),
    Page("POST", "/sign-in", "anyone", _send),
    Page("POST", "/sign-up", "anyone", _send),
    Page("GET", "/sign-in/sent", "anyone", _sent),
    Page("POST", "/sign-in/code", "anyone", _use_code),
    Page("POST", "/sign-out", "anyone", _leave),
    Page("GET", "/sign-in/{secret}", "anyone", _link),
    Page("POST", "/sign-in/{secret}", "anyone", _use_link),
)
