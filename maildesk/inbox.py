"""The one way in: bytes and an envelope are on disk before anybody says yes. Understands nothing of the mail.

Whatever stands between a sender's last dot and our 250 makes duplicates (RFC 1047): here it is one COMMIT.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from maildesk import log
from maildesk.desk.directory import Directory
from maildesk.desk.questions import recipients_of
from maildesk.errors import DiskNearlyFull, Looping, TooLarge, UnknownMailbox
from maildesk.mail.model import Envelope
from maildesk.store import ledger
from maildesk.store.sqlite import Kind, SqliteEngine, Tx

# Postfix' hopcount_limit; RFC 5321, 6.3 suggests 100 at the most.
MAX_RECEIVED = 50
# Below this the desk takes no mail: what it has accepted must still be worked on.
MIN_FREE_BYTES = 512 * 1024 * 1024
MIN_FREE_PART = 0.05
_HEAD_ENDS = re.compile(rb"\n\r?\n")
_RECEIVED = re.compile(rb"^Received:", re.IGNORECASE | re.MULTILINE)

Also = Callable[[Tx, tuple[int, ...]], None]


class Inbox:
    """Accepts mail from every door."""

    def __init__(
        self, store: SqliteEngine, directory: Callable[[], Directory], state_dir: Path, on_accepted: Callable[[], None]
    ) -> None:
        self._store = store
        self._directory = directory
        self._state_dir = state_dir
        self._on_accepted = on_accepted

    async def accept(self, raw: bytes, envelope: Envelope, also: Also | None = None) -> tuple[int, ...]:
        """Ledger ids, one for each of our mailboxes, after the COMMIT.

        also: written in the same transaction; whatever it raises, nothing was accepted.
        Raises TooLarge, Looping, UnknownMailbox when it is none of ours, DiskNearlyFull, and StoreBroken.
        """
        directory = self._directory()
        if len(raw) > directory.config.limits.max_mail_bytes:
            raise TooLarge("The mail is larger than this desk takes")
        end = _HEAD_ENDS.search(raw)
        if len(_RECEIVED.findall(raw, 0, end.start() + 1 if end else len(raw))) >= MAX_RECEIVED:
            raise Looping("The mail has passed too many servers")
        mailboxes = dict.fromkeys(r.mailbox.address for r in recipients_of(envelope, directory))
        if not mailboxes:
            raise UnknownMailbox("No such mailbox here")
        self.need_room(len(raw))

        def add(tx: Tx) -> tuple[int, ...]:
            added = ledger.add_mails(tx, raw, envelope, mailboxes)
            if also is not None:
                also(tx, added)
            return added

        write = self._store.write(add, Kind.ACCEPT)
        ids = await asyncio.wrap_future(write)
        for mail_id in ids:
            log.event("mail.accepted", mail=mail_id, via=envelope.via, bytes=len(raw))
        self._on_accepted()
        return ids

    def wake(self) -> None:
        """There is work that came by no door: a mail that was let in."""
        self._on_accepted()

    def need_room(self, count: int = 0) -> None:
        """Raise DiskNearlyFull when `count` more bytes leave too little room to work on what was accepted.

        On a small disk the floor is a part of it, so that a desk fits on a volume of its own.
        """
        stat = os.statvfs(self._state_dir)
        free, size = stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize
        if free - count < min(MIN_FREE_BYTES, size * MIN_FREE_PART):
            raise DiskNearlyFull("The disk is nearly full")
