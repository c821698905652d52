"""Raw bytes to an understood Mail.
Total: any bytes give an answer, nothing raises. Never touches the raw mail, never asks a clock."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import replace
from itertools import islice

from maildesk.mail.automatic import automatic, is_absence, suppress
from maildesk.mail.body import blocks_of, own_text
from maildesk.mail.bounce import bounce_of
from maildesk.mail.charset import decode, one_line, storable
from maildesk.mail.content import Content, content_of
from maildesk.mail.enclosed import forward_of
from maildesk.mail.head import FIELD_BYTES, HEAD_BYTES, Head, date_of, ids_in, parameters, read_head
from maildesk.mail.language import LANGUAGES, language_of
from maildesk.mail.limits import content_key, monstrous
from maildesk.mail.marks import QUOTE_BEGINS, unmarked
from maildesk.mail.model import Block, Mail
from maildesk.mail.parts import take_apart
from maildesk.mail.people import author_of, people_in
from maildesk.mail.shown import shown_of

__all__ = ["content_key", "monstrous", "understand"]

SUBJECT_CHARS = 1_000
# A body that nobody could take apart is shown up to here.
SAVED_BYTES = 262_144
_TARGET = re.compile(r"<(?:https?|mailto):[^<>\s]{1,2000}>|\[image: [^\]]{1,250}\]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
_DELIVERED = ("delivered-to", "x-original-to", "x-envelope-to", "envelope-to", "x-delivered-to", "original-recipient")
# A filter's report may be long; what it found stands in front.
_MARK_BYTES = 200
_MAX_MARKS = 60
_SPACE = re.compile(r"[ \t\r\n]+")
_TRACE = ("received", "authentication-results", "x-ms-exchange-organization-authas", "x-ms-exchange-crosstenant-id")


def understand(raw: bytes, languages: tuple[str, ...] = LANGUAGES) -> Mail:
    """The mail as a person would see it, and the marks that machines leave.

    languages: those among which the text's language is looked for. Never raises: what cannot be read has `unreadable`
    saying why, with the subject, the people, the date and the ids that a scan of the header could save.
    """
    raw = _with_line_ends(raw)
    key = content_key(raw)
    why = monstrous(raw)
    if why is None:
        try:
            return _understood(raw, key, languages)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            # A fault of ours must not lose a mail: it becomes a ticket that says so, with the raw mail at hand.
            why = f"the parser failed with {type(error).__name__}"
    return _saved(raw, key, why)


def _with_line_ends(raw: bytes) -> bytes:
    """The mail with lines that end in LF or CRLF, whatever a gateway made of most of them; UTF-16 as UTF-8."""
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        # Saved as "Unicode text" by an editor.
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    returns, newlines, both = raw.count(b"\r"), raw.count(b"\n"), raw.count(b"\r\n")
    if returns > both and raw.count(b"\r\r\n") * 2 > newlines:
        return raw.replace(b"\r\r\n", b"\r\n")
    if returns - both > newlines:
        return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw


def _understood(raw: bytes, key: str, languages: tuple[str, ...]) -> Mail:
    tree = take_apart(raw, read_head(raw))
    head = tree.head
    gathered = content_of(tree)
    blocks = _blocks(gathered)
    full_text = "\n".join(block.text for block in blocks)
    text = own_text(blocks)
    mail = _headed(head, key)
    author = mail.author.address if mail.author else ""
    why = automatic(head, tree, author)
    bounce = bounce_of(head, tree, full_text, author)
    markup, attachments = "\n".join(gathered.htmls) or None, tuple(gathered.attachments)
    mail = replace(
        mail,
        text=text,
        full_text=full_text,
        blocks=blocks,
        language=language_of(text or full_text, languages),
        html=markup,
        shown=shown_of(markup, text, attachments),
        attachments=attachments,
        automatic=why or ("bounce" if bounce else None),
        absence=bounce is None and is_absence(head, why),
        bounce=bounce,
        defects=_defects(head, gathered),
    )
    return mail if bounce else replace(mail, forwarded=forward_of(tree, mail, head.first("date"), languages))


def _blocks(gathered: Content) -> tuple[Block, ...]:
    """The blocks of the text; of the HTML beside it where only that tells what is quoted, and both say the same."""
    blocks = blocks_of(gathered.text)
    if any(block.kind in ("quote", "attribution") for block in blocks) or QUOTE_BEGINS not in (
        rich := gathered.rich_text()
    ):
        return blocks
    marked = blocks_of(rich)
    own, whole = _letters(own_text(marked)), _letters("\n".join(block.text for block in blocks))
    is_same = own in whole and len(_letters("\n".join(block.text for block in marked))) >= len(whole)
    return marked if own and is_same else blocks


def _letters(text: str) -> str:
    """The letters and digits of a text, without the targets of links."""
    return "".join(c for c in _TARGET.sub("", text) if c.isalnum())


def _unfolded(value: bytes) -> str:
    """The value in one line with every other byte in its place: a NUL or a mark that is taken out would make
    "mx.desk.test\\0" the name of a server that never wrote it."""
    return _SPACE.sub(" ", value.decode("utf-8", "replace")).strip(" ")


def _headed(head: Head, key: str) -> Mail:
    """What the header alone says."""
    author, fault = author_of(head)
    to, cc = people_in(head.every("to")), people_in(head.every("cc"))
    reply_to = people_in(head.every("reply-to"))
    message_ids = ids_in(head.first("message-id"), bare=True)
    return Mail(
        subject=head.text("subject")[:SUBJECT_CHARS],
        author=author,
        author_fault=fault,
        reply_to=reply_to[0] if reply_to else None,
        to=tuple(person.address for person in to),
        cc=tuple(person.address for person in cc),
        delivered_to=tuple(dict.fromkeys(p.address for name in _DELIVERED for p in people_in(head.every(name)))),
        message_id=message_ids[0] if message_ids else None,
        references=_references(head),
        date=date_of(head.first("date")),
        language_stated=_stated(head),
        suppress=suppress(head),
        marks=_marks(head),
        trace=tuple((name, _unfolded(value)) for name, value in head.fields if name in _TRACE),
        desk_id=head.text("x-maildesk-desk")[:FIELD_BYTES],
        hops=_hops(head),
        content_key=key,
    )


def _marks(head: Head) -> tuple[tuple[str, str], ...]:
    """The X- fields, cut short: what filters write."""
    found = ((name, one_line(decode(value[:_MARK_BYTES]))) for name, value in head.fields if name.startswith("x-"))
    return tuple(islice(found, _MAX_MARKS))


def _stated(head: Head) -> str | None:
    """The first language that Content-Language names, None where it names none (RFC 5646, 2.1)."""
    tag = parameters(head.first("content-language"))[0].partition(",")[0].strip()
    return tag if _LANGUAGE.fullmatch(tag) else None


def _hops(head: Head) -> int:
    """How many desks a letter has passed, the one that wrote it included; 0 for a mail of nobody's desk."""
    said = head.text("x-maildesk-hops")[:4]
    return int(said) + 1 if said.isascii() and said.isdigit() else 0


def _references(head: Head) -> tuple[str, ...]:
    """References, then what In-Reply-To adds, oldest first."""
    ids = [i for name in ("references", "in-reply-to") for value in head.every(name) for i in ids_in(value)]
    return tuple(dict.fromkeys(ids))


def _defects(head: Head, gathered: Content) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*head.defects, *gathered.defects)))


def _saved(raw: bytes, key: str, why: str) -> Mail:
    """What a scan of a monster's first 256 KiB can save."""
    head = read_head(raw[:HEAD_BYTES])
    kept = Head(tuple((name, value[:FIELD_BYTES]) for name, value in head.fields[:2_000]), head.body_at, head.defects)
    try:
        mail = _headed(kept, key)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        mail = Mail(content_key=key, author_fault="the header could not be read")
    shown = unmarked(storable(raw[kept.body_at : kept.body_at + SAVED_BYTES].decode("utf-8", "replace")))
    return replace(mail, full_text=shown, defects=kept.defects, unreadable=why)
