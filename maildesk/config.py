"""The configuration: one TOML file to typed values, all errors at once. Reads files, opens nothing else."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from maildesk.config_check import Parts, check, file_fault
from maildesk.config_tables import (
    Agent,
    Config,
    Desk,
    Form,
    Imap,
    Limits,
    Lmtp,
    Mailbox,
    Maildrop,
    OAuth2,
    Organisation,
    Relay,
    Smtp,
    StoreTable,
    Table,
    Trust,
    Web,
)
from maildesk.config_values import Listen, nearest, parse_listen
from maildesk.errors import BadConfig, Problem

__all__ = [
    "Agent",
    "Config",
    "Desk",
    "Form",
    "Imap",
    "Limits",
    "Listen",
    "Lmtp",
    "Mailbox",
    "Maildrop",
    "OAuth2",
    "Organisation",
    "Relay",
    "Smtp",
    "StoreTable",
    "Trust",
    "Web",
    "find_config",
    "load",
    "notes",
    "parse_listen",
    "read_secret",
    "refuse_unbuilt",
]

PLACES = ("maildesk.toml", "/etc/maildesk/maildesk.toml")
_SINGLE: dict[str, type[Table]] = {
    "desk": Desk,
    "store": StoreTable,
    "smtp": Smtp,
    "lmtp": Lmtp,
    "maildrop": Maildrop,
    "relay": Relay,
    "web": Web,
    "trust": Trust,
    "limits": Limits,
}
# Those of them that are held against the others.
_ALONE = ("desk", "smtp", "lmtp", "maildrop", "relay", "web", "trust")
_LISTS: dict[str, type[Table]] = {
    "mailbox": Mailbox,
    "agent": Agent,
    "imap": Imap,
    "form": Form,
    "organisation": Organisation,
}
# What the checks call each of them.
_PARTS = {
    "mailbox": "mailboxes",
    "agent": "agents",
    "imap": "imap",
    "form": "forms",
    "organisation": "organisations",
}
_MAIL_DOORS = frozenset({"smtp", "lmtp", "maildrop", "imap"})
_TYPES = {
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": 'must be a list in brackets, as in ["a", "b"]',
    "is_instance_of": "must be a file's name",
    "path_type": "must be a file's name",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}
_LONGEST_SHOWN = 60

T = TypeVar("T", bound=Table)


def find_config(given: str | None) -> Path:
    """The configuration's place: as given, $MAILDESK_CONFIG, ./maildesk.toml or /etc/maildesk/maildesk.toml.

    The first that is named is taken, whether it exists or not; raises BadConfig when none is named and none is there.
    """
    named = given or os.environ.get("MAILDESK_CONFIG")
    if named:
        return Path(named).absolute()
    for place in PLACES:
        if Path(place).exists():
            return Path(place).absolute()
    raise BadConfig(
        f"There is no {' or '.join(PLACES)}: name a configuration with --config, or write one with `maildesk init`"
    )


def load(
    path: Path, *, spoken: Callable[[str], Collection[str]] | None = None, looks_at_secrets: bool = True
) -> Config:
    """The configuration in `path`, with absolute paths.

    spoken: the languages for which letters can be written, given [desk] templates (absolute, or ""); None does not ask.
    looks_at_secrets False leaves out the existence and modes of files: for commands that run as another user.
    Raises BadConfig with every problem at once.
    """
    raw = _read(path)
    problems: list[Problem] = []
    # These are there without being written: their defaults hold paths as well.
    raw = {"store": {}, "trust": {}, "limits": {}, **raw}
    singles = {name: _single(model, name, raw[name], problems) for name, model in _SINGLE.items() if name in raw}
    lists = {name: _list(model, name, raw.get(name, []), problems) for name, model in _LISTS.items()}
    known = (*_SINGLE, *_LISTS)
    problems += [Problem(name, "unknown table", nearest(name, known)) for name in raw if name not in known]
    damaged = frozenset(problem.path.partition(".")[0].partition("[")[0] for problem in problems)
    if "desk" not in raw:
        problems.append(Problem("desk", "is missing: add [desk] with a name"))
    if not raw.get("mailbox"):
        problems.append(Problem("mailbox", "is missing: add one [[mailbox]] with an address"))
    if "relay" not in raw:
        problems.append(Problem("relay", "is missing: add [relay] with the host that takes our letters"))
    folder = path.absolute().parent
    desk = singles.get("desk")
    state_dir = folder / (desk if isinstance(desk, Desk) else Desk(name="-")).state_dir
    tables = {name: _resolved(table, folder, state_dir) for name, table in singles.items() if table is not None}
    rows = {name: tuple((at, _resolved(row, folder, state_dir)) for at, row in found) for name, found in lists.items()}
    parts: dict[str, Any] = {name: tables.get(name) for name in _ALONE}
    parts |= {part: rows[name] for name, part in _PARTS.items()}
    doors = _MAIL_DOORS & raw.keys()
    problems += [
        problem
        for problem in check(Parts(**parts, damaged=damaged, doors=doors, spoken=spoken, has_files=looks_at_secrets))
        # What follows from a mistake that is named already, in the key or in the table below it, is no news.
        if not any(found.path == problem.path or found.path.startswith(f"{problem.path}.") for found in problems)
    ]
    if problems:
        raise BadConfig(*problems)
    lists_of_tables = {name: tuple(row for _, row in found) for name, found in rows.items()}
    return Config.model_validate({**tables, **lists_of_tables})


def read_secret(path: Path) -> str:
    """The secret in a file, without its last line break. Raises BadConfig when others can read it, or we cannot."""
    if fault := file_fault(path, is_secret=True):
        raise BadConfig(f"The secret {fault}")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise BadConfig(f'The secret "{path}" cannot be read: {error}') from error
    return text.removesuffix("\n").removesuffix("\r")


def notes(config: Config) -> tuple[str, ...]:
    """One line for each thing that is accepted and not built yet, and for what an agent's act needs."""
    lines: list[str] = []
    if config.web is not None and not config.web.public_url and not config.web.listen.startswith(("127.", "[::1]")):
        lines.append(f"web.public_url is empty: links in letters begin with {config.public_url}, which few can open")
    if config.web is not None and config.web.public_url.startswith("https:") and not config.web.trusted_proxies:
        lines.append(
            "web.trusted_proxies is empty: everybody seems to come from the proxy, and nobody's tries are counted"
        )
    if config.store.url.startswith("postgresql:"):
        lines.append("store.url: PostgreSQL is not built yet, `serve` needs sqlite")
    if config.agent_proof_in_force == "aligned":
        lines.append("trust.agent_proof: aligned is in force, an agent's mail acts when its author is proved")
    else:
        lines.append("trust.agent_proof: token is in force, whoever sees a notice can act as its reader")
    return tuple(lines)


