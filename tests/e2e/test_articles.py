"""Articles of a running desk: wrong files stop nothing, and a reload shows what was changed."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.servers.desk import Desk, free_port
from tests.servers.sink import Sink
from tests.wait import until

FRONT = "---\ntitle: {title}\nlanguage: en\nsection: Printers\norder: 2\n---\n"


def test_a_wrong_article_stops_neither_start_nor_reload(tmp_path: Path) -> None:
    """The desk says which file and why, in one line, and shows the others; after a reload it shows the new ones."""
    folder, port = tmp_path / "help", free_port()
    folder.mkdir()
    (folder / "good.md").write_text(FRONT.format(title="How to print") + "Press.")
    (folder / "date.md").write_text(FRONT.format(title="2026-99-99") + "Press.")
    (folder / "deep.md").write_text(FRONT.format(title="[" * 50_000) + "Press.")
    (folder / "plain.md").write_text("Nothing in front.")
    with Sink() as sink:
        web = f'[web]\nlisten = "127.0.0.1:{port}"\narticles = "{folder}"\n'
        with Desk(tmp_path, sink.port, agents="", tables=web) as desk:
            refused = [line for line in desk.log().splitlines() if "article.refused" in line]
            assert sorted(line.rpartition(".md: ")[0].rpartition("/")[2] for line in refused) == ["deep", "plain"]
            shown = httpx.get(f"http://127.0.0.1:{port}/en/articles").text
            assert all(title in shown for title in ("How to print", "2026-99-99"))
            (folder / "new.md").write_text(FRONT.format(title="How to stop") + "Press again.")
            (folder / "good.md").write_text("Broken.")
            desk.hang_up()
            until(lambda: "How to stop" in httpx.get(f"http://127.0.0.1:{port}/en/articles").text)
            assert httpx.get(f"http://127.0.0.1:{port}/en/articles/good").status_code == 404
            checked = desk.run("check")
            assert checked.returncode == 78
            assert (
                sorted(line.partition(":")[0] for line in checked.stderr.decode().splitlines()) == ["web.articles"] * 3
            )
