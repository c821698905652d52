"""Which status (RFC 3463) a report gives a recipient: its enhanced code, its SMTP reply code, else its words.
Pure: gets text, returns a status; never asks which mail it stands in."""

from __future__ import annotations

import re

from maildesk.mail.phrasebook import phrases

# What servers say instead of a number, by the phrase book's lists, and the code RFC 3463 has for it (3.2 to 3.8).
# The more particular come first: "mailbox unavailable: over quota" speaks of the quota.
REASONS = (
    ("reason_full", "5.2.2"),
    ("reason_large", "5.3.4"),
    ("reason_loop", "5.4.6"),
    ("reason_moved", "5.1.6"),
    ("reason_disabled", "5.2.1"),
    ("reason_no_host", "5.1.2"),
    ("reason_syntax", "5.1.3"),
    ("reason_unknown", "5.1.1"),
    ("reason_refused", "5.7.1"),
    ("reason_timeout", "4.4.7"),
)
_ENHANCED = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d.])")
_VERSION = re.compile(r"(?:version|release|ver|rev|v|postfix|sendmail|exim|qmail|server)[\s/]{0,2}$", re.IGNORECASE)
# A reply code stands before its text, a dash (RFC 5321, 4.2.1) or an end; "500 MB" is a size.
_REPLY = re.compile(
    r"(?<![\w.:/@-])(4[2357]\d|5[0-57]\d)(?=[\s:;,)\]#-]|\.\s|$)"
    r"(?!\s?(?:[kmg]i?b|bytes?|octets?|lines?|seconds?|minutes?|hours?|days?|users?|recipients?)\b)",
    re.IGNORECASE,
)


def enhanced(text: str) -> str | None:
    """The first enhanced status code in the text that tells of a fault, None when there is none."""
    for found in _ENHANCED.finditer(text):
        if found[1] != "2" and not _VERSION.search(text[max(0, found.start() - 12) : found.start()]):
            return ".".join(found.groups())
    return None


def from_reply(text: str) -> str | None:
    """The class of the first SMTP reply code in the text as a status ("550" is 5.0.0), None when there is none."""
    found = _REPLY.search(text)
    return f"{found[1][0]}.0.0" if found else None


def from_words(text: str) -> str | None:
    """The status that the words stand for, None when they say no reason."""
    flat = flattened(text)
    reasons = phrases().reasons
    return next((status for key, status in REASONS if any(word in flat for word in reasons[key])), None)


def status_in(text: str) -> str | None:
    """The best that a text says: its enhanced code, else its reply code made exact by its words, else its words."""
    if exact := enhanced(text):
        return exact
    said, meant = from_reply(text), from_words(text)
    if said and meant:
        # The number tells the class, the words the detail.
        return f"{said[0]}{meant[1:]}"
    return said or meant


def flattened(text: str) -> str:
    """Lower case, one space between words, straight apostrophes: the form in which phrases are compared."""
    return " ".join(text.replace("\u2019", "'").replace("\u00b4", "'").casefold().split())
