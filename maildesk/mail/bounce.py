"""Delivery reports: which recipient, which status, permanent or not, which of our letters came back.
Never decides whether it believes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from maildesk.mail.automatic import is_away_subject
from maildesk.mail.bounce_fields import ADDRESS, FAILURES, failures_in
from maildesk.mail.bounce_returned import RETURNED_BYTES, returned_from, returned_heads, returned_ids, returned_to
from maildesk.mail.bounce_status import enhanced, flattened, from_reply, from_words, status_in
from maildesk.mail.bounce_text import DAEMON, SCAN_CHARS, asides_in, bare_names, named_in, words_of
from maildesk.mail.head import Head, parameters, read_head, text_of
from maildesk.mail.model import Bounce, Failure
from maildesk.mail.parts import Part, content, take_apart, text
from maildesk.mail.phrasebook import phrases

_ANSWER = re.compile(r"(?:re|aw|fwd?|wg|tr|sv|vs|vb|rv|antw|odp|res|rif|enc|i)\s{0,3}:", re.IGNORECASE)
_STRONG = re.compile(r"mail(?:er)?.?daemon|mail.?delivery|delivery.?(?:system|subsystem)|microsoft.?exchange")
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
# A status block that came as plain text: behind a wrong type, or as a file.
_FIELDS_IN_TEXT = re.compile(rb"^[ \t>]{0,8}(?:final|original)-recipient[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE)
_FIRST_FIELD = re.compile(
    rb"^[ \t>]{0,8}(?:reporting-mta|(?:final|original)-recipient|action|status|arrival-date)[ \t]{0,4}:",
    re.IGNORECASE | re.MULTILINE,
)
# Parts that are another kind of report: they speak of a mail that arrived, or of no mail at all.
_OTHER_REPORTS = ("message/feedback-report", "application/tlsrpt+json", "application/tlsrpt+gzip")


def bounce_of(head: Head, tree: Part, full_text: str, author: str) -> Bounce | None:
    """What a delivery report says, None for a mail that is none.

    RFC 3464 first, then X-Failed-Recipients, then the words of older programs. A report of success is none.
    """
    kinds = {part.type for part in tree.walk()}
    if kinds.intersection(_OTHER_REPORTS) or (
        _report_type(tree) not in ("", "delivery-status") and "message/delivery-status" not in kinds
    ):
        return _refusal(tree, full_text)
    is_sent_on = _ANSWER.match(head.text("subject")) is not None
    if not (is_sent_on and _report_type(tree) == ""):
        # A person who sends a report on keeps its parts, but not its type.
        told = _told(part for part in tree.walk() if part.type in _STATUS_PARTS)
        if told is not None:
            return _bounce(told, head, tree, full_text) if told else None
    named = ADDRESS.findall(head.text("x-failed-recipients"))
    if not named and not _is_report(head, tree, full_text, author):
        return None
    if (inner := _wrapped(tree)) is not None:
        return bounce_of(inner[0], inner[1], "", author)
    if not named:
        told = _told(
            p
            for p in tree.walk()
            if p.type.startswith(("text/", "application/octet-stream"))
            and _FIELDS_IN_TEXT.search(content(p)[:RETURNED_BYTES])
        )
        if told is not None:
            return _bounce(told, head, tree, full_text) if told else None
    return _from_words(head, tree, _with_files(tree, full_text), author, tuple(dict.fromkeys(named)))


def _report_type(tree: Part) -> str:
    """The report-type of a multipart/report in lower case, "" of anything else."""
    return tree.params.get("report-type", "").strip().casefold() if tree.type == "multipart/report" else ""


def _told(parts: Iterable[Part]) -> tuple[Failure, ...] | None:
    """The failures of all these parts; None when none of them names a recipient."""
    failures: dict[str, Failure] = {}
    named = False
    for part in parts:
        raw = content(part)[:RETURNED_BYTES]
        begin = _FIRST_FIELD.search(raw)
        found = failures_in(raw[begin.start() :]) if begin else None
        named = named or found is not None
        for failure in found or ():
            failures.setdefault(failure.recipient.casefold(), failure)
    return tuple(failures.values()) if named else None


def _bounce(failures: tuple[Failure, ...], head: Head, tree: Part, full_text: str) -> Bounce:
    heads = returned_heads(tree)
    ids = returned_ids(head, tree, heads, full_text)
    if len(failures) == 1 and "@" not in failures[0].recipient:
        # A name of X.400 or of a local user: the report's words, else the returned letter, have the address it stands for.
        ours = _own(head) | returned_from(heads, full_text)
        known = [named.address for named in named_in(words_of(full_text), ours)] or returned_to(heads, full_text)
        if len(known) == 1:
            failures = (replace(failures[0], recipient=known[0]),)
    return Bounce(failures, ids, bool(failures) and not any(f.permanent for f in failures))


def _wrapped(tree: Part) -> tuple[Head, Part] | None:
    """A report that a gateway sent on as an attached mail, for want of one at the top."""
    for part in tree.walk():
        if part.type == "message/rfc822" and part is not tree:
            raw = content(part)[:RETURNED_BYTES].lstrip()
            head = read_head(raw)
            kind, params = parameters(head.first("content-type"))
            if kind == "multipart/report" and params.get("report-type", "").casefold() == "delivery-status":
                return head, take_apart(raw, head)
    return None


def _refusal(tree: Part, full_text: str) -> Bounce | None:
    """A mail that a recipient's filter refused by a disposition report (RFC 5429, 2.2.2): deleted, and said to be rejected."""
    for part in tree.walk():
        if part.type == "message/disposition-notification":
            fields = read_head(content(part)[:RETURNED_BYTES].lstrip())
            is_deleted = "deleted" in fields.text("disposition").casefold()
            if is_deleted and _holds(flattened(full_text[:SCAN_CHARS]), phrases().bounced):
                recipient = ADDRESS.search(fields.text("final-recipient"))
                said = status_in(words_of(full_text)) or "5.7.1"
                failures = (Failure(recipient[0], said, True),) if recipient else ()
                ids = returned_ids(fields, tree, returned_heads(tree), full_text)
                return Bounce(failures, ids)
    return None


