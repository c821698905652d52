"""README.md says what is: its commands, keys, tables, paths and snippets are those of the code."""

from __future__ import annotations

import ast
import grp
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import get_args

import click
import pytest

from maildesk.cli.main import COMMANDS as CLI_COMMANDS
from maildesk.cli.main import commands as cli
from maildesk.config import load
from maildesk.desk.commands import COMMANDS
from maildesk.desk.model import Flag, Outcome, State
from maildesk.desk.notices import NOTICES
from maildesk.doors.listen import open_socket
from maildesk.render import Renderer, template_folders
from maildesk.samples import sample
from tests.conftest import ROOT
from tests.doors.test_maildrop_postfix import taken
from tests.dropdesk import GROUP, MAIL, MEMBER, DropDesk
from tests.servers.postfix import Postfix
from tests.smtpdesk import SmtpDesk
from tests.test_config import keys, models
from tests.trust_tables import TABLES, filled
from tests.wait import until

README = (ROOT / "README.md").read_text("utf-8")
LANGUAGES = sorted(folder.name for folder in (ROOT / "templates" / "mail").iterdir() if folder.is_dir())
# A package's name where its module has another one.
MODULES = {
    "charset-normalizer": "charset_normalizer",
    "dkimpy": "dkim",
    "dnspython": "dns",
    "email-validator": "email_validator",
    "lingua-language-detector": "lingua",
    "markdown-it-py": "markdown_it",
    "pyspf": "spf",
    "python-multipart": "python_multipart",
    "pyyaml": "yaml",
    "sqlite-utils": "sqlite_utils",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of the README: the section it stands in, its language, its lines."""

    section: str
    language: str
    text: str


def prose() -> str:
    """The README without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str | None = None) -> tuple[Block, ...]:
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        section = re.findall(r"^#+ (.*)$", README[: match.start()], re.MULTILINE)[-1]
        found.append(Block(section, match[1], match[2]))
    return tuple(block for block in found if language is None or block.language == language)


def spans(text: str) -> list[str]:
    """What stands in `backquotes`."""
    return re.findall(r"`([^`\n]+)`", text)


def table(section: str, header: str) -> list[list[str]]:
    """The rows of the table in a section whose first head is `header`; a cell keeps its marks."""
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *(?<!\\)\| *", line)[1:-1] for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)]
    start = next(number for number, row in enumerate(rows) if row[0] == header)
    end = next(
        (n for n, row in enumerate(rows[start + 2 :], start + 2) if n + 1 < len(rows) and _is_rule(rows[n + 1])), None
    )
    return rows[start + 2 : end]


def _is_rule(row: list[str]) -> bool:
    return all(set(cell) == {"-"} for cell in row)


def names(section: str, header: str) -> list[str]:
    """The first column of a table, without its backquotes."""
    return [row[0].strip("`").replace("\\|", "|") for row in table(section, header)]


def test_the_two_commands_stand_there_and_ci_calls_the_second() -> None:
    """A newcomer pastes one line to see it, one to test it; CI runs what the newcomer runs."""
    first, second = (block.text for block in blocks("sh") if block.section == "Try it")
    assert first == "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/maildesk demo\n"
    assert second == "sh tests/run\n"
    assert "tests/run" in (ROOT / ".ci" / "run").read_text()


def test_every_command_is_in_the_table_and_every_named_command_exists() -> None:
    """`maildesk x` is never a command that is not there, with options that it has."""
    known = [name for name, _, _ in CLI_COMMANDS]
    assert names("Commands", "command") == known
    texts = [*spans(prose()), *(line.partition("#")[0] for b in blocks("sh") for line in b.text.splitlines())]
    named = [m for text in texts for m in re.findall(r"(?<![\w/.@-])maildesk ([a-z]+)((?: .*)?)", text)]
    assert len(named) > 20
    for name, rest in named:
        assert name in known, name
        if name == "deliver":
            continue
        command = cli.get_command(cli.make_context("maildesk", ["--help"], resilient_parsing=True), name)
        assert command is not None
        word = next(iter(rest.split()), "")
        if isinstance(command, click.Group) and word and not word.startswith("-"):
            command = command.commands[word]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options | {"--help"}, rest


def test_every_key_named_is_a_key() -> None:
    """`[table] key` and `[table]` are the configuration's."""
    tables = {name: set(keys(model)) for name, model in models().items()}
    lists = {"mailbox", "agent", "imap", "form", "organisation"}
    found = 0
    for span in spans(prose()):
        match = re.fullmatch(r"(\[\[?)([a-z]+)\]\]?(?: ([a-z_0-9]+))?", span)
        if match is None:
            continue
        found += 1
        assert match[2] in tables, span
        assert (match[1] == "[[") == (match[2] in lists), span
        assert match[3] is None or match[3] in tables[match[2]], span
    assert found > 25


