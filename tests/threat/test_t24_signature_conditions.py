"""T24: what an agent's signature must cover before their mail acts: an open part is where somebody else could have written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Trust
from tests.desk.world import World
from tests.signing import records, sign
from tests.threat.kit import ANA, SECRET, opened, outside, reply_to, ticket_row

ALL = ("from", "to", "subject", "date", "message-id")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[World]:
    """A desk whose agents' domain signs and asks for refusal; lea's mail server is believed."""
    found = World(tmp_path, Trust(authserv_ids=("mx.desk.test",), verify="dkim"))
    found.records = records("desk.test", "reject") | {"_dmarc.client.test": ()}
    yield found
    found.close()


def act(to: str, number: int = 1) -> bytes:
    """An agent's reply with a command, unsigned."""
    return (
        f"From: {ANA}\r\nTo: {to}\r\nSubject: Re: Printer on fire\r\nDate: Sun, 22 Nov 2026 18:00:30 +0000\r\n"
        f"Message-ID: <act{number}@desk.test>\r\n\r\n#solved\r\nIt is repaired.\r\n"
    ).encode()


def test_a_whole_signature_acts(desk: World) -> None:
    """The control: signed over all five fields and the whole body, the command is done and the customer reads the answer."""
    to = reply_to(opened(desk).notice)
    desk.give(sign(act(to), "desk.test", fields=ALL), to, sender="ana@desk.test")
    assert ticket_row(desk)[0] == "solved"
    assert [x.recipient for x in outside(desk.letters())] == ["lea@client.test"]


LEFT_OPEN = {
    "no signature": lambda raw: raw,
    "another domain's": lambda raw: sign(raw, "evil.test", fields=ALL),
    "a part of the body": lambda raw: sign(raw, "desk.test", fields=ALL, length=True) + b"\r\n#forget\r\n",
    "the subject": lambda raw: sign(raw, "desk.test", fields=("from", "to", "date", "message-id")),
    "the date": lambda raw: sign(raw, "desk.test", fields=("from", "to", "subject", "message-id")),
    "the recipient": lambda raw: sign(raw, "desk.test", fields=("from", "subject", "date", "message-id")),
    "the message id": lambda raw: sign(raw, "desk.test", fields=("from", "to", "subject", "date")),
    "a second subject": lambda raw: b"Subject: Re: [#50031]\r\n" + sign(raw, "desk.test", fields=ALL),
    "a changed word": lambda raw: sign(raw, "desk.test", fields=ALL).replace(b"repaired", b"stolen!!"),
    "an expired time": lambda raw: re.sub(
        rb"q=dns/txt;", b"q=dns/txt; x=1000000000;", sign(raw, "desk.test", fields=ALL)
    ),
    "sha1": lambda raw: sign(raw, "desk.test", fields=ALL, algorithm="rsa-sha1"),
}


@pytest.mark.parametrize("name", LEFT_OPEN)
def test_a_signature_that_leaves_something_open_does_not_act(desk: World, name: str) -> None:
    """Nothing changes on the ticket, and nobody outside gets a word."""
    to = reply_to(opened(desk).notice)
    before = ticket_row(desk)
    desk.give(LEFT_OPEN[name](act(to)), to, sender="ana@desk.test")
    assert ticket_row(desk) == before
    assert not [x for x in outside(desk.letters()) if SECRET in x.text or x.notice == "answer"]
