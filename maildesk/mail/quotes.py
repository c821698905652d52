"""Where a quote begins in a text: ">" lines, separators, header blocks, attribution lines, in any language.
Line by line, linear; knows shapes, the words are in the phrase book. When in doubt a line is the person's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildesk.mail.attribution import (
    ADDRESS,
    ATTRIBUTION_CHARS,
    ATTRIBUTION_LINES,
    COLONS,
    DASHED,
    DATE,
    END_TRIM,
    NAMED_WORDS,
    QUOTED,
    TIME,
    TRIM,
    attributes,
    ended,
    is_named,
    opens_line,
)
from maildesk.mail.model import BlockKind
from maildesk.mail.phrasebook import phrases

# THREATS, T64: the rules look at so many lines, whatever the mail's length.
READ_LINES = 5_000
# A header block over a quote: its labels stand within this many lines.
HEADER_LINES = 10
# So many labels are a mail's; fewer may be a form's.
ENOUGH_LABELS = 3
SEPARATOR_CHARS = 120
RULE_CHARS = 300
# A quoted line that a client wrapped goes on for at most this long without its ">".
TORN_CHARS = 200

# Without one of these no line opens a quote where nothing is quoted by ">".
_SIGNS = re.compile(r"[:：︰@\d]|^\s{0,80}[^\s\w]|^\s{0,80}_")
_RULE = re.compile(r"(?:[_\-=*—–~#+][ \t]?){5,}$")
_DASHES = "-_=—–*"
_LABEL = re.compile(r"[\s*>|]*([^\W\d_][^:：*<>@]{0,24}?)[\s*]{0,3}[:：][\s*]*(.*)$")
_INNER_LABEL = re.compile(r"(?<=[\s*>])([^\W\d_]{1,20})\s?[:：]")
# Notes: "Forwarded by Ana Lima/Desk on 21/11/2026 10:00".
_NAMED = re.compile(r"[\d@/]")
_ABOVE = re.compile(r"[^\w\s]{1,20}[\s\W]{0,20}\w")
# A client's own mark in front of a quoted line that mbox wrote: ">From" is no quote (RFC 4155).
_FROM_LINE = re.compile(r">From [^\n:]{0,200}$")


@dataclass(slots=True)
class Reading:
    """Where the walk over the lines stands: the lines, which of them a client marked as quoted, their kinds so far."""

    lines: list[str]
    marked: list[bool]
    kinds: list[BlockKind]
    rest_is_quote: bool = False
    rest_from: int = -1
    by_attribution: bool = False
    is_second: bool = False


def walk(reading: Reading) -> None:
    """Give every line a kind: "own", "quote" or "attribution"."""
    lines, kinds, marked = reading.lines, reading.kinds, reading.marked
    has_quotes = any(marked) or any(QUOTED.match(line) for line in lines)
    while len(kinds) < len(lines):
        at = len(kinds)
        if marked[at]:
            kinds.append("attribution" if _is_attribution(lines[at]) else "quote")
        elif reading.rest_is_quote:
            kinds.append("quote")
        elif not has_quotes and not _SIGNS.search(lines[at]):
            # Nearly every line that people write: no rule takes it.
            kinds.append("own")
        elif not any(rule(reading, at) for rule in _RULES):
            kinds.append("own")
    _reconsider(reading)


# --- Rules: each looks at the line where the walk stands and may give it, and lines after it, a kind. ---


def _quoted(reading: Reading, at: int) -> bool:
    """A line that begins with ">", or the torn-off end of one."""
    line = reading.lines[at]
    if QUOTED.match(line) and not (_FROM_LINE.match(line) and not _quoted_beside(reading, at)):
        reading.kinds.append("quote")
        return True
    if at > 0 and reading.kinds[at - 1] == "quote" and not reading.marked[at - 1] and _is_torn(reading.lines, at):
        reading.kinds.append("quote")
        return True
    return False


def _quoted_beside(reading: Reading, at: int) -> bool:
    return any(
        0 <= i < len(reading.lines) and QUOTED.match(reading.lines[i]) and not _FROM_LINE.match(reading.lines[i])
        for i in (at - 1, at + 1)
    )


def _is_torn(lines: list[str], at: int) -> bool:
    """Whether this line is the rest of a link that a client broke off the quoted line above it."""
    line, above = lines[at].strip(), lines[at - 1]
    if not line or len(line) > TORN_CHARS or " " in line.strip(" >()<"):
        return False
    opened = max(above.rfind("("), above.rfind("<"))
    if opened >= 0 and "://" in above[opened:] and above.find(")", opened) < 0 and above.find(">", opened + 1) < 0:
        return line.rstrip(" >").endswith((")", ">")) or line.endswith((")", ">"))
    quoted_below = at + 1 < len(lines) and QUOTED.match(lines[at + 1]) is not None
    return quoted_below and line.startswith(("(http", "<http"))


def _separator(reading: Reading, at: int) -> bool:
    """ "-----Original Message-----" in any language: what follows is quoted."""
    book = phrases()
    line = reading.lines[at]
    title = separator_title(line)
    is_desk_line = len(line) < SEPARATOR_CHARS and "?" not in line and _ABOVE.match(line) is not None
    if is_desk_line and any(phrase in line.casefold() for phrase in book.above):
        # "##- Please type your reply above this line -##" is how desks begin their letters.
        reading.kinds.append("attribution")
        _rest(reading, at + 1)
        return True
    if title is None and len(line) < SEPARATOR_CHARS and line.rstrip().endswith(COLONS):
        # Apple writes "Begin forwarded message:" without dashes, with the header right below.
        bare = line.strip(" \t*:：").casefold()
        if bare in book.forwarded and _header_follows(reading, at + 1):
            title = bare
    if title is None or (
        title not in book.original
        and title not in book.forwarded
        and not (title.startswith(("forwarded by ", "original message from ")) and _NAMED.search(title))
    ):
        return False
    if title in book.forwarded and not any(line.strip() for line in reading.lines[:at]):
        # A forward without a word above it is all that the mail has: its header block opens nothing either.
        begin = next((i for i in range(at + 1, min(at + 4, len(reading.lines))) if reading.lines[i].strip()), at + 1)
        end = header_end(reading.lines, begin) or at + 1
        reading.kinds.extend(["own"] * (end - at))
        return True
    reading.kinds.append("attribution")
    end = header_end(reading.lines, at + 1) or at + 1
    reading.kinds.extend(["attribution"] * (end - at - 1))
    _rest(reading, end)
    return True


def _header_follows(reading: Reading, at: int) -> bool:
    """Whether a label of a header block stands on the next line that is not empty, at most three on."""
    for line in reading.lines[at : at + 4]:
        if line.strip():
            found = _LABEL.match(line[:300])
            return found is not None and found[1].casefold().strip() in phrases().labels
    return False


def is_rule(line: str) -> bool:
    """Whether the line is nothing but dashes, stars or their like, at least five."""
    bare = line.strip()
    return 5 <= len(bare) <= RULE_CHARS and _RULE.match(bare) is not None


def separator_title(line: str) -> str | None:
    """What stands between the dashes of a separator line, in lower case; None for any other line."""
    bare = line[:SEPARATOR_CHARS].strip(" \t>*")
    if len(line) >= SEPARATOR_CHARS or len(bare) < 6 or bare[0] not in _DASHES or bare[1] not in _DASHES:
        return None
    # Turkish writes "İleti"; folded, its dot stands beside the letter.
    return bare.strip(" .:*" + _DASHES).casefold().replace("\u0307", "") or None


def _header_block(reading: Reading, at: int) -> bool:
    """ "From: Sent: To: Subject:" in any language, a rule above it or not: what follows is quoted."""
    begin = at
    if is_rule(reading.lines[at]):
        begin = next((i for i in range(at + 1, min(at + 4, len(reading.lines))) if reading.lines[i].strip()), at)
        if begin == at:
            return False
    end = header_end(reading.lines, begin) or (begin + 1 if _is_header_line(reading.lines[begin]) else None)
    if end is None:
        return False
    if begin == at and not any(reading.lines[i].strip() for i in range(at)):
        # Nothing stands above it: a form's fields, or a forward without a word; then it is all the mail has.
        return False
    if (
        begin == at
        and not _is_header_line(reading.lines[at])
        and end - at < ENOUGH_LABELS
        and _is_crowded(reading.lines, at, end)
    ):
        return False
    above = next((i for i in range(at - 1, max(-1, at - 4), -1) if reading.lines[i].strip()), at - 1)
    if begin == at and reading.kinds[above] == "own" and is_announced(reading.lines, at):
        # The next label would open the same block.
        reading.kinds.extend(["own"] * (end - at))
        return True
    reading.kinds.extend(["attribution"] * (end - at))
    _rest(reading, end)
    return True


def _is_crowded(lines: list[str], at: int, end: int) -> bool:
    """Whether a short block has other lines right above or below it: then its two labels are fields of a form."""
    return bool(lines[at - 1].strip()) or (end < len(lines) and bool(lines[end].strip()))


def is_announced(lines: list[str], at: int) -> bool:
    """Whether the line above ends in a colon: what stands here is what the person wants to show."""
    above = next((lines[i].rstrip() for i in range(at - 1, max(-1, at - 4), -1) if lines[i].strip()), "")
    return above.endswith(COLONS) and not is_rule(above)


def _is_header_line(line: str) -> bool:
    """Whether "From: Ana Sent: Saturday To: Lea Subject: mount" stands on one line, as HTML without breaks becomes."""
    if not 40 < len(line) <= ATTRIBUTION_CHARS or sum(line.count(colon) for colon in COLONS) < 3:
        return False
    found = _LABEL.match(line)
    labels = phrases().labels
    first = labels.get(found[1].casefold().strip()) if found else None
    if first not in ("from", "sent") or not (TIME.search(line) or ADDRESS.search(line)):
        return False
    kinds = {labels.get(word.casefold()) for word in _INNER_LABEL.findall(line)} - {None}
    return len(kinds | {first}) >= 3


def header_end(lines: list[str], at: int) -> int | None:
    """Where the header block that begins at `at` ends; None when none begins.

    Three labels with From or Sent among them, and all four or a subject with a moment or an address, as no form has; two where
    one has an address and the other a moment.
    """
    labels = phrases().labels
    seen: list[str] = []
    values: dict[str, str] = {}
    end, blanks, skipped = at, 0, 0
    for i in range(at, min(at + HEADER_LINES, len(lines))):
        if QUOTED.match(lines[i]) and not QUOTED.match(lines[at]):
            break
        if not lines[i].strip():
            blanks += 1
            # One empty line between the fields is some clients' layout; it ends the block once enough is seen.
            if blanks > 1 or skipped or len(set(seen)) >= 3:
                break
            continue
        found = _LABEL.match(lines[i][:300])
        label = labels.get(found[1].casefold().strip()) if found else None
        if found is None or label is None:
            if not seen or blanks or len(lines[i]) > 200:
                break
            skipped += 1
            continue
        if not seen and label == "to" and len(found[1].strip()) == 1:
            # "A: The heavy one." answers "Q:"; no client begins with it.
            return None
        seen.append(label)
        values.setdefault(label, found[2])
        blanks, skipped, end = 0, 0, i + 1
    kinds = set(seen)
    if not seen or seen[0] not in ("from", "sent", "subject", "to"):
        return None
    sent = values.get("sent", "")
    is_dated = TIME.search(sent) is not None and DATE.search(sent) is not None
    has_address = any(ADDRESS.search(values.get(label, "")) for label in ("from", "to", "cc"))
    if len(kinds) >= 3:
        is_whole = {"from", "sent", "to", "subject"} <= kinds
        is_mail = has_address or is_whole or ("subject" in kinds and TIME.search(sent) is not None)
        return end if is_mail and ("from" in kinds or seen[0] == "sent") else None
    return end if is_dated and has_address and seen[0] in ("from", "sent") else None


def _attribution(reading: Reading, at: int) -> bool:
    """ "On 3 May 2026, Lea wrote:" in any language, over one line or several."""
    lines = reading.lines
    joined, first = "", lines[at][:ATTRIBUTION_CHARS].strip(TRIM).casefold()
    if not first or len(lines[at]) > ATTRIBUTION_CHARS:
        return False
    opens = opens_line(first)
    is_gapped = False
    for end in range(at + 1, min(at + ATTRIBUTION_LINES + 1, len(lines)) + 1):
        line = lines[end - 1].strip()
        if not line and opens and not is_gapped and end > at + 1 and TIME.search(joined):
            # Some clients set the address of a line that they began with a date on lines of its own.
            is_gapped = True
            continue
        if not line or reading.marked[end - 1] or (QUOTED.match(line) and not is_gapped):
            break
        if end > at + 1 and not opens and (opens_line(line.casefold()) or "@" not in first):
            # The line above is the person's own; the attribution begins here or further on.
            break
        if end > at + 1 and TIME.search(joined) and DATE.search(line) and (is_gapped or opens_line(line.casefold())):
            # The next line of a log, or the attribution itself.
            break
        joined = f"{joined} {line}".strip()
        if len(joined) > ATTRIBUTION_CHARS:
            break
        low = ended(joined.casefold())
        if low is None:
            continue
        quote_follows = _quote_follows(lines, end, reading.marked)
        if (is_gapped and ADDRESS.search(low) is None) or (not quote_follows and not is_named(joined)):
            continue
        is_dashed = end == at + 1 and DASHED.fullmatch(lines[at].strip()) is not None
        if is_dashed or attributes(low, opens, quote_follows, is_one_line=end == at + 1):
            if end > at + 1 and not opens and _begins_later(lines, at, end, quote_follows):
                return False
            reading.kinds.extend(["attribution"] * (end - at))
            if not quote_follows:
                reading.by_attribution = True
                _rest(reading, end)
            return True
        if line.endswith(COLONS):
            # No client goes on behind its colon.
            break
    return False


def _begins_later(lines: list[str], at: int, end: int, quote_follows: bool) -> bool:
    """Whether the lines below the first are an attribution without it: then it is the person's own."""
    if (
        ADDRESS.search(lines[at])
        and not ADDRESS.search(" ".join(lines[at + 1 : end]))
        and len(lines[at].split()) <= NAMED_WORDS
    ):
        # The address belongs to the date and the verb below it.
        return False
    for begin in range(at + 1, end):
        low = ended(" ".join(line.strip() for line in lines[begin:end]).casefold())
        if low is not None and attributes(low, opens_line(low), quote_follows, is_one_line=begin == end - 1):
            return True
    return False


