"""A letter's values to its final bytes. Pure: makes no id and no date, chooses no recipient, sends nothing.

The bytes are ours from the first to the last instead of the standard library's generator: that one encodes long Message-IDs
(which breaks threads), lets an encoded word turn into a field of its own on Pythons before 3.13 (CVE-2024-6923), and takes
ten times as long. What is written is read again with the standard library's parser and compared field by field.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import a2b_base64, a2b_qp, b2a_base64, b2a_qp
from dataclasses import dataclass, replace
from datetime import datetime
from email.parser import BytesParser, HeaderParser
from email.utils import format_datetime
from hashlib import sha256
from typing import Literal
from urllib.parse import quote

from maildesk.errors import NotComposable
from maildesk.mail.address import a_label
from maildesk.mail.model import Attachment
from maildesk.mail.readback import DOT_ATOM, MAX_LINE_OCTETS, Field, verify_header, verify_lines

_FOLD_OCTETS = 76  # RFC 2047, 2: the longest line that may hold an encoded word
_MAX_TEXT_CHARS = 900  # of a header; Exchange keeps 255 of a subject, so nothing that people write is lost
_MAX_NAME_CHARS = 200
_MAX_ID_OCTETS = 900  # longer than any that was seen, and one always fits a line
_MAX_FILE_NAME_OCTETS = 200  # file systems take 255; three characters for each octet still fit one line
_KEPT_REFERENCES = 10  # after the anchor: a thread stays one when a client dropped some, and the field stays short

# C0, DEL, C1, line and paragraph separators, lone surrogates, direction overrides and isolates, byte order marks: none of
# them has a place in one line of a header; an override in a name shows "gpj.exe" as "exe.jpg".
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")
_ENCODED_WORD = re.compile(r"=\?(?=[^?]*\?)")
_BODY_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+>")
_QUOTED_LOCAL = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])+"')
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9 '_-]+")
_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]|\[IPv6:[0-9A-Fa-f:.]+\]")
_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
# What may stand in a mailto link as it is (RFC 6068, 2); an address with other letters has no such link.
_SIGNED = re.compile(r"[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,253}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_Q_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
)  # RFC 2047, 5 (3): in a phrase
_HIGH = bytes(range(0x80, 0x100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Everything one letter says. to: the bare address of its one recipient; reply_to: "" leaves the field out.

    references: oldest first, the ticket's anchor in front; ids that no mail may hold are left out.
    desk_id: "" where a person wrote it on a page, and it is no letter of the desk's.
    hops: how many desks the mail before this one had passed; thread_topic: the base subject (Outlook's name of a thread).
    text and html: with any newlines; attachments: all are attached, none shown in place. pictures: those that the HTML
    shows in place by their content_id, which each has. unsubscribe: an address that ends automatic letters (RFC 2369, 3.2).
    """

    from_name: str
    from_address: str
    to: str
    subject: str
    message_id: str
    date: datetime
    text: str
    desk_id: str
    reply_to: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    auto_submitted: Literal["auto-replied", "auto-generated"] | None = None
    content_language: str = ""
    hops: int = 0
    thread_topic: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[Attachment, ...] = ()
    unsubscribe: str = ""


def safe_header(text: str, limit: int = _MAX_TEXT_CHARS) -> str:
    """`text` as one harmless line of at most `limit` characters: no control, no line break, no direction override.

    Nothing in it can be read as an encoded word, so that no parser finds a second meaning (CVE-2024-6923).
    """
    if not text.isascii() or not text.isprintable():
        text = _UNSAFE.sub(" ", text)
    return " ".join(_ENCODED_WORD.sub("= ?", " ".join(text.split()))[:limit].split())


