"""What stands below a person's last word: the signature, a client's banner, a gateway's disclaimer, a list's footer.
Knows shapes, the words are in the phrase book. When in doubt a line is the person's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from maildesk.mail.model import BlockKind
from maildesk.mail.phrasebook import phrases
from maildesk.mail.quotes import Reading, is_announced, is_rule

# More lines below "--" than this are no signature but a text with a dash in it.
SIGNATURE_LINES = 16
# Below "Best regards," people write a name, a firm, an address, three numbers, and rarely more.
CLOSING_LINES = 14
BANNER_CHARS = 100
FENCED_LINES = 40
FOOTER_LINES = 10
# A shorter paragraph is a person's sentence about something confidential, not a lawyer's.
DISCLAIMER_CHARS = 140
# Its first words tell what a line is.
DISCLAIMER_READ = 2_000
SIGNED_LINE_CHARS = 90
CONTACT_LINES = (3, 10)
SHORT_LINES = 6
# A footer, two disclaimers, a banner's paragraph, a card and a closing: nothing honest has more below it.
PEELED = 8

_CONTACTS = (
    re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,200}\.\w{2,20}"),
    re.compile(r"(?:\+|\(?0|\b\d)[\d\s().\-/]{6,24}\d"),
    re.compile(r"https?://|\bwww\.", re.IGNORECASE),
    re.compile(r"\b(?:skype|linkedin|twitter|fax|tel|mobile|mob|phone|télécopie|handy)\b", re.IGNORECASE),
)
_POSTSCRIPT = re.compile(r"\s*p\.?\s?s\.?\s?[:.\s\-–)]", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？]['\")]?$")
_PARTS = re.compile(r"\s*(?:/|\||,|;|\s(?:and|und|et|y|e|en|og|och|ja|i|&|\+)\s)\s*")
# Words in a name that begin with a small letter: "Ana de la Cruz", "Lea and Bob".
_SMALL = re.compile(
    r"(?:d[aeiou]s?|del|della|de[rn]|von|vom|van|zu[rm]?|l[aeo]s?|[ae]l|bin|ben|ibn|y|e|i|und|and|et|the|of|for|im|in)"
)
_SHORT_RULES = frozenset(("--", "---", "----", "__", "___", "—", "——", "–", "––"))
_NUMBER = re.compile(r"\d{3}")
_NAME_SIGN = re.compile(r"(?:[-–—~]{1,2}|/{1,2}|[—–~]\s)(?=[^\W\d_])")
_BULLET = re.compile(r"\s*(?:[-*•·–—]|\d{1,3}[.)])\s")
_GAP = re.compile(r"\n[ \t]*\n")
Span = tuple[int, int, BlockKind]


def close(reading: Reading) -> None:
    """Give what stands below the person's words its kind: "signature" or "banner"; never all that they wrote."""
    _fences(reading)
    _dashed_signatures(reading)
    _banners(reading)
    for begin, end in tuple(_tails(reading)):
        _peel(reading, begin, end)


def _runs(kinds: list[BlockKind]) -> Iterator[tuple[int, int]]:
    """Where the person's own runs of lines begin and end."""
    begin = 0
    for at in range(1, len(kinds) + 1):
        if at == len(kinds) or kinds[at] != kinds[begin]:
            if kinds[begin] == "own":
                yield begin, at
            begin = at


def _tails(reading: Reading) -> Iterator[tuple[int, int]]:
    """The own runs that end what the person says: above an attribution or a banner, or with nothing own below."""
    runs = [(b, e) for b, e in _runs(reading.kinds) if any(line.strip() for line in reading.lines[b:e])]
    for number, (begin, end) in enumerate(runs):
        below = next((k for k in reading.kinds[end:] if k in ("quote", "attribution")), None)
        is_over_banner = end < len(reading.kinds) and reading.kinds[end] == "banner"
        if number == len(runs) - 1 or below == "attribution" or is_over_banner:
            yield begin, end


# --- What stands anywhere in an own run. ---


