"""`maildesk explain`: how the desk understands a mail, for people and as JSON. Needs no configuration and no store."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, TextIO

from maildesk.clock import iso
from maildesk.mail.model import Mail, Person
from maildesk.mail.parse import understand

_MBOX_LINE = re.compile(rb"\A>?From [^\n]*\n")
# What a terminal would take as a command: every control but the line feed and the tab, and the bidi controls.
_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def explain(files: tuple[str, ...], *, as_json: bool, out: TextIO) -> int:
    """Write one answer a file to `out`, in order; no file or "-" is standard input.

    Returns 0 when every file was answered, 2 when one could not be opened; that is said on standard error.
    """
    code = 0
    for number, file in enumerate(files or ("-",)):
        try:
            raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            print(
                f"maildesk: cannot read {file}: {error.strerror or error}; name a file that holds one mail.",
                file=sys.stderr,
            )
            code = 2
            continue
        mail = understand(_MBOX_LINE.sub(b"", raw, count=1))
        if as_json:
            out.write(json.dumps(as_object(mail, file), ensure_ascii=False) + "\n")
        else:
            out.write(("\n" if number else "") + as_text(mail, file))
    return code


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
        "date": _moment(mail),
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
    """The mail for a person at a terminal: one line a fact, then the text."""
    author = (
        f"{mail.author.name} <{mail.author.address}>".strip()
        if mail.author
        else f"nobody who can be believed: {mail.author_fault}"
    )
    facts = [
        ("file", file),
        ("subject", mail.subject),
        ("from", author),
        ("to", ", ".join(mail.to)),
        ("cc", ", ".join(mail.cc)),
        ("date", _moment(mail) or ""),
        ("message-id", mail.message_id or ""),
        ("references", " ".join(mail.references)),
        ("language", mail.language or "too short to tell"),
        ("automatic", mail.automatic or "no"),
        ("no answer wanted", mail.suppress or ""),
        (
            "bounce",
            ", ".join(f"{f.recipient} {f.status or ''}".strip() for f in mail.bounce.failures) or "yes"
            if mail.bounce
            else "",
        ),
        ("forwarded", _forwarded_line(mail)),
        *(
            ("attachment", f"{a.name} ({a.type}, {a.size_bytes} bytes{', inline' if a.inline else ''})")
            for a in mail.attachments
        ),
        *(("defect", defect) for defect in mail.defects),
        ("unreadable", mail.unreadable or ""),
    ]
    lines = [f"{name + ':':18}{value}" for name, value in facts if value]
    return _TERMINAL.sub("", "\n".join([*lines, "", mail.text or "(no text of their own)"])) + "\n"


def _person(person: Person | None) -> dict[str, str] | None:
    return {"address": person.address, "name": person.name} if person else None


def _moment(mail: Mail) -> str | None:
    return iso(mail.date.replace(microsecond=0)).replace(".000000Z", "Z") if mail.date else None


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
    date = iso(inner.date.replace(microsecond=0)).replace(".000000Z", "Z") if inner.date else None
    return {
        "from": _person(inner.author),
        "subject": inner.subject,
        "date": date,
        "text": inner.text,
        "authors": [_person(one) for one in inner.authors],
        "attachments": [one.name for one in inner.attachments],
    }


def _forwarded_line(mail: Mail) -> str:
    if mail.forwarded is None:
        return ""
    inner = mail.forwarded
    author = inner.author.address if inner.author else inner.name or "somebody"
    return f"{inner.subject!r} by {' or '.join(one.address for one in inner.authors) or author}"
