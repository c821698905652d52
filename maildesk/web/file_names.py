"""What a file that somebody sent is called, and of what type it says it is. Pure: text in, text out."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

_MAX_NAME = 150
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_UNKNOWN_TYPE = "application/octet-stream"
# Cc controls, Cf zero-width and bidirectional marks, Cs halves of letters, Zl and Zp line separators.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def clean_name(name: str) -> str:
    """What a file is called here: the last step of a path, in NFC, nothing unseen in it, no dot before it.

    150 characters, of which a usual ending is kept; "file" when nothing is left.
    """
    name = "".join(filter(_is_seen, re.sub(r"[\t\r\n]", " ", name)))
    name = " ".join(unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1]).split()).lstrip(". ")
    if len(name) > _MAX_NAME:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and 1 <= len(ending) <= 10 else ""
        name = name[: _MAX_NAME - len(ending)].rstrip(". ") + ending
    return name or "file"


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter) not in _UNSEEN


def clean_type(written: bytes) -> str:
    """The claimed type without its parameters; a type that holds parts or follows no grammar says nothing."""
    type_ = written.decode("utf-8", "replace").partition(";")[0].strip().lower()
    return type_ if _TYPE.fullmatch(type_) and not type_.startswith("multipart/") else _UNKNOWN_TYPE


# RFC 5987, which RFC 7578 (4.2) forbids here and some programs write all the same, and nothing else beside it.
_EXTENDED = re.compile(rb";\s*filename\*\s*=\s*\"?([A-Za-z0-9-]{1,40})'[^';\"]{0,40}'([^;\"\s]*)", re.IGNORECASE)


def extended_name(disposition: bytes) -> str | None:
    """The name that stands there in its extended form; None without one."""
    found = _EXTENDED.search(disposition)
    if found is None:
        return None
    try:
        return unquote_to_bytes(found[2]).decode(found[1].decode("ascii"), "replace")
    except (LookupError, ValueError, UnicodeError):
        return unquote(found[2].decode("ascii", "replace"), errors="replace")
