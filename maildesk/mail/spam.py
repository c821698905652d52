"""What a server says of spam, by rules such as "X-Spam-Flag: yes" and "X-Spam-Score > 8". Pure; believes nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable

from maildesk.mail.model import Mail

# How the value begins, or what its first number must exceed.
_RULE = re.compile(r"\s*(X-[!-9;-~]{1,80}?)\s*(?::\s*(.*)|>\s*(-?\d+(?:\.\d+)?))\s*", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


def read_rule(text: str) -> tuple[str, str, float | None] | None:
    """The field's name, lower-case, how its value begins, and the number it must exceed; None for what is no rule."""
    match = _RULE.fullmatch(text)
    if match is None or (match[3] is None and not match[2]):
        return None
    return match[1].casefold(), (match[2] or "").strip().casefold(), None if match[3] is None else float(match[3])


def spam_mark(mail: Mail, rules: Iterable[str]) -> str | None:
    """The field that says spam, with its value; None where none does. Whether its server is believed is asked elsewhere."""
    for text in rules:
        rule = read_rule(text)
        if rule is None:
            continue
        name, begins, above = rule
        for field, value in mail.marks:
            if field != name:
                continue
            number = _NUMBER.search(value)
            if (above is None and value.casefold().startswith(begins)) or (
                above is not None and number is not None and float(number[0]) > above
            ):
                return f"{field}: {value[:60]}"
    return None
