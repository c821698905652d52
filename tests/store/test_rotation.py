"""A key's life: it signs, it verifies, it is retired; and the file of keys is whole whatever happens to who writes it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maildesk.errors import NotFound
from maildesk.mail.token import Keyring, Purpose, anchor, make_message_id, read_message_id
from maildesk.store import keys
from tests.conftest import ROOT

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
FIRST = Keyring("desk.example", 0, {0: bytes(range(32))}, made_at={0: NOW})


def turned(keyring: Keyring, times: int, begin: int = 1) -> Keyring:
    """The keys after so many rotations, 90 days between them."""
    for count in range(begin, begin + times):
        keyring = keys.rotated(keyring, bytes([count]) * 32, NOW + timedelta(days=90) * count)
    return keyring


def test_a_new_key_signs_and_the_old_ones_verify() -> None:
    """After seven rotations an address of the first key is still its ticket's; after the eighth it was ours, no more."""
    old = FIRST.sign(Purpose.CUSTOMER_REPLY, 17, 3)
    seven = turned(FIRST, 7)
    assert seven.current == 7
    assert seven.verify(seven.sign(Purpose.CUSTOMER_REPLY, 1), Purpose.CUSTOMER_REPLY) is not None
    token = seven.verify(old, Purpose.CUSTOMER_REPLY)
    assert token is not None
    assert (token.ticket_id, token.slot) == (17, 3)
    assert not seven.was_ours(old)
    eight = turned(seven, 1, 8)
    assert eight.current == 0
    assert eight.verify(old, Purpose.CUSTOMER_REPLY) is None
    assert eight.was_ours(old)
    assert len(eight.masters) == keys.KIDS


def test_a_compromised_key_is_retired_at_once() -> None:
    """The current one is followed by a new one; another leaves the current one as it is, and its id empty for its turn."""
    three = turned(FIRST, 3)
    one = keys.rotated(three, b"n" * 32, NOW, [1])
    assert (one.current, sorted(one.masters)) == (3, [0, 2, 3])
    now = keys.rotated(three, b"n" * 32, NOW, [3])
    assert (now.current, sorted(now.masters), now.masters[4]) == (4, [0, 1, 2, 4], b"n" * 32)
    every = keys.rotated(three, b"n" * 32, NOW, three.masters)
    assert (every.current, sorted(every.masters)) == (4, [4])
    assert [key.kid for key in every.retired] == [0, 1, 2, 3]


def test_only_our_own_retired_tokens_were_ours() -> None:
    """A token that somebody made up under a retired key's id was never ours."""
    gone = keys.rotated(FIRST, b"n" * 32, NOW, [0])
    forged = Keyring("desk.example", 0, {0: b"f" * 32}).sign(Purpose.CUSTOMER_REPLY, 17, 3)
    assert not gone.was_ours(forged)
    other_desk = Keyring("other.example", 0, FIRST.masters).sign(Purpose.CUSTOMER_REPLY, 17, 3)
    assert not gone.was_ours(other_desk)


def test_message_ids_of_a_retired_key_say_nothing() -> None:
    """They are as foreign as anyone's."""
    text = make_message_id(FIRST, "n", 17, 3, 5, Purpose.MESSAGE_ID)
    assert read_message_id(turned(FIRST, 7), text) is not None
    assert read_message_id(keys.rotated(FIRST, b"n" * 32, NOW, [0]), text) is None


def test_a_ticket_keeps_its_anchor() -> None:
    """Mail programs keep the thread together by it: rotations, compromises and a year change nothing of it."""
    opened_at = NOW + timedelta(days=95)
    two = turned(FIRST, 1)
    before = anchor(two, 17, opened_at)
    assert before == anchor(two, 17)
    assert anchor(turned(two, 9, 2), 17, opened_at) == before
    assert anchor(keys.rotated(two, b"n" * 32, opened_at, [1]), 17, opened_at) == before
    assert anchor(two, 17, NOW - timedelta(days=1)) == anchor(FIRST, 17)


def test_a_ticket_opened_in_the_second_of_a_rotation_keeps_its_anchor_too() -> None:
    """Before and after, it is one of the older key's."""
    opened_at = NOW.replace(microsecond=1)
    after = keys.rotated(FIRST, b"n" * 32, NOW.replace(microsecond=900))
    assert anchor(after, 17, opened_at) == anchor(FIRST, 17, opened_at)


def test_a_key_that_is_not_there_cannot_be_retired(tmp_path: Path) -> None:
    """An error with the ids that there are, and nothing changes."""
    path = tmp_path / "keys"
    keys.create(path, FIRST)
    before = path.read_bytes()
    with pytest.raises(NotFound, match="no key 5 that counts; those that do are 0"):
        keys.rotate(path, b"n" * 32, NOW, [5])
    assert path.read_bytes() == before


