"""Files of a form that could not be sent yet: kept a day for the browser that sent them, so that nobody chooses them twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from maildesk.clock import iso
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, text
from maildesk.web.uploads import FILES, TOO_LARGE, TOO_MANY, Upload
from maildesk.web.visit import Visit
from maildesk.web.visitor import digest, new_secret

# Of everybody together: strangers fill no disk.
MAX_KEPT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that goes along with the form when it is sent; secret: by which the form names it."""

    id: int
    secret: str
    upload: Upload


async def kept_of(visit: Visit) -> tuple[Kept, ...]:
    """The files that the form names, and those that just came with it, which are kept from now on.

    What does not fit any more joins the form's refused files.
    """
    form, folder = visit.form, visit.site.config.desk.state_dir / "uploads"
    removed = set(form.all("remove"))
    if not form.files and not form.all("kept"):
        return ()
    visitor, now = visit.visitor_hash, visit.now

    def keep(tx: Tx) -> tuple[list[Kept], list[Upload], list[tuple[str, str]]]:
        known = [_find(tx, secret, visitor, folder) for secret in dict.fromkeys(form.all("kept"))]
        kept = [one for one in known if one is not None and one.secret not in removed and one.upload.path.exists()]
        gone = [one.upload for one in known if one is not None and one not in kept]
        for one in known:
            if one is not None and one not in kept:
                tx.drop("upload", id=one.id)
        taken = tx.find("room that kept uploads take")
        everybody = integer(taken["octets"]) if taken else 0
        refused = list(form.refused)
        for upload in form.files:
            mine = sum(one.upload.size_bytes for one in kept) + upload.size_bytes
            if len(kept) >= FILES.max_files:
                refused.append((upload.name, TOO_MANY))
            elif mine > FILES.max_files_bytes:
                refused.append((upload.name, TOO_LARGE))
            else:
                while everybody + upload.size_bytes > MAX_KEPT_BYTES:
                    made = _make_room(tx, visitor, {one.id for one in kept}, folder)
                    everybody -= sum(one.size_bytes for one in made)
                    gone += made
                    if not made:
                        break
                if everybody + upload.size_bytes <= MAX_KEPT_BYTES:
                    everybody += upload.size_bytes
                    kept.append(_add(tx, upload, visitor, now))
                    continue
                refused.append((upload.name, TOO_LARGE))
            gone.append(upload)
        return kept, gone, refused

    kept, gone, refused = await visit.write(keep)
    await asyncio.to_thread(_discard, gone)
    # The kept ones are no longer the form's to remove when the visit is over.
    visit.form = replace(form, files=(), refused=tuple(refused))
    return tuple(kept)


def _find(tx: Tx, secret: str, visitor: str, folder: Path) -> Kept | None:
    row = tx.find("upload that is kept", token_hash=digest(secret), visitor_hash=visitor)
    if row is None:
        return None
    path = folder / text(row["file"])
    return Kept(integer(row["id"]), secret, Upload(text(row["name"]), text(row["type"]), integer(row["size"]), path))


def _make_room(tx: Tx, visitor: str, kept: set[int], folder: Path) -> list[Upload]:
    """What this browser left elsewhere goes first, then everything of whoever took most: it takes much to send a file away."""
    rows = [row for row in tx.list("uploads of a browser", visitor_hash=visitor) if row["id"] not in kept]
    made = []
    for row in rows or tx.list("uploads of whoever keeps most", visitor_hash=visitor):
        tx.drop("upload", id=row["id"])
        made.append(Upload(text(row["name"]), text(row["type"]), integer(row["size"]), folder / text(row["file"])))
    return made


def _add(tx: Tx, upload: Upload, visitor: str, now: datetime) -> Kept:
    secret = new_secret()
    row = tx.add(
        "upload that is kept",
        token_hash=digest(secret),
        visitor_hash=visitor,
        name=upload.name,
        type=upload.type,
        size=upload.size_bytes,
        file=upload.path.name,
        at=iso(now),
    )
    return Kept(row, secret, upload)


async def forget(visit: Visit, kept: tuple[Kept, ...]) -> None:
    """They were sent, or are wanted no more."""
    if not kept:
        return
    await visit.write(lambda tx: [tx.drop("upload", id=one.id) for one in kept])
    await asyncio.to_thread(_discard, [one.upload for one in kept])


def _discard(uploads: list[Upload]) -> None:
    for upload in uploads:
        upload.path.unlink(missing_ok=True)
