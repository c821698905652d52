"""One request of whoever signed in: its conversation, and what its customer can do with it. Whatever they do is a mail.

A number that is somebody else's, and one that is nobody's, are looked up and answered alike.
"""

from __future__ import annotations

import re

from starlette.responses import Response

from maildesk.clock import iso
from maildesk.desk.decision import Entered
from maildesk.desk.own_requests import OwnEntry, reading
from maildesk.errors import MaildeskError
from maildesk.mail import address as addresses
from maildesk.mail.model import Person, Wish
from maildesk.store import history, tickets
from maildesk.store.sqlite import Tx
from maildesk.web import keeping
from maildesk.web.brakes import REQUESTS
from maildesk.web.conversation import Conversation, converse
from maildesk.web.organisation import asker_of
from maildesk.web.replying import send_reply
from maildesk.web.states import state_words
from maildesk.web.visit import Page, Visit
from maildesk.web.visitor import new_secret


async def _request(visit: Visit) -> Response:
    """The page."""
    found = await _conversation(visit)
    if found is None:
        return visit.missing()
    return _page(visit, found, 200)


async def _print(visit: Visit) -> Response:
    """All of it unfolded, on paper."""
    found = await _conversation(visit)
    if found is None:
        return visit.missing()
    return visit.page("request-print.html", found=found, states=state_words(visit))


async def _conversation(visit: Visit) -> Conversation | None:
    directory = visit.site.settler().directory
    return await converse(visit.read, visit.site.mails, directory, visit.url, asker_of(visit), number_of(visit))


def number_of(visit: Visit) -> int:
    """The number that the path asks for; 0, which no request has, for what is none."""
    asked = str(visit.request.path_params["number"])
    return int(asked) if re.fullmatch(r"[1-9]\d{0,14}", asked, re.ASCII) else 0


def _page(
    visit: Visit,
    found: Conversation,
    status: int,
    typed: str = "",
    error: str = "",
    kept: tuple[keeping.Kept, ...] = (),
) -> Response:
    done = visit.request.query_params.get("done", "")
    told = {
        "sent": visit.gettext("Your reply has arrived."),
        "solved": visit.gettext("The request is marked as solved."),
        "opened": visit.gettext("The request is open again."),
        "yours": visit.gettext("Thank you. Its links work now."),
        "not-yours": visit.gettext("Thank you. We have noted that it was not you."),
        "follow-up": visit.gettext("That request was closed: this is a new one that names it."),
    }
    return visit.page(
        "request.html",
        status,
        found=found,
        states=state_words(visit),
        typed=typed,
        error=error,
        kept=kept,
        told=told.get(done, ""),
        submission=visit.form.get("submission")[:100] or new_secret(),
    )


async def _reply(visit: Visit) -> Response:
    """A reply, with or without the word that it is done."""
    found = await _conversation(visit)
    if found is None or found.own.is_shared:
        return visit.missing()
    visit.token()
    kept = await keeping.kept_of(visit)
    words = visit.form.get("description")
    wish: Wish = "solve" if visit.form.get("wish") == "solve" and found.is_requester else ""
    if visit.form.refused:
        names = ", ".join(dict.fromkeys(name for name, _ in visit.form.refused))
        text = visit.gettext("At most ten files can go along; not taken: %(names)s") % {"names": names}
        return _page(visit, found, 422, words, text, kept)
    if not words.strip() and not kept:
        return _page(visit, found, 422, words, visit.gettext("Please write something first."), kept)
    return await _sent(visit, found, words, wish, "solved" if wish else "sent", kept)


async def _solve(visit: Visit) -> Response:
    """It is done, without a word."""
    return await _say(visit, visit.gettext("This is solved, thank you."), "solve", "solved")


async def _reopen(visit: Visit) -> Response:
    """It is not done after all."""
    return await _say(visit, visit.gettext("This is not solved: I open it again."), "", "opened")


