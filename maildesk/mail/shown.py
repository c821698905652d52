"""The HTML of what a person wrote now, safe to show: their formatting, their pictures, and not a word more than the text.
The last hand on it is nh3's. Never fetches anything, and nothing in it ever will."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from maildesk.mail.alike import normal, runs_of
from maildesk.mail.cut import BLOCKS, OURS, OURS_END, UNSAID, Page
from maildesk.mail.html import quoted_tree, to_text
from maildesk.mail.model import Attachment, Picture, Shown

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Gmail clips a mail whose HTML has more than 102 kB: the notice around it and its second life in quotes need some.
SHOWN_CHARS = 80_000
# Twenty microseconds each; a thread of a year has three thousand.
SHOWN_TAGS = 8_000
# What travels with a notice in place; a picture beyond stays an attachment like any other.
PICTURES = 50
PICTURES_BYTES = 8_000_000
ALT_CHARS = 100

_ANY_TAG = re.compile(r"<[^<>]*>")
_OURS_SAID = re.compile(f"{OURS}[^{OURS}{OURS_END}]*{OURS_END}")

_TAGS = frozenset(
    {
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    }
)
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "*": {"dir"},
}
# What each attribute may say; "src" and "href" are looked at below.
_VALUES = {
    "alt": re.compile(r"[^\n]{0,200}"),
    "width": re.compile(r"[1-9][0-9]{0,2}"),
    "start": re.compile(r"[0-9]{1,6}"),
    "type": re.compile(r"[1aAiI]"),
    "rel": re.compile(r"noopener noreferrer"),
    "border": re.compile(r"[01]"),
    "cellpadding": re.compile(r"[04]"),
    "cellspacing": re.compile(r"0"),
    "colspan": re.compile(r"[1-9][0-9]?"),
    "rowspan": re.compile(r"[1-9][0-9]{0,2}"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "align": re.compile(r"left|right|center"),
    "src": re.compile(r"cid:[0-9a-f]{32}@picture"),
    # An address as browsers and programs read it alike: no spaces, and no backslash, which is a slash to browsers alone.
    "href": re.compile(r"https?://[^\s/\\?#\"<>]+(?:[/?#][^\s\"<>]*)?|mailto:[^\s\"<>\\]+", re.IGNORECASE),
}
_CELLS = frozenset({"td", "th"})
_PRE = re.compile(r"(?:^|;)\s*white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_NO_MARGIN = re.compile(r"(?:^|;)\s*margin(?:-top|-bottom)?\s*:\s*0", re.IGNORECASE)
_LINED = re.compile(r"(?:^|;)\s*border[a-z-]*\s*:[^;]*(?:solid|double|dotted|dashed)", re.IGNORECASE)
# A host that a label seems to name: the target's must be the same one.
_HOST = re.compile(r"(?:[^\s./\\@<>()\[\]{}\"',;:|?#=&]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w.-]|@)")

_RASTER = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


# The tree's own way of saying that it cannot: the text does.
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


def shown_of(markup: str | None, text: str, attachments: tuple[Attachment, ...]) -> Shown | None:
    """The HTML that says what `text` says, neither more nor less but for pictures; None: the text has to do.

    text: what the person wrote now, as it was read from the same mail. Pictures are those of `attachments` that the HTML
    shows in place, under new ids; any other picture is its alternative text in brackets.
    """
    if not markup or len(text) > SHOWN_CHARS or markup.count("<") > SHOWN_TAGS:
        return None
    try:
        return _shown(markup, text, attachments)
    except _FAULTS:
        return None


def _shown(markup: str, text: str, attachments: tuple[Attachment, ...]) -> Shown | None:
    tree = quoted_tree(UNSAID.sub("", markup))
    body = None if tree is None else tree.find("body")
    if body is None:
        return None
    page, gallery = Page(), _Gallery(attachments)
    page.read(body)
    runs = runs_of(text, page.other(name for one in attachments for name in (one.name, one.content_id or "")))
    if runs is None and to_text(markup) == text:
        # Cells side by side stand line by line in the text; where nothing was taken out of it, nothing need be here.
        runs = [(0, page.length)]
    if runs is None:
        return None
    page.keep(runs)
    for element in list(body.iter("*")):
        _dress(element, gallery)
    safe = cleaned(_written(body))
    pictures = tuple(gallery.taken.values())
    if len(safe) > SHOWN_CHARS or _words(safe) != page.said(runs) or not (runs or pictures):
        return None
    return Shown(safe.replace(OURS, "").replace(OURS_END, "").strip(), pictures)


def _written(body: HtmlElement) -> str:
    from lxml.html import tostring

    body.tag = "div"
    body.attrib.clear()
    return str(tostring(body, encoding="unicode", with_tail=False))


def cleaned(markup: str) -> str:
    """The closed list of what may be shown; whatever was done to the tree before, only this decides."""
    import nh3

    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def _allowed(_tag: str, name: str, value: str) -> str | None:
    # An error in here would let the attribute pass.
    values = _VALUES.get(name)
    return value if values is not None and values.fullmatch(value) else None


def _words(safe: str) -> str:
    """The text of clean HTML in its normal form, without what the desk put in."""
    return normal(unescape(_ANY_TAG.sub("", _OURS_SAID.sub("", safe))))


class _Gallery:
    """The mail's pictures, and those of them that are shown."""

    def __init__(self, attachments: tuple[Attachment, ...]) -> None:
        self.taken: dict[str, Picture] = {}
        self._taken_bytes = 0
        self._attachments = attachments
        ids = ((one.content_id or "").strip("<> ").casefold() for one in attachments)
        # The first of two with one id is shown, as clients do.
        self._by_id = {name: place for place, name in reversed(list(enumerate(ids))) if name}
        self._seen: dict[str, Picture | None] = {}

    def shown(self, source: str) -> Picture | None:
        """The picture that an image's `source` names, where it may be shown."""
        wanted = unquote(source.strip()[4:]).strip("<> ").casefold() if source.strip()[:4].lower() == "cid:" else ""
        if wanted in self._seen:
            return self._seen[wanted]
        self._seen[wanted] = None
        place = self._by_id.get(wanted)
        if place is None or (kind := raster(self._attachments[place].content)) is None:
            return None
        size_bytes = self._attachments[place].size_bytes
        if len(self.taken) >= PICTURES or self._taken_bytes + size_bytes > PICTURES_BYTES:
            return None
        self._taken_bytes += size_bytes
        name = f"{self._attachments[place].sha256[:32]}@picture"
        self._seen[wanted] = self.taken.setdefault(name, Picture(place, name, kind))
        return self._seen[wanted]


