"""What a form sent: its fields, and its files as they were spooled to disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request

from maildesk.errors import TooLarge


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much one form may send, in octets."""

    max_body_bytes: int


FIELDS = FormLimits(1024 * 1024)
FILES = FormLimits(27 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent along, on disk."""

    name: str
    type: str
    size_bytes: int
    path: Path


@dataclass(frozen=True)
class Form:
    """The fields in their order, the files, and which files were not taken, with the reason."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[Upload, ...]
    refused: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next((value for found, value in self.fields if found == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        return tuple(value for found, value in self.fields if found == name)

    def discard(self) -> None:
        """Remove its files."""
        for file in self.files:
            file.path.unlink(missing_ok=True)


async def read_form(request: Request, folder: Path, limits: FormLimits, need_room: Callable[[int], None]) -> Form:
    """The form of a POST."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.max_body_bytes:
            raise TooLarge("The form is larger than this desk takes")
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
    return Form(tuple(fields), (), ())
