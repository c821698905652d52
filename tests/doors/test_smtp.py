"""The laws of the SMTP door: what it takes, and what it answers."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import UTC, datetime

import pytest

from maildesk.errors import DiskNearlyFull, Looping, TooLarge
from tests.smtpdesk import SmtpDesk

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"


def test_a_mail_is_answered_with_its_ledger_id() -> None:
    """250 2.0.0 and the id that accept returned; the envelope holds what the door knows."""
    with SmtpDesk() as desk, desk.greeted() as client:
        before = datetime.now(UTC)
        assert client.mail("lea@client.test", ["support+tag@desk.test"], MAIL) == "250 2.0.0 1"
        raw, envelope = desk.mails[0]
        assert raw == MAIL
        assert (envelope.via, envelope.peer, envelope.sender) == ("smtp", "127.0.0.1", "lea@client.test")
        assert envelope.recipients == ("support+tag@desk.test",)
        assert before <= envelope.received_at <= datetime.now(UTC)
        assert (envelope.proof, envelope.quiet) == (None, False)


def test_250_only_after_accept_has_returned() -> None:
    """While the commit has not returned, the sender hears nothing."""
    committed, offered = threading.Event(), threading.Event()

    async def wait(_raw: bytes, _envelope: object) -> None:
        offered.set()
        await asyncio.to_thread(committed.wait)

    with SmtpDesk(on_mail=wait) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(MAIL + b".\r\n")
        assert offered.wait(5)
        client.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.reply()
        committed.set()
        client.sock.settimeout(5)
        assert client.reply() == "250 2.0.0 1"


def test_several_recipients_are_one_accept() -> None:
    """All recipients of a mail go to accept together, each once, in their order."""
    with SmtpDesk() as desk, desk.greeted() as client:
        ours = ["sales@desk.test", "support@desk.test", "sales@desk.test"]
        assert client.mail("lea@client.test", ours, MAIL) == "250 2.0.0 1 2"
        assert [envelope.recipients for _, envelope in desk.mails] == [("sales@desk.test", "support@desk.test")]


def test_the_null_sender_is_an_empty_string() -> None:
    """`MAIL FROM:<>` is "" for recipient and for accept."""
    with SmtpDesk() as desk, desk.greeted() as client:
        client.mail("", ["support@desk.test"], MAIL)
        assert desk.asked == [("support@desk.test", "", False)]
        assert desk.mails[0][1].sender == ""


def test_a_relay_is_known_to_the_recipient_question() -> None:
    """`recipient` hears whether a relay asks."""
    with SmtpDesk(relays=("127.0.0.1",)) as desk, desk.greeted() as client:
        client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert desk.asked == [("support@desk.test", "lea@client.test", True)]


def test_an_unknown_address_is_refused() -> None:
    """550 5.1.1 at RCPT, nothing relayed; the mail goes on for the others."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.envelope("lea@client.test", ["nobody@desk.test", "support@desk.test"])[1].startswith("550 5.1.1 ")
        assert client.data(MAIL).startswith("250 ")
        assert desk.mails[0][1].recipients == ("support@desk.test",)


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (TooLarge(), "552 5.3.4 "),
        (Looping(), "554 5.4.6 "),
        (DiskNearlyFull(), "452 4.3.1 "),
        (RuntimeError("database is locked"), "451 4.3.0 "),
        (ConnectionResetError("database has gone"), "451 4.3.0 "),
        (asyncio.CancelledError(), "451 4.3.0 "),
        (TimeoutError(), "451 4.3.0 "),
        (MemoryError(), "451 4.3.0 "),
    ],
)
def test_what_accept_raises_is_answered(error: BaseException, reply: str) -> None:
    """An error of the desk says its own reply, any other 451 4.3.0, never its words; the connection goes on."""
    troubles = [error]

    def fail(_raw: bytes, _envelope: object) -> None:
        if troubles:
            raise troubles.pop()

    with SmtpDesk(on_mail=fail) as desk, desk.greeted() as client:
        answer = client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert answer.startswith(reply)
        assert "database" not in answer
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL) == "250 2.0.0 1"


