"""The request form: what was typed becomes a mail and takes the one way in; the page says so at once.

Nothing typed is ever lost: what is wrong is said beside its field, with everything else as it was, files included.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import HTMLResponse, Response

from maildesk import log
from maildesk.clock import iso
from maildesk.config import Mailbox
from maildesk.desk import slips
from maildesk.errors import MaildeskError, NotComposable, TooLarge
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose, safe_header
from maildesk.mail.model import Attachment, Envelope
from maildesk.store.sqlite import Tx
from maildesk.web import keeping
from maildesk.web.brakes import REQUESTS
from maildesk.web.keeping import Kept
from maildesk.web.uploads import TOO_LARGE
from maildesk.web.visit import Page, Visit
from maildesk.web.visitor import digest, network_of, new_secret

MAX_SUBJECT_CHARS = 200
MAX_NAME_CHARS = 100
# The page waits so long for the number; later it says that the number comes by mail.
NUMBER_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form's fields. submission: the form's own secret, by which two presses are one request."""

    address: str = ""
    name: str = ""
    subject: str = ""
    description: str = ""
    mailbox: str = ""
    submission: str = ""
    kept: tuple[Kept, ...] = ()


class AlreadySent(MaildeskError):
    """The same form was sent before."""


async def _empty(visit: Visit) -> Response:
    """The form, with what is known of whoever signed in."""
    who = visit.session
    typed = Typed(
        address=who.address if who else "",
        name=who.name if who else "",
        subject=visit.request.query_params.get("subject", "")[:MAX_SUBJECT_CHARS],
        mailbox=visit.request.query_params.get("mailbox", ""),
        submission=new_secret(),
    )
    return _form(visit, typed, {}, 200)


async def _lapsed(visit: Visit) -> Response:
    """The form stood open for so long that its browser forgot us: all of it once more, and a press sends it."""
    typed = await _typed(visit)
    return _form(
        visit, typed, {"form": visit.gettext("The form was open for too long. Please send it once more.")}, 403
    )


async def _send(visit: Visit) -> Response:
    """The request, or the form with what is wrong."""
    typed = await _typed(visit)
    errors, nearest = _wrong(visit, typed)
    if errors or nearest:
        return _form(visit, typed, errors, 422, nearest)
    counted = network_of(visit.peer) if visit.session is None else f"account {visit.session.account_id}"
    if visit.site.brakes.is_over(REQUESTS, counted):
        text = visit.gettext(
            "Very many requests came from your network. Please try again in an hour, or write us a mail."
        )
        return _form(visit, typed, {"form": text}, 429)
    visit.site.brakes.count(REQUESTS, counted)
    try:
        await _accept(visit, typed)
    except AlreadySent:
        log.event("web.sent-twice")
    except NotComposable:
        return _form(visit, typed, {"address": visit.gettext("We cannot write to this address.")}, 422)
    except TooLarge:
        text = visit.gettext("The files are too large together. Please send fewer or smaller ones.")
        return _form(visit, typed, {"attachments": text}, 413)
    except MaildeskError as error:
        log.failure("web.not-accepted", error)
        text = visit.gettext(
            "We could not take it just now; the fault is ours. Nothing is lost: please press the button again."
        )
        return _form(visit, typed, {"form": text}, error.reply.http)
    await keeping.forget(visit, typed.kept)
    return visit.to("/requests/sent")


async def _typed(visit: Visit) -> Typed:
    """What was typed; files that came along are kept until the request is sent, whatever else is wrong with it."""
    form, who = visit.form, visit.session
    address = form.get("meant") or form.get("address")
    if who is not None and not any(addresses.same(address, mine) for mine in who.addresses):
        address = who.address
    visit.token()
    return Typed(
        address=address,
        name=safe_header(form.get("name"))[:MAX_NAME_CHARS],
        subject=safe_header(form.get("subject"))[:MAX_SUBJECT_CHARS],
        description=form.get("description"),
        mailbox=form.get("mailbox"),
        submission=form.get("submission")[:100] or new_secret(),
        kept=await keeping.kept_of(visit),
    )


