"""What all tests share: no configuration of the machine's own, and a desk's smallest configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from maildesk import cli
from tests.desk.world import World

# A busy machine is slow at times, which says nothing about the law under test.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parent.parent
SMALLEST = """\
[desk]
name = "Example Support"
[[mailbox]]
address = "support@example.com"
[smtp]
[relay]
host = "mail.example.com"
"""


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees no configuration, credential or supervisor of the machine's."""
    for name in ("MAILDESK_CONFIG", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration and tells where; nobody but the owner reads it."""

    def write(text: str) -> Path:
        path = tmp_path / "maildesk.toml"
        path.write_text(text, "utf-8")
        os.chmod(path, 0o600)
        return path

    return write


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fresh desk with two agents that believes mx.desk.test."""
    found = World(tmp_path)
    yield found
    found.close()


@pytest.fixture
def run(world: World, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the desk of `world`: exit code, standard output and standard error."""
    config = world.folder / "maildesk.toml"
    config.write_text(
        '[desk]\nname = "D"\nstate_dir = "."\n[store]\nurl = "sqlite:desk.db"\n[[mailbox]]\naddress = "support@desk.test"\n'
        '[smtp]\n[relay]\nhost = "mail.example.com"\n'
    )

    def found(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.run(["--config", str(config), *words])
        out, err = capfd.readouterr()
        return code, out, err

    return found
