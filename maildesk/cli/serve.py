"""`maildesk serve`: the daemon in the foreground."""

from __future__ import annotations

import asyncio

import click

from maildesk import log
from maildesk.cli.context import Invocation
from maildesk.daemon import Daemon


@click.command(epilog="\b\nExamples:\n  maildesk serve\n  maildesk serve --config /etc/maildesk/maildesk.toml")
@click.pass_obj
def command(invocation: Invocation) -> int:
    """The desk, in the foreground. SIGTERM drains and ends with 0, SIGHUP reloads; a second one ends with 75."""
    log.start()
    return asyncio.run(Daemon(lambda: invocation.load(asks_languages=True)).run())
