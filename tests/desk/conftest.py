"""A fresh desk for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A desk with two agents that believes mx.desk.test."""
    found = World(tmp_path)
    yield found
    found.close()
