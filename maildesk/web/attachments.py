"""Files and pictures of a request: always for whoever may read their entry, never run, never guessed (THREATS T10, T85-T87)."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from maildesk.desk.own_requests import OwnEntry, reading
from maildesk.mail.shown import raster
from maildesk.store import history
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, text
from maildesk.web.mails import file_of
from maildesk.web.organisation import asker_of
from maildesk.web.request import number_of
from maildesk.web.visit import Page, Visit

# Types that a browser may be told; whatever it is told, it saves the file and runs nothing.
_PLAIN_TYPES = frozenset(
    {
        "application/pdf",
        "application/zip",
        "application/json",
        "audio/mpeg",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
        "text/plain",
        "video/mp4",
    }
)
_POLICY = "sandbox; default-src 'none'"
_UNSAFE = re.compile(r'[\\"/<>|:*?%\x00-\x1f\x7f-\x9f]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_MAX_NAME_CHARS = 150


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a file's bytes are: its mail, and which of its files."""

    mail_id: int
    size: int
    name: str
    type: str
    sha256: str


async def _file(visit: Visit) -> Response:
    """A file, saved by the browser."""
    key = re.fullmatch(r"(\d{1,15})-([0-9a-f]{32})", str(visit.request.path_params["key"]), re.ASCII)
    file_id, digest = (int(key[1]), key[2]) if key else (0, "")
    number, asker = number_of(visit), asker_of(visit)

    def look(tx: Tx) -> _Found | None:
        row = tx.find("attachment with its entry", id=file_id)
        own = _readable(tx, asker, number, integer(row["entry_id"]) if row else 0)
        if row is None or own is None or not text(row["sha256"]).startswith(digest or "-"):
            return None
        if own.entry.kind == "agent" and (own.request.reader.reach == "limited" or row["type"] == "message/rfc822"):
            return None
        mail = tx.find("entry with the size of its mail", id=own.entry.id)
        if mail is None:
            return None
        return _Found(
            integer(mail["mail_id"]), integer(mail["size"]), text(row["name"]), text(row["type"]), text(row["sha256"])
        )

    found = await visit.read(look)
    mail = await visit.site.mails.understood(found.mail_id, found.size) if found is not None else None
    file = await asyncio.to_thread(file_of, mail, found.sha256) if mail is not None and found is not None else None
    if file is None or found is None:
        return visit.missing()
    headers = {"content-disposition": disposition(found.name), "content-security-policy": _POLICY}
    kind = found.type if found.type in _PLAIN_TYPES else "application/octet-stream"
    return Response(file.content, media_type=kind, headers=headers)


async def _picture(visit: Visit) -> Response:
    """A picture that a mail shows in place: a raster image by its bytes, whatever the mail calls it."""
    key = re.fullmatch(r"(\d{1,15})-(\d{1,4})", str(visit.request.path_params["key"]), re.ASCII)
    entry_id, place = (int(key[1]), int(key[2])) if key else (0, 0)
    number, asker = number_of(visit), asker_of(visit)

    def look(tx: Tx) -> tuple[int, int] | None:
        own = _readable(tx, asker, number, entry_id)
        row = tx.find("entry with the size of its mail", id=entry_id) if own is not None else None
        # An agent's mail may show what its reader never got.
        if row is None or own is None or own.entry.kind != "customer" or row["derived"] != "mail":
            return None
        return integer(row["mail_id"]), integer(row["size"])

    found = await visit.read(look)
    mail = await visit.site.mails.understood(*found) if found is not None else None
    if mail is None or not 0 <= place < len(mail.attachments):
        return visit.missing()
    content = mail.attachments[place].content
    kind = raster(content)
    if kind is None:
        return visit.missing()
    headers = {"content-security-policy": _POLICY, "content-disposition": "inline"}
    return Response(content, media_type=kind, headers=headers)


def _readable(tx: Tx, asker: history.Asker, number: int, entry_id: int) -> OwnEntry | None:
    """The entry, where it is on a request that is theirs to read, and may be read."""
    own = history.find_seen(tx, asker, number)
    said = history.list_said(tx, own) if own is not None else ()
    return next((one for one in said if one.entry.id == entry_id and reading(one) == "yes"), None)


def disposition(name: str) -> str:
    """To be saved under a name that no system takes for anything else (RFC 6266, 4; RFC 8187)."""
    safe = _UNSAFE.sub("_", unicodedata.normalize("NFKC", name))
    safe = "".join(c for c in safe if unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co")).strip(" .")
    safe = f"_{safe}" if _RESERVED.match(safe) else safe
    if len(safe) > _MAX_NAME_CHARS:
        stem, dot, ending = safe.rpartition(".")
        safe = f"{stem[: _MAX_NAME_CHARS - 20]}.{ending}" if dot and len(ending) < 16 else safe[:_MAX_NAME_CHARS]
    safe = safe or "file"
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


PAGES = (
    Page("GET", "/requests/{number}/files/{key}", "customer", _file),
    Page("GET", "/requests/{number}/files/{key}/{name}", "customer", _file),
    Page("GET", "/requests/{number}/pictures/{key}", "customer", _picture),
)
