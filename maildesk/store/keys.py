"""The file of signing keys: replaced whole, never changed in place, its owner's alone. Knows files, not what is signed.

A key's life: made, it signs; when a newer one signs it verifies what it signed before; retired, what it signed is taken
for an address of ours that names nothing. A token has three bits for its key's id, so the ninth key takes the first's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from maildesk.clock import from_iso, iso
from maildesk.config import read_secret
from maildesk.errors import BadConfig, MaildeskError, NotFound, Problem
from maildesk.mail.address import a_label
from maildesk.mail.token import Keyring, RetiredKey

MASTER_BYTES = 32
KIDS = 8  # a token has three bits for its key's id
# So many keys that count no more are remembered, so that mail to their addresses is still taken: with the eight that
# count, sixteen years of a new key every 90 days.
RETIRED_KEYS = 56


class NotReplaced(MaildeskError):
    """The file of keys could not be written anew; the old one is whole."""


def load_or_create(path: Path, wanted_id: str, first_mailbox_domain: str, fresh: bytes, at: datetime) -> Keyring:
    """The keys in `path`; made now from `fresh` (32 bytes) when there are none, under wanted_id or else the domain.

    wanted_id is [desk] id, "" for whatever the keys say. Raises BadConfig when it is another than the one that the keys
    were made for, when others can read the file, or when it is damaged.
    """
    with suppress(FileExistsError):
        if not path.exists():
            create(path, Keyring(wanted_id or a_label(first_mailbox_domain), 0, {0: fresh}, made_at={0: at}))
    return load(path, wanted_id)


def load(path: Path, wanted_id: str = "") -> Keyring:
    """The keys in `path`. Raises BadConfig as `load_or_create` does, and when there are none."""
    keyring = _from_json(path, read_secret(path))
    if wanted_id and wanted_id != keyring.desk_id:
        raise BadConfig(
            Problem(
                "desk.id",
                f'"{wanted_id}" is not the name that the keys in "{path}" were made for, which is "{keyring.desk_id}"; '
                "with another one every address that people have would be void",
            )
        )
    return keyring


def create(path: Path, keyring: Keyring) -> None:
    """A new file of keys, on disk for good, mode 0600. Raises FileExistsError where there is one, and OSError."""
    draft = _draft(path, keyring)
    try:
        # A link appears whole or not at all, and never in place of another: a crash leaves no half of a key.
        os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def rotate(
    path: Path, fresh: bytes, at: datetime, compromised: Collection[int] = (), *, due_after: timedelta = timedelta()
) -> Keyring | None:
    """Retire the compromised keys; let a new key of `fresh` sign, where none is compromised or the current one is.

    None, and nothing is done, while the current key is younger than due_after. The caller keeps others from rotating
    meanwhile. On disk for good when it returns. Raises NotFound for a key id without a key, NotReplaced, and what `load`
    raises.
    """
    keyring = load(path)
    # An unknown time, and one in the future, is a young key's: nothing is burned because a clock stood wrong.
    if due_after and at - keyring.made_at.get(keyring.current, at) < due_after:
        return None
    keyring = rotated(keyring, fresh, at, compromised)
    try:
        _replace(path, keyring)
    except OSError as error:
        raise NotReplaced(f'The keys in "{path}" cannot be replaced: {error.strerror}; the old ones hold.') from error
    return keyring


def continues(path: Path, content: bytes) -> bool:
    """Whether the keys in `path` are those of `content`, or what later rotations made of them."""
    try:
        there, earlier = load(path), _from_json(path, content.decode())
    except (BadConfig, UnicodeDecodeError):
        return path.read_bytes() == content

    def known(keyring: Keyring) -> set[tuple[int, bytes]]:
        return {*keyring.masters.items(), *((key.kid, key.master) for key in keyring.retired)}

    return there.desk_id == earlier.desk_id and known(earlier) <= known(there)


def rotated(keyring: Keyring, fresh: bytes, at: datetime, compromised: Collection[int] = ()) -> Keyring:
    """The keys after a rotation. Raises NotFound for a compromised key id without a key."""
    masters, made_at, retired = dict(keyring.masters), dict(keyring.made_at), list(keyring.retired)
    current = keyring.current

    def retire(kid: int) -> None:
        retired.append(RetiredKey(kid, masters.pop(kid), made_at.pop(kid, None), at))

    for kid in sorted(set(compromised)):
        if kid not in masters:
            known = ", ".join(map(str, sorted(masters)))
            raise NotFound(f"There is no key {kid} that counts; those that do are {known}.")
        retire(kid)
    if current not in masters or not compromised:
        current = (current + 1) % KIDS
        if current in masters:
            retire(current)
        masters[current] = fresh
        # Rounded up: a ticket that was opened in this second is one of the key's before.
        made_at[current] = at.replace(microsecond=0) + timedelta(seconds=1)
    return Keyring(keyring.desk_id, current, masters, tuple(retired[-RETIRED_KEYS:]), made_at)


def _replace(path: Path, keyring: Keyring) -> None:
    """The file with other keys, whole at every moment; its owner stays. Raises OSError."""
    path = path.resolve()
    for left in path.parent.glob(f".{path.name}.*"):
        # What a rotation left that was killed holds a key.
        left.unlink()
    draft = _draft(path, keyring)
    try:
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _draft(path: Path, keyring: Keyring) -> Path:
    """The file's content in a file of its own beside it, synced, mode 0600, and the owner's of the file that is there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # One of the same process id, before a restart, may lie there; in a container that is often so.
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            with suppress(FileNotFoundError):
                there = path.stat()
                # The group has no right to it, so whose it is does not matter where the owner stays.
                if there.st_uid != os.geteuid():
                    os.fchown(file.fileno(), there.st_uid, there.st_gid)
            file.write(to_json(keyring))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink()
        raise
    return draft


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def to_json(keyring: Keyring) -> str:
    """The file's text."""
    masters = {str(kid): master.hex() for kid, master in sorted(keyring.masters.items())}
    content: dict[str, Any] = {"desk_id": keyring.desk_id, "current": keyring.current, "masters": masters}
    content["made_at"] = {str(kid): iso(at) for kid, at in sorted(keyring.made_at.items())}
    content["retired"] = [
        {
            "kid": key.kid,
            "master": key.master.hex(),
            "made_at": None if key.made_at is None else iso(key.made_at),
            "retired_at": iso(key.retired_at),
        }
        for key in keyring.retired
    ]
    return json.dumps(content, indent=1) + "\n"


