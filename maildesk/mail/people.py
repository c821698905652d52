"""Whose name stands in From, To and their like.
Strict about the author, generous about everybody else; linear, without recursion."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildesk.mail.charset import decode, one_line
from maildesk.mail.head import FIELD_BYTES, Head
from maildesk.mail.model import Person
from maildesk.mail.words import decode_words

# RFC 5321, 4.5.3.1.3, less the brackets. Local parts beyond its 64 octets are in use, and nothing breaks on them.
ADDRESS_OCTETS = 254
NAME_CHARS = 200

_ATOM = re.compile(r"[^\s\x00-\x1f\x7f-\x9f()<>\[\]:;@\\,\"\u2028\u2029]+")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])+"')
# An address wherever it stands, not glued to what could belong to it.
_LOOSE = re.compile(
    r"(?<![^\s<(\[,;:\"'])([^\s\x00-\x1f\x7f-\x9f<>()\[\],;:\"'\\@]{1,64}"
    r"@[^\W_](?:[\w.-]{0,252}[^\W_])?)(?![^\s>)\],;\"'])"
)
# An "@" that could be part of another address.
_MORE = re.compile(r"@[\w\[=]|[\w\]]@(?![\s\"'>]|$)")
# One small word alone before an address: "ad min@x.test" may be admin with a space in it.
_HALF = re.compile(r"(?:^|<)\s*[a-z0-9._+-]{1,64}\s+$")
_BRACKETS = re.compile(r"[<>()\[\]\"]")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W])?")


@dataclass(frozen=True, slots=True)
class Named:
    """One mailbox as it was written: the words before the address, the address, and what is wrong with it."""

    name: str
    address: str
    fault: str | None = None


def author_of(head: Head) -> tuple[Person | None, str | None]:
    """The one mailbox of the From field, or None and why nobody can be believed (THREATS, T30 to T34).

    The law: every reader must find the same one address. Several From fields count as one only when no second address
    stands in any of them.
    """
    values = head.every("from")
    if not values:
        return None, "there is no From field"
    if any(b"\0" in value for value in values):
        return None, "the From field holds a NUL"
    if any(len(value) > FIELD_BYTES for value in values):
        return None, "the From field is too long"
    texts = [decode(value) for value in values]
    if len(texts) == 1:
        return _one_author(texts[0])
    authors = [_one_author(text)[0] for text in texts if "@" in decode_words(text)]
    if not authors or None in authors or len({author.address.casefold() for author in authors if author}) != 1:
        return None, f"there are {len(values)} From fields"
    return authors[0], None


def _one_author(text: str) -> tuple[Person | None, str | None]:
    named, is_group = mailboxes(text)
    if is_group and ";" in text:
        return None, "the From field names a group"
    if not named:
        return None, "the From field names nobody"
    fault = named[0].fault or address_fault(named[0].address)
    if len(named) > 1 or is_group:
        fault = f"the From field names {len(named)} people"
    if fault is None:
        return Person(_tidy(named[0].address), named[0].name[:NAME_CHARS]), None
    author = _only_one(text)
    return (author, None) if author else (None, fault)


def _only_one(text: str) -> Person | None:
    """The person of a field that follows no grammar and still has one address in it, decoded or not; else None.

    A missing bracket, a comma in a name without quotes, words behind the address: a reader knows who wrote. An address
    that only decoding brings to light is none: who checks the sender on the way does not see it.
    """
    found = {address.casefold() for address in _LOOSE.findall(text)}
    decoded = decode_words(text)
    if len(found) != 1 or {address.casefold() for address in _LOOSE.findall(decoded)} != found:
        return None
    address = _LOOSE.findall(text)[0]
    before = text[: text.find(address)]
    if _HALF.search(before) or before.count("(") > before.count(")"):
        # Half an address, or a comment's: no reader takes either for the author.
        return None
    rest = _LOOSE.sub(" ", decoded).replace("mailto:", "")
    if _MORE.search(rest) or _MORE.search(_LOOSE.sub(" ", text)) or address_fault(address):
        return None
    name = one_line(_BRACKETS.sub(" ", rest)).strip("\"', ;:")
    return Person(_tidy(address), name[:NAME_CHARS])


def people_in(values: tuple[bytes, ...]) -> tuple[Person, ...]:
    """Everybody whom the fields name with a usable address, each once, in order."""
    found: dict[str, Person] = {}
    for value in values:
        for one in mailboxes(decode(value[:FIELD_BYTES].replace(b"\0", b"")))[0]:
            if address_fault(one.address) is None:
                address = _tidy(one.address)
                found.setdefault(address, Person(address, one.name[:NAME_CHARS]))
    return tuple(found.values())


def address_fault(address: str) -> str | None:
    """Why this is no address that mail can be sent to; None when it is one."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "the From address has no domain"
    if "=?" in address:
        return "the From address holds an encoded word"
    if not _QUOTED.fullmatch(local) and not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        return "the From address is not well formed"
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        return "the domain of the From address is not well formed"
    if len(address.encode("utf-8", "replace")) > ADDRESS_OCTETS:
        return "the From address is too long"
    return None


