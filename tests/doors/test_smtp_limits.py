"""The laws of the SMTP door about strangers: how many, how wrong, how slow. Relays are spared all of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

from maildesk.doors import brakes, session
from maildesk.doors.brakes import Brakes
from maildesk.doors.wire import neighbourhood, peer_name
from tests.servers.client import Client
from tests.smtpdesk import SmtpDesk
from tests.wait import until

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"
RELAY = "127.0.0.1"


def test_ten_errors_end_the_connection() -> None:
    """The tenth error is answered, with 421 4.7.0 behind it."""
    with SmtpDesk() as desk, desk.greeted() as client:
        for _ in range(9):
            assert client.say("RCPT TO:<x@y.z>").startswith("503 ")
        client.send(b"RCPT TO:<x@y.z>\r\n")
        assert client.replies(2)[1].startswith("421 4.7.0 ")
        assert client.is_closed()


def test_unknown_commands_end_the_connection() -> None:
    """Whoever speaks another protocol is let go soon, with 421."""
    with SmtpDesk() as desk, desk.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: desk.test\r\nX: y\r\nZ: a\r\nB: c\r\nD: e\r\n")
        assert [reply[:9] for reply in client.replies(6)] == ["500 5.5.2"] * 4 + ["421 4.7.0", ""]


def test_a_mail_makes_good() -> None:
    """Errors count from the last mail that was taken."""
    with SmtpDesk() as desk, desk.greeted() as client:
        for _ in range(4):
            for _ in range(6):
                client.say("RCPT TO:<x@y.z>")
            assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_a_relay_may_err() -> None:
    """A relay passes on what strangers mistype: no count of errors or wrong addresses ends its connection."""
    with SmtpDesk(relays=(RELAY,)) as desk, desk.greeted() as client:
        client.say("MAIL FROM:<lea@client.test>")
        for number in range(100):
            assert client.say(f"RCPT TO:<wrong{number}@desk.test>").startswith("550 5.1.1")


def test_twenty_wrong_addresses_an_hour() -> None:
    """A stranger's next address after them is 421 4.7.0, on any connection, right or wrong; another's is not."""
    with SmtpDesk() as desk:
        for _ in range(4):
            with desk.greeted() as client:
                client.say("MAIL FROM:<lea@client.test>")
                for number in range(5):
                    assert client.say(f"RCPT TO:<wrong{number}@desk.test>").startswith("550 5.1.1")
        with desk.greeted() as client:
            assert client.envelope("lea@client.test", ["support@desk.test"])[1].startswith("421 4.7.0 ")
            assert client.is_closed()
        with desk.greeted(source="127.0.0.9") as client:
            assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_the_hour_passes() -> None:
    """An hour after the first of the last twenty, the peer may ask again; a /64 is one peer."""
    now_s = [0.0]
    table = Brakes(0, lambda: now_s[0])
    for number in range(20):
        assert not table.is_guessing("2001:db8::1")
        now_s[0] = number * 10
        table.wrong_address(f"2001:db8::{number}")
    assert table.is_guessing("2001:db8::ffff")
    assert not table.is_guessing("2001:db8:0:1::1")
    now_s[0] = 3600.1
    assert not table.is_guessing("2001:db8::1")


def test_memory_of_guessers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with a million addresses pushes out the oldest, not the machine."""
    monkeypatch.setattr(brakes, "_REMEMBERED", 100)
    table = Brakes(0)
    for number in range(1000):
        table.wrong_address(f"192.0.{number // 256}.{number % 256}")
    assert len(table._wrong) == 100


def test_a_thousand_recipients_of_a_relay() -> None:
    """A relay has twenty times the room."""
    with SmtpDesk(on_recipient=lambda *_: None, relays=(RELAY,)) as desk, desk.greeted() as client:
        replies = client.envelope("lea@client.test", [f"a{number}@desk.test" for number in range(1001)])
        assert {reply[:3] for reply in replies[:-1]} == {"250"}
        assert replies[-1].startswith("452 4.5.3")


def test_twenty_connections_from_one_address() -> None:
    """The twenty-first is 421 4.3.2; one that leaves makes room."""
    with SmtpDesk() as desk, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(desk.client(source="127.0.0.8")) for _ in range(20)]
        assert {client.greeting[:3] for client in clients} == {"220"}
        with desk.client(source="127.0.0.8") as one_more:
            assert one_more.greeting.startswith("421 4.3.2 ")
            assert one_more.is_closed()
        clients.pop().close()
        assert until(lambda: desk.client(source="127.0.0.8").greeting.startswith("220"))