def test_a_bug_at_rcpt_is_451() -> None:
    """An exception while an address is looked up is 451 4.3.0 without its words."""

    def fail(_address: str, _sender: str | None, _is_relay: bool) -> object:
        raise KeyError("secret")

    with SmtpDesk(on_recipient=fail) as desk, desk.greeted() as client:
        reply = client.envelope("lea@client.test", ["support@desk.test"])[1]
        assert reply.startswith("451 4.3.0 ")
        assert "secret" not in reply


def test_a_nearly_full_disk_is_told_at_mail() -> None:
    """452 4.3.1 before a byte of the mail has come."""

    def full() -> None:
        raise DiskNearlyFull

    with SmtpDesk(need_room=full) as desk, desk.greeted() as client:
        assert client.say("MAIL FROM:<lea@client.test>").startswith("452 4.3.1 ")


def test_what_ehlo_offers() -> None:
    """SIZE with our limit, 8BITMIME, PIPELINING, ENHANCEDSTATUSCODES, SMTPUTF8; no AUTH, no STARTTLS without a key."""
    with SmtpDesk() as desk, desk.client() as client:
        lines = client.say("EHLO client.test").split("\n")
        assert lines[0] == "250-desk.test"
        offers = {line[4:] for line in lines[1:]}
        assert offers == {"SIZE 100000", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "SMTPUTF8", "HELP"}


def test_helo_is_enough() -> None:
    """A client of before 1995 may bring mail."""
    with SmtpDesk() as desk, desk.client() as client:
        assert client.say("HELO client.test") == "250 desk.test"
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")
        assert desk.mails


def test_nothing_names_a_version() -> None:
    """Neither greeting nor HELP says what we are made of."""
    with SmtpDesk() as desk, desk.client() as client:
        said = "\n".join([client.greeting, client.say("EHLO x"), client.say("HELP"), client.say("HELP MAIL")])
        assert client.greeting == "220 desk.test ESMTP maildesk"
        assert not re.search(r"aiosmtpd|python|\d\.\d+\.\d+\.|1\.4", said, re.IGNORECASE)


def test_vrfy_and_expn_tell_nothing() -> None:
    """The answer is the same for an address of ours and any other."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say("VRFY support@desk.test") == client.say("VRFY nobody@desk.test")
        assert client.say("VRFY support@desk.test").startswith("252 2.")
        assert client.say("EXPN support@desk.test").startswith("502 5.5.1 ")


def test_auth_is_unknown() -> None:
    """There is nothing to sign in to."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say("AUTH PLAIN AGEAYg==").startswith("500 5.5.")


@pytest.mark.parametrize(
    ("parameters", "reply"),
    [
        ("SIZE=100000", "250 2.1.0"),
        ("BODY=8BITMIME", "250 2.1.0"),
        ("BODY=7BIT SIZE=12 SMTPUTF8", "250 2.1.0"),
        ("size=12 body=8bitmime smtputf8", "250 2.1.0"),
        ("SIZE=100001", "552 5.3.4"),
        ("SIZE=99999999999999999999999", "552 5.3.4"),
        ("SIZE=x", "501 5.5.4"),
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("RET=FULL", "555 5.5.4"),
        ("X-ODD=1", "555 5.5.4"),
        ("AUTH=<>", "555 5.5.4"),
    ],
)
def test_mail_parameters(parameters: str, reply: str) -> None:
    """What was offered is taken, what was not is 555, a SIZE over the limit 552 5.3.4."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say(f"MAIL FROM:<lea@client.test> {parameters}").startswith(reply)


def test_rcpt_parameters_are_unknown() -> None:
    """DSN is not offered, so NOTIFY is 555."""
    with SmtpDesk() as desk, desk.greeted() as client:
        client.say("MAIL FROM:<lea@client.test>")
        assert client.say("RCPT TO:<support@desk.test> NOTIFY=NEVER").startswith("555 5.5.4 ")


def test_addresses_in_utf8() -> None:
    """An address may hold any letter when the client says SMTPUTF8 (RFC 6531)."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say("MAIL FROM:<léa@client.test> SMTPUTF8").startswith("250")
        assert client.say("RCPT TO:<süpport@desk.test>").startswith("250")
        assert client.data("Subject: ä\r\n\r\n".encode()).startswith("250")
        assert desk.mails[0][1].sender == "léa@client.test"
        assert desk.mails[0][1].recipients == ("süpport@desk.test",)


