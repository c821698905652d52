"""What a person forwarded: the inner author, subject, date and text.
Reads a text's header block or an attached message's header."""

from __future__ import annotations

import re

from maildesk.mail.head import date_of
from maildesk.mail.model import Forwarded, Person
from maildesk.mail.people import people_in
from maildesk.mail.phrasebook import phrases
from maildesk.mail.quotes import READ_LINES, header_end, separator_title

_SUBJECT = re.compile(
    r"\s*(?:fwd?|wg|tr|rv|enc|i|vs|vb|vl|doorst|fs|pd|ilt|転送|转发|轉寄|전달)\s{0,3}[:：]", re.IGNORECASE
)
_LABEL = re.compile(r"[\s*>|]*([^\W\d_][^:：*<>@]{0,24}?)[\s*]{0,3}[:：][\s*]*(.*)$")


def forwarded_in(text: str, subject: str) -> Forwarded | None:
    """The mail that the text forwards, None when it forwards none.

    Found by a forwarder's separator, or by a header block under a forward's subject.
    """
    lines = text.split("\n", READ_LINES)
    book = phrases()
    is_forward = _SUBJECT.match(subject) is not None
    for at, line in enumerate(lines[:READ_LINES]):
        title = separator_title(line)
        opens = title is not None and (
            title in book.forwarded or title.startswith("forwarded by ") or (is_forward and title in book.original)
        )
        begin = at + 1 if opens else at
        if not opens and not is_forward:
            continue
        end = header_end(lines, begin)
        if end is not None:
            return _read(lines[begin:end], lines[end:])
    return None


def _read(block: list[str], rest: list[str]) -> Forwarded:
    labels = phrases().labels
    found: dict[str, str] = {}
    for line in block:
        match = _LABEL.match(line[:300])
        key = labels.get(match[1].casefold().strip()) if match else None
        if match and key:
            found.setdefault(key, match[2].strip(" *"))
    author = _author(found.get("from", ""))
    text = "\n".join(
        line[2:] if line.startswith("> ") else line.lstrip(">") if line.startswith(">") else line for line in rest
    )
    return Forwarded(
        author, found.get("subject", ""), date_of(found.get("sent", "").encode("utf-8", "replace")), text.strip()
    )


def _author(value: str) -> Person | None:
    value = re.sub(r"\[mailto:([^\]\s]{3,254})\]|<mailto:([^>\s]{3,254})>", r"<\1\2>", value)
    # "Lea Martin <lea@x.test<mailto:lea@x.test>>" is how Outlook writes a link as text.
    value = re.sub(r"<mailto:[^<>]{0,254}>?>?", ">", value) if "mailto:" in value else value
    people = people_in((value.encode("utf-8", "replace"),))
    return people[0] if people else None
