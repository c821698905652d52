"""`maildesk check`: everything that is wrong with the configuration, at once. Opens no door and no database."""

from __future__ import annotations

import click

from maildesk.cli.context import Invocation, print_json
from maildesk.config import notes, refuse_unbuilt
from maildesk.errors import BadConfig

EPILOG = """\b
Examples:
  maildesk check
  maildesk check --config /etc/maildesk/maildesk.toml --json
"""


@click.command("check", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> int:
    """Say everything that is wrong with the configuration.

    Exit code 0 when nothing is, else 78.
    """
    try:
        config = invocation.load(asks_languages=True)
        refuse_unbuilt(config)
    except BadConfig as error:
        if not as_json:
            raise
        found = [{"path": p.path, "message": p.message, "nearest": p.nearest} for p in error.problems]
        print_json({"ok": False, "errors": found})
        return error.reply.exit
    if as_json:
        print_json({"ok": True, "errors": []})
        return 0
    click.echo(f"{invocation.path} is in order.")
    for note in notes(config):
        click.echo(note)
    return 0