def _tidy(address: str) -> str:
    """The address with its domain in lower case, its local part without quotes that it does not need.

    "lea"@x.test and lea@x.test are one mailbox (RFC 5321, 4.1.2): two spellings must not be two people.
    """
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        bare = re.sub(r"\\(.)", r"\1", local[1:-1])
        local = bare if all(_ATOM.fullmatch(atom) for atom in bare.split(".")) else local
    return f"{local}@{domain.lower()}"


def mailboxes(text: str) -> tuple[tuple[Named, ...], bool]:
    """The mailboxes of an address list, and whether it has a group.

    Total: anything gives an answer, and what a reader could take for another address is named as a fault.
    """
    found: list[Named] = []
    is_group = False
    for tokens in _entries(text):
        if ("group", "") in tokens:
            is_group = True
        tokens = [token for token in tokens if token[0] != "group"]
        if any(kind != "comment" for kind, _ in tokens):
            found.append(_named(tokens))
    return tuple(found), is_group


Token = tuple[str, str]


def _entries(text: str) -> list[list[Token]]:
    """The entries of an address list as tokens: ("word"|"quoted"|"angle"|"comment"|"group"|"open", text)."""
    entries: list[list[Token]] = [[]]
    word: list[str] = []

    def flush() -> None:
        if word:
            entries[-1].append(("word", "".join(word)))
            word.clear()

    at = 0
    while at < len(text):
        c = text[at]
        if c == '"':
            end = _quote_end(text, at)
            if end < 0:
                entries[-1].append(("open", ""))
                word.append(text[at + 1 :])
                break
            # "a b"@x is one local part: glue a quoted string to the word that it touches.
            if word or text[end : end + 1] in ("@", "."):
                word.append(text[at:end])
            else:
                entries[-1].append(("quoted", re.sub(r"\\(.)", r"\1", text[at + 1 : end - 1])))
            at = end
            continue
        if c == "(":
            flush()
            end = _comment_end(text, at)
            if end > len(text):
                entries[-1].append(("open", ""))
            entries[-1].append(("comment", text[at + 1 : end - 1]))
            at = end
            continue
        if c == "<":
            flush()
            end = text.find(">", at)
            if end < 0:
                entries[-1].append(("open", ""))
                end = len(text)
            entries[-1].append(("angle", text[at + 1 : end].strip()))
            at = end + 1
            continue
        if c in ",;":
            flush()
            entries.append([])
        elif c == ":" and not word_is_address(word):
            flush()
            entries[-1] = [("group", "")]
        elif c in " \t":
            flush()
        else:
            word.append(c)
        at += 1
    flush()
    return entries


def word_is_address(word: list[str]) -> bool:
    """Whether an "@" stands in the word: a colon behind it is a port or a typing fault, not a group's."""
    return "@" in word


def _quote_end(text: str, at: int) -> int:
    at += 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at + 1
        at += 1
    return -1


def _comment_end(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text) + 1


def _named(tokens: list[Token]) -> Named:
    angles = [value for kind, value in tokens if kind == "angle"]
    words = [value for kind, value in tokens if kind == "word"]
    comments = [value for kind, value in tokens if kind == "comment"]
    names = [value for kind, value in tokens if kind in ("word", "quoted")]
    fault = "the From field has an open quote or bracket" if ("open", "") in tokens else None
    if not angles:
        address = next((w for w in words if "@" in w), "".join(words))
        rest = " ".join(value for value in names if value is not address)
        if sum("@" in w for w in words) > 1 or (address.count("@") > 1 and not address.startswith('"')):
            fault = fault or "the From field names two addresses"
        elif rest and "@" in address:
            fault = fault or "the From field has words beside a bare address"
        return Named(_name(rest or " ".join(comments)), address, fault)
    address = angles[-1]
    others = [w for w in words if "@" in w and w.casefold() != address.casefold()]
    if len(angles) > 1 or others:
        fault = fault or "the From field names two addresses"
    if address.startswith("@"):
        fault, address = fault or "the From address has a route", address.rpartition(":")[2]
    if address.count("@") > 1 and not _QUOTED.match(address):
        fault = fault or "the From address has two @"
    if tokens and tokens[-1][0] in ("word", "quoted"):
        fault = fault or "the From field has words behind the address"
    return Named(_name(" ".join(names) or " ".join(comments)), address, fault)


def _name(text: str) -> str:
    return one_line(decode_words(text)).strip("\"' ")
