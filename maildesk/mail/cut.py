"""A tree of HTML as a row of characters, so that what a text lacks can be taken out of the tree.
Pure; adds nothing, and decides nothing about what may be shown."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maildesk.mail.alike import Other, address, normal, place_of
from maildesk.mail.marks import MARKS, QUOTE_BEGINS, QUOTE_ENDS

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Private-use characters around words that the desk puts in: they are no part of the person's text.
OURS, OURS_END = "\ue0f5", "\ue0f6"
# What no text may hold: controls, direction overrides and isolates, lone surrogates, noncharacters, our own marks.
UNSAID = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ue0f1-\ue0f6]"
)

# Each begins a line of its own.
BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    }
)
# Gone with all that is in them; any other element that is not allowed gives its words to the one around it.
_DROPPED = frozenset(
    {
        "applet",
        "audio",
        "base",
        "canvas",
        "embed",
        "frame",
        "frameset",
        "head",
        "iframe",
        "link",
        "map",
        "math",
        "meta",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "param",
        "script",
        "select",
        "source",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "track",
        "video",
        "xmp",
    }
)
_GONE = "gone"
_HIDDEN = re.compile(r"(?:^|;)\s*display\s*:\s*none", re.IGNORECASE)


@dataclass(slots=True)
class _Place:
    """An element, and where its words lie among the normal characters of the page."""

    element: HtmlElement
    begin: int
    is_quoted: bool
    end: int = 0


@dataclass(slots=True)
class Page:
    """The tree as a row of characters, so that what the text lacks can be taken out of it."""

    pieces: list[str] = field(default_factory=list)
    slots: list[tuple[HtmlElement, str, int, int]] = field(default_factory=list)
    places: list[_Place] = field(default_factory=list)
    begins: set[int] = field(default_factory=lambda: {0})
    turns: list[int] = field(default_factory=list)
    length: int = 0

    def read(self, body: HtmlElement) -> None:
        """Walk over the tree once; what is never shown goes at once."""
        from lxml.etree import Entity, iterwalk, strip_elements

        for element in body.iter("*"):
            if element.tag in _DROPPED or (_HIDDEN.search(element.get("style") or "") and element is not body):
                element.tag = _GONE
        strip_elements(body, _GONE, Entity, with_tail=False)
        open_places: list[_Place] = []
        depth = pre = 0
        for event, element in iterwalk(body, events=("start", "end")):
            is_block, mark = element.tag in BLOCKS, _quote_mark(element)
            if is_block:
                self.begins.add(self.length)
            if event == "start":
                if mark and (depth := max(0, depth + mark)) == max(0, mark):
                    self.turns.append(self.length)
                pre += element.tag == "pre"
                open_places.append(_Place(element, self.length, depth > 0))
                if not _is_mark(element):
                    self._slot(element, "text", is_pre=pre > 0)
                continue
            pre -= element.tag == "pre"
            place = open_places.pop()
            place.end = self.length
            self.places.append(place)
            if element is not body:
                self._slot(element, "tail", is_pre=pre > 0)

    def _slot(self, element: HtmlElement, where: str, *, is_pre: bool) -> None:
        raw = getattr(element, where)
        if not raw:
            return
        text = UNSAID.sub("", raw)
        if text != raw:
            setattr(element, where, text)
        written = normal(text)
        if is_pre:
            at = self.length
            for line in text.split("\n")[:-1]:
                at += len(normal(line))
                self.begins.add(at)
        self.slots.append((element, where, self.length, self.length + len(written)))
        self.pieces.append(written)
        self.length += len(written)

    @property
    def normal(self) -> str:
        return "".join(self.pieces)

    def other(self, pictures: Iterable[str]) -> Other:
        """What the text is compared with; pictures: names and ids of those that the mail carries."""
        said = {address(one) for one in pictures}
        for place in self.places:
            said |= {address(place.element.get(name) or "") for name in ("href", "src", "alt", "title")}
        return Other(self.normal, frozenset(self.begins), self.turns, frozenset(said - {""}))

    def said(self, runs: list[tuple[int, int]]) -> str:
        whole = self.normal
        return "".join(whole[begin:end] for begin, end in runs)

    def keep(self, runs: list[tuple[int, int]]) -> None:
        """Take out what no run has."""
        if not runs:
            runs = [(0, 0)]
        # What stands before all words and after them belongs to the run that begins or ends there.
        spans = [(-1 if b == 0 else b, self.length + 1 if e == self.length else e) for b, e in runs]
        starts = [begin for begin, _ in spans]
        for element, where, begin, end in self.slots:
            if not _covers(spans, starts, begin, end):
                setattr(element, where, _kept(getattr(element, where), begin, end, spans, starts))
        for place in self.places:
            # The inner ones come first: what holds one that stays stays itself.
            is_empty = len(place.element) == 0 and not _touches(spans, starts, place)
            if (is_empty or _is_mark(place.element)) and place.element.getparent() is not None:
                place.element.drop_tree()


def _quote_mark(element: HtmlElement) -> int:
    """1 where html.py says that a quote begins, -1 where it ends, 0 for any other element."""
    if element.tag != "div" or len(element):
        return 0
    return 1 if element.text == QUOTE_BEGINS else -1 if element.text == QUOTE_ENDS else 0


def _is_mark(element: HtmlElement) -> bool:
    """Whether it is one of marks.py's, of a quote or of a signature."""
    return element.tag == "div" and not len(element) and bool(element.text) and element.text in MARKS


def _covers(spans: list[tuple[int, int]], starts: list[int], begin: int, end: int) -> bool:
    """Whether one run holds a place, and goes on at both of its ends."""
    at = bisect_left(starts, begin) - 1
    return at >= 0 and end < spans[at][1]


def _kept(text: str, begin: int, end: int, spans: list[tuple[int, int]], starts: list[int]) -> str:
    """The part of a slot's text that runs have."""
    parts = []
    at = max(0, bisect_right(starts, begin) - 1)
    while at < len(spans) and spans[at][0] < end:
        first, last = spans[at]
        at += 1
        if last <= begin:
            continue
        left = 0 if first < begin else place_of(text, first - begin)
        right = len(text)
        if last <= end:
            right = place_of(text, last - begin - 1) + 1
            # A star behind the last word is left out of the comparison, and still the person's.
            while right < len(text) and not text[right].isspace() and not normal(text[right]):
                right += 1
        parts.append(text[left:right])
    return "".join(parts)


def _touches(spans: list[tuple[int, int]], starts: list[int], place: _Place) -> bool:
    """Whether a run has any word of the element, or holds the place of one without words."""
    if _covers(spans, starts, place.begin, place.end):
        return True
    at = max(0, bisect_right(starts, place.begin) - 1)
    if place.begin == place.end:
        is_picture = place.element.tag == "img" and not place.is_quoted
        return is_picture and any(place.begin in span for span in spans[at : at + 2] + spans[max(0, at - 1) : at])
    while at < len(spans) and spans[at][0] < place.end:
        if spans[at][1] > place.begin:
            return True
        at += 1
    return False
