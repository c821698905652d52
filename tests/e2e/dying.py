"""A daemon that a SIGKILL meets at an exact moment: before or after a named function of it. The product knows nothing of it.

Python imports sitecustomize at its start; the daemon of these tests finds one there that wraps the functions below.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.servers.desk import REPOSITORY, Desk

ACCEPT, ROWS = "maildesk.inbox:Inbox.accept", "maildesk.store.ledger:add_mails"
SETTLE, SEND = "maildesk.settle:Settler.settle", "maildesk.smarthost:SmtpRoad.send"
MARK, REMOVE = "maildesk.doors.imap_folder:Folder._mark", "maildesk.doors.dropbox:remove"

_SITECUSTOMIZE = """
import importlib, inspect, os, signal

def wrap(path):
    module, _, name = path.partition(":")
    owner = importlib.import_module(module)
    *outer, last = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    whole = getattr(owner, last)

    def meet(when):
        try:
            with open(place) as file:
                found = file.read() == f"{when} {path}"
        except FileNotFoundError:
            return
        if found:
            os.unlink(place)
            os.kill(os.getpid(), signal.SIGKILL)

    if inspect.iscoroutinefunction(whole):
        async def met(*given, **named):
            meet("before")
            value = await whole(*given, **named)
            meet("after")
            return value
    else:
        def met(*given, **named):
            meet("before")
            value = whole(*given, **named)
            meet("after")
            return value
    setattr(owner, last, met)

place = os.environ.get("DIES_AT")
for path in os.environ.get("MOMENTS", "").split():
    wrap(path)
"""


class DyingDesk(Desk):
    """A desk whose daemon dies once at the moment that `dies` names, if it comes to it."""

    _moments = (ACCEPT, ROWS, SETTLE, SEND, MARK, REMOVE)

    def start(self, environment: Mapping[str, str] | None = None, timeout_s: float = 20.0) -> None:
        """As Desk.start, with the wrapped functions."""
        place = self.folder / "dying"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        moments = {"MOMENTS": " ".join(self._moments), "DIES_AT": str(self._dies_at)}
        super().start({"PYTHONPATH": f"{place}:{REPOSITORY}", **moments, **(environment or {})}, timeout_s)

    @property
    def _dies_at(self) -> Path:
        return self.folder / "dies-at"

    def dies(self, moment: str) -> None:
        """From now on: "before maildesk.inbox:Inbox.accept", or "after ..."."""
        waiting = self._dies_at.with_suffix(".new")
        waiting.write_text(moment)
        waiting.rename(self._dies_at)
