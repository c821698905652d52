"""The tree of a mail's parts as slices of its bytes, and the bytes of each leaf.
Never copies a branch, never re-serialises, never fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from maildesk.mail.charset import decode, one_line
from maildesk.mail.head import Head, parameters, read_head, text_of
from maildesk.mail.labels import codec_of
from maildesk.mail.limits import DEPTH, PARTS
from maildesk.mail.transfer import base64_body, files_in, from_quoted

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$")
_MARK = re.compile(rb"(?:^|\n)--([^\s][^\r\n]{0,199})\r?\n(?=content-)", re.IGNORECASE)
_BOUNDARY = re.compile(rb'boundary[ \t]{0,9}=[ \t]{0,9}"?([^"\r\n;]{1,200})', re.IGNORECASE)
# How far down the first boundary of a mail stands whose header names none.
_PREAMBLE_BYTES = 300
_NO_LETTER = re.compile(r"[^a-z0-9]")
_SUFFIXES = {
    "message/rfc822": ".eml",
    "message/delivery-status": ".txt",
    "text/calendar": ".ics",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/rtf": ".rtf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/pgp-signature": ".asc",
    "application/pkcs7-signature": ".p7s",
}
# What programs call these parts when they give them a name.
_NAMES = {
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-signature": "smime.p7s",
    "application/pgp-signature": "signature.asc",
    "application/pgp-keys": "publickey.asc",
    "text/calendar": "invite.ics",
}
_PERCENTS = re.compile(r"%[c-fC-F][0-9a-fA-F]%[89abAB][0-9a-fA-F]")
_FILE_LIKE = re.compile(r"[^/\\:<>|?*]{1,200}\.[A-Za-z][A-Za-z0-9]{1,4}")
_TYPES = {ending: kind for kind, ending in reversed(_SUFFIXES.items()) if kind != "message/delivery-status"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its fields, its type and parameters, and where its body lies in the raw mail."""

    raw: bytes
    head: Head
    type: str
    params: dict[str, str]
    end: int
    parts: tuple[Part, ...] = ()
    defects: tuple[str, ...] = ()

    @property
    def disposition(self) -> str:
        """ "attachment", "inline" or ""."""
        return parameters(self.head.first("content-disposition"))[0]

    @property
    def body(self) -> bytes:
        """The body as it stands in the mail, transfer encoding and all."""
        return self.raw[self.head.body_at : self.end]

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in the order of the mail."""
        yield self
        for part in self.parts:
            yield from part.walk()


def take_apart(raw: bytes, head: Head, end: int | None = None, *, default: str = "text/plain") -> Part:
    """The tree under a header that was read already; at most 50 deep and 1,000 parts wide, the rest stays unopened."""
    tree = _part(raw, head, len(raw) if end is None else end, default, 0, [0])
    parts = tuple(tree.walk())
    if all(value.isascii() for part in parts for _, value in part.head.fields):
        return tree
    # Raw 8-bit names and subjects: programs write them in the charset in which they write the text.
    declared = (part.params.get("charset", "") for part in parts)
    label = next((one for one in declared if codec_of(one) not in (None, "cp1252", "utf-8")), "")
    return _in_charset(tree, label) if label else tree


def _in_charset(part: Part, label: str) -> Part:
    head = part.head.in_charset(label)
    params = part.params if head is part.head else parameters(head.first("content-type"))[1]
    return replace(part, head=head, params=params, parts=tuple(_in_charset(one, label) for one in part.parts))


def _part(raw: bytes, head: Head, end: int, default: str, depth: int, count: list[int]) -> Part:
    count[0] += 1
    kind, params = _type_of_body(raw, head, end, default)
    if not kind.startswith("multipart/") or depth >= DEPTH:
        return Part(raw, head, kind, params, end)
    boundary = params.get("boundary", "").encode("utf-8", "replace").rstrip()
    spans = _spans(raw, boundary, head.body_at, end) if boundary else []
    defects: tuple[str, ...] = ()
    if not spans:
        spans = next(
            (found for mark in _guesses(raw, head, end) if (found := _spans(raw, mark, head.body_at, end))), []
        )
        if not spans:
            return Part(raw, head, "text/plain", params, end, (), (f"a {kind} without parts",))
        defects = ("the boundary in the header is not the one in the body",)
    inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    parts = []
    for begin, stop in spans:
        if count[0] >= PARTS:
            defects = (*defects, "parts beyond 1,000 are left unopened")
            break
        sub = read_head(raw, begin, stop)
        parts.append(_part(raw, sub, stop, inner, depth + 1, count))
    return Part(raw, head, kind, params, end, tuple(parts), defects)


def _type_of_body(raw: bytes, head: Head, end: int, default: str) -> tuple[str, dict[str, str]]:
    """The type and its parameters: of two types the one that the body bears out, for nonsense what it most likely means."""
    given = head.every("content-type")
    for value in given if len(given) > 1 else ():
        kind, params = parameters(value)
        if (
            kind.startswith("multipart/")
            and f"--{params.get('boundary') or chr(0)}".encode() in raw[head.body_at : end]
        ):
            return kind, params
    kind, params = parameters(head.first("content-type"))
    # A gateway took the type away: the parts are there all the same. Further down it is a mail that came back.
    near = min(end, head.body_at + _PREAMBLE_BYTES)
    mark = _MARK.search(raw, head.body_at, near) if head.fields and not given else None
    if mark and raw.find(b"--" + mark[1].rstrip(), mark.end(), end) >= 0:
        return "multipart/mixed", {"boundary": mark[1].rstrip().decode("latin-1")}
    if not _TYPE.match(kind):
        kind = "text/html" if kind == "html" else "text/plain" if kind.startswith("text") or not kind else default
        kind = kind if given else default
    return kind, params


def _guesses(raw: bytes, head: Head, end: int) -> Iterator[bytes]:
    """What may be the boundary when the header names none or another one."""
    written = _BOUNDARY.search(head.first("content-type"))
    if written:
        yield written[1].strip()
    # The first line that a part's header follows.
    begins = _MARK.search(raw, max(head.body_at - 1, 0), end)
    if begins:
        yield begins[1].rstrip()
    # The last line, if it closes.
    last = raw[max(head.body_at, end - 300) : end].rstrip().rpartition(b"\n")[2]
    if len(last) > 6 and last.startswith(b"--") and last.endswith(b"--"):
        yield last[2:-2]


def _spans(raw: bytes, boundary: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where the parts between boundaries lie; the line end before a boundary is its own (RFC 2046, 5.1.1)."""
    mark = b"--" + boundary
    # Lines that only begin like the boundary are passed over here: a mail may have millions.
    marks = re.compile(re.escape(mark) + rb"(?=[ \t\r\x0b\x0c]*+(?:--)?+[ \t\r\x0b\x0c]*+(?:\n|\Z))")
    spans: list[tuple[int, int]] = []
    begin = -1
    found = marks.search(raw, start, end)
    while found:
        at = found.start()
        after = at + len(mark)
        if at == start or raw[at - 1 : at] == b"\n":
            newline = raw.find(b"\n", after, end)
            line_end = end if newline < 0 else newline
            rest = raw[after : min(line_end, after + 80)].strip()
            if rest in (b"", b"--"):
                if begin >= 0:
                    stop = at - 1 if raw[at - 1 : at] == b"\n" else at
                    spans.append((begin, max(begin, stop - 1 if raw[stop - 1 : stop] == b"\r" else stop)))
                begin = -1 if rest == b"--" else min(line_end + 1, end)
                after = line_end
        found = marks.search(raw, after, end)
    if 0 <= begin < end:
        # The closing boundary never came: the mail was cut, what is there counts.
        spans.append((begin, end))
    return spans


