"""The maildrop's door: from the Maildir to `accept`, and out only after the commit. It never reads a mail's text.

A crash between the commit and the removal offers a mail again; the desk recognises it. What the desk will never
take is laid aside in refused/ with one line in the log: a mail in a maildrop has nobody left who could be told.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from time import monotonic, time_ns

from maildesk import clock, log
from maildesk.doors import dropbox
from maildesk.errors import MaildeskError, TooLarge, UnknownMailbox
from maildesk.mail.model import Envelope

SCAN_S = 0.25
# A folder whose time stamp stands still is read all the same this often: some file systems cache it.
_FULL_SCAN_S = 60.0
# A time stamp younger than this may stand for two changes: the kernel's clock for files ticks every 1 to 10 ms.
_STAMP_SETTLED_NS = 1_000_000_000
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 300.0
_CLEAN_EVERY_S = 3600.0
# The age from which a file in tmp/ belongs to nobody (the Maildir specification says 36 hours).
_LEFTOVER_S = 36 * 3600.0
# Offered together, so that one commit holds many mails, within a bound of memory.
_BATCH_MAILS = 32
_BATCH_BYTES = 16 * 1024 * 1024
_MAX_HEADER_BYTES = 262144

Accept = Callable[[bytes, Envelope], Awaitable[Sequence[int]]]
Recipient = Callable[[str, str | None, bool], object]

_BETWEEN_ADDRESSES = re.compile(r"""[\s<>,;:"()]+""")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)


