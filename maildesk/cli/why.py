"""`maildesk why`: what became of one mail and the reasons, with how the desk understands it today. Only reads the store."""

from __future__ import annotations

import sys

import click

from maildesk.cli import read
from maildesk.cli.context import Invocation, print_json
from maildesk.cli.explain import as_object, facts_of, shown, text_of
from maildesk.cli.reading import ask_store
from maildesk.errors import NotFound
from maildesk.mail.model import Mail
from maildesk.mail.parse import understand
from maildesk.rebuild import read_again
from maildesk.store import entries, ledger, outbox
from maildesk.store.ledger import LedgerLine
from maildesk.store.sqlite import Tx


@click.command(
    "why",
    epilog="\b\nExamples:\n  maildesk why 17\n  maildesk why abc@client.test\n  maildesk why '<abc@client.test>' --json",
)
@click.argument("mail")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def command(invocation: Invocation, mail: str, as_json: bool) -> int:
    """What became of one mail, the reasons, and how it is understood.

    MAIL is a ledger id or a Message-ID, also that of a letter of ours. Exit code 1 when there is none.
    """
    languages = invocation.load(looks_at_secrets=False).desk.languages
    lines = ask_store(invocation, lambda tx: ledger.list_lines_of(tx, mail))
    letter = ask_store(invocation, lambda tx: outbox.find_written(tx, ledger.bracketed(mail)))
    found: list[dict[str, object]] = []
    for number, line in enumerate(lines):
        understood, differs = ask_store(invocation, lambda tx, line=line: _read(tx, line, languages))  # type: ignore[misc]
        if as_json:
            found.append(_object(line, understood, differs))
        else:
            sys.stdout.write(("\n" if number else "") + _text(line, understood, differs))
    if letter is not None:
        if as_json:
            found.append(_letter_object(letter))
        else:
            sys.stdout.write(("\n" if lines else "") + _letter_text(letter))
    if as_json:
        print_json(found)
    if not lines and letter is None:
        raise NotFound(f"The ledger has no mail {mail}.")
    return 0


def _read(tx: Tx, line: LedgerLine, languages: tuple[str, ...]) -> tuple[Mail, tuple[str, ...]]:
    """The mail as it is understood now, and what its entry shows differently: that of an older version, until a rebuild."""
    stored = ledger.find_mail(tx, line.id)
    entry = None if line.entry is None else entries.find_mailed(tx, line.entry)
    reading = None if entry is None else read_again(entry, languages)
    return understand(stored.raw if stored else b"", languages), () if reading is None else reading.differs


def _object(line: LedgerLine, mail: Mail, differs: tuple[str, ...]) -> dict[str, object]:
    understood = as_object(mail, "")
    del understood["file"]
    blocks = [{"kind": block.kind, "text": block.text} for block in mail.blocks]
    return {
        **read.line_json(line),
        "entry": line.entry,
        "understood": {**understood, "blocks": blocks},
        "rebuild": bool(differs),
    }


def _text(line: LedgerLine, mail: Mail, differs: tuple[str, ...]) -> str:
    place = f", ticket #{line.ticket}" if line.ticket else ""
    cause = f" ({line.cause})" if line.cause else ""
    found = [
        f"mail {line.id} for {line.mailbox}, by {line.via}, {read.as_time(line.received_at)}: {line.outcome}{cause}{place}",
        *(f"  - {reason}" for reason in line.why),
    ]
    if differs:
        found.append("An older version read it differently: run `maildesk rebuild`.")
    return shown([*found, "", *facts_of(mail), "", *text_of(mail)])


def _letter_object(letter: outbox.Written) -> dict[str, object]:
    return {
        **read.letter_json(letter.line),
        "notice": letter.notice,
        "created_at": read.as_time(letter.created_at),
        "sent_at": None if letter.sent_at is None else read.as_time(letter.sent_at),
        "mail": letter.mail_id,
    }


def _letter_text(letter: outbox.Written) -> str:
    line = letter.line
    place = f" on ticket #{line.ticket}" if line.ticket else ""
    at = f" {read.as_time(letter.sent_at)}" if letter.sent_at else f", written {read.as_time(letter.created_at)}"
    found = [f"letter {line.id} of ours, {letter.notice} to {line.recipient}{place}: {line.state}{at}"]
    if line.error:
        found.append(f"  - {line.error}")
    if letter.mail_id is not None:
        found.append(f"  - mail {letter.mail_id} caused it: maildesk why {letter.mail_id}")
    return shown(found)