def _holds(flat: str, words: tuple[str, ...]) -> bool:
    return any(word in flat for word in words)


def _is_report(head: Head, tree: Part, full_text: str, author: str) -> bool:
    """Whether a machine reports a failure: its sender, its subject and its words agree, two of three."""
    book = phrases()
    subject = flattened(head.text("subject"))
    if is_away_subject(subject):
        return False
    sender = f"{author.rpartition('@')[0]} {text_of(head.first('from'))}".casefold()
    is_answer = _ANSWER.match(subject) is not None
    is_daemon = DAEMON.search(sender) is not None
    by_sender = is_daemon or head.first("return-path").strip() == b"<>"
    by_subject = _holds(subject, book.failed)
    is_typed = _report_type(tree) != ""
    if not (by_sender or by_subject or is_typed):
        # Nothing but its words could be a report's: those of nearly every mail are not looked at.
        return False
    words = words_of(full_text)
    flat = flattened(words)
    by_words = _holds(flat, book.bounced) or _holds(flat, book.delayed)
    if _holds(subject, book.delivered) or (_holds(flat, book.delivered) and not by_words):
        return False
    if is_typed and by_words:
        return True
    clearest = min((named.rank for named in named_in(words, _own(head))), default=9)
    has_code = enhanced(words) is not None or from_reply(words) is not None
    if by_sender:
        if by_subject:
            return True
        # Whatever language it is in: a daemon that puts an address at the head of a line tells of its failure.
        if is_daemon and clearest == 0 and not is_answer:
            return True
        # A postmaster is now and then a person; a mailer daemon never is.
        return by_words and (_STRONG.search(sender) is not None or has_code or (is_daemon and clearest <= 1))
    # Without a daemon's name a person may speak of a mail that failed: only one that names a failed address counts.
    return (
        by_words
        and (not is_answer or _says_delivery_failed(subject))
        and (clearest <= 1 or (has_code and clearest < 9))
    )


def _says_delivery_failed(subject: str) -> bool:
    """Whether a gateway put its notice behind the subject of our letter: "re: mount : non remis (delivery failed)"."""
    return subject.endswith((")", "]")) and _holds(subject[-60:], phrases().failed)


def _own(head: Head) -> set[str]:
    names = ("from", "to", "reply-to", "return-path", "sender")
    return {address.casefold() for name in names for address in ADDRESS.findall(head.text(name))}


def _with_files(tree: Part, full_text: str) -> str:
    """The text, and behind it what a report has in plain text files: many put their details there."""
    if tree.type not in ("multipart/report", "multipart/mixed"):
        return full_text
    files = [p for p in tree.parts[1:6] if p.type == "text/plain"]
    more = [t for p in files if (t := text(p)[:SCAN_CHARS].strip()) and t[:200] not in full_text]
    return "\n\n".join((full_text, *more))


def _from_words(head: Head, tree: Part, full_text: str, author: str, named: tuple[str, ...]) -> Bounce:
    """What a report without fields says in words.

    Words that do not promise another try are the last ones: the letter came back.
    """
    heads = returned_heads(tree)
    words = words_of(full_text)
    own = _own(head)
    ours = own | returned_from(heads, full_text)
    ids = returned_ids(head, tree, heads, full_text)
    flat = flattened(words)
    is_delay = (_holds(flat, phrases().delayed) or _holds(flattened(head.text("subject")), phrases().delayed)) and not (
        (enhanced(words) or "").startswith("5")
    )
    found = named_in(words, ours) or named_in(full_text[:SCAN_CHARS], ours) or named_in(words, own)
    said = {one.address.casefold(): one.said for one in found}
    addresses = named or tuple(one.address for one in found)
    if not addresses:
        domain = author.rpartition("@")[2]
        addresses = (
            tuple(a for a in ADDRESS.findall(head.text("subject")) if a.casefold() not in ours)
            or tuple(f"{name}@{domain}" for name in bare_names(words) if domain)
            or tuple(a for a in returned_to(heads, full_text) if a.casefold() not in own)
            or asides_in(words, ours)
        )
    failures: dict[str, Failure] = {}
    for address in addresses[:FAILURES]:
        status = _status(address, said.get(address.casefold(), ""), words, len(addresses)) or "5.0.0"
        # What is still tried has not failed for good (RFC 3463, 3.1).
        status = f"4{status[1:]}" if is_delay else status
        failures.setdefault(address.casefold(), Failure(address, status, not is_delay))
    return Bounce(tuple(failures.values()), ids, is_delay)


def _status(address: str, said: str, words: str, recipients: int) -> str | None:
    """The status nearest the recipient: a number on a line that names it, then what its own lines say, then all words."""
    low = address.casefold()
    for line in words.split("\n"):
        if low in line.casefold() and (near := enhanced(line) or (from_reply(line) and status_in(line))):
            return near
    near = enhanced(said) or (from_reply(said) and status_in(said))
    far = enhanced(words) or (from_reply(words) and status_in(words))
    # One recipient among several may have failed for a reason that has no number; the numbers are then the others'.
    return (near or from_words(said) or far if recipients > 1 else near or far or from_words(said)) or from_words(words)