async def _say(visit: Visit, words: str, wish: Wish, done: str) -> Response:
    found = await _conversation(visit)
    if found is None or not found.is_requester:
        return visit.missing()
    return await _sent(visit, found, words, wish, done)


async def _sent(
    visit: Visit, found: Conversation, words: str, wish: Wish, done: str, kept: tuple[keeping.Kept, ...] = ()
) -> Response:
    counted = f"account {visit.who.account_id}"
    if visit.site.brakes.is_over(REQUESTS, counted):
        text = visit.gettext(
            "Very many requests came from your network. Please try again in an hour, or write us a mail."
        )
        return _page(visit, found, 429, words, text, kept)
    visit.site.brakes.count(REQUESTS, counted)
    try:
        number = await send_reply(visit, found.own, words, wish, tuple(one.upload for one in kept))
    except MaildeskError as error:
        text = visit.gettext(
            "We could not take it just now; the fault is ours. Nothing is lost: please press the button again."
        )
        return _page(visit, found, error.reply.http, words, text, kept)
    await keeping.forget(visit, kept)
    if number is not None and number != found.own.number:
        return visit.to(f"/requests/{number}", done="follow-up")
    return visit.to(f"/requests/{found.own.number}", done=done)


async def _was_it_you(visit: Visit) -> Response:
    """What whoever signed in says of an entry in their name that nobody had proved."""
    who, now, number = visit.who, visit.now, number_of(visit)
    is_theirs, entry = visit.form.get("answer") == "yes", visit.form.get("entry")
    entry_id = int(entry) if re.fullmatch(r"\d{1,15}", entry, re.ASCII) else 0

    def write(tx: Tx) -> tuple[bool, bool] | None:
        own = history.find_own(tx, who.address, number)
        said = history.list_said(tx, own) if own is not None else ()
        doubtful = next((one for one in said if one.entry.id == entry_id and reading(one) == "kept"), None)
        if own is None or doubtful is None:
            return None
        known = tx.find("word on an entry", entry_id=entry_id)
        if known is not None:
            # What was said stays said: pressed again it is no second event.
            return False, bool(known["is_theirs"])
        tx.add("word on an entry", entry_id=entry_id, account_id=who.account_id, is_theirs=int(is_theirs), at=iso(now))
        person = Person(own.reader.person.address, who.name)
        words = "confirmed on the web: I wrote this" if is_theirs else "denied on the web: I did not write this"
        event = Entered("event", person, "", words, words, ())
        tickets.add_entry(tx, own.ticket_id, event, at=now, via="web")
        # What began with a stranger's words, and holds none that are proved theirs, is no request of theirs.
        is_over = not is_theirs and said[0] is doubtful and not any(map(_is_theirs, said))
        if is_over:
            left = addresses.key(own.reader.person.address)
            tx.change("somebody leaves a ticket", ticket_id=own.ticket_id, address_key=left, at=iso(now))
        return is_over, is_theirs

    said = await visit.write(write)
    if said is None:
        return visit.missing()
    if said[0]:
        return visit.to("/requests", done="not-yours")
    return visit.to(f"/requests/{number}", done="yours" if said[1] else "not-yours")


def _is_theirs(own: OwnEntry) -> bool:
    """Whether it is proved that the reader wrote it."""
    author = own.entry.author
    is_by = author is not None and addresses.same(author.address, own.request.reader.person.address)
    return own.entry.kind == "customer" and is_by and reading(own) == "yes"


PAGES = (
    Page("GET", "/requests/{number}", "customer", _request),
    Page("GET", "/requests/{number}/print", "customer", _print),
    Page("POST", "/requests/{number}/reply", "customer", _reply, takes_files=True),
    Page("POST", "/requests/{number}/solve", "customer", _solve),
    Page("POST", "/requests/{number}/reopen", "customer", _reopen),
    Page("POST", "/requests/{number}/was-it-you", "customer", _was_it_you),
)