def compose(letter: Outgoing) -> bytes:
    """The letter's final bytes: CRLF, lines of at most 998 octets, 7-bit but for an internationalised address.

    Raises NotComposable when an address, the Message-ID or the date cannot be written, or when the bytes, read again,
    do not say exactly what was asked.
    """
    fields = _fields(letter)
    head = "".join(f"{name}: {written}\r\n" for name, written, _ in fields).encode() + b"MIME-Version: 1.0\r\n"
    parts = _parts(letter)
    body = _assembled(letter, parts)
    verify_header(head + body[: body.index(b"\r\n\r\n")], fields, is_single=len(parts) == 1)
    for part in parts:
        _verify_part(part)
    return head + body


def written_text(content: bytes) -> str:
    """The plain text of a letter that `compose` made, of which the beginning is enough; "" when there is none."""
    for part in BytesParser().parsebytes(content).walk():
        octets = part.get_payload(decode=True) if part.get_content_type() == "text/plain" else None
        if isinstance(octets, bytes):
            return octets.decode("utf-8", "replace").replace("\r\n", "\n")
    return ""


# A field: its name, what is written after the colon (folded), and what a reader must get out of it.
def _fields(letter: Outgoing) -> list[Field]:
    if not _is_id(letter.message_id) or letter.date.tzinfo is None:
        raise NotComposable("a letter needs a Message-ID of its own and a date with its zone")
    fields: list[Field] = [
        _mailbox_field("From", letter.from_name, letter.from_address),
        _mailbox_field("To", "", letter.to),
    ]
    if letter.reply_to:
        fields.append(_mailbox_field("Reply-To", "", letter.reply_to))
    fields.append(_text_field("Subject", letter.subject))
    fields.append(_plain("Date", format_datetime(letter.date)))
    fields.append(_plain("Message-ID", letter.message_id))
    if letter.in_reply_to is not None and _is_id(letter.in_reply_to):
        fields.append(_plain("In-Reply-To", letter.in_reply_to))
    if references := _references(letter.references):
        # One id a line: a Message-ID that was encoded or broken no longer names the mail it came from.
        fields.append(("References", "\r\n ".join(references), " ".join(references)))
    if letter.auto_submitted is not None:
        # RFC 3834, 5; the second field is what Exchange and Outlook look at.
        fields += [_plain("Auto-Submitted", letter.auto_submitted), _plain("X-Auto-Response-Suppress", "All")]
    if letter.desk_id:
        fields += [_text_field("X-Maildesk-Desk", letter.desk_id), _plain("X-Maildesk-Hops", str(int(letter.hops)))]
    if _SIGNED.fullmatch(letter.unsubscribe):
        # Never folded: no space may stand inside of the brackets (RFC 2369, 2).
        fields.append(_plain("List-Unsubscribe", f"<mailto:{letter.unsubscribe}?subject=unsubscribe>"))
    if _LANGUAGE.fullmatch(letter.content_language):
        fields.append(_plain("Content-Language", letter.content_language))
    if safe_header(letter.thread_topic):
        fields.append(_text_field("Thread-Topic", letter.thread_topic))
    return fields


def _plain(name: str, value: str) -> Field:
    return name, value, value


def _is_id(text: str) -> bool:
    return len(text) <= _MAX_ID_OCTETS and "=?" not in text and _MESSAGE_ID.fullmatch(text) is not None


def _references(ids: tuple[str, ...]) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(found for found in ids if _is_id(found)))
    return known if len(known) <= _KEPT_REFERENCES + 1 else (known[0], *known[-_KEPT_REFERENCES:])


def _text_field(name: str, text: str) -> Field:
    text = safe_header(text)
    if text.isascii() and all(len(word) < _FOLD_OCTETS for word in text.split(" ")):
        return name, _folded(text, len(name) + 2), text
    return name, _encoded(text, len(name) + 2), text


