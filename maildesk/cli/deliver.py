"""`maildesk deliver`: one mail from standard input into the maildrop. It never talks to the daemon or the database.

A mail server starts it once for each mail, so it imports only what is quick to load, and reads from the
configuration only what it needs. Its exit code decides what becomes of the mail: every code but 0, 65, 67 and 75
would bounce it in Postfix, so whatever else goes wrong is 75 (sysexits.h, EX_TEMPFAIL).
"""

from __future__ import annotations

import os
import signal
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

from maildesk.doors import dropbox
from maildesk.errors import BadConfig, BadUsage, MaildeskError, Malformed, TooLarge, UnknownMailbox
from maildesk.mail import address as addresses
from maildesk.mail.model import Envelope

STORED, TRY_AGAIN = 0, 75
USAGE = "usage: maildesk deliver --recipient ADDRESS [--sender ADDRESS] [--config FILE] < MAIL"
EXIT_CODES = (
    "Exit codes: 0 stored, 67 no such mailbox, 65 too large, 75 all else: try again. Works while the desk is down."
)

_OPTIONS = ("--recipient", "--sender", "--config")
_CONFIG_PLACES = ("maildesk.toml", "/etc/maildesk/maildesk.toml")
_CHUNK_BYTES = 262144
_DEFAULT_MAX_MAIL_BYTES = 36700160
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_TOKEN_CHARACTERS = 32
# What pipe(8) puts for the null sender, and what stands in an mbox "From " line.
_NULL_SENDERS = ("", "<>", "mailer-daemon")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drop:
    """What deliver needs from the configuration.

    mailboxes: the key of each address and alias, and whether it has an address with a token in its local part.
    reply_domains: whose every local part is a token.
    """

    path: str
    mailboxes: dict[str, bool]
    reply_domains: frozenset[str]
    max_mail_bytes: int


def main(argv: list[str]) -> int:
    """The exit code; argv is what follows `maildesk`, without the word `deliver`."""
    if argv in (["--help"], ["-h"]):
        print(f"{USAGE}\n\n{EXIT_CODES}")
        return 0
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _stopped)
        _deliver(argv)
    except (UnknownMailbox, TooLarge) as error:
        _say(str(error))
        return error.reply.exit
    except MaildeskError as error:
        _say(str(error))
        return TRY_AGAIN
    except OSError as error:
        _say(f"The mail could not be stored: {error.strerror or error} {error.filename or ''}".rstrip())
        return TRY_AGAIN
    except Exception as error:  # noqa: BLE001 - any other exit code would bounce the mail for a fault of ours
        _say(f"The mail could not be stored: {type(error).__name__}: {error}")
        return TRY_AGAIN
    return STORED


def _deliver(argv: list[str]) -> None:
    options = read_options(argv)
    drop = load(find_config(options.get("--config")))
    recipient = options["--recipient"].strip().removeprefix("<").removesuffix(">")
    if not is_ours(recipient, drop):
        _drain()
        raise UnknownMailbox("No such mailbox here")
    if not os.path.isdir(os.path.join(drop.path, dropbox.NEW)):
        raise BadConfig(f"There is no maildrop that this user can reach at {drop.path}: `maildesk serve` makes it")
    first, from_line = _first_chunk()
    sender = _sender(options.get("--sender"), from_line)
    envelope = Envelope("maildrop", "", sender, (_readable(recipient),), datetime.now(UTC))
    dropbox.put(drop.path, _chunks(first, drop.max_mail_bytes), envelope)


def read_options(argv: list[str]) -> dict[str, str]:
    """Each option with its value, --recipient always. Raises BadUsage.

    The word after an option is its value whatever it looks like: a sender may begin with a hyphen, and what a
    stranger chose must never be read as an option.
    """
    found: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in _OPTIONS:
            raise BadUsage(
                f"{word!r} is not understood; one recipient a call: in Postfix, set the transport's "
                f"_destination_recipient_limit to 1. {USAGE}"
            )
        if not equals:
            try:
                value = next(words)
            except StopIteration:
                raise BadUsage(f"{name} needs a value. {USAGE}") from None
        if name in found:
            raise BadUsage(f"{name} stands twice. {USAGE}")
        found[name] = value
    if not found.get("--recipient"):
        raise BadUsage(f"--recipient is missing. {USAGE}")
    return found


def find_config(named: str | None) -> str:
    """The configuration's place: as named, $MAILDESK_CONFIG, here, or below /etc. Raises BadConfig."""
    named = named or os.environ.get("MAILDESK_CONFIG")
    if named:
        return named
    for place in _CONFIG_PLACES:
        if os.path.exists(place):
            return place
    raise BadConfig("There is no maildesk.toml here or in /etc/maildesk: name it with --config FILE")


