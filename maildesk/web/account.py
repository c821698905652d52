"""The account's page: name and language, addresses, sessions, taking one's data along, and leaving.

What counts most needs a fresh proof: whoever found a browser open cannot take the data or give the account away.
"""

from __future__ import annotations

import json
import secrets

from starlette.responses import Response

from maildesk import clock, log
from maildesk.clock import iso
from maildesk.desk import slips
from maildesk.desk.own_requests import OwnRequest, files_of, reading, text_of
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose, safe_header
from maildesk.mail.model import Envelope, Person
from maildesk.store import accounts, history
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, key, text, time
from maildesk.web import sign_in
from maildesk.web.brakes import ADDRESSES, SIGN_INS
from maildesk.web.cookies import forget_all
from maildesk.web.organisation import shown_name
from maildesk.web.sign_in import MAX_NAME_CHARS
from maildesk.web.visit import Page, Visit
from maildesk.web.visitor import Session, network_of

MOST_ADDRESSES = 20
_READ_AT_ONCE = 200


async def _show(visit: Visit) -> Response:
    """Everything that the account is."""
    return await _account(visit, 200)


async def _account(visit: Visit, status: int, **values: object) -> Response:
    who, now = visit.who, visit.now
    rows = await visit.read(lambda tx: tx.list("sessions of an account", account_id=who.account_id, now=iso(now)))
    sessions = [
        {
            "id": integer(row["id"]),
            "device": device_of(text(row["device"])),
            "seen_at": time(row["seen_at"]),
            "is_this": row["id"] == who.id,
        }
        for row in rows
    ]
    given = {
        "sessions": sessions,
        "error": "",
        "typed": "",
        "done": visit.request.query_params.get("done", ""),
    } | values
    return visit.page("account.html", status, **given)


async def _change(visit: Visit) -> Response:
    """Name and language."""
    who = visit.who
    name = safe_header(visit.form.get("name"))[:MAX_NAME_CHARS]
    wanted = visit.form.get("language")
    language = wanted if wanted in visit.site.pages().languages else who.language
    await visit.write(
        lambda tx: tx.change("name and language of an account", id=who.account_id, name=name, language=language)
    )
    visit.language = language
    return visit.to("/account", done="saved")


async def _add_address(visit: Visit) -> Response:
    """One more address: a link goes there, and only this account can use it."""
    who = visit.who
    if not who.is_fresh:
        return _again(visit)
    found = slips.look(visit.form.get("address"), visit.site.settler().directory)
    if found.kind in ("missing", "malformed") or len(who.addresses) >= MOST_ADDRESSES:
        return await _account(visit, 422, error=found.kind, typed=visit.form.get("address"))
    counted, network = str(who.account_id), network_of(visit.peer)
    if visit.site.brakes.is_over(ADDRESSES, counted) or visit.site.brakes.is_over(SIGN_INS, network):
        return visit.page("trouble.html", 429, kind="often")
    visit.site.brakes.count(ADDRESSES, counted)
    visit.site.brakes.count(SIGN_INS, network)
    await sign_in.begin(visit, "address", found.cleaned, "", "/account")
    return visit.to("/sign-in/sent")


async def _drop_address(visit: Visit) -> Response:
    """An address leaves the account; the last one stays, for without it nobody could come back."""
    who, wanted, now = visit.who, visit.form.get("address"), visit.now
    mine = [one for one in who.addresses if key(one) == key(wanted)]
    if mine and len(who.addresses) > 1 and key(wanted) != key(who.address):
        await visit.write(lambda tx: accounts.leave(tx, who.account_id, mine[0], now))
    return visit.to("/account", done="saved")


async def _end_session(visit: Visit) -> Response:
    """Sign out one device, or all others."""
    who, now, wanted = visit.who, visit.now, visit.form.get("session")

    def write(tx: Tx) -> None:
        if wanted == "others":
            tx.change("end the sessions of an account", account_id=who.account_id, at=iso(now), but=who.id)
        elif wanted == "all":
            tx.change("end the sessions of an account", account_id=who.account_id, at=iso(now), but=0)
        elif wanted.isascii() and wanted.isdigit() and len(wanted) < 16:
            tx.change("end a session", id=int(wanted), account_id=who.account_id, at=iso(now))

    await visit.write(write)
    if wanted in ("all", str(who.id)):
        response = visit.to("/")
        forget_all(visit, response)
        return response
    return visit.to("/account", done="ended")