def test_every_bare_setting_named_is_a_key() -> None:
    """`key = value` in the text is a key of some table, or of Postfix in Postfix' own section."""
    known = {key for model in models().values() for key in keys(model)}
    foreign = {"maildesk_destination_recipient_limit", "message_size_limit"}
    for span in spans(prose()):
        if match := re.match(r"([a-z_]+) = ", span):
            assert match[1] in known | foreign, span


def test_the_tables_of_words_are_those_of_the_code() -> None:
    """States, outcomes and flags are the Literals; agents' commands and letters are the tables."""
    agents = "What agents do by mail"
    assert names(agents, "state") == list(get_args(State))
    assert names("The promise to senders", "outcome") == list(get_args(Outcome))
    assert names("Who is believed", "flag") == list(get_args(Flag))
    assert names(agents, "command") == [f"#{c.name} {c.argument}".strip() for c in COMMANDS]
    assert names("Letters and languages", "letter") == [notice.name for notice in NOTICES]


@pytest.mark.parametrize("name", TABLES)
def test_the_trust_tables_are_those_of_the_code(name: str) -> None:
    """What becomes of a mail, and why one is held; `python -m tests.trust_tables` writes them."""
    assert filled(README, name, TABLES[name]()) == README
    assert f"<!-- {name} -->" in README


def test_every_path_named_is_there() -> None:
    """Where do I change, the dependencies and every link lead to a file of ours."""
    paths = [span for span in spans(prose()) if re.match(r"(maildesk|templates|tests)/\S*[a-z]$", span)]
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    assert len(paths) > 30
    assert [path for path in (*paths, *links) if not (ROOT / path).exists()] == []
    for name in re.findall(r"`([A-Z]+)` in `(maildesk/\S+)`", README):
        assert re.search(rf"^{name[0]}\b.*= \($", (ROOT / name[1]).read_text(), re.MULTILINE), name


def test_every_link_within_leads_to_a_section() -> None:
    """The contents know the sections."""
    sections = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    found = re.findall(r"\]\(#([^)]+)\)", README)
    assert len(found) > 12
    assert set(found) <= sections


def imported(path: Path) -> set[str]:
    """The first names of all modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_every_dependency_is_in_the_table_with_the_files_that_use_it() -> None:
    """A package that nobody imports is no dependency; one that is imported elsewhere has another row."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [re.split(r"[<>=~! \[]", line)[0] for line in project["dependencies"]]
    rows = table("Dependencies", "package")
    assert sorted(names("Dependencies", "package")) == sorted(wanted)
    users: dict[str, set[str]] = {name: set() for name in wanted}
    for path in (ROOT / "maildesk").rglob("*.py"):
        found = imported(path)
        for name in wanted:
            if MODULES.get(name, name) in found:
                users[name].add(path.relative_to(ROOT).as_posix())
    for row in rows:
        name, used = row[0].strip("`"), users[row[0].strip("`")]
        stated = spans(row[1])
        assert used, name
        assert {next((s for s in stated if path == s or path.startswith(f"{s}/")), path) for path in used} == set(
            stated
        )


def complete(text: str) -> str:
    """A snippet with what it leaves out: a desk, a mailbox, a door, a relay, each where it has none."""
    found = tomllib.loads(text)
    parts = {
        "desk": '[desk]\nname = "Example Support"\n',
        "mailbox": '[[mailbox]]\naddress = "support@example.com"\n',
        "relay": '[relay]\nmaildir = "outgoing"\n',
    }
    if not found.keys() & {"smtp", "lmtp", "maildrop", "imap"}:
        parts["smtp"] = "[smtp]\n"
    return text + "".join(part for name, part in parts.items() if name not in found)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.section)
def test_every_toml_snippet_is_a_configuration(block: Block, write_config: Callable[[str], Path]) -> None:
    """What a reader pastes is accepted; the first one is whole as it stands."""
    own_group = grp.getgrgid(os.getgid()).gr_name
    text = re.sub(r'group = "\w+"', f'group = "{own_group}"', block.text)
    if block.section == "A first desk":
        assert text == complete(text)
    path = write_config(complete(text))
    for name in re.findall(r'_file = "([^"]+)"', text):
        secret = path.parent / name
        secret.write_text("secret")
        secret.chmod(0o600)
    assert load(path).mailbox[0].address == "support@example.com"


def main_cf(section: str, wanted: str) -> dict[str, str]:
    """The lines of the main.cf block in a section that holds `wanted`."""
    [text] = [b.text for b in blocks("") if b.section == section and wanted in b.text and "=" in b.text]
    return {key: value for key, _, value in (line.partition(" = ") for line in text.splitlines())}


