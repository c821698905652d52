"""From the tree of parts to what a person reads: the text, the HTML, the attachments.
Never decides who wrote what of it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from maildesk.mail import html
from maildesk.mail.charset import decode, mended, storable
from maildesk.mail.flowed import unflowed
from maildesk.mail.head import read_head
from maildesk.mail.limits import monstrous
from maildesk.mail.marks import QUOTE_BEGINS, QUOTE_ENDS, may_quote, unmarked
from maildesk.mail.model import Attachment
from maildesk.mail.parts import Part, content, file_name, name_of, take_apart, text, type_of, usual_name
from maildesk.mail.rtf import rtf_text
from maildesk.mail.tnef import SIGNATURE, open_tnef
from maildesk.mail.transfer import files_in

# What a text may take in memory and in lines, at most: more than any mail of 35 MB has that a person wrote.
TEXT_BYTES, LINES = 41_943_040, 1_000_000
# An HTML part costs as much as so many tags before its first one.
PART_TAGS = 50
# Of a part behind more tags than a mail of people has, so much is read.
PART_CHARS = 2_000
# Mails in mails that are looked into for a text when the mail itself has none.
INNER_MAILS = 3
TASTED_BYTES = 4_096
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\xff]")
_BODIES = frozenset(
    (
        "text/plain",
        "text/html",
        "text/enriched",
        "text/richtext",
        "text/markdown",
        "text/x-markdown",
        "text/x-amp-html",
        "text/watch-html",
    )
)
_TWINS = frozenset(("text/x-amp-html", "text/watch-html"))
_MAILS = frozenset(("message/rfc822", "message/global"))
_TNEF_NAMES = frozenset(("winmail.dat", "win.dat"))
_CID = re.compile(r"cid:([^\s\"'<>)]{1,998})")
_TAG = re.compile(r"</?(?:html|body|div|p|br|table|span|font|meta|head)\b[^<>]{0,400}>", re.IGNORECASE)
_ENRICHED = re.compile(r"<param>[^<]{0,200}</param>|(<<)|</?[a-z-]{1,60}>", re.IGNORECASE)
_PICTURE = re.compile(r"\[image: cid:([^\]\s]{1,250})\]")


@dataclass(slots=True)
class Content:
    """What the walk over the parts has gathered: texts (with html.py's quote marks), the HTML, the attachments.

    rich: the HTML beside a plain text that says the same; it is read only when somebody asks. is_beside: that is all there is.
    spare: texts of an envelope of Outlook's, for a mail that has none of its own.
    """

    texts: list[str] = field(default_factory=list)
    rich: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    spare: list[str] = field(default_factory=list)
    tags_read: list[int] = field(default_factory=lambda: [0])
    is_beside: bool = False

    def read_html(self, markup: str) -> str:
        """The text of one HTML part; all parts of a mail together have the tags that html.py lays out for one."""
        self.tags_read[0] += markup.count("<") + PART_TAGS
        if self.tags_read[0] > html.PLAIN_TAGS and len(self.htmls) > 1 and len(markup) > PART_CHARS:
            self.defects.append("the HTML is too long to be read; its end is in the raw mail alone")
            return html.plainly(markup[:PART_CHARS])
        # An entity may stand for a control.
        return storable(html.to_text(markup) if self.tags_read[0] <= html.TREE_TAGS else html.plainly(markup))

    @property
    def text(self) -> str:
        return "\n\n".join(t for t in self.texts if t.strip())

    def rich_text(self) -> str:
        """What the HTML beside the text says, with a client's marks; "" where no client marked a quote in it."""
        marked = [markup for markup in self.rich if may_quote(markup)]
        return "\n\n".join(_with_pictures(self.read_html(markup), self.attachments) for markup in marked)


def content_of(tree: Part) -> Content:
    """Everything a reader sees of the mail, in the order of the mail."""
    gathered = Content()
    _gather(tree, gathered, within="")
    if not gathered.text.strip():
        gathered.texts = gathered.spare or _last_resort(tree)
    shown = frozenset(unquote(found) for markup in gathered.htmls for found in _CID.findall(markup))
    gathered.attachments = [_placed(one, shown) if gathered.htmls else one for one in gathered.attachments]
    gathered.texts = [_with_pictures(one, gathered.attachments) for one in gathered.texts]
    return gathered


def _last_resort(tree: Part) -> list[str]:
    """Nothing but files: a reader shows the texts among them, and so is what the sender says in them.

    Then what a server reports, then the mail that was sent on without a word: as a quote, for it is another's.
    """
    leaves = [part for part in tree.walk() if not part.parts]
    for kinds in (("text/plain",), ("message/delivery-status", "text/rfc822-headers")):
        found = (text(part, files_in(content(part))[0]) for part in leaves if part.type in kinds)
        texts = [unmarked(storable(one)) for one in found][:3]
        if any(one.strip() for one in texts):
            return texts
    inner = next((part for part in leaves if part.type in _MAILS), None)
    said = _inner_text(content(inner), INNER_MAILS) if inner else ""
    if said.strip():
        return [f"{QUOTE_BEGINS}\n{said}\n{QUOTE_ENDS}"]
    others = (part for part in leaves if part.type not in _BODIES and _is_readable(part))
    return [one for one in (unmarked(storable(text(part))) for part in others) if one.strip()][:1]


def _is_readable(part: Part) -> bool:
    """Whether a part that names no type of text, or one that nobody knows, is one all the same."""
    if part.type.startswith("text/"):
        return True
    head = content(part)[:TASTED_BYTES] if part.type == "application/octet-stream" and not name_of(part) else b"\0"
    return not _NO_TEXT.search(head) and b"-----BEGIN PGP" not in head


def _inner_text(raw: bytes, depth: int) -> str:
    raw = raw.lstrip(b"\r\n")
    if depth == 0 or monstrous(raw):
        return ""
    gathered = Content()
    _gather(take_apart(raw, read_head(raw)), gathered, within="")
    return gathered.text


def _gather(part: Part, into: Content, within: str) -> None:
    into.defects += part.head.defects if within else ()
    into.defects += part.defects
    if part.type == "multipart/alternative":
        _gather_alternative(part, into)
    elif part.parts:
        for child in part.parts:
            _gather(child, into, part.type)
    elif _is_body(part, into, within):
        _gather_text(part, into)
    else:
        _attach(part, into)


def _gather_alternative(part: Part, into: Content) -> None:
    """One of several forms of the same text: the plain one where it says anything, with the HTML beside it."""
    forms = [(child, any(leaf.type == "text/html" for leaf in child.walk())) for child in part.parts]
    plain = Content(tags_read=into.tags_read)
    for child, is_rich in forms:
        if not is_rich:
            _gather(child, plain, part.type)
    says = bool(plain.text.strip())
    rich = Content(tags_read=into.tags_read, is_beside=says)
    for child, is_rich in forms:
        if is_rich:
            _gather(child, rich, part.type)
    for one in (plain, rich):
        into.attachments += one.attachments
        into.defects += one.defects
        into.spare += one.spare
    into.htmls += rich.htmls
    into.texts += plain.texts if says else rich.texts
    into.rich += rich.rich


def _is_body(part: Part, into: Content, within: str) -> bool:
    if part.type not in _BODIES:
        return False
    disposition = part.disposition
    if disposition == "attachment":
        # A whole mail that is one part marked as an attachment is still what the person wrote, unless it has a name.
        return not within and not name_of(part)
    if within == "multipart/report" and into.texts:
        return False
    if not name_of(part):
        return True
    return (
        not into.texts
        and not into.htmls
        and (disposition != "inline" or not within)
        and part.type in ("text/plain", "text/html")
    )


def _gather_text(part: Part, into: Content) -> None:
    if part.type == "text/html":
        _read_html(_markup(part), into)
        return
    if part.type in _TWINS:
        return
    # What mending brings to light may be a control or a mark as well.
    plain = unmarked(storable(mended(storable(_cut(_without_files(part, into), into)))))
    if part.type in ("text/enriched", "text/richtext"):
        plain = _ENRICHED.sub(lambda found: "<" if found[1] else "", plain)
    if part.params.get("format", "").casefold() == "flowed":
        plain = unflowed(plain, delete_space=part.params.get("delsp", "").casefold() == "yes")
    if plain.lstrip()[:1] == "<" and len(_TAG.findall(plain[:4_000])) >= 3:
        # Programs that write HTML and forget to say so.
        _read_html(plain, into)
        return
    into.texts.append(plain)


def _markup(part: Part) -> str:
    raw = content(part)
    return storable(mended(storable(decode(raw, part.params.get("charset") or html.meta_charset(raw)))))


def _read_html(markup: str, into: Content) -> None:
    into.htmls.append(markup)
    if into.is_beside:
        into.rich.append(markup)
        return
    into.texts.append(into.read_html(markup))
    if markup.count("<") > html.PLAIN_TAGS and len(markup) > html.PLAIN_CHARS:
        into.defects.append("the HTML is too long to be read; its end is in the raw mail alone")


def _cut(shown: str, into: Content) -> str:
    """The text up to the limits; a defect says where there was more."""
    kept = shown[: TEXT_BYTES * len(shown) // max(1, sys.getsizeof(shown))]
    if kept.count("\n") > LINES:
        kept = kept[: len(kept) - len(kept.split("\n", LINES)[-1])]
    if len(kept) < len(shown):
        into.defects.append("the text is too long to be read; its end is in the raw mail alone")
    return kept


def _without_files(part: Part, into: Content) -> str:
    """The text less the files that stand in it as uuencode or yEnc, which become attachments."""
    raw = content(part)
    if not any(mark in raw for mark in (b"begin ", b"begin-base64 ", b"=ybegin ")):
        return text(part, raw)
    raw, files = files_in(raw)
    for name, found in files:
        named = file_name(decode(name)) or "attachment"
        into.attachments.append(Attachment(named, type_of(named), found))
    return text(part, raw)


def _attach(part: Part, into: Content) -> None:
    raw = content(part)
    name = name_of(part)
    if part.type.endswith("/ms-tnef") or part.type == "application/vnd.ms-tnef" or name.casefold() in _TNEF_NAMES:
        if _unwrapped(raw, into):
            return
        into.defects.append("the winmail.dat could not be opened")
    if part.type in _MAILS and not name:
        name = file_name(read_head(raw.lstrip(b"\r\n")).text("subject")[:200])
        name = f"{name}.eml" if name else ""
    if not name and not raw.strip():
        return
    cid = one_id(part)
    name = name or usual_name(part, len(into.attachments) + 1)
    into.attachments.append(
        Attachment(name, part.type, raw, part.disposition == "inline" and part.type.startswith("image/"), cid)
    )


def _unwrapped(raw: bytes, into: Content) -> bool:
    """Whether the files of an Outlook envelope took its place; its text is kept for a mail that has none."""
    opened = open_tnef(raw) if raw.startswith(SIGNATURE) else None
    if opened is None or not (opened.files or opened.text or opened.html or opened.rtf):
        return False
    if opened.is_cut:
        into.defects.append("the winmail.dat ends before its end")
    for number, one in enumerate(opened.files, 1):
        name = file_name(one.name) or f"attachment-{number}"
        into.attachments.append(Attachment(name, one.type or type_of(name), one.content, False, one.content_id))
    said = unmarked(opened.text).strip() or into.read_html(opened.html) or rtf_text(opened.rtf)
    if said.strip():
        into.spare.append(said)
    return True


def one_id(part: Part) -> str | None:
    """The Content-ID without brackets, None when there is none."""
    return part.head.text("content-id").strip("<> ") or None


def _placed(one: Attachment, shown: frozenset[str]) -> Attachment:
    """Inline is what the HTML shows in place, whatever the part says of itself; without HTML the part's word counts."""
    return replace(one, inline=one.content_id in shown) if one.content_id else one


def _with_pictures(shown: str, attachments: list[Attachment]) -> str:
    """The text with each picture that stands in it under the name of its file: "[image: shot.png]"."""
    if "[image: cid:" not in shown:
        return shown
    names = {one.content_id: one.name for one in attachments if one.content_id}

    def named(found: re.Match[str]) -> str:
        name = names.get(found[1]) or names.get(unquote(found[1]))
        return f"[image: {name}]" if name else ""

    return _PICTURE.sub(named, shown)
