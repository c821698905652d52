"""`maildesk explain`: how the desk understands a mail, for people and as JSON. Needs no configuration and no store."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from maildesk.cli.terminal import json_text, plain
from maildesk.clock import iso
from maildesk.mail.model import Mail, Person
from maildesk.mail.parse import understand

_MBOX_LINE = re.compile(rb"\A>?From [^\n]*\n")
# The lines that part the mails of an mbox: an address, a time, and a header below.
_MBOX_NEXT = re.compile(rb"\n\r?\nFrom \S{1,254} [^\n]{0,40}\d\d:\d\d[^\n]{0,40}\n(?=[A-Za-z][A-Za-z-]{0,60}:)")
# Twice the largest mail that a desk takes by itself.
_MAX_BYTES = 67_108_864
# What is folded away is shown so far.
_FOLDED_LINES = 12


def explain(files: tuple[str, ...], *, as_json: bool, out: TextIO) -> int:
    """Write one answer a file to `out`, in order; no file or "-" is standard input.

    Returns 0 when every file was answered, 2 when one could not be opened; that is said on standard error.
    """
    code = 0
    for number, file in enumerate(files or ("-",)):
        try:
            raw = _read(file)
        except OSError as error:
            print(
                f"maildesk: cannot read {file}: {error.strerror or error}; name a file that holds one mail.",
                file=sys.stderr,
            )
            code = 2
            continue
        mail = understand(_MBOX_LINE.sub(b"", raw[:_MAX_BYTES], count=1))
        for fault in _faults_of_file(raw):
            mail = replace(mail, defects=(*mail.defects, fault))
            print(f"maildesk: {file}: {fault}.", file=sys.stderr)
        if as_json:
            out.write(json_text(as_object(mail, file)) + "\n")
        else:
            out.write(("\n" if number else "") + as_text(mail, file))
    return code


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(_MAX_BYTES + 1)
    with Path(file).open("rb") as stream:
        return stream.read(_MAX_BYTES + 1)


def _faults_of_file(raw: bytes) -> Iterator[str]:
    """What is wrong with the file rather than with its mail; it is answered all the same."""
    if len(raw) > _MAX_BYTES:
        yield "the file is longer than 64 MiB, its rest was not read"
    others = len(_MBOX_NEXT.findall(raw)) if _MBOX_LINE.match(raw) else 0
    if others:
        yield f"the file is an mbox with {others + 1} mails and was read as one; split it, with `git mailsplit` or formail"


def as_object(mail: Mail, file: str) -> dict[str, Any]:
    """The mail as INTERFACE, section 6 shows it: every key is always there."""
    return {
        "file": file,
        "subject": mail.subject,
        "from": _person(mail.author),
        "reply_to": _person(mail.reply_to),
        "to": list(mail.to),
        "cc": list(mail.cc),
        "message_id": mail.message_id,
        "references": list(mail.references),
        "date": _moment(mail.date),
        "language": mail.language,
        "text": mail.text,
        "full_text": mail.full_text,
        "attachments": [
            {"name": a.name, "type": a.type, "size": a.size_bytes, "sha256": a.sha256, "inline": a.inline}
            for a in mail.attachments
        ],
        "automatic": mail.automatic,
        "bounce": _bounce(mail),
        "forwarded": _forwarded(mail),
        "defects": list(mail.defects),
        "unreadable": mail.unreadable,
    }


def as_text(mail: Mail, file: str) -> str:
    """The mail for a person at a terminal: one line a fact, then the text with what was folded of it, and as what."""
    lines = [f"{'file:':18}{file}", *facts_of(mail), "", *text_of(mail)]
    return shown(lines)


def shown(lines: Iterable[str]) -> str:
    """Lines for a terminal; each stays one, whatever stands in it."""
    return "".join(f"{plain(line).replace(chr(10), ' ').rstrip()}\n" for line in lines)


def facts_of(mail: Mail) -> list[str]:
    """What was understood of a mail but for its text, a line each."""
    author = _called(mail.author) if mail.author else f"nobody who can be believed: {mail.author_fault}"
    facts = [
        ("subject", mail.subject),
        ("from", author),
        ("reply to", _called(mail.reply_to) if mail.reply_to else ""),
        ("to", ", ".join(mail.to)),
        ("cc", ", ".join(mail.cc)),
        ("date", _moment(mail.date) or ""),
        ("message-id", mail.message_id or ""),
        ("references", " ".join(mail.references)),
        ("language", mail.language or "too short to tell"),
        ("automatic", mail.automatic or "no"),
        ("no answer wanted", mail.suppress or ""),
        ("bounce", _bounce_line(mail)),
        ("forwarded", _forwarded_line(mail)),
        *(
            ("attachment", f"{a.name} ({a.type}, {a.size_bytes} bytes{', inline' if a.inline else ''})")
            for a in mail.attachments
        ),
        *(("defect", defect) for defect in mail.defects),
        ("unreadable", mail.unreadable or ""),
    ]
    return [f"{name + ':':18}{value}" for name, value in facts if value]


def text_of(mail: Mail) -> list[str]:
    """The text by its blocks: what is shown first stands behind "|", what is folded behind ":"."""
    if not mail.blocks:
        return [
            f"text: {'what could be saved' if mail.full_text else 'none'}",
            *_cut(mail.full_text.strip().split("\n"), "  "),
        ]
    kept = {line for line in mail.text.split("\n") if line.strip()}
    found = ["text, | is shown and : is folded:" if mail.text else "text: (no text of their own), : is folded"]
    for block in mail.blocks:
        lines = block.text.split("\n")
        # An answer between the lines keeps those that it answers.
        marks = ["|" if block.kind == "own" or line in kept else ":" for line in lines]
        names = [block.kind, *[""] * len(lines)]
        marked = [f"  {name:12}{mark} {line}" for name, mark, line in zip(names, marks, lines, strict=False)]
        found += marked if block.kind == "own" else _cut(marked, f"{'':14}: ")
    return found


def _cut(lines: list[str], margin: str) -> list[str]:
    if len(lines) <= _FOLDED_LINES + 1:
        return lines
    return [*lines[:_FOLDED_LINES], f"{margin}… {len(lines) - _FOLDED_LINES} more lines"]


def _called(person: Person) -> str:
    return f"{person.name} <{person.address}>" if person.name else person.address


def _person(person: Person | None) -> dict[str, str] | None:
    return {"address": person.address, "name": person.name} if person else None


def _moment(date: datetime | None) -> str | None:
    return iso(date.replace(microsecond=0)).replace(".000000Z", "Z") if date else None


def _bounce(mail: Mail) -> dict[str, Any] | None:
    if mail.bounce is None:
        return None
    return {
        "failures": [
            {"recipient": f.recipient, "status": f.status, "permanent": f.permanent} for f in mail.bounce.failures
        ]
    }


def _forwarded(mail: Mail) -> dict[str, Any] | None:
    inner = mail.forwarded
    if inner is None:
        return None
    return {
        "from": _person(inner.author),
        "subject": inner.subject,
        "date": _moment(inner.date),
        "text": inner.text,
        "authors": [_person(one) for one in inner.authors],
        "attachments": [one.name for one in inner.attachments],
    }


def _bounce_line(mail: Mail) -> str:
    if mail.bounce is None:
        return ""
    word = "delayed" if mail.bounce.delayed else "failed"
    each = (
        f"{f.recipient} {f.status or ''}".strip() + ("" if f.permanent else " for now") for f in mail.bounce.failures
    )
    return f"{word}: {', '.join(each) or 'it names nobody'}"


def _forwarded_line(mail: Mail) -> str:
    inner = mail.forwarded
    if inner is None:
        return ""
    people = inner.authors or ((inner.author,) if inner.author else ())
    author = " or ".join(map(_called, people)) or inner.name or "somebody"
    return f"{inner.subject!r} by {author}" + (f", {_moment(inner.date)}" if inner.date else "")
