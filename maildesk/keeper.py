"""Rotates a running desk's signing keys, one at a time, when asked or when the current one is old. Writes no key itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from maildesk import clock, log
from maildesk.config import Config
from maildesk.errors import MaildeskError
from maildesk.mail.token import Keyring
from maildesk.store.keys import MASTER_BYTES, rotate

# With eight keys, an address that somebody saved is good for 21 to 24 months.
EVERY = timedelta(days=90)


def rotates_itself(config: Config) -> bool:
    """Whether the keys are this desk's own: in state_dir and writable. Keys that lie elsewhere may be shared by hosts."""
    path = config.desk.keys_file.resolve()
    is_own = path.is_relative_to(config.desk.state_dir.resolve())
    return is_own and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


class KeyKeeper:
    """The only one in a daemon who replaces the keys; `use` takes them into use, from any thread.

    turn: whoever reads the keys to use them has it meanwhile.
    """

    def __init__(self, config: Callable[[], Config], use: Callable[[Keyring], None]) -> None:
        self._config, self._use = config, use
        self.turn = threading.Lock()

    async def rotate_asked(self, question: Mapping[str, object]) -> object:
        """The control socket's "rotate-keys": {"compromised": [3]}. The new keys are in use when this answers."""
        named = question.get("compromised")
        kids = [kid for kid in named if isinstance(kid, int)] if isinstance(named, list) else []
        await asyncio.to_thread(self._rotate, clock.now(), kids, timedelta())
        return {"ok": True}

    def rotate_when_due(self, now: datetime) -> None:
        """A new key when the current one is older than `EVERY`; what goes wrong is told in the log and tried again."""
        if not rotates_itself(self._config()):
            return
        try:
            self._rotate(now, (), EVERY)
        except MaildeskError as error:
            log.failure("keys.not-rotated", error)

    def _rotate(self, now: datetime, compromised: Collection[int], due_after: timedelta) -> None:
        with self.turn:
            path = self._config().desk.keys_file
            keyring = rotate(path, clock.fresh_bytes(MASTER_BYTES), now, compromised, due_after=due_after)
            if keyring is None:
                return
            self._use(keyring)
        log.event("keys.rotated", signs=keyring.current, counting=len(keyring.masters), retired=len(keyring.retired))
