"""`maildesk held`: mail that was kept back, and what a person decides on it. Asks the daemon, else takes the lock."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from maildesk import clock
from maildesk.cli import read
from maildesk.cli.context import Invocation, print_json
from maildesk.cli.explain import facts_of, shown, text_of
from maildesk.cli.reading import ask_store
from maildesk.cli.terminal import write_table
from maildesk.control import NotRunning, ask
from maildesk.desk.held import CAUSES
from maildesk.errors import NotFound
from maildesk.mail.parse import understand
from maildesk.state import Lock, store_path
from maildesk.store import ledger
from maildesk.store.sqlite import SqliteEngine

_id = click.argument("mail", metavar="ID", type=click.IntRange(1, 2**62))


@click.group(
    "held",
    invoke_without_command=True,
    epilog="\b\nExamples:\n  maildesk held\n  maildesk held show 17\n  maildesk held release 17\n  maildesk held discard 17",
)
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0 is all.")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_context
def command(ctx: click.Context, limit: int, as_json: bool) -> int | None:
    """Mail that was kept back, newest first, with its cause.

    What nobody decides on is dropped after 30 days. Causes:

    \b
    auth-fail, unproved, stranger, ambiguous-author   it would join a ticket, and may be forged
    own-address, loop                                 it claims to be ours, or is
    identity                                          a code or a link of another service
    blocked                                           [trust] hold or reject names its sender
    stale-act, replay, agent-unverified               an agent's, and not to be acted on
    """
    if ctx.invoked_subcommand is not None:
        return None
    lines = ask_store(ctx.obj, lambda tx: ledger.list_ledger(tx, outcome="held", limit=read.limit_of(limit)))
    if as_json:
        print_json([read.line_json(line) for line in lines])
        return 0
    named = ask_store(ctx.obj, lambda tx: {line.id: line for line in ledger.list_held(tx, [one.id for one in lines])})
    rows = [
        (str(one.id), read.as_time(one.received_at), one.cause or "", named[one.id].author, named[one.id].subject)
        for one in lines
        if one.id in named
    ]
    write_table(sys.stdout, ("ID", "RECEIVED", "CAUSE", "FROM (CLAIMED)", "SUBJECT"), rows)
    return 0


@command.command("show", epilog="\b\nExample:\n  maildesk held show 17")
@_id
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def show(invocation: Invocation, mail: int, as_json: bool) -> int:
    """One held mail: why it is held, and what it says. Exit code 1 when none of this ID is held."""
    languages = invocation.load(looks_at_secrets=False).desk.languages
    lines = [
        one for one in ask_store(invocation, lambda tx: ledger.list_lines_of(tx, str(mail))) if one.outcome == "held"
    ]
    stored = ask_store(invocation, lambda tx: ledger.find_mail(tx, mail))
    if not lines or stored is None:
        raise NotFound(f"No mail {mail} is held.")
    line, understood = lines[0], understand(stored.raw, languages)
    if as_json:
        print_json({**read.line_json(line), "subject": understood.subject, "text": understood.text})
        return 0
    found = [
        f"mail {line.id} for {line.mailbox}, by {line.via}, {read.as_time(line.received_at)}: held, {line.cause}",
        *(f"  {sentence}" for cause, sentence in CAUSES.items() if cause == line.cause),
        *(f"  - {reason}" for reason in line.why),
    ]
    sys.stdout.write(shown([*found, "", *facts_of(understood), "", *text_of(understood)]))
    return 0


@command.command("release", epilog="\b\nExample:\n  maildesk held release 17")
@_id
@click.pass_obj
def release(invocation: Invocation, mail: int) -> int:
    """Let a held mail in: it is settled as if its sender were proved. Exit code 1 when none of this ID is held."""
    return _decide(invocation, mail, "release")


@command.command("discard", epilog="\b\nExample:\n  maildesk held discard 17")
@_id
@click.pass_obj
def discard(invocation: Invocation, mail: int) -> int:
    """Let go of a held mail; its bytes are kept for 30 days. Exit code 1 when none of this ID is held."""
    return _decide(invocation, mail, "discard")


def _decide(invocation: Invocation, mail: int, verb: str) -> int:
    config = invocation.load(looks_at_secrets=False)
    path = store_path(config)
    if not path.exists():
        raise NotFound(f"There is no database {path} yet; `maildesk serve` makes it.")
    try:
        answer = ask(config.desk.state_dir / "control.sock", "held", mail=mail, verb=verb)
        is_done = isinstance(answer, dict) and answer.get("done") is True
    except NotRunning:
        is_done = _alone(config.desk.state_dir, path, mail, verb)
    if not is_done:
        raise NotFound(f"No mail {mail} is held.")
    return 0


def _alone(state_dir: Path, path: Path, mail: int, verb: str) -> bool:
    """Without a daemon: what is let in is settled when one starts."""
    lock = Lock(state_dir)
    lock.take()
    try:
        store = SqliteEngine(path)
        store.migrate()
        store.start()
        try:
            return store.write(lambda tx: ledger.decide_held(tx, mail, verb == "release", clock.now())).result()
        finally:
            store.close()
    finally:
        lock.release()
