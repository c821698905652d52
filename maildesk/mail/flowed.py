"""format=flowed: soft line breaks undone (RFC 3676). Never looks at what the lines say."""

from __future__ import annotations


def unflowed(text: str, *, delete_space: bool) -> str:
    """The text of format=flowed with its soft breaks undone: a line that ends in a space goes on (RFC 3676).

    Lines of different quote depth never join, and "-- " is a line of its own.
    """
    out: list[tuple[int, list[str]]] = []
    open_depth = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        inner = line[depth:]
        inner = inner.removeprefix(" ")
        flows = inner.endswith(" ") and inner != "-- "
        piece = inner[:-1] if flows and delete_space else inner
        if depth == open_depth and inner != "-- ":
            out[-1][1].append(piece)
        else:
            out.append((depth, [piece]))
        open_depth = depth if flows else -1
    lines = (f"{'>' * depth}{' ' if depth else ''}{''.join(pieces)}" for depth, pieces in out)
    return "\n".join(line if line == "-- " else line.rstrip() for line in lines)
