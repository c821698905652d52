"""The overview's counts and the queue over real rows: what was put in comes out, and from indexes alone."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from maildesk.desk.decision import Entered, Opened
from maildesk.desk.figures import AGES, WAITING, Figures
from maildesk.desk.model import EntryKind, State
from maildesk.mail.model import Person
from maildesk.store import tickets
from maildesk.store.figures import NOBODY, list_mailboxes, list_queue, read_figures
from maildesk.store.sql import queries
from maildesk.store.sqlite import Tx
from tests.desk.world import World

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
SUPPORT, SALES = "support@desk.test", "sales@desk.test"
LEA, ANA, BEN = Person("lea@client.test", "Lea"), Person("ana@desk.test", "Ana"), Person("ben@desk.test", "Ben")


def add(
    world: World, at: datetime, mailbox: str = SUPPORT, state: State = "new", assignee: Person | None = None
) -> int:
    """A ticket that came then; its number."""

    def work(tx: Tx) -> int:
        ticket_id = tickets.add_ticket(tx, Opened("s", mailbox, "en", LEA), at)
        said(tx, ticket_id, "customer", LEA, at)
        tickets.set_state(tx, ticket_id, state, at)
        tx.change("assignee of a ticket", id=ticket_id, assignee=assignee.address if assignee else None, at="")
        tx.change("time of a ticket's last change", id=ticket_id, at=at.isoformat())
        found = tickets.find_ticket(tx, ticket_id)
        assert found is not None
        return found.number

    return world.store.write(work).result()


def said(tx: Tx, ticket_id: int, kind: EntryKind, author: Person, at: datetime) -> None:
    tickets.add_entry(tx, ticket_id, Entered(kind, author, "s", "t", "t", ()), at=at, via="smtp")


def say(world: World, number: int, kind: EntryKind, author: Person, at: datetime) -> None:
    ticket_id = world.ticket(number).id
    world.store.write(lambda tx: said(tx, ticket_id, kind, author, at)).result()


def figures(world: World, *mailboxes: str, zone: ZoneInfo = PARIS, at: datetime = AT, most: int = 100) -> Figures:
    return world.store.read(lambda tx: read_figures(tx, mailboxes, at, zone, most_replies=most))


def test_arrivals_are_of_the_day_where_the_desk_is(world: World) -> None:
    """A quarter to midnight in Paris is the day before in one zone and the day after in another; mailboxes apart."""
    late = datetime(2026, 11, 20, 22, 45, tzinfo=UTC)
    add(world, late)
    add(world, late + timedelta(minutes=15))
    add(world, late, SALES)
    add(world, late, "other@desk.test")

    def by_day(zone: str) -> dict[str, tuple[int, ...]]:
        found = figures(world, SUPPORT, SALES, zone=ZoneInfo(zone))
        assert found.timezone == zone
        return {
            day.isoformat(): tuple(one.counts[at] for one in found.arrivals)
            for at, day in enumerate(found.days)
            if found.arrived[at]
        }

    assert by_day("Europe/Paris") == {"2026-11-20": (1, 1), "2026-11-21": (1, 0)}
    assert by_day("UTC") == {"2026-11-20": (2, 1)}
    assert by_day("Asia/Kathmandu") == {"2026-11-21": (2, 1)}


def test_the_long_night_counts_all_its_hours(world: World) -> None:
    """The day the clock is put back has 25 hours, and the window of thirty days begins at its midnight."""
    for hour in range(27):
        # From 23:30 the evening before.
        add(world, datetime(2026, 10, 24, 21, 30, tzinfo=UTC) + timedelta(hours=hour))
    found = figures(world, SUPPORT, at=datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert found.days[0].isoformat() == "2026-10-25"
    assert found.arrived[:2] == (25, 1)


def test_the_backlog_is_by_state_and_age(world: World) -> None:
    """Every ticket not solved or closed, by how long ago it came."""
    for count, (_, least) in enumerate(AGES, 1):
        for state in WAITING:
            for _ in range(count):
                add(world, AT - least - timedelta(hours=1), SALES, state)
    for state in ("solved", "closed"):
        add(world, AT, SALES, state)  # type: ignore[arg-type]
    found = figures(world, SUPPORT, SALES)
    assert {(one.mailbox, one.counts) for one in found.backlog} == {(SUPPORT, (0,) * 5), (SALES, (1, 2, 3, 4, 5))}
    assert found.waiting == tuple((state, (1, 2, 3, 4, 5)) for state in WAITING)


def test_a_first_reply_is_the_first_answer_of_an_agent(world: World) -> None:
    """Neither notes, events, customers' words nor later answers; of the last thirty days, by mailbox and by agent."""
    came = AT - timedelta(days=2)
    one, two, old = add(world, came), add(world, came, SALES), add(world, came - timedelta(days=50))
    say(world, one, "note", BEN, came + timedelta(seconds=5))
    say(world, one, "event", BEN, came + timedelta(seconds=6))
    say(world, one, "customer", LEA, came + timedelta(seconds=7))
    say(world, one, "agent", ANA, came + timedelta(seconds=100))
    say(world, one, "agent", BEN, came + timedelta(seconds=200))
    say(world, two, "agent", BEN, came + timedelta(seconds=300))
    # What stood there when the ticket was made answers nothing.
    say(world, one, "agent", BEN, came)
    # Its first answer is older than thirty days: what follows is none.
    say(world, old, "agent", ANA, came - timedelta(days=40))
    say(world, old, "agent", BEN, came)
    found = figures(world, SUPPORT, SALES)
    assert [(x.name, x.replies, x.median_s) for x in found.times_by_agent] == [
        ("ana@desk.test", 1, 100),
        ("ben@desk.test", 1, 300),
    ]
    assert [(x.name, x.replies, x.within_s) for x in found.times_by_mailbox] == [(SALES, 1, 300), (SUPPORT, 1, 100)]
    assert found.times is not None
    assert (found.times.replies, found.times.median_s, found.times.within_s) == (2, 200, 300)
    assert [x.name for x in figures(world, SALES).times_by_agent] == ["ben@desk.test"]


