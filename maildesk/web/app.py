"""From a request to a page of the table: language, browser, session, the form's token; and the same headers on each answer.

Knows no page by name. What a page may be asked stands in its row.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maildesk import clock, log
from maildesk.errors import DiskNearlyFull, MaildeskError, TooLarge
from maildesk.store import accounts
from maildesk.store.sqlite import Tx
from maildesk.web.brakes import MISSES
from maildesk.web.cookies import set_cookie
from maildesk.web.receipts import Receipt, list_receipts
from maildesk.web.table import PAGES
from maildesk.web.uploads import FIELDS, FILES, read_form
from maildesk.web.visit import Page, Site, Visit
from maildesk.web.visitor import VISITOR_FOR_S, Session, cookie, digest, is_form_token, is_ours, peer_of

HEADERS = (
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Not "no-referrer": with that a browser sends "Origin: null" along with our own forms (Fetch, 3.1).
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
BARE_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def build(site: Site, monitors: Iterable[BaseRoute]) -> ASGIApp:
    """The application: the monitors' pages, the static files, and the table of pages."""

    async def root(request: Request) -> Response:
        return RedirectResponse(f"/{_preferred(request, site.pages().languages)}/", 302)

    async def static(request: Request) -> Response:
        found = site.pages().static.get(request.url.path)
        if found is None:
            return PlainTextResponse("Not found\n", 404)
        # Its name changes with its content.
        return Response(
            found.content, media_type=found.type, headers={"cache-control": "public, max-age=31536000, immutable"}
        )

    async def missing(request: Request, _error: Exception) -> Response:
        language = request.url.path.split("/")[1]
        if language not in site.pages().languages:
            return PlainTextResponse("Not found\n", 404)
        visit = await _visit(site, request, language, "")
        return _with_cookies(visit, visit.missing())

    routes: list[BaseRoute] = [*monitors, Route("/", root), Route("/static/{digest}/{name}", static)]
    routes += [Route(f"/{{language}}{page.path}", _endpoint(site, page), methods=[page.method]) for page in PAGES]
    app = Starlette(routes=routes, exception_handlers={404: missing, 405: missing})
    # An address is right or wrong: a redirect would name the host that the client claims.
    app.router.redirect_slashes = False
    return _with_headers(app, is_secure=lambda: site.is_secure)


