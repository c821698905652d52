"""CHANGELOG.md speaks of the version at hand, and of things that exist."""

from __future__ import annotations

import re
import tomllib

from maildesk import __version__
from maildesk.cli.main import COMMANDS
from tests.conftest import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_newest_entry_is_this_version() -> None:
    """Whoever installs it finds what changed; package, program and changelog say the same number."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.findall(r"^## (\S+)$", CHANGELOG, re.MULTILINE)[0]
    assert newest == project["version"] == __version__


def test_every_command_named_exists() -> None:
    """`maildesk x` is a command of ours."""
    named = re.findall(r"`maildesk ([a-z]+)", CHANGELOG)
    assert named
    assert set(named) <= {name for name, _, _ in COMMANDS}