def _folded(text: str, used: int) -> str:
    if used + len(text) <= _FOLD_OCTETS:
        return text
    lines, line = [], ""
    for word in text.split(" "):
        if line and used + len(line) + 1 + len(word) > _FOLD_OCTETS:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _encoded(text: str, used: int) -> str:
    """`text` as encoded words of at most 75 octets, each with whole characters (RFC 2047, 2 and 5)."""
    base64 = sum(char > "\x7f" for char in text) * 3 > len(text)
    opening = "=?utf-8?b?" if base64 else "=?utf-8?q?"
    words, word, size = [], bytearray(), 0
    for char in text:
        octets = char.encode()
        cost = len(octets) if base64 else sum(1 if octet in _Q_SAFE or octet == 0x20 else 3 for octet in octets)
        room = _FOLD_OCTETS - used - len(opening) - 2
        if word and (-(-(size + cost) // 3) * 4 if base64 else size + cost) > room:
            words.append(bytes(word))
            word, size, used = bytearray(), 0, 1
        word += octets
        size += cost
    words.append(bytes(word))
    coded = (b2a_base64(word, newline=False).decode() if base64 else _q(word) for word in words)
    return "\r\n ".join(f"{opening}{code}?=" for code in coded)


def _q(octets: bytes) -> str:
    return "".join(chr(o) if o in _Q_SAFE else "_" if o == 0x20 else f"={o:02X}" for o in octets)


def _mailbox_field(field: str, name: str, address: str) -> Field:
    written, name = _written_address(address), safe_header(name, _MAX_NAME_CHARS)
    if not name:
        return field, written, ("", written)
    if not name.isascii():
        phrase = _encoded(name, len(field) + 2)
    elif _PLAIN_PHRASE.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    last_line = len(phrase) - (phrase.rfind("\n") + 1) + len(written) + 3
    space = " " if last_line + len(field) + 2 <= _FOLD_OCTETS else "\r\n "
    return field, f"{phrase}{space}<{written}>", (name, written)


def _written_address(address: str) -> str:
    """An addr-spec that means one mailbox: a domain as A-labels, a local part quoted where it must be (RFC 5322, 3.4.1)."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = a_label(domain)
    if not domain.startswith("["):
        domain = domain.lower()
    if not local or not at or len(address) > 254 or not _DOMAIN.fullmatch(domain) or _UNSAFE.search(local):
        raise NotComposable("a letter needs a valid address")
    if not (DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)) or "=?" in local:
        if not local.isascii() or "=?" in local:
            raise NotComposable("a letter needs a valid address")
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{domain}"


@dataclass(frozen=True, slots=True)
class _Part:
    """One leaf as it is written: its header, how its content is coded, the coded content, and what it must say."""

    head: bytes
    way: Literal["7bit", "base64", "quoted-printable"]
    coded: bytes
    meant: bytes
    name: str | None = None
    content_id: str | None = None


def _parts(letter: Outgoing) -> tuple[_Part, ...]:
    texts = (_text_part("plain", letter.text), *(() if letter.html is None else (_text_part("html", letter.html),)))
    pictures = () if letter.html is None else letter.pictures
    return (*texts, *map(_picture, pictures), *map(_attachment, letter.attachments))


def _assembled(letter: Outgoing, parts: tuple[_Part, ...]) -> bytes:
    """The content's header fields and the content."""
    # "=_" stands neither in base64 nor in quoted-printable, and a text that holds it is never sent as 7-bit. The same
    # letter has the same boundary, so that it has the same bytes whenever it is composed.
    key = sha256(f"{letter.message_id}\0{letter.text}\0{letter.html}".encode(errors="surrogatepass")).hexdigest()[:24]
    written = [part.head + b"\r\n" + part.coded for part in parts]
    main = written.pop(0)
    if letter.html is not None:
        page = written.pop(0)
        if letter.pictures:
            pictures, written = written[: len(letter.pictures)], written[len(letter.pictures) :]
            page = _multipart("related", f"=_r{key}", (page, *pictures), ' type="text/html";\r\n')
        main = _multipart("alternative", f"=_a{key}", (main, page))
    return _multipart("mixed", f"=_m{key}", (main, *written)) if written else main


def _multipart(kind: str, boundary: str, parts: tuple[bytes, ...], parameters: str = "") -> bytes:
    line = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{kind};\r\n{parameters} boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _body_text(text: str) -> str:
    text = _NEWLINE.sub("\n", _BODY_CONTROL.sub("", text)).strip("\n") + "\n"
    return text.encode(errors="replace").decode() if not text.isascii() else text


def _text_part(kind: str, text: str) -> _Part:
    octets = _body_text(text).replace("\n", "\r\n").encode()
    way: Literal["7bit", "base64", "quoted-printable"]
    if octets.isascii() and b"=_" not in octets and max(map(len, octets.split(b"\r\n"))) <= MAX_LINE_OCTETS:
        way, coded = "7bit", octets
    elif len(octets.translate(None, _HIGH)) * 3 < len(octets) * 2:
        way, coded = "base64", encodebytes(octets).replace(b"\n", b"\r\n")
    else:
        way, coded = "quoted-printable", b2a_qp(octets, istext=True)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {way}\r\n"
    return _Part(head.encode(), way, coded, octets)


def _picture(picture: Attachment) -> _Part:
    """A part that the HTML shows in place (RFC 2387)."""
    part = _attachment(picture)
    if not _is_id(f"<{picture.content_id}>"):
        raise NotComposable("a picture in a letter needs a Content-ID")
    head = part.head.replace(b"Content-Disposition: attachment;", b"Content-Disposition: inline;")
    return replace(part, head=head + f"Content-ID: <{picture.content_id}>\r\n".encode(), content_id=picture.content_id)


def _attachment(attachment: Attachment) -> _Part:
    name, type_ = _file_name(attachment.name), attachment.type.lower()
    if not _TYPE.fullmatch(type_):
        # A mail or multipart inside may not be base64 (RFC 2046, 5.2.1); its name still says what it is.
        type_ = "application/octet-stream"
    if type_.startswith("text/") and _is_utf8(attachment.content):
        type_ += "; charset=utf-8"
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        shown, disposition = quoted, f'filename="{quoted}"'
    else:
        # Older Outlooks read the encoded words of "name", everything else the parameter of RFC 2231. A plain `filename`
        # beside that one is what some parsers would take instead.
        shown, disposition = _encoded(name, 7), f"filename*=UTF-8''{quote(name, safe='')}"
    head = (
        f'Content-Type: {type_};\r\n name="{shown}"\r\nContent-Transfer-Encoding: base64\r\n'
        f"Content-Disposition: attachment;\r\n {disposition}\r\n"
    )
    coded = encodebytes(attachment.content).replace(b"\n", b"\r\n")
    return _Part(head.encode(), "base64", coded, attachment.content, name)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _file_name(name: str) -> str:
    name = re.sub(r'[/\\"<>]', "_", safe_header(name)) or "attachment"
    if len(name.encode()) > _MAX_FILE_NAME_OCTETS:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if dot and len(ending.encode()) <= 20 else ""
        kept = (stem if ending else name).encode()[: _MAX_FILE_NAME_OCTETS - len(ending.encode())]
        # A space at the cut would be lost on the way, and the name that arrives would not be the one that was asked for.
        name = kept.decode(errors="ignore").rstrip() + ending
    return name


def _verify_part(part: _Part) -> None:
    """The same for one leaf; the alphabet of base64 cannot begin a field or a boundary, so its bytes are not read again."""
    verify_lines(part.head)
    keys = ["Content-Type", "Content-Transfer-Encoding"]
    if part.name is not None:
        head = HeaderParser().parsestr(part.head.decode())
        ids = [] if part.content_id is None else [f"<{part.content_id}>"]
        keys += ["Content-Disposition", *(["Content-ID"] if ids else [])]
        if head.keys() != keys or head.get_filename() != part.name or head.get_all("Content-ID", []) != ids:
            raise NotComposable("an attachment of the letter would have another name than it should")
        return
    verify_lines(part.coded)
    if part.way == "base64":
        read = a2b_base64(part.coded)
    else:
        if b"=_" in part.coded:
            raise NotComposable("the letter's text would look like a boundary")
        read = a2b_qp(part.coded) if part.way == "quoted-printable" else part.coded
    if read != part.meant:
        raise NotComposable("the letter's text would say something else than it should")