def test_bytes_that_are_no_utf8_are_no_address() -> None:
    """553 5.1.3, and the reply can be sent."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say(b"MAIL FROM:<l\xe9a@client.test>").startswith("553 5.1.3 ")
        assert client.say(b"VRFY \xff\xfe").startswith("252")


@pytest.mark.parametrize(
    "address", ["lea@client.test", "a.b+c=d@x.y", '"a b"@client.test', "!#$%&'*+/=?^_`{|}~-@x.test", "A@B.C"]
)
def test_a_sender_is_passed_on_as_written(address: str) -> None:
    """The envelope holds the address letter for letter."""
    with SmtpDesk() as desk, desk.greeted() as client:
        client.mail(address, ["support@desk.test"], MAIL)
        assert desk.mails[0][1].sender == address


def test_a_long_sender_is_taken() -> None:
    """A command line may have 4096 bytes; a longer one is refused, and the connection lives."""
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.say(f"MAIL FROM:<{'a' * 3900}@client.test>").startswith("250")
        assert client.say("RSET").startswith("250")
        assert client.say(f"MAIL FROM:<{'a' * 5000}@client.test>").startswith("500 5.5.2 ")
        assert client.say(f"MAIL FROM:<{'a' * 500_000}@client.test>").startswith("500 5.5.2 ")
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_every_reply_has_an_enhanced_code() -> None:
    """RFC 2034: all replies of 2xx, 4xx and 5xx but the greeting and those to HELO and EHLO."""
    commands = """NOOP;RSET;HELP;VRFY x;EXPN x;MAIL;MAIL FROM:;MAIL FROM:<a;RCPT TO:<support@desk.test>;DATA;FOO;;
        MAIL FROM:<a@b.c>;MAIL FROM:<a@b.c>;RCPT;RCPT TO:<x@y.z>;RCPT TO:<support@desk.test> X=1;STARTTLS;NOOP x;
        RCPT TO:<support@desk.test>;DATA x;RSET x;HELP QUIT;QUIT x;QUIT"""
    with SmtpDesk(relays=("127.0.0.1",)) as desk:
        client = desk.client()
        assert client.say("MAIL FROM:<a@b.c>").startswith("503 5.5.1 ")
        client.close()
        with desk.greeted() as client:
            for command in commands.replace("\n        ", "").split(";"):
                reply = client.say(command)
                assert re.fullmatch(r"([245])\d\d \1\.\d\.\d [ -~]+", reply), (command, reply)


def test_a_connection_carries_any_number_of_mails() -> None:
    """There is no limit to honest use."""
    with SmtpDesk() as desk, desk.greeted() as client:
        for number in range(1, 151):
            assert client.mail("lea@client.test", ["support@desk.test"], MAIL) == f"250 2.0.0 {number}"


def test_pipelined_mails_are_served_in_order() -> None:
    """Commands and mails sent in one piece are answered each, in their order (RFC 2920)."""
    envelope = b"MAIL FROM:<lea@client.test>\r\nRCPT TO:<support@desk.test>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"
    with SmtpDesk() as desk, desk.greeted() as client:
        client.send(b"".join(envelope + b"%d\r\n.\r\n" % number for number in range(20)) + b"QUIT\r\n")
        for number in range(20):
            assert [one[:3] for one in client.replies(5)] == ["250", "250", "550", "354", "250"], number
        assert client.reply().startswith("221 2.0.0")
        assert client.is_closed()
        assert [raw for raw, _ in desk.mails] == [b"%d\r\n" % number for number in range(20)]
