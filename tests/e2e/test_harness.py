"""The kill test's harness sees what it is there to see: a desk that says 250 without a commit is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_kill import Journal, check, load
from tests.servers.desk import REPOSITORY, Desk
from tests.servers.sink import Sink
from tests.wait import until

# Python imports sitecustomize at its start: this desk answers every fifth mail without having stored it.
SKIPS_COMMITS = """
import maildesk.inbox
whole, calls = maildesk.inbox.Inbox.accept, []
async def accept(self, raw, envelope):
    calls.append(1)
    return (1,) if len(calls) % 5 == 0 else await whole(self, raw, envelope)
maildesk.inbox.Inbox.accept = accept
"""


def test_a_skipped_commit_is_seen(tmp_path: Path) -> None:
    """Against a desk that skips commits the check of the kill test fails, and says what was lost."""
    (tmp_path / "sitecustomize.py").write_text(SKIPS_COMMITS)
    journal = Journal()
    path = {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", environment=path) as desk:
        with load(desk.smtp_port, journal, "h"):
            until(lambda: len(journal.answered) > 20)
        assert desk.stop() == 0
        with pytest.raises(AssertionError, match=r"@client\.test"):
            check(desk, sink, journal, cuts=0)
