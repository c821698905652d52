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
from maildesk.mail.parts import Part, content, file_name, from_uu, name_of, suffix_of, text

# A text of more than this is kept whole as an attachment's bytes in the raw mail; its first part is what people read.
TEXT_CHARS = 2_097_152
_UU_BLOCK = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n((?:[ -`]{1,64}\r?\n){1,600000}?)(?:`?[ \t]*\r?\n)?end[ \t]*\r?$",
    re.MULTILINE,
)
_TAG = re.compile(r"</?(?:html|body|div|p|br|table|span|font|meta|head)\b[^<>]{0,400}>", re.IGNORECASE)


@dataclass(slots=True)
class Content:
    """What the walk over the parts has gathered: texts (with html.py's quote marks), the HTML, the attachments."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(t for t in self.texts if t.strip())


def content_of(tree: Part) -> Content:
    """Everything a reader sees of the mail, in the order of the mail."""
    gathered = Content()
    _gather(tree, gathered, within="")
    shown = "\n".join(gathered.htmls)
    gathered.attachments = [_placed(one, shown) for one in gathered.attachments]
    if not gathered.text.strip() and gathered.htmls:
        gathered.texts = [html.to_text(markup) for markup in gathered.htmls]
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
    plain, rich = Content(), Content()
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
        into.texts.append(html.to_text(markup))
        return
    if part.type == "text/x-amp-html":
        return
    if part.end - part.head.body_at > TEXT_CHARS and len(text(part)) > TEXT_CHARS:
        into.defects.append("the text is longer than 2 MiB; its end is in the raw mail alone")
    if "\nbegin " in (raw_text := text(part)[:TEXT_CHARS]) or raw_text.startswith("begin "):
        raw_text = _without_uu(part, raw_text, into)
    plain = html.unmarked(storable(raw_text))
    if part.type in ("text/enriched", "text/richtext"):
        plain = re.sub(r"</?[a-zA-Z-]{1,60}>", "", re.sub(r"<param>[^<]{0,200}</param>", "", plain))
    if part.params.get("format", "").casefold() == "flowed":
        plain = unflowed(plain, delete_space=part.params.get("delsp", "").casefold() == "yes")
    if plain.lstrip()[:1] == "<" and len(_TAG.findall(plain[:4_000])) >= 3:
        # Programs that write HTML and forget to say so.
        into.htmls.append(plain)
        plain = html.to_text(plain)
    into.texts.append(plain)


def _without_uu(part: Part, shown: str, into: Content) -> str:
    """The text less its uuencoded files, which become attachments."""
    raw = content(part)
    found = list(_UU_BLOCK.finditer(raw))
    if not found:
        return shown
    for block in found:
        name = file_name(decode(block[1]))
        into.attachments.append(Attachment(name or "attachment", "application/octet-stream", from_uu(block[2])))
    return decode(_UU_BLOCK.sub(b"", raw), part.params.get("charset"))[:TEXT_CHARS]


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


def _placed(one: Attachment, shown: str) -> Attachment:
    """Inline is what the HTML shows in place, whatever the part says of itself; without HTML the part's word counts."""
    if not one.content_id or not shown:
        return one
    is_shown = f"cid:{one.content_id}" in shown
    return Attachment(one.name, one.type, one.content, is_shown or (one.inline and not shown), one.content_id)
