"""What happens by the clock. APScheduler only ticks; the truth (deadlines, when a job last ran) is rows.

A missed tick is made up: a job is due when its row is older than its period, however long the desk was down.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from maildesk import braking, clock, log, owed
from maildesk.articles import Article, Articles, nearest
from maildesk.clock import from_iso
from maildesk.desk.decision import Entered
from maildesk.desk.held import HELD_FOR
from maildesk.desk.model import HeldLine, StandingStill
from maildesk.errors import MaildeskError
from maildesk.mail.model import Person
from maildesk.settle import Settler
from maildesk.store import articles, ledger, tickets
from maildesk.store.sqlite import SqliteEngine, Tx

TICK_S = 60
# One transaction closes so many at a time, so that a backlog never holds up accepting.
_CLOSED_AT_ONCE = 200
# A sent letter's bytes are kept for as long as somebody may ask what exactly was sent.
SENT_BYTES_FOR = timedelta(days=30)
_DROPPED_AT_ONCE = 1000
# What pages remember of a browser: as long as a notice stands, and whoever left a form may come back to it.
PAGES_KEPT_FOR = timedelta(days=1)
# A daily letter names so many; `maildesk held` names all.
_HELD_NAMED = 50


@dataclass(frozen=True, slots=True)
class Now:
    """What a job may use. standing: what stands still; empty when all flows. renew_keys: a new key where one is due."""

    at: datetime
    settler: Settler
    standing: tuple[StandingStill, ...]
    renew_keys: Callable[[datetime], None]
    articles: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Something timed. run returns how much it did; at_most: so much that there may be more at once.

    is_tidying: the database is tidied afterwards, outside the transaction.
    """

    name: str
    every: timedelta
    run: Callable[[Tx, Now], int]
    at_most: int | None = None
    is_tidying: bool = False


def close_solved(tx: Tx, now: Now) -> int:
    """Solved becomes closed after [desk] close_after_days; only the clock closes."""
    before = now.at - timedelta(days=now.settler.directory.config.desk.close_after_days)
    rows = tx.list("solved tickets older than", before=clock.iso(before), limit=_CLOSED_AT_ONCE)
    for row in rows:
        ticket_id = tickets.integer(row["id"])
        tickets.set_state(tx, ticket_id, "closed", now.at)
        event = Entered("event", Person("desk"), "", "state: solved → closed", "", ())
        tickets.add_entry(tx, ticket_id, event, at=now.at, via="desk")
        tx.add("history", at=clock.iso(now.at), what="closed", mail_id=None, ticket_id=ticket_id, detail="{}")
    return len(rows)


def drop_sent_bytes(tx: Tx, now: Now) -> int:
    """The bytes of letters that left long ago; what was said in them stands in the entries."""
    before = clock.iso(now.at - SENT_BYTES_FOR)
    return tx.drop("bytes of letters that left before", before=before, limit=_DROPPED_AT_ONCE)


def tell_held(tx: Tx, now: Now) -> int:
    """Once a day, when mail was held since the last time, or a new ticket was told to nobody."""
    row = tx.find("job", name="tell-held")
    since = now.at - HELD_FOR if row is None else from_iso(tickets.text(row["last_at"]))
    held = ledger.list_held_since(tx, since, _HELD_NAMED)
    quiet = tuple(
        HeldLine(
            tickets.integer(row["number"]),
            from_iso(tickets.text(row["created_at"])),
            tickets.text(row["mailbox"]),
            tickets.text(row["requester_address"]),
            tickets.text(row["subject"]),
        )
        for row in tx.list("new tickets that nobody was told of", since=clock.iso(since), limit=_HELD_NAMED)
    )
    return now.settler.owing.held(tx, held, quiet, now.at)


def drop_held(tx: Tx, now: Now) -> int:
    """What was held, or discarded, for 30 days loses its bytes."""
    return ledger.drop_held(tx, now.at - HELD_FOR, now.at, _DROPPED_AT_ONCE)


def tell_admins(tx: Tx, now: Now) -> int:
    """Once a day, while something stands still."""
    return now.settler.owing.standstill(tx, now.standing, now.at)


def renew_keys(_tx: Tx, now: Now) -> int:
    """A new signing key every 90 days; its keeper has told of it, so there is nothing to count."""
    now.renew_keys(now.at)
    return 0


def send_owed(tx: Tx, now: Now) -> int:
    """Confirmations that waited for their budget."""
    return owed.send_owed(tx, now.settler.owing, now.at)


def measure_hours(tx: Tx, now: Now) -> int:
    """How many unproved addresses write in a usual hour."""
    return braking.measure_hours(tx, now.at)