def _fences(reading: Reading) -> None:
    """What a gateway adds between rules, or under one: that it is confidential, that it was scanned."""
    lines, kinds = reading.lines, reading.kinds
    for begin, end in tuple(_runs(kinds)):
        at = begin
        while at < end:
            if is_rule(lines[at]) and not is_announced(lines, at) and any(line.strip() for line in lines[:at]):
                reach = min(at + 1 + FENCED_LINES, end)
                close_at = next((i for i in range(at + 1, reach) if is_rule(lines[i])), None)
                if _is_legal(lines[at + 1 : reach if close_at is None else close_at]):
                    stop = reach if close_at is None else close_at + 1
                    kinds[at:stop] = ["banner"] * (stop - at)
                    at = stop - 1
            at += 1


def _is_legal(lines: list[str]) -> bool:
    """Whether more than half of the words stand in paragraphs of a lawyer's: people write of confidential things too."""
    if not _is_disclaimer(" ".join(lines)):
        return False
    paragraphs = [" ".join(p.split("\n")).strip() for p in _GAP.split("\n".join(lines))]
    low = [(p.casefold(), len(p)) for p in paragraphs if p]
    legal = sum(size for text, size in low if any(phrase in text for phrase in phrases().disclaimers))
    return 2 * legal >= sum(size for _, size in low)


def _is_disclaimer(text: str) -> bool:
    """One phrase of several words, or two that say little alone."""
    low = text.casefold()
    found = [phrase for phrase in phrases().disclaimers if phrase in low]
    return any(" " in phrase or ord(phrase[0]) > 0x2FFF for phrase in found) or len(found) > 1


def _dashed_signatures(reading: Reading) -> None:
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
    if is_announced(lines, at):
        return False
    return line in ("-- ", "--  ") or (line == "--" and at > 0 and not lines[at - 1].strip())


def _banners(reading: Reading) -> None:
    """ "Sent from my iPhone", where it closes the person's own run."""
    lines, kinds = reading.lines, reading.kinds
    book = phrases()
    for at, line in enumerate(lines):
        low = line.strip(" \t*_<>[]~-—").casefold()
        if kinds[at] != "own" or len(low) > BANNER_CHARS or not low:
            continue
        is_said = "," in low or "?" in low or low.endswith(":")
        # "Sent via the post" is no client's: those name what they run on.
        is_named = low.startswith(book.banner_sent) or low.rstrip(".!").endswith(book.banner_ends)
        is_named = is_named and any(device in low for device in book.devices)
        if is_said or not (low.startswith(book.banners) or is_named):
            continue
        stands_apart = at == 0 or not lines[at - 1].strip() or is_rule(lines[at - 1])
        if stands_apart and _closes(reading, at + 1):
            kinds[at] = "banner"


def _closes(reading: Reading, at: int) -> bool:
    """Whether at most one more own line that is not empty comes before the run ends."""
    filled = 0
    while at < len(reading.lines) and reading.kinds[at] == "own" and filled < 2:
        filled += bool(reading.lines[at].strip())
        at += 1
    return filled < 2


# --- What stands at the end of a tail; each is taken off its bottom until nothing more comes off. ---


def _peel(reading: Reading, begin: int, end: int) -> None:
    lines, kinds = reading.lines, reading.kinds
    seen: set[Callable[[list[str], int, int, bool], Span | None]] = set()
    is_signed = False
    for _ in range(PEELED):
        while end > begin and not lines[end - 1].strip():
            end -= 1
        for peeler in _PEELERS:
            span = None if peeler in seen else peeler(lines, begin, end, is_signed)
            if span is None:
                continue
            start, stop, kind = span
            if peeler in (_contact, _dash_name, _ruled_card, _short_rule):
                seen.add(peeler)
            above = any(kinds[i] == "own" and lines[i].strip() for i in range(start))
            if kind == "signature" and not above:
                # Nothing would be left of what the person wrote.
                return
            kinds[start:stop] = [kind] * (stop - start)
            is_signed = is_signed or kind == "signature"
            end = start
            break
        else:
            return


