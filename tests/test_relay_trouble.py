"""The relay in bad company: down, cut, deaf, babbling, wrongly certified. Nothing is lost, and nothing leaks."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme

from maildesk import config, smarthost
from maildesk.smarthost import Broken, NotOurs, Outgoing, RelayDown, SmtpRoad, Unsure
from tests.relay_desk import QUICK, eventually, letter_bytes, opened, relaying
from tests.servers.nasty import Nasty, Plan
from tests.servers.sink import Script, Sink

KEPT = b"250 2.0.0 kept\r\n"


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


def ca_file(authority: trustme.CA, folder: Path) -> Path:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_relay_that_is_down_costs_no_letter_an_attempt(tmp_path: Path) -> None:
    """While connections are refused nothing is claimed; afterwards all is sent once, in order."""
    pace = replace(QUICK, probe_s=0.3)
    with opened(tmp_path) as desk, Sink() as sink:
        sink.refuse()
        for number in range(60):
            desk.add("lea@client.test", ticket_id=1, content=letter_bytes(number))
        with relaying(desk, sink.port, pace=pace) as running:
            eventually(lambda: running.relay.down is not None)
            for _ in range(50):
                running.relay.wake()
            assert {(line.state, line.attempts) for line in desk.unsent()} == {("waiting", 0)}
            sink.open()
            mails = sink.wait_for(60, 20)
            eventually(lambda: not desk.unsent())
            assert [mail.raw for mail in mails] == [letter_bytes(number) for number in range(60)]
            assert running.relay.down is None
            assert not desk.failures


def test_probes_are_a_minute_apart(tmp_path: Path) -> None:
    """However often it is woken, a relay that is down sees one connection in each probe time."""
    pace = replace(QUICK, probe_s=0.5)
    with opened(tmp_path) as desk, Sink(script=Script(greeting="421 4.3.2 not now")) as sink:
        desk.add("lea@client.test")
        with relaying(desk, sink.port, pace=pace) as running:

            def woken_until_third() -> bool:
                running.relay.wake()
                return sink.connections >= 3

            eventually(woken_until_third)
            # The sink notes a connection when it takes it, which may be late on a busy machine.
            assert all(later - earlier > 0.4 for earlier, later in pairwise(sink.opened_at))
        assert (line := desk.line(1)) is not None
        assert (line.state, line.attempts) == ("waiting", 0)


def test_recovery_begins_with_one_connection(tmp_path: Path) -> None:
    """However many there were before an outage, the first letter after it goes over one connection, alone."""
    with opened(tmp_path) as desk, Sink(script=Script(delay_s=0.01)) as sink:
        desk.add(*(f"c{n}@client.test" for n in range(150)))
        with relaying(desk, sink.port) as running:
            sink.wait_for(150, 20)
            eventually(lambda: not desk.unsent())
            assert sink.most_open > 1
            sink.refuse()
            desk.add(*(f"d{n}@client.test" for n in range(60)))
            running.relay.wake()
            eventually(lambda: running.relay.down is not None)
            before, sink.script.delay_s = sink.connections, 0.2
            sink.open()
            first = sink.wait_for(151, 20)[150]
            assert sum(at <= first.at for at in sink.opened_at[before:]) == 1
            sink.script.delay_s = 0.01
            eventually(lambda: not desk.unsent(), 20)
            assert 1 < sink.most_open <= 5


def test_cuts_at_random_bytes_lose_nothing(tmp_path: Path) -> None:
    """Every letter arrives with its bytes; a second copy only where the answer to a last dot was destroyed."""
    chance = random.Random(7)

    def plan(number: int) -> Plan:
        if number > 60:
            return Plan()
        if number % 2:
            return Plan(cut_to_server_after=chance.randrange(0, 700))
        return Plan(cut_to_client_after=chance.randrange(0, 500))

    with opened(tmp_path) as desk, Sink() as sink, Nasty(sink.port, plan) as line:
        numbers = desk.add(*(f"c{n}@client.test" for n in range(80)))
        with relaying(desk, line.port, pace=replace(QUICK, probe_s=0.02)):
            eventually(lambda: not desk.unsent(), 30)
        copies = Counter(mail.raw for mail in sink.mails)
        assert set(copies) == {letter_bytes(number) for number in numbers}
        destroyed = len(sink.mails) - sum(passed.to_client.count(KEPT) for passed in line.passed)
        assert line.cuts > 20
        assert sum(copies.values()) - len(numbers) <= destroyed
        assert not desk.failures


def test_lost_answer_is_sent_again_and_counted(tmp_path: Path) -> None:
    """After a lost answer the same bytes go again, not at once, and the attempt is counted."""
    with opened(tmp_path) as desk, Sink(script=Script(lose_answers=1)) as sink, relaying(desk, sink.port) as running:
        (number,) = desk.add("lea@client.test")
        running.relay.wake()
        first, second = sink.wait_for(2)
        eventually(lambda: desk.row(number)["state"] == "sent")
        assert first.raw == second.raw == letter_bytes(number)
        assert second.at - first.at >= QUICK.unsure_s
        assert desk.row(number)["attempts"] == 2


def test_letter_that_breaks_every_connection_holds_up_no_other(tmp_path: Path) -> None:
    """A letter at which the relay always hangs up is put off; the next ones go."""
    script = Script(at_rcpt={"odd@client.test": ["421 4.7.0 go away"] * 3})
    pace = replace(QUICK, backoff_s=(1.0,))
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port, pace=pace) as running:
        odd, _ = desk.add("odd@client.test", "lea@client.test")
        running.relay.wake()
        assert sink.wait_for(2)[0].recipient == "lea@client.test"
        eventually(lambda: desk.row(odd)["state"] == "sent")
        assert desk.row(odd)["attempts"] == 2


def test_letters_survive_a_relay_that_was_dropped_in_the_middle(tmp_path: Path) -> None:
    """A process that ends while letters are claimed: the next start sends them at once, with the same bytes."""
    with opened(tmp_path) as desk, Sink(script=Script(delay_s=0.05)) as sink:
        numbers = desk.add(*(f"c{n}@client.test" for n in range(40)))
        with relaying(desk, sink.port) as running:
            sink.wait_for(3)
            running.drop()
        assert len(sink.mails) < 40
        sink.script.delay_s = 0
        with relaying(desk, sink.port):
            eventually(lambda: not desk.unsent())
        copies = Counter(mail.raw for mail in sink.mails)
        assert set(copies) == {letter_bytes(number) for number in numbers}
        assert sum(copies.values()) - 40 <= sink.most_open


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_letter_goes_over_verified_tls(tmp_path: Path, tls: Any) -> None:
    """With the relay's authority in ca_file the letter travels encrypted."""
    authority = trustme.CA()
    with (
        opened(tmp_path) as desk,
        Sink(tls=tls, certificate=server_context(authority)) as sink,
        relaying(desk, sink.port, tls=tls, ca_file=ca_file(authority, tmp_path)) as running,
    ):
        desk.add("lea@client.test")
        running.relay.wake()
        (mail,) = sink.wait_for(1)
        assert mail.tls