def _endpoint(site: Site, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        language = request.path_params["language"]
        if language not in site.pages().languages:
            raise HTTPException(404)
        path = request.url.path.removeprefix(f"/{language}")
        visit = await _visit(site, request, language, path)
        try:
            response = await _shown(visit, page)
        except (HTTPException, asyncio.CancelledError):
            raise
        except ClientDisconnect:
            # Nobody is there to read it.
            response = Response(status_code=400)
        except MaildeskError as error:
            response = visit.page("trouble.html", error.reply.http, kind=_kind_of(error))
        except Exception as error:  # noqa: BLE001 - no fault of ours shows its inside to anybody
            log.failure("web.failed", error, page=page.path)
            response = visit.page("trouble.html", 500, kind="ours")
        finally:
            visit.form.discard()
        return _with_cookies(visit, response)

    return endpoint


async def _shown(visit: Visit, page: Page) -> Response:
    """The page, for those whom it is for."""
    if page.method == "POST" and not is_ours(visit.request, visit.site.public_url):
        return _foreign(visit, page)
    if page.who == "customer" and visit.session is None and page.method == "GET" and "{number}" in page.path:
        # A request is there for its people alone: whoever has not signed in hears of none.
        return visit.missing()
    if page.who != "anyone" and visit.session is None:
        return visit.to("/sign-in", next=visit.path if page.method == "GET" else "")
    # Nobody has files written down here whose form counts for nothing.
    if page.method == "POST":
        folder = visit.site.config.desk.state_dir / "uploads"
        limits = FILES if page.takes_files else FIELDS
        visit.form = await read_form(visit.request, folder, limits, visit.site.inbox.need_room)
        if not is_form_token(visit.visitor, visit.form.get("token")):
            refused = _foreign(visit, page)
            return refused if page.refused is None else await page.refused(visit)
    if page.who == "agent" and (visit.session is None or visit.session.agent is None):
        raise HTTPException(404)
    response = await page.show(visit)
    if response.status_code == 404 and visit.session is not None:
        # Only now, so that a page which is there and one which is not have done the same until here.
        counted = str(visit.session.account_id)
        if visit.site.brakes.is_over(MISSES, counted):
            return visit.page("trouble.html", 429, kind="often")
        visit.site.brakes.count(MISSES, counted)
    return response


def _foreign(visit: Visit, page: Page) -> Response:
    log.event("web.refused", page=page.path, cause="foreign-form")
    return visit.page("trouble.html", 403, kind="foreign")


async def _visit(site: Site, request: Request, language: str, path: str) -> Visit:
    """The request with whoever asks. One read of the store, and none for a browser without cookies."""
    directory, now = site.settler().directory, clock.now()
    assert directory.config.web is not None  # noqa: S101 - the door is open
    visit = Visit(site, request, language, path, peer_of(request, directory.config.web))
    visit.visitor = cookie(request, site.cookie_name("visitor"))
    secret = cookie(request, site.cookie_name("session"))
    if visit.visitor is None and secret is None:
        return visit

    def look(tx: Tx) -> tuple[accounts.Signed | None, tuple[Receipt, ...]]:
        signed = accounts.find_session(tx, digest(secret), now) if secret is not None else None
        return signed, list_receipts(tx, visit.visitor_hash, now) if visit.visitor is not None else ()

    signed, visit.receipts = await visit.read(look)
    if signed is None:
        return visit
    agent = directory.agent(signed.address)
    if agent is not None and now - signed.created_at > accounts.AGENT_SESSION_FOR:
        return visit
    is_fresh = timedelta() <= now - signed.fresh_at < accounts.FRESH_FOR
    visit.session = Session(
        signed.id,
        signed.account_id,
        signed.name,
        signed.language,
        signed.address,
        signed.addresses,
        agent,
        is_fresh,
        signed.seen_at,
    )
    if agent is None and accounts.is_due(signed.seen_at, now):
        await visit.write(lambda tx: accounts.see_session(tx, signed.id, now))
    return visit


def _with_cookies(visit: Visit, response: Response) -> Response:
    if visit.is_new_visitor and visit.visitor is not None:
        set_cookie(visit, response, "visitor", visit.visitor, VISITOR_FOR_S)
    return response


def _preferred(request: Request, languages: tuple[str, ...]) -> str:
    """The language that a browser asks for first among ours (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for place, one in enumerate(request.headers.get("accept-language", "")[:500].split(",")[:20]):
        tag, _, rest = one.strip().lower().partition(";")
        quality = rest.strip().removeprefix("q=")
        weight = float(quality) if re.fullmatch(r"[01](?:\.\d{0,3})?", quality) else 1.0
        if tag.partition("-")[0] in languages and weight > 0:
            wanted.append((-weight, place, tag.partition("-")[0]))
    return min(wanted)[2] if wanted else languages[0]


def _kind_of(error: MaildeskError) -> str:
    if isinstance(error, TooLarge):
        return "large"
    if isinstance(error, DiskNearlyFull):
        return "full"
    return "wrong" if 400 <= error.reply.http < 500 else "ours"


def _with_headers(app: ASGIApp, *, is_secure: Callable[[], bool]) -> ASGIApp:
    """The application with the same headers on each answer, errors included."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name for name, _ in headers}
                is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers)
                headers += HEADERS
                if b"cache-control" not in given:
                    headers.append((b"cache-control", b"no-store"))
                if b"content-security-policy" not in given:
                    headers.append((b"content-security-policy", PAGE_POLICY if is_page else BARE_POLICY))
                if is_secure():
                    headers.append((b"strict-transport-security", b"max-age=31536000"))
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped
