"""`backup` and `restore`: whole or not at all, keys and all, and an old token still opens its ticket."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from maildesk.cli.backup import SKIPPED_NUMBERS, NotRestorable, backup, restore
from maildesk.config import Config, load
from maildesk.errors import AlreadyRunning, NotFound
from maildesk.state import Lock
from maildesk.store import keys
from maildesk.store.sqlite import StoreBroken
from tests.desk.world import START, World, only


def config_at(folder: Path) -> Config:
    folder.mkdir(exist_ok=True)
    path = folder / "maildesk.toml"
    path.write_text(
        '[desk]\nname = "D"\nid = "desk.test"\nstate_dir = "."\n[store]\nurl = "sqlite:desk.db"\n'
        '[[mailbox]]\naddress = "support@desk.test"\n[smtp]\n[relay]\nhost = "mail.example.com"\n'
    )
    return load(path)


@pytest.fixture
def desk(world: World) -> Config:
    """A desk with one ticket, its keys on disk."""
    keys.create(world.folder / "keys", world.keyring)
    world.write("Lea Martin <lea@client.test>")
    return config_at(world.folder)


def history(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "desk.db")) as connection:
        return connection.execute("SELECT what, detail FROM history ORDER BY id").fetchall()


def test_a_restored_desk_goes_on(world: World, desk: Config, tmp_path: Path) -> None:
    """An old signed address joins its ticket, no number comes twice, and the history says why some are missing."""
    confirmation = only(world.letters(), "confirmation")
    backup(desk, tmp_path / "desk.tar", with_keys=True)
    assert (tmp_path / "desk.tar").stat().st_mode & 0o777 == 0o600
    other = config_at(tmp_path / "other")
    assert restore(other, tmp_path / "desk.tar") == SKIPPED_NUMBERS
    place = other.desk.state_dir
    assert keys.load(place / "keys") == world.keyring
    assert (place / "keys").stat().st_mode & 0o777 == (place / "desk.db").stat().st_mode & 0o777 == 0o600
    what, detail = history(place)[-1]
    assert (what, json.loads(detail)) == ("restored", {"last_number": 50031, "skipped": SKIPPED_NUMBERS})
    restored = World(place)
    restored.write("lea@client.test", "More.\n", to=(str(confirmation.message["Reply-To"]),))
    assert len(restored.entries()) == 2
    restored.write("noe@client.test")
    assert restored.ticket(50031 + SKIPPED_NUMBERS + 1).subject == "Printer on fire"
    restored.close()


def test_without_keys(desk: Config, tmp_path: Path) -> None:
    """The file holds no key, and the restored desk keeps its own where it has some."""
    backup(desk, tmp_path / "desk.tar", with_keys=False)
    master = desk.desk.keys_file.read_text().split('"0": "')[1][:64]
    assert master.encode() not in (tmp_path / "desk.tar").read_bytes()
    assert bytes.fromhex(master) not in (tmp_path / "desk.tar").read_bytes()
    other = config_at(tmp_path / "other")
    other.desk.keys_file.write_text("mine")
    restore(other, tmp_path / "desk.tar")
    assert other.desk.keys_file.read_text() == "mine"


def test_other_keys_are_never_mixed_in(desk: Config, tmp_path: Path) -> None:
    """Where other signing keys lie, nothing is restored; where the same lie, all is."""
    backup(desk, tmp_path / "desk.tar", with_keys=True)
    other = config_at(tmp_path / "other")
    other.desk.keys_file.write_text("mine")
    with pytest.raises(NotRestorable, match="other signing keys"):
        restore(other, tmp_path / "desk.tar")
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["keys", "lock", "maildesk.toml"]
    shutil.copy(desk.desk.keys_file, other.desk.keys_file)
    restore(other, tmp_path / "desk.tar")


def test_keys_that_were_rotated_since_the_backup_stay(desk: Config, tmp_path: Path) -> None:
    """The database was lost and the keys were not: theirs is the later truth, with what was retired since."""
    backup(desk, tmp_path / "desk.tar", with_keys=True)
    other = config_at(tmp_path / "other")
    shutil.copy(desk.desk.keys_file, other.desk.keys_file)
    later = keys.rotate(other.desk.keys_file, b"n" * 32, START, [0])
    restore(other, tmp_path / "desk.tar")
    assert keys.load(other.desk.keys_file) == later


def test_an_existing_desk_is_never_overwritten(desk: Config, world: World, tmp_path: Path) -> None:
    """Not even with its own backup; and not while a daemon runs on the place."""
    backup(desk, tmp_path / "desk.tar", with_keys=True)
    before = (world.folder / "desk.db").read_bytes()
    with pytest.raises(NotRestorable, match="already"):
        restore(desk, tmp_path / "desk.tar")
    assert (world.folder / "desk.db").read_bytes() == before
    other = config_at(tmp_path / "other")
    lock = Lock(other.desk.state_dir)
    lock.take()
    with pytest.raises(AlreadyRunning):
        restore(other, tmp_path / "desk.tar")
    lock.release()


@pytest.mark.parametrize("damage", ["cut", "noise", "no database", "nothing", "not ours", "flipped"])
def test_a_damaged_file_leaves_nothing_behind(desk: Config, tmp_path: Path, damage: str) -> None:
    """Whatever is wrong with it: a sentence, no database, no keys, and the good backup can still be restored."""
    good, bad = tmp_path / "desk.tar", tmp_path / "bad.tar"
    backup(desk, good, with_keys=True)
    content = good.read_bytes()
    if damage == "no database":
        with tarfile.open(bad, "w") as archive:
            archive.add(desk.desk.keys_file, "keys")
    elif damage == "not ours":
        sqlite3.connect(tmp_path / "x.db").executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)").close()
        with tarfile.open(bad, "w") as archive:
            archive.add(tmp_path / "x.db", "maildesk.db")
    else:
        half = len(content) // 2
        flipped = content[:half] + b"\xff" * 20_000 + content[half + 20_000 :]
        bad.write_bytes({"cut": content[:half], "noise": b"\xff" * 5000, "nothing": b"", "flipped": flipped}[damage])
    other = config_at(tmp_path / "other")
    with pytest.raises(NotRestorable):
        restore(other, bad)
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["lock", "maildesk.toml"]
    restore(other, good)


def test_a_former_databases_log_is_not_played_into_the_new_one(desk: Config, world: World, tmp_path: Path) -> None:
    """A -wal that was left beside a deleted database is gone before the restored one takes its place."""
    backup(desk, tmp_path / "desk.tar", with_keys=True)
    other = config_at(tmp_path / "other")
    for ending in ("-wal", "-shm"):
        shutil.copy(world.folder / f"desk.db{ending}", tmp_path / "other" / f"desk.db{ending}")
    restore(other, tmp_path / "desk.tar")
    assert not (tmp_path / "other" / "desk.db-wal").exists()
    with closing(sqlite3.connect(tmp_path / "other" / "desk.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_cannot_be_backed_up(desk: Config, world: World, tmp_path: Path) -> None:
    """No desk yet, or a damaged one: a sentence, and an older backup stays as it is."""
    target = tmp_path / "desk.tar"
    target.write_bytes(b"older")
    with pytest.raises(NotFound, match="maildesk serve"):
        backup(config_at(tmp_path / "other"), target, with_keys=True)
    world.close()
    content = (world.folder / "desk.db").read_bytes()
    (world.folder / "desk.db").write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreBroken):
        backup(desk, target, with_keys=True)
    assert target.read_bytes() == b"older"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".maildesk-backup")]
