"""Whether an address that somebody typed is good. Pure; asks no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maildesk.desk.directory import Directory
from maildesk.errors import Malformed
from maildesk.mail import address as addresses


@dataclass(frozen=True, slots=True)
class Slip:
    """What was typed, cleaned, and what was perhaps meant."""

    kind: Literal["good", "missing", "malformed", "ours"]
    cleaned: str
    nearest: str | None = None


def look(address: str, directory: Directory) -> Slip:
    """Whether the address is good."""
    cleaned = address.strip()
    if not cleaned:
        return Slip("missing", "")
    try:
        domain = addresses.split(cleaned)[1]
        addresses.key(cleaned)
    except Malformed:
        return Slip("malformed", cleaned)
    if "." not in domain:
        return Slip("malformed", cleaned)
    return Slip("ours" if directory.is_own(cleaned) else "good", cleaned)
