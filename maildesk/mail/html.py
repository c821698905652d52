"""HTML to readable text, with what a client marked as quoted kept apart.
Never fetches anything, never shows HTML to anybody (shown.py does)."""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Private-use characters: lines that hold one alone say where a client's quote begins and ends.
QUOTE_BEGINS = "\ue0f1"
QUOTE_ENDS = "\ue0f2"

# T65: beyond this HTML is read by the plain reader, which is linear and keeps no tree.
TREE_BYTES = 2_097_152
# libxml2 drops what lies deeper than 256 without a word; inscriptis recurses.
TREE_DEPTH = 200
# The layout takes ten microseconds a tag; a newsletter has three thousand.
TREE_TAGS = 16_000
# libxml2 compares each attribute of a tag with all before it: 100,000 in one tag take it a minute.
TREE_COMPARISONS = 20_000_000
# What the plain reader still reads where tags are all there is.
PLAIN_TAGS = 200_000
PLAIN_CHARS = 1_048_576

# What clients put around the mail they answer. The first kind holds the quote, the second is followed by it.
_HOLDS = (
    # Only the innermost: Gmail's outer box may hold the answers between the quotes.
    "//*[contains(concat(' ',normalize-space(@class),' '),' gmail_quote ')]"
    "[not(.//*[contains(concat(' ',normalize-space(@class),' '),' gmail_quote ')])]",
    "//*[contains(concat(' ',normalize-space(@class),' '),' gmail_attr ')]",
    "//blockquote[@type='cite' or contains(@class,'cite') or contains(@style,'border-left')]",
    "//*[contains(@class,'yahoo_quoted') or contains(@class,'protonmail_quote')]",
    "//*[contains(@class,'zmail_extra') or contains(@class,'tutanota_quote') or @class='moz-cite-prefix']",
    "//*[@id='OLK_SRC_BODY_SECTION' or @id='mail-editor-reference-message-container' or @id='reply-intro']",
)
_FOLLOWS = (
    "//*[@id='divRplyFwdMsg' or @id='x_divRplyFwdMsg' or @id='appendonsend' or @id='stopSpelling']",
    "//div[contains(translate(@style,' ',''),'border-top:solid#B5C4DF')"
    " or contains(translate(@style,' ',''),'border-top:solid#E1E1E1')"
    " or contains(translate(@style,' ',''),'border:none;border-top:solid')]",
)
_BLOCK_TAG = re.compile(
    r"<(?:/?(?:p|div|tr|table|ul|ol|h[1-6]|blockquote|pre|section|article|header|footer)|br|li|hr)(?=[\s/>])",
    re.IGNORECASE,
)
_NESTING = re.compile(
    r"<(/?)(?!(?:br|hr|img|meta|link|input|col|area|base|wbr|p|li|td|tr|th|dd|dt|option)\b)[a-z]", re.IGNORECASE
)
_LONG_TAG = re.compile(r"""<[a-zA-Z/!?](?:[^"'<>]|"[^"]*"|'[^']*'|["']){200,}""")
_ATTRIBUTE_ENDS = re.compile(r"[\s=]+")
_UNREAD = re.compile(r"<(script|style|head|!--)(?=[\s>-]|(?<=--))")
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE)
_SAME_LINK = re.compile(r"\[([^\[\]\n]{1,2000})\]\((?:mailto:)?([^()\n]{0,2000})\)")
# Our own marks, written by somebody else; a space, so that what is left around it does not become another.
_FORGED = re.compile(f"[{QUOTE_BEGINS}{QUOTE_ENDS}]|&#(?:0*5758[56]|x0*e0f[12])(?![0-9a-f]);?", re.IGNORECASE)
_BLANKS = re.compile(r"\n{3,}")
_XML_LINE = re.compile(r"^\s*<\?xml[^<>]*\?>")


def unmarked(text: str) -> str:
    """A plain text without our own marks, which only HTML may bring."""
    return text.replace(QUOTE_BEGINS, "").replace(QUOTE_ENDS, "")


def meta_charset(raw: bytes) -> str | None:
    """The charset that an HTML document names itself, None when it names none."""
    found = _CHARSET.search(raw, 0, 4_096)
    return found[1].decode("ascii", "replace") if found else None


