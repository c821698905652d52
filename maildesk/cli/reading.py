"""The commands that only read: tickets, ticket, search, mails, outbox. Each opens the store read-only."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar, get_args

import click

from maildesk.cli import read
from maildesk.cli.context import Invocation, print_json
from maildesk.cli.terminal import write_table
from maildesk.desk.model import Outcome, State, Ticket
from maildesk.errors import NotFound
from maildesk.state import store_path
from maildesk.store import ledger, outbox
from maildesk.store import tickets as stored
from maildesk.store.sqlite import SqliteEngine, Tx

T = TypeVar("T")
# No row's number is larger than the database's integers.
_row = click.IntRange(1, 2**62)
_json = click.option("--json", "as_json", is_flag=True, help="The same for programs.")
_limit = click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many; 0 is all."
)


def ask_store(invocation: Invocation, question: Callable[[Tx], T]) -> T:
    """What the store says. Raises NotFound when there is no desk yet."""
    path = store_path(invocation.load(looks_at_secrets=False))
    if not path.exists():
        raise NotFound(f"There is no database {path} yet; `maildesk serve` makes it.")
    engine = SqliteEngine(path)
    try:
        return engine.read(question)
    finally:
        engine.close()


@click.command(
    epilog="\b\nExamples:\n  maildesk tickets --state open\n  maildesk tickets --assignee ana@example.com --json"
)
@click.option("--state", type=click.Choice(get_args(State)), default=None, help="Only those in this state.")
@click.option("--mailbox", metavar="A", default="", help="Only those of this mailbox.")
@click.option("--assignee", metavar="A", default="", help="Only those this agent takes care of.")
@_limit
@_json
@click.pass_obj
def tickets(invocation: Invocation, state: str | None, mailbox: str, assignee: str, limit: int, as_json: bool) -> int:
    """Tickets, newest first."""
    found = ask_store(
        invocation,
        lambda tx: read.list_tickets(tx, state=state or "", mailbox=mailbox, assignee=assignee, limit=limit),
    )
    if as_json:
        print_json([read.ticket_json(ticket) for ticket in found])
    else:
        rows = [
            (f"#{t.number}", t.state, t.requester.address if t.requester else "-", t.assignee or "-", t.subject)
            for t in found
        ]
        write_table(sys.stdout, ("NUMBER", "STATE", "FROM", "AGENT", "SUBJECT"), rows)
    return 0


@click.command(epilog="\b\nExamples:\n  maildesk ticket 50031\n  maildesk ticket 50031 --raw 7 > original.eml")
@click.argument("number", type=_row)
@click.option("--raw", metavar="ENTRY", type=_row, help="The original bytes of this entry's mail.")
@_json
@click.pass_obj
def ticket(invocation: Invocation, number: int, raw: int | None, as_json: bool) -> int:
    """One ticket with its whole thread. Exit code 1 when there is none."""

    def look(tx: Tx) -> tuple[Ticket, list[dict[str, object]], bytes | None] | None:
        found = stored.find_ticket_by_number(tx, number)
        if found is None:
            return None
        return found, read.entries_json(tx, found), None if raw is None else read.raw_of(tx, found, raw)

    answer = ask_store(invocation, look)
    if answer is None:
        if as_json:
            print_json(None)
        raise NotFound(f"There is no ticket #{number}.")
    found, entries, original = answer
    if raw is not None:
        if original is None:
            raise NotFound(f"Ticket #{number} has no mail for entry {raw}.")
        sys.stdout.buffer.write(original)
    elif as_json:
        print_json({**read.ticket_json(found), "entries": entries})
    else:
        read.write_ticket(sys.stdout, found, entries)
    return 0


@click.command(
    epilog="\b\nExamples:\n  maildesk search printer fire\n  maildesk search --json 'telescope mount'",
    # A word may begin with a dash: "-40".
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", nargs=-1, required=True)
@_limit
@_json
@click.pass_obj
def search(invocation: Invocation, words: tuple[str, ...], limit: int, as_json: bool) -> int:
    """Full text over all mail ever received or sent; every word must occur. Exit code 1 when nothing is found."""
    found = ask_store(invocation, lambda tx: read.search(tx, " ".join(words), limit))
    if as_json:
        print_json(found)
    else:
        rows = [(f"#{r['ticket']}", r["entry"], r["at"], r["excerpt"]) for r in found]
        write_table(sys.stdout, ("TICKET", "ENTRY", "AT", "EXCERPT"), rows)
    return 0 if found else 1


@click.command(epilog="\b\nExamples:\n  maildesk mails --outcome ignored\n  maildesk mails --limit 0 --json")
@click.option("--outcome", type=click.Choice(get_args(Outcome)), default=None, help="Only those with this outcome.")
@_limit
@_json
@click.pass_obj
def mails(invocation: Invocation, outcome: str | None, limit: int, as_json: bool) -> int:
    """The ledger: what became of every mail that was accepted, newest first."""
    found = ask_store(invocation, lambda tx: ledger.list_ledger(tx, outcome=outcome or "", limit=read.limit_of(limit)))
    if as_json:
        print_json([read.line_json(line) for line in found])
    else:
        rows = [
            (
                line.id,
                read.as_time(line.received_at),
                line.via,
                line.outcome,
                f"#{line.ticket}" if line.ticket else "-",
                line.sender if line.sender is not None else "-",
                line.cause or "",
            )
            for line in found
        ]
        write_table(sys.stdout, ("ID", "RECEIVED", "VIA", "OUTCOME", "TICKET", "SENDER", "CAUSE"), rows)
    return 0


@click.command(epilog="\b\nExamples:\n  maildesk outbox\n  maildesk outbox --json")
@_limit
@_json
@click.pass_obj
def outbox_command(invocation: Invocation, limit: int, as_json: bool) -> int:
    """Letters that wait, were deferred or failed, newest first."""
    found = ask_store(invocation, lambda tx: outbox.list_outbox(tx, limit=read.limit_of(limit)))
    if as_json:
        print_json([read.letter_json(line) for line in found])
    else:
        rows = [
            (
                x.id,
                x.kind,
                f"#{x.ticket}" if x.ticket else "-",
                x.state,
                x.attempts,
                read.as_time(x.next_at) if x.next_at else "-",
                x.recipient,
                x.error or "",
            )
            for x in found
        ]
        heads = ("ID", "KIND", "TICKET", "STATE", "TRIES", "NEXT", "TO", "ERROR")
        write_table(sys.stdout, heads, rows)
    return 0