def drop_of_pages(tx: Tx, now: Now) -> int:
    """Links and sessions that are over, and files of forms that nobody sent within a day.

    A file that no row names was left by a process that was killed.
    """
    before = clock.iso(now.at - PAGES_KEPT_FOR)
    dropped = tx.drop("sign-ins before", before=before, limit=_DROPPED_AT_ONCE)
    dropped += tx.drop("sessions that ended before", before=before, limit=_DROPPED_AT_ONCE)
    dropped += tx.drop("requests from the form before", before=before, limit=_DROPPED_AT_ONCE)
    for row in tx.list("uploads kept before", before=before, limit=_DROPPED_AT_ONCE):
        dropped += tx.drop("upload", id=row["id"])
    named = {tickets.text(row["file"]) for row in tx.list("names of uploads that are kept")}
    folder = now.settler.directory.config.desk.state_dir / "uploads"
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name not in named and file.stat().st_mtime < (now.at - PAGES_KEPT_FOR).timestamp():
            file.unlink(missing_ok=True)
    return dropped


def tell_articles(tx: Tx, now: Now) -> int:
    """Whoever follows an article hears when it says something else than when it was looked at last."""
    told, spoken, languages = 0, defaultdict[str, set[str]](set), now.settler.directory.config.desk.languages
    for article in now.articles:
        spoken[article.slug].add(article.language)
    for article in now.articles:
        mark = {"slug": article.slug, "language": article.language}
        row = tx.find("digest of an article", **mark)
        if row is not None and row["digest"] == article.digest:
            continue
        if row is not None:
            for address, language in articles.list_followers(tx, article.slug):
                # They were shown it in this language, be it theirs or the nearest that there is.
                if nearest(spoken[article.slug], language, languages) == article.language:
                    now.settler.owing.article(tx, article.slug, article.title, address, language, now.at)
                    told += 1
        tx.add("digest of an article", **mark, digest=article.digest, title=article.title, at=clock.iso(now.at))
    return told


JOBS = (
    Job("measure-hours", timedelta(hours=1), measure_hours),
    Job("send-owed", timedelta(seconds=TICK_S - 1), send_owed, at_most=owed.AT_ONCE),
    Job("close-solved", timedelta(hours=1), close_solved, at_most=_CLOSED_AT_ONCE),
    Job("housekeeping", timedelta(hours=23), drop_sent_bytes, at_most=_DROPPED_AT_ONCE, is_tidying=True),
    Job("tell-held", timedelta(days=1), tell_held),
    Job("drop-held", timedelta(hours=23), drop_held, at_most=_DROPPED_AT_ONCE),
    Job("drop-of-pages", timedelta(hours=1), drop_of_pages),
    Job("tell-articles", timedelta(minutes=10), tell_articles),
    Job("tell-admins", timedelta(days=1), tell_admins),
    Job("renew-keys", timedelta(hours=1), renew_keys),
)


class Clockwork:
    """Ticks once a minute and at once at the start, and runs what is due."""

    def __init__(
        self,
        store: SqliteEngine,
        settler: Callable[[], Settler],
        standing: Callable[[], tuple[StandingStill, ...]],
        on_letters: Callable[[], None],
        renew_keys: Callable[[datetime], None],
        articles: Callable[[], Articles],
    ) -> None:
        self._store, self._settler, self._standing, self._on_letters = store, settler, standing, on_letters
        self._renew_keys, self._articles = renew_keys, articles
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)

    def start(self) -> None:
        """In the daemon's loop."""
        self._scheduler.add_job(
            self.tick, "interval", seconds=TICK_S, id="tick", replace_existing=True, next_run_time=clock.now()
        )
        self._scheduler.start()

    def stop(self) -> None:
        """No further tick; a transaction that has begun is finished by the store."""
        # A start that failed earlier has never come to the scheduler, and its own reason is the one to tell.
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """Run every job whose last run is a period ago."""
        now = clock.now()
        standing = self._standing()
        for job in JOBS:
            try:
                run = partial(
                    run_if_due,
                    job=job,
                    now=Now(now, self._settler(), standing, self._renew_keys, self._articles().all()),
                )
                done = await asyncio.wrap_future(self._store.write(run))
                if done is not None and job.is_tidying:
                    await asyncio.wrap_future(self._store.tidy())
            except MaildeskError as error:
                log.failure("job.failed", error, job=job.name)
                continue
            if done:
                log.event("job.done", job=job.name, count=done)
                self._on_letters()


def run_if_due(tx: Tx, job: Job, now: Now) -> int | None:
    """How much a job did; None when its last run is less than a period ago."""
    row = tx.find("job", name=job.name)
    last = None if row is None else tickets.time(row["last_at"])
    # A last run in the future was written by a clock that stood wrong.
    if last is not None and timedelta() <= now.at - last < job.every:
        return None
    done = job.run(tx, now)
    # A daily letter that was not owed is asked for again at the next tick, not tomorrow, and so is a backlog's rest.
    if (done or job.every < timedelta(days=1)) and done != job.at_most:
        tx.add("job", name=job.name, at=clock.iso(now.at))
    return done
