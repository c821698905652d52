"""Delivery reports: which recipient, which status, permanent or not, which of our letters came back.
Never decides whether it believes them."""

from __future__ import annotations

import re

from maildesk.mail.head import Head, ids_in, read_head, text_of
from maildesk.mail.model import Bounce, Failure
from maildesk.mail.parts import Part, content
from maildesk.mail.phrasebook import phrases

# A report names its recipients near its top; what lies deeper is the mail that came back.
SCAN_CHARS = 20_000
FAILURES = 100
REPORT_BYTES = 262_144

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}[A-Za-z0-9]")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])([0-5])\d(?=[\s-])")
_DAEMON = re.compile(
    r"mailer.?daemon|mail.?daemon|postmaster|mail.?delivery|delivery.?(?:system|subsystem|status)|mdaemon"
    r"|microsoft.?exchange|system.?administrator|"
    r"mail.?administrator|mail.?service|smtp|mail.?system|mail.?gateway|antivirus|^bounces?\b|automated.response"
)
_ANSWER = re.compile(r"(?:re|aw|fwd?|wg|tr|sv|rv|antw)\s{0,3}:")
# Where the report's own words end and the mail that came back begins.
_RETURNED = re.compile(
    r"^[-\s*=>#|~.]{0,40}(?:this is a copy of (?:the|your).{0,60}|(?:the "
    r"|your )?original message\b.{0,60}|returned (?:message|mail)\b.{0,40}|unsent message.{0,40}"
    r"|.{0,30}below (?:this|the next) line is.{0,60}|included is a copy.{0,60}"
    r"|(?:your )?message (?:headers?|text|contents?|reads?)\b.{0,60}"
    r"|(?:headers?|contents?|copy) of (?:the |your )?(?:original|returned|undelivered|rejected"
    r"|message).{0,60}|old message:?"
    r"|begin (?:of )?(?:undelivered|returned) message.{0,20}|the first \d+ lines of.{0,60}"
    r"|return-path: ?<.{0,300}|received: (?:from|by).{0,300})[-\s*=:]{0,40}$",
    re.IGNORECASE | re.MULTILINE,
)
_DELAYED = re.compile(
    r"still trying|attempts will continue|delayed|will (?:be retried|keep trying|continue to try|retry)"
    r"|you do not need to resend|warning message only|not yet been delivered|"
    r"could not send message for past|verzögert|retardé",
    re.IGNORECASE,
)
_FAILING = re.compile(
    r"could ?n.t be delivered|could not be delivered|cannot be delivered|can.?t be delivered"
    r"|was not delivered|not delivered to|undeliverable|unable to deliver|"
    r"delivery (?:to the following|failed|failure|attempt|has failed|of)"
    r"|permanent(?:ly)? (?:fatal )?(?:error|fail)|fatal errors|failed permanently|"
    r"user unknown|unknown user|no such user|did not reach|address(?:es)? (?:not found|failed|rejected"
    r"|had)|mailbox (?:unavailable|full|not found|is full)|"
    r"not listed in|unrouteable|returned to (?:you|sender)|recipient.{0,40}(?:unknown|rejected|not found|invalid)|"
    r"(?:invalid|bad|unknown) (?:recipient|address|destination|user|mailbox)|does not exist|over quota"
    r"|quota exceeded|host (?:not found|unknown)|"
    r"could not deliver|couldn.t deliver|will not be delivered|not be(?:en)? delivered"
    r"|failed (?:addresses|recipients)|transcript of session|"
    r"inactive|disabled|no longer|undelivered|not deliver|delivery .{0,20}fail|unable to|failed|rejected|returned",
    re.IGNORECASE,
)


def bounce_of(head: Head, tree: Part, full_text: str, author: str) -> Bounce | None:
    """What a delivery report says, None for a mail that is none.

    RFC 3464 first, then X-Failed-Recipients, then the words of older programs. A report of success is none.
    """
    fields = [
        part for part in tree.walk() if part.type in ("message/delivery-status", "message/global-delivery-status")
    ]
    ids = _returned_ids(tree, full_text)
    for part in fields:
        told = _delivery_status(part)
        if told is not None:
            failures, delayed = told
            return Bounce(failures, ids, delayed) if failures else None
    named = head.text("x-failed-recipients")
    if named:
        return _from_words(head, full_text, ids, tuple(_ADDRESS.findall(named)))
    if _is_report(head, tree, full_text, author):
        return _from_words(head, full_text, ids, ())
    return None


def _is_report(head: Head, tree: Part, full_text: str, author: str) -> bool:
    """Whether a machine reports a failure: its sender, its subject and its words agree, two of three."""
    if tree.type == "multipart/report" and tree.params.get("report-type", "").casefold() not in ("delivery-status", ""):
        return False
    subject = head.text("subject").casefold()
    if any(phrase in subject for phrase in phrases().absence):
        return False
    sender = f"{author.rpartition('@')[0]} {text_of(head.first('from'))}".casefold()
    is_answer = _ANSWER.match(subject) is not None
    by_sender = _DAEMON.search(sender) is not None or head.first("return-path").strip() == b"<>"
    by_subject = any(phrase in subject for phrase in phrases().failed)
    is_typed = tree.type == "multipart/report" and bool(tree.params.get("report-type"))
    if not (by_sender or by_subject or is_typed):
        # Nothing but its words could be a report's: those of nearly every mail are not looked at.
        return False
    words = _words(full_text)
    by_words = _FAILING.search(words) is not None
    if is_typed and by_words:
        return True
    if by_sender:
        return by_subject or (by_words and (_DAEMON.search(sender) is not None or _STATUS.search(words) is not None))
    # Without a daemon's name a person may speak of a mail that failed: only one that names a failed address counts.
    return by_words and not is_answer and bool(_failed_addresses(words, _own(head)))