def to_text(markup: str) -> str:
    """The readable text of HTML; a quote that a client marked stands between lines of QUOTE_BEGINS and QUOTE_ENDS."""
    markup = _FORGED.sub(" ", markup)
    if not _fits_a_tree(markup):
        return plainly(markup)
    laid_out = _tidied(_laid_out(markup))
    if not unmarked(laid_out).strip():
        return plainly(markup)
    return laid_out


def quoted_tree(markup: str) -> HtmlElement | None:
    """HTML as a tree, with elements that hold QUOTE_BEGINS or QUOTE_ENDS alone around what a client marked as quoted.

    None for what is too large or too deep for a tree, and for what is no HTML. Scripts and styles are gone.
    """
    markup = _FORGED.sub(" ", markup)
    if not _fits_a_tree(markup):
        return None
    import lxml.html
    from lxml.etree import LxmlError

    try:
        tree = lxml.html.document_fromstring(_XML_LINE.sub("", markup))
        _mark_quotes(tree)
    except (LxmlError, SyntaxError, ValueError, AssertionError, TypeError, AttributeError):
        return None
    return tree


def _fits_a_tree(markup: str) -> bool:
    if len(markup) > TREE_BYTES or markup.count("<") > TREE_TAGS:
        return False
    return not _is_deep(markup) and not _is_crowded(markup)


def _is_crowded(markup: str) -> bool:
    """Whether the tags have more attributes than the parser can compare with each other in a tenth of a second."""
    return sum(len(_ATTRIBUTE_ENDS.findall(tag[0])) ** 2 for tag in _LONG_TAG.finditer(markup)) > TREE_COMPARISONS


def _is_deep(markup: str) -> bool:
    """Whether the elements may nest deeper than the tree's readers can follow."""
    opened = 0
    for tag in _NESTING.finditer(markup):
        # A paragraph or a list entry is often never closed; the parser closes it.
        opened = max(0, opened - 1) if tag[1] else opened + 1
        if opened > TREE_DEPTH:
            return True
    return False


def _laid_out(markup: str) -> str:
    # lxml and inscriptis take 20 MB: a desk that has not met HTML yet does not hold them.
    import lxml.html
    from inscriptis import Inscriptis
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig
    from lxml.etree import LxmlError

    try:
        tree = lxml.html.document_fromstring(_XML_LINE.sub("", markup))
        _mark_quotes(tree)
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


def _mark_quotes(tree: HtmlElement) -> None:
    from lxml.etree import Comment, ProcessingInstruction, strip_elements
    from lxml.html import builder

    # One call: taken out one by one, each would be looked for among all its siblings.
    strip_elements(tree, "script", "style", "title", Comment, ProcessingInstruction, with_tail=False)
    marked = {element for path in _HOLDS for element in tree.xpath(path)}
    for element in marked:
        if element.getparent() is None or any(ancestor in marked for ancestor in element.iterancestors()):
            continue
        tail, element.tail = element.tail, None
        begins, ends = builder.DIV(QUOTE_BEGINS), builder.DIV(QUOTE_ENDS)
        element.addprevious(begins)
        element.addnext(ends)
        ends.tail = tail
    follows = next((element for path in _FOLLOWS for element in tree.xpath(path)), None)
    if follows is None or follows.getparent() is None:
        return
    if not any(ancestor in marked for ancestor in follows.iterancestors()):
        follows.addprevious(builder.DIV(QUOTE_BEGINS))


def _tidied(text: str) -> str:
    lines = [line.rstrip().replace("\xa0", " ").strip("\u200b") for line in _SAME_LINK.sub(_link, text).split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(_unindented(lines))).strip("\n")


def _unindented(lines: list[str]) -> list[str]:
    """The layout indents what a table centres; a common indent says nothing."""
    margins = [
        len(line) - len(line.lstrip())
        for line in lines
        if line.strip() and line.strip() not in (QUOTE_BEGINS, QUOTE_ENDS)
    ]
    margin = min(margins, default=0)
    return [line.strip() if line.strip() in (QUOTE_BEGINS, QUOTE_ENDS) else line[margin:] for line in lines]


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
