"""HTML to readable text, with what a client marked as quoted kept apart.
Never fetches anything, never shows HTML to anybody (shown.py does)."""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING

from maildesk.mail.marks import MARKS, mark_tree, unmarked
from maildesk.mail.pictures import mark_pictures

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# T65: beyond this HTML is read by the plain reader, which is linear and keeps no tree.
TREE_BYTES = 2_097_152
# libxml2 drops what lies deeper than 256 without a word; inscriptis recurses.
TREE_DEPTH = 200
# The layout takes ten microseconds a tag; a newsletter has three thousand.
TREE_TAGS = 16_000
# The tree's readers take time with the square of an element's attributes; Outlook's drawings have twenty.
TREE_ATTRIBUTES = 100
# The layout reads each word of a style.
STYLE_CHARS = 10_000
# What the plain reader still reads where tags are all there is.
PLAIN_TAGS = 200_000
PLAIN_CHARS = 1_048_576

_BLOCK_TAG = re.compile(
    r"<(?:/?(?:p|div|tr|table|ul|ol|h[1-6]|blockquote|pre|section|article|header|footer)|br|li|hr)(?=[\s/>])",
    re.IGNORECASE,
)
_NESTING = re.compile(
    r"<(/?)(?!(?:br|hr|img|meta|link|input|col|area|base|wbr|p|li|td|tr|th|dd|dt|option)\b)[a-z]", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?)?+")
_ELEMENT = re.compile(rf"<[a-z][^\s/>]*+(?:{_ATTRIBUTE.pattern})*+", re.IGNORECASE)
_UNREAD = re.compile(r"<(script|style|head|!--)(?=[\s>-]|(?<=--))")
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE)
_SAME_LINK = re.compile(r"\[([^\[\]\n]{1,2000})\]\((?:mailto:)?([^()\n]{0,2000})\)")
_BLANKS = re.compile(r"\n{3,}")
_MARK_ENTITIES = re.compile(r"&#(?:x0{0,9}e0f[1-4]|0{0,9}5758[5-8]);?", re.IGNORECASE)
_XML_LINE = re.compile(r"^\s*<\?xml[^<>]*\?>")


def meta_charset(raw: bytes) -> str | None:
    """The charset that an HTML document names itself, None when it names none."""
    found = _CHARSET.search(raw, 0, 4_096)
    return found[1].decode("ascii", "replace") if found else None


def to_text(markup: str) -> str:
    """The readable text of HTML; what a client marked stands between lines of marks.py's marks."""
    markup = unmarked(_MARK_ENTITIES.sub("", markup))
    if not _fits_a_tree(markup):
        return plainly(markup)
    laid_out = _tidied(_laid_out(markup))
    if not unmarked(laid_out).strip():
        return plainly(markup)
    return laid_out


def quoted_tree(markup: str) -> HtmlElement | None:
    """HTML as a tree, with elements that hold one of marks.py's marks alone around what a client marked.

    None for what is too large or too deep for a tree, and for what is no HTML. Scripts and styles are gone.
    """
    markup = unmarked(_MARK_ENTITIES.sub("", markup))
    if not _fits_a_tree(markup):
        return None
    import lxml.html
    from lxml.etree import LxmlError

    try:
        tree = lxml.html.document_fromstring(_XML_LINE.sub("", markup))
        _without_useless(tree)
        mark_tree(tree)
    except (LxmlError, SyntaxError, ValueError, AssertionError, TypeError, AttributeError):
        return None
    return tree


def _fits_a_tree(markup: str) -> bool:
    is_small = len(markup) <= TREE_BYTES and markup.count("<") <= TREE_TAGS
    return is_small and not _is_deep(markup) and not _is_wide(markup)


def _is_deep(markup: str) -> bool:
    """Whether the elements may nest deeper than the tree's readers can follow."""
    opened = 0
    for tag in _NESTING.finditer(markup):
        # A paragraph or a list entry is often never closed; the parser closes it.
        opened = max(0, opened - 1) if tag[1] else opened + 1
        if opened > TREE_DEPTH:
            return True
    return False


def _is_wide(markup: str) -> bool:
    """Whether an element has more attributes than any program writes."""
    return any(
        len(element[0]) > 2 * TREE_ATTRIBUTES and sum(1 for _ in _ATTRIBUTE.finditer(element[0])) > TREE_ATTRIBUTES
        for element in _ELEMENT.finditer(markup)
    )


def _laid_out(markup: str) -> str:
    # lxml and inscriptis take 20 MB: a desk that has not met HTML yet does not hold them.
    import lxml.html
    from inscriptis import Inscriptis
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig
    from lxml.etree import LxmlError

    try:
        tree = lxml.html.document_fromstring(_XML_LINE.sub("", markup))
        _without_useless(tree)
        mark_tree(tree)
        mark_pictures(tree)
        return str(Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"].copy(), display_links=True)).get_text())
    except (
        LxmlError,
        SyntaxError,
        ValueError,
        AssertionError,
        RecursionError,
        LookupError,
        TypeError,
        AttributeError,
        IndexError,
    ):
        return ""


def _without_useless(tree: HtmlElement) -> None:
    from lxml.etree import Comment, ProcessingInstruction, strip_elements

    for element in tree.xpath(f"//*[string-length(@style) > {STYLE_CHARS}]"):
        del element.attrib["style"]
    # One call: taken out one by one, each would be looked for among all its siblings.
    strip_elements(tree, "script", "style", "title", Comment, ProcessingInstruction, with_tail=False)


def _tidied(text: str) -> str:
    lines = [line.rstrip().replace("\xa0", " ").strip("\u200b") for line in _SAME_LINK.sub(_link, text).split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(_unindented(lines))).strip("\n")


def _unindented(lines: list[str]) -> list[str]:
    """The layout indents what a table centres; a common indent says nothing."""
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip() and line.strip() not in MARKS]
    margin = min(margins, default=0)
    return [line.strip() if line.strip() and line.strip() in MARKS else line[margin:] for line in lines]


def _link(found: re.Match[str]) -> str:
    label, target = found[1].strip(), found[2].strip()
    if not target or target.startswith(("#", "cid:", "javascript:", "data:")):
        return label
    if label.rstrip("/").casefold() in (
        target.rstrip("/").casefold(),
        target.rstrip("/").casefold().partition("//")[2],
    ):
        return target if "//" in target else label
    return f"{label} <{target}>"


def plainly(markup: str) -> str:
    """The text of HTML without a tree: for what is too deep or too long, in linear time."""
    if markup.count("<") > PLAIN_TAGS:
        markup = markup[:PLAIN_CHARS]
    out: list[str] = []
    at = 0
    lower = markup.lower() if len(markup) == len(markup.lower()) else markup
    never_closed: set[str] = set()
    while found := _UNREAD.search(lower, at):
        out.append(markup[at : found.start()])
        close = "-->" if found[1] == "!--" else f"</{found[1]}"
        end = -1 if close in never_closed else lower.find(close, found.end())
        if end < 0:
            # Looked for once: a thousand open tags must not each search to the end.
            never_closed.add(close)
            at = found.end()
        else:
            at = end + len(close)
    out.append(markup[at:])
    text = _TAG.sub("", _BLOCK_TAG.sub(lambda tag: "\n" + tag[0], "".join(out)))
    lines = [" ".join(line.split()) for line in entities.unescape(text).split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip()
