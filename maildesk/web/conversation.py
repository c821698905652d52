"""A request's conversation as its customer reads it: what each entry shows of itself, newest first. Writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from maildesk.desk.directory import Directory
from maildesk.desk.outgoing import kept_lines, lines_of
from maildesk.desk.own_requests import OwnEntry, OwnRequest, reading
from maildesk.mail import address as addresses
from maildesk.mail.model import Mail
from maildesk.store import history
from maildesk.store.sqlite import Row, Tx
from maildesk.store.tickets import integer, text
from maildesk.web.mails import SMALL_BYTES, Mails
from maildesk.web.organisation import shown_name

# So many entries are shown with their formatting; older ones as text.
_FORMATTED = 5
_MOST_CHARS = 60_000
# Enough of a long conversation to read on one page; the newest. Of those beyond so many characters the beginning.
_MOST_ENTRIES = 300
_PAGE_CHARS = 240_000
_BEGINNING_CHARS = 400
# The one form that shown.py gives them; in the text of a mail anything may stand behind such words.
_CID = re.compile(r'src="cid:([0-9a-f]{32}@picture)"')


@dataclass(frozen=True, slots=True)
class File:
    """A file of an entry; url: where it is downloaded."""

    name: str
    size_bytes: int
    url: str


@dataclass(frozen=True, slots=True)
class Said:
    """One entry. author: "" for the reader themself, None for somebody whose name they do not know.

    html: the words with their formatting, None where text says it. doubt: "" or, in the reader's name and not proved, "ask"
    (was it you?) or "no" (they said that it was not).
    """

    id: int
    kind: str
    author: str | None
    at: datetime
    text: str
    rest: str
    html: Markup | None
    files: tuple[File, ...]
    doubt: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request with what its customer may see, newest first. undelivered: our letters to them came back."""

    own: OwnRequest
    is_requester: bool
    said: tuple[Said, ...]
    undelivered: str


@dataclass(frozen=True, slots=True)
class _Found:
    own: OwnRequest
    entries: tuple[OwnEntry, ...]
    files: dict[int, list[Row]]
    mails: dict[int, tuple[int, int]]
    words: dict[int, bool]
    requester: str
    undelivered: str
    # The lines that the reader has, where an answer may quote some.
    lines: Set[str]


def _look(tx: Tx, asker: history.Asker, number: int) -> _Found | None:
    own = history.find_seen(tx, asker, number)
    if own is None:
        return None
    ticket = tx.find("ticket by id", id=own.ticket_id)
    entries = history.list_said(tx, own)[-_MOST_ENTRIES:]
    files, mails, words = {}, {}, {}
    for one in entries:
        files[one.entry.id] = tx.list("attachments of an entry", entry_id=one.entry.id)
        said = tx.find("word on an entry", entry_id=one.entry.id)
        if said is not None:
            words[one.entry.id] = bool(said["is_theirs"])
    for one in [e for e in reversed(entries) if e.entry.kind == "customer"][:_FORMATTED]:
        row = tx.find("entry with the size of its mail", id=one.entry.id)
        if row is not None and row["derived"] == "mail" and integer(row["size"]) <= SMALL_BYTES:
            mails[one.entry.id] = (integer(row["mail_id"]), integer(row["size"]))
    lost = tx.find(
        "letter that did not arrive", ticket_id=own.ticket_id, recipient_key=addresses.key(own.reader.person.address)
    )
    requester = text(ticket["requester_address"]) if ticket is not None else ""
    undelivered = text(lost["recipient"]) if lost else ""
    is_quoting = any(one.entry.kind == "agent" and ">" in one.entry.text for one in entries)
    lines = lines_of(one.entry for one in entries if reading(one) == "yes") if is_quoting else frozenset[str]()
    return _Found(own, entries, files, mails, words, requester, undelivered, lines)


