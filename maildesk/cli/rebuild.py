"""`maildesk rebuild`: all mail read again after an upgrade. Asks the running daemon to write, else takes the lock itself."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from maildesk import __version__
from maildesk.cli.context import Invocation
from maildesk.cli.terminal import json_text, plain
from maildesk.config import Config
from maildesk.control import NotRunning, ask
from maildesk.errors import MaildeskError, NotFound
from maildesk.rebuild import Reading, mend_index, read_all, write
from maildesk.state import Lock, store_path
from maildesk.store.entries import Shown, count_mailed
from maildesk.store.sqlite import SqliteEngine

# The daemon derives a batch again and answers well within the control socket's 30 s.
_BATCH_ENTRIES = 200
_BATCH_S = 2.0
_BATCH_CHARS = 8_000_000
# A difference is shown so far; difflib's time grows with the square of what it compares.
_SHOWN_LINES = 20
_SHOWN_CHARS = 160
_COMPARED_LINES = 400


class OtherVersion(MaildeskError):
    """The running daemon would derive with other rules than this command."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """The store to read, who writes a batch, and whether no daemon runs."""

    store: SqliteEngine
    write: Callable[[list[Reading]], int]
    is_ours: bool


@click.command(
    "rebuild",
    epilog="\b\nExamples:\n  maildesk rebuild --dry-run\n  maildesk rebuild\n  maildesk rebuild --dry-run --json",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="For programs: a line for each entry that differs, then one with the sums."
)
@click.pass_obj
def command(invocation: Invocation, dry_run: bool, as_json: bool) -> int:
    """Derive text, attachments and the full-text index again from the raw mail, after an upgrade.

    What was decided and sent stays as it is. It may run beside the desk, be stopped at any moment and be run again.
    """
    config = invocation.load(looks_at_secrets=False)
    sums: Counter[str] = Counter()
    is_mended = False
    with _opened(config) as desk:
        with _progress(desk.store.read(count_mailed), is_hidden=dry_run and sys.stdout.isatty()) as advance:
            for batch in _batches(read_all(desk.store, config.desk.languages)):
                for reading in batch:
                    if reading.fate == "left" or (reading.fate == "changed" and (dry_run or as_json)):
                        click.echo(json_text(as_object(reading)) if as_json else as_text(reading))
                sums.update(reading.fate for reading in batch)
                sums["entries"] += len(batch)
                changed = [reading for reading in batch if reading.fate == "changed"]
                if changed and not dry_run:
                    # One that somebody changed meanwhile is not written.
                    sums["changed"] += desk.write(changed) - len(changed)
                advance(len(batch))
        if desk.is_ours and not dry_run:
            is_mended = mend_index(desk.store)
    found = {name: sums[name] for name in ("entries", "changed", "kept", "left")}
    if as_json:
        click.echo(json.dumps({**found, "index_mended": is_mended, "dry_run": dry_run}))
    else:
        click.echo(_summary(found, is_mended=is_mended, dry_run=dry_run))
    return 0


def _batches(readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    """Runs of readings, ended by their number, by their size, or by the time that it took to read them."""
    batch: list[Reading] = []
    began, chars = time.monotonic(), 0
    for reading in readings:
        batch.append(reading)
        chars += len(reading.entry.shown.full_text) + len(reading.after.full_text)
        if len(batch) >= _BATCH_ENTRIES or chars > _BATCH_CHARS or time.monotonic() - began > _BATCH_S:
            yield batch
            batch, began, chars = [], time.monotonic(), 0
    if batch:
        yield batch


@contextmanager
def _opened(config: Config) -> Iterator[_Desk]:
    """The desk beside its daemon, else with the lock taken. Raises NotFound, OtherVersion, AlreadyRunning."""
    path, socket = store_path(config), config.desk.state_dir / "control.sock"
    if not path.exists():
        raise NotFound(f"There is no database {path} yet; `maildesk serve` makes it.")
    store = SqliteEngine(path)
    if _is_running(socket):
        try:
            yield _Desk(store, lambda batch: _asked(socket, batch), is_ours=False)
        finally:
            store.close()
        return
    lock = Lock(config.desk.state_dir)
    lock.take()
    try:
        store.migrate()
        store.start()
        try:
            yield _Desk(store, lambda batch: write(store, batch), is_ours=True)
        finally:
            store.close()
    finally:
        lock.release()


def _is_running(socket: Path) -> bool:
    """Whether a daemon with the rules of this version runs. Raises OtherVersion for one with others."""
    try:
        answer = ask(socket, "rebuild", entries=[])
    except NotRunning:
        return False
    except MaildeskError as error:
        # A daemon of a version before this command's first knows no such question.
        raise OtherVersion(f"{error} If it is of an older version: restart it, then rebuild.") from error
    version = answer.get("version") if isinstance(answer, dict) else None
    if version != __version__:
        raise OtherVersion(
            f"The running daemon is version {version}, this command {__version__}: restart it, then rebuild."
        )
    return True


def _asked(socket: Path, batch: list[Reading]) -> int:
    """Let the daemon derive and write these entries; how many it changed."""
    try:
        answer = ask(socket, "rebuild", entries=[reading.entry.id for reading in batch])
    except NotRunning as error:
        raise MaildeskError("The desk was stopped meanwhile; what is done stays done, run it again.") from error
    return int(answer["changed"]) if isinstance(answer, dict) else 0


@contextmanager
def _progress(length: int, *, is_hidden: bool) -> Iterator[Callable[[int], object]]:
    """Advances a bar on a terminal's standard error; nothing in a pipe, or where a terminal shows the differences."""
    if is_hidden or not sys.stderr.isatty():
        yield lambda _count: None
        return
    with click.progressbar(length=length, label="Reading mails again", file=sys.stderr) as bar:
        yield bar.update


