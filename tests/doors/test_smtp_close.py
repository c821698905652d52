"""The laws of closing the SMTP door: nobody is cut in the middle of a mail, and nobody new comes in."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tests.smtpdesk import SmtpDesk

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"


def closing(desk: SmtpDesk, grace_s: float) -> threading.Thread:
    """A thread in which the door closes, when it has begun to."""
    thread = threading.Thread(target=desk.close, args=(grace_s,))
    thread.start()
    while not desk.door._house.is_closing:
        time.sleep(0.001)
    return thread


def test_idle_clients_hear_421() -> None:
    """Who waits between commands, or has only begun, hears 421 4.3.2; the door is closed at once."""
    with SmtpDesk() as desk, desk.greeted() as greeted, desk.client() as silent, desk.greeted() as begun:
        begun.envelope("lea@client.test", ["support@desk.test"])
        began = time.monotonic()
        desk.close(5)
        assert time.monotonic() - began < 1
        for client in (greeted, silent, begun):
            assert client.reply().startswith("421 4.3.2 ")
            assert client.is_closed()
        with pytest.raises(ConnectionRefusedError):
            desk.client()


def test_a_mail_that_is_coming_in_ends() -> None:
    """DATA in progress is taken to its end, answered with 250, then 421."""
    with SmtpDesk() as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(b"half ")
        thread = closing(desk, 10)
        with pytest.raises(ConnectionRefusedError):
            desk.client()
        client.send(b"whole\r\n.\r\nMAIL FROM:<next@client.test>\r\n")
        assert client.reply() == "250 2.0.0 1"
        assert client.reply().startswith("421 4.3.2 ")
        assert client.is_closed()
        thread.join(5)
        assert [raw for raw, _ in desk.mails] == [b"half whole\r\n"]


def test_a_commit_in_progress_ends() -> None:
    """A mail whose commit is running when the door closes is answered."""
    offered, committed = threading.Event(), threading.Event()

    async def wait(_raw: bytes, _envelope: object) -> None:
        offered.set()
        await asyncio.to_thread(committed.wait)

    with SmtpDesk(on_mail=wait) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(MAIL + b".\r\n")
        assert offered.wait(5)
        thread = closing(desk, 10)
        committed.set()
        assert client.reply() == "250 2.0.0 1"
        assert client.reply().startswith("421 4.3.2 ")
        thread.join(5)


def test_the_grace_ends() -> None:
    """A sender that never finishes is cut after the grace, without an answer, and its mail is not kept."""
    with SmtpDesk() as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(b"half ")
        began = time.monotonic()
        desk.close(0.5)
        assert 0.4 < time.monotonic() - began < 2
        assert client.is_closed()
        assert not desk.mails


def test_closing_twice_is_closing() -> None:
    """A second close finds nothing to do."""
    with SmtpDesk() as desk:
        desk.close(1)
        desk.close(1)