def refuse_unbuilt(config: Config) -> None:
    """Raises BadConfig for what `serve` cannot do without yet."""
    if config.store.url.startswith("postgresql:"):
        raise BadConfig(Problem("store.url", 'PostgreSQL is not built yet, use "sqlite:maildesk.db"'))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise BadConfig(f"There is no {path}: `maildesk init` writes a configuration to start from") from None
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path} is not UTF-8 from byte {error.start} on") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path} is not TOML: {error}") from None


def _single(model: type[T], name: str, raw: object, problems: list[Problem]) -> T | None:
    """The table, as far as it is right; its problems go to `problems`."""
    if isinstance(raw, list):
        problems.append(Problem(name, f"stands once: write [{name}] in single brackets"))
        return None
    if not isinstance(raw, dict):
        problems.append(Problem(name, f"must be a table: write [{name}] on a line of its own"))
        return None
    return _table(model, name, raw, problems)


def _list(model: type[T], name: str, raw: object, problems: list[Problem]) -> tuple[tuple[str, T], ...]:
    """The tables of a list, each with its place "mailbox[0]", as far as they are right."""
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        problems.append(Problem(name, f"can stand more than once: write [[{name}]] in double brackets"))
        return ()
    found = ((f"{name}[{index}]", row) for index, row in enumerate(raw))
    tables = ((at, _table(model, at, row, problems)) for at, row in found)
    return tuple((at, table) for at, table in tables if table is not None)


