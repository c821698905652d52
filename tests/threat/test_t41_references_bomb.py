"""T41: thousands of References cost nothing. The first and the last twenty are looked at; one between them is no evidence."""

from __future__ import annotations

import time

from maildesk.desk.evidence import LAST_REFERENCES, near
from maildesk.mail.parse import understand
from tests.desk.world import World
from tests.threat.kit import EVE, opened, raw_mail

COUNT = 5_000
MAX_SETTLE_S = 0.05


def _bomb(count: int, last: str = "") -> bytes:
    ids = "\r\n ".join(f"<{n}.x@evil.test>" for n in range(count))
    return raw_mail(EVE, "Boom.", headers=[("References", f"{ids}\r\n {last}".rstrip())])


def test_of_thousands_of_references_one_and_twenty_are_asked_for() -> None:
    """The root of the thread and its end, as mail programs shorten it."""
    mail = understand(_bomb(COUNT))
    assert len(near(mail.references)) <= LAST_REFERENCES + 1


def test_five_thousand_references_settle_at_once(world: World) -> None:
    """The processor's time of the whole way, door to letters, the best of five."""
    opened(world)
    took = []
    for _ in range(5):
        raw = _bomb(COUNT) + str(len(took)).encode()
        began = time.process_time()
        world.give(raw, sender="eve@evil.test")
        took.append(time.process_time() - began)
    assert min(took) < MAX_SETTLE_S, took


def test_the_last_reference_still_counts(world: World) -> None:
    """The control: behind thousands of others the ticket's own letter is found, by its own addressee."""
    first = opened(world)
    raw = _bomb(COUNT, str(first.answer.message["Message-ID"])).replace(
        b"Eve Mallory <eve@evil.test>", b"lea@client.test"
    )
    raw = raw.replace(b"header.from=evil.test", b"header.from=client.test")
    settled = world.give(raw, sender="lea@client.test")
    assert settled.ticket == 50031