def test_the_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Times and retired keys included; mode 0600, the same owner, and nothing else in the folder."""
    path = tmp_path / "keys"
    keys.create(path, FIRST)
    os.chown(path, 65534, 65534)
    turned_once = keys.rotate(path, b"n" * 32, NOW, [0])
    assert turned_once is not None
    found = keys.load(path)
    assert (found, found.made_at) == (turned_once, turned_once.made_at)
    assert [(key.kid, key.made_at, key.retired_at) for key in found.retired] == [(0, NOW, NOW)]
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, 65534, 65534)
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]


def test_a_file_without_times_counts_from_when_it_was_written(tmp_path: Path) -> None:
    """The keys of an older version: nothing wrote to their file after it was made."""
    path = tmp_path / "keys"
    path.write_text(json.dumps({"desk_id": "desk.example", "current": 0, "masters": {"0": "00" * 32}}))
    path.chmod(0o600)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert keys.load(path).made_at == {0: NOW}
    due = timedelta(days=90)
    assert keys.rotate(path, b"n" * 32, NOW + timedelta(days=89), due_after=due) is None
    found = keys.rotate(path, b"n" * 32, NOW + timedelta(days=90), due_after=due)
    assert found is not None
    assert keys.load(path).made_at[0] == NOW


def test_a_wrong_clock_burns_no_key(tmp_path: Path) -> None:
    """A key that was made in the future is a young one."""
    path = tmp_path / "keys"
    keys.create(path, FIRST)
    assert keys.rotate(path, b"n" * 32, datetime(1970, 1, 1, tzinfo=UTC), due_after=timedelta(days=90)) is None


def test_what_is_remembered_of_retired_keys_has_an_end() -> None:
    """The newest ones stay."""
    many = turned(FIRST, 80)
    assert len(many.retired) == keys.RETIRED_KEYS
    assert many.retired[-1].master == bytes([72]) * 32


ROTATE = (
    "import sys; from datetime import UTC, datetime; from pathlib import Path; from maildesk.store import keys\n"
    "keys.rotate(Path(sys.argv[1]), b'n' * 32, datetime(2026, 11, 22, tzinfo=UTC))"
)
CALLS = "openat,write,fsync,rename,close,unlink"


def traced(folder: Path, *options: str) -> tuple[int, list[str]]:
    """A rotation in a process of its own under strace: its code, and its calls, one a line, with paths for descriptors."""
    log = folder.parent / "strace.log"
    command = ["strace", "-f", "-y", "-o", str(log), *options, sys.executable, "-c", ROTATE, str(folder / "keys")]
    done = subprocess.run(command, capture_output=True, timeout=60, cwd=ROOT, check=False)
    return done.returncode, [line.split(" ", 1)[1].strip() for line in log.read_text().splitlines()]


def moments(folder: Path) -> list[tuple[str, int]]:
    """Every call of a rotation that touches the folder: its name, and which of that name it is in the whole process."""
    code, calls = traced(folder, "-e", f"trace={CALLS}")
    assert code == 0
    counts: Counter[str] = Counter()
    found = []
    for call in calls:
        name = call.split("(")[0]
        counts[name] += 1
        if str(folder) in call:
            found.append((name, counts[name]))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the first key."""
    made = tmp_path / "state"
    made.mkdir()
    keys.create(made / "keys", FIRST)
    return made


def test_the_new_keys_are_on_disk_before_the_old_ones_go(folder: Path) -> None:
    """The draft is synced before it takes the name, and the folder after."""
    code, calls = traced(folder, "-e", "trace=fsync,rename,renameat,renameat2")
    assert code == 0
    calls = [call for call in calls if str(folder) in call]
    assert [call.split("(")[0] for call in calls] == ["fsync", "rename", "fsync"]


def test_kill_9_at_any_moment_leaves_the_old_keys_or_the_new(folder: Path) -> None:
    """Whole, readable, and the next rotation works and clears what was left."""
    seen: set[int] = set()
    for name, when in moments(folder):
        (folder / "keys").unlink()
        keys.create(folder / "keys", FIRST)
        traced(folder, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={when}")
        found = keys.load(folder / "keys")
        assert found.masters[0] == FIRST.masters[0]
        assert found.masters.get(1, b"n" * 32) == b"n" * 32
        seen.add(found.current)
        assert keys.rotate(folder / "keys", b"m" * 32, NOW) is not None
        assert [entry.name for entry in folder.iterdir()] == ["keys"]
    assert seen == {0, 1}


@pytest.mark.parametrize("failing", [("write", "ENOSPC"), ("fsync", "EIO"), ("rename", "ENOSPC")])
def test_a_failing_disk_leaves_the_old_keys(folder: Path, failing: tuple[str, str]) -> None:
    """An error, no draft, and what signed before signs still."""
    name, error = failing
    when = next(count for found, count in moments(folder) if found == name)
    before = (folder / "keys").read_bytes()
    code, calls = traced(folder, "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}")
    assert any(error in call and str(folder) in call for call in calls)
    assert code != 0
    assert (folder / "keys").read_bytes() == before
    assert [entry.name for entry in folder.iterdir()] == ["keys"]