def raster(octets: bytes) -> str | None:
    """The type of a PNG, JPEG, GIF or WebP by its first bytes, whatever the mail calls it; None for anything else."""
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _RASTER if octets.startswith(magic)), None)


def _dress(element: HtmlElement, gallery: _Gallery) -> None:
    """Give an element the name and the attributes it is shown with."""
    had, tag = dict(element.attrib), element.tag
    element.attrib.clear()
    style = had.get("style", "")
    if tag == "img":
        _hang(element, had, gallery)
    elif tag == "a":
        _link(element, had.get("href", ""))
    elif tag == "table":
        is_lined = had.get("border", "0").strip() not in ("", "0") or _is_data(element)
        for name, value in (("border", "1" if is_lined else "0"), ("cellpadding", "4" if is_lined else "0")):
            element.set(name, value)
        element.set("cellspacing", "0")
    elif tag in ("div", "p") and _PRE.search(style):
        element.tag = "pre"
    elif tag == "p" and ("MsoNormal" in had.get("class", "") or _NO_MARGIN.search(style)):
        element.tag = "div"
    elif tag not in _TAGS:
        element.tag = "div" if tag in BLOCKS else "span"
    for name in ("start", "type", "colspan", "rowspan", "dir", "align"):
        if name in had and element.tag != "table":
            element.set(name, had[name].strip())
    if element.tag in _CELLS and _LINED.search(style):
        element.set("border", "1")


def _is_data(table: HtmlElement) -> bool:
    """Whether a table shows lines between its cells, or has headings; most in mail only hold a layout."""
    return any(cell.tag == "th" or cell.attrib.pop("border", "") for cell in table.iter("td", "th"))


def _hang(image: HtmlElement, had: dict[str, str], gallery: _Gallery) -> None:
    picture = gallery.shown(had.get("src", ""))
    alt = " ".join(UNSAID.sub("", had.get("alt", "")).split())[:ALT_CHARS]
    width = had.get("width", "").strip().removesuffix("px")
    if picture is not None:
        image.set("src", f"cid:{picture.content_id}")
        image.set("alt", alt)
        if width.isascii() and width.isdigit() and int(width) > 0:
            # Outlook knows no greatest width: a screenshot would be as wide as the screen it was taken from.
            image.set("width", str(min(int(width), 600)))
        return
    image.tag = "span"
    is_dot = width in ("0", "1", "2") or had.get("height", "").strip().removesuffix("px") in ("0", "1", "2")
    image.text = f"{OURS}[{alt}]{OURS_END}" if alt and not is_dot else None


def _link(link: HtmlElement, target: str) -> None:
    """A link goes where it went, and where its label names another host it says so."""
    target = target.strip()
    if not _VALUES["href"].fullmatch(target):
        link.tag = "span"
        return
    link.set("href", target)
    host = _host(target)
    label = link.text_content()[:1_000]
    named = [found[0].casefold().rstrip(".") for found in _HOST.finditer(label)]
    if host is None or any(not _same_site(one, host) for one in named):
        link.tail = f" {OURS}[{host or '?'}]{OURS_END}{link.tail or ''}"


def _host(target: str) -> str | None:
    """The host a link leads to, as a server knows it."""
    try:
        parts = urlsplit(target)
        host = target.rpartition("@")[2].partition("?")[0] if parts.scheme.lower() == "mailto" else parts.hostname or ""
        return host.encode("idna").decode("ascii").casefold() if not host.isascii() else host.casefold()
    except ValueError:
        return None


def _same_site(named: str, host: str) -> bool:
    named, host = named.removeprefix("www."), host.removeprefix("www.").rstrip(".")
    return named == host or host.endswith(f".{named}") or named.endswith(f".{host}")
