"""`maildesk init`: a short configuration that works as it is. Never changes a file that is there."""

from __future__ import annotations

import os
from pathlib import Path

import click

from maildesk.errors import BadUsage

NAME = "maildesk.toml"
START = """\
# A desk to start from: it runs as it is, without any other mail server, and its letters become files in "outgoing".
# Every key there is stands in config.example.toml, with its default; `maildesk check` says what is wrong.

[desk]
# The name that people read in letters.
name = "Example Support"
# The languages of letters, out of en, fr, de, es and it; the first is the fallback.
languages = ["en", "fr"]
# The time zone in which letters name times.
timezone = "Europe/Paris"

# The address that customers write to. A mail to support+anything@ must reach the desk too: replies come by it.
[[mailbox]]
address = "support@example.com"

# Who answers: a table for each person.
[[agent]]
address = "ana@example.com"
name = "Ana Lima"

# Mail comes in here, from your mail server; only this machine can reach it.
[smtp]
listen = "127.0.0.1:2525"

# Letters go out here. To send them for real, replace maildir by your mail server:
#   host = "127.0.0.1"
#   port = 25
[relay]
maildir = "outgoing"

# The help centre: a request form, My activities, articles. Without the marks it opens on this machine.
# [web]
# listen = "127.0.0.1:8080"
"""
EPILOG = """\b
Examples:
  maildesk init
  maildesk init /etc/maildesk
"""


@click.command("init", epilog=EPILOG)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> int:
    """Write maildesk.toml into DIR, the current folder if there is none.

    It passes `maildesk check` and runs with `maildesk serve` as it is. A file that is there already stays.
    """
    place = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise BadUsage(
            f"{place} is there already and was not changed: name another folder, or remove it first"
        ) from error
    except OSError as error:
        raise BadUsage(f"{place} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(START)
    click.echo(f"{place} is written. Run it with: maildesk serve --config {place}")
    return 0
