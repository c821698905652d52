"""Agents whose mailboxes are at Microsoft 365 or Gmail act, and whoever writes the same fields from outside does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Trust
from tests.desk import test_google as google
from tests.desk import test_microsoft as microsoft
from tests.desk.world import World
from tests.threat.kit import opened, reply_to, ticket_row

KINDS = {
    "Microsoft 365": (microsoft.M365, microsoft.INSIDE, (*microsoft.outside("spf=none"), *microsoft.INSIDE)),
    "Gmail": (
        google.GMAIL,
        tuple(line.replace("client.test", "desk.test") for line in google.head()),
        tuple(line.replace("client.test", "desk.test") for line in google.head(*google.FAKE, value=google.NOTHING)),
    ),
}


@pytest.fixture(params=KINDS)
def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, tuple[str, ...], tuple[str, ...]]]:
    """A desk that reads its mailbox at this provider, and the top of an agent's mail there: a real one and a forged one."""
    found, real, forged = KINDS[request.param]
    # The ticket's own customer is known by another server, behind another door.
    ids = ("mx.desk.test", *found.authserv_ids)
    world = World(tmp_path, Trust(verify="none", authserv_ids=ids, microsoft_tenant=found.microsoft_tenant))
    yield world, real, forged
    world.close()


def act(top: tuple[str, ...], to: str) -> bytes:
    """An agent's reply with a command, as it lies in the mailbox."""
    lines = (*top, "From: ana@desk.test", f"To: {to}", "Subject: Re: Printer on fire", "Message-ID: <act@desk.test>")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n#solved\r\nIt is repaired.\r\n"


def test_an_agent_of_the_provider_acts(hosted: tuple[World, tuple[str, ...], tuple[str, ...]]) -> None:
    """The provider's word is enough for a command, where the desk itself checks nothing."""
    world, real, _ = hosted
    to = reply_to(opened(world).notice)
    world.give(act(real, to), to, sender="ana@desk.test", via="imap", peer="")
    assert ticket_row(world)[0] == "solved"


def test_a_forged_head_does_not_act(hosted: tuple[World, tuple[str, ...], tuple[str, ...]]) -> None:
    """The same fields below the provider's own, or from a peer that is no relay, command nothing."""
    world, real, forged = hosted
    to = reply_to(opened(world).notice)
    before = ticket_row(world)
    world.give(act(forged, to), to, sender="ana@desk.test", via="imap", peer="")
    world.give(act(real, to).replace(b"<act@", b"<act2@"), to, sender="ana@desk.test", peer="192.0.2.66")
    assert ticket_row(world) == before
    assert before[0] != "solved"
