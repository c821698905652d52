"""A written header read again as another program would read it, and compared with what it was to say.
Pure; knows nothing of how it was written."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr

from maildesk.errors import NotComposable

MAX_LINE_OCTETS = 998  # RFC 5322, 2.1.1
DOT_ATOM = re.compile(
    "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+)*"
)
_FOLD = re.compile(r"\r?\n(?=[ \t])")

# A field's name, what is written, and what it means: a text, or a display name and an address.
Field = tuple[str, str, str | tuple[str, str]]


def verify_header(octets: bytes, fields: list[Field], *, is_single: bool) -> None:
    """Read the header as another program would; raise NotComposable unless it says what was asked, and nothing more."""
    verify_lines(octets)
    mail: Message = HeaderParser().parsestr(octets.decode())
    mime = ["MIME-Version", "Content-Type", *(["Content-Transfer-Encoding"] if is_single else [])]
    if mail.keys() != [name for name, _, _ in fields] + mime:
        raise NotComposable("the letter's header would hold other fields than it should")
    for (name, _, meant), value in zip(fields, mail.values(), strict=False):
        if _read(name, value) != meant:
            raise NotComposable(f"the letter's {name} would say something else than it should")


def verify_lines(octets: bytes) -> None:
    """Raise NotComposable for a bare CR or LF, and for a line above 998 octets (RFC 5322, 2.1.1)."""
    if not (octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n")):
        raise NotComposable("the letter would hold a bare CR or LF")
    if max(map(len, octets.split(b"\r\n"))) > MAX_LINE_OCTETS:
        raise NotComposable("the letter would hold a line above 998 octets")


def _read(name: str, value: str) -> str | tuple[str, str]:
    value = _FOLD.sub("", value)
    if name in ("From", "To", "Reply-To"):
        # The plain case first: it is nearly every letter, and the parser takes as long as the rest of the letter.
        person, address = ("", value) if DOT_ATOM.fullmatch(value.rpartition("@")[0]) else parseaddr(value)
        return _decoded(person), address
    return _decoded(value)


def _decoded(text: str) -> str:
    if "=?" not in text:
        return text
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in decode_header(text)
        )
    except (HeaderParseError, UnicodeDecodeError, LookupError) as error:
        raise NotComposable("the letter's header would hold an encoded word nobody can read") from error
