"""From the tree of parts to what a person reads: the text, the HTML, the attachments.
Never decides who wrote what of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from maildesk.mail import html
from maildesk.mail.charset import decode, storable
from maildesk.mail.flowed import unflowed
from maildesk.mail.head import read_head
from maildesk.mail.model import Attachment
from maildesk.mail.parts import Part, content, file_name, name_of, suffix_of, text, type_of
from maildesk.mail.transfer import files_in

# An HTML part costs as much as so many tags before its first one.
PART_TAGS = 50
# A text of more than this is kept whole as an attachment's bytes in the raw mail; its first part is what people read.
TEXT_CHARS = 2_097_152
_CID = re.compile(r"cid:([^\s\"'<>)]{1,998})")
_TAG = re.compile(r"</?(?:html|body|div|p|br|table|span|font|meta|head)\b[^<>]{0,400}>", re.IGNORECASE)


@dataclass(slots=True)
class Content:
    """What the walk over the parts has gathered: texts (with html.py's quote marks), the HTML, the attachments."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    tags_read: list[int] = field(default_factory=lambda: [0])

    def read_html(self, markup: str) -> str:
        """The text of one HTML part; all parts of a mail together have the tags that html.py lays out for one."""
        self.tags_read[0] += markup.count("<") + PART_TAGS
        return html.to_text(markup) if self.tags_read[0] <= html.TREE_TAGS else html.plainly(markup)

    @property
    def text(self) -> str:
        return "\n\n".join(t for t in self.texts if t.strip())


def content_of(tree: Part) -> Content:
    """Everything a reader sees of the mail, in the order of the mail."""
    gathered = Content()
    _gather(tree, gathered, within="")
    shown = frozenset(found for markup in gathered.htmls for found in _CID.findall(markup))
    gathered.attachments = [_placed(one, shown) if gathered.htmls else one for one in gathered.attachments]
    if not gathered.text.strip() and gathered.htmls:
        gathered.texts = [gathered.read_html(markup) for markup in gathered.htmls]
    if not gathered.text.strip():
        # Nothing but files: a reader shows the texts among them, and so is what the sender says in them.
        gathered.texts = [
            html.unmarked(storable(text(part)[:TEXT_CHARS]))
            for part in tree.walk()
            if part.type == "text/plain" and not part.parts
        ][:3]
    return gathered


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
    plain, rich = Content(tags_read=into.tags_read), Content(tags_read=into.tags_read)
    for child in part.parts:
        kinds = {leaf.type for leaf in child.walk()}
        _gather(child, rich if "text/html" in kinds else plain, part.type)
    for one in (plain, rich):
        into.attachments += one.attachments
        into.defects += one.defects
    into.htmls += rich.htmls
    says = plain.text.strip()
    into.texts += plain.texts if says else rich.texts


def _is_body(part: Part, into: Content, within: str) -> bool:
    if part.type not in (
        "text/plain",
        "text/html",
        "text/enriched",
        "text/x-markdown",
        "text/markdown",
        "text/richtext",
        "text/x-amp-html",
    ):
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
        raw = content(part)
        markup = storable(decode(raw, part.params.get("charset") or html.meta_charset(raw)))
        into.htmls.append(markup)
        into.texts.append(into.read_html(markup))
        return
    if part.type == "text/x-amp-html":
        return
    if part.end - part.head.body_at > TEXT_CHARS and len(text(part)) > TEXT_CHARS:
        into.defects.append("the text is longer than 2 MiB; its end is in the raw mail alone")
    raw_text = _without_files(part, text(part)[:TEXT_CHARS], into)
    plain = html.unmarked(storable(raw_text))
    if part.type in ("text/enriched", "text/richtext"):
        plain = re.sub(r"</?[a-zA-Z-]{1,60}>", "", re.sub(r"<param>[^<]{0,200}</param>", "", plain))
    if part.params.get("format", "").casefold() == "flowed":
        plain = unflowed(plain, delete_space=part.params.get("delsp", "").casefold() == "yes")
    if plain.lstrip()[:1] == "<" and len(_TAG.findall(plain[:4_000])) >= 3:
        # Programs that write HTML and forget to say so.
        into.htmls.append(plain)
        plain = into.read_html(plain)
    into.texts.append(plain)


def _without_files(part: Part, shown: str, into: Content) -> str:
    """The text less the files that stand in it as uuencode or yEnc, which become attachments."""
    if not any(mark in shown for mark in ("begin ", "begin-base64 ", "=ybegin ")):
        return shown
    rest, files = files_in(content(part))
    for name, found in files:
        named = file_name(decode(name)) or "attachment"
        into.attachments.append(Attachment(named, type_of(named), found))
    return decode(rest, part.params.get("charset"))[:TEXT_CHARS] if files else shown


def _attach(part: Part, into: Content) -> None:
    raw = content(part)
    name = name_of(part)
    if part.type in ("message/rfc822", "message/global") and not name:
        name = file_name(read_head(raw.lstrip(b"\r\n")).text("subject")[:200])
        name = f"{name}.eml" if name else ""
    if not name and not raw.strip():
        return
    cid = one_id(part)
    name = name or f"{part.type.partition('/')[0]}-{len(into.attachments) + 1}{suffix_of(part.type)}"
    into.attachments.append(
        Attachment(name, part.type, raw, part.disposition == "inline" and part.type.startswith("image/"), cid)
    )


def one_id(part: Part) -> str | None:
    """The Content-ID without brackets, None when there is none."""
    return part.head.text("content-id").strip("<> ") or None


def _placed(one: Attachment, shown: frozenset[str]) -> Attachment:
    """Inline is what the HTML shows in place, whatever the part says of itself; without HTML the part's word counts."""
    if not one.content_id:
        return one
    return Attachment(one.name, one.type, one.content, one.content_id.split()[0] in shown, one.content_id)