async def converse(
    read: Callable[[Callable[[Tx], _Found | None]], object],
    mails: Mails,
    directory: Directory,
    url: Callable[[str], str],
    asker: history.Asker,
    number: int,
) -> Conversation | None:
    """The conversation of a request that the asker may read; None where they may not, or there is none."""
    found = await read(lambda tx: _look(tx, asker, number))  # type: ignore[misc]
    if not isinstance(found, _Found):
        return None
    base = url(f"/requests/{number}")
    said: list[Said] = []
    room = _PAGE_CHARS
    for own in reversed(found.entries):
        may = reading(own)
        if may == "no":
            continue
        html = None
        if may == "yes" and own.entry.id in found.mails:
            mail = await mails.understood(*found.mails[own.entry.id])
            html = _formatted(mail, own, base) if mail is not None else None
        one = _said(found, own, may, html, directory, base)
        # Each line costs: a page as long as somebody likes would hold up everybody's.
        said.append(one if room > 0 else replace(one, text=_beginning(one.text), rest=""))
        room -= len(one.rest) + (len(one.text) if html is None else 0)
    is_requester = not found.own.is_shared and addresses.same(found.requester, found.own.reader.person.address)
    return Conversation(found.own, is_requester, tuple(said), found.undelivered)


def _beginning(words: str) -> str:
    return words if len(words) <= _BEGINNING_CHARS else f"{words[:_BEGINNING_CHARS].rstrip()} …"


def _said(found: _Found, own: OwnEntry, may: str, html: Markup | None, directory: Directory, base: str) -> Said:
    entry, reader, author = own.entry, own.request.reader, _author(own, directory)
    is_limited = entry.kind == "agent" and reader.reach == "limited"
    files = [] if is_limited or may != "yes" else found.files[entry.id]
    # What a mail quotes names others by their addresses.
    has_rest = entry.kind == "customer" and author == "" and entry.full_text.strip() != entry.text.strip()
    rest = entry.full_text if has_rest else ""
    # What an agent quoted is kept for all readers of the answer together, and each had only what was theirs.
    words = kept_lines(entry.text, found.lines) if entry.kind == "agent" else entry.text
    doubt = "" if may == "yes" else "no" if found.words.get(entry.id) is False else "ask"
    return Said(
        entry.id,
        entry.kind,
        author,
        entry.at,
        words.strip()[:_MOST_CHARS],
        rest.strip()[:_MOST_CHARS] if may == "yes" else "",
        html,
        tuple(
            File(
                text(row["name"]),
                integer(row["size"]),
                f"{base}/files/{key_of(row)}/{quote(text(row['name']), safe='')}",
            )
            for row in files
            # A letter of ours that an agent attached did not go along.
            if entry.kind == "customer" or row["type"] != "message/rfc822"
        ),
        doubt,
    )


def _author(own: OwnEntry, directory: Directory) -> str | None:
    """How the reader knows the author: agents, and colleagues, by name alone; "" for the reader themself."""
    entry = own.entry
    if entry.kind == "agent":
        agent = directory.agent(entry.author.address) if entry.author else None
        return directory.agent_name(agent) if agent else (entry.author.name if entry.author else "") or directory.name
    if entry.author is None or addresses.same(entry.author.address, own.request.reader.person.address):
        return ""
    return shown_name(entry.author.name) or None


def key_of(row: Row) -> str:
    """A file's name in an address: its row, and enough of its digest that nobody counts through them."""
    return f"{integer(row['id'])}-{text(row['sha256'])[:32]}"


def _formatted(mail: Mail, own: OwnEntry, base: str) -> Markup | None:
    """The entry's words as safe HTML, its pictures from our own pages; None where it is another text than the entry's."""
    if mail.shown is None or mail.text.strip() != own.entry.text.strip():
        return None
    places = {picture.content_id: picture.place for picture in mail.shown.pictures}

    def ours(match: re.Match[str]) -> str:
        place = places.get(match[1])
        return f'src="{base}/pictures/{own.entry.id}-{place}" loading="lazy"' if place is not None else 'src=""'

    # shown.py made it, and nh3 had the last hand on it; only the pictures' addresses are changed.
    return Markup(_CID.sub(ours, mail.shown.html))  # noqa: S704
