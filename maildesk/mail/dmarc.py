"""What a domain asks of mails that bear its name: its DMARC record (RFC 7489, 6). Pure; the records were fetched elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from maildesk.mail.domains import organisational

# What the DNS said of each name: its texts, () when there are none, None when nobody answered.
Records = Mapping[str, tuple[str, ...] | None]

Wish = Literal["none", "quarantine", "reject"]
_WISHES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Policy:
    """A published policy. domain: where the record stands; wish: for mails of the author's domain that nothing proves."""

    domain: str
    wish: Wish
    is_dkim_strict: bool = False
    is_spf_strict: bool = False


def names(domain: str) -> tuple[str, ...]:
    """Where the records of an author's domain can stand, the nearer first."""
    return tuple(dict.fromkeys(f"_dmarc.{name}" for name in (domain, organisational(domain))))


def find_policy(domain: str, records: Records) -> tuple[Policy | None, bool]:
    """The policy for mails from this domain, and whether the DNS was silent, so that nobody can say there is none.

    A share (pct=) or a trial (t=y) of a policy counts as the policy: what a domain will soon refuse is no proof of it today.
    Where the wish cannot be read it is "none" (RFC 7489, 6.6.3), which trusts less than no record does.
    """
    for name in names(domain):
        texts = records.get(name)
        if texts is None:
            return None, True
        found = [tags for text in texts if (tags := _tags(text))]
        # Several records are none (RFC 7489, 6.6.3, 5).
        if len(found) != 1:
            continue
        tags, owner = found[0], name.removeprefix("_dmarc.")
        wish = tags.get("p", "none").casefold()
        if owner != domain:
            wish = tags.get("sp", wish).casefold()
        strict = (tags.get("adkim", "").casefold() == "s", tags.get("aspf", "").casefold() == "s")
        return Policy(owner, cast(Wish, wish) if wish in _WISHES else "none", *strict), False
    return None, False


def _tags(text: str) -> dict[str, str]:
    """The tags of one record; {} where it is none of DMARC's."""
    parts = [part.partition("=") for part in text.split(";")]
    if (parts[0][0].strip(), parts[0][2].strip()) != ("v", "DMARC1"):
        return {}
    return {name.strip().casefold(): value.strip() for name, _, value in reversed(parts)}
