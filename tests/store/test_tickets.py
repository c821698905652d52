"""Tickets as rows: numbers, slots, entries, and text that every store takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.desk.decision import Entered, Opened
from maildesk.mail.model import Attachment, Person
from maildesk.store import tickets
from maildesk.store.sqlite import Tx
from tests.desk.world import World

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
LEA = Person("Lea@Client.test", "Lea")


def opened(tx: Tx, requester: Person | None = LEA) -> int:
    return tickets.add_ticket(tx, Opened("s", "support@desk.test", "en", requester), AT)


def test_numbers_follow_each_other(world: World) -> None:
    """From the counter on, without holes, whatever the row ids are."""
    numbers = []
    for _ in range(3):
        ticket_id = world.store.write(opened).result()
        found = world.store.read(lambda tx, i=ticket_id: tickets.find_ticket(tx, i))  # type: ignore[misc]
        assert found is not None
        numbers.append(found.number)
    assert numbers == [50031, 50032, 50033]


def test_slots_are_one_line_for_all(world: World) -> None:
    """The requester first; customers and agents share the slots, and the same person keeps theirs in any case."""

    def fill(tx: Tx) -> list[int]:
        ticket_id = opened(tx)
        people = [
            ("agent", "ana@desk.test"),
            ("customer", "lea@client.TEST"),
            ("customer", "noe@client.test"),
            ("agent", "lea@client.test"),
            ("agent", "ANA@desk.test"),
        ]
        return [tickets.slot_of(tx, ticket_id, kind, Person(who), AT) for kind, who in people]  # type: ignore[arg-type]

    assert world.store.write(fill).result() == [2, 1, 3, 4, 2]
    ticket = world.ticket()
    assert [p.address for p in ticket.customers] == ["Lea@Client.test", "noe@client.test"]


def test_nobodys_ticket_has_no_people(world: World) -> None:
    """Without a requester nobody takes part."""
    world.store.write(lambda tx: opened(tx, None)).result()
    ticket = world.ticket()
    assert (ticket.requester, ticket.people) == (None, ())


def test_solved_remembers_since_when(world: World) -> None:
    """And any other state forgets it."""
    ticket_id = world.store.write(opened).result()
    world.store.write(lambda tx: tickets.set_state(tx, ticket_id, "solved", AT)).result()
    assert world.ticket().solved_at == AT
    world.store.write(lambda tx: tickets.set_state(tx, ticket_id, "open", AT)).result()
    assert world.ticket().solved_at is None


@given(st.text(st.characters(), max_size=60))
def test_every_text_can_be_stored(words: str) -> None:
    """No NUL and no lone surrogate is left; what was fine stays as it is."""
    found = tickets.storable(words)
    found.encode("utf-8")
    assert "\0" not in found
    assert tickets.storable(found) == found


@pytest.mark.parametrize("name", ["plan\0\ud800.pdf", "x" * 5000, "\u202egpj.exe", "", "Ünï.txt"])
def test_any_attachments_name_is_stored(world: World, name: str) -> None:
    """Whatever a mail calls its part, the entry is written; the bytes stay in the raw mail."""
    entered = Entered("customer", LEA, "s", "words", "words", ("unverified",))

    def add(tx: Tx) -> int:
        return tickets.add_entry(
            tx, opened(tx), entered, at=AT, via="smtp", attachments=(Attachment(name, "text/plain", b"abc"),)
        )

    entry = world.store.write(add).result()
    (row,) = world.store.read(lambda tx: tx.list("attachments of an entry", entry_id=entry))
    assert (row["name"], row["size"]) == (tickets.storable(name), 3)
