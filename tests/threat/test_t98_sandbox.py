"""T98: the service is shut in: systemd itself scores every unit that `maildesk unit` prints at 1.5 at most; no core is dumped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_unit import CASES, systemd_analyze, unit


@pytest.mark.parametrize("case", CASES)
def test_the_unit_is_exposed_by_1_5_at_most(tmp_path: Path, case: str) -> None:
    """Each kind of configuration keeps the score."""
    path, _ = unit(tmp_path, CASES[case])
    done = systemd_analyze("security", "--offline=true", "--no-pager", "--threshold=15", str(path), cwd=tmp_path)
    score = re.search(r"Overall exposure level for maildesk\.service: ([0-9.]+)", done.stdout)
    assert score is not None, done.stderr
    assert float(score[1]) <= 1.5, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("case", CASES)
def test_what_a_break_in_could_use_is_not_there(tmp_path: Path, case: str) -> None:
    """No core with secrets in it, no new privilege, no writable code, no other user's files, no kernel to change."""
    _, text = unit(tmp_path, CASES[case])
    for line in (
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "MemoryDenyWriteExecute=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectKernelModules=yes",
        "RestrictNamespaces=yes",
        "CapabilityBoundingSet=",
    ):
        assert re.search(rf"^{line}", text, re.MULTILINE), line
