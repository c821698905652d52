"""The tables of the README's trust page, as the code has them: `python -m tests.trust_tables` writes them."""

from __future__ import annotations

import re
from pathlib import Path

from maildesk.desk.evidence import THREAD_LEVELS
from maildesk.desk.held import CAUSES
from maildesk.desk.loops import GUARDS
from maildesk.desk.matrix import MATRIX, Row

README = Path(__file__).parent.parent / "README.md"
_EVIDENCE = {
    "signed-address": "signed address (T3)",
    "signed-id": "our Message-ID (T2)",
    "known-id": "a Message-ID the ticket holds (T1)",
    "subject": "number in the subject (T0)",
    "none": "none",
}


def matrix() -> str:
    """The decision matrix, a line for each evidence and author."""
    lines = ["| evidence | author | S4, S3 | S2 | S1 | S0 |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {_EVIDENCE[evidence]} | {who} | {' | '.join(map(_cell, row))} |" for (evidence, who), row in MATRIX.items()
    ]
    assert set(_EVIDENCE) == set(THREAD_LEVELS)
    return "\n".join(lines)


def _cell(row: Row) -> str:
    if row.does == "hold":
        return f"held: {row.cause}"
    if row.does == "new":
        return "new, quiet" if row.is_quiet else "new, unconfirmed" if row.is_unconfirmed else "new"
    return f"joins, `{row.flags[0]}`" if row.flags else "joins"


def causes() -> str:
    """Why mail is held."""
    return "\n".join(["| cause | why it is held |", "|---|---|", *(f"| `{c}` | {s} |" for c, s in CAUSES.items())])


def loops() -> str:
    """What ends a loop, in order."""
    return "\n".join(["| rule | says |", "|---|---|", *(f"| {g.name} | {g.sentence} |" for g in GUARDS)])


TABLES = {"loops": loops, "matrix": matrix, "causes": causes}


def filled(text: str, name: str, table: str) -> str:
    """The text with the table between its two comments."""
    return re.sub(
        f"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    """Write every table into the README."""
    text = README.read_text()
    for name, table in TABLES.items():
        text = filled(text, name, table())
    README.write_text(text)


if __name__ == "__main__":
    main()
