"""What of an agent's mail goes to a customer: the agent's words, and quotes of what that customer already has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import replace
from itertools import groupby

from maildesk.desk.model import Entry
from maildesk.mail.head import read_head
from maildesk.mail.model import Attachment, Block, BlockKind

_MARKS = re.compile(r"^[\s>|]+")
_ABOUT_THE_MAIL = (
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
    "application/pgp-keys",
    "application/ms-tnef",
    "application/vnd.ms-tnef",
)
_CARDS = ("text/vcard", "text/x-vcard", "text/directory")
# A list's marks differ between a letter's text and its HTML.
_LISTED = re.compile(r"^[\s>|*•-]+")
# So many characters that are the same are no chance.
_SURE_CHARS = 20
_SPACE = re.compile(r"\s+")
_GAPS = re.compile(r"\n(?:[ \t]*\n){2,}")


def without_letters(blocks: tuple[Block, ...], letters: Iterable[str]) -> tuple[Block, ...]:
    """The blocks with what repeats a letter of ours made a quote, however the agent's program marks quotes.

    A program whose marks nobody knows would send a notice, and the note in it, as the agent's own words. From the letter's
    first line that nobody types by chance on, each line that is one of the letter's is quoted, any other the agent's.
    """
    for letter in letters:
        lines = [plain for line in letter.split("\n") if (plain := _plain(line, _LISTED))]
        first = next((line for line in lines if len(line) >= _SURE_CHARS), None)
        if first is not None:
            blocks = _marked(blocks, lines, first)
    return blocks


def _marked(blocks: tuple[Block, ...], lines: list[str], first: str) -> tuple[Block, ...]:
    whole, known = " ".join(lines), set(lines)
    found: list[tuple[BlockKind, str]] = []
    # Where in the letter the quoted line ended: the next one goes on there, wherever a program broke it. -1: not begun.
    at = -1
    for block in blocks:
        for line in block.text.split("\n"):
            kind, plain = block.kind, _plain(line, _LISTED)
            if at < 0 and kind == "own" and len(plain) >= _SURE_CHARS and first.startswith(plain):
                at = whole.index(first)
            if at >= 0:
                # Lines that bear a mark count too: a program that broke one left its end without.
                is_sure = plain in known or len(plain) >= _SURE_CHARS
                place = at if whole.startswith(plain, at) else whole.find(plain) if is_sure else -1
                if place >= 0:
                    at = place + len(plain) + bool(plain)
                    kind = "quote" if kind in ("own", "signature") else kind
            found.append((kind, line))
    runs = groupby(found, key=lambda one: one[0])
    return tuple(Block(kind, "\n".join(text for _, text in run)) for kind, run in runs)


def answer_text(
    blocks: tuple[Block, ...], own_text: str, entries: Iterable[Entry], replaced: Iterable[str], by: str
) -> str:
    """The text of an answer: own_text for the block on top (its commands are gone), later own blocks and the
    signature as they are, and between them the quoted lines that stand in an entry that the reader has.

    entries: those (participants.had).
    replaced: the agent's own addresses, which no customer sees; `by` the mailbox's address stands in their place.
    """
    known = lines_of(entries)
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
    return _replaced("\n\n".join(part for part in parts if part.strip()), replaced, by).strip("\n")


def lines_of(entries: Iterable[Entry]) -> set[str]:
    """The lines of what a reader has.

    All of what they wrote; of an agent's mail its text, and not what it quoted of a notice, nor of another reader's words:
    those stand in the text that is kept, and left out of the letters to everybody else.
    """
    found = set()
    for entry in entries:
        text = entry.full_text if entry.kind == "customer" else entry.text
        lines = (line for line in text.split("\n") if entry.kind == "customer" or not line.lstrip().startswith(">"))
        found |= {_plain(line) for line in lines}
    return found - {""}


def kept_text(text: str, entries: Iterable[Entry]) -> str:
    """The text of an answer as it is kept, for one of its readers: with those quoted lines alone that stand in these entries.

    What is kept quotes what any of the readers had; entries: those that this one may read.
    """
    return kept_lines(text, lines_of(entries))


def kept_lines(text: str, known: Set[str]) -> str:
    """The same, where the lines that the reader has are known."""
    lines = (line for line in text.split("\n") if not line.lstrip().startswith(">") or _plain(line) in known)
    return _GAPS.sub("\n\n", "\n".join(lines)).strip("\n")


def answer_files(attachments: Iterable[Attachment], replaced: Iterable[str], by: str) -> tuple[Attachment, ...]:
    """The files that travel with an answer: not those that an agent's program adds and that hold the agent's address.

    A signature is one of the agent's mail, which the customer never sees; a winmail.dat repeats that mail's header.
    """
    own = [address.casefold().encode() for address in replaced]
    return tuple(
        replace(one, name=_replaced(one.name, replaced, by))
        for one in attachments
        if one.type not in _ABOUT_THE_MAIL
        and not is_letter(one)
        and not (one.type in _CARDS and any(address in one.content.lower() for address in own))
    )


def is_letter(attachment: Attachment) -> bool:
    """Whether a file is a letter of a desk, attached whole: a notice holds notes, and an address that acts as its reader."""
    if not attachment.type.startswith("message/") and not attachment.name.casefold().endswith(".eml"):
        return False
    return bool(read_head(attachment.content.lstrip(b"\r\n")).first("x-maildesk-desk"))


def _replaced(text: str, addresses: Iterable[str], by: str) -> str:
    for address in addresses:
        # An underscore beside it is emphasis, not a part of it.
        text = re.sub(rf"(?<![^\W_])(?<![.+-]){re.escape(address)}(?![^\W_]|-)", by, text, flags=re.IGNORECASE)
    return text


def _plain(line: str, marks: re.Pattern[str] = _MARKS) -> str:
    """A line without quote marks and doubled spaces."""
    return _SPACE.sub(" ", marks.sub("", line)).strip()
