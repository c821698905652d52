"""The body of a POST: its fields as text, its files written down as they arrive. Never holds a file in memory.

Browsers are obeyed (RFC 7578, WHATWG HTML 4.10.21.8), everything else is somebody's try: it is read within limits or
refused, and whatever happens no file stays behind that nobody knows of.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from maildesk.errors import BadForm, DiskNearlyFull, MaildeskError, TooLarge
from maildesk.mail.charset import storable
from maildesk.web.file_names import clean_name, clean_type, extended_name

MIB = 1 << 20
# What is parsed at once, and what a file's bytes wait for before they are written.
_STEP_BYTES = 64 << 10
_MAX_FIELD_NAME_BYTES = 200
_MAX_REFUSED = 100

TOO_MANY = "too-many"
TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much one form may hold.

    max_texts_bytes: all fields together; max_parts: fields, files and what was refused; drain_bytes: what is read and
    thrown away after an error, for drain_s at most, so that a browser hears the answer; idle_s: the longest silence while
    a body arrives.
    """

    max_body_bytes: int = 27 * MIB
    max_files: int = 10
    max_files_bytes: int = 25 * MIB
    max_fields: int = 100
    max_text_bytes: int = MIB
    max_texts_bytes: int = 2 * MIB
    max_parts: int = 1000
    drain_bytes: int = 8 * MIB
    drain_s: float = 10.0
    idle_s: float = 60.0


# What a page takes that has no input for files, and what the others take.
FIELDS = FormLimits(max_body_bytes=MIB, max_files=0)
# A body somewhat larger than the files that are taken is read to its end: what was typed comes behind them.
FILES = FormLimits(max_body_bytes=128 * MIB)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that arrived: the name its owner gave it, cleaned; the type the browser claims; where its bytes lie."""

    name: str
    type: str
    size_bytes: int
    path: Path


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody sent. refused: each file that was not taken, by name, with TOO_MANY or TOO_LARGE."""

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[Upload, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The first value of this name."""
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of this name, in their order."""
        return tuple(value for key, value in self.fields if key == name)

    def discard(self) -> None:
        """Remove the files; again is no harm."""
        for file in self.files:
            file.path.unlink(missing_ok=True)


async def read_form(request: Request, folder: Path, limits: FormLimits, need_room: Callable[[int], None]) -> Form:
    """Read the request's body; its files lie in `folder`, which is made with mode 0700, until `discard`.

    need_room: asked before bytes are written; raises DiskNearlyFull.
    Raises BadForm, TooLarge for too much text or too long a body, and ClientDisconnect. Too many or too large files
    raise nothing: they are in `refused`, and what was typed is not lost.
    """
    chunks = request.stream()
    found = _Found(folder, limits, need_room)
    try:
        kind, options = parse_options_header(request.headers.get("content-type"))
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > limits.max_body_bytes):
            raise TooLarge("The form is larger than this desk takes")
        if kind == b"multipart/form-data":
            await _read_multipart(chunks, options.get(b"boundary", b""), found)
        elif kind == b"application/x-www-form-urlencoded":
            await _read_query(chunks, found)
        else:
            raise BadForm("The body is no form")
        return found.form()
    except MaildeskError:
        found.discard()
        await _drain(chunks, limits)
        raise
    except OSError as error:
        found.discard()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskNearlyFull("The disk is full; nothing was taken.") from error
        raise
    except BaseException:
        found.discard()
        raise


async def _read_multipart(chunks: AsyncGenerator[bytes, None], boundary: bytes, found: _Found) -> None:
    parts = _Parts(found)
    try:
        if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
            raise BadForm("The form has no boundary")
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
        async for chunk in _bounded(chunks, found.limits.max_body_bytes, found.limits.idle_s):
            for start in range(0, len(chunk), _STEP_BYTES):
                parser.write(chunk[start : start + _STEP_BYTES])
                await parts.flush()
    except FormParserError as error:
        raise BadForm(f"The form cannot be read: {error}") from error
    finally:
        parts.close()
    if not parts.is_complete:
        raise BadForm("The form ends too early")


async def _read_query(chunks: AsyncGenerator[bytes, None], found: _Found) -> None:
    limits = found.limits
    body = bytearray()
    # Three octets for each one of text is what percent-encoding takes at most.
    async for chunk in _bounded(chunks, min(limits.max_body_bytes, 3 * limits.max_texts_bytes), limits.idle_s):
        body += chunk
    if body.count(b"&") >= limits.max_fields:
        raise TooLarge("The form has too many fields")
    text = body.decode("utf-8", "replace")
    # Millions of percent signs take a second: the loop does not wait for them.
    for name, value in await asyncio.to_thread(parse_qsl, text, keep_blank_values=True, errors="replace"):
        found.add_field(name, value.encode("utf-8", "replace"))


async def _bounded(chunks: AsyncGenerator[bytes, None], max_bytes: int, idle_s: float) -> AsyncIterator[bytes]:
    """The body's pieces. Raises TooLarge beyond max_bytes, BadForm when nothing comes for idle_s seconds."""
    seen = 0
    while True:
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise BadForm("The form stopped arriving") from error
        if chunk is None:
            return
        seen += len(chunk)
        if seen > max_bytes:
            raise TooLarge("The form is larger than this desk takes")
        yield chunk