def _table(model: type[T], at: str, raw: Mapping[str, Any], problems: list[Problem]) -> T | None:
    """The table less what is wrong in it, so that the checks of pairs see the rest; None when that is none."""
    values = _tuples(raw)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        problems += [_problem(model, at, detail) for detail in wrong]
        rest = {key: value for key, value in values.items() if key not in {detail["loc"][0] for detail in wrong}}
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None


def _tuples(value: Any) -> Any:
    """TOML's lists as the tuples that strict models take."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def _problem(model: type[Table], at: str, detail: ErrorDetails) -> Problem:
    """pydantic's finding in our words: the key, the value, and what it could have been."""
    place, kind, context = at, detail["type"], detail.get("ctx", {})
    for step in detail["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}"
    if kind == "extra_forbidden":
        return Problem(
            place, "unknown key", nearest(str(detail["loc"][-1]), _keys(_model_at(model, detail["loc"][:-1])))
        )
    if kind == "missing":
        return Problem(place, "is missing")
    value = detail["input"]
    shown = _shown(value)
    if kind == "maildesk":
        return Problem(place, f"{shown} {context['message']}", context["nearest"])
    if kind == "literal_error":
        field = _model_at(model, detail["loc"][:-1]).model_fields[str(detail["loc"][-1])]
        known = [str(choice) for choice in get_args(field.annotation)]
        message = f"{shown} must be one of {', '.join(json.dumps(choice) for choice in known)}"
        return Problem(place, message, nearest(value, known) if isinstance(value, str) else None)
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return Problem(place, f"{shown} must be {bound}")
    if kind == "too_short":
        return Problem(place, "must not be empty")
    return Problem(place, f"{shown} {_TYPES.get(kind, detail['msg'])}")


def _model_at(model: type[Table], loc: tuple[int | str, ...]) -> type[Table]:
    """The model of the table in which a key stands: [imap.oauth2] is the one table within another."""
    return OAuth2 if "oauth2" in loc else model


def _keys(model: type[Table]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: object) -> str:
    """The value as TOML writes it, more or less, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _resolved(table: T, folder: Path, state_dir: Path) -> T:
    """The table with absolute paths: what the daemon keeps lies in state_dir, all else beside the configuration."""
    match table:
        case Desk():
            changed: dict[str, Any] = {"state_dir": state_dir, "keys_file": state_dir / table.keys_file}
            changed["templates"] = str(folder / table.templates) if table.templates else ""
        case StoreTable():
            kind, _, file = table.url.partition(":")
            changed = {"url": f"sqlite:{state_dir / file}"} if kind == "sqlite" else {}
        case Smtp():
            changed = {"listen": _socket(table.listen, state_dir), "cert_file": _beside(table.cert_file, folder)}
            changed["key_file"] = _secret(table.key_file, folder)
        case Lmtp() | Web():
            changed = {"listen": _socket(table.listen, state_dir)}
            if isinstance(table, Web):
                changed |= {"logo": _beside(table.logo, folder), "articles": _beside(table.articles, folder)}
        case Maildrop():
            changed = {"path": state_dir / table.path}
        case Imap() | Relay():
            changed = {"ca_file": _beside(table.ca_file, folder), "password_file": _secret(table.password_file, folder)}
            if table.oauth2 is not None:
                secret = _secret(table.oauth2.client_secret_file, folder)
                changed["oauth2"] = table.oauth2.model_copy(update={"client_secret_file": secret})
            if isinstance(table, Relay):
                changed["maildir"] = _beside(table.maildir, folder)
            elif not table.username:
                changed["username"] = table.mailbox
        case _:
            changed = {}
    return table.model_copy(update=changed)


def _beside(file: Path | None, folder: Path) -> Path | None:
    return None if file is None else folder / file


def _secret(file: Path | None, folder: Path) -> Path | None:
    """Where a secret lies: beside the configuration, or among systemd's credentials when it cannot be read there."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if file is None or file.is_absolute() or not credentials or os.access(folder / file, os.R_OK):
        return _beside(file, folder)
    passed = Path(credentials) / file.name
    return passed if passed.exists() else folder / file


def _socket(listen: str, state_dir: Path) -> str:
    place = parse_listen(listen)
    return f"unix:{state_dir / place.path}" if place.kind == "unix" else listen
