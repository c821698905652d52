"""The command line as people and programs meet it: real processes, exit codes, one sentence for each mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maildesk.cli import hoist_config
from maildesk.cli.main import COMMANDS
from tests.conftest import ROOT, SMALLEST


def maildesk(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "maildesk", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
    )


def test_the_configuration_is_named_before_or_after_the_command(tmp_path: Path) -> None:
    """Both places, both spellings, and the environment mean the same."""
    path = tmp_path / "desk.toml"
    path.write_text(SMALLEST)
    told = {
        maildesk("--config", str(path), "check").stdout,
        maildesk("check", "--config", str(path)).stdout,
        maildesk("check", f"--config={path}").stdout,
        maildesk("check", cwd=tmp_path, MAILDESK_CONFIG="desk.toml").stdout,
    }
    assert len(told) == 1
    assert told.pop().startswith(f"{path} is in order.\n")


@pytest.mark.parametrize(
    ("line", "front", "rest"),
    [
        (["check", "--config", "a"], ["--config", "a"], ["check"]),
        (["--config=a", "check", "--config", "b"], ["--config", "b"], ["check"]),
        (["search", "--", "--config", "a"], [], ["search", "--", "--config", "a"]),
        (["check", "--config"], [], ["check", "--config"]),
        ([], [], []),
    ],
)
def test_the_option_is_taken_from_anywhere_before_two_dashes(
    line: list[str], front: list[str], rest: list[str]
) -> None:
    """The last one counts; what stands behind "--" is nobody's option."""
    assert hoist_config(line) == (front, rest)


def test_no_configuration_is_78_with_what_to_do(tmp_path: Path) -> None:
    """One sentence, which names `init`."""
    done = maildesk("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.count("\n") == 1
    assert "maildesk init" in done.stderr


@pytest.mark.parametrize("words", [["chekc"], ["check", "--jsn"], ["check", "extra"], ["unit", "--config"]])
def test_wrong_usage_is_2(words: list[str]) -> None:
    """With a hint, without a traceback."""
    done = maildesk(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_command_that_does_not_exist_is_answered_with_the_nearest() -> None:
    """A slip of the pen costs one look."""
    assert "did you mean 'check'" in maildesk("chekc").stderr


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS if name != "deliver"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    """`COMMAND --help` shows a line to copy, and that --config can follow."""
    done = maildesk(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"  maildesk {name}" in done.stdout
    assert "--config FILE" in done.stdout


def test_an_error_of_ours_is_one_sentence_and_75(tmp_path: Path) -> None:
    """A fault inside names its class and no trace; whoever asks for the trace gets it."""
    program = (
        "import sys, maildesk.cli, maildesk.cli.main as m\n"
        "def broken(argv): raise KeyError('lea@client.test')\n"
        "m.run = broken\n"
        "sys.exit(maildesk.cli.run(['check']))\n"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 75
    assert done.stderr.count("\n") == 1
    assert "KeyError" in done.stderr
    assert "lea@" not in done.stderr
    shown = subprocess.run(
        run,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "MAILDESK_DEBUG": "1"},
    )
    assert "Traceback" in shown.stderr


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    """`maildesk --help | true` is quiet."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "maildesk", "--help"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_deliver_starts_without_what_it_does_not_need() -> None:
    """Neither click nor pydantic nor asyncio is loaded for it: a mail server waits for this process."""
    program = (
        "import sys, maildesk.cli\n"
        "code = maildesk.cli.run(['deliver', '--help'])\n"
        "print(code, sorted({'click', 'pydantic', 'asyncio', 'jinja2', 'logging'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "0 []"