def load(config_path: str) -> Drop:
    """What deliver needs from the file. Raises BadConfig with a sentence that says what to do."""
    try:
        with open(config_path, "rb") as file:
            config = tomllib.load(file)
    except OSError as error:
        raise BadConfig(f"The configuration {config_path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadConfig(f"The configuration {config_path} is not TOML: {error}") from error
    if "maildrop" not in config:
        raise BadConfig(f"The desk has no maildrop: add a [maildrop] table to {config_path}")
    no_table: dict[str, object] = {}
    state_dir = _value(_value(config, "desk", no_table), "state_dir", "maildesk-data")
    path = _value(_value(config, "maildrop", no_table), "path", "maildrop")
    limit = _value(_value(config, "limits", no_table), "max_mail_bytes", _DEFAULT_MAX_MAIL_BYTES)
    mailboxes: dict[str, bool] = {}
    reply_domains = set()
    nothing: list[object] = []
    for row in _value(config, "mailbox", nothing):
        form = _value(row, "reply_address", "plus")
        for address in (_value(row, "address", ""), *_value(row, "aliases", nothing)):
            try:
                mailboxes[addresses.key(str(address))] = form in ("plus", "minus")
            except Malformed as error:
                raise BadConfig(f"A [[mailbox]] of {config_path} has an address that is none: {error}") from error
        if form.startswith("domain:"):
            reply_domains.add(addresses.a_label(form.removeprefix("domain:")))
    if not mailboxes:
        raise BadConfig(f"The desk has no mailbox: add a [[mailbox]] table to {config_path}")
    base = os.path.dirname(os.path.abspath(config_path))
    return Drop(os.path.join(base, state_dir, path), mailboxes, frozenset(reply_domains), limit)


def _value(table: object, key: str, default: T) -> T:
    """A value of the default's type, the default where the table has none. Raises BadConfig."""
    found = table.get(key, default) if isinstance(table, dict) else None
    if type(found) is not type(default):
        raise BadConfig(f"The configuration's {key} cannot be {found!r}: `maildesk check` says more")
    return found


def is_ours(address: str, drop: Drop) -> bool:
    """Whether the address is one of the desk's: a base address or alias, with any +tag, or with a token."""
    if address.casefold() == "postmaster":  # RFC 5321, 4.5.1: without a domain it is ours
        return True
    try:
        local, domain = addresses.split(address)
    except Malformed:
        return False
    local, domain = local.casefold(), addresses.a_label(domain)
    if f"{local}@{domain}" in drop.mailboxes:
        return True
    if domain in drop.reply_domains:
        return _looks_like_token(local)
    base, _, tag = local.partition("+")
    if tag and f"{base}@{domain}" in drop.mailboxes:
        return True
    base, _, tag = local.rpartition("-")
    if _looks_like_token(tag) and drop.mailboxes.get(f"{base}@{domain}", False):
        return True
    return local == "postmaster" and any(mailbox.endswith(f"@{domain}") for mailbox in drop.mailboxes)


def _looks_like_token(text: str) -> bool:
    return len(text) == _TOKEN_CHARACTERS and _BASE32.issuperset(text)


def _sender(given: str | None, from_line: bytes) -> str | None:
    """The reverse path, "" for the null sender; None when neither the option nor the "From " line says it."""
    if given is None:
        words = from_line.split()
        given = os.fsdecode(words[1]) if len(words) > 1 else None
        if given is None or ("@" not in given and given.casefold() not in _NULL_SENDERS):
            return None
    given = _readable(given.strip())
    if given.casefold() in _NULL_SENDERS:
        return ""
    return given.removeprefix("<").removesuffix(">")


def _readable(word: str) -> str:
    """A word of the command line as text; what is not UTF-8 in it becomes U+FFFD."""
    return os.fsencode(word).decode("utf-8", "replace")


def _first_chunk() -> tuple[bytes, bytes]:
    """The first bytes of the mail, and the mbox "From " line that stood before them (b"" when none did)."""
    first, from_line = os.read(0, _CHUNK_BYTES), b""
    while b"From ".startswith(first[:5]) and b"\n" not in first and len(first) < _CHUNK_BYTES:
        if not (more := os.read(0, _CHUNK_BYTES)):
            break
        first += more
    if first.startswith(b"From "):
        from_line, _, first = first.partition(b"\n")
        first = first or os.read(0, _CHUNK_BYTES)
    if not first:
        raise BadUsage("There was no mail on standard input")
    return first, from_line


def _chunks(first: bytes, max_mail_bytes: int) -> Iterator[bytes]:
    """The mail piece by piece. Raises TooLarge when it is, after the rest was read."""
    size, chunk = 0, first
    while chunk:
        size += len(chunk)
        if size > max_mail_bytes:
            _drain()
            raise TooLarge(f"The mail is larger than the {max_mail_bytes} bytes that this desk takes")
        yield chunk
        chunk = os.read(0, _CHUNK_BYTES)


def _drain() -> None:
    """Read what is left: some mail servers take a pipe that closes early for a failure of their own."""
    while os.read(0, _CHUNK_BYTES):
        pass


def _stopped(number: int, _frame: object) -> NoReturn:
    raise MaildeskError(f"Stopped by signal {number} before the mail was stored")


def _say(sentence: str) -> None:
    line = " ".join(f"maildesk deliver: {sentence}".split()) + "\n"
    with suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode("utf-8", "replace"))
