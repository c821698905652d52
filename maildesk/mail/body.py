"""What a person wrote now, and what clients put around it: a text as blocks in order.
Line by line, linear; when in doubt a line is the person's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from maildesk.mail.html import QUOTE_BEGINS, QUOTE_ENDS
from maildesk.mail.model import Block, BlockKind
from maildesk.mail.phrasebook import phrases

# An attribution wraps over at most this many lines and characters.
ATTRIBUTION_LINES = 4
ATTRIBUTION_CHARS = 400
# THREATS, T64: the rules look at so many lines, whatever the mail's length.
READ_LINES = 5_000
# A header block over a quote: its labels stand within this many lines.
HEADER_LINES = 10
# More lines below "--" than this are no signature but a text with a dash in it.
SIGNATURE_LINES = 16
BANNER_CHARS = 100
SEPARATOR_CHARS = 120

_QUOTED = re.compile(r"[ \t]{0,3}(?:>|＞|&gt;)")
_DASHES = "-_=—–*"
_RULE = re.compile(r"\s*(?:[_\-=*—–]{5,})\s*$")
_LABEL = re.compile(r"[\s*>|]*([^\W\d_][^:：*<>@]{0,24}?)[\s*]{0,3}[:：][\s*]*(.*)$")
_ADDRESS = re.compile(r"[^\s<>\"'()\[\],;:@]{1,64}@[^\s<>\"'()\[\],;:@]{1,255}")
_MOMENT = re.compile(r"\d{1,2}[:.h]\d{2}|(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,2}[/.]\d{1,2}[/.]\d{2}")
_DATE_FIRST = re.compile(
    r"[\[(*_]{0,2}(?:\w{2,12}\.?,? )?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]{1,2}(?:\d{1,2}"
    r"|\w{3,10}\.?)[-/. ,]{1,2}\d{2,4})"
)
_BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


@dataclass(slots=True)
class _Reading:
    """Where the walk over the lines stands: the lines, which of them a client marked as quoted, their kinds so far."""

    lines: list[str]
    marked: list[bool]
    kinds: list[BlockKind]
    rest_is_quote: bool = False
    rest_from: int = -1
    by_attribution: bool = False


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of a text in order; joined by newlines they are the text, a ">" for html.py's marks."""
    whole = text.split("\n")
    lines, marked = _without_marks([piece for line in whole[:READ_LINES] for piece in _apart(line)])
    beyond, _ = _without_marks(whole[READ_LINES:])
    reading = _Reading(lines, marked, [])
    while len(reading.kinds) < len(lines):
        at = len(reading.kinds)
        if marked[at]:
            reading.kinds.append("attribution" if _is_attribution(lines[at]) else "quote")
        elif reading.rest_is_quote:
            reading.kinds.append("quote")
        else:
            for rule in _RULES:
                if rule(reading, at):
                    break
            else:
                reading.kinds.append("own")
    _reconsider(reading)
    _signatures(reading)
    _banners(reading)
    _disclaimers(reading)
    # What lies further on is what the last line was: nobody writes 5,000 lines and answers below them.
    reading.kinds.extend(reading.kinds[-1:] * len(beyond))
    reading.lines.extend(beyond)
    return _joined(reading)


def own_text(blocks: tuple[Block, ...]) -> str:
    """What the person wrote now: their own blocks and, where they answered between the lines, those lines."""
    spoken = {i for i, block in enumerate(blocks) if block.kind == "own" and block.text.strip()}
    answered = {i for i, block in enumerate(blocks) if block.kind == "quote" and _answer_follows(blocks, i)}
    kept: list[str] = []
    for i, block in enumerate(blocks):
        if i in spoken:
            kept.append(block.text)
        elif i in answered and len(answered) > 1:
            kept.append(_last_paragraph(block.text))
    return _BLANKS.sub("\n\n", "\n".join(kept)).strip("\n").rstrip()


