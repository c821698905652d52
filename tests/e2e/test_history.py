"""History by mail on the wire of a running desk: asked by SMTP, answered through the relay, counted in the database."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest

from tests.servers.desk import Desk, plain_mail
from tests.servers.sink import Sink
from tests.wait import until

NUMBER = re.compile(r"^#(\d+) ", re.MULTILINE)


def question(author: str, to: str, words: str, *, proved: bool = True) -> bytes:
    """A mail to "+my" as a mail program writes it just now."""
    mail = EmailMessage(policy=policy.SMTP)
    domain = author.rpartition("@")[2]
    if proved:
        mail["Authentication-Results"] = f"mx.desk.test; dmarc=pass header.from={domain}"
    mail["From"], mail["To"], mail["Subject"] = author, to, "Question"
    mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain=domain)
    mail.set_content(words)
    return bytes(mail)


def answers(sink: Sink, recipient: str) -> list[EmailMessage]:
    """What the relay has for somebody about their own requests."""
    letters = (
        message_from_bytes(mail.raw, policy=policy.default) for mail in list(sink.mails) if mail.recipient == recipient
    )
    return [letter for letter in letters if "+my@" in str(letter["Reply-To"]) or "-my@" in str(letter["Reply-To"])]


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(("form", "my"), [("plus", "support+my@desk.test"), ("minus", "support-my@desk.test")])
def test_a_question_is_answered(tmp_path: Path, form: str, my: str) -> None:
    """The list has as many requests as the database, a stranger's has none, and whoever is not proved hears nothing."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="", mailbox=f'reply_address = "{form}"') as desk:
        for number in range(3):
            desk.send(plain_mail(f"Matter {number}"))
        desk.send(plain_mail("Foreign", author="max@other.test"), sender="max@other.test")
        sink.wait_for(4)
        desk.send(question("lea@client.test", my, "status", proved=False), my)
        desk.send(question("lea@client.test", my, "status"), my)
        desk.send(question("eve@evil.test", my, "status"), my, sender="eve@evil.test")
        until(lambda: answers(sink, "lea@client.test") and answers(sink, "eve@evil.test"))
        (letter,) = answers(sink, "lea@client.test")
        with closing(sqlite3.connect(desk.state / "maildesk.db")) as db:
            (count,) = db.execute("SELECT count(*) FROM tickets WHERE requester_key = 'lea@client.test'").fetchone()
            (total,) = db.execute("SELECT count(*) FROM tickets").fetchone()
        assert (len(NUMBER.findall(text_of(letter))), total) == (count, 4)
        assert "Foreign" not in str(letter)
        (stranger,) = answers(sink, "eve@evil.test")
        assert NUMBER.findall(text_of(stranger)) == []
        causes = sorted((row["outcome"], row["cause"]) for row in desk.json("mails") if row["outcome"] == "ignored")
        assert causes == [("ignored", "history"), ("ignored", "history"), ("ignored", "history: not proved")]
        # The address that the list names leads into the request.
        address = re.findall(r"^support\S+@desk\.test$", text_of(letter), re.MULTILINE)[-1]
        desk.send(question("lea@client.test", address, "One thing more."), address)
        until(lambda: len(desk.json("ticket", "50031")["entries"]) == 2)
