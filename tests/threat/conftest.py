"""What the threat rows share: a running daemon, and the configuration of an IMAP server that lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maildesk.config import Imap
from tests.doors.imap_desk import fake_settings
from tests.threat.wire import MAX_MAIL_BYTES, Wire, wired


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A running desk with one agent, and the relay behind it; one for all rows of this process."""
    folder = tmp_path_factory.mktemp("threat")
    with wired(folder, tables=f"[limits]\nmax_mail_bytes = {MAX_MAIL_BYTES}\n") as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Imap]:
    """Makes configurations for a server of `fake_imap`."""
    return fake_settings(tmp_path)