def _apart(line: str) -> tuple[str, ...]:
    """A line whose end is a client's attribution behind the person's last word, as two; any other line alone."""
    if not 20 < len(line) < ATTRIBUTION_CHARS or not line.rstrip().endswith(":") or _QUOTED.match(line):
        return (line,)
    found = _shared().search(line)
    if (
        found is None
        or not _verbs().search(line[found.start() :].casefold())
        or not _MOMENT.search(line[found.start() :])
    ):
        return (line,)
    return line[: found.start()].rstrip("- "), line[found.start(2) :]


@cache
def _shared() -> re.Pattern[str]:
    # The word begins with a capital in the middle of a line, and a date comes at once.
    words = "|".join(re.escape(word.capitalize()) for word in phrases().starts)
    return re.compile(rf"(?<=\S)(\s|-{{2,5}}\s?)((?:{words}) (?:\w{{2,9}}\.?,? )?(?:\d|\w{{3,9}}\.? \d))")


def _answer_follows(blocks: tuple[Block, ...], i: int) -> bool:
    return any(b.text.strip() for b in blocks[i + 1 : i + 2] if b.kind == "own")


def _last_paragraph(text: str) -> str:
    """The lines nearest to the answer, back to the first empty quoted line."""
    lines = text.rstrip().split("\n")
    while lines and not lines[-1].strip(" \t>"):
        lines.pop()
    begin = next((i + 1 for i in range(len(lines) - 1, -1, -1) if not lines[i].strip(" \t>")), 0)
    return "\n".join(lines[begin:])


def _without_marks(lines: list[str]) -> tuple[list[str], list[bool]]:
    """The lines less html.py's quote marks, and for each whether it stood inside them; there it gets a ">"."""
    kept, marked, depth = [], [], 0
    for line in lines:
        word = line.strip()
        if word == QUOTE_BEGINS:
            depth += 1
        elif word == QUOTE_ENDS:
            depth = max(0, depth - 1)
        else:
            bare = line.replace(QUOTE_BEGINS, "").replace(QUOTE_ENDS, "")
            kept.append(f"> {bare.strip()}" if depth and bare.strip() and not _QUOTED.match(bare) else bare)
            marked.append(depth > 0)
    return kept, marked


# --- Rules: each looks at the line where the walk stands and may give it, and lines after it, a kind. ---


def _quoted(reading: _Reading, at: int) -> bool:
    """A line that begins with ">"."""
    if _QUOTED.match(reading.lines[at]):
        reading.kinds.append("quote")
        return True
    return False


def _separator(reading: _Reading, at: int) -> bool:
    """ "-----Original Message-----" in any language: what follows is quoted."""
    title = separator_title(reading.lines[at])
    book = phrases()
    if title is None or (
        title not in book.original
        and title not in book.forwarded
        and not title.startswith(("forwarded by ", "original message from "))
    ):
        return False
    reading.kinds.append("attribution")
    end = header_end(reading.lines, at + 1) or at + 1
    reading.kinds.extend(["attribution"] * (end - at - 1))
    _rest(reading, end)
    return True


def separator_title(line: str) -> str | None:
    """What stands between the dashes of a separator line, in lower case; None for any other line."""
    bare = line[:SEPARATOR_CHARS].strip(" \t>*")
    if len(line) >= SEPARATOR_CHARS or len(bare) < 6 or bare[0] not in _DASHES or bare[1] not in _DASHES:
        return None
    return bare.strip(" .:*" + _DASHES).casefold() or None


def _header_block(reading: _Reading, at: int) -> bool:
    """ "From: Sent: To: Subject:" in any language, a rule above it or not: what follows is quoted."""
    begin = at
    if _RULE.match(reading.lines[at]):
        begin = next((i for i in range(at + 1, min(at + 4, len(reading.lines))) if reading.lines[i].strip()), at)
        if begin == at:
            return False
    end = header_end(reading.lines, begin)
    if end is None:
        return False
    if begin == at and not any(reading.lines[i].strip() for i in range(at)):
        # Nothing stands above it: a form's fields, or a forward without a word; then it is all the mail has.
        return False
    reading.kinds.extend(["attribution"] * (end - at))
    _rest(reading, end)
    return True


