"""The laws of the LMTP door: as SMTP, with one answer for each recipient (RFC 2033)."""

from __future__ import annotations

import pytest

from maildesk.errors import DiskNearlyFull, Looping, MaildeskError, UnknownMailbox
from tests.servers.client import Client
from tests.smtpdesk import SmtpDesk

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"
TWO = ["support@desk.test", "sales@desk.test"]


def answers(client: Client, raw: bytes, count: int) -> list[str]:
    """The replies to a mail; and there is not one more."""
    first = client.data(raw)
    replies = [first, *client.replies(count - 1)]
    assert client.say("NOOP") == "250 2.0.0 OK"
    return replies


def test_the_greeting() -> None:
    """LHLO it is; HELO and EHLO are 500, for an LMTP server must not be taken for an SMTP server."""
    with SmtpDesk(lmtp=True) as desk, desk.client() as client:
        assert client.greeting == "220 desk.test LMTP maildesk"
        assert client.say("EHLO x").startswith("500 5.")
        assert client.say("HELO x").startswith("500 5.")
        assert client.say("MAIL FROM:<a@b.c>").startswith("503 5.5.1 ")
        offers = client.say("LHLO x").split("\n")
        assert {"250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-SMTPUTF8", "250-SIZE 100000"} <= set(offers)


def test_one_answer_for_each_recipient() -> None:
    """A mail for two is one accept, and two answers."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", TWO)
        assert answers(client, MAIL, 2) == ["250 2.0.0 1 2"] * 2
        assert [(envelope.via, envelope.recipients) for _, envelope in desk.mails] == [("lmtp", tuple(TWO))]


def test_a_recipient_named_twice_is_answered_twice() -> None:
    """Each RCPT that was taken has its answer, and accept hears the address once."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", [TWO[0], TWO[1], TWO[0]])
        assert len(answers(client, MAIL, 3)) == 3
        assert desk.mails[0][1].recipients == tuple(TWO)


def test_a_refused_recipient_has_no_answer() -> None:
    """Who was refused at RCPT is not answered again; the others get the mail."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        replies = client.envelope("lea@client.test", [TWO[0], "nobody@desk.test", TWO[1]])
        assert [reply[:9] for reply in replies[1:]] == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
        assert len(answers(client, MAIL, 2)) == 2
        assert desk.mails[0][1].recipients == tuple(TWO)


def test_one_taken_and_one_later() -> None:
    """A recipient who cannot be told just now is 451 at RCPT; the other's mail goes through."""

    def recipient(address: str, _sender: str | None, _is_relay: bool) -> None:
        if address == TWO[0]:
            raise MaildeskError("not now")

    with SmtpDesk(lmtp=True, on_recipient=recipient) as desk, desk.greeted() as client:
        assert [one[:9] for one in client.envelope("lea@client.test", TWO)] == ["250 2.1.0", "451 4.3.0", "250 2.1.5"]
        assert len(answers(client, MAIL, 1)) == 1


def test_nobody_taken() -> None:
    """DATA without a recipient is one 503 (RFC 2033, 4.2)."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["nobody@desk.test"])
        assert client.say("DATA").startswith("503 5.5.1 ")
        assert client.say("NOOP") == "250 2.0.0 OK"


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (RuntimeError("database is locked"), "451 4.3.0 "),
        (DiskNearlyFull(), "452 4.3.1 "),
        (Looping(), "554 5.4.6 "),
        (UnknownMailbox(), "550 5.1.1 "),
    ],
)
def test_an_error_is_told_for_each(error: Exception, reply: str) -> None:
    """What accept raises is everybody's answer, once for each."""

    def fail(_raw: bytes, _envelope: object) -> None:
        raise error

    with SmtpDesk(lmtp=True, on_mail=fail) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", TWO)
        replies = answers(client, MAIL, 2)
        assert all(one.startswith(reply) for one in replies), replies


def test_too_large_is_told_for_each() -> None:
    """552 5.3.4 twice, and the connection goes on."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", TWO)
        assert [one[:9] for one in answers(client, b"x" * 150_000 + b"\r\n", 2)] == ["552 5.3.4"] * 2


def test_the_last_answers_of_a_door_that_closes() -> None:
    """A mail for two that is coming in while the door closes has both answers before the 421."""
    with SmtpDesk(lmtp=True) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", TWO)
        client.say("DATA")
        client.send(b"half")
        desk.loop.call_soon_threadsafe(setattr, desk.door._house, "is_closing", True)
        client.send(b"\r\n.\r\n")
        assert [one[:9] for one in client.replies(4)] == ["250 2.0.0", "250 2.0.0", "421 4.3.2", ""]