def _from_json(path: Path, text: str) -> Keyring:
    try:
        found: dict[str, Any] = json.loads(text)
        masters = {int(kid): bytes.fromhex(master) for kid, master in found["masters"].items()}
        # A file of before keys had times was written when they were made.
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        known = {int(kid): from_iso(at) for kid, at in found.get("made_at", {}).items()}
        made_at = {kid: known.get(kid, written_at) for kid in masters}
        retired = tuple(
            RetiredKey(
                int(key["kid"]),
                bytes.fromhex(key["master"]),
                None if key["made_at"] is None else from_iso(key["made_at"]),
                from_iso(key["retired_at"]),
            )
            for key in found.get("retired", ())
        )
        keyring = Keyring(str(found["desk_id"]), int(found["current"]), masters, retired, made_at)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise BadConfig(f'The keys in "{path}" are damaged, bring them back from a backup') from error
    whole = (*masters.items(), *((key.kid, key.master) for key in retired))
    sound = all(0 <= kid < KIDS and len(master) == MASTER_BYTES for kid, master in whole)
    aware = all(at.tzinfo is not None for at in made_at.values())
    if not sound or not aware or keyring.current not in masters or not keyring.desk_id:
        raise BadConfig(f'The keys in "{path}" are damaged, bring them back from a backup')
    return keyring
