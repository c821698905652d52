"""Whether an address that somebody typed is one, and which one was perhaps meant. Pure; asks no network and no store.

A slip refuses nothing: who says that gmial.com is right gets their mail there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from maildesk.desk.directory import Directory
from maildesk.desk.providers import KNOWN, OFTEN_COM, ONLY_COM, TARGETS
from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.domains import is_top_level

Kind = Literal["good", "missing", "malformed", "ours"]

# An office's own network may end in ".local" and have its own desk: the package's way to say so.
SPECIAL_USE_DOMAIN_NAMES.clear()

_MAX_TYPED = 1000
_AROUND = " <>()\"'`«»“”„‘’‚,;:/"
_BRACKETS = re.compile(r"<([^<>]*)>")
_MAILTO = re.compile(r"mailto: ?", re.IGNORECASE)
_UNSEEN = frozenset(("Cc", "Cf", "Cs"))
_AT_WORD = re.compile(r" ?[(\[{] ?(?:at|arobase) ?[)\]}] ?| (?:at|arobase) ", re.IGNORECASE)
# What stands on the key of "@" where somebody's keyboard is not the one that they think it is.
_NEAR_AT = "àò\"'"
# Endings that nobody can register, and what they were to be: where a company has its name, nothing else is sure.
ENDINGS = {
    slip: ending
    for ending, slips in {
        "com": "con cmo ocm vom cim xom cpm comm coom ccom copm conm comn c0m",
        "net": "nte ent ner nett nrt",
        "org": "ogr rog orgg otg 0rg",
        "co.uk": "couk co.ku co.u",
    }.items()
    for slip in slips.split()
}
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"), ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"), (
    "1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slip:
    """What was typed, judged.

    cleaned: without what surrounds an address, to be used and shown again; nearest: another address that was perhaps
    meant, of a "good" one too.
    """

    kind: Kind
    cleaned: str
    nearest: str | None = None


def look(address: str, directory: Directory) -> Slip:
    """Judge what somebody typed as their own address."""
    cleaned = clean(address)
    if not cleaned:
        return Slip("missing", "")
    if not _is_valid(cleaned):
        return Slip("malformed", cleaned, _suggested(_repaired(cleaned), cleaned, directory))
    if directory.is_own(cleaned):
        return Slip("ours", cleaned)
    return Slip("good", cleaned, _suggested(_slip(cleaned), cleaned, directory))


def known_domains() -> tuple[str, ...]:
    """The domains of providers, those of many people first."""
    return (*TARGETS, *sorted(KNOWN.difference(TARGETS)))


def clean(typed: str) -> str:
    """The address in what was typed, its domain lower-case; what is no address as it is, on one line."""
    text = unicodedata.normalize("NFC", typed[:_MAX_TYPED].replace("\uff20", "@").replace("\ufe6b", "@"))
    text = " ".join("".join(c if unicodedata.category(c) not in _UNSEEN or c.isspace() else "" for c in text).split())
    in_brackets = [found for found in _BRACKETS.findall(text) if "@" in found]
    if len(in_brackets) == 1:
        text = in_brackets[0]
    while text != (text := _bare(text)):
        pass
    local, at, domain = text.rpartition("@")
    if not at:
        return text
    # A lone mark becomes a space with a mark (NFKC): white space is folded once more.
    domain = unicodedata.normalize("NFKC", domain).replace("。", ".").lower().rstrip(". ")
    return " ".join((local + at + domain).split())


def _bare(text: str) -> str:
    """Once without what surrounds an address in a letter, a link or a sentence."""
    text = text.strip(_AROUND).rstrip(".")
    found = _MAILTO.match(text)
    return text[found.end() :].partition("?")[0] if found else text


def _is_valid(address: str) -> bool:
    try:
        addresses.key(address)
        validate_email(address, check_deliverability=False, globally_deliverable=False)
    except (Malformed, EmailNotValidError):
        return False
    # A host of this machine and an address made of numbers lead nowhere.
    domain = address.rpartition("@")[2]
    return "." in domain and not domain.rpartition(".")[2].isdigit() and clean(address) == address


def _suggested(meant: str | None, cleaned: str, directory: Directory) -> str | None:
    """The address with all its slips mended; None for what is no address, the desk's own or the same one."""
    while meant is not None and _is_valid(meant) and (further := _slip(meant)) is not None:
        meant = further
    if meant is None or not _is_valid(meant) or directory.is_own(meant):
        return None
    return None if addresses.same(meant, cleaned) else meant


def _repaired(text: str) -> str | None:
    """What is nearly an address as one; None when that takes a guess."""
    text = re.sub("@(?: ?@)+", "@", _AT_WORD.sub("@", text))
    if "@" not in text:
        text = _with_at(text)
    if text.count("@") == 2:
        text = _with_one_at(text)
    if text.count("@") != 1:
        return None
    local, _, domain = text.partition("@")
    local = re.sub(r"(?: ?[.,;])+ ?", ".", local).strip(" .")
    written = re.sub(r"(?: ?[.,;:/])+ ?", ".", domain).strip(" .")
    first = written.partition(" ")[0]
    written = first if "." in first else written.replace(" ", ".")
    if "." not in written:
        written = _with_dot(written)
    # A sentence behind an address is no domain.
    if written != domain and not is_top_level(written.rpartition(".")[2]) and _meant(written) is None:
        return None
    return f"{local}@{written}"