def test_places_come_back() -> None:
    """After all have gone, by QUIT, by hanging up or by a reset, the door holds nobody."""
    with SmtpDesk() as desk:
        for round_ in range(3):
            clients = [desk.client(source="127.0.0.8") for _ in range(20)]
            for number, client in enumerate(clients):
                if number % 3 == 0:
                    client.say("QUIT")
                elif number % 3 == 1:
                    client.sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                client.close()
            assert until(lambda: not desk.door._house.sessions), round_
        assert desk.door._house.brakes._in_all == 0
        assert not desk.door._house.brakes._places


def test_strangers_cannot_fill_the_memory() -> None:
    """What strangers are sending is held up to eight mails of the largest size; beyond, 451, and relays are spared."""
    with SmtpDesk(relays=(RELAY,)) as desk, contextlib.ExitStack() as stack:
        brakes_ = desk.door._house.brakes
        senders = [stack.enter_context(desk.greeted(source="127.0.0.8")) for _ in range(12)]
        for client in senders:
            client.envelope("lea@client.test", ["support@desk.test"])
            client.say("DATA")
            client.send(b"x" * 90_000)
        until(lambda: len(brakes_._held) == 12 and list(brakes_._held.values()).count(0) == 4)
        with desk.greeted() as relay:
            assert relay.mail("lea@client.test", ["support@desk.test"], b"y" * 90_000 + b"\r\n").startswith("250")
        for client in senders:
            client.send(b"\r\n.\r\n")
        assert sorted(client.reply()[:9] for client in senders) == ["250 2.0.0"] * 8 + ["451 4.3.0"] * 4
        assert not brakes_._held
        assert senders[0].mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


def test_idle_clients_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the idle time a client hears 421 4.4.2."""
    monkeypatch.setattr(session, "IDLE_S", 0.3)
    with SmtpDesk() as desk, desk.greeted() as client:
        assert client.reply().startswith("421 4.4.2 ")
        assert client.is_closed()


@pytest.mark.parametrize("cause", ["slow", "late", "silent"])
def test_a_mail_must_come_on(monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    """A mail slower than the least rate after the first while, later than the deadline, or silent, is 421 4.4.2."""
    monkeypatch.setattr(session, "SLOW_AFTER_S", 1.2 if cause == "slow" else 60.0 if cause == "late" else 0.4)
    monkeypatch.setattr(session, "DATA_S", 1.5 if cause == "late" else 600.0)
    with SmtpDesk() as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        began, reply = time.monotonic(), ""
        client.sock.settimeout(0.1)
        while not reply and time.monotonic() - began < 8:
            with contextlib.suppress(TimeoutError):
                reply = client.reply()
            if cause != "silent" and not reply:
                client.send(b"x" * 10)
        assert reply.startswith("421 4.4.2 ")
        assert not desk.mails


def test_a_long_mail_at_a_fair_rate_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who keeps the rate may take longer than the first while."""
    monkeypatch.setattr(session, "SLOW_AFTER_S", 1.0)
    with SmtpDesk() as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        began = time.monotonic()
        client.sock.settimeout(0.1)
        while time.monotonic() - began < 2.5:
            client.send(b"x" * 998 + b"\r\n")
            with pytest.raises(TimeoutError):
                client.reply()
        client.sock.settimeout(5)
        client.send(b".\r\n")
        assert client.reply().startswith("250")


def test_a_slow_commit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for a mail ends with its last dot: a slow disk does not cut the connection."""
    monkeypatch.setattr(session, "IDLE_S", 0.2)
    monkeypatch.setattr(session, "SLOW_AFTER_S", 0.2)

    async def wait(_raw: bytes, _envelope: object) -> None:
        await asyncio.sleep(0.8)

    with SmtpDesk(on_mail=wait) as desk, desk.greeted() as client:
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL).startswith("250")


@pytest.mark.parametrize(
    ("address", "peer", "counted"),
    [
        (("192.0.2.1", 5), "192.0.2.1", "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1", "192.0.2.1"),
        (("2001:db8:1:2:3::4", 5, 0, 0), "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1", "fe80::/64"),
        ("", "unix", "unix"),
        (b"", "unix", "unix"),
    ],
)
def test_what_a_peer_is_called(address: object, peer: str, counted: str) -> None:
    """A peer is its address alone, and counts with its /64."""
    assert peer_name(address) == peer
    assert neighbourhood(peer) == counted


def test_a_client_that_leaves_during_the_commit_changes_nothing() -> None:
    """A mail that is being written stays written when its sender hangs up; the sender knows that it must try again."""
    offered, committed = threading.Event(), threading.Event()

    async def wait(_raw: bytes, _envelope: object) -> None:
        offered.set()
        await asyncio.to_thread(committed.wait)

    with SmtpDesk(on_mail=wait) as desk:
        client = desk.greeted()
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(MAIL + b".\r\n")
        assert offered.wait(5)
        client.close()
        until(lambda: not desk.door._house.sessions)
        committed.set()
        assert until(lambda: desk.mails)
        with Client(desk.address) as other:
            assert other.greeting.startswith("220")
