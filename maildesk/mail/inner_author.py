"""Who wrote a mail that was forwarded, from what a program wrote behind "From:" into a text.
A header's From is people.py's; here names stand without quotes, addresses as links, and sometimes no address at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from maildesk.mail.charset import one_line
from maildesk.mail.model import Person
from maildesk.mail.people import NAME_CHARS, address_fault
from maildesk.mail.phrasebook import phrases

FIELD_CHARS = 1_000
_ADDRESS = re.compile(r"[^\s<>\"'()\[\],;:@]{1,64}@[^\s<>\"'()\[\],;:@/?&#]{1,255}")
# "Lea via Help <help@list.test>": a list writes under its members' names, and the address is the list's.
_VIA = re.compile(r"(?<=\S) via (?=\S)", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Named:
    """The one author, None where none or several have an address; the name; everybody who may be it, likeliest first."""

    person: Person | None
    name: str
    candidates: tuple[Person, ...]


def named_in(value: str) -> Named:
    """Whoever "Lea Martin [mailto:lea@x.test]" and its like name.

    Of "robot@x.test on behalf of Lea <lea@x.test>" it is Lea; where she has no address there, nobody is sure.
    """
    value = _SPACES.sub(" ", value[:FIELD_CHARS]).strip()
    sender, principal = _parted(value)
    first = _people(principal)
    if len(first) == 1 and (via := _VIA.search(first[0].name)):
        return Named(None, first[0].name[: via.start()], (Person(first[0].address),))
    if len(first) == 1:
        return Named(first[0], first[0].name, first)
    name = _name(principal) if not first else first[0].name
    return Named(None, name, first or (_people(sender) if principal != value else ()))


def _parted(value: str) -> tuple[str, str]:
    found = _behalf().search(value)
    return (value[: found.start()], value[found.end() :]) if found else ("", value)


@cache
def _behalf() -> re.Pattern[str]:
    words = "|".join(
        re.escape(word) if ord(word[0]) > 0x2FFF else rf"(?<!\w){re.escape(word)}(?!\w)" for word in phrases().behalf
    )
    return re.compile(rf"[(\[;,]?\s?(?:{words})", re.IGNORECASE)


def _people(value: str) -> tuple[Person, ...]:
    """Everybody with an address, each once; a link's address is the one it shows."""
    found: dict[str, Person] = {}
    for match in _ADDRESS.finditer(value.replace("mailto:", " mailto: ").replace("mailto: ", "")):
        address = match[0].strip(".,'`")
        local, _, domain = address.rpartition("@")
        person = Person(f"{local}@{domain.lower()}")
        if address_fault(person.address) is None:
            found.setdefault(person.address.casefold(), person)
    if len(found) == 1:
        key, person = next(iter(found.items()))
        found[key] = Person(person.address, _name(value, person.address))
    return tuple(found.values())


def _name(value: str, address: str = "") -> str:
    """The words in front of an address or its bracket, without quotes; "" when they are the address again."""
    cut = re.split(r"[<\[]|mailto:", value, maxsplit=1)[0]
    if address:
        at = cut.casefold().find(address.casefold())
        cut = cut[:at] if at >= 0 else cut
    name = one_line(cut).strip(" \t\"'“”„«»`*;,:([）（").rstrip(")")
    return "" if "@" in name and " " not in name else name[:NAME_CHARS]