class MaildropDoor:
    """Watches one maildrop until told to stop.

    accept: the ledger ids after COMMIT, or a MaildeskError; a reply that begins with 5 is for good.
    recipient: as `Directory.recipient`, raises UnknownMailbox.
    first_mailbox: whose a mail is that names no address of the desk anywhere.
    """

    def __init__(
        self, path: str, group: str, accept: Accept, recipient: Recipient, max_mail_bytes: int, first_mailbox: str
    ) -> None:
        self._path = path
        self._group = group
        self._accept = accept
        self._recipient = recipient
        self._max_mail_bytes = max_mail_bytes
        self._first_mailbox = first_mailbox
        self._waits: dict[str, tuple[float, float]] = {}
        self._seen_ns = 0
        self._full_scan_at = 0.0
        self._due_at = inf
        self._clean_at = 0.0

    def prepare(self) -> None:
        """Make the folders. Raises BadConfig when the group cannot have them, OSError when the disk says no."""
        dropbox.create(self._path, self._group)
        if self._group and (folder := dropbox.closed_folder(self._path, self._group)):
            # The state folder is closed to everybody else: a maildrop for a group lies outside it.
            log.warning("maildrop.unreachable", group=self._group, closed=folder)

    async def run(self, stop: asyncio.Event) -> None:
        """Take in mails until `stop`; a batch that was offered is finished first. Raises as `prepare` does."""
        self.prepare()
        wait_s, failed_s = SCAN_S, _FIRST_WAIT_S
        while not stop.is_set():
            try:
                await self._tick(stop)
                wait_s, failed_s = SCAN_S, _FIRST_WAIT_S
            except OSError as error:
                log.failure("maildrop.folder", error)
                self._full_scan_at = 0.0
                wait_s, failed_s = failed_s, min(failed_s * 2, _LONGEST_WAIT_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await stop.wait()

    async def _tick(self, stop: asyncio.Event) -> None:
        now = monotonic()
        if now >= self._clean_at:
            self._clean_at = now + _CLEAN_EVERY_S
            if count := dropbox.remove_leftovers(self._path, _LEFTOVER_S):
                log.event("maildrop.leftovers", removed=count)
        if not self._is_changed(now):
            return
        for batch in _batches(self._list(now)):
            if stop.is_set():
                break
            # Read first and offered in one go, so that mails are accepted in the order in which they came.
            found = await asyncio.to_thread(self._read, batch)
            await asyncio.gather(*(self._take(name, raw) for name, raw in found))
        self._due_at = min((next_at for next_at, _ in self._waits.values()), default=inf)

    def _is_changed(self, now: float) -> bool:
        """Whether new/ must be read. One stat where nothing happened, which is what an idle desk does all day."""
        stamp_ns = os.stat(os.path.join(self._path, dropbox.NEW)).st_mtime_ns
        if stamp_ns == self._seen_ns and now < min(self._full_scan_at, self._due_at):
            return False
        self._full_scan_at = now + _FULL_SCAN_S
        # A stamp from this very moment is not remembered: a mail that comes after the reading could bear it too.
        self._seen_ns = stamp_ns if abs(time_ns() - stamp_ns) > _STAMP_SETTLED_NS else 0
        return True

    def _list(self, now: float) -> list[tuple[str, int]]:
        """The names to offer now with their sizes, oldest first; what waits for another try is left out."""
        found: list[tuple[int, str, int]] = []
        present = set()
        with os.scandir(os.path.join(self._path, dropbox.NEW)) as entries:
            for entry in entries:
                present.add(entry.name)
                if entry.name.startswith(".") or self._waits.get(entry.name, (0.0, 0.0))[0] > now:
                    continue
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, entry.name, status.st_size))
        self._waits = {name: wait for name, wait in self._waits.items() if name in present}
        return [(name, size) for _, name, size in sorted(found)]

    def _read(self, names: list[str]) -> list[tuple[str, bytes | Exception]]:
        """The bytes of each mail that still lies there, or why it cannot be read."""
        found: list[tuple[str, bytes | Exception]] = []
        for name in names:
            try:
                raw = dropbox.read(self._path, name, self._max_mail_bytes)
            except FileNotFoundError:
                # Somebody took it away meanwhile, which is theirs to do.
                continue
            except (OSError, dropbox.NotAFile) as error:
                found.append((name, error))
            else:
                found.append((name, TooLarge("The mail is larger than this desk takes") if raw is None else raw))
        return found

    async def _take(self, name: str, raw: bytes | Exception) -> None:
        """Offer one mail. It leaves new/ when it is committed or refused for good; otherwise it waits, ever longer."""
        try:
            if isinstance(raw, Exception):
                raise raw
            await self._accept(raw, self._envelope(name, raw))
            dropbox.remove(self._path, name)
        except MaildeskError as error:
            if error.reply.smtp.startswith("5"):
                self._refuse(name, error)
            else:
                self._wait(name, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the door, nor lose the mail
            self._wait(name, error)
        else:
            self._waits.pop(name, None)

    def _refuse(self, name: str, cause: MaildeskError) -> None:
        try:
            dropbox.refuse(self._path, name)
        except OSError as error:
            self._wait(name, error)
            return
        self._waits.pop(name, None)
        log.warning("maildrop.refused", cause=type(cause).__name__, file=f"{dropbox.REFUSED}/{name}")

    def _wait(self, name: str, error: Exception) -> None:
        wait_s = min(self._waits.get(name, (0.0, _FIRST_WAIT_S / 2))[1] * 2, _LONGEST_WAIT_S)
        self._waits[name] = (monotonic() + wait_s, wait_s)
        log.failure("maildrop.later", error, file=name, wait_s=wait_s)

    def _envelope(self, name: str, raw: bytes) -> Envelope:
        """What `deliver` wrote, else what the server that laid the mail here wrote into its head.

        Raises UnknownMailbox when `deliver` wrote an address that is the desk's no longer.
        """
        known = dropbox.read_envelope(self._path, name)
        stamped = _stamped(raw)
        sender = known.sender if known is not None else None
        if sender is None:
            sender = _reverse_path(stamped)
        if known is not None:
            for address in known.recipients:
                self._recipient(address, sender, True)
            return Envelope("maildrop", "", sender, known.recipients, known.received_at)
        return Envelope("maildrop", "", sender, self._recipients(raw, stamped, sender), self._received_at(name))

    def _recipients(self, raw: bytes, stamped: list[tuple[str, str]], sender: str | None) -> tuple[str, ...]:
        """The address of the topmost stamp that is the desk's; else those of To and Cc; else the first mailbox."""
        stamps = [value for name, value in stamped if name in ("delivered-to", "x-original-to")]
        for address in _addresses(stamps):
            if self._is_ours(address, sender):
                return (address,)
        written = [value for name, value in _fields(raw) if name in ("to", "cc")]
        ours = dict.fromkeys(address for address in _addresses(written) if self._is_ours(address, sender))
        return tuple(ours) or (self._first_mailbox,)

    def _is_ours(self, address: str, sender: str | None) -> bool:
        try:
            self._recipient(address, sender, True)
        except UnknownMailbox:
            return False
        return True

    def _received_at(self, name: str) -> datetime:
        try:
            return datetime.fromtimestamp(os.stat(os.path.join(self._path, dropbox.NEW, name)).st_mtime, UTC)
        except (OverflowError, ValueError):
            return clock.now()


def _stamped(raw: bytes) -> list[tuple[str, str]]:
    """The fields above the first Received: what the last server wrote, and no sender could (RFC 5321, 4.4)."""
    stamped = []
    for name, value in _fields(raw):
        if name == "received":
            break
        stamped.append((name, value))
    return stamped


def _reverse_path(stamped: list[tuple[str, str]]) -> str | None:
    """The address of the topmost Return-Path, "" for the null sender, None without one."""
    for name, value in stamped:
        if name == "return-path":
            return value.strip().removeprefix("<").removesuffix(">").strip()
    return None


def _fields(raw: bytes) -> list[tuple[str, str]]:
    """The header's fields as (lower-case name, unfolded value), top first; what is not UTF-8 becomes U+FFFD."""
    fields: list[list[bytes]] = []
    for line in raw[:_MAX_HEADER_BYTES].split(b"\n"):
        line = line.removesuffix(b"\r")
        if not line:
            break
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    matches = (_FIELD.fullmatch(b"".join(field)) for field in fields)
    return [(m[1].decode("ascii").lower(), m[2].decode("utf-8", "replace").strip()) for m in matches if m]


def _addresses(values: list[str]) -> list[str]:
    """Every word with an @ in it. A grammar would say more, and a header made to break it would stop the mail."""
    return [word for value in values for word in _BETWEEN_ADDRESSES.split(value) if "@" in word]


def _batches(sizes: list[tuple[str, int]]) -> Iterator[list[str]]:
    """The names in order, as many together as one commit should hold."""
    batch: list[str] = []
    room_bytes = _BATCH_BYTES
    for name, size in sizes:
        if batch and (len(batch) == _BATCH_MAILS or size > room_bytes):
            yield batch
            batch, room_bytes = [], _BATCH_BYTES
        batch.append(name)
        room_bytes -= size
    if batch:
        yield batch
