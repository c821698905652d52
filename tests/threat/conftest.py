"""The daemon that the threat rows share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.threat.wire import MAX_MAIL_BYTES, Wire, wired


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A running desk with one agent, and the relay behind it; one for all rows of this process."""
    folder = tmp_path_factory.mktemp("threat")
    with wired(folder, tables=f"[limits]\nmax_mail_bytes = {MAX_MAIL_BYTES}\n") as found:
        yield found
