"""What pages leave behind is dropped after a day: links, files of forms that nobody sent, rows of files."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from maildesk.clock import now
from maildesk.jobs import Now, drop_of_pages
from tests.web.house import house


@pytest.mark.asyncio
async def test_a_file_nobody_sent_is_dropped_after_a_day(tmp_path: Path) -> None:
    """It is there for a day, with its row; then both are gone, and so is a file that no row names."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        await browser.submit("/requests/new", files=[("attachments", ("a.txt", b"a" * 10, "text/plain"))])
        folder = tmp_path / "uploads"
        lost = folder / "lost"
        lost.write_bytes(b"x")

        def run(after: timedelta) -> int:
            job = Now(now() + after, home.world.settler, (), lambda _at: None)
            return home.world.store.write(lambda tx: drop_of_pages(tx, job)).result()

        run(timedelta(hours=23))
        assert len(list(folder.iterdir())) == 2
        os.utime(lost, (0, 0))
        assert run(timedelta(hours=25)) == 1
        run(timedelta(hours=25))
        assert [file.name for file in folder.iterdir()] == []
