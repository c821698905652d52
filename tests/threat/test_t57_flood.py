"""T57: floods and slowness of strangers cost the desk places that are theirs, never the mail that a relay brings."""

from __future__ import annotations

import contextlib
import time

from tests.threat.wire import Wire, mail
from tests.wait import until

IDLE = 900
PLACES = 200
PLACES_OF_ONE = 20
RECIPIENTS = 50


def test_nine_hundred_idle_sockets(wire: Wire) -> None:
    """Strangers get 200 places, 20 an address, and 421 4.3.2 beyond; a relay's mails are each answered in under a second."""
    with contextlib.ExitStack() as stack:
        greetings = [
            stack.enter_context(wire.greeting(source=f"127.57.1.{1 + number % 45}")).greeting[:9]
            for number in range(IDLE)
        ]
        assert greetings.count("421 4.3.2") == IDLE - PLACES
        for number in range(20):
            began = time.monotonic()
            assert wire.sends(mail(f"t57 idle {number}")).startswith("250")
            assert time.monotonic() - began < 1

    def of_one_peer() -> list[str]:
        with contextlib.ExitStack() as stack:
            return [
                stack.enter_context(wire.greeting(source="127.57.2.1")).greeting[:3] for _ in range(PLACES_OF_ONE + 1)
            ]

    # The desk has to see nine hundred ends first.
    until(lambda: of_one_peer() == ["220"] * PLACES_OF_ONE + ["421"])


def test_what_one_session_may_do(wire: Wire) -> None:
    """The fifty-first recipient is 452 4.5.3, the tenth error 421 4.7.0; nothing behind the last reply is served."""
    with wire.client(source="127.57.3.1") as client:
        client.say("MAIL FROM:<eve@evil.test>")
        replies = [client.say("RCPT TO:<support@desk.test>")[:9] for _ in range(RECIPIENTS + 1)]
        assert replies == ["250 2.1.5"] * RECIPIENTS + ["452 4.5.3"]
    with wire.client(source="127.57.3.2") as client:
        before = len(wire.rows("SELECT id FROM mails"))
        hidden = b"MAIL FROM:<eve@evil.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n" + mail("t57 behind") + b".\r\n"
        client.send(b"RCPT TO:<support@desk.test>\r\n" * 10 + hidden)
        assert [reply[:9] for reply in client.replies(12)] == ["503 5.5.1"] * 10 + ["421 4.7.0", ""]
        assert len(wire.rows("SELECT id FROM mails")) == before


def test_guessing_addresses_ends_soon(wire: Wire) -> None:
    """Twenty wrong addresses an hour from one peer, then 421 4.7.0 for right and wrong alike; a relay is never counted."""
    wrong = [f"x{number}@desk.test" for number in range(25)]
    replies: list[str] = []
    while not replies or replies[-1] != "421 4.7.0":
        with wire.client(source="127.57.4.1") as client:
            client.say("MAIL FROM:<eve@evil.test>")
            replies += [
                client.say(f"RCPT TO:<{wrong[len(replies)]}>")[:9] for _ in range(5 if len(replies) < 20 else 1)
            ]
    assert replies.count("550 5.1.1") == 20
    assert replies[20] == "421 4.7.0"
    with wire.client() as client:
        client.say("MAIL FROM:<lea@client.test>")
        assert {client.say(f"RCPT TO:<{address}>")[:9] for address in wrong} == {"550 5.1.1"}
