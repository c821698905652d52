"""The words of a report that has no fields: where they end, whom they name, and what is said of each.
Pure: gets text, never a mail."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildesk.mail.bounce_fields import ADDRESS, address_in

# A report names its recipients near its top; what lies deeper is the mail that came back.
SCAN_CHARS = 20_000

DAEMON = re.compile(
    r"mailer.?daemon|mail.?daemon|postmaster|mail.?delivery|delivery.?(?:system|subsystem|status)|mdaemon"
    r"|microsoft.?exchange|system.?administrator|mail.?administrator|mail.?service|smtp|mail.?system|mail.?gateway"
    r"|antivirus|^bounces?\b|automated.response|mail.?router|mail.?transport|message.?router|mailer$|non.?delivery"
)
# Where the report's own words end and the mail that came back begins.
_RETURNED = re.compile(
    r"^[-\s*=>#|~._]{0,40}(?:(?:this|here) is a copy of (?:the|your).{0,60}|(?:the |your )?original (?:message|mail)\b.{0,60}"
    r"|returned (?:message|mail)\b.{0,40}|unsent message.{0,40}|undelivered message.{0,40}"
    r"|.{0,30}below (?:this|the next) line is.{0,60}|included is a copy.{0,60}|content of the .{0,40}"
    r"|(?:your )?message (?:headers?|text|contents?|reads?|follows)\b.{0,60}"
    r"|(?:headers?|contents?|copy) of (?:the |your )?(?:original|returned|undelivered|rejected|message).{0,60}"
    r"|(?:start|begin)(?:ning)? (?:of )?(?:the )?(?:undelivered|returned|original|attached|message).{0,40}"
    r"|old message:?|the first \d+ lines of.{0,60}|end of (?:error|report).{0,40}|attached (?:message|mail).{0,40}"
    r"|mensaje original.{0,40}|message d'origine.{0,40}|mensagem original.{0,40}|messaggio originale.{0,40}"
    r"|(?:ursprüngliche|original) ?nachricht.{0,60}|原始邮件.{0,20}|元のメッセージ.{0,20}"
    r"|return-path: ?<.{0,300}|received: {0,2}\(?(?:from|by|qmail).{0,300}|x400-received:.{0,300})[-\s*=:._]{0,40}$",
    re.IGNORECASE | re.MULTILINE,
)
# A line that names whom the sender may ask is not about a recipient.
_CONTACT = re.compile(
    r"contact|assist|support|help|question|abuse|report (?:this|it)|call |https?://|write to|e-?mail us|ask|hilfe|fragen|"
    r"wenden sie|aide|ayuda|assistenza|sender:|from:|from <|envelope-from|mail from|absender|expéditeur|sent by|reply-to"
    r"|message.?id|unsubscribe|forward(?:ed)? to",
    re.IGNORECASE,
)
_ALIAS = re.compile(
    r"(?:expanded|generated|forwarded|resolved) from\b|original(?:ly)?[ -](?:address|recipient|to)", re.IGNORECASE
)
_LABEL = re.compile(
    r"(?:[-*•\d.()\s]{0,8})(?:(?:failed |intended |final |original |invalid |bad |unknown |e-?mail )?"
    r"(?:recipient|address(?:ee)?|user|mailbox|account|destinat\w{1,12}|empfänger|ontvanger|odbiorca|mottagare|modtager"
    r"|получатель|收件人|宛先)\w{0,3}"
    r"|final-recipient|original-recipient|failed|for|delivery to|user unknown|unknown user|unknown address"
    r"|no such user|smtp)"
    r"[^@\n]{0,40}$",
    re.IGNORECASE,
)
_REPLIED = re.compile(r"^(?:<<<\s{0,2})?[45]\d\d[ -](?:[45]\.\d\.\d{1,3}\s{1,2})?[^@]{0,60}$")
_SENTENCE = re.compile(
    r"(?:rcpt|deliver|delivered|send|sent|message|mail|email|e-mail|delivery|relay|nachricht|message|mensaje|messaggio|mensagem"
    r"|délivré|remis|entregado|entregue|recapitato|consegnato|bericht)\s{1,3}(?:to|an|à|a|para|aan)\s{0,3}[:<\"'`]{0,3}$",
    re.IGNORECASE,
)
_TO = re.compile(r"^(?:to|an|à|para|a|aan|do|till|til|кому)\s{0,6}:[^@]{0,80}$", re.IGNORECASE)
_BARE = re.compile(r"\s{0,12}<?([A-Za-z0-9][A-Za-z0-9._+-]{1,63})>?[\s:]{0,4}$")


@dataclass(frozen=True, slots=True)
class Named:
    """An address that the words name, what they say from there to the next one, and how clearly it failed (0: clearest)."""

    address: str
    said: str
    rank: int


def words_of(text: str) -> str:
    """The report's own words: what stands before the mail that came back."""
    text = text[:SCAN_CHARS]
    first = ADDRESS.search(text)
    ends = [found.start() for found in _RETURNED.finditer(text)]
    # A rule before any address or in the first lines opens the report, it does not end it.
    behind = first.start() if first else 60
    cut = next((end for end in ends if end > behind), next((end for end in ends if end > 60), len(text)))
    return text[:cut]


