"""What all tests share: no configuration of the machine's own, and a desk's smallest configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.desk.world import World

# A busy machine is slow at times, which says nothing about the law under test.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")

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
