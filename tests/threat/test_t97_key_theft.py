"""T97: whoever steals the signing keys, from a backup or a disk, signs as the desk until they are retired, and no longer."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.mail.token import Keyring, Purpose, make_message_id
from maildesk.store import keys
from tests.servers.desk import Desk, plain_mail
from tests.servers.sink import Sink
from tests.wait import until

# The weakest settings: no proof is asked for, and the thief is no relay.
WEAK = 'relays = ["192.0.2.1"]\nagent_proof = "token"\nverify = "none"'
THIEF = "Lea Martin <lea@client.test>"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def robbed(desk: Desk) -> Keyring:
    """A ticket that an agent was told of, and the keys in the thief's hands."""
    desk.send(plain_mail("Printer on fire", proved=False))
    until(lambda: len(desk.json("outbox")) == 0 and len(desk.json("tickets")) == 1)
    return keys.load(desk.state / "keys")


def signed(ring: Keyring, purpose: Purpose, slot: int) -> str:
    return f"support+{ring.sign(purpose, 1, slot)}@desk.test"


def test_what_the_thief_signs_is_worth_nothing_once_the_keys_are_retired(tmp_path: Path, sink: Sink) -> None:
    """Before, an address of theirs joins; at once after, none does: as customer, agent or report, by address or Message-ID."""
    with Desk(tmp_path, sink.port, trust=WEAK) as desk:
        stolen = robbed(desk)
        desk.send(plain_mail("As Lea", author=THIEF, proved=False), signed(stolen, Purpose.CUSTOMER_REPLY, 1))
        until(lambda: len(desk.json("ticket", "50031")["entries"]) == 2)
        assert desk.run("keys", "rotate", "--compromised").returncode == 0
        before = desk.json("ticket", "50031")
        sent = len(sink.mails)
        desk.send(plain_mail("As Lea again", author=THIEF, proved=False), signed(stolen, Purpose.CUSTOMER_REPLY, 1))
        agent = plain_mail("Re: Printer", author="Ana Lima <ana@desk.test>", words="#solved\r\n\r\nGone.", proved=False)
        desk.send(agent, signed(stolen, Purpose.AGENT_REPLY, 2), sender="ana@desk.test")
        forged = make_message_id(stolen, "n", 1, 2, 77, Purpose.MESSAGE_ID)
        by_id = plain_mail("Re: Printer on fire", author=THIEF, words="By the id", proved=False)
        desk.send(by_id.replace(b"\r\nDate:", f"\r\nIn-Reply-To: {forged}\r\nDate:".encode()))
        desk.send(
            plain_mail("Report", author=THIEF, words="x", proved=False), signed(stolen, Purpose.BOUNCE, 1), sender=""
        )
        until(lambda: all(row["outcome"] != "received" for row in desk.json("mails")) and len(desk.json("mails")) == 6)
        assert desk.json("ticket", "50031") == before
        assert not [row for row in desk.json("mails", "--limit", "4") if row["outcome"] == "entry"]
        assert not [
            letter for letter in sink.mails[sent:] if b"Gone." in letter.raw and letter.recipient == "lea@client.test"
        ]


def test_the_thiefs_tokens_are_no_error_and_made_up_ones_are(tmp_path: Path, sink: Sink) -> None:
    """Honest people have the same addresses: their mail is taken. What no key of ours ever signed is refused still."""
    with Desk(tmp_path, sink.port, trust=WEAK) as desk:
        stolen = robbed(desk)
        assert desk.run("keys", "rotate", "--compromised", "0").returncode == 0
        made_up = Keyring("desk.test", 0, {0: b"f" * 32})
        with smtplib.SMTP("127.0.0.1", desk.smtp_port) as client:
            client.ehlo("client.test")
            client.mail("lea@client.test")
            assert client.rcpt(signed(stolen, Purpose.CUSTOMER_REPLY, 1))[0] == 250
            assert client.rcpt(signed(made_up, Purpose.CUSTOMER_REPLY, 1))[0] == 550