def named_in(words: str, own: set[str]) -> tuple[Named, ...]:
    """The addresses the words say failed: those that a line is about, else those a server refused or a sentence names
    ("your mail to ..."), else those after "To:", else all but whom the sender may ask.

    own: addresses, in lower case, that wrote or got the report.
    """
    ranks: tuple[dict[str, tuple[str, int]], ...] = ({}, {}, {}, {})
    lines = words.split("\n")
    last = ""
    replaced: set[str] = set()
    for number, line in enumerate(lines):
        if "@" not in line and "(a)" not in line:
            continue
        is_more = last in ranks[0] and _continues(lines, ranks[0][last][1], number)
        for address, before in _addresses(line[:2_000]):
            low = address.casefold()
            if low in own or DAEMON.match(low) or low.startswith("imceaex-"):
                continue
            if low in replaced:
                continue
            if _ALIAS.search(before[-60:]):
                # Who sent the letter knows the address before it was expanded.
                at = number
                if last in ranks[0] and number - ranks[0][last][1] <= 3:
                    at = ranks[0].pop(last)[1]
                    replaced.add(last)
                ranks[0].setdefault(low, (address, at))
                last = low
            elif (clear := _rank(before)) is not None:
                clear = max(clear, 1) if is_more else clear
                ranks[clear].setdefault(low, (address, number))
                last = low if clear == 0 else last
    rank = next((number for number, named in enumerate(ranks) if named), 0)
    chosen = ranks[rank]
    starts = sorted(number for _, number in chosen.values())
    return tuple(
        Named(address, "\n".join(lines[number : _end(starts, number, len(lines))]), rank)
        for address, number in chosen.values()
    )


def _continues(lines: list[str], begin: int, number: int) -> bool:
    """Whether a line goes on with the paragraph that a recipient's line began: no blank line, and further in."""
    if number == begin or any(not line.strip() for line in lines[begin:number]) or number - begin > 20:
        return False
    return _indent(lines[number]) > _indent(lines[begin])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def asides_in(words: str, own: set[str]) -> tuple[str, ...]:
    """Every address the words hold but the daemons' and `own`: what is left when they name nobody clearly."""
    found = dict.fromkeys(a for line in words.split("\n") if "@" in line for a, _ in _addresses(line[:2_000]))
    return tuple(a for a in found if a.casefold() not in own and not DAEMON.match(a.casefold()))


def _rank(before: str) -> int | None:
    """How clearly an address is a failed recipient's, by what stands before it on its line: 0 is clearest."""
    start = before.strip(" \t>*|'\"-<[(•")
    if start and _CONTACT.search(before[-80:]):
        return None
    if not start or _LABEL.match(start) or before.casefold().endswith("smtp="):
        return 0
    if _REPLIED.match(start) or _SENTENCE.search(start):
        return 1
    return 2 if _TO.match(start) else 3


def _end(starts: list[int], number: int, total: int) -> int:
    """The line at which the next recipient begins."""
    return next((start for start in starts if start > number), total)


def _addresses(line: str) -> list[tuple[str, str]]:
    """Each address of the line with what stands before it; Message-IDs and links of addresses left out."""
    found = []
    for match in ADDRESS.finditer(line):
        before = line[: match.start()]
        if before[-12:].casefold().endswith(("mailto:", "-id: <", "-id:<", "id=<")) or "://" in match[0]:
            continue
        address = address_in(match[0]) or match[0]
        wrapped = match[0].partition("=")
        if wrapped[0].casefold() == "smtp" and wrapped[2]:
            before, address = f"{before}smtp=", wrapped[2]
        elif "=" in wrapped[1] and wrapped[2] and wrapped[0].casefold().endswith(("to", "rcpt", "addr", "user")):
            address = wrapped[2]
        found.append((address.strip("'.*|`"), before))
    return found


def bare_names(words: str) -> tuple[str, ...]:
    """Local names that stand alone on lines behind a line that ends with a colon: what a server says of its own users."""
    names: list[str] = []
    is_announced = False
    for line in words.split("\n"):
        if not line.strip():
            continue
        found = _BARE.match(line)
        if is_announced and found:
            names.append(found[1])
        else:
            is_announced = line.rstrip().endswith(":") and len(line) > 20
    return tuple(dict.fromkeys(names))[:20]