def _is_attribution(line: str) -> bool:
    """Whether a line inside a client's quote mark is its attribution."""
    low = line[:ATTRIBUTION_CHARS].strip(TRIM + ">").casefold()
    return low.rstrip(END_TRIM).endswith(COLONS) and attributes(low, opens_line(low), False, is_one_line=True)


def _quote_follows(lines: list[str], at: int, marked: list[bool]) -> bool:
    """Whether the next line that is not empty, at most three on, is quoted."""
    for i in range(at, min(at + 4, len(lines))):
        if marked[i] or QUOTED.match(lines[i]):
            return True
        if lines[i].strip():
            return False
    return False


_RULES = (_quoted, _separator, _header_block, _attribution)


def _rest(reading: Reading, at: int) -> None:
    """From here on everything is quoted, unless ">" or a client's mark says line by line what is."""
    if not _quote_follows(reading.lines, at, reading.marked):
        reading.rest_is_quote, reading.rest_from = True, at


def _reconsider(reading: Reading) -> None:
    """A mail in which an attribution leaves nothing to the person is their own below it: when in doubt keep."""
    if not reading.rest_is_quote or not reading.by_attribution:
        return
    if not any(kind == "own" and line.strip() for kind, line in zip(reading.kinds, reading.lines, strict=True)):
        if reading.is_second:
            reading.kinds[reading.rest_from :] = ["own"] * (len(reading.lines) - reading.rest_from)
            return
        # What a client quoted further down still is; looked for once, or a row of such lines would each be.
        del reading.kinds[reading.rest_from :]
        reading.rest_is_quote, reading.by_attribution, reading.is_second = False, False, True
        walk(reading)