async def _drain(chunks: AsyncGenerator[bytes, None], limits: FormLimits) -> None:
    """Read on for a while: a browser that still sends would show a broken connection instead of the answer."""
    with suppress(MaildeskError, ClientDisconnect, TimeoutError):
        async with asyncio.timeout(limits.drain_s):
            async for _ in _bounded(chunks, limits.drain_bytes, limits.idle_s):
                pass


class _Found:
    """What was read so far, within the limits."""

    def __init__(self, folder: Path, limits: FormLimits, need_room: Callable[[int], None]) -> None:
        self.folder = folder
        self.limits = limits
        self.need_room = need_room
        self.paths: list[Path] = []
        self.files: list[Upload] = []
        self.files_bytes = 0
        self.refused: list[tuple[str, str]] = []
        self._fields: list[tuple[str, str]] = []
        self._texts_bytes = 0

    def add_field(self, name: str, value: bytes) -> None:
        """Raises TooLarge."""
        self._texts_bytes += len(value)
        if len(self._fields) >= self.limits.max_fields:
            raise TooLarge("The form has too many fields")
        if len(value) > self.limits.max_text_bytes or self._texts_bytes > self.limits.max_texts_bytes:
            raise TooLarge("A field of the form is longer than this desk takes")
        if len(name.encode("utf-8", "replace")) > _MAX_FIELD_NAME_BYTES:
            raise BadForm("A field of the form has too long a name")
        if name:
            self._fields.append((storable(name), storable(value.decode("utf-8", "replace"))))

    def refuse(self, name: str, reason: str) -> None:
        if len(self.refused) < _MAX_REFUSED:
            self.refused.append((name, reason))

    def form(self) -> Form:
        return Form(tuple(self._fields), tuple(self.files), tuple(self.refused))

    def discard(self) -> None:
        for path in self.paths:
            path.unlink(missing_ok=True)


class _Parts:
    """The parser's callbacks: one part after the other."""

    def __init__(self, found: _Found) -> None:
        self.is_complete = False
        self._found = found
        self._count = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._part: _File | _Field | None = None

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    async def flush(self) -> None:
        """Write down what a file has waiting, off the loop, once it is worth the way there."""
        part = self._part
        if isinstance(part, _File) and len(part.waiting) >= _STEP_BYTES:
            part.make()
            await asyncio.to_thread(part.write)

    def close(self) -> None:
        """Close the file of a part that did not end; waits for a write that is under way."""
        if isinstance(self._part, _File):
            self._part.close()

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._found.limits.max_parts:
            raise TooLarge("The form has too many parts")
        self._headers = {}

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _end_header(self) -> None:
        name, value = self._header
        self._headers.setdefault(bytes(name).lower(), bytes(value))

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data":
            raise BadForm("A part of the form is no field and no file")
        name = _text(options.get(b"name", b""))
        written = options.get(b"filename")
        if written is not None:
            # A browser writes these three for what would end the quotes or the line.
            file_name: str | None = re.sub("%0[DA]", " ", _text(written).replace("%22", '"'))
        else:
            file_name = extended_name(self._headers[b"content-disposition"])
        if file_name is None:
            self._part = _Field(name, self._found)
        else:
            self._part = _File(file_name, self._headers.get(b"content-type", b""), self._found)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.add(data[start:end])

    def _end(self) -> None:
        if self._part is not None:
            self._part.end()
        self._part = None

    def _complete(self) -> None:
        self.is_complete = True


class _Field:
    """A part that is text."""

    def __init__(self, name: str, found: _Found) -> None:
        self._name = name
        self._found = found
        self._value = bytearray()

    def add(self, data: bytes) -> None:
        self._value += data
        if len(self._value) > self._found.limits.max_text_bytes:
            raise TooLarge("A field of the form is longer than this desk takes")

    def end(self) -> None:
        self._found.add_field(self._name, bytes(self._value))


class _File:
    """A part that is a file. Made on the disk with its first bytes, or at its end when it has a name and none."""

    def __init__(self, name: str, type_: bytes, found: _Found) -> None:
        self.waiting = bytearray()
        self._is_named = bool(name)
        self._name = clean_name(name)
        self._type = clean_type(type_)
        self._found = found
        self._size_bytes = 0
        self._path: Path | None = None
        self._out: BinaryIO | None = None
        self._refused = TOO_MANY if len(found.files) >= found.limits.max_files else ""

    def add(self, data: bytes) -> None:
        self._size_bytes += len(data)
        if not self._refused and self._found.files_bytes + self._size_bytes > self._found.limits.max_files_bytes:
            self._refused = TOO_LARGE
            self.waiting.clear()
            self.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        if not self._refused:
            self.waiting += data

    def make(self) -> None:
        """The file, on the loop: so that whoever clears away knows of it, whatever becomes of a thread."""
        self._found.need_room(len(self.waiting))
        if self._out is not None:
            return
        self._found.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self._found.folder / secrets.token_hex(16)
        self._found.paths.append(self._path)
        opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        # A buffered file has a lock: one that is closed on the loop waits for the thread that writes to it.
        self._out = os.fdopen(opened, "wb")

    def write(self) -> None:
        if self._out is not None:
            self._out.write(self.waiting)
            self.waiting = bytearray()

    def end(self) -> None:
        if not self._is_named and not self._size_bytes:
            return
        if self._refused:
            self._found.refuse(self._name, self._refused)
            return
        self.make()
        self.write()
        self.close()
        if self._path is not None:
            self._found.files_bytes += self._size_bytes
            self._found.files.append(Upload(self._name, self._type, self._size_bytes, self._path))

    def close(self) -> None:
        if self._out is not None:
            self._out.close()


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")
