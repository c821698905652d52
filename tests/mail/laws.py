"""What every understood mail keeps to, whatever its bytes were."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from maildesk.mail.model import Mail

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# With these the HTML reader marks what is quoted; nothing of it comes out.
_MARK = re.compile("[\ue0f1-\ue0f4]")
_LINE_BREAK = re.compile(r"[\r\n\x85\u2028\u2029]")
# These may have several lines; every other string is one.
_LONG = ("text", "full_text", "html", "trace", "above")


def broken(mail: Mail) -> list[str]:
    """The laws that the mail breaks, as sentences."""
    faults = ["the parser failed"] if (mail.unreadable or "").startswith("the parser failed") else []
    for name, value in _strings(mail, ""):
        if not _is_unicode(value):
            faults.append(f"{name} holds a lone surrogate: {value!r:.80}")
        # What servers wrote stays byte for byte: a control makes somebody else's name of ours, and must be seen.
        if (name != "trace" and _CONTROL.search(value)) or (name in ("text", "full_text") and _MARK.search(value)):
            faults.append(f"{name} holds a control: {value!r:.80}")
        if name not in _LONG and _LINE_BREAK.search(value):
            faults.append(f"{name} holds a line break: {value!r:.80}")
    if mail.unreadable is None and "\n".join(block.text for block in mail.blocks) != mail.full_text:
        faults.append("the blocks are not the whole text")
    shown = {line.strip() for block in mail.blocks if block.kind in ("own", "quote") for line in block.text.split("\n")}
    faults += [f"text holds a line of nobody: {line!r:.80}" for line in _lines(mail.text) if line not in shown][:3]
    return faults


def _strings(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _strings(one, name)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _strings(getattr(value, one.name), one.name)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
