"""What happens by the clock: a missed tick is made up, closing, and one letter a day about what stands still."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from maildesk.articles import Articles
from maildesk.clock import iso
from maildesk.desk.model import StandingStill
from maildesk.jobs import JOBS, Clockwork, Job, Now, run_if_due
from maildesk.store import tickets
from maildesk.store.sqlite import Tx
from tests.desk.world import World, only

BY_NAME = {job.name: job for job in JOBS}
STANDING = (StandingStill("letter", "", World.now - timedelta(hours=3)),)


def clockwork(world: World) -> Clockwork:
    return Clockwork(
        world.store, lambda: world.settler, lambda: (), lambda: None, lambda _at: None, lambda: Articles((), ("en",))
    )


def ticked(world: World, job: Job, standing: tuple[StandingStill, ...] = ()) -> int:
    """How much the job did at this moment of the desk."""
    return (
        world.store.write(
            partial(run_if_due, job=job, now=Now(world.now, world.settler, standing, lambda _at: None))
        ).result()
        or 0
    )


def solved(world: World, count: int = 1) -> None:
    for n in range(count):
        world.write("lea@client.test", subject=f"matter {n}")
        world.set_state("solved", 50031 + n)


def test_solved_becomes_closed_after_its_days(world: World) -> None:
    """28 days after it was solved and not a second before; an event by the desk says so; no letter."""
    solved(world)
    world.letters()
    at = world.ticket().solved_at
    assert at is not None
    world.now = at + timedelta(days=28, seconds=-1)
    assert ticked(world, BY_NAME["close-solved"]) == 0
    world.now = at + timedelta(days=28, hours=2)
    assert ticked(world, BY_NAME["close-solved"]) == 1
    assert world.ticket().state == "closed"
    assert world.entries()[-1][:2] == ("event", "state: solved → closed")
    assert world.letters() == []


def test_a_ticket_that_was_reopened_counts_from_its_last_solving(world: World) -> None:
    """Only the time since it was last solved counts, and nothing but solved is ever closed."""
    solved(world, 2)
    world.now += timedelta(days=20)
    world.set_state("open")
    world.set_state("solved")
    world.set_state("pending", 50032)
    world.now += timedelta(days=20)
    assert ticked(world, BY_NAME["close-solved"]) == 0
    world.now += timedelta(days=9)
    assert ticked(world, BY_NAME["close-solved"]) == 1
    assert world.ticket(50032).state == "pending"


def test_a_job_runs_once_a_period_and_makes_up_what_it_missed(world: World) -> None:
    """Within its period it is not run again; after ten years down it runs once, at once."""
    ran = []

    def run(_tx: Tx, now: Now) -> int:
        ran.append(now.at)
        return 0

    job = Job("counted", timedelta(hours=1), run)
    for step in (timedelta(), timedelta(minutes=59), timedelta(minutes=1), timedelta(days=3650), timedelta(seconds=1)):
        world.now += step
        ticked(world, job)
    assert len(ran) == 3


def test_a_clock_that_stood_wrong_stops_nothing(world: World) -> None:
    """A last run in the future is no reason to wait for it."""
    world.store.write(lambda tx: tx.add("job", name="close-solved", at=iso(world.now + timedelta(days=3650)))).result()
    solved(world)
    world.now += timedelta(days=30)
    assert ticked(world, BY_NAME["close-solved"]) == 1


def test_a_backlog_goes_on_at_the_next_tick(world: World) -> None:
    """When one transaction could not do all, the rest does not wait for the next period."""
    left = [2, 2, 1, 9]
    job = Job("counted", timedelta(hours=1), lambda _tx, _now: left.pop(0), at_most=2)
    assert [ticked(world, job) for _ in range(5)] == [2, 2, 1, 0, 0]
    assert BY_NAME["close-solved"].at_most == 200


def test_a_job_that_fails_is_run_again(world: World) -> None:
    """Its mark is in the transaction of what it did: both or neither."""

    def fails(tx: object, now: object) -> int:
        raise ZeroDivisionError

    world.write("lea@client.test")
    with pytest.raises(ZeroDivisionError):
        ticked(world, Job("close-solved", timedelta(hours=1), fails))
    assert world.store.read(lambda tx: tx.find("job", name="close-solved")) is None


@pytest.mark.asyncio
async def test_a_tick_runs_every_job(world: World) -> None:
    """The clock's own tick, on the real jobs."""
    await clockwork(world).tick()
    found = world.store.read(lambda tx: tx.find("job", name="close-solved"))
    assert found is not None
    assert tickets.time(found["last_at"]) is not None


def test_admins_are_told_once_a_day(world: World) -> None:
    """While something stands still: one letter a day; when all flows none, and the next trouble is told at once."""
    config = world.directory.config
    world.directory.config = config.model_copy(
        update={"desk": config.desk.model_copy(update={"admins": ("root@desk.test",)})}
    )
    tell = BY_NAME["tell-admins"]
    assert ticked(world, tell) == 0
    assert ticked(world, tell, STANDING) == 1
    world.now += timedelta(hours=23)
    assert ticked(world, tell, STANDING) == 0
    world.now += timedelta(hours=1)
    assert ticked(world, tell, STANDING) == 1
    letters = world.letters()
    assert [x.recipient for x in letters] == ["root@desk.test"] * 2
    letter = only(letters[:1], "standstill")
    assert letter.message["Auto-Submitted"] == "auto-generated"


def test_housekeeping_drops_the_bytes_of_old_letters_and_tidies(world: World) -> None:
    """Thirty days after a letter left only its row stays; one that waits keeps its bytes; the log is cut."""
    world.write("lea@client.test")
    assert len(world.letters()) == 3
    world.store.write(
        lambda tx: (
            tx._connection.execute(
                "UPDATE outbox SET state = 'sent', sent_at = ? WHERE id IN (1, 2)", (iso(world.now),)
            ).rowcount
        )
    ).result()
    world.now += timedelta(days=29)
    assert ticked(world, BY_NAME["housekeeping"]) == 0
    world.now += timedelta(days=2)
    assert ticked(world, BY_NAME["housekeeping"]) == 2
    kept = world.store.read(lambda tx: tx._connection.execute("SELECT id FROM contents").fetchall())
    assert [row[0] for row in kept] == [3]
    world.store.tidy().result(10)
    assert (world.folder / "desk.db-wal").stat().st_size == 0
