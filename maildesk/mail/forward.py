"""What a person forwarded in the text of a mail: the inner author, date, subject and text.
Line by line, linear; a reply that quotes is no forward."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache

from maildesk.mail.attribution import ADDRESS
from maildesk.mail.body import blocks_of, own_text
from maildesk.mail.charset import one_line
from maildesk.mail.inner_author import named_in
from maildesk.mail.model import Block, Forwarded, Person
from maildesk.mail.moment import MOMENT_CHARS, moment_of
from maildesk.mail.phrasebook import phrases
from maildesk.mail.quotes import READ_LINES

# A forwarder's separator stands above the header block by at most so many empty lines.
GAP_LINES = 4
# Long lists in To and Cc wrap over many lines.
BLOCK_LINES = 40
LINE_CHARS = 2_000
# A program wraps a subject not before this.
WRAPPED_CHARS = 60
# "Forwarded by Ana Lima/Sales/Example on 21.11.2026 10:00" is as long as separators become.
SEPARATOR_CHARS = 200
# A forward of a forward of a forward: nobody reads deeper, and nobody can say who wrote it.
DEPTH = 4
# What people forward is shorter; the time for one mail is not spent twice on a longer one.
CUT_LINES = 1_000
# What a program makes of a subject it forwards, or a gateway writes in front of it.
_TAGS = re.compile(r"\s*(?:\[[^\[\]]{1,40}\]\s*){0,3}")
_PREFIX = re.compile(r"([^\W\d_]{1,14})\s{0,3}(?:\[\d{1,3}\]|\(\d{1,3}\))?\s{0,3}[:：]\s*")
_BRACKETED = re.compile(r"\s*\[fwd?:\s*(.*?)\]?\s*$", re.IGNORECASE)
_DASHED = re.compile(r"[-_=—–─*]{2,}[ \t]{0,20}([^-_=—–─*\s].{0,150}?)[ \t]{0,20}[-_=—–─*]{2,}[.:：]?$")
_DASHED_AND_MORE = re.compile(
    r"([ \t]{0,20}[-_=—–─]{3,40} {0,20}[^-_=—–─\s:：]{1,30}(?: [^-_=—–─\s:：]{1,30}){0,4} {0,20}[-_=—–─]{3,40})[ \t]{1,20}(\S.*)$"
)
_RULE = re.compile(r"\s*[_\-=*—–─]{5,}\s*$")
_MARK = re.compile(r"[ \t]{0,3}(?:>|＞) ?")
_LABEL = re.compile(r"[\s*|]*([^\W\d_][^:：*<>@]{0,24}?)[\s*|]{0,4}[:：][\s*|]*(.*)$")
_SEEN = ("from", "sent", "subject", "to")


@dataclass(frozen=True, slots=True)
class _Block:
    """A header block as it was read: the field of each kind, the "from" label that stood there, where the text begins."""

    fields: dict[str, str]
    label: str
    end: int


def forwarded_in(text: str, subject: str, near: datetime | None = None, zone: tzinfo = UTC) -> Forwarded | None:
    """The mail that the text forwards, None when it forwards none.

    Found by a forwarder's separator, or by a header block under a forward's subject, where nothing quoted stands above it.
    near, zone: when and where the mail around it was written, for dates that leave that open.
    """
    return _forwarded(text, subject, near, zone, 0)


def _forwarded(text: str, subject: str, near: datetime | None, zone: tzinfo, depth: int) -> Forwarded | None:
    lines = _lines(text)
    place = _place(lines, forward_prefix(subject))
    if place is None:
        return None
    at, begin = place
    below = _unmarked(lines[begin:])
    block = _block(below)
    end = block.end if block else 0
    fields = dict(block.fields) if block else {}
    if "from" not in fields:
        line = _attribution(below, end)
        if line is None:
            return None
        fields["from"], end = line
        fields.setdefault("sent", fields["from"])
        fields["from"] = _author_part(fields["from"])
    found = named_in(fields["from"])
    inner = fields.get("subject") or without_forward_prefix(subject)
    whole = "\n".join(_without_ends(below[end:])).strip()
    nested = _forwarded(whole, inner, near, zone, depth + 1) if depth < DEPTH else None
    # A mail that forwards another has two possible authors; one that answers another has one.
    authors = _each_once((*found.candidates, *(_all(nested) if nested else ())))
    return Forwarded(
        author=found.person,
        subject=one_line(inner),
        date=moment_of(fields.get("sent", ""), near, zone),
        text=whole,
        name=found.name,
        authors=authors if len(authors) > 1 or found.person is None else (),
        above="" if depth else own_text(cut("\n".join(lines[:at]))),
    )


def cut(text: str) -> tuple[Block, ...]:
    """The blocks of a text around a forward or in it; a very long one is not looked at again, all of it is the person's."""
    return blocks_of(text) if text.count("\n") < CUT_LINES else (Block("own", text),)


