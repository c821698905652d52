"""The grammar of Authentication-Results (RFC 8601, 2.2), strict and linear. Knows no server and believes nobody.

A lenient reader is how a sender gets a result of their own into a server's field: what does not follow the grammar is
Malformed as a whole, and comments and quoted strings are never looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildesk.errors import Malformed

# Above this length a field is not one that a mail server wrote.
MAX_FIELD_CHARS = 8192

_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", re.ASCII)
_PLAIN = re.compile(r"[^\s;()\"\\\x00-\x20\x7f]+")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*)"')
_IN_COMMENT = re.compile(r"[^()\\]+|\\.")


@dataclass(frozen=True, slots=True)
class Result:
    """One method and what it found, lower-case. properties: ("header.from", "client.test") as they were written."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def one(self, name: str) -> str:
        """The property of this name; "" when there is none or more than one."""
        found = [value for key, value in self.properties if key == name]
        return found[0] if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class Results:
    """A whole field. is_plain: its id stands first, without comment or quotes, as servers write it."""

    server: str
    is_plain: bool
    results: tuple[Result, ...]


class _Reader:
    """A place in the text that only moves forward."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def space(self) -> bool:
        """Skip white space and comments; whether there were any. Raises Malformed for a comment that never ends."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "(":
                depth += 1
            elif char == ")" and depth:
                depth -= 1
            elif depth:
                found = _IN_COMMENT.match(self.text, self.at)
                if found is None:
                    raise Malformed("a comment ends in a backslash")
                self.at = found.end()
                continue
            elif char not in " \t\r\n":
                break
            self.at += 1
        if depth:
            raise Malformed("a comment never ends")
        return self.at > start

    def take(self, char: str) -> bool:
        """Whether this character stands here; it is passed."""
        is_here = self.text.startswith(char, self.at)
        self.at += is_here
        return is_here

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern finds here; it is passed."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def keyword(self, what: str) -> str:
        """A keyword, lower-case. Raises Malformed."""
        found = self.match(_KEYWORD)
        if found is None:
            raise Malformed(f"there is no {what}")
        return found.lower()

    def value(self) -> str:
        """A token, a quoted string, or an address whose local part may be quoted; "" for nothing."""
        quoted = self.match(_QUOTED)
        if quoted is None:
            return self.match(_PLAIN) or ""
        inner = re.sub(r"\\(.)", r"\1", quoted[1:-1])
        return inner + (self.match(_PLAIN) or "") if self.text.startswith("@", self.at) else inner

    def is_end(self) -> bool:
        return self.at == len(self.text)


def read_results(text: str) -> Results:
    """What one unfolded field says. Raises Malformed for anything that does not follow RFC 8601."""
    if len(text) > MAX_FIELD_CHARS:
        raise Malformed("the field is too long to be real")
    reader = _Reader(text)
    is_plain = not reader.space() and not text.startswith('"')
    server = reader.value()
    if not server:
        raise Malformed("there is no authserv-id")
    is_plain = not reader.text.startswith("(", reader.at) and is_plain
    reader.space()
    version = reader.match(_KEYWORD)
    if version not in (None, "1"):
        raise Malformed("the version is not 1")
    reader.space()
    found: list[Result] = []
    while reader.take(";"):
        reader.space()
        if reader.is_end() and found:
            # Several servers end the last result as they end every other.
            break
        if (result := _result(reader)) is not None:
            found.append(result)
        elif found or not reader.is_end():
            raise Malformed('"none" stands beside results')
    if not reader.is_end():
        raise Malformed("there is something behind the results")
    return Results(server, is_plain, tuple(found))


def _result(reader: _Reader) -> Result | None:
    """A method, its result and its properties; None for the word "none" alone."""
    method = reader.keyword("method")
    reader.space()
    if reader.take("/"):
        reader.space()
        if reader.keyword("version of a method") != "1":
            raise Malformed("the method's version is not 1")
        reader.space()
    if not reader.take("="):
        if method == "none":
            return None
        raise Malformed("a method has no result")
    reader.space()
    result = reader.keyword("result")
    properties: list[tuple[str, str]] = []
    while reader.space() and not reader.is_end() and reader.text[reader.at] != ";":
        name = reader.keyword("property")
        reader.space()
        if reader.take("."):
            reader.space()
            name += "." + reader.keyword("name of a property")
            reader.space()
        if not reader.take("="):
            raise Malformed("a property has no value")
        reader.space()
        properties.append((name, reader.value()))
    return Result(method, result, tuple(properties))
