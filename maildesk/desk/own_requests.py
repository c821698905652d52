"""A person's own requests: what of each they may read, and what of that matches words. Pure; the store gives the rows.

A request is its requester's, and that of each customer who takes part and was not removed: store/history.py asks so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from maildesk.desk.asking import folded
from maildesk.desk.model import Entry, Listed, Participant, State
from maildesk.desk.outgoing import kept_text
from maildesk.desk.participants import NOT_THEIRS, had
from maildesk.mail.address import same

# Nobody has proved that whoever stands there wrote it.
UNPROVED = NOT_THEIRS | {"unverified"}
_EXCERPT_CHARS = 160
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request of somebody's. reader: the customer of it that they are; changed_at: of the last thing that was said.

    is_doubtful: nobody has proved that its first entry, whose subject it has, is by whom it claims. is_shared: it is read as
    one of their organisation's, in which they take no part themselves.
    """

    ticket_id: int
    number: int
    subject: str
    state: State
    mailbox: str
    reader: Participant
    changed_at: datetime
    is_doubtful: bool = False
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """Something said on a request. is_owned: its author has said on a page that it was them."""

    request: OwnRequest
    entry: Entry
    subject: str = ""
    files: tuple[Listed, ...] = ()
    is_owned: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What the store has for an asker. answered: how often they were answered of late; count: all of their requests.

    requests: the newest of them; the one that was asked for; those that entries are of. entries: of those, oldest first.
    """

    answered: int
    requests: tuple[OwnRequest, ...] = ()
    count: int = 0
    entries: tuple[OwnEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A request as a letter names it to whose it is. at: of the last thing that was said.

    subject: "" where nobody has proved that it is theirs. address: answers to it are its next entry, "" where it has none.
    excerpt: a piece of what was found.
    """

    number: int
    subject: str
    state: State
    at: datetime
    address: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something said on a request as its customer reads it. author: a name, "" for none.

    is_kept: not shown, for nobody has proved that they wrote it. is_cut: the rest stands in the attached file.
    """

    author: str
    at: datetime
    text: str
    files: tuple[Listed, ...] = ()
    is_kept: bool = False
    is_cut: bool = False


# "kept": it is not proved to be theirs; "no": it is nothing for them.
Reading = Literal["yes", "kept", "no"]


def reading(own: OwnEntry) -> Reading:
    """Whether an entry may be read by the one whose request it is on. Notes and events never are."""
    entry, reader = own.entry, own.request.reader
    if entry.kind not in ("customer", "agent"):
        return "no"
    is_proved = entry.kind == "agent" or own.is_owned or not UNPROVED & set(entry.flags)
    if not is_proved:
        claimed = entry.author.address if entry.author else ""
        return "kept" if _is(reader, claimed) and not own.request.is_shared else "no"
    if reader.reach == "limited" and not had((entry,), reader) and not (own.is_owned and _is_by(reader, entry)):
        return "no"
    if entry.kind == "customer" and not _is_by(reader, entry):
        # A machine's mail, as an absence notice, is told to nobody but its owner.
        return "no" if entry.author is None or "automatic" in entry.flags else "yes"
    return "yes"


def _is_by(reader: Participant, entry: Entry) -> bool:
    return entry.author is not None and _is(reader, entry.author.address)


def _is(reader: Participant, address: str) -> bool:
    return same(reader.person.address, address)


def files_of(own: OwnEntry) -> tuple[Listed, ...]:
    """The files of an entry that its reader has: answers go to limited readers without theirs."""
    return () if own.entry.kind == "agent" and own.request.reader.reach == "limited" else own.files


def text_of(own: OwnEntry, others: Iterable[OwnEntry] = ()) -> str:
    """An entry's words as its reader may have them; others: of the same request, whose lines an answer may quote.

    What an agent quoted is kept for all of the answer's readers together, and each had only what was theirs.
    """
    if own.entry.kind != "agent":
        return own.entry.text.strip()
    return kept_text(own.entry.text, (one.entry for one in others if reading(one) == "yes")).strip()


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that holds words, how many of them, and the place."""

    own: OwnEntry
    words: int
    excerpt: str


def matches(entries: Iterable[OwnEntry], words: tuple[str, ...]) -> tuple[Match, ...]:
    """The best entry of each request, best first: most of the words, then the newest.

    Only what may be read is looked at: the index knows more, and whoever searches must not learn it.
    """
    best: dict[int, Match] = {}
    for own in entries:
        found = _match(own, words) if reading(own) == "yes" else None
        if found is None:
            continue
        known = best.get(own.request.ticket_id)
        if known is None or _rank(known) < _rank(found):
            best[own.request.ticket_id] = found
    return tuple(sorted(best.values(), key=_rank, reverse=True))


def _rank(match: Match) -> tuple[int, int]:
    return match.words, match.own.entry.id


def _match(own: OwnEntry, words: tuple[str, ...]) -> Match | None:
    entry = own.entry
    is_own = entry.kind == "customer" and _is_by(own.request.reader, entry)
    # What an agent sent may quote a notice, with notes in it; what people wrote themselves they have.
    text = entry.full_text if is_own and entry.full_text else text_of(own)
    subject = own.subject if entry.kind == "customer" else ""
    everything = " ".join((subject, text, *(file.name for file in files_of(own))))
    there = {folded(word) for word in _WORD.findall(everything)}
    asked = {folded(word) for word in words}
    found = asked & there
    return Match(own, len(found), excerpt(text, found)) if found else None


def excerpt(text: str, words: set[str]) -> str:
    """A piece of the text on one line with the first of the words in it; its beginning where none stands there."""
    line = " ".join(text.split())
    at = next((m.start() for m in _WORD.finditer(line) if folded(m.group()) in words), 0)
    start = line.rfind(" ", 0, max(0, at - _EXCERPT_CHARS // 4)) + 1
    end = start + _EXCERPT_CHARS
    if end < len(line):
        end = max(line.rfind(" ", at, end), start + _EXCERPT_CHARS // 2)
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"
