"""What `pip install .` leaves is a whole desk, on each Python we promise that this machine has.

Every Python gets a folder `.venv-X.Y` of its own in the checkout, which is kept while pyproject.toml stays the same.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SMALLEST

LETTER = (
    b"From: Lea Martin <lea@client.test>\r\nTo: support@desk.test\r\nSubject: Bonjour\r\n\r\nLe site est en panne.\r\n"
)


def pythons() -> list[str]:
    """Python 3.11, and 3.13 where this machine has one: on the path, or among pyenv's."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for place in (shutil.which("python3.13"), *map(str, sorted(root.glob("versions/3.13*/bin/python3.13")))):
        # pyenv's shim is there for a version that is not chosen, too: it has to run.
        works = (
            place and subprocess.run([place, "-c", ""], capture_output=True, check=False, timeout=60).returncode == 0
        )
        if place and works:
            found.setdefault("3.13", place)
    return list(found.values())


@pytest.fixture(scope="module", params=pythons(), ids=lambda place: place.rpartition("/")[2])
def installed(request: pytest.FixtureRequest) -> Path:
    """The bin folder of an environment in which this checkout was installed as a wheel."""
    python: str = request.param
    ask = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    folder = ROOT / f".venv-{version}"
    kept = folder / "installed-by.toml"
    is_same = kept.exists() and filecmp.cmp(kept, ROOT / "pyproject.toml", shallow=False)
    if not is_same:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True, timeout=120, capture_output=True)
    how = ["--force-reinstall", "--no-deps"] if is_same else []
    pip = [
        str(folder / "bin/python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        *how,
        str(ROOT),
    ]
    done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    shutil.copyfile(ROOT / "pyproject.toml", kept)
    return folder / "bin"


def test_an_installed_desk_explains_checks_and_shows_its_letters(installed: Path, tmp_path: Path) -> None:
    """Templates and the example come with the wheel; a mail is understood; all five languages can be written."""
    program = str(installed / "maildesk")
    path = tmp_path / "maildesk.toml"
    path.write_text(SMALLEST.replace("[[mailbox]]", 'languages = ["en", "fr", "de", "es", "it"]\n[[mailbox]]'))

    def run(*words: str, told: bytes = b"") -> str:
        done = subprocess.run([program, *words], input=told, capture_output=True, check=False, timeout=60, cwd=tmp_path)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    assert "in order" in run("check")
    assert "panne" in run("explain", "--json", told=LETTER)
    assert run("preview", "confirmation", "--language", "it")
    assert str(installed) in run("unit")
