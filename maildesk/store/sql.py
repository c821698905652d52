"""Reads the named queries of queries.sql and, for what only pages ask, pages.sql. Knows their grammar and no database.

A query is a line "-- verb: a sentence", comment lines that say who calls it and which index serves it, and one statement:

    -- find: ticket by number
    -- For the commands; unique index on tickets(number).
    SELECT * FROM tickets WHERE number = :number;
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

VERBS = ("find", "list", "add", "change", "drop")
_HEAD = re.compile(r"^-- (find|list|add|change|drop): (.+)$")


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with parameters in the form ":name"."""

    verb: str
    name: str
    comment: str
    text: str


def parse(source: str) -> dict[str, Query]:
    """The queries of a file by "verb: name". Raises ValueError for a second one of a name or one without a comment."""
    queries: dict[str, Query] = {}
    head: tuple[str, str] | None = None
    comment: list[str] = []
    body: list[str] = []

    def finish() -> None:
        if head is None:
            return
        verb, name = head
        text = "\n".join(body).strip().rstrip(";")
        if not comment or not text or f"{verb}: {name}" in queries:
            raise ValueError(f"query {verb}: {name} lacks a comment or a statement, or stands twice")
        queries[f"{verb}: {name}"] = Query(verb, name, " ".join(comment), text)

    for line in source.splitlines():
        found = _HEAD.match(line)
        if found:
            finish()
            head, comment, body = (found[1], found[2].strip()), [], []
        elif line.startswith("--"):
            if head is not None and not body:
                comment.append(line[2:].strip())
        elif head is not None and line.strip():
            body.append(line)
    finish()
    return queries


@cache
def queries(dialect: str = "") -> dict[str, Query]:
    """All queries; with dialect "postgres" those of queries.postgres.sql replace theirs by name."""
    folder = files("maildesk.store")
    found = parse("\n".join((folder / name).read_text(encoding="utf-8") for name in ("queries.sql", "pages.sql")))
    if dialect:
        found |= parse((folder / f"queries.{dialect}.sql").read_text(encoding="utf-8"))
    return found