def as_object(reading: Reading) -> dict[str, Any]:
    """A reading for programs: what differs, before and after."""
    entry = reading.entry
    names = [_NAMES[name] for name in reading.differs]
    before, after = _values(entry.shown), _values(reading.after)
    return {
        "ticket": entry.ticket,
        "entry": entry.id,
        "mail": entry.mail_id,
        "kind": entry.kind,
        "fate": reading.fate,
        "why": reading.why or None,
        "differs": names,
        "before": {name: before[name] for name in names},
        "after": {name: after[name] for name in names},
    }


_NAMES = {"subject": "subject", "text": "text", "full_text": "full_text", "files": "attachments"}


def _values(shown: Shown) -> dict[str, Any]:
    files = [
        {"name": f.name, "type": f.type, "size": f.size, "sha256": f.sha256, "inline": f.is_inline} for f in shown.files
    ]
    return {"subject": shown.subject, "text": shown.text, "full_text": shown.full_text, "attachments": files}


def as_text(reading: Reading) -> str:
    """A reading for people: its place, what differs, and the beginning of the difference."""
    entry, after = reading.entry, reading.after
    place = f"#{entry.ticket} entry {entry.id} ({entry.kind})"
    if reading.fate == "left":
        return plain(f"{place}: left as it is, its mail cannot be read now: {reading.why}")
    before, differs = entry.shown, reading.differs
    lines = [f"{place}: {', '.join(_NAMES[name] for name in differs)}"]
    if "subject" in differs:
        lines += [f"  - subject: {before.subject}", f"  + subject: {after.subject}"]
    if "text" in differs:
        lines += _difference(before.text, after.text)
    elif "full_text" in differs:
        lines += _difference(before.full_text, after.full_text)
    if "files" in differs:
        lines += [f"  - attachments: {_listed(before)}", f"  + attachments: {_listed(after)}"]
    return "\n".join(plain(line.replace("\n", " "))[:_SHOWN_CHARS] for line in lines)


def _listed(shown: Shown) -> str:
    return ", ".join(f"{f.name} ({f.size} bytes)" for f in shown.files) or "none"


def _difference(before: str, after: str) -> list[str]:
    old, new = (text.split("\n", _COMPARED_LINES)[:_COMPARED_LINES] for text in (before, after))
    found = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    shown = [f"  {line[:1]} {line[1:]}" for line in found[:_SHOWN_LINES] if not line.startswith("@@")]
    rest = len(found) - _SHOWN_LINES
    return [*shown, f"    … {rest} more lines"] if rest > 0 else shown or ["    … far below"]


def _summary(found: dict[str, int], *, is_mended: bool, dry_run: bool) -> str:
    parts = [
        f"Entries read again: {found['entries']}",
        f"{'would change' if dry_run else 'changed'}: {found['changed']}",
    ]
    if found["kept"]:
        parts.append(f"keep the words that were sent or noted: {found['kept']}")
    if found["left"]:
        parts.append(f"left as they are, because their mails cannot be read now: {found['left']}")
    return "; ".join(parts) + "." + (" The full-text index was wrong and was made anew." if is_mended else "")
