"""The maildrop on disk: a Maildir with an envelope beside each mail. It never asks whose an address is.

`deliver` starts with this file, so it imports nothing that is slow to load.

    tmp/        a mail while it is written; after a crash the door removes it when it is old
    new/        whole mails: a mail appears here by one rename, and leaves when the ledger has it
    cur/        empty; some servers take a folder for a Maildir only when it is there
    envelopes/  what `deliver` knows of the mail of the same name, on disk before the mail appears
    refused/    mails the desk will never take, each with its envelope, for a person to look at
"""

from __future__ import annotations

import errno
import grp
import json
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from maildesk.errors import BadConfig, MaildeskError, Reply
from maildesk.mail.model import Envelope

TMP, NEW, CUR, ENVELOPES, REFUSED = "tmp", "new", "cur", "envelopes", "refused"

# One owner reads and removes. Others of the group may add: they cannot list a folder (no read bit), nor touch what
# another put there (sticky), and a name holds 128 random bits. The group of a folder passes to its files (setgid).
_ALONE = 0o700
_WALK_THROUGH = 0o2710
_ADD_ONLY = 0o3730
_FILE_MODE = 0o640

# An envelope is a few addresses; anything longer was not written by us.
_MAX_ENVELOPE_BYTES = 65536


class NotAFile(MaildeskError):
    """What lies in the maildrop is a link, a pipe or a folder, which no mail server puts there."""

    reply = Reply("554 5.6.0 That is not a mail", exit=65, http=400)


def create(path: str, group: str = "") -> None:
    """Make the folders, or set their modes right; with a group its members can add mails.

    A folder that belongs to another user keeps its modes. Raises BadConfig when there is no such group or the
    service may not give a folder to it, OSError when a folder cannot be made.
    """
    gid = -1
    if group:
        try:
            gid = grp.getgrnam(group).gr_gid
        except KeyError as error:
            raise BadConfig(f'[maildrop] group = "{group}": there is no such group on this machine') from error
    os.makedirs(path, mode=_ALONE, exist_ok=True)
    _set_mode(path, _WALK_THROUGH if group else _ALONE, gid, group)
    for name in (TMP, NEW, CUR, ENVELOPES, REFUSED):
        folder = os.path.join(path, name)
        with suppress(FileExistsError):
            os.mkdir(folder, _ALONE)
        is_shared = group and name in (TMP, NEW, ENVELOPES)
        _set_mode(folder, _ADD_ONLY if is_shared else _ALONE, gid, group)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
        _sync_folder(os.path.dirname(os.path.abspath(path)), handle)
    finally:
        os.close(handle)


def _set_mode(folder: str, mode: int, gid: int, group: str) -> None:
    found = os.stat(folder)
    if found.st_uid != os.geteuid():
        return
    try:
        os.chown(folder, -1, gid)
    except PermissionError as error:
        raise BadConfig(f'[maildrop] group = "{group}": the service\'s user must be a member of it') from error
    os.chmod(folder, mode)


def closed_folder(path: str, group: str) -> str | None:
    """The topmost folder on the way to the maildrop that members of the group may not pass; None when they can."""
    gid = grp.getgrnam(group).gr_gid
    folders, folder = [], os.path.dirname(os.path.abspath(path))
    while folder not in folders:
        folders.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(folders):
        found = os.stat(folder)
        if not found.st_mode & (stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH):
            return folder
    return None


