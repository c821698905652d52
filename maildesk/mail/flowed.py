"""format=flowed: soft line breaks undone (RFC 3676). Never looks at what the lines say."""

from __future__ import annotations


def unflowed(text: str, *, delete_space: bool) -> str:
    """The text of format=flowed with its soft breaks undone: a line that ends in a space goes on (RFC 3676).

    Lines of different quote depth never join, and "-- " is a line of its own.
    """
    out: list[str] = []
    # A line that goes on: its quote depth and its pieces so far.
    depth, pieces = -1, list[str]()
    for line in text.split("\n"):
        if not pieces and line[:1] not in (">", " ") and line[-1:] != " ":
            out.append(line)
            continue
        here = len(line) - len(line.lstrip(">"))
        inner = line[here:].removeprefix(" ")
        is_mark = inner == "-- "
        flows = inner.endswith(" ") and not is_mark
        if pieces and (here != depth or is_mark):
            out.append(_line(depth, pieces))
            pieces = []
        depth = here
        pieces.append(inner[:-1] if flows and delete_space else inner)
        if not flows:
            out.append(_line(depth, pieces))
            pieces = []
    if pieces:
        out.append(_line(depth, pieces))
    return "\n".join(out)


def _line(depth: int, pieces: list[str]) -> str:
    line = f"{'>' * depth}{' ' if depth else ''}{''.join(pieces)}"
    return line if line == "-- " else line.rstrip()
