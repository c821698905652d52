"""What of an agent's mail goes to a customer: the agent's words, and quotes of what that customer already has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from maildesk.desk.model import Entry
from maildesk.mail.model import Block

_MARKS = re.compile(r"^[\s>|]+")
_SPACE = re.compile(r"\s+")


def public(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries a customer of the ticket has: answers, and what customers wrote under a name that can be believed."""
    hidden = {"stranger", "agent-unverified", "ambiguous-author", "auth-fail"}
    return tuple(e for e in entries if e.kind in ("customer", "agent") and not hidden & set(e.flags))


def answer_text(
    blocks: tuple[Block, ...], own_text: str, entries: Iterable[Entry], replaced: Iterable[str], by: str
) -> str:
    """The text of an answer: own_text for the block on top (its commands are gone), later own blocks and the
    signature as they are, and between them the quoted lines that stand in a public entry.

    replaced: the agent's own addresses, which no customer sees; `by` the mailbox's address stands in their place.
    """
    # A customer has all of what they wrote; of an agent's mail they got its text, and not what it quoted of a notice.
    seen = (e.full_text if e.kind == "customer" else e.text for e in public(entries))
    known = {_plain(line) for text in seen for line in text.split("\n")} - {""}
    # Only a quote with the agent's words below it is answered; the rest is what mail programs append.
    last_own = max((i for i, block in enumerate(blocks) if block.kind == "own" and block.text.strip()), default=-1)
    # Commands were looked for in the first block alone, so that only this one is replaced.
    is_on_top = bool(blocks) and blocks[0].kind == "own"
    parts: list[str] = [] if is_on_top else [own_text]
    for index, block in enumerate(blocks):
        if block.kind == "own":
            parts.append(own_text if index == 0 else block.text.strip("\n"))
        elif block.kind == "signature":
            parts.append(block.text.rstrip("\n"))
        elif block.kind == "quote" and index < last_own:
            kept = [line for line in block.text.split("\n") if _plain(line) in known]
            parts.append("\n".join(line if line.lstrip().startswith(">") else f"> {line}" for line in kept))
    text = "\n\n".join(part for part in parts if part.strip())
    for address in replaced:
        # An underscore beside it is emphasis, not a part of it.
        text = re.sub(rf"(?<![^\W_])(?<![.+-]){re.escape(address)}(?![^\W_]|-)", by, text, flags=re.IGNORECASE)
    return text.strip("\n")


def _plain(line: str) -> str:
    """A line without quote marks and doubled spaces."""
    return _SPACE.sub(" ", _MARKS.sub("", line)).strip()