def put(path: str, chunks: Iterable[bytes], envelope: Envelope) -> str:
    """The name of a new mail, which is on disk for good, its envelope too.

    Whatever goes wrong, `chunks` raising included, leaves nothing that anybody could take for a mail.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    host = os.uname().nodename.replace("/", "\\057").replace(":", "\\072")
    name = f"{seconds}.M{nanoseconds // 1000:06}P{os.getpid()}R{os.urandom(16).hex()}.{host}"
    draft, slip, mail = (os.path.join(path, folder, name) for folder in (TMP, ENVELOPES, NEW))
    handle = -1
    try:
        handle = _new_file(draft)
        for chunk in chunks:
            _write(handle, chunk)
        os.fsync(handle)
        slip_handle = _new_file(slip)
        try:
            _write(slip_handle, _to_json(envelope))
            os.fsync(slip_handle)
        finally:
            os.close(slip_handle)
        # The envelope comes first: a mail that were visible without it would be read by its headers.
        _sync_folder(os.path.join(path, ENVELOPES), handle)
        os.rename(draft, mail)
        _sync_folder(os.path.join(path, NEW), handle)
    except BaseException:
        for leftover in (draft, mail, slip):
            with suppress(OSError):
                os.unlink(leftover)
        raise
    finally:
        if handle >= 0:
            os.close(handle)
    return name


def read(path: str, name: str, max_bytes: int) -> bytes | None:
    """The bytes of a mail in new/, None when it is longer than max_bytes.

    Raises NotAFile: a member of the group could lay a link to a file that only the service may read.
    """
    return _read(os.path.join(path, NEW, name), max_bytes)


def read_envelope(path: str, name: str) -> Envelope | None:
    """What `deliver` wrote about a mail; None when nothing usable lies there."""
    try:
        text = _read(os.path.join(path, ENVELOPES, name), _MAX_ENVELOPE_BYTES)
        found = json.loads(text or b"")
        sender, recipients = found["sender"], found["recipients"]
        received_at = datetime.fromisoformat(found["received_at"])
    except (OSError, NotAFile, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_usable = isinstance(recipients, list) and recipients and all(isinstance(each, str) for each in recipients)
    if not is_usable or not isinstance(sender, str | None) or received_at.tzinfo is None:
        return None
    return Envelope("maildrop", "", sender, tuple(recipients), received_at)


def remove(path: str, name: str) -> None:
    """Take a mail away that the ledger has, then its envelope."""
    os.unlink(os.path.join(path, NEW, name))
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(path, ENVELOPES, name))


def refuse(path: str, name: str) -> None:
    """Lay a mail and its envelope aside in refused/."""
    os.rename(os.path.join(path, NEW, name), os.path.join(path, REFUSED, name))
    with suppress(FileNotFoundError):
        os.rename(os.path.join(path, ENVELOPES, name), os.path.join(path, REFUSED, f"{name}.envelope"))


def remove_leftovers(path: str, older_than_s: float) -> int:
    """How many files were removed: drafts that never became a mail and envelopes that have none."""
    limit, count = time.time() - older_than_s, 0
    for folder in (TMP, ENVELOPES):
        with os.scandir(os.path.join(path, folder)) as entries:
            for entry in entries:
                is_old = entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < limit
                if not is_old or (folder == ENVELOPES and os.path.lexists(os.path.join(path, NEW, entry.name))):
                    continue
                os.unlink(entry.path)
                count += 1
    return count


def _new_file(path: str) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    # The umask of a mail server would shut out the service, and root's files would belong to root alone.
    os.fchmod(handle, _FILE_MODE)
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(path))
        os.fchown(handle, folder.st_uid, folder.st_gid)
    return handle


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _to_json(envelope: Envelope) -> bytes:
    fields = {
        "via": envelope.via,
        "sender": envelope.sender,
        "recipients": envelope.recipients,
        "received_at": envelope.received_at.isoformat(),
    }
    return json.dumps(fields).encode() + b"\n"


def _sync_folder(folder: str, handle: int) -> None:
    """Make a folder's entries durable; `handle` is any open file of its file system."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # fsync of a folder needs the right to read it, which a member of the group has not: sync the whole
        # file system instead (syncfs(2)). Loading ctypes costs 4 ms, and only then.
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), "syncfs failed", folder) from None
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _read(path: str, max_bytes: int) -> bytes | None:
    # Without O_NONBLOCK a pipe that somebody laid here would hold the daemon for ever.
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotAFile(f"{path} is a link or a socket: a mail must be a plain file") from error
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise NotAFile(f"{path} is a pipe or a folder: a mail must be a plain file")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(handle)
    return data if len(data) <= max_bytes else None