def _footer(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """A mailing list's footer: below a rule, the list's name and how to leave it."""
    filled = 0
    for at in range(end - 1, begin - 1, -1):
        filled += bool(lines[at].strip())
        if filled > FOOTER_LINES:
            return None
        if is_rule(lines[at]) and at < end - 1:
            # What the person says below it has a paragraph of its own.
            text = " ".join(lines[max(at + 1, _paragraph(lines, begin, end)) : end]).casefold()
            if is_announced(lines, at):
                return None
            return (at, end, "banner") if any(phrase in text for phrase in phrases().footers) else None
    return None


def _ruled_card(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """A visiting card below a rule: short lines, no sentence, two ways to reach somebody."""
    filled = 0
    for at in range(end - 1, begin - 1, -1):
        if is_rule(lines[at]):
            below = [line for line in lines[at + 1 : end] if line.strip()]
            marks = sum(any(contact.search(line) for contact in _CONTACTS) for line in below)
            return (at, end, "signature") if marks > 1 and all(map(_is_signed_line, below)) else None
        filled += bool(lines[at].strip())
        if filled > SIGNATURE_LINES:
            return None
    return None


def _short_rule(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """A name under two or three dashes, without the empty line that RFC 3676 does not ask for either."""
    filled = 0
    for at in range(end - 1, begin, -1):
        if lines[at].strip() in _SHORT_RULES:
            below = [line for line in lines[at + 1 : end] if line.strip()]
            is_card = bool(below) and _is_name(below[0]) and not _BULLET.match(below[0])
            if any(line.strip() in _SHORT_RULES for line in lines[begin:at]) or is_announced(lines, at):
                # The next section of what the person wrote.
                return None
            return (at, end, "signature") if is_card and all(map(_is_signed_line, below)) else None
        filled += bool(lines[at].strip())
        if filled > SHORT_LINES:
            return None
    return None


def _paragraph(lines: list[str], begin: int, end: int) -> int:
    """Where the last paragraph begins."""
    at = end
    while at > begin and lines[at - 1].strip():
        at -= 1
    return at


def _disclaimer(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """A lawyer's paragraph without a rule above it."""
    at = _paragraph(lines, begin, end)
    text = " ".join(line[:DISCLAIMER_READ] for line in lines[at:end]).casefold()
    if at == begin or len(text) < DISCLAIMER_CHARS:
        return None
    found = [phrase for phrase in phrases().disclaimers if phrase in text]
    return (at, end, "banner") if len(found) > 1 and any(" " in phrase for phrase in found) else None


def _closing(lines: list[str], begin: int, end: int, is_signed: bool) -> Span | None:
    """ "Best regards," and the name below it, with what belongs to it."""
    filled = 0
    for at in range(end - 1, begin - 1, -1):
        line = lines[at].strip()
        if not line:
            continue
        filled += 1
        if filled > CLOSING_LINES:
            return None
        strength = _closing_strength(line)
        if not strength:
            continue
        if filled == 1:
            return (at, end, "signature") if is_signed and strength == 2 else None
        stop = _signed_until(lines, at + 1, end)
        below = next((line for line in lines[stop or end : end] if line.strip()), "")
        # In the middle of what they say people cite other people's letters.
        return (at, stop, "signature") if stop and (not below or _POSTSCRIPT.match(below)) else None
    return None


def _closing_strength(line: str) -> int:
    """2 for a phrase that only closes a letter, 1 for thanks, 0 for any other line."""
    if len(line) > SIGNED_LINE_CHARS:
        return 0
    book = phrases()
    low = line.casefold().strip(" \t,.!;:*_–—-~|\xa0，。！、…")
    if low in book.closings:
        return 2
    if low in book.thanks:
        return 1
    parts = [part for part in _PARTS.split(low) if part]
    if len(parts) > 1 and all(part in book.closings or part in book.thanks for part in parts):
        return 2 if any(part in book.closings for part in parts) else 1
    words = low.split()
    # "Mit freundlichen Grüßen aus Berlin"
    is_longer = any(" ".join(words[:n]) in book.closings for n in range(2, len(words)) if len(words) <= n + 4)
    return 2 if is_longer and not re.search(r"[.!?]", low) else 0


def _signed_until(lines: list[str], begin: int, end: int) -> int | None:
    """Where the signature below a closing ends; None when what stands there is no name."""
    filled = [i for i in range(begin, end) if lines[i].strip()]
    if not filled or not _is_name(lines[filled[0]]):
        return None
    for i in filled[1:]:
        if not _is_signed_line(lines[i]):
            # A postscript, or words without any mark of whose they are: its paragraph stays.
            stop = max(_paragraph(lines, begin, i), filled[0] + 1)
            return stop if not lines[stop - 1].strip() else None
    return end


def _is_name(line: str) -> bool:
    """Whether the line may be somebody's name: few words, each with a capital or in a script without them."""
    bare = line.strip(" \t*_,.-–—~/\xa0|")
    words = bare.replace(",", " ").split()
    if (
        not words
        or bare[0] in "#`$%|<{}[]=+"
        or len(words) > 6
        or len(bare) > 60
        or _POSTSCRIPT.match(bare)
        or line.rstrip().endswith(("?", ":"))
    ):
        return False
    if not any(c.isalpha() for c in bare) or _SENTENCE_END.search(bare):
        return False
    if any(ord(c) > 0x2FFF for c in bare):
        return len(bare) <= 24
    if len(words) == 1:
        return len(bare) <= 20
    return all(not word[0].islower() or _SMALL.fullmatch(word) for word in words if word[0].isalpha())


def _is_signed_line(line: str) -> bool:
    """Whether the line may stand in a signature: short, and no sentence."""
    bare = line.strip()
    if _POSTSCRIPT.match(bare) or bare.endswith(("?", ":")) or bare.startswith("<<") or _BULLET.match(line):
        return False
    if _NUMBER.search(bare) and any(word in bare.casefold() for word in phrases().references):
        # A desk wants to know the number of an order, wherever it stands.
        return False
    if any(contact.search(bare) for contact in _CONTACTS):
        return len(bare) <= 2 * SIGNED_LINE_CHARS
    if len(bare) > SIGNED_LINE_CHARS:
        return False
    return not (_SENTENCE_END.search(bare) and len(bare.split()) > 4)


def _dash_name(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """ "-Lea", "— Lea Martin", "/Lea" on the last line, apart from the rest."""
    at = end - 1
    if at <= begin or lines[at - 1].strip():
        return None
    found = _NAME_SIGN.match(lines[at].strip())
    above = next((lines[i] for i in range(at - 1, begin - 1, -1) if lines[i].strip()), "")
    if (
        found is None
        or not above
        or _BULLET.match(above)
        or _NAME_SIGN.match(above.strip())
        or above.rstrip().endswith(":")
    ):
        return None
    name = lines[at].strip()[found.end() :].strip()
    return (at, end, "signature") if len(name.split()) <= 4 and name[:1].isupper() and _is_name(name) else None


def _contact(lines: list[str], begin: int, end: int, _is_signed: bool) -> Span | None:
    """A last paragraph that is a visiting card: a name, and three ways to reach it."""
    at = _paragraph(lines, begin, end)
    above = next((lines[i] for i in range(at - 1, begin - 1, -1) if lines[i].strip()), ":").rstrip()
    least, most = CONTACT_LINES
    if (
        not least <= end - at <= most
        or not _SENTENCE_END.search(above)
        or above.endswith("?")
        or not _is_name(lines[at])
    ):
        return None
    marks = sum(any(contact.search(line) for contact in _CONTACTS) for line in lines[at + 1 : end])
    fits = marks >= least and all(_is_signed_line(line) for line in lines[at + 1 : end])
    return (at, end, "signature") if fits else None


_PEELERS = (_footer, _disclaimer, _ruled_card, _short_rule, _closing, _dash_name, _contact)
