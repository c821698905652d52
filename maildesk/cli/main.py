"""The commands and where each lives. Imports a command's module only when that command is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from maildesk import __version__
from maildesk.cli.context import Invocation

CONFIG_HELP = "The configuration; else $MAILDESK_CONFIG, ./maildesk.toml or /etc/maildesk/maildesk.toml."

# Each command, the module whose `command` it is, and its line in the overview.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("demo", "maildesk.cli.demo", "A whole desk on this machine for a minute, with a conversation."),
    ("init", "maildesk.cli.init", "Write a configuration to start from."),
    ("check", "maildesk.cli.check", "Say everything that is wrong with the configuration."),
    ("serve", "maildesk.cli.serve", "The desk itself, in the foreground."),
    ("deliver", "maildesk.cli.deliver_help", "One mail from standard input, for mail servers and .forward."),
    ("explain", "maildesk.cli.explain_command", "How the desk understands a mail."),
    ("tickets", "maildesk.cli.tickets", "Tickets, newest first."),
    ("ticket", "maildesk.cli.ticket", "One ticket with its whole thread."),
    ("search", "maildesk.cli.search", "Words in all mail ever received or sent."),
    ("mails", "maildesk.cli.mails", "What became of every mail."),
    ("why", "maildesk.cli.why", "Why a mail became what it became."),
    ("outbox", "maildesk.cli.outbox", "Letters that wait, were deferred or failed."),
    ("preview", "maildesk.cli.preview_command", "A letter as a customer or agent would see it."),
    ("backup", "maildesk.cli.backup", "Copy the whole desk into one file, while it runs."),
    ("restore", "maildesk.cli.restore", "Make a desk from a backup."),
    ("unit", "maildesk.cli.unit", "A hardened systemd unit for this configuration."),
)


class _Commands(click.Group):
    """The table above as a group of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = next((module for name, module, _ in COMMANDS if name == cmd_name), None)
        if place is None:
            return None
        command = import_module(place).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{place}.command is no command")
        # The option works in both places, because the command line is sorted before click sees it; this shows it.
        if not any(parameter.name == "config" for parameter in command.params):
            command.params.append(click.Option(["--config"], metavar="FILE", expose_value=False, help=CONFIG_HELP))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, _, line in COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from maildesk.config_tables import nearest

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


def run(argv: Sequence[str]) -> int:
    """The exit code of a command line; what goes wrong but wrong usage is raised."""
    try:
        code = commands.main(args=list(argv), prog_name="maildesk", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0
