"""The laws of a door behind a proxy: the client is whom the PROXY header names, when it may be believed."""

from __future__ import annotations

import contextlib
import struct

import pytest

from tests.smtpdesk import SmtpDesk

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"
PROXY = "127.0.0.1"


def header(peer: str) -> bytes:
    return f"PROXY {'TCP6' if ':' in peer else 'TCP4'} {peer} {peer} 5000 25\r\n".encode()


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::7"])
def test_the_client_is_whom_the_header_names(peer: str) -> None:
    """The envelope's peer is the client's address, not the proxy's."""
    with SmtpDesk(relays=(PROXY,), proxy_protocol=True) as desk, desk.greeted(first=header(peer)) as client:
        client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert desk.mails[0][1].peer == peer
        assert desk.asked == [("support@desk.test", "lea@client.test", False)]


def test_the_binary_header() -> None:
    """Version 2 of the protocol says the same."""
    addresses = struct.pack("!4s4sHH", bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8]), 5000, 25)
    first = b"\r\n\r\n\x00\r\nQUIT\n" + b"\x21\x11" + struct.pack("!H", len(addresses)) + addresses
    with SmtpDesk(relays=(PROXY,), proxy_protocol=True) as desk, desk.greeted(first=first) as client:
        client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert desk.mails[0][1].peer == "192.0.2.7"


def test_limits_count_the_client() -> None:
    """Twenty connections of one client are enough; another client behind the same proxy comes in."""
    with SmtpDesk(relays=(PROXY,), proxy_protocol=True) as desk, contextlib.ExitStack() as stack:
        for _ in range(20):
            assert stack.enter_context(desk.client(first=header("192.0.2.7"))).greeting.startswith("220")
        with desk.client(first=header("192.0.2.7")) as one_more:
            assert one_more.greeting.startswith("421 4.3.2 ")
        with desk.client(first=header("192.0.2.9")) as other:
            assert other.greeting.startswith("220")


def test_a_stranger_cannot_call_itself_a_relay() -> None:
    """A relay's address in a header that no relay has sent closes the connection."""
    with SmtpDesk(relays=("192.0.2.1",), proxy_protocol=True) as desk:
        with desk.client(first=header("192.0.2.1")) as client:
            assert client.greeting == ""
        with desk.client(first=header("192.0.2.2")) as client:
            assert client.greeting.startswith("220")


@pytest.mark.parametrize("first", [b"EHLO client.test\r\n", b"PROXY TCP4 x y 1 2\r\n", b"\x16\x03\x01" * 50 + b"\r\n"])
def test_no_header_no_entry(first: bytes) -> None:
    """Whoever does not begin with a header hears nothing."""
    with SmtpDesk(relays=(PROXY,), proxy_protocol=True) as desk, desk.client(first=first) as client:
        assert client.greeting == ""


def test_the_proxys_own_check() -> None:
    """A header without a client is the proxy's health check: it is greeted as itself."""
    with SmtpDesk(relays=(PROXY,), proxy_protocol=True) as desk, desk.client(first=b"PROXY UNKNOWN\r\n") as client:
        assert client.greeting.startswith("220")