def test_a_slow_answer_counts_when_it_came(world: World) -> None:
    """A ticket of long ago that was answered now is a first reply of now."""
    number = add(world, AT - timedelta(days=60))
    say(world, number, "agent", ANA, AT - timedelta(days=1))
    found = figures(world, SUPPORT)
    assert found.times is not None
    assert found.times.median_s == timedelta(days=59).total_seconds()


def test_more_replies_than_are_looked_at_is_said(world: World) -> None:
    """The newest count, and the figures say that they are not of all."""
    for hours in (1, 2, 3):
        number = add(world, AT - timedelta(hours=10))
        say(world, number, "agent", ANA, AT - timedelta(hours=hours))
    found = figures(world, SUPPORT, most=2)
    assert found.times is not None
    assert (found.is_cut, found.times.replies, found.times.within_s) == (True, 2, 9 * 3600)
    assert not figures(world, SUPPORT, most=4).is_cut


def test_mailboxes_are_those_of_tickets(world: World) -> None:
    """Each once, also when it has left the configuration."""
    assert world.store.read(list_mailboxes) == ()
    for mailbox in (SUPPORT, "gone@desk.test", SUPPORT, SALES):
        add(world, AT, mailbox)
    assert world.store.read(list_mailboxes) == ("gone@desk.test", SALES, SUPPORT)


def test_the_queue_is_by_age_whatever_the_mailbox(world: World) -> None:
    """Oldest first over mailboxes and states, each page follows the one before, and none is twice or missing."""
    numbers = []
    for index in range(23):
        state: State = WAITING[index % 4]
        # Three at a time come at the same moment.
        at = AT + timedelta(minutes=index // 3)
        numbers.append(add(world, at, (SUPPORT, SALES)[index % 2], state, (None, ANA, BEN)[index % 3]))
        add(world, AT + timedelta(minutes=index), SUPPORT, "solved")
        add(world, AT + timedelta(minutes=index), "other@desk.test")
    seen: list[int] = []
    for _ in range(3):
        last = seen[-1] if seen else 0
        page = world.store.read(lambda tx, n=last: list_queue(tx, (SUPPORT, SALES), WAITING, after=n, limit=10))  # type: ignore[misc]
        assert page.count == 23
        seen += [ticket.number for ticket in page.tickets]
        assert page.has_more == (len(seen) < 23)
    assert seen == numbers
    whole = world.store.read(lambda tx: list_queue(tx, (SUPPORT, SALES), WAITING, limit=23))
    assert (len(whole.tickets), whole.has_more) == (23, False)


def test_the_queue_is_filtered(world: World) -> None:
    """By state, mailbox and assignee, whatever the case of the address; NOBODY is a ticket that has none."""
    nobody = add(world, AT)
    anas = add(world, AT + timedelta(hours=1), SALES, "open", Person("Ana@desk.test", "Ana"))
    bens = add(world, AT + timedelta(hours=2), SALES, "pending", BEN)

    def queue(mailboxes: tuple[str, ...], states: tuple[State, ...], assignee: str) -> list[int]:
        found = world.store.read(lambda tx: list_queue(tx, mailboxes, states, assignee=assignee))
        assert found.count == len(found.tickets)
        return [ticket.number for ticket in found.tickets]

    both = (SUPPORT, SALES)
    assert queue(both, WAITING, "") == [nobody, anas, bens]
    assert queue(both, WAITING, NOBODY) == [nobody]
    assert queue(both, WAITING, "ANA@desk.test") == [anas]
    assert queue((SALES,), WAITING, "") == [anas, bens]
    assert queue((SALES,), ("pending",), "") == [bens]
    assert queue((), WAITING, "") == []


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("list: first replies since", "idx_entries_answered"),
        ("find: next mailbox with tickets", "idx_tickets_mailbox_created_at"),
        ("find: how many tickets came", "idx_tickets_mailbox_created_at"),
        ("find: how many tickets wait", "idx_tickets_state_mailbox_created_at_id_assignee"),
        ("find: how many tickets wait for somebody", "idx_tickets_state_mailbox_created_at_id_assignee"),
        ("list: tickets that wait, oldest first", "idx_tickets_state_mailbox_created_at_id_assignee"),
        ("list: first replies since", "idx_entries_answers"),
    ],
)
def test_the_overview_is_read_from_indexes(world: World, name: str, index: str) -> None:
    """Without statistics too, as on a new desk: each query searches its index, no table is scanned, and pages of the queue
    are not sorted."""
    text = queries()[name].text
    with closing(sqlite3.connect(world.folder / "desk.db")) as connection:
        values = dict.fromkeys(re.findall(r":([a-z]+)", text), "x")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values | {"limit": 1})]
    assert any(index in step for step in plan), plan
    assert plan[0].startswith("SEARCH"), plan
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in plan), plan