async def _take(visit: Visit) -> Response:
    """Everything that the desk keeps of the account and shows on its pages, as JSON; files by name and size."""
    who = visit.who
    if not who.is_fresh:
        return _again(visit)
    # All of it off the loop: it may be megabytes.
    body = await visit.read(lambda tx: json.dumps(_data(tx, who), ensure_ascii=False, indent=2).encode())
    headers = {
        "content-disposition": 'attachment; filename="my-data.json"',
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return Response(body, media_type="application/json", headers=headers)


def _data(tx: Tx, who: Session) -> dict[str, object]:
    requests, skip = [], 0
    while True:
        page, _ = history.list_own(tx, who.account_id, state="", role="", limit=_READ_AT_ONCE, skip=skip)
        requests += [_request(tx, own) for own in page]
        skip += len(page)
        if len(page) < _READ_AT_ONCE:
            break
    account = {"name": who.name, "language": who.language, "addresses": list(who.addresses)}
    return {"account": account, "requests": requests}


def _request(tx: Tx, own: OwnRequest) -> dict[str, object]:
    said = history.list_said(tx, own)
    entries = [
        {
            "at": clock.iso(one.entry.at),
            "by": "agent" if one.entry.kind == "agent" else _by(own, one.entry.author),
            "text": text_of(one, said),
            "files": [{"name": file.name, "size": file.size_bytes} for file in files_of(one)],
        }
        for one in said
        if reading(one) == "yes"
    ]
    return {"number": own.number, "subject": own.subject, "state": own.state, "entries": entries}


def _by(own: OwnRequest, author: Person | None) -> str | None:
    """An author as the page names them: others by name, never by their address (THREATS T80)."""
    if author is None or addresses.same(author.address, own.reader.person.address):
        return author.address if author else None
    return shown_name(author.name) or None


async def _delete(visit: Visit) -> Response:
    """The account ends. What was written to the desk was mail, and stays with whoever got it until they erase it."""
    who, now = visit.who, visit.now
    if not who.is_fresh:
        return _again(visit)
    if visit.form.get("sure") != "yes":
        return await _account(visit, 422, error="sure")
    if visit.form.get("erase") == "yes":
        await _ask_to_erase(visit, who)
    await visit.write(lambda tx: accounts.delete(tx, who.account_id, now))
    log.event("web.account-deleted", account=who.account_id)
    visit.session, visit.receipts = None, ()
    response = visit.page("account-deleted.html")
    forget_all(visit, response)
    return response


async def _ask_to_erase(visit: Visit, who: Session) -> None:
    """A request to the agents, proved as the account is: what to keep of mail is for people to decide."""
    directory, now = visit.site.settler().directory, visit.now
    mailbox = directory.config.mailbox[0].address
    words = visit.gettext(
        "Please erase everything that I wrote to you from these addresses, and what you keep about me:"
    )
    raw = compose(
        Outgoing(
            from_name=who.name,
            from_address=who.address,
            to=mailbox,
            subject=visit.gettext("Please erase my data"),
            message_id=f"<w.{secrets.token_hex(16)}@{directory.keyring.desk_id}>",
            date=now,
            text="\n".join((words, "", *who.addresses)),
            desk_id="",
            content_language=visit.language,
        )
    )
    await visit.site.inbox.accept(raw, Envelope("web", visit.peer, who.address, (mailbox,), now, proof=who.address))


def _again(visit: Visit) -> Response:
    return visit.to("/sign-in", again="1", next="/account")


def device_of(agent: str) -> str:
    """What a browser says of itself, in two words: "Firefox, Linux"; "" where it says nothing that is known."""
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    found = (next((name for mark, name in table if mark in agent), "") for table in (browsers, systems))
    return ", ".join(filter(None, found))


PAGES = (
    Page("GET", "/account", "customer", _show),
    Page("POST", "/account", "customer", _change),
    Page("POST", "/account/addresses", "customer", _add_address),
    Page("POST", "/account/addresses/remove", "customer", _drop_address),
    Page("POST", "/account/sessions", "customer", _end_session),
    Page("GET", "/account/data", "customer", _take),
    Page("POST", "/account/delete", "customer", _delete),
)