def _all(forwarded: Forwarded) -> tuple[Person, ...]:
    return forwarded.authors or ((forwarded.author,) if forwarded.author else ())


def _each_once(people: tuple[Person, ...]) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for person in people:
        found.setdefault(person.address.casefold(), person)
    return tuple(found.values())


def forward_prefix(subject: str) -> str:
    """What marks the subject as a forward's, "fwd" for "[Fwd: x]"; "" when the outermost prefix is another or none."""
    if _BRACKETED.match(subject[:200]):
        return "fwd"
    found = _PREFIX.match(subject, _after_tags(subject))
    # The Turkish "İ" becomes an i with a dot above of its own.
    word = found[1].casefold().replace("\u0307", "") if found else ""
    return word if word in phrases().forward_prefixes else ""


def without_forward_prefix(subject: str) -> str:
    """The subject of the mail that was forwarded under this one."""
    if bracketed := _BRACKETED.match(subject[:1_000]):
        return bracketed[1].strip()
    if not forward_prefix(subject):
        return subject.strip()
    found = _PREFIX.match(subject, _after_tags(subject))
    return subject[found.end() :].strip() if found else subject.strip()


def _after_tags(subject: str) -> int:
    found = _TAGS.match(subject)
    return found.end() if found else 0


def _place(lines: list[str], prefix: str) -> tuple[int, int] | None:
    """Where the forward's first line stands, and where its header block may begin."""
    book = phrases()
    has_words = False
    for at, line in enumerate(lines):
        bare = line.strip(" \t*|>＞\r")
        if not bare or len(line) > LINE_CHARS:
            has_words = has_words or bool(bare)
            continue
        title, is_dashed = _title(bare)
        if title and (_opens_forward(title, is_dashed) or (prefix and is_dashed and title in book.original)):
            begin = _next_filled(lines, at + 1)
            if begin is not None and _is_readable(_unmarked(lines[begin : begin + BLOCK_LINES])):
                return at, begin
            continue
        if is_dashed and title in book.original:
            return None
        if _RULE.match(bare):
            continue
        if (found := _LABEL.match(bare[:300])) and book.labels.get(found[1].casefold().strip()) in _SEEN:
            block = _block(_unmarked(lines[at : at + BLOCK_LINES]))
            if block and _is_whole(block):
                is_reply = block.label in book.forward_prefixes.get(prefix, frozenset())
                return (_above_rule(lines, at), at) if prefix and not is_reply else None
        if prefix and not has_words and _attribution(_unmarked(lines[at : at + 3]), 0):
            return at, at
        if _MARK.match(line):
            # A quoted block under a line of its own ("> Message du 21/11/26 10:00") is forwarded; any other quote is
            # somebody's history, and so is what comes below it.
            block = _block(_unmarked(lines[at : at + BLOCK_LINES])) if prefix else None
            return (at, at) if block and _is_whole(block) else None
        has_words = True
    return None


