"""A customer's mail that an agent forwards, over the wire: SMTP in, the relay out, and back by the signed address."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

from tests.mail.cases import raw_of
from tests.servers.desk import Desk
from tests.servers.sink import Sink

PROVED = b"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\r\n"


def test_a_forwarded_customer_is_confirmed_and_answers(tmp_path: Path) -> None:
    """The customer gets the fixed confirmation; a reply to its signed address is an entry of the ticket."""
    with Sink() as sink, Desk(tmp_path, sink.port) as desk:
        desk.send(PROVED + raw_of("forward-gmail-en"), sender="ana@desk.test")
        letters = {letter.recipient: letter for letter in sink.wait_for(2)}
        assert set(letters) == {"lea@client.test", "ana@desk.test"}
        confirmation = message_from_bytes(letters["lea@client.test"].raw, policy=policy.default)
        assert confirmation["Subject"] == "[#50031] Example Support"
        reply_to = str(confirmation["Reply-To"])
        reply = (
            f"From: Lea Martin <lea@client.test>\r\nTo: {reply_to}\r\nSubject: Re: {confirmation['Subject']}\r\n"
            f"Message-ID: <r@client.test>\r\nIn-Reply-To: {confirmation['Message-ID']}\r\n\r\nIt works again.\r\n"
        )
        desk.send(reply.encode(), reply_to)
        sink.wait_for(3)
        ticket = desk.json("ticket", "50031")
        assert ticket["requester"] == {"address": "lea@client.test", "name": "Lea Martin"}
        said = [(e["kind"], e["author"], e["text"]) for e in ticket["entries"] if e["kind"] != "event"]
        assert said == [
            ("customer", "lea@client.test", "The lamp no longer turns on.\n\nLea"),
            ("note", "ana@desk.test", "Please take this one."),
            ("customer", "lea@client.test", "It works again."),
        ]
