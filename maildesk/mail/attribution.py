"""The line that says whose words follow: "On 3 May 2026, Lea wrote:", by its date, its address and its verb.
Knows shapes, the words are in the phrase book; looks at one line alone."""

from __future__ import annotations

import re
from functools import cache

from maildesk.mail.phrasebook import phrases

# An attribution wraps over at most this many lines and characters.
ATTRIBUTION_LINES = 4
ATTRIBUTION_CHARS = 400
# "Sat, 21 Nov 2026 at 10:00, Ana Lima:" has no verb: a longer line is a sentence.
NAMED_WORDS = 10
QUOTED = re.compile(r"[ \t]{0,3}(?:>|＞|&gt;)")
ADDRESS = re.compile(r"[^\s<>\"'()\[\],;:@]{1,64}@[^\s<>\"'()\[\],;:@]{1,255}")
# "10.00" is a time, the beginning and the end of "21.11.26" are none.
TIME = re.compile(r"(?<!\d)(?<!\d\.)\d{1,2}[:.h]\d{2}(?!\d|\.\d)|\d{1,2}\s?[时時시点]")
DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[/.-] ?\d{1,2}[/.-] ?\d{2}(?!\d)|(?:19|20)\d\d(?=\s?[年년])"
)
DATE_FIRST = re.compile(
    r"[\[(*_\u200e-\u202e]{0,3}(?:\w{1,12}\.?,? )?(?:\d{4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,2}|\d{4}\s?[年년]"
    r"|\d{1,2}[-/. ]{1,2}(?:\d{1,2}|(?:de )?\w{3,10}\.?)[-/. ,]{1,2}(?:de )?\d{2,4})"
)
TRIM = " \t*_-[(~\u200e\u200f\u202a-\u202e\u2066-\u2069"
END_TRIM = " *_\t])~\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ADDRESS_ENDS = re.compile(rf"{ADDRESS.pattern}[\s>)\]'\"*_]{{0,6}}[:：︰]$")
# What stands beside the verb of an attribution that no ">" proves: nobody's name has more words.
_NAME_WORDS = 8
COLONS = (":", "：", "︰")
# "---- Ana Lima wrote ----": dashes on both sides take the place of the colon.
DASHED = re.compile(r"[-—–_]{3,}\s{0,3}(.{4,300}?)\s{0,3}[-—–_:]{3,}$")


def ended(low: str) -> str | None:
    """The line less what stands behind its colon or verb, None where it does not end as an attribution does."""
    low = low.rstrip(END_TRIM)
    dashed = DASHED.fullmatch(low)
    if dashed:
        return dashed[1] + ":" if _verbs().search(dashed[1]) else None
    if low.endswith(COLONS) or _verb_ends(low):
        return low
    # Old Gmail: "2011/4/7 Ana Lima <ana@desk.test>" and nothing else.
    return low if low.endswith(">") and DATE_FIRST.match(low) and ADDRESS.search(low) else None


def attributes(low: str, opens: bool, quote_follows: bool, *, is_one_line: bool) -> bool:
    """Whether a line in lower case names whose words follow.

    opens: it begins as such a line does; quote_follows: ">" or a client's mark stands below it.
    """
    has_time, has_date = TIME.search(low) is not None, DATE.search(low) is not None
    ends = low.rstrip(END_TRIM).endswith(COLONS)
    if not quote_follows and (not ends or not (has_time or has_date)):
        # Without ">" below, all that follows is taken as quoted: only a line that no person types by hand may do that.
        return False
    has_address = ADDRESS.search(low) is not None
    has_verb = _verbs().search(low) is not None
    if not quote_follows:
        if opens and not has_verb:
            return DATE_FIRST.match(low) is not None and _ADDRESS_ENDS.search(low) is not None
        return has_verb and (opens or (has_address and has_time and has_date))
    if has_verb and (opens or has_address or has_time or has_date or is_one_line):
        return len(low) < 300
    if has_address:
        return (has_time or has_date) and (opens or ends)
    return has_time and has_date and ends and DATE_FIRST.match(low) is not None and len(low.split()) <= NAMED_WORDS


def is_named(line: str) -> bool:
    """Whether the line, as it was written, has an address or a name beside its verb: people tell of others in sentences."""
    low = line.casefold()
    verb = next(iter(_verbs().finditer(low)), None)
    if verb is None or ADDRESS.search(line) or len(low) != len(line):
        return True
    before = re.split(r"\d(?:[.:]\d\d)*", line[: verb.start()])[-1]
    words = [word for word in f"{before} {line[verb.end() :]}".split() if word.lstrip("(<[\"'")[:1].isalpha()]
    small = sum(word.lstrip("(<[\"'")[0].islower() for word in words)
    # "um 10:00 Uhr schrieb Ana Lima", "odesílatel Ana Lima napsal", ", bob wrote".
    return len(words) <= _NAME_WORDS and small <= 1


def opens_line(first: str) -> bool:
    """Whether a line in lower case begins as an attribution does: with a word for it, or with a date."""
    return first.startswith(_starts()) or DATE_FIRST.match(first) is not None


@cache
def _starts() -> tuple[str, ...]:
    # Chinese and Japanese have no spaces: their words need no border.
    return tuple(word if ord(word[-1]) > 0x2FFF else f"{word} " for word in phrases().starts)


@cache
def _verbs() -> re.Pattern[str]:
    # Chinese, Japanese and Korean have no spaces: their verbs need no border. The border of all others stands before them
    # once: looked for before each it costs twenty times as much.
    bordered = "|".join(re.escape(verb) for verb in phrases().verbs if ord(verb[0]) <= 0x2FFF)
    others = "".join(f"|{re.escape(verb)}" for verb in phrases().verbs if ord(verb[0]) > 0x2FFF)
    return re.compile(rf"(?<!\w)(?:{bordered})(?!\w){others}")


def _verb_ends(low: str) -> bool:
    return low.endswith(phrases().verbs)


def apart(line: str) -> tuple[str, ...]:
    """A line whose end is a client's attribution behind the person's last word, as two; any other line alone."""
    if not 20 < len(line) < ATTRIBUTION_CHARS or not line.rstrip().endswith(":") or QUOTED.match(line):
        return (line,)
    found = _shared().search(line)
    if found is None:
        return (line,)
    rest = line[found.start() :]
    if not _verbs().search(rest.casefold()) or not (TIME.search(rest) or DATE.search(rest)):
        return (line,)
    return line[: found.start()].rstrip("- "), line[found.start(2) :]


@cache
def _shared() -> re.Pattern[str]:
    # The word begins with a capital in the middle of a line, and a date comes at once.
    words = "|".join(re.escape(word.capitalize()) for word in phrases().starts)
    return re.compile(rf"(?<=\S)(\s|-{{2,5}}\s?)((?:{words}) (?:\w{{2,9}}\.?,? )?(?:\d|\w{{3,9}}\.? \d))")
