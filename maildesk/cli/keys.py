"""`keys`: which signing keys there are, and a new one. Shows times and ids, never a key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from maildesk import clock
from maildesk.cli.context import Invocation, print_json
from maildesk.config import Config
from maildesk.control import NotRunning, ask
from maildesk.errors import NotFound
from maildesk.mail.token import Keyring
from maildesk.state import Lock
from maildesk.store.keys import MASTER_BYTES, load, rotate

ALL = "all"


@click.group(
    "keys",
    invoke_without_command=True,
    epilog="\b\nExamples:\n  maildesk keys\n  maildesk keys rotate\n  maildesk keys rotate --compromised 3",
)
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int | None:
    """The keys that sign reply addresses and Message-IDs; without a word of its own, `list`."""
    if context.invoked_subcommand is None:
        return _list(context.obj, as_json=as_json)
    return None


@command.command("list", epilog="\b\nExamples:\n  maildesk keys list --json")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def list_keys(invocation: Invocation, as_json: bool) -> int:
    """Each key's id, when it was made, and whether it signs, verifies or is retired."""
    return _list(invocation, as_json=as_json)


def _list(invocation: Invocation, *, as_json: bool) -> int:
    rows = as_rows(_there(invocation.load(looks_at_secrets=False)))
    if as_json:
        print_json(rows)
        return 0
    click.echo(f"{'KEY':<5}{'MADE':<22}{'DOES':<10}RETIRED")
    for row in rows:
        click.echo(
            f"{row['kid']:<5}{row['made_at'] or 'unknown':<22}{row['does']:<10}{row['retired_at'] or ''}".rstrip()
        )
    return 0


@command.command(
    "rotate",
    epilog="\b\nExamples:\n  maildesk keys rotate\n  maildesk keys rotate --compromised 3\n  maildesk keys rotate --compromised",
)
@click.option(
    "--compromised",
    metavar="[KEY]",
    is_flag=False,
    flag_value=ALL,
    help="Retire this key at once; without KEY all of them.",
)
@click.pass_obj
def rotate_command(invocation: Invocation, compromised: str | None) -> int:
    """A new signing key; the older ones keep verifying, the eighth before it no more.

    A reply to an address of a retired key is taken as a new mail to the mailbox. A running desk uses the new key at once.
    """
    config = invocation.load(looks_at_secrets=False)
    before = _there(config)
    kids = _kids(compromised, before)
    try:
        ask(config.desk.state_dir / "control.sock", "rotate-keys", compromised=kids)
        after = load(config.desk.keys_file)
    except NotRunning:
        after = _rotated(config, kids)
    click.echo(_summary(before, after))
    return 0


def as_rows(keyring: Keyring) -> list[dict[str, Any]]:
    """The keys for programs, in the order in which they were made."""
    counting = sorted(keyring.masters, key=lambda kid: (kid - keyring.current - 1) % 8)
    return [
        *(
            {"kid": key.kid, "made_at": _time(key.made_at), "does": "retired", "retired_at": _time(key.retired_at)}
            for key in keyring.retired
        ),
        *(
            {
                "kid": kid,
                "made_at": _time(keyring.made_at.get(kid)),
                "does": "signs" if kid == keyring.current else "verifies",
                "retired_at": None,
            }
            for kid in counting
        ),
    ]


def _there(config: Config) -> Keyring:
    if not config.desk.keys_file.exists():
        raise NotFound(f"There are no keys {config.desk.keys_file} yet; `maildesk serve` makes them.")
    return load(config.desk.keys_file, config.desk.id)


def _kids(compromised: str | None, keyring: Keyring) -> list[int]:
    if compromised is None:
        return []
    if compromised == ALL:
        return sorted(keyring.masters)
    if not (compromised.isascii() and compromised.isdigit()):
        raise click.BadParameter(
            f"{compromised!r} is no key's id, `maildesk keys` lists them", param_hint="--compromised"
        )
    return [int(compromised)]


def _rotated(config: Config, compromised: list[int]) -> Keyring:
    """Without a daemon. Raises AlreadyRunning when one holds the lock and does not answer."""
    lock = Lock(config.desk.state_dir)
    lock.take()
    try:
        found = rotate(config.desk.keys_file, clock.fresh_bytes(MASTER_BYTES), clock.now(), compromised)
    finally:
        lock.release()
    if found is None:
        raise LookupError("a rotation that was asked for is always due")
    return found


def _summary(before: Keyring, after: Keyring) -> str:
    signs = f"Key {after.current} signs" + (" from now on" if after.current != before.current else " as before")
    known = set(before.retired)
    retired = [str(key.kid) for key in after.retired if key not in known]
    others = [str(kid) for kid in sorted(after.masters) if kid != after.current]
    parts = [
        signs,
        *([f"retired: {', '.join(retired)}"] if retired else []),
        f"older keys that still count: {', '.join(others) or 'none'}",
    ]
    return "; ".join(parts) + "."


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
