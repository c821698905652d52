"""[trust] reject, hold and allow on the wire of a running desk, byte for byte."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from tests.servers.client import Client
from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.sink import Sink
from tests.wait import until

TRUST = (
    'authserv_ids = ["mx.desk.test"]\nreject = ["evil.test", "spam@mixed.test"]\nhold = ["doubt.test"]\n'
    'allow = ["good@evil.test"]'
)


def rows(desk: Desk) -> list[tuple[str, str | None]]:
    return [(row["outcome"], row["cause"]) for row in desk.json("mails")]


@pytest.mark.parametrize("sender", ["a@evil.test", "A@Mail.Evil.Test", "spam@mixed.test"])
def test_reject_refuses_by_envelope_sender(tmp_path: Path, sender: str) -> None:
    """550 5.7.1 at RCPT, nothing in the ledger, one line in the log; everybody else is served."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", trust=TRUST) as desk:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            desk.send(plain_mail("Buy"), sender=sender)
        assert caught.value.recipients["support@desk.test"] == (550, b"5.7.1 Mail from you is not taken here")
        assert "smtp.refused" in desk.log()
        desk.send(plain_mail("Printer on fire"), sender="ham@mixed.test")
        until(lambda: rows(desk) == [("ticket", None)])


def test_the_null_sender_is_not_refused(tmp_path: Path) -> None:
    """A delivery report has no address; what it says in From is looked at later, and held."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", trust=TRUST) as desk:
        desk.send(plain_mail("Report", author="a@evil.test"), sender="")
        until(lambda: rows(desk) == [("held", "blocked")])


def test_lmtp_refuses_each_recipient(tmp_path: Path) -> None:
    """The same by LMTP, where the mail server bounces it."""
    port = free_port()
    with (
        Sink() as sink,
        Desk(tmp_path, sink.port, agents="", trust=TRUST, tables=f'[lmtp]\nlisten = "127.0.0.1:{port}"\n'),
        Client(("127.0.0.1", port)) as client,
    ):
        client.say("LHLO mx.test")
        client.say("MAIL FROM:<a@evil.test>")
        assert client.say("RCPT TO:<support@desk.test>").startswith("550 5.7.1")


def test_reject_refuses_a_network_and_never_that_of_relays(tmp_path: Path) -> None:
    """Loopback as a stranger's network: refused whoever sends. As the relays': nobody is refused or held for it."""
    for place, relays, is_refused in (("a", "192.0.2.1", True), ("b", "127.0.0.0/8", False)):
        trust = f'relays = ["{relays}"]\nreject = ["127.0.0.0/24"]'
        with Sink() as sink, Desk(tmp_path / place, sink.port, agents="", trust=trust) as desk:
            if is_refused:
                with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
                    desk.send(plain_mail("Printer on fire"), sender="")
            else:
                desk.send(plain_mail("Printer on fire"))
                until(lambda desk=desk: rows(desk) == [("ticket", None)])  # type: ignore[misc]


def test_hold_takes_the_mail_and_tells_nobody(tmp_path: Path) -> None:
    """250, held with its cause, no letter; `why` names the entry."""
    with Sink() as sink, Desk(tmp_path, sink.port, trust=TRUST) as desk:
        desk.send(plain_mail("Doubt", author="x@doubt.test"), sender="x@list.test")
        until(lambda: rows(desk) == [("held", "blocked")])
        row = desk.json("mails")[0]
        assert '[trust] hold names its author ("doubt.test")' in row["why"]
        desk.send(plain_mail("Printer on fire"))
        assert {letter.recipient for letter in sink.wait_for(2)} == {"lea@client.test", "ana@desk.test"}


def test_allow_lets_a_proved_author_in_and_holds_who_only_says_so(tmp_path: Path) -> None:
    """The door stays open for what may be allowed; without proof it is one of the rejected domain's."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", trust=TRUST) as desk:
        desk.send(plain_mail("Proved", author="good@evil.test"), sender="good@evil.test")
        desk.send(plain_mail("Claimed", author="good@evil.test", proved=False), sender="good@evil.test")
        until(lambda: rows(desk) == [("held", "blocked"), ("ticket", None)])
        (letter,) = sink.wait_for(1)
        assert letter.recipient == "good@evil.test"


def test_a_reload_changes_the_lists(tmp_path: Path) -> None:
    """Whoever was refused is heard after the entry has gone."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", trust=TRUST) as desk:
        desk.config.write_text(desk.config.read_text().replace('"evil.test", ', ""))
        desk.hang_up()
        until(lambda: "config.reloaded" in desk.log())
        desk.send(plain_mail("Printer on fire"), sender="a@evil.test")
        until(lambda: rows(desk) == [("ticket", None)])