def _with_at(text: str) -> str:
    """An address of a large provider whose "@" is missing, with it."""
    folded = text.lower()
    for known in TARGETS:
        if folded.endswith(known) and (local := text[: -len(known)].rstrip(" ." + _NEAR_AT)):
            is_apart = len(local) + len(known) < len(text)
            if is_apart or len(known.partition(".")[0]) >= 5:
                return f"{local}@{known}"
    return text


def _with_one_at(text: str) -> str:
    first, second, third = (part.strip() for part in text.split("@"))
    if second == third or f"{second}.{third}" in KNOWN:
        return f"{first}@{second if second == third else f'{second}.{third}'}"
    if first == second:
        return f"{second}@{third}"
    return f"{first}.{second}@{third}" if third in KNOWN and re.fullmatch(r"[\w+-]+", second) else text


def _with_dot(name: str) -> str:
    """The provider whose name this is, without its dot or its ending."""
    for known in TARGETS:
        label, _, ending = known.partition(".")
        if name in (label, known.replace(".", "")):
            return known
        if len(label) >= 5 and _cost(name, label + ending.replace(".", ""), 1) <= 1:
            return known
    return name


def _slip(address: str) -> str | None:
    """The address at the domain that was perhaps meant."""
    local, domain = addresses.split(address)
    meant = _meant(domain)
    return f"{local}@{meant}" if meant is not None else None


@lru_cache(1024)
def _meant(domain: str) -> str | None:
    """The domain that was perhaps meant; None for one that stands as it is."""
    if addresses.a_label(domain) in KNOWN or not 3 <= len(domain) <= 60:
        return None
    plain = "".join(c for c in unicodedata.normalize("NFKD", domain) if not unicodedata.combining(c))
    for name in (domain.removeprefix("www."), plain):
        if name != domain and name in KNOWN and len(name.partition(".")[0]) >= 5:
            return name
    far, near = min((_distance(domain, known), at) for at, known in enumerate(TARGETS))
    if far < _FAR:
        return TARGETS[near]
    for slip, ending in ENDINGS.items():
        if domain.endswith("." + slip) and (name := domain.removesuffix(slip)) != ".":
            return name + ending
    return None


_FAR = 9


def _distance(domain: str, known: str) -> int:
    """How many slips lead from a known domain to this one; _FAR when those are none that fingers make."""
    label, _, ending = known.partition(".")
    # Short names are near to too many honest ones: of those only the ending is looked at.
    limit = 2 if len(label) >= 9 else 1 if len(label) >= 5 else 0
    is_real = is_top_level(domain.rpartition(".")[2])
    best = _FAR
    for at in (at for at, letter in enumerate(domain) if letter == "."):
        name, written = domain[:at], domain[at + 1 :]
        in_name = 0 if name == label else _cost(name, label, limit) if limit else _FAR
        if in_name > limit or (in_name == 2 and name[:1] != label[:1]):
            continue
        in_ending = _ending_cost(written, ending, label if not in_name else "", is_real=is_real)
        best = min(best, in_name + in_ending)
    return best


def _ending_cost(written: str, ending: str, label: str, *, is_real: bool) -> int:
    """The same for what stands behind the name; label is "" when the name was mistyped too."""
    if written == ending:
        return 0
    if ending == "com" and (label in ONLY_COM or (label in OFTEN_COM and written in ("co", "cm", "om"))):
        return 1
    # Whoever registers under a true ending has a domain of their own.
    if is_real:
        return _FAR
    return 1 if ending.startswith(written) or _cost(written, ending, 1, is_strict=False) <= 1 else _FAR


@cache
def _neighbours() -> frozenset[tuple[str, str]]:
    """The keys beside one another on keyboards of either language, and letters that look alike."""
    pairs = {("0", "o"), ("1", "l"), ("1", "i"), ("i", "l"), ("-", "."), ("-", "_")}
    for rows in _ROWS:
        for row, upper in zip(rows, ("", *rows), strict=False):
            pairs.update(pairwise(row))
            pairs.update(zip(row, upper, strict=False))
            pairs.update(zip(row, upper[1:], strict=False))
    return frozenset(pairs | {(other, one) for one, other in pairs})


def _cost(typed: str, known: str, limit: int, *, is_strict: bool = True) -> int:
    """How many slips lead from the one to the other: optimal string alignment, letters swapped count once.

    is_strict: another letter, or one more, counts twice where it is not on a key beside, and an added "s" too.
    """
    if abs(len(typed) - len(known)) > limit:
        return limit + 1
    near = _neighbours()
    rows = [list(range(len(known) + 1))]
    for i, letter in enumerate(typed, 1):
        beside = typed[i - 2 : i - 1] + typed[i : i + 1]
        is_slip = letter in beside or letter in "-." or any((letter, other) in near for other in beside)
        is_plural = letter == "s" and i == len(typed)
        added = 2 if is_strict and (is_plural or not is_slip) else 1
        row = [rows[-1][0] + added]
        for j, wanted in enumerate(known, 1):
            changed = 0 if letter == wanted else 1 if not is_strict or (letter, wanted) in near else 2
            found = min(row[-1] + 1, rows[-1][j] + added, rows[-1][j - 1] + changed)
            if i > 1 and j > 1 and letter == known[j - 2] and typed[i - 2] == wanted:
                found = min(found, rows[-2][j - 2] + 1)
            row.append(found)
        rows.append(row)
    return rows[-1][-1]
