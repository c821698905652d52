"""T09, T97: signing keys of a running desk. A stolen key ends at once, an old one after its life, and no mail is lost by it."""

from __future__ import annotations

import json
import os
import smtplib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maildesk.mail.token import Keyring, Purpose
from maildesk.store import keys
from tests.e2e.dying import DyingDesk
from tests.servers.desk import Desk, plain_mail
from tests.servers.sink import Received, Sink
from tests.wait import until

NO_RELAYS = 'relays = ["192.0.2.1"]'


def entries(desk: Desk, number: int) -> int:
    found = desk.json("ticket", str(number))
    return 0 if found is None else len(found["entries"])


def opened(desk: Desk, sink: Sink) -> Received:
    """Ticket #50031 and its confirmation."""
    desk.send(plain_mail("Printer on fire", proved=False))
    return next(letter for letter in sink.wait_for(2) if letter.recipient == "lea@client.test")


def address(letter: Received) -> str:
    found = letter.header("Reply-To")
    assert found is not None
    return found


def test_t97_a_compromised_key_ends_within_a_second_of_a_running_desk(tmp_path: Path) -> None:
    """The next mail to what it signed, from any peer, is a new ticket; its Message-IDs prove nothing; letters have a new key."""
    with Sink() as sink, Desk(tmp_path, sink.port, trust=NO_RELAYS) as desk:
        confirmation = opened(desk, sink)
        done = desk.run("keys", "rotate", "--compromised", "0")
        assert done.returncode == 0, done.stderr
        # The command has returned, and the key is dead: there is no second to wait for.
        desk.send(plain_mail("Stolen", proved=False), address(confirmation))
        until(lambda: entries(desk, 50032) == 1)
        why = "; ".join(desk.json("mails", "--limit", "1")[0]["why"])
        assert "retired" in why
        reply = plain_mail("Re: Printer on fire", words="By the id", proved=False).replace(
            b"\r\nDate:", f"\r\nIn-Reply-To: {confirmation.header('Message-ID')}\r\nDate:".encode()
        )
        desk.send(reply)
        until(lambda: entries(desk, 50033) == 1)
        assert entries(desk, 50031) == 1
        newest = next(x for x in reversed(sink.wait_for(6)) if x.recipient == "lea@client.test")
        desk.send(plain_mail("Re: once more", proved=False), address(newest))
        until(lambda: entries(desk, 50033) == 2)
        assert "keys.rotated" in desk.log()


def test_the_new_key_is_in_use_when_the_command_returns(tmp_path: Path) -> None:
    """Nothing to wait for: the very next RCPT knows it, and the old address still leads to its ticket."""
    with Sink() as sink, Desk(tmp_path, sink.port, trust=NO_RELAYS) as desk:
        confirmation = opened(desk, sink)
        assert desk.run("keys", "rotate").returncode == 0
        ring = keys.load(desk.state / "keys")
        assert ring.current == 1
        with smtplib.SMTP("127.0.0.1", desk.smtp_port) as client:
            client.ehlo("client.test")
            client.mail("lea@client.test")
            signed = f"support+{ring.sign(Purpose.CUSTOMER_REPLY, 1, 1)}@desk.test"
            assert client.rcpt(signed)[0] == 250
        desk.send(plain_mail("Re: more", proved=False), address(confirmation))
        until(lambda: entries(desk, 50031) == 2)


def test_t09_an_address_lives_seven_rotations_and_is_then_a_new_ticket(tmp_path: Path) -> None:
    """The eighth ends it without an error; a token that nobody ever signed is refused as before."""
    with Sink() as sink, Desk(tmp_path, sink.port, trust=NO_RELAYS) as desk:
        confirmation = opened(desk, sink)
        for _ in range(7):
            assert desk.run("keys", "rotate").returncode == 0
        desk.send(plain_mail("Re: after seven", proved=False), address(confirmation))
        until(lambda: entries(desk, 50031) == 2)
        assert desk.run("keys", "rotate").returncode == 0
        desk.send(plain_mail("Re: after eight", proved=False), address(confirmation))
        until(lambda: entries(desk, 50032) == 1)
        made_up = Keyring("desk.test", 0, {0: b"f" * 32}).sign(Purpose.CUSTOMER_REPLY, 1, 1)
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
            desk.send(plain_mail("Guessed", proved=False), f"support+{made_up}@desk.test")