def content(part: Part) -> bytes:
    """A leaf's bytes, its transfer encoding undone as far as it can be."""
    body = part.body
    match _encoding(part):
        case "base64":
            return base64_body(body)[0]
        case "quotedprintable":
            return from_quoted(body)
        case "xuuencode" | "uuencode" | "xuue" | "uue" | "xuu" | "xyencode" | "yenc":
            files = files_in(body)[1]
            return files[0][1] if files else body
    return body


def _encoding(part: Part) -> str:
    said = text_of(part.head.first("content-transfer-encoding"))[:40].casefold()
    return _NO_LETTER.sub("", said.split(";")[0])


def text(part: Part, raw: bytes | None = None) -> str:
    """A text leaf's characters, line ends as they came; raw: its bytes, where they were undone already."""
    charset = part.params.get("charset")
    shown = decode(content(part) if raw is None else raw, charset)
    # Base64 is followed by plain text where a list server or a scanner set its own words behind it.
    behind = base64_body(part.body)[1] if _encoding(part) == "base64" and b" " in part.body else b""
    return f"{shown}\n{decode(behind, charset)}" if behind.strip() else shown


def name_of(part: Part) -> str:
    """The file name the sender gave the part, "" when none was given: the name alone, never a path."""
    given = (parameters(part.head.first("content-disposition"))[1], part.params)
    name = next((params[key] for key in ("filename", "name", "file") for params in given if params.get(key)), "")
    return file_name(_percents_undone(name))


def _percents_undone(name: str) -> str:
    """A name that a program encoded as in an address of the web; only where letters beyond ASCII come of it."""
    if not _PERCENTS.search(name):
        return name
    try:
        return unquote(name, errors="strict")
    except UnicodeError:
        return name


def usual_name(part: Part, number: int) -> str:
    """A name for a part that has none: what its description says if that is a file's, else what it is usually called."""
    said = text_of(part.head.first("content-description")) or text_of(part.head.first("content-location"))
    if _FILE_LIKE.fullmatch(said):
        return file_name(said)
    if part.type in _NAMES:
        return _NAMES[part.type]
    if part.type == "application/octet-stream" and part.body.lstrip().startswith(b"-----BEGIN PGP MESSAGE-----"):
        return "encrypted.asc"
    return f"{part.type.partition('/')[0]}-{number}{_SUFFIXES.get(part.type, '')}"


def file_name(name: str) -> str:
    """A name that is one path step: controls gone, separators replaced, never "." or ".."."""
    name = one_line(name).replace("\0", "")
    if "\\" in name and re.match(r"[A-Za-z]:\\|\\\\", name):
        name = name.rpartition("\\")[2]
    if re.match(r"\.{0,2}/", name):
        name = name.rpartition("/")[2]
    name = name.replace("/", "_").replace("\\", "_")
    return "" if name in (".", "..") else name[:255]


def type_of(name: str) -> str:
    """The type of a file whose name is all that is known of it."""
    return _TYPES.get(f".{name.rpartition('.')[2].casefold()}", "application/octet-stream")
