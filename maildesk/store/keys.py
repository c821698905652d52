"""The file of signing keys: made once, never changed in place, its owner's alone. Knows files, not what is signed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from maildesk.config import read_secret
from maildesk.errors import BadConfig, Problem
from maildesk.mail.address import a_label
from maildesk.mail.token import Keyring

MASTER_BYTES = 32
KIDS = 8  # a token has three bits for its key's id


def load_or_create(path: Path, wanted_id: str, first_mailbox_domain: str, fresh: bytes) -> Keyring:
    """The keys in `path`; made from `fresh` (32 bytes) when there are none, under wanted_id or else the domain.

    wanted_id is [desk] id, "" for whatever the keys say. Raises BadConfig when it is another than the one that the keys
    were made for, when others can read the file, or when it is damaged.
    """
    with suppress(FileExistsError):
        if not path.exists():
            create(path, Keyring(wanted_id or a_label(first_mailbox_domain), 0, {0: fresh}))
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
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(to_json(keyring))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and never in place of another: a crash leaves no half of a key.
        os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def to_json(keyring: Keyring) -> str:
    """The file's text."""
    masters = {str(kid): master.hex() for kid, master in sorted(keyring.masters.items())}
    return json.dumps({"desk_id": keyring.desk_id, "current": keyring.current, "masters": masters}, indent=1) + "\n"


def _from_json(path: Path, text: str) -> Keyring:
    try:
        found: dict[str, Any] = json.loads(text)
        masters = {int(kid): bytes.fromhex(master) for kid, master in found["masters"].items()}
        keyring = Keyring(str(found["desk_id"]), int(found["current"]), masters)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadConfig(f'The keys in "{path}" are damaged, bring them back from a backup') from error
    sound = all(0 <= kid < KIDS and len(master) == MASTER_BYTES for kid, master in masters.items())
    if not sound or keyring.current not in masters or not keyring.desk_id:
        raise BadConfig(f'The keys in "{path}" are damaged, bring them back from a backup')
    return keyring