def _title(bare: str) -> tuple[str, bool]:
    """What a separator line says, in lower case, and whether it stands between dashes; "" for a line of another kind."""
    if len(bare) > SEPARATOR_CHARS:
        return "", False
    if found := _DASHED.match(bare):
        return found[1].strip(" .:：*" + "-_=—–").casefold(), True
    low = bare.rstrip(" :：*").casefold()
    return (low, False) if len(low) < 80 and bare.endswith((":", "：", "*")) else ("", False)


def _opens_forward(title: str, is_dashed: bool) -> bool:
    """A separator names the mail, and perhaps from whom it is: "forwarded message from Lea"."""
    book = phrases()
    return title in book.forwarded or (is_dashed and title.startswith(_openings()))


@cache
def _openings() -> tuple[str, ...]:
    return tuple(f"{word} " for word in phrases().forwarded)


def _lines(text: str) -> list[str]:
    """The lines that are looked at; one that holds a separator and all fields is taken apart, the first two times."""
    lines: list[str] = []
    apart = 0
    for line in text.split("\n", READ_LINES)[:READ_LINES]:
        pieces = _apart(line) if apart < 2 else (line,)
        apart += len(pieces) > 1
        lines += pieces
    return lines


def _apart(line: str) -> tuple[str, ...]:
    """A line that holds a separator and a whole header block (Yahoo's text does), as one line each; any other alone."""
    if len(line) > LINE_CHARS or ("--" not in line and "==" not in line):
        return (line,)
    found = _DASHED_AND_MORE.match(line)
    if found is None or not _opens_forward(_title(found[1].strip())[0], True):
        return (line,)
    pieces = _label_begins().split(found[2])
    return (found[1], *(piece for piece in pieces if piece.strip()), "")


@cache
def _label_begins() -> re.Pattern[str]:
    labels = "|".join(re.escape(word) for word in sorted(phrases().labels, key=len, reverse=True))
    return re.compile(rf"(?<=[>\s\w\]])(?=(?:{'|'.join(w for w in labels.split('|'))})\s?[:：]\s)", re.IGNORECASE)


def _next_filled(lines: list[str], at: int) -> int | None:
    return next((i for i in range(at, min(at + GAP_LINES, len(lines))) if lines[i].strip(" \t>|*")), None)


def _above_rule(lines: list[str], at: int) -> int:
    """The rule over a header block belongs to the forward."""
    above = next((i for i in range(at - 1, max(at - 3, -1), -1) if lines[i].strip(" \t>")), None)
    return above if above is not None and _RULE.match(lines[above].strip(" \t>")) else at


def _unmarked(lines: list[str]) -> list[str]:
    """The lines less the quote marks that the first one bears: a program quotes what it forwards."""
    first = next((line for line in lines if line.strip()), "")
    depth = 0
    while depth < DEPTH and (mark := _MARK.match(first)):
        first, depth = first[mark.end() :], depth + 1
    out = []
    for line in lines:
        for _ in range(depth):
            mark = _MARK.match(line)
            line = line[mark.end() :] if mark else line
        out.append(line)
    return out


def _is_readable(below: list[str]) -> bool:
    block = _block(below)
    if block and "from" in block.fields and len(block.fields) > 1:
        return True
    return _attribution(below, block.end if block else 0) is not None


def _is_whole(block: _Block) -> bool:
    """Without a separator above it a block must name From, when or about what, and a third thing."""
    return "from" in block.fields and len(block.fields) >= 3 and bool({"sent", "subject"} & block.fields.keys())