class RotatingDesk(DyingDesk):
    """A desk whose daemon can die while it writes keys."""

    _moments = ("maildesk.store.keys:_draft", "maildesk.store.keys:_replace", "maildesk.store.keys:_sync_folder")


@pytest.mark.parametrize("place", RotatingDesk._moments)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_desk_that_dies_while_it_rotates_keeps_every_address(tmp_path: Path, when: str, place: str) -> None:
    """SIGKILL around each step: after the restart the old address leads to its ticket, and the next rotation works."""
    with Sink() as sink, RotatingDesk(tmp_path, sink.port, trust=NO_RELAYS) as desk:
        confirmation = opened(desk, sink)
        desk.dies(f"{when} {place}")
        assert desk.run("keys", "rotate").returncode == 75
        desk.wait_killed()
        desk.start()
        desk.send(plain_mail("Re: more", proved=False), address(confirmation))
        until(lambda: entries(desk, 50031) == 2)
        before = keys.load(desk.state / "keys").current
        assert desk.run("keys", "rotate").returncode == 0
        assert keys.load(desk.state / "keys").current == before + 1
        assert not list(desk.state.glob(".keys.*"))


def test_an_old_key_is_followed_by_the_clock(tmp_path: Path) -> None:
    """At the start, and where the keys are the desk's own; one log line."""
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port)
        desk.state.mkdir(mode=0o700)
        old = datetime.now(UTC) - timedelta(days=91)
        keys.create(desk.state / "keys", Keyring("desk.test", 0, {0: b"k" * 32}, made_at={0: old}))
        with desk:
            until(lambda: keys.load(desk.state / "keys").current == 1)
            until(lambda: "keys.rotated" in desk.log())
            assert desk.log().count("renew-keys") == 0
            desk.send(plain_mail("Printer on fire"))
            letter = sink.wait_for(2)[0]
            token = address(letter).partition("+")[2].partition("@")[0]
            ring = keys.load(desk.state / "keys")
            found = ring.verify(token, Purpose.CUSTOMER_REPLY, Purpose.AGENT_REPLY)
            assert found is not None
            assert found.kid == 1


def test_keys_that_lie_elsewhere_are_not_changed_by_the_clock(tmp_path: Path) -> None:
    """Other hosts may share them; nor are young ones, nor those of a file without times that was written today."""
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, desk='keys_file = "../shared-keys"')
        old = datetime.now(UTC) - timedelta(days=91)
        keys.create(tmp_path / "shared-keys", Keyring("desk.test", 0, {0: b"k" * 32}, made_at={0: old}))
        with desk:
            desk.send(plain_mail("Printer on fire"))
            sink.wait_for(2)
            until(lambda: desk.json("mails")[0]["outcome"] == "ticket")
            assert keys.load(tmp_path / "shared-keys").current == 0
            assert desk.run("keys", "rotate").returncode == 0
            assert keys.load(tmp_path / "shared-keys").current == 1


def test_a_backup_carries_the_keys_of_all_ages(tmp_path: Path) -> None:
    """Restored elsewhere, an old address leads to its ticket and a retired one to a new ticket, times and all."""
    with Sink() as sink, Desk(tmp_path / "a", sink.port, trust=NO_RELAYS) as desk:
        confirmation = opened(desk, sink)
        desk.run("keys", "rotate")
        desk.run("keys", "rotate", "--compromised", "1")
        assert desk.run("backup", str(tmp_path / "desk.tar")).returncode == 0
        before = desk.json("keys")
        other = Desk(tmp_path / "b", sink.port, trust=NO_RELAYS)
        assert other.run("restore", str(tmp_path / "desk.tar")).returncode == 0
        os.utime(other.state / "keys", (0, 0))
        assert json.loads(other.run("keys", "--json").stdout) == before
        with other:
            other.send(plain_mail("Re: more", proved=False), address(confirmation))
            until(lambda: entries(other, 50031) == 2)