def _wrong(visit: Visit, typed: Typed) -> tuple[dict[str, str], str]:
    """What is wrong, by field, in the visit's language; and the address that was perhaps meant, "" for none."""
    errors: dict[str, str] = {}
    found = slips.look(typed.address, visit.site.settler().directory)
    if found.kind == "missing":
        errors["address"] = visit.gettext("Please enter your email address.")
    elif found.kind == "malformed":
        errors["address"] = visit.gettext("This is not an email address. It should look like name@example.com.")
    elif found.kind == "ours":
        errors["address"] = visit.gettext("This is our own address. Please enter yours, so that we can answer you.")
    if not typed.subject:
        errors["subject"] = visit.gettext("Please say in a few words what it is about.")
    if not typed.description.strip():
        errors["description"] = visit.gettext("Please describe your request.")
    refused = visit.form.refused
    if refused:
        is_large = any(reason == TOO_LARGE for _, reason in refused)
        names = ", ".join(dict.fromkeys(name for name, _ in refused))
        text = visit.gettext("Too large, all files together may have 25 MB: %(names)s") if is_large else ""
        text = text or visit.gettext("At most ten files can go along; not taken: %(names)s")
        errors["attachments"] = text % {"names": names}
    # Said once: whoever sends it again unchanged means what they typed, where that is an address at all.
    is_said = visit.session is not None or (found.kind == "good" and visit.form.get("sure") == found.cleaned)
    return errors, "" if is_said else found.nearest or ""


def _form(visit: Visit, typed: Typed, errors: dict[str, str], status: int, nearest: str = "") -> Response:
    directory = visit.site.settler().directory
    mailboxes = [(box.address, directory.mailbox_name(box)) for box in directory.config.mailbox]
    return visit.page("new-request.html", status, typed=typed, errors=errors, nearest=nearest, mailboxes=mailboxes)


def _mailbox(visit: Visit, typed: Typed) -> Mailbox:
    config = visit.site.config
    return next((box for box in config.mailbox if box.address == typed.mailbox), config.mailbox[0])


async def _accept(visit: Visit, typed: Typed) -> None:
    """The mail that the form is, on disk; returns when its number is known, or after some seconds."""
    directory, now = visit.site.settler().directory, visit.now
    mailbox = _mailbox(visit, typed)
    address = slips.look(typed.address, directory).cleaned
    proof = None
    if visit.session is not None:
        proof = next((mine for mine in visit.session.addresses if addresses.same(mine, address)), None)
    submission = digest(typed.submission)
    raw = await asyncio.to_thread(
        _written, typed, address, mailbox.address, directory.keyring.desk_id, visit.language, now
    )
    envelope = Envelope("web", visit.peer, address, (mailbox.address,), now, proof=proof)
    visitor = visit.visitor_hash

    def note(tx: Tx, mails: tuple[int, ...]) -> None:
        if tx.find("request by its submission", submission_hash=submission) is not None:
            raise AlreadySent("The request was sent before.")
        tx.add(
            "request from the form",
            submission_hash=submission,
            visitor_hash=visitor,
            mail_id=mails[0],
            address=address,
            proved=int(proof is not None),
            language=visit.language,
            at=iso(now),
        )

    mails = await visit.site.inbox.accept(raw, envelope, note)
    del raw
    await visit.site.settled(mails[0], NUMBER_WITHIN_S)


def _written(typed: Typed, address: str, mailbox: str, desk_id: str, language: str, now: datetime) -> bytes:
    """The mail, as the person would have written it themselves."""
    files = tuple(Attachment(one.upload.name, one.upload.type, one.upload.path.read_bytes()) for one in typed.kept)
    return compose(
        Outgoing(
            from_name=typed.name,
            from_address=address,
            to=mailbox,
            subject=typed.subject,
            # A kind of its own, unsigned: it is the person's mail and proves nothing.
            message_id=f"<w.{secrets.token_hex(16)}@{desk_id}>",
            date=now,
            text=typed.description,
            desk_id="",
            content_language=language,
            attachments=files,
        )
    )


async def _check(visit: Visit) -> Response:
    """The address as it is typed, for the script of the page: a piece of HTML, empty where all is well."""
    found = slips.look(visit.request.query_params.get("address", "")[:300], visit.site.settler().directory)
    text = ""
    if found.kind == "malformed":
        text = visit.gettext("This is not an email address. It should look like name@example.com.")
    elif found.kind == "ours":
        text = visit.gettext("This is our own address. Please enter yours, so that we can answer you.")
    values = {"text": text, "nearest": found.nearest or ""}
    return HTMLResponse(visit.site.pages().render("address-check.html", visit.language, values))


PAGES = (
    Page("GET", "/requests/new", "anyone", _empty),
    Page("POST", "/requests/new", "anyone", _send, takes_files=True, refused=_lapsed),
    Page("GET", "/requests/address", "anyone", _check),
)
