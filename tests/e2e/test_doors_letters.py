"""What an automatic letter looks like on the wire (RFC 3834), and what becomes of it when it bounces."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.postfix import Postfix
from tests.servers.sink import Script, Sink
from tests.wait import until

SIGNED = r"support\+[a-z2-7]{32}@desk\.test"


def test_the_headers_of_letters(tmp_path: Path) -> None:
    """A confirmation says that a machine wrote it and in which language, is threaded under the mail, asks for answers at
    a signed address and for bounces at another; every letter has one recipient, in the envelope and in To."""
    with Sink() as sink, Desk(tmp_path, sink.port) as desk:
        mail = plain_mail(
            "Facture", words="Bonjour, je ne retrouve pas la facture du mois de mars.", message_id="<m@x.test>"
        )
        desk.send(mail)
        letters = {letter.recipient: letter for letter in sink.wait_for(2)}
        assert set(letters) == {"lea@client.test", "ana@desk.test"}
        for address, letter in letters.items():
            head = message_from_bytes(letter.raw, policy=policy.default)
            assert re.fullmatch(SIGNED, letter.sender)
            reply_to = str(head["Reply-To"])
            assert re.fullmatch(SIGNED, reply_to.rpartition("<")[2].rstrip(">"))
            assert letter.sender not in reply_to
            assert [a.addr_spec for a in head["To"].addresses] == [address]
            assert head["Cc"] is head["Bcc"] is head["Precedence"] is head["Return-Path"] is None
            assert str(head["Auto-Submitted"]).startswith("auto-")
            for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language"):
                assert len(head.get_all(name, [])) == 1, name
        confirmation = message_from_bytes(letters["lea@client.test"].raw, policy=policy.default)
        assert confirmation["Auto-Submitted"] == "auto-replied"
        assert confirmation["X-Auto-Response-Suppress"] == "All"
        assert confirmation["Content-Language"] == "fr"
        assert confirmation["Subject"] == "Re: [#50031] Facture"
        assert confirmation["In-Reply-To"] == "<m@x.test>"
        assert confirmation["References"].split()[-1] == "<m@x.test>"
        assert confirmation["From"].addresses[0].addr_spec == "support@desk.test"


def test_a_bounce_by_postfix_becomes_an_event(tmp_path: Path) -> None:
    """The relay takes a confirmation, the next server refuses its recipient, and the relay's own report comes back to
    the signed envelope sender: an event with the status, the agents are told, and nobody writes to that address again."""
    lmtp_port = free_port()
    with Sink(script=Script(at_rcpt={"lea@client.test": ["550 5.1.1 No such user"] * 3})) as outside:
        routes = ", ".join(f"{one}=smtp:[127.0.0.1]:{outside.port}" for one in ("client.test", "ana@desk.test"))
        settings = {
            "myhostname": "mx.desk.test",
            "virtual_mailbox_domains": "desk.test",
            "virtual_mailbox_maps": "static:yes",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{lmtp_port}",
            "transport_maps": f"inline:{{{routes}}}",
        }
        tables = f'[lmtp]\nlisten = "127.0.0.1:{lmtp_port}"\n'
        with Postfix(settings) as postfix, Desk(tmp_path, postfix.port, tables=tables) as desk:
            postfix.submit("lea@client.test", ["support@desk.test"], plain_mail("Gone tomorrow"))
            outside.wait_for(2)
            until(lambda: not postfix.queued())
            ticket = desk.json("ticket", "50031")
            event = ticket["entries"][-1]
            assert [e["kind"] for e in ticket["entries"]] == ["customer", "event"]
            assert (event["via"], event["author"]) == ("lmtp", "desk")
            assert "lea@client.test" in event["text"]
            assert "5.1.1" in event["text"]
            assert ticket["state"] == "new"
            newest, oldest = desk.json("mails")
            assert (newest["sender"], newest["outcome"], oldest["outcome"]) == ("", "entry", "ticket")
            assert re.fullmatch(SIGNED, newest["recipients"][0])
            assert desk.stop() == 0
        assert [letter.recipient for letter in outside.mails] == ["ana@desk.test"] * 2
        assert b"5.1.1" in outside.mails[1].raw


def test_a_customer_of_an_umlaut_domain_is_answered_by_any_relay(tmp_path: Path) -> None:
    """Only the domain of the address is beyond ASCII: its ASCII form goes to a relay without SMTPUTF8."""
    with Sink(offers=("SIZE 60000000",)) as sink, Desk(tmp_path, sink.port, agents="") as desk:
        desk.send(plain_mail("Anfrage", author="Jo <jo@büro.test>", proved=False))
        (letter,) = sink.wait_for(1)
        assert letter.recipient == "jo@xn--bro-hoa.test"
        assert letter.raw.isascii()