def header_end(lines: list[str], at: int) -> int | None:
    """Where the header block that begins at `at` ends: From or Sent and two more labels; None when none begins."""
    labels = phrases().labels
    seen: list[str] = []
    end, blanks = at, 0
    for i in range(at, min(at + HEADER_LINES, len(lines))):
        if not lines[i].strip():
            blanks += 1
            # One empty line between the fields is some clients' layout; it ends the block once enough is seen.
            if blanks > 1 or len(set(seen)) >= 3:
                break
            continue
        found = _LABEL.match(lines[i][:300])
        label = labels.get(found[1].casefold().strip()) if found else None
        if label is None:
            if not seen or blanks or len(lines[i]) > 200:
                break
            continue
        seen.append(label)
        blanks, end = 0, i + 1
    kinds = set(seen)
    enough = (
        ("from" in kinds or seen[:1] == ["sent"]) and len(kinds) >= 3 and seen[0] in ("from", "sent", "subject", "to")
    )
    return end if enough else None


def _attribution(reading: _Reading, at: int) -> bool:
    """ "On 3 May 2026, Lea wrote:" in any language, over one line or several."""
    lines = reading.lines
    joined, first = "", lines[at][:ATTRIBUTION_CHARS].strip(" \t*_-[(").casefold()
    if not first:
        return False
    opens = _opens(first)
    for end in range(at + 1, min(at + ATTRIBUTION_LINES, len(lines)) + 1):
        line = lines[end - 1].strip()
        if not line or reading.marked[end - 1] or _QUOTED.match(line):
            break
        if end > at + 1 and not opens and (_opens(line.casefold()) or "@" not in first):
            # The line above is the person's own; the attribution begins here or further on.
            break
        joined = f"{joined} {line}".strip()
        if len(joined) > ATTRIBUTION_CHARS:
            break
        low = joined.casefold().rstrip(" *_\t])")
        if not low.endswith((":", "：")) and not _verb_ends(low):
            continue
        quote_follows = _quote_follows(lines, end, reading.marked)
        if _attributes(low, opens, quote_follows, is_one_line=end == at + 1):
            reading.kinds.extend(["attribution"] * (end - at))
            if not quote_follows:
                reading.by_attribution = True
                _rest(reading, end)
            return True
    return False


def _is_attribution(line: str) -> bool:
    """Whether a line inside a client's quote mark is its attribution."""
    low = line[:ATTRIBUTION_CHARS].strip(" \t*_-[(>").casefold()
    return low.endswith((":", "：")) and _attributes(low, _opens(low), False, is_one_line=True)


def _attributes(low: str, opens: bool, quote_follows: bool, *, is_one_line: bool) -> bool:
    has_verb = _verbs().search(low) is not None
    has_address = _ADDRESS.search(low) is not None
    has_moment = _MOMENT.search(low) is not None
    if quote_follows:
        if has_verb and (opens or has_address or has_moment or is_one_line):
            return len(low) < 300
        return (has_address or has_moment) and (opens or _DATE_FIRST.match(low) is not None)
    # Without ">" below, all that follows is taken as quoted: only a line that no person types by hand may do that.
    if not low.endswith((":", "：")) or not has_moment or not opens:
        return False
    return has_verb or (has_address and _DATE_FIRST.match(low) is not None)


def _opens(first: str) -> bool:
    return first.startswith(_starts()) or _DATE_FIRST.match(first) is not None


@cache
def _starts() -> tuple[str, ...]:
    return tuple(f"{word} " for word in phrases().starts)


@cache
def _verbs() -> re.Pattern[str]:
    # Chinese, Japanese and Korean have no spaces: their verbs need no border.
    return re.compile(
        "|".join(re.escape(v) if ord(v[0]) > 0x2FFF else rf"(?<!\w){re.escape(v)}(?!\w)" for v in phrases().verbs)
    )


def _verb_ends(low: str) -> bool:
    return low.endswith(phrases().verbs)