def test_password_and_its_refusal(tmp_path: Path) -> None:
    """The password of password_file signs in, line end or not; a wrong one stops the relay and no letter."""
    authority = trustme.CA()
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("wrong\n")
    with (
        opened(tmp_path) as desk,
        Sink(tls="starttls", certificate=server_context(authority), passwords={"u": "secret"}) as sink,
        relaying(
            desk,
            sink.port,
            tls="starttls",
            ca_file=ca_file(authority, tmp_path),
            username="u",
            password_file=password,
        ) as running,
    ):
        desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: running.relay.down is not None)
        assert (line := desk.line(1)) is not None
        assert line.attempts == 0
        password.write_text("secret\n")
        (mail,) = sink.wait_for(1)
        assert mail.user == "u"


def test_access_token_signs_in(tmp_path: Path) -> None:
    """With oauth2 the token goes by XOAUTH2; one that was refused is asked for again."""
    authority, token = trustme.CA(), tmp_path / "token"
    token.write_text("stale\n")
    with (
        opened(tmp_path) as desk,
        Sink(tls="starttls", certificate=server_context(authority), tokens={"u": "fresh"}) as sink,
        relaying(
            desk,
            sink.port,
            tls="starttls",
            ca_file=ca_file(authority, tmp_path),
            username="u",
            oauth2={"command": f"cat {token}"},
        ) as running,
    ):
        desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: running.relay.down is not None)
        token.write_text("fresh\n")
        (mail,) = sink.wait_for(1)
        assert mail.user == "u"


@pytest.mark.parametrize(
    ("peer", "is_ours"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("fe80::1%eth0", False)]
)
def test_only_loopback_gets_a_password_in_clear(peer: str, is_ours: bool) -> None:
    """Without TLS a password goes to a loopback address and nowhere else."""
    assert smarthost.is_this_machine(peer) is is_ours


