"""The fields of a delivery-status part (RFC 3464, RFC 6533): one failure for each recipient it names.
Lenient: wrong types, missing or spare blank lines and quoting marks are read as a person would read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maildesk.mail.bounce_status import enhanced, flattened, from_reply, from_words, status_in
from maildesk.mail.charset import decode, one_line
from maildesk.mail.model import Failure
from maildesk.mail.words import decode_words

FAILURES = 100
LINES = 4_000
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}[A-Za-z0-9]")
# In a field of its own an address may have any letter (RFC 6532); in running text that would swallow its neighbours.
_ANY_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"@\\]{1,64}@[^\s<>()\[\]:;,\"'@\\]{1,252}[^\W_]")

_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,60})[ \t]{0,4}:[ \t]{0,8}(.*)", re.DOTALL)
_OWN = re.compile(
    r"[ \t>]{0,8}((?:final|original|x-actual)-recipient|action|status|diagnostic-code|remote-mta|reporting-mta"
    r"|last-attempt-date|will-retry-until)[ \t]{0,4}:[ \t]{0,8}(.*)",
    re.IGNORECASE | re.DOTALL,
)
_RECIPIENTS = ("original-recipient", "final-recipient", "x-actual-recipient")
_ONCE = (*_RECIPIENTS, "action", "status")
_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_IMCEA = re.compile(r"imceasmtp-([^@\s]{1,300})@", re.IGNORECASE)
_X400 = re.compile(r"(?:smtp|rfc-?822)\s{0,2}[=:]\s{0,2}([^;\s/]{3,320})", re.IGNORECASE)


def failures_in(raw: bytes) -> tuple[Failure, ...] | None:
    """The recipients that did not get the letter, each once; None when the part names no recipient at all.

    A success is left out, so an empty answer is a report of success. A recipient whose action failed is permanent
    whatever the class of its status: a letter that was tried for five days will not arrive either (RFC 3464, 2.3.3).
    """
    groups = [group for group in _groups(_fields(decode(raw))) if any(name in group for name in _RECIPIENTS)]
    if not groups:
        return None
    originals = [_address(group.get("original-recipient", "")) for group in groups]
    failures: dict[str, Failure] = {}
    for group, original in zip(groups[:FAILURES], originals, strict=False):
        failure = _failure(group, original if originals.count(original) == 1 else "")
        if failure is not None:
            failures.setdefault(failure.recipient.casefold(), failure)
    return tuple(failures.values())


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Each field as (lower-case name, unfolded value), and ("", "") for a blank line."""
    name, value = "", ""
    for line in text.replace("\r\n", "\n").split("\n", LINES)[:LINES]:
        found = _OWN.match(line[:4_000]) or (None if line[:1] in " \t" else _FIELD.match(line[:4_000]))
        if found or not line.strip(" \t>"):
            if name:
                yield name, decode_words(value)
            name, value = (found[1].casefold(), found[2].strip()) if found else ("", "")
            if not found:
                yield "", ""
        elif name and len(value) < 4_000:
            value = f"{value} {line.strip()[:4_000]}"
    if name:
        yield name, decode_words(value)


def _groups(fields: Iterator[tuple[str, str]]) -> list[dict[str, str]]:
    """The fields of each recipient together: a blank line parts them, and so does a field that comes again."""
    groups: list[dict[str, str]] = [{}]
    for name, value in fields:
        last = groups[-1]
        if not name:
            # A blank line between a recipient and its action parts nothing.
            if "action" in last or "status" in last or not any(r in last for r in _RECIPIENTS):
                groups.append({})
        elif name in _ONCE and name in last:
            groups.append({name: value})
        else:
            last.setdefault(name, value)
    return groups[: FAILURES * 2]


def _failure(group: dict[str, str], original: str) -> Failure | None:
    """What the group says of its recipient; None when it got the letter."""
    final = _address(group.get("final-recipient", ""))
    actual = _address(group.get("x-actual-recipient", ""))
    # Who sent the letter knows the address it was sent to, not the one it was passed on to.
    known = next((a for a in (original, final, actual) if "@" in a), "")
    recipient = known or final or original or actual
    if not recipient:
        return None
    action = flattened(group.get("action", ""))
    told, diagnosis = group.get("status", ""), group.get("diagnostic-code", "")
    if action.startswith(("delivered", "relayed", "expanded", "deliverable")):
        return None
    if told.strip().startswith("2") and not action.startswith(("fail", "delay")):
        return None
    is_delay = action.startswith("delay")
    status = _status(told, diagnosis) or ("4.0.0" if is_delay else "5.0.0")
    permanent = not is_delay and (action.startswith("fail") or not status.startswith("4"))
    return Failure(one_line(recipient), status, permanent)


def _status(told: str, diagnosis: str) -> str | None:
    """The Status field, made exact by the diagnostic code where it only tells the class."""
    own = enhanced(told) or from_reply(told)
    if own is None:
        return status_in(diagnosis) or from_words(told)
    if own.endswith(".0.0"):
        detail = enhanced(diagnosis) or from_words(f"{told} {diagnosis}") or ""
        return f"{own[0]}{detail[1:]}" if detail else own
    return own


def _address(value: str) -> str:
    """The address of "rfc822; lea@client.test" as it was written; other kinds of names as they are."""
    kind, mark, rest = value.partition(";")
    text = rest if mark and "@" not in kind else value
    bare = _unescaped(text).strip(" <>\"'")
    return bare[:320] if _ANY_ADDRESS.fullmatch(bare) and not bare.isascii() else address_in(text) or bare[:320]


def address_in(text: str) -> str:
    """The first address in a text, gateways' wrappings undone (IMCEA, X.400); "" when there is none."""
    text = text[:2_000]
    if wrapped := _IMCEA.search(text):
        inner = re.sub(r"\+([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), wrapped[1])
        if ADDRESS.fullmatch(inner):
            return inner
    if named := _X400.search(text):
        inner = named[1].replace("(a)", "@")
        if ADDRESS.fullmatch(inner):
            return inner
    found = ADDRESS.search(text)
    return found[0].strip("'.*|=") if found else ""


def _unescaped(text: str) -> str:
    r"""The text with its \x{410} undone (RFC 6533, 3)."""
    return _HEX.sub(lambda m: chr(int(m[1], 16)) if 0x20 < int(m[1], 16) < 0xD800 else "", text[:2_000])
