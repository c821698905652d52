"""What a person forwarded: in the text (forward.py), as attached mails, or both. Decides who may have written it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz

from maildesk.mail.body import blocks_of
from maildesk.mail.content import content_of
from maildesk.mail.forward import DEPTH, cut, forwarded_in
from maildesk.mail.head import Head, date_of, ids_in, read_head, text_of
from maildesk.mail.inner_author import Named, named_in
from maildesk.mail.language import language_of
from maildesk.mail.limits import monstrous
from maildesk.mail.model import Attachment, Block, Forwarded, Mail, Person
from maildesk.mail.parts import Part, content, name_of, take_apart
from maildesk.mail.people import author_of

# A digest holds hundreds of mails; a person forwards a few.
MAILS = 10
# Of the mails beyond the first so much text is read: what people write in ten mails, and soon done (THREATS, T64).
TEXT_BYTES = 131_072
SUBJECT_CHARS = 1_000
_MAILS = ("message/rfc822", "message/global")
_FILES = ("application/octet-stream", "application/x-eml", "application/eml", "text/plain")


@dataclass(slots=True)
class _Budget:
    """How many attached mails are still opened, and how many bytes of text in those beyond the first."""

    mails: int = MAILS
    text_bytes: int = TEXT_BYTES


@dataclass(frozen=True, slots=True)
class _Inner:
    """One attached mail: what it says of itself, and everybody who may have written it. is_read: its text was opened."""

    author: Person | None
    name: str
    subject: str
    date: datetime | None
    authors: tuple[Person, ...]
    message_ids: tuple[str, ...]
    blocks: tuple[Block, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    is_read: bool = False

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks).strip()


def forward_of(tree: Part, mail: Mail, sent: bytes, languages: tuple[str, ...]) -> Forwarded | None:
    """The mail that this one forwards, None when it forwards none.

    Attached mails come before what the text repeats of them; several are one matter, in the order of their dates.
    sent: the outer Date field, whose zone is that of dates without one.
    """
    in_text = forwarded_in(mail.full_text, mail.subject, mail.date, _zone(sent))
    inner = sorted(
        _attached(tree, _Budget()), key=lambda one: (one.date is None, one.date or datetime.min.replace(tzinfo=UTC))
    )
    if not inner:
        return in_text and replace(
            in_text,
            attachments=mail.attachments,
            blocks=cut(in_text.text),
            language=language_of(in_text.text, languages),
        )
    authors = _each_once(
        person
        for people in (*(one.authors for one in inner), _authors(in_text) if in_text else ())
        for person in people
    )
    text = "\n\n".join(one.text for one in inner if one.text)
    # A mail that was not opened stays what it is, a file.
    is_all = all(one.is_read for one in inner)
    return Forwarded(
        author=inner[0].author,
        subject=inner[0].subject,
        date=inner[0].date,
        text=text,
        name=inner[0].name,
        authors=authors if len(authors) > 1 or inner[0].author is None else (),
        attachments=(
            *(one for mails in inner for one in mails.attachments),
            *(one for one in mail.attachments if not is_all and _is_mail(one.type, one.name)),
        ),
        beside=tuple(one for one in mail.attachments if not _is_mail(one.type, one.name)),
        message_ids=tuple(dict.fromkeys(i for one in inner for i in one.message_ids)),
        blocks=tuple(block for one in inner for block in (*one.blocks, Block("own", ""))),
        above=in_text.above if in_text else mail.text,
        language=language_of(text, languages),
    )


def _authors(forwarded: Forwarded) -> tuple[Person, ...]:
    return forwarded.authors or ((forwarded.author,) if forwarded.author else ())


def _each_once(people: Iterable[Person]) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for person in people:
        known = found.setdefault(person.address.casefold(), person)
        if person.name and not known.name:
            found[person.address.casefold()] = person
    return tuple(found.values())


def _attached(tree: Part, budget: _Budget, depth: int = 0) -> list[_Inner]:
    """The mails attached to a mail, in its order."""
    found: list[_Inner] = []
    for part in tree.walk():
        if part is tree or part.parts or not _is_mail(part.type, name_of(part)) or budget.mails <= 0:
            continue
        one = _read(content(part).lstrip(b"\r\n"), budget, depth)
        found += [one] if one is not None else []
    return found


def _is_mail(kind: str, name: str) -> bool:
    return kind in _MAILS or (kind in _FILES and name.casefold().endswith(".eml"))


def _read(raw: bytes, budget: _Budget, depth: int) -> _Inner | None:
    """One attached mail; None for what is too large to be taken apart, or no mail. Of those inside it who wrote them."""
    is_first, budget.mails = budget.mails == MAILS, budget.mails - 1
    if monstrous(raw):
        return None
    tree = take_apart(raw, read_head(raw))
    head = tree.head
    if not head.first("from") and not head.first("subject"):
        return None
    named, subject, date = _named(head), head.text("subject")[:SUBJECT_CHARS], date_of(head.first("date"))
    author = named.person
    further = _attached(tree, budget, depth + 1) if depth < DEPTH else []
    ids = (*ids_in(head.first("message-id"), bare=True)[:1], *(i for one in further for i in one.message_ids))
    inside = tuple(person for one in further for person in one.authors)
    own = named.candidates
    size = sum(part.end - part.head.body_at for part in tree.walk() if part.type.startswith("text/"))
    if depth or (size > budget.text_bytes and not is_first):
        return _Inner(author, named.name, subject, date, _each_once((*own, *inside)), ids)
    budget.text_bytes -= 0 if is_first else size
    gathered = content_of(tree)
    blocks = blocks_of(gathered.text)
    text = "\n".join(block.text for block in blocks)
    in_text = forwarded_in(text, subject, date, _zone(head.first("date")))
    authors = _each_once((*own, *(_authors(in_text) if in_text else ()), *inside))
    return _Inner(author, named.name, subject, date, authors, ids, blocks, tuple(gathered.attachments), is_read=True)


def _named(head: Head) -> Named:
    """Who wrote an attached mail: whoever its From field makes sure, else everybody who stands in it.

    A list that writes under its members' names is no author, as in a forward's text.
    """
    author = author_of(head)[0]
    if author is None:
        return replace(named_in(head.text("from")), person=None)
    seen = named_in(f"{author.name} <{author.address}>")
    return (
        seen
        if author.name and seen.person is None and len(seen.candidates) == 1
        else Named(author, author.name, (author,))
    )


def _zone(sent: bytes) -> tzinfo:
    """The zone of a Date field; UTC where it names none."""
    try:
        parsed = parsedate_tz(text_of(sent)[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return UTC
    offset_s = parsed[9] if parsed else None
    return UTC if not offset_s or abs(offset_s) >= 86_400 else timezone(timedelta(seconds=offset_s))