def _own(head: Head) -> set[str]:
    names = ("from", "to", "reply-to", "return-path", "sender")
    return {address.casefold() for name in names for address in _ADDRESS.findall(head.text(name))}


def _delivery_status(part: Part) -> tuple[tuple[Failure, ...], bool] | None:
    """The failures of a delivery-status part and whether all are delays; None when it names no recipient."""
    raw = content(part)[:REPORT_BYTES].replace(b"\r\n", b"\n")
    failures: dict[str, Failure] = {}
    delayed = named = False
    for group in re.split(rb"\n[ \t]*\n", raw)[: FAILURES + 1]:
        fields = read_head(group.strip() + b"\n\n")
        action = fields.text("action").casefold().split(" ")[0]
        recipient = (
            _recipient(fields.first("final-recipient"))
            or _recipient(fields.first("original-recipient"))
            or _recipient(fields.first("x-actual-recipient"))
        )
        original = _recipient(fields.first("original-recipient"))
        if not recipient:
            continue
        named = True
        if action in ("delivered", "relayed", "expanded"):
            continue
        found = _STATUS.search(fields.text("status")) or _STATUS.search(fields.text("diagnostic-code"))
        status = ".".join(found.groups()) if found else None
        if status is not None and status.startswith("2") and action not in ("failed", "delayed"):
            continue
        is_delay = action == "delayed"
        delayed = delayed or is_delay
        permanent = not is_delay and not (status or "5").startswith("4")
        failures.setdefault(recipient.casefold(), Failure(recipient, status, permanent))
        if original and original.casefold() not in failures and "@" not in recipient:
            failures[recipient.casefold()] = Failure(original, status, permanent)
    if not named:
        return None
    return tuple(failures.values()), delayed and all(not f.permanent for f in failures.values())


def _recipient(value: bytes) -> str:
    """The address of "rfc822; lea@client.test", as it was written."""
    text = text_of(value)
    text = text.partition(";")[2] or text
    found = _ADDRESS.search(text)
    return found[0] if found else text.strip(" <>\"'")[:320]


def _words(full_text: str) -> str:
    """The report's own words: what stands before the mail that came back."""
    text = full_text[:SCAN_CHARS]
    cut = next((m.start() for m in _RETURNED.finditer(text) if m.start() > 60), len(text))
    return text[:cut]


def _from_words(head: Head, full_text: str, ids: tuple[str, ...], named: tuple[str, ...]) -> Bounce:
    words = _words(full_text)
    own = _own(head)
    addresses = (
        tuple(dict.fromkeys(named)) or _failed_addresses(words, own) or _failed_addresses(full_text[:SCAN_CHARS], own)
    )
    found = _STATUS.search(words)
    code = _CODE.search(words)
    status = ".".join(found.groups()) if found else f"{code[1]}.0.0" if code else None
    delayed = _DELAYED.search(words) is not None and not (status or "").startswith("5")
    # Words that do not promise another try are the last ones: the letter came back.
    return Bounce(tuple(Failure(address, status, not delayed) for address in addresses[:FAILURES]), ids, delayed)


def _failed_addresses(words: str, own: set[str]) -> tuple[str, ...]:
    """The addresses a report names: those that open a line, else all; never those who wrote or got it."""
    every: dict[str, str] = {}
    leading: dict[str, str] = {}
    for line in words.split("\n"):
        stripped = line.strip(" \t>*|'\"-")
        for found in _ADDRESS.finditer(line[:2_000]):
            address = found[0].strip(".'")
            low = address.casefold()
            if (
                low in own
                or _DAEMON.match(low)
                or line[max(0, found.start() - 8) : found.start()].casefold().endswith(("<mailto:", "-id: <"))
            ):
                continue
            every.setdefault(low, address)
            if stripped.startswith((address, f"<{address}", f"[{address}")) or re.match(
                r"(?:to|recipient|address|user|rcpt to|final-recipient|failed)\b[^@]{0,40}$",
                stripped[: max(0, stripped.find(address))].casefold(),
            ):
                leading.setdefault(low, address)
    return tuple((leading or every).values())


def _returned_ids(tree: Part, full_text: str) -> tuple[str, ...]:
    """Message-IDs of the mail that came back: in an attached message or header part, else in the text."""
    ids: list[str] = []
    for part in list(tree.walk())[1:]:
        if part.type in (
            "message/rfc822",
            "message/global",
            "text/rfc822-headers",
            "message/rfc822-headers",
            "message/global-headers",
        ):
            inner = read_head(content(part)[:REPORT_BYTES].lstrip())
            ids += ids_in(inner.first("message-id"))
    if not ids:
        for found in re.finditer(
            r"^[ \t>]{0,8}message-id:[ \t]{0,4}(<[^<>\s]{1,500}>)", full_text[:100_000], re.IGNORECASE | re.MULTILINE
        ):
            ids.append(found[1])
    return tuple(dict.fromkeys(ids))
