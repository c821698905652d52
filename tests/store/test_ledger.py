"""The ledger: what was accepted, byte for byte, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maildesk.mail.model import Envelope
from maildesk.store import ledger
from tests.desk.world import World

AT = datetime(2026, 11, 22, 18, 0, 0, 123456, tzinfo=UTC)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=2000),
    sender=st.one_of(
        st.none(), st.just(""), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
    ),
    quiet=st.booleans(),
)
def test_what_was_accepted_comes_back(world: World, raw: bytes, sender: str | None, quiet: bool) -> None:
    """The bytes and every field of the envelope, the null sender apart from an unknown one."""
    envelope = Envelope("lmtp", "::1", sender, ("support+x@desk.test", "a@b"), AT, "lea@client.test", quiet)
    first, second = world.store.write(
        lambda tx: ledger.add_mails(tx, raw, envelope, ("one@desk.test", "two@desk.test"))
    ).result()
    found = world.store.read(lambda tx: ledger.find_mail(tx, second))
    assert found is not None
    assert (found.raw, found.envelope, found.mailbox) == (raw, envelope, "two@desk.test")
    assert (found.outcome, found.attempts, second) == ("received", 0, first + 1)


def test_a_mail_is_found_by_id_and_message_id(world: World) -> None:
    """With or without brackets; a number that no row can have is just not there."""
    world.write("lea@client.test")
    for name in ("1", "1.1795370400@client.test", "<1.1795370400@client.test>"):
        (row,) = world.store.read(lambda tx, name=name: ledger.list_lines_of(tx, name))  # type: ignore[misc]
        assert (row.id, row.ticket, row.outcome) == (1, 50031, "ticket")


@pytest.mark.parametrize("name", ["2", "0", "-1", "9" * 30, "9" * 5000, "٣", "", "nobody@client.test", "<>"])
def test_what_is_not_there(world: World, name: str) -> None:
    """Any word is answered."""
    world.write("lea@client.test")
    assert world.store.read(lambda tx: ledger.list_lines_of(tx, name)) == ()


def test_one_row_for_each_pair_and_redelivery(world: World) -> None:
    """Redelivered mails are rows too, newest first, and say which ticket has them."""
    raw = b"From: lea@client.test\r\nMessage-ID: <a@client.test>\r\nSubject: s\r\n\r\nhello\r\n"
    for _ in range(2):
        world.give(raw)
    rows = world.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=99))
    assert [(r.id, r.outcome, r.ticket) for r in rows] == [(2, "duplicate", 50031), (1, "ticket", 50031)]
    assert rows[0].sha256 == rows[1].sha256
    assert rows[0].size == len(raw)
    assert [r.id for r in world.store.read(lambda tx: ledger.list_ledger(tx, outcome="ticket", limit=99))] == [1]
    assert [r.id for r in world.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=1))] == [2]
    assert world.store.read(lambda tx: ledger.list_received(tx, 9)) == ()