def _quote_follows(lines: list[str], at: int, marked: list[bool]) -> bool:
    """Whether the next line that is not empty, at most three on, is quoted."""
    for i in range(at, min(at + 4, len(lines))):
        if marked[i] or _QUOTED.match(lines[i]):
            return True
        if lines[i].strip():
            return False
    return False


_RULES = (_quoted, _separator, _header_block, _attribution)


def _rest(reading: _Reading, at: int) -> None:
    """From here on everything is quoted, unless ">" or a client's mark says line by line what is."""
    if not _quote_follows(reading.lines, at, reading.marked):
        reading.rest_is_quote, reading.rest_from = True, at


def _reconsider(reading: _Reading) -> None:
    """A mail in which an attribution leaves nothing to the person is their own below it: when in doubt keep."""
    if not reading.rest_is_quote or not reading.by_attribution:
        return
    if not any(kind == "own" and line.strip() for kind, line in zip(reading.kinds, reading.lines, strict=True)):
        for i in range(reading.rest_from, len(reading.lines)):
            reading.kinds[i] = "own"


def _signatures(reading: _Reading) -> None:
    """The lines from "-- " to the end of the person's own run (RFC 3676, 4.3)."""
    lines, kinds = reading.lines, reading.kinds
    at, anything_before = 0, False
    while at < len(lines):
        if kinds[at] == "own" and _opens_signature(lines, at):
            end = next((i for i in range(at, len(lines)) if kinds[i] != "own"), len(lines))
            filled = sum(1 for line in lines[at:end] if line.strip())
            if filled <= SIGNATURE_LINES and anything_before:
                kinds[at:end] = ["signature"] * (end - at)
            at = end
        else:
            anything_before = anything_before or kinds[at] != "own" or bool(lines[at].strip())
            at += 1


def _opens_signature(lines: list[str], at: int) -> bool:
    """ "-- " anywhere; a bare "--", whose space a server took, only below an empty line."""
    line = lines[at].replace("\xa0", " ")
    return line in ("-- ", "--  ") or (line == "--" and at > 0 and not lines[at - 1].strip())


def _banners(reading: _Reading) -> None:
    """ "Sent from my iPhone", where it closes the person's own run."""
    lines, kinds = reading.lines, reading.kinds
    starts = phrases().banners
    for at, line in enumerate(lines):
        low = line.strip(" \t*_<>[]~").casefold()
        if (
            kinds[at] != "own"
            or not low.startswith(starts)
            or len(low) > BANNER_CHARS
            or "," in low
            or low.endswith(("?", ":"))
        ):
            continue
        stands_apart = at == 0 or not lines[at - 1].strip() or _RULE.match(lines[at - 1]) is not None
        if stands_apart and _closes(reading, at + 1):
            kinds[at] = "banner"


def _disclaimers(reading: _Reading) -> None:
    """What a gateway adds under a rule at the end of a mail: that it is confidential, that it was scanned."""
    lines, kinds = reading.lines, reading.kinds
    has_own = False
    for at, line in enumerate(lines):
        if kinds[at] != "own" or not line.strip():
            continue
        if has_own and len(line) > 15 and _RULE.match(line):
            below = " ".join(lines[at + 1 : at + 14]).casefold()
            if any(phrase in below for phrase in phrases().disclaimers):
                end = next((i for i in range(at, len(lines)) if kinds[i] != "own"), len(lines))
                kinds[at:end] = ["banner"] * (end - at)
                return
        has_own = True


def _closes(reading: _Reading, at: int) -> bool:
    """Whether at most one more own line that is not empty comes before the run ends."""
    filled = 0
    while at < len(reading.lines) and reading.kinds[at] == "own" and filled < 2:
        filled += bool(reading.lines[at].strip())
        at += 1
    return filled < 2


def _joined(reading: _Reading) -> tuple[Block, ...]:
    blocks: list[Block] = []
    begin = 0
    for at in range(1, len(reading.lines) + 1):
        if at == len(reading.lines) or reading.kinds[at] != reading.kinds[begin]:
            blocks.append(Block(reading.kinds[begin], "\n".join(reading.lines[begin:at])))
            begin = at
    return tuple(blocks)
