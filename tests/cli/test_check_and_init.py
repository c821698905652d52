"""`check` and `init`: everything that is wrong at once, and a start that is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_command_line import maildesk
from tests.conftest import SMALLEST


def test_check_tells_all_mistakes_a_line_each(tmp_path: Path) -> None:
    """On standard error, beginning with the key; 78."""
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST.replace("[smtp]", '[smtp]\nlisen = "127.0.0.1:25"\ntls = "startls"'))
    done = maildesk("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        'smtp.tls: "startls" must be one of "none", "starttls", "implicit", did you mean "starttls"?',
        'smtp.lisen: unknown key, did you mean "listen"?',
    ]


def test_check_json_has_path_message_and_nearest(tmp_path: Path) -> None:
    """Programs get the same on standard output."""
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST.replace("[smtp]", '[smtp]\nlisen = "127.0.0.1:25"'))
    done = maildesk("check", "--json", "--config", str(path))
    assert (done.returncode, done.stderr) == (78, "")
    assert json.loads(done.stdout) == {
        "ok": False,
        "errors": [{"path": "smtp.lisen", "message": "unknown key", "nearest": "listen"}],
    }
    path.write_text(SMALLEST)
    fine = maildesk("check", "--json", "--config", str(path))
    assert (fine.returncode, json.loads(fine.stdout)) == (0, {"ok": True, "errors": []})


def test_check_knows_which_languages_have_templates(tmp_path: Path) -> None:
    """A language without letters is refused before anybody writes in it."""
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST.replace("[[mailbox]]", 'languages = ["en", "fr", "de", "es", "it", "nl"]\n[[mailbox]]'))
    done = maildesk("check", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stderr.startswith('desk.languages[5]: "nl" has no templates')
    assert done.stderr.count("\n") == 1


def test_check_says_what_is_not_built_and_which_proof_is_in_force(tmp_path: Path) -> None:
    """A line each, after the good news."""
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST + "[web]\n")
    lines = maildesk("check", cwd=tmp_path).stdout.splitlines()
    assert lines[0] == f"{path} is in order."
    assert lines[1].startswith("trust.agent_proof: aligned is in force")


def test_check_refuses_a_store_that_is_not_built(tmp_path: Path) -> None:
    """What `serve` would refuse, `check` refuses."""
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST + '[store]\nurl = "postgresql://db/desk"\n')
    done = maildesk("check", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stderr.startswith("store.url: ")


@pytest.mark.parametrize("folder", [None, "new/desk"])
def test_init_writes_what_check_accepts(tmp_path: Path, folder: str | None) -> None:
    """Here or in a folder that is made; as it is."""
    done = maildesk("init", *([folder] if folder else []), cwd=tmp_path)
    assert done.returncode == 0
    path = tmp_path / (folder or ".") / "maildesk.toml"
    checked = maildesk("check", "--config", str(path))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_init_changes_no_file(tmp_path: Path) -> None:
    """What is there stays, and somebody is told."""
    path = tmp_path / "maildesk.toml"
    path.write_text("mine")
    done = maildesk("init", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert path.read_text() == "mine"


def test_preview_works_with_and_without_a_configuration(tmp_path: Path) -> None:
    """Ours in English, or the desk's in its language; a letter there is not lists those there are."""
    bare = maildesk("preview", "confirmation", cwd=tmp_path)
    assert bare.returncode == 0
    assert "Example Support" in bare.stdout
    (tmp_path / "maildesk.toml").write_text(
        SMALLEST.replace('name = "Example Support"', 'name = "Aide"\nlanguages = ["fr"]')
    )
    own = maildesk("preview", "confirmation", cwd=tmp_path)
    assert "Aide" in own.stdout
    assert own.stdout != bare.stdout
    assert maildesk("preview", "confirmation", "--html", cwd=tmp_path).stdout.lstrip().startswith("<!")
    none = maildesk("preview", "confirmaton", cwd=tmp_path)
    assert none.returncode == 2
    assert "confirmation-unproved" in none.stderr