def _block(lines: list[str]) -> _Block | None:
    """The header block at the top of the lines."""
    labels = phrases().labels
    fields: dict[str, str] = {}
    last, label, end, gap, dated = "", "", 0, 0, ""
    for at, line in enumerate(lines[:BLOCK_LINES]):
        if not line.strip(" \t|*"):
            gap += 1
            # One empty line between the fields is some programs' layout; two, or all that matters read, end the block.
            if fields and (gap > 1 or {"from", "sent", "subject"} <= fields.keys()):
                break
            continue
        found = _LABEL.match(line[:LINE_CHARS])
        kind = labels.get(found[1].casefold().strip()) if found else None
        if found and kind and kind not in fields:
            fields[kind], last, end = found[2].strip(" *|\t"), kind, at + 1
            label = found[1].casefold().strip() if kind == "from" else label
        elif (gap and fields) or kind == "from":
            # The second author is another mail's.
            break
        elif kind:
            continue
        elif last and _continues(fields[last], last, line, lines[at - 1]):
            fields[last], end = f"{fields[last]} {line.strip(' *|')}".strip(), at + 1
        elif kind is None and len(line) < MOMENT_CHARS and not dated and (at == 0 or fields) and moment_of(line):
            # "Message du 21/11/26 10:00" over the fields, "On 21 Nov 2026, 10:00" among them.
            dated = line
            end = at + 1 if fields else end
        elif kind is None and not (found and fields and _field_follows(lines, at + 1)):
            break
        gap = 0
    if not fields:
        return None
    if dated:
        fields.setdefault("sent", dated)
    return _Block(fields, label, end)


def _continues(value: str, kind: str, line: str, above: str) -> bool:
    """Whether a line goes on with the field above it."""
    if not value:
        return True
    if kind in ("to", "cc"):
        return value.endswith((",", ";")) or line[:1] in " \t" or (ADDRESS.search(line) is not None and "@" in value)
    if kind == "from":
        return "@" not in value and ADDRESS.search(line) is not None and len(line) < MOMENT_CHARS
    return kind == "subject" and (line[:1] in " \t" or len(above) >= WRAPPED_CHARS) and len(line) < WRAPPED_CHARS


def _field_follows(lines: list[str], at: int) -> bool:
    """Whether the next line is a field that everybody knows: the one above it is a field that nobody needs."""
    found = _LABEL.match(lines[at][:300]) if at < len(lines) else None
    return found is not None and found[1].casefold().strip() in phrases().labels


def _attribution(lines: list[str], at: int) -> tuple[str, int] | None:
    """A line of date, name and address over the text in place of a header block, and where the text begins."""
    begin = _next_filled(lines, at)
    if begin is None:
        return None
    joined = ""
    for end in range(begin, min(begin + 3, len(lines))):
        joined = f"{joined} {lines[end].strip()}".strip()
        if len(joined) > 3 * MOMENT_CHARS or not lines[end].strip():
            return None
        if joined.rstrip("* ").endswith((":", "：")):
            found = ADDRESS.search(joined)
            return (joined, end + 1) if found and moment_of(joined) else None
    return None


def _author_part(line: str) -> str:
    """ "Lea Martin <lea@x.test>" of "21.11.2026, 10:00, "Lea Martin" <lea@x.test>:"."""
    found = ADDRESS.search(line)
    if found is None:
        return line
    before = line[: found.start()]
    name = re.split(r"\d,?\s|\d{2}[^\W\d_]{0,2},\s|,\s", before)[-1]
    return f"{name.strip(' <([')} <{found[0]}>"


def _without_ends(lines: list[str]) -> list[str]:
    """The lines less the separators that close the header block or the forward ("----- End forwarded message -----")."""
    filled = [i for i, line in enumerate(lines) if line.strip(" \t>")]
    if filled and _closes(lines[filled[-1]]):
        lines = lines[: filled.pop()]
    if filled and (_closes(lines[filled[0]]) or _RULE.match(lines[filled[0]])):
        below = lines[filled[0] + 1 :]
        begin = _next_filled(below, 0)
        # With a header block under it it opens another forward.
        return lines if begin is not None and _is_readable(below[begin : begin + BLOCK_LINES]) else below
    return lines


def _closes(line: str) -> bool:
    title, is_dashed = _title(line.strip(" \t*|>"))
    return is_dashed and title in phrases().forwarded