def anybody(_address: str, _sender: str | None, _is_relay: bool) -> object:
    """Every recipient is known here: Postfix is under test."""
    return None


def submitted(mx: Postfix, desk: SmtpDesk, address: str) -> tuple[str, ...]:
    """The recipients that the desk is told when Postfix gets a mail for `address`."""
    mx.submit("lea@client.test", [address], MAIL)
    try:
        until(lambda: desk.mails)
    except AssertionError as error:
        raise AssertionError(mx.log()) from error
    return desk.mails[0][1].recipients


@pytest.mark.parametrize("is_whole", [True, False], ids=["domain", "address"])
def test_postfix_delivers_by_lmtp_with_the_lines_given(is_whole: bool) -> None:
    """A whole domain, or one address among local ones; by port, or by a socket in the chroot; tags arrive."""
    section = "Postfix, by LMTP"
    settings = main_cf(section, "virtual_transport" if is_whole else "transport_maps")
    if not is_whole:
        settings["mydestination"] = "example.com"
    address = "support+k7f3@help.example.com" if is_whole else "support+k7f3@example.com"
    [in_chroot] = re.findall(r"`lmtp:unix:(\S+)`", README)
    with SmtpDesk(lmtp=True, relays=("127.0.0.1",), on_recipient=anybody) as desk:
        here = {k: v.replace("127.0.0.1:2424", f"127.0.0.1:{desk.address[1]}") for k, v in settings.items()}
        with Postfix(here) as mx:
            assert submitted(mx, desk, address) == (address,)
    unix = {k: v.replace("inet:127.0.0.1:2424", f"unix:{in_chroot}") for k, v in settings.items()}
    with Postfix(unix) as mx:
        place = mx.queue / in_chroot
        place.parent.mkdir(mode=0o710)
        shutil.chown(place.parent, group="postfix")
        sock = open_socket(f"unix:{place}", state_dir=mx.folder, mode=0o660, group="postfix")
        with SmtpDesk(lmtp=True, relays=("unix",), on_recipient=anybody, sock=sock) as desk:
            assert submitted(mx, desk, address) == (address,)


@pytest.mark.asyncio
async def test_postfix_delivers_by_the_pipe_and_the_forward_given() -> None:
    """The master.cf and main.cf lines, and the .forward line, as they stand; tags arrive by both."""
    section = "Postfix, by a pipe or `.forward`"
    program = "/opt/maildesk/bin/maildesk deliver"
    [service] = [b.text for b in blocks("") if b.section == section and b.text.startswith("maildesk ")]
    [forward] = [b.text for b in blocks("") if b.section == section and b.text.startswith('"|')]
    with DropDesk(GROUP) as desk:
        forwards = desk.folder / "forwards"
        forwards.mkdir()
        (forwards / MEMBER).write_text(forward.replace(program, str(desk.command)))
        service = service.replace(program, str(desk.command)).replace("deskpipe:maildrop", f"{MEMBER}:{GROUP}")
        desk.config.write_text(
            desk.config.read_text()
            .replace("support@desk.test", "support@help.example.com")
            .replace("sales@desk.test", f"{MEMBER}@users.test")
        )
        settings = main_cf(section, "virtual_transport") | {
            "mydestination": "users.test",
            "forward_path": f"{forwards}/$user",
        }
        addresses = {"support+k7f3@help.example.com", f"{MEMBER}+k7f3@users.test"}
        with Postfix(settings, service) as mx:
            for address in sorted(addresses):
                mx.submit("lea@client.test", [address], MAIL)
            found = await taken(desk, 2)
        assert {envelope.recipients[0] for _, envelope in found} == addresses
        assert {envelope.sender for _, envelope in found} == {"lea@client.test"}


def test_the_readme_names_no_machine_of_its_writers() -> None:
    """No path outside of the repository but those an admin makes."""
    assert not [line for line in README.splitlines() if re.search(r"/tmp/|/root/|/home/|\.\./", line)]


# The shape of what grows: a row in a table demands its words in every language.


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_has_a_sentence_in_every_language(language: str) -> None:
    """The help letter says in its own language what each command does."""
    commands = tuple((f"#{c.name} {c.argument}".strip(), f"no sentence for {c.name}") for c in COMMANDS)
    view = replace(sample("help", language), commands=commands)
    text = Renderer(template_folders(None), UTC).render("help", view).text
    assert "no sentence" not in text
    assert all(f"#{c.name}" in text for c in COMMANDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_template_is_left_of_a_notice_that_has_gone(language: str) -> None:
    """Every file of a language is a row of NOTICES, or the words they share."""
    files = {path.stem for path in (ROOT / "templates" / "mail" / language).glob("*.txt")}
    assert files - {"_words", "_history"} <= {notice.name for notice in NOTICES}
