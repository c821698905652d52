"""`maildesk check`: everything that is wrong with the configuration, at once; on request also what the world says."""

from __future__ import annotations

import click

from maildesk.cli.context import Invocation, print_json
from maildesk.config import Config, notes, refuse_unbuilt
from maildesk.errors import BadConfig, Problem

EPILOG = """\b
Examples:
  maildesk check
  maildesk check --config /etc/maildesk/maildesk.toml --json
  maildesk check --online
"""


@click.command("check", epilog=EPILOG)
@click.option(
    "--online", is_flag=True, help="Also try store, DNS, relay, IMAP, names, and a letter to the signed address."
)
@click.option("--live", is_flag=True, help="Ask the running daemon what stands still.")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def command(invocation: Invocation, online: bool, live: bool, as_json: bool) -> int:
    """Say everything that is wrong with the configuration.

    Exit code 0 when nothing is, else 78; 1 when only --online or --live found something.
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
    wrong = [*_templates(config), *_articles(config)]
    if wrong and not as_json:
        raise BadConfig(*wrong)
    if wrong:
        print_json({"ok": False, "errors": [{"path": p.path, "message": p.message, "nearest": None} for p in wrong]})
        return BadConfig.reply.exit
    errors = _look_around(config, online=online, live=live, is_quiet=as_json)
    if as_json:
        print_json({"ok": not errors, "errors": errors})
    elif not errors:
        click.echo(f"{invocation.path} is in order.")
        for note in notes(config):
            click.echo(note)
    return 1 if errors else 0


def _templates(config: Config) -> list[Problem]:
    """What is wrong with the admin's own templates, each letter tried in each language."""
    if not config.desk.templates:
        return []
    # Templates take Jinja2 to look at, which a desk without its own can do without.
    from maildesk.render import problems, template_folders

    found = problems(template_folders(config.desk.templates), config.desk.languages)
    return [Problem("desk.templates", sentence) for sentence in found]


def _articles(config: Config) -> list[Problem]:
    """What is wrong with the admin's own articles."""
    if config.web is None or config.web.articles is None:
        return []
    from maildesk.articles import Articles

    known = Articles((config.web.articles,), config.desk.languages)
    return [Problem("web.articles", sentence) for sentence in known.problems]


def _look_around(config: Config, *, online: bool, live: bool, is_quiet: bool) -> list[dict[str, object]]:
    """What --online and --live found wrong; for people each finding is printed as it comes."""
    if not online and not live:
        return []
    # They take the doors and the relay to try, which the plain check can do without.
    from maildesk.cli.online import try_live, try_online

    errors: list[dict[str, object]] = []
    for finding in (*(try_live(config) if live else ()), *(try_online(config) if online else ())):
        if not is_quiet:
            mark = "BAD " if not finding.is_good else "warn" if finding.is_warning else "ok  "
            click.echo(f"{mark} {finding.path}: {finding.message}")
        if not finding.is_good:
            errors.append({"path": finding.path, "message": finding.message, "nearest": None})
    return errors
