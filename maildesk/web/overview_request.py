"""One ticket for an agent to read, where [web] agents_read allows it. Text alone, and nothing can be done here: work is mail."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from maildesk import log
from maildesk.desk.model import Entry, Flag, Ticket
from maildesk.mail.model import Person
from maildesk.store.entries import list_files
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import File, find_ticket_by_number, list_entries
from maildesk.web.brakes import READS
from maildesk.web.overview import agent_of, is_number, name_of, sees, state_words
from maildesk.web.visit import Page, Visit

# More of one ticket, or of one mail, than somebody reads on a page; the command shows all.
_MOST_ENTRIES = 200
_MOST_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry as the page shows it. rest: what its mail held beside the new words, "" for nothing. cut: not all of it."""

    entry: Entry
    author: str
    address: str
    text: str
    rest: str
    cut: bool
    flags: tuple[str, ...]
    files: tuple[File, ...]


async def _request(visit: Visit) -> Response:
    directory, agent = agent_of(visit)
    number, web = visit.request.path_params["number"], directory.config.web
    if web is None or not web.agents_read or not is_number(number):
        return visit.missing()
    reader = str(visit.who.account_id)
    if visit.site.brakes.is_over(READS, reader):
        log.warning("web.reads-much", account=reader)
        return visit.page("trouble.html", 429, kind="often")

    def look(tx: Tx) -> tuple[Ticket, list[tuple[Entry, tuple[File, ...]]]] | None:
        ticket = find_ticket_by_number(tx, int(number))
        if ticket is None or not sees(directory, agent, ticket.mailbox):
            return None
        entries = list_entries(tx, ticket.id, _MOST_ENTRIES + 1)
        return ticket, [(entry, list_files(tx, entry.id)) for entry in reversed(entries)]

    found = await visit.read(look)
    if found is None:
        return visit.missing()
    ticket, entries = found
    # Whoever reads people's mail leaves a line.
    log.event("web.read", ticket=ticket.number, account=reader)
    visit.site.brakes.count(READS, reader)
    flags = _flag_words(visit)
    return visit.page(
        "overview_request.html",
        ticket=ticket,
        states=state_words(visit),
        assignee=name_of(directory, ticket.assignee) if ticket.assignee else "",
        said=[_shown(visit, entry, files, flags) for entry, files in entries[-_MOST_ENTRIES:]],
        is_cut=len(entries) > _MOST_ENTRIES,
    )


def _shown(visit: Visit, entry: Entry, files: tuple[File, ...], flags: dict[Flag, str]) -> Shown:
    # What stands in the mail beside what was written now: quotes and signature. Events and notes have nothing else.
    rest = entry.full_text if entry.full_text.strip() != entry.text.strip() else ""
    return Shown(
        entry,
        _author(visit, entry),
        entry.author.address if entry.author else "",
        entry.text[:_MOST_CHARS],
        rest[:_MOST_CHARS],
        max(len(entry.text), len(rest)) > _MOST_CHARS,
        tuple(words for flag, words in flags.items() if flag in entry.flags),
        files,
    )


def _author(visit: Visit, entry: Entry) -> str:
    match entry.author:
        case Person():
            return entry.author.name or entry.author.address
        case None if entry.kind == "event":
            return visit.site.config.desk.name
        case None:
            return visit.gettext("Nobody who could be believed")


def _flag_words(visit: Visit) -> dict[Flag, str]:
    """What each flag means, for whoever reads the entry."""
    return {
        "unverified": visit.gettext("Nothing proves that this address wrote it."),
        "automatic": visit.gettext("A machine wrote it."),
        "stranger": visit.gettext("From somebody who was not part of this ticket."),
        "former": visit.gettext("From somebody who is no longer part of this ticket."),
        "agent-unverified": visit.gettext("From an agent's address, and not proved to be theirs."),
        "ambiguous-author": visit.gettext("It does not name exactly one author, so nobody is believed."),
        "by-subject": visit.gettext("Only the number in its subject connects it with this ticket."),
        "auth-fail": visit.gettext("The author's domain says that it is forged."),
    }


PAGES = (Page("GET", "/overview/requests/{number}", "agent", _request),)
