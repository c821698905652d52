"""A text as blocks in order, and what of it the person wrote now.
Line by line, linear; when in doubt a line is the person's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildesk.mail.attribution import QUOTED, apart
from maildesk.mail.closing import close
from maildesk.mail.marks import QUOTE_BEGINS, QUOTE_ENDS, SIGN_BEGINS, SIGN_ENDS, unmarked
from maildesk.mail.model import Block
from maildesk.mail.quotes import READ_LINES, Reading, walk

# So many quoted lines above an answer are shown whole; of more, the paragraph nearest to it.
CITED_LINES = 3
_BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


@dataclass(slots=True)
class _Marked:
    """Lines less the marks, and what the marks said of each."""

    lines: list[str]
    quoted: list[bool]
    signed: list[bool]


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of a text in order; joined by newlines they are the text, a ">" for the quote marks."""
    whole = text.split("\n", READ_LINES)
    marked = _without_marks([piece for line in whole[:READ_LINES] for piece in apart(line)])
    # A million lines that no rule looks at stay one string.
    beyond = whole[READ_LINES:]
    if beyond and unmarked(beyond[0]) != beyond[0]:
        beyond = _without_marks(beyond[0].split("\n")).lines
    reading = Reading(marked.lines, marked.quoted, [])
    walk(reading)
    _sign(reading, marked.signed)
    close(reading)
    # What lies further on is what the last line was: nobody writes 5,000 lines and answers below them.
    reading.kinds.extend((reading.kinds[-1:] or ["own"]) * len(beyond))
    reading.lines.extend(beyond)
    return _joined(reading)


def own_text(blocks: tuple[Block, ...]) -> str:
    """What the person wrote now: their own blocks and, where they answered between the lines, those lines."""
    spoken = {i for i, block in enumerate(blocks) if block.kind == "own" and block.text.strip()}
    answered = {i for i, block in enumerate(blocks) if block.kind == "quote" and _answer_follows(blocks, i)}
    first = min(spoken, default=len(blocks))
    cited = {i for i in answered if i > first and not _is_attributed(blocks, i)}
    kept: list[str] = []
    for i, block in enumerate(blocks):
        if i in spoken:
            kept.append(block.text)
        elif i in answered and (len(answered) > 1 or i in cited):
            kept.append(
                block.text if i in cited and block.text.count("\n") < CITED_LINES else _last_paragraph(block.text)
            )
    return _BLANKS.sub("\n\n", "\n".join(kept)).strip("\n").rstrip()


def _is_attributed(blocks: tuple[Block, ...], i: int) -> bool:
    """Whether a line that names somebody stands over the quote, blank lines between them or not."""
    above = (blocks[at] for at in range(i - 1, -1, -1) if blocks[at].text.strip())
    return next((block.kind == "attribution" for block in above), False)


def _answer_follows(blocks: tuple[Block, ...], i: int) -> bool:
    return any(b.text.strip() for b in blocks[i + 1 : i + 2] if b.kind == "own")


def _last_paragraph(text: str) -> str:
    """The lines nearest to the answer, back to the first empty quoted line."""
    lines = text.rstrip().split("\n")
    while lines and not lines[-1].strip(" \t>"):
        lines.pop()
    begin = next((i + 1 for i in range(len(lines) - 1, -1, -1) if not lines[i].strip(" \t>")), 0)
    return "\n".join(lines[begin:])


def _without_marks(lines: list[str]) -> _Marked:
    """The lines less the marks; inside the quote marks each gets a ">"."""
    kept, quoted, signed = list[str](), list[bool](), list[bool]()
    depth = signs = 0
    for line in lines:
        match line.strip():
            case c if c == QUOTE_BEGINS:
                depth += 1
            case c if c == QUOTE_ENDS:
                depth = max(0, depth - 1)
            case c if c == SIGN_BEGINS:
                signs += 1
            case c if c == SIGN_ENDS:
                signs = max(0, signs - 1)
            case _:
                bare = unmarked(line)
                kept.append(f"> {bare.strip()}" if depth and bare.strip() and not QUOTED.match(bare) else bare)
                quoted.append(depth > 0)
                signed.append(signs > 0)
    return _Marked(kept, quoted, signed)


def _sign(reading: Reading, signed: list[bool]) -> None:
    """What a client marked as its user's signature is one, unless nothing else is theirs."""
    own = [i for i, kind in enumerate(reading.kinds) if kind == "own" and reading.lines[i].strip()]
    if any(not signed[i] for i in own):
        for i in range(len(signed)):
            if signed[i] and reading.kinds[i] == "own":
                reading.kinds[i] = "signature"


def _joined(reading: Reading) -> tuple[Block, ...]:
    blocks: list[Block] = []
    begin = 0
    for at in range(1, len(reading.lines) + 1):
        if at == len(reading.lines) or reading.kinds[at] != reading.kinds[begin]:
            blocks.append(Block(reading.kinds[begin], "\n".join(reading.lines[begin:at])))
            begin = at
    return tuple(blocks)