@contextmanager
def babbler(*said: bytes, endless: bytes = b"") -> Iterator[int]:
    """A server that says a line for each thing heard, whatever it is, then `endless` until the end; its port."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not stopped.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                client.settimeout(0.05)
                try:
                    talk(client)
                except OSError:
                    pass
                finally:
                    client.close()

        def talk(client: socket.socket) -> None:
            for line in said:
                client.sendall(line)
                heard(client)
            while endless and not stopped.is_set():
                client.sendall(endless)

        def heard(client: socket.socket) -> None:
            while not stopped.is_set():
                try:
                    client.recv(65536)
                except TimeoutError:
                    continue
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


@pytest.mark.parametrize(
    "said",
    [
        [b"\x00\xff\xfe garbage\r\n"],
        [b"220 ok\r\n", b"what is this\r\n"],
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ],
)
def test_garbage_is_a_relay_that_is_down(said: list[bytes]) -> None:
    """What is not SMTP cannot take letters, and is known at once."""
    with babbler(*said) as port, pytest.raises(RelayDown):
        asyncio.run(SmtpRoad.open(config.Relay(host="127.0.0.1", port=port, tls="none")))


@pytest.mark.parametrize("endless", [b"250-more and more\r\n" * 100, b"x" * 5000])
def test_endless_reply_ends(endless: bytes) -> None:
    """A reply without end, in one line or in many, is given up after a few kilobytes."""
    with babbler(b"220 ok\r\n", endless=endless) as port:
        started = time.monotonic()
        with pytest.raises(RelayDown):
            asyncio.run(SmtpRoad.open(config.Relay(host="127.0.0.1", port=port, tls="none")))
        assert time.monotonic() - started < 5


def _send(port: int, still_ours: bool = True) -> smarthost.Fate:
    async def ours() -> bool:
        return still_ours

    async def run() -> smarthost.Fate:
        road = await SmtpRoad.open(config.Relay(host="127.0.0.1", port=port, tls="none"))
        return await road.send(Outgoing("d@desk.test", "lea@client.test", letter_bytes(1)), ours)

    return asyncio.run(run())


def test_silence_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that falls silent before the last dot has delivered nothing; after it nobody knows."""
    monkeypatch.setattr(smarthost, "COMMAND_S", 0.3)
    monkeypatch.setattr(smarthost, "LETTER_S", 0.6)
    hello = len(b"220 sink.test ESMTP\r\n")
    with Sink() as sink:
        with Nasty(sink.port) as line:
            assert _send(line.port) == smarthost.Accepted()
            whole = len(line.passed[0].to_client)
        with Nasty(sink.port, lambda _: Plan(swallow_to_client_after=whole - len(KEPT) - 40)) as line:
            assert isinstance(_send(line.port), Broken)
        with Nasty(sink.port, lambda _: Plan(swallow_to_client_after=whole - 1)) as line:
            assert isinstance(_send(line.port), Unsure)
        with Nasty(sink.port, lambda _: Plan(swallow_to_client_after=hello)) as line, pytest.raises(RelayDown):
            _send(line.port)


def test_refused_letter_leaves_the_connection_in_order() -> None:
    """After a refusal at RCPT or at the last dot the same connection takes the next letter."""

    async def ours() -> bool:
        return True

    async def run(port: int) -> list[smarthost.Fate]:
        road = await SmtpRoad.open(config.Relay(host="127.0.0.1", port=port, tls="none"))
        letters = [Outgoing("", f"{name}@client.test", letter_bytes(1)) for name in ("lea", "lea", "tom")]
        return [await road.send(letter, ours) for letter in letters]

    script = Script(at_rcpt={"lea@client.test": ["550 no"]}, at_dot={"lea@client.test": ["451 later"]})
    with Sink(script=script) as sink:
        fates = asyncio.run(run(sink.port))
        assert fates == [smarthost.Refused("RCPT: 550 no"), smarthost.Deferred(".: 451 later"), smarthost.Accepted()]
        assert sink.connections == 1
        assert sink.mails[0].sender == ""


def test_lost_lease_sends_nothing() -> None:
    """Whoever lost the lease before the last dot hangs up: the relay keeps nothing of the letter."""
    with Sink() as sink:
        assert _send(sink.port, still_ours=False) == NotOurs()
        assert _send(sink.port) == smarthost.Accepted()
        assert len(sink.mails) == 1
