"""The commands and where each lives. Imports a command's module only when that command is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Literal
from zoneinfo import ZoneInfo

import click

from maildesk import __version__
from maildesk.cli.context import Invocation
from maildesk.errors import BadConfig

CONFIG_HELP = "The configuration; else $MAILDESK_CONFIG, ./maildesk.toml or /etc/maildesk/maildesk.toml."

# Each command, where it lives, and its line in the overview. `deliver` never comes here: it starts without click.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("demo", "maildesk.cli.demo:command", "A whole desk on this machine for seconds, with a conversation."),
    ("init", "maildesk.cli.init:command", "Write a configuration to start from."),
    ("check", "maildesk.cli.check:command", "Say everything that is wrong with the configuration."),
    ("serve", "maildesk.cli.serve:command", "The desk itself, in the foreground."),
    ("deliver", "maildesk.cli.deliver:command", "One mail from standard input, for mail servers and .forward."),
    ("explain", "maildesk.cli.main:explain", "How the desk understands a mail."),
    ("tickets", "maildesk.cli.reading:tickets", "Tickets, newest first."),
    ("ticket", "maildesk.cli.reading:ticket", "One ticket with its whole thread."),
    ("search", "maildesk.cli.reading:search", "Words in all mail ever received or sent."),
    ("mails", "maildesk.cli.reading:mails", "What became of every mail."),
    ("why", "maildesk.cli.why:command", "Why a mail became what it became."),
    ("held", "maildesk.cli.held:command", "Mail that was kept back; let it in or let it go."),
    ("outbox", "maildesk.cli.reading:outbox_command", "Letters that wait, were deferred or failed."),
    ("stats", "maildesk.cli.stats:command", "Arrivals, backlog and first-reply times."),
    ("preview", "maildesk.cli.main:preview", "A letter as a customer or agent would see it."),
    ("backup", "maildesk.cli.backup:backup_command", "Copy the whole desk into one file, while it runs."),
    ("restore", "maildesk.cli.backup:restore_command", "Make a desk from a backup."),
    ("rebuild", "maildesk.cli.rebuild:command", "Read all mail again, after an upgrade."),
    ("keys", "maildesk.cli.keys:command", "Signing keys: what there are, and a new one."),
    ("unit", "maildesk.cli.unit:command", "A hardened systemd unit for this configuration."),
)


class _Commands(click.Group):
    """The table above as a group of commands."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = next((place for name, place, _ in COMMANDS if name == cmd_name), None)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is no command")
        # The option works in both places, because the command line is sorted before click sees it; this shows it.
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        for found in (command, *inner):
            if not any(parameter.name == "config" for parameter in found.params):
                found.params.append(click.Option(["--config"], metavar="FILE", expose_value=False, help=CONFIG_HELP))
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, _, line in COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from maildesk.config_values import nearest

        if args and not args[0].startswith("-") and args[0] not in (known := self.list_commands(ctx)):
            guess = nearest(args[0], known)
            ctx.fail(f"There is no command {args[0]!r}" + (f", did you mean {guess!r}?" if guess else "."))
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help=CONFIG_HELP)
@click.version_option(__version__, prog_name="maildesk", message="%(prog)s %(version)s")
@click.pass_context
def commands(ctx: click.Context, config: str | None) -> None:
    """An e-mail ticket desk that runs as one small service.

    \b
    maildesk demo                        see it work, without any configuration
    maildesk init desk && cd desk        write a configuration to start from
    maildesk serve                       run it

    Exit codes: 0 done, 1 no, 2 wrong usage, 75 try again, 78 configuration.
    """
    ctx.obj = Invocation(config)


@click.command(epilog="\b\nExamples:\n  maildesk explain mail.eml\n  maildesk explain --json < mail.eml")
@click.argument("files", metavar="[FILE...]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="The same for programs, one line a file.")
def explain(files: tuple[str, ...], as_json: bool) -> int:
    """How the desk understands a mail, without configuration or database.

    No FILE, or -, is standard input. Exit code 0 when every file was answered.
    """
    from maildesk.cli.explain import explain as run_explain

    return run_explain(files, as_json=as_json, out=sys.stdout)


@click.command(
    epilog="\b\nExamples:\n  maildesk preview confirmation --language fr\n  maildesk preview answer --html > a.html"
)
@click.argument("notice")
@click.option("--language", metavar="L", help="Its language; else the desk's first.")
@click.option("--html", "form", flag_value="html", help="Its page, as HTML.")
@click.option("--eml", "form", flag_value="eml", help="The whole mail, as it would be sent.")
@click.pass_obj
def preview(invocation: Invocation, notice: str, language: str | None, form: Literal["html", "eml"] | None) -> int:
    """A letter as a customer or agent would see it, with sample values.

    A word that is no letter lists them all. Without a configuration it shows our own templates.
    """
    from maildesk.cli.preview import preview as render
    from maildesk.render import template_folders

    try:
        config = invocation.load(looks_at_secrets=False)
    except BadConfig:
        if invocation.is_named:
            raise
        click.echo(render(notice, language or "en", template_folders(None), form=form or "text"), nl=False)
        return 0
    letter = render(
        notice,
        language or config.desk.languages[0],
        template_folders(config.desk.templates or None),
        desk_name=config.desk.name,
        mailbox_address=config.mailbox[0].address,
        form=form or "text",
        zone=ZoneInfo(config.desk.timezone),
    )
    click.echo(letter, nl=False)
    return 0


def run(argv: Sequence[str]) -> int:
    """The exit code of a command line; what goes wrong but wrong usage is raised."""
    # click's own `main` ends with 1 when the reader of a pipe has gone; that is no failure of the command.
    try:
        with commands.make_context("maildesk", list(argv)) as context:
            code = commands.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0
