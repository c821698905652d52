"""`maildesk keys`: what is listed, what a rotation says, and that no key is ever shown."""

from __future__ import annotations

import json
import re

import pytest

from maildesk.mail.token import Purpose
from maildesk.state import Lock
from maildesk.store import keys
from tests.conftest import Run
from tests.desk.world import World


@pytest.fixture
def keyed(world: World) -> World:
    """A desk whose keys are on disk."""
    keys.create(world.folder / "keys", world.keyring)
    return world


def test_a_rotation_without_a_daemon(keyed: World, run: Run) -> None:
    """A new key signs, the old one verifies, and both are listed."""
    old = keyed.keyring.sign(Purpose.CUSTOMER_REPLY, 1, 1)
    code, out, err = run("keys", "rotate")
    assert (code, out, err) == (0, "Key 1 signs from now on; older keys that still count: 0.\n", "")
    found = keys.load(keyed.folder / "keys")
    assert found.verify(old, Purpose.CUSTOMER_REPLY) is not None
    rows = json.loads(run("keys", "list", "--json")[1])
    assert [(row["kid"], row["does"], row["retired_at"]) for row in rows] == [(0, "verifies", None), (1, "signs", None)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["made_at"]) for row in rows)
    assert json.loads(run("keys", "--json")[1]) == rows


def test_compromised_keys_are_retired(keyed: World, run: Run) -> None:
    """One by its id, an older one without another key; all of them without an id."""
    run("keys", "rotate")
    assert run("keys", "rotate", "--compromised", "0")[1] == (
        "Key 1 signs as before; retired: 0; older keys that still count: none.\n"
    )
    assert run("keys", "rotate", "--compromised")[1] == (
        "Key 2 signs from now on; retired: 1; older keys that still count: none.\n"
    )
    rows = json.loads(run("keys", "--json")[1])
    assert [(row["kid"], row["does"]) for row in rows] == [(0, "retired"), (1, "retired"), (2, "signs")]


def test_no_key_is_shown(keyed: World, run: Run) -> None:
    """Neither by the list nor by a rotation, as text or JSON."""
    said = "".join(run(*words)[1] for words in (["keys", "rotate"], ["keys"], ["keys", "--json"], ["keys", "list"]))
    found = keys.load(keyed.folder / "keys")
    assert said.count("verifies") == 3
    assert not any(master.hex()[:16] in said for master in found.masters.values())


@pytest.mark.parametrize(("words", "code", "said"), [("7", 1, "There is no key 7"), ("seven", 2, "no key's id")])
def test_a_key_that_is_not_there(keyed: World, run: Run, words: str, code: int, said: str) -> None:
    """A sentence, and nothing has changed."""
    before = (keyed.folder / "keys").read_bytes()
    found, _, err = run("keys", "rotate", "--compromised", words)
    assert found == code
    assert said in err
    assert (keyed.folder / "keys").read_bytes() == before


def test_without_keys_there_is_nothing_to_rotate(world: World, run: Run) -> None:
    """Exit 1; the first start of the daemon makes them, not this."""
    code, _, err = run("keys", "rotate")
    assert code == 1
    assert "serve" in err
    assert not (world.folder / "keys").exists()


def test_a_lock_that_somebody_holds_is_75(keyed: World, run: Run) -> None:
    """A daemon that starts or stops just now does not answer, and has the keys in its memory."""
    lock = Lock(keyed.folder)
    lock.take()
    before = (keyed.folder / "keys").read_bytes()
    code, _, err = run("keys", "rotate")
    lock.release()
    assert code == 75
    assert "Another maildesk" in err
    assert (keyed.folder / "keys").read_bytes() == before
