"""The file of signing keys: made once, whole, its owner's alone, and for one desk."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maildesk.errors import BadConfig
from maildesk.mail.token import Keyring, Purpose
from maildesk.store import keys
from tests.conftest import ROOT

FRESH = bytes(range(32))
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def test_the_first_start_makes_the_keys_and_later_ones_keep_them(tmp_path: Path) -> None:
    """The desk's id is the first mailbox's domain in ASCII, and stays; the second start's chance is not used."""
    path = tmp_path / "keys"
    first = keys.load_or_create(path, "", "Bücher.example", FRESH, NOW)
    assert first == Keyring("xn--bcher-kva.example", 0, {0: FRESH})
    assert keys.load_or_create(path, "", "other.example", b"x" * 32, NOW) == first
    assert json.loads(path.read_text()) == {
        "desk_id": "xn--bcher-kva.example",
        "current": 0,
        "masters": {"0": FRESH.hex()},
        "made_at": {"0": "2026-11-22T18:00:00.000000Z"},
        "retired": [],
    }


def test_the_keys_are_their_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, and nothing else is left in the folder."""
    before = os.umask(0)
    try:
        keys.load_or_create(tmp_path / "keys", "desk.example", "x", FRESH, NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_another_id_later_is_refused(tmp_path: Path) -> None:
    """A token names one desk: a configured id that the keys were not made for is a configuration error (78)."""
    path = tmp_path / "keys"
    keys.load_or_create(path, "desk.example", "x.example", FRESH, NOW)
    with pytest.raises(BadConfig, match=r"desk\.id: .*desk\.example") as caught:
        keys.load_or_create(path, "other.example", "x.example", FRESH, NOW)
    assert caught.value.reply.exit == 78


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    """They are keys no more."""
    path = tmp_path / "keys"
    keys.load_or_create(path, "", "x.example", FRESH, NOW)
    path.chmod(0o640)
    with pytest.raises(BadConfig, match="read by others"):
        keys.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"desk_id": "x", "current": 1, "masters": {"0": "%s"}}',
        '{"desk_id": "x", "current": 0, "masters": {"0": "00"}}',
        '{"desk_id": "x", "current": 8, "masters": {"8": "%s"}}',
        '{"desk_id": "", "current": 0, "masters": {"0": "%s"}}',
    ],
)
def test_damaged_keys_are_refused(tmp_path: Path, text: str) -> None:
    """Half a file, a missing current key, a short key, a ninth key: never signed with, never overwritten."""
    path = tmp_path / "keys"
    path.write_text(text.replace("%s", FRESH.hex()))
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(BadConfig, match="damaged"):
        keys.load_or_create(path, "", "x.example", FRESH, NOW)
    assert path.read_bytes() == before


def test_a_keyring_of_eight_keys_comes_back(tmp_path: Path) -> None:
    """What `create` writes, `load` reads: old keys still verify."""
    ring = Keyring("desk.example", 7, {kid: bytes([kid]) * 32 for kid in range(8)})
    keys.create(tmp_path / "keys", ring)
    found = keys.load(tmp_path / "keys")
    assert found == ring
    old = Keyring("desk.example", 2, ring.masters).sign(Purpose.CUSTOMER_REPLY, 17, 3)
    token = found.verify(old, Purpose.CUSTOMER_REPLY)
    assert token is not None
    assert token.ticket_id == 17
    with pytest.raises(FileExistsError):
        keys.create(tmp_path / "keys", ring)


def test_processes_that_start_together_have_the_same_keys(tmp_path: Path) -> None:
    """Whoever comes first makes them; the others read them, whole."""
    program = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path; from maildesk.store import keys\n"
        "sys.stdin.readline()\n"
        "print(keys.load_or_create(Path(sys.argv[1]), '', 'x.example', os.urandom(32), datetime.now(UTC)).masters[0].hex())"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "keys")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    said = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
    assert len(said) == 1
