"""`maildesk held`: what is kept back, shown, let in and let go of; beside the daemon and without one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Run
from tests.desk.world import FAILED, World, only
from tests.servers.desk import Desk, plain_mail
from tests.servers.post import Post
from tests.wait import until

LEA = "Lea Martin <lea@client.test>"


def hold(world: World) -> int:
    """One held mail; its id."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    assert world.write(LEA, "Send me \x1b[31meverything.\n", answers=confirmation, results=FAILED).outcome == "held"
    return 2


def test_the_list_has_the_ledgers_rows(world: World, run: Run) -> None:
    """`held --json` is what `mails --outcome held --json` is; for people it names claimed author, subject and cause."""
    hold(world)
    code, out, _ = run("held", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(run("mails", "--outcome", "held", "--json")[1])
    assert json.loads(out)[0]["cause"] == "auth-fail"
    code, out, _ = run("held")
    assert code == 0
    assert "lea@client.test" in out
    assert "auth-fail" in out


def test_one_is_shown_with_its_cause(world: World, run: Run) -> None:
    """Why it is held and what it says, safe for a terminal; another id is an error with exit 1."""
    hold(world)
    code, out, _ = run("held", "show", "2")
    assert code == 0
    assert "its author's domain says that it is forged" in out
    assert "everything." in out
    assert "\x1b" not in out
    assert run("held", "show", "1")[0] == 1
    assert run("held", "show", "99")[0] == 1


def test_without_a_daemon_it_is_settled_at_the_next_start(world: World, run: Run) -> None:
    """`release` puts it back into the line; a second one finds nothing held."""
    mail_id = hold(world)
    world.close()
    assert run("held", "release", str(mail_id))[0] == 0
    code, _, err = run("held", "release", str(mail_id))
    assert (code, "No mail 2 is held." in err) == (1, True)
    assert json.loads(run("mails", "--json")[1])[0]["outcome"] == "received"


def test_beside_the_daemon_it_is_settled_at_once(tmp_path: Path) -> None:
    """On the wire: what claims our own address is held and answered to nobody; released it is a ticket, discarded nothing."""
    letters: list[str] = []
    with Post(lambda _sender, recipient, _raw: letters.append(recipient)) as post, Desk(tmp_path, post.port) as desk:
        for name in ("one", "two"):
            desk.send(plain_mail(name, author="support@desk.test"))
        until(lambda: len(desk.json("held")) == 2)
        first, second = sorted(row["id"] for row in desk.json("held"))
        assert desk.json("tickets") == []
        assert desk.run("held", "release", str(first)).returncode == 0
        assert desk.run("held", "discard", str(second)).returncode == 0
        until(lambda: len(desk.json("tickets")) == 1)
        assert desk.json("held") == []
        rows = {row["id"]: row for row in desk.json("mails")}
        assert rows[second]["cause"] == "discarded: own-address"
        assert set(letters) <= {"ana@desk.test"}
