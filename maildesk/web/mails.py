"""Mails understood again for a page: their formatting, pictures and files stand in the raw mail alone. Keeps the last few."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from maildesk.mail.model import Attachment, Mail
from maildesk.mail.parse import understand
from maildesk.store import ledger
from maildesk.store.sqlite import SqliteEngine

# A larger mail is shown as text; its files are read again whenever they are asked for.
SMALL_BYTES = 300_000
_KEPT = 64


class Mails:
    """The small mails that pages showed last, understood."""

    def __init__(self, store: SqliteEngine, languages: tuple[str, ...]) -> None:
        self._store, self._languages = store, languages
        self._kept: OrderedDict[int, Mail] = OrderedDict()
        # One at a time: reading holds the interpreter's lock, and mail that comes in goes first. Large ones in a line apart.
        self._small, self._large = asyncio.Semaphore(1), asyncio.Semaphore(1)

    async def understood(self, mail_id: int, size_bytes: int) -> Mail | None:
        """The mail; None where its bytes are gone."""
        if (known := self._kept.get(mail_id)) is not None:
            self._kept.move_to_end(mail_id)
            return known
        async with self._small if size_bytes <= SMALL_BYTES else self._large:
            mail = await asyncio.to_thread(self._read, mail_id)
        if mail is not None and size_bytes <= SMALL_BYTES:
            self._kept[mail_id] = mail
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return mail

    def _read(self, mail_id: int) -> Mail | None:
        stored = self._store.read(lambda tx: ledger.find_mail(tx, mail_id))
        return understand(stored.raw, self._languages) if stored is not None and stored.raw else None


def file_of(mail: Mail, sha256: str) -> Attachment | None:
    """The file of this digest, of the mail or of one that it forwards."""
    inner = (*mail.forwarded.attachments, *mail.forwarded.beside) if mail.forwarded else ()
    return next((one for one in (*mail.attachments, *inner) if one.sha256 == sha256), None)
