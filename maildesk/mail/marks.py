"""What clients put around the mail they answer and around their user's signature, in HTML: their classes and ids as data.
Marks the places in a tree; never decides what becomes of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from maildesk.mail.phrasebook import phrases

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Private-use characters: lines that hold one alone say where a client's quote, its user's signature begins and ends.
QUOTE_BEGINS = "\ue0f1"
QUOTE_ENDS = "\ue0f2"
SIGN_BEGINS = "\ue0f3"
SIGN_ENDS = "\ue0f4"
MARKS = QUOTE_BEGINS + QUOTE_ENDS + SIGN_BEGINS + SIGN_ENDS
_UNMARK = str.maketrans("", "", MARKS)

# A client's own names stand at the beginning of what an element is called.
NAMES_CHARS = 1_000

# What a mark says of its element: it is quoted, it is Gmail's box around quotes and answers, all behind it is quoted, or
# it is the writer's signature.
Mark = Literal["quote", "box", "follows", "sign"]

# Outlook puts "x_" in front of the classes and ids of what it quotes, once for each answer.
_TOKENS: dict[str, Mark] = {
    # Gmail
    "gmail_quote": "box",
    "gmail_attr": "quote",
    "gmail_signature": "sign",
    # Outlook on the web, on phones, on the Mac
    "divrplyfwdmsg": "follows",
    "appendonsend": "follows",
    "stopspelling": "follows",
    "ms-outlook-mobile-body-separator-line": "follows",
    "outlookmessageheader": "follows",
    "mail-editor-reference-message-container": "quote",
    "ms-outlook-mobile-reference-message": "quote",
    "olk_src_body_section": "quote",
    "ms-outlook-mobile-signature": "sign",
    "signature": "sign",
    # Thunderbird
    "moz-cite-prefix": "quote",
    "moz-signature": "sign",
    # Apple Mail
    "applemailsignature": "sign",
    # Yahoo, AOL
    "yahoo_quoted": "quote",
    "aol_ad_footer": "sign",
    "ymail_android_signature": "sign",
    # Proton, Tuta
    "protonmail_quote": "quote",
    "protonmail_signature_block": "sign",
    "tutanota_quote": "quote",
    # Zoho, Zimbra, Roundcube, Fastmail
    "zmail_extra": "quote",
    "zwchr": "follows",
    "__quoted_text__": "quote",
    "__divider__": "follows",
    "__sig_pre__": "sign",
    "__sig_post__": "sign",
    "reply-intro": "quote",
    "qt": "quote",
    # Spark, Airmail, Superhuman, Front, Missive, Freshdesk, NetEase
    "messagereplysection": "quote",
    "messagesignaturesection": "sign",
    "airmail_on": "quote",
    "airmail_sign": "sign",
    "sh-quoted-content": "quote",
    "sh-signature": "sign",
    "front-blockquote": "quote",
    "front-signature": "sign",
    "missive_quote": "quote",
    "missive_signature": "sign",
    "freshdesk_quote": "quote",
    "isreplycontent": "quote",
    # Samsung, Windows
    "composer_signature": "sign",
    "data-signatureblock": "sign",
    "email-signature": "sign",
    "email_signature": "sign",
    "mail-signature": "sign",
    "mail_signature": "sign",
}
_PREFIX = re.compile(r"(?:x_)+|ydp[0-9a-f]{4,12}(?=yahoo)|yiv\d{4,12}")
_NUMBERED = re.compile(r"(yahoo_quoted)_\d{1,12}")
_QUOTING = (
    *(token for token, mark in _TOKENS.items() if mark != "sign"),
    *("blockquote", "border-top", "border-left", "tabindex", 'name="quote', "name=quote", "name='quote"),
)
_NAMING = ("class", "id", "name", "data-marker", "data-smartmail")
# Outlook draws this line over the header block of what it quotes; so do others, over other things.
_TOP_LINE = re.compile(r"border-top:\s*(?:solid|1(?:\.0)?p[tx]\s*solid|#[0-9a-f]{3,6}\s*1(?:\.0)?p[tx]\s*solid)")
_LEFT_LINE = re.compile(r"border-left(?:-width|-style)?:(?!\s*(?:none|0))")
_LABEL = re.compile(r"\W{0,3}([^\W\d_][^:：]{0,24}?)\s{0,2}[:：]")


def unmarked(text: str) -> str:
    """The text without characters that only this file may write: nobody marks a quote from outside."""
    # Looking for each is a hundred times as fast as replacing in a long text of another script.
    return text.translate(_UNMARK) if any(chr(mark) in text for mark in _UNMARK) else text


def may_quote(markup: str) -> bool:
    """Whether a client may have marked a quote in the HTML: a cheap look that never says no wrongly."""
    low = markup.lower()
    return any(token in low for token in _QUOTING)


def mark_tree(tree: HtmlElement) -> None:
    """Put elements that hold one of the marks alone around what is quoted and what is a signature."""
    found: dict[HtmlElement, Mark] = {}
    follows: HtmlElement | None = None
    for element in tree.iter("*"):
        mark = mark_of(element) if element.attrib or element.tag == "hr" else None
        if mark == "follows":
            follows = element if follows is None else follows
        elif mark is not None:
            found[element] = mark
    for element, mark in found.items():
        if mark == "box":
            # Answers stand in the box between the quotes: only a box without quotes is one, a forward's.
            if any(inner in found and inner.tag == "blockquote" for inner in element.iterdescendants()):
                continue
            mark = "quote"
        if element.getparent() is None or _is_inside(element, found):
            continue
        _surround(element, mark)
    if follows is not None and follows.getparent() is not None and not _is_inside(follows, found):
        follows.addprevious(_marker(QUOTE_BEGINS))


def _is_inside(element: HtmlElement, found: dict[HtmlElement, Mark]) -> bool:
    return any(found.get(outer) in ("quote", "sign") for outer in element.iterancestors())


def mark_of(element: HtmlElement) -> Mark | None:
    """What a client says with this element, by its names, its style or its tag; None for most elements."""
    attributes = element.attrib
    for key in _NAMING:
        for token in attributes.get(key, "")[:NAMES_CHARS].lower().split():
            mark = _TOKENS.get(_NUMBERED.sub(r"\1", _PREFIX.sub("", token, count=1)))
            if mark is not None:
                return "quote" if mark == "box" and element.tag == "blockquote" else mark
    style = attributes.get("style", "")[:NAMES_CHARS].lower()
    if element.tag == "blockquote":
        is_cited = attributes.get("type") == "cite" or "cite" in attributes or "cite" in attributes.get("class", "")
        return "quote" if is_cited or attributes.get("name") == "quote" or _LEFT_LINE.search(style) else None
    if attributes.get("name") == "quote" and _LEFT_LINE.search(style):
        return "quote"
    if element.tag == "div" and "border-top" in style and _TOP_LINE.search(style) and _begins_with_label(element):
        return "follows"
    if element.tag == "hr" and attributes.get("tabindex") == "-1":
        below = element.getnext()
        return "follows" if below is not None and _begins_with_label(below) else None
    return None


def _begins_with_label(element: HtmlElement) -> bool:
    """Whether the element's text begins with "From:" or a label like it, in any language."""
    text = ""
    for piece in element.itertext():
        text += piece
        if len(text) > 60:
            break
    found = _LABEL.match(" ".join(text.split())[:60])
    return found is not None and phrases().labels.get(found[1].casefold().strip()) in ("from", "sent", "to", "subject")


def _surround(element: HtmlElement, mark: Mark) -> None:
    begins, ends = (SIGN_BEGINS, SIGN_ENDS) if mark == "sign" else (QUOTE_BEGINS, QUOTE_ENDS)
    tail, element.tail = element.tail, None
    element.addprevious(_marker(begins))
    end = _marker(ends)
    element.addnext(end)
    end.tail = tail


def _marker(mark: str) -> HtmlElement:
    from lxml.html import builder

    element: HtmlElement = builder.DIV(mark)
    return element
