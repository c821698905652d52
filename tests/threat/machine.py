"""The property test's machine: a real desk, actors at random, and the law after every step.

    python -m tests.threat.machine --steps 2000 --seed 7
    python -m tests.threat.machine --seed 7 --replay 3:117      what happened in world 3 until its step 117

A run is cut into worlds of a few hundred steps, each with a desk, keys and chances of its own, so that a world is played
again by its seed alone.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from maildesk.config import Agent, Mailbox, Trust
from maildesk.errors import UnknownMailbox
from maildesk.jobs import JOBS
from tests.desk.world import World
from tests.threat.actors import SALES, SUPPORT, Actor, Stage, cast, received
from tests.threat.deeds import ACTS
from tests.threat.law import Broken, Law, Person, Row, Sent
from tests.threat.letter import read_letter

# A row of the ledger: id, outcome, ticket, mailbox, authority.
Mail = tuple[int, str, int | None, str, str | None]
WORLD_STEPS = 250
FORMS = ("plus", "plus", "plus", "minus", "domain:reply.desk.test", "none")


@contextmanager
def memory() -> Iterator[Path]:
    """A folder that is as fast as memory where the system has one."""
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Failure:
    """Where the law was broken, and how."""

    seed: int
    world: int
    step: int
    words: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        last = "\n  ".join(self.trace[-12:])
        return (
            f"the law was broken: {self.words}\n  {last}\n"
            f"again: python -m tests.threat.machine --seed {self.seed} --replay {self.world}:{self.step}"
        )


class Machine:
    """One world: a desk on disk, its actors, and what the law knows."""

    def __init__(self, folder: Path, seed: int, number: int) -> None:
        self.chance = random.Random(f"{seed}/{number}")
        form = self.chance.choice(FORMS)
        token_mode = self.chance.random() < 0.2
        mailboxes = (
            Mailbox(address=SUPPORT, name="Desk Support", reply_address=form),
            Mailbox(address=SALES, name="Sales", reply_address="minus"),
        )
        agents = (
            Agent(address="ana@desk.test", name="Ana Lima"),
            Agent(address="ben@field.test", name="Ben Okoro"),
            Agent(address="cleo@desk.test", name="Cleo Roy", mailboxes=(SALES,)),
        )
        trust = Trust(authserv_ids=("mx.desk.test",), agent_proof="token" if token_mode else "aligned")
        self.world = World(folder, trust=trust, mailboxes=mailboxes, agents=agents, languages=("en", "fr"))
        unsigned = (SUPPORT,) if form == "none" else ()
        people = tuple(Person(a.address, a.mailboxes or (SUPPORT, SALES)) for a in agents)
        self.law = Law(people, token_mode, unsigned)
        self.cast = cast()
        self.sent: list[Sent] = []
        self.trace: list[str] = [f"support is {form}, agents are proved by {'token' if token_mode else 'alignment'}"]
        self.rows: dict[int, Row] = {}
        self._is_unsigned = bool(unsigned)
        self._letter = self._mail = 0
        self._given: dict[int, Sent] = {}
        self._database = sqlite3.connect(f"{(folder / 'desk.db').as_uri()}?mode=ro", uri=True)

    def close(self) -> None:
        self._database.close()
        self.world.close()

    def step(self, number: int) -> None:
        """One act, or time that passes; then the law. Raises Broken."""
        if self.chance.random() < 0.08:
            self._time_passes()
            self._check(None, number, ())
            return
        actor: Actor = self.chance.choice(self.cast)
        stage = Stage(self.chance, self.law, self.cast, number, self.world.now, self._is_unsigned, self.sent)
        name = self.chance.choice(actor.acts)
        sent = ACTS[name](stage, actor)
        self.trace.append(f"{number}: {actor.name} {name}" + ("" if sent is None else f" {_told(sent)}"))
        if sent is None:
            return
        taken = tuple(r for r in sent.recipients if self._is_taken(r, sent.envelope))
        if not taken:
            self.trace.append(f"{number}: refused at the door")
            return
        sent = replace(sent, recipients=taken)
        self.world.give(sent.raw, *taken, sender=sent.envelope)
        self._check(sent, number, self._new_mails(sent))
        self._let_in(sent, number)

    def _is_taken(self, recipient: str, sender: str) -> bool:
        """Whether the door takes mail for this address."""
        try:
            self.world.directory.recipient(recipient, sender, True)
        except UnknownMailbox:
            return False
        return True

    def _time_passes(self) -> None:
        spans = (
            timedelta(seconds=30),
            timedelta(minutes=20),
            timedelta(hours=7),
            timedelta(days=2),
            timedelta(days=40),
        )
        span = self.chance.choice(spans)
        self.world.now += span
        for job in JOBS:
            if not job.is_tidying:
                self.world.run(job.name)
        self.trace.append(f"{span} pass")

    def _new_mails(self, sent: Sent) -> list[Mail]:
        """The ledger's rows of what was just given."""
        mails = self._mails("id > ?", self._mail)
        if not mails:
            raise Broken("a mail that was taken stands in no ledger")
        self._mail = mails[-1][0]
        self._given |= {mail[0]: sent for mail in mails}
        return mails

    def _mails(self, which: str, value: int | str) -> list[Mail]:
        return self._database.execute(
            f"SELECT id, outcome, ticket_id, mailbox, authority FROM mails WHERE {which} ORDER BY id", (value,)
        ).fetchall()

    def _let_in(self, order: Sent | None, number: int) -> None:
        """What was released or confirmed is settled again, with its agent as authority."""
        waiting = self._mails("outcome = ?", "received")
        if not waiting:
            return
        for mail_id, *_, authority in waiting:
            kind = str(authority or "?").split()[0]
            self.law.need_order(order, mail_id, self._given[mail_id], kind)
        self.world.settle_waiting()
        for mail in waiting:
            sent, is_confirmed = self._given[mail[0]], str(mail[4]).startswith("confirmed")
            sent = replace(sent, level=max(sent.level, 3), what=f"{mail[4]}: {sent.what}", is_confirmed=is_confirmed)
            self.trace.append(f"{number}: mail {mail[0]} is {mail[4]}")
            # It is said now, whenever it was written.
            for marker in sent.markers:
                self.law.contents[marker].step = number
            self._check(sent, number, self._mails("id = ?", mail[0]))

    def _check(self, sent: Sent | None, number: int, mails: Sequence[Mail]) -> None:
        if any(outcome == "received" for _, outcome, *_ in mails):
            raise Broken(f"a mail has no outcome: {mails}")
        before, self.rows = self.rows, self._tickets()
        # A duplicate names the ticket of its twin; its words are there already.
        tickets = list(dict.fromkeys(t for _, outcome, t, *_ in mails if t is not None and outcome != "duplicate"))
        new = {key: row for key, row in self.rows.items() if key not in before}
        self.law.boxes |= {key: row.mailbox for key, row in new.items()}
        for ticket_id in tickets:
            if ticket_id not in new and sent is not None and not self.law.may_join(sent, ticket_id):
                raise Broken(f"{sent.what} of {sent.claimed} joined ticket {ticket_id}, to which nothing points")
        for ticket_id, row in before.items():
            self.law.check_change(sent, ticket_id, row, self.rows[ticket_id])
        self.law.learn(sent, number, tickets, new, [mail[3] for mail in mails])
        letters = [
            read_letter(row)
            for row in self._database.execute(
                "SELECT outbox.id, notice, ticket_id, recipient, content, envelope_from FROM outbox JOIN contents USING (id)"
                " WHERE outbox.id > ? ORDER BY outbox.id",
                (self._letter,),
            )
        ]
        self.law.publish(sent, letters, tickets)
        for letter in letters:
            self._letter = letter.id
            self.law.check_letter(letter, sent, self.rows)
            self.law.issue(letter)
            seen = received(letter)
            for actor in self.cast:
                if letter.recipient in actor.addresses:
                    actor.seen.append(seen)
        self.law.done()

    def _tickets(self) -> dict[int, Row]:
        rows = self._database.execute(
            "SELECT id, mailbox, state, priority, assignee, tags, requester_address FROM tickets ORDER BY id"
        )
        return {key: Row(*values) for key, *values in rows}


def _told(sent: Sent) -> str:
    where = ", ".join(sent.recipients + sent.cc)
    return f"({sent.what}) as {sent.claimed}, level {sent.level}, to {where}, commands {sent.commands}, {sent.markers}"


def play(seed: int, number: int, steps: int) -> Failure | None:
    """One world from its beginning; where the law was broken."""
    with memory() as folder:
        machine = Machine(folder, seed, number)
        try:
            for step in range(steps):
                try:
                    machine.step(step)
                except Broken as error:
                    return Failure(seed, number, step, str(error), tuple(machine.trace))
        finally:
            machine.close()
    return None


def run(seed: int, steps: int, on_world: Callable[[int], bool] = lambda _: True) -> tuple[int, Failure | None]:
    """Worlds until so many steps are done, or `on_world` says no; the steps done, and the first failure."""
    done = 0
    for number in range(-(-steps // WORLD_STEPS)):
        wanted = min(WORLD_STEPS, steps - done)
        failure = play(seed, number, wanted)
        if failure is not None:
            return done + failure.step, failure
        done += wanted
        if not on_world(done):
            break
    return done, None


def until(deadline: float) -> Callable[[int], bool]:
    """For `run`: go on until this moment of time.monotonic()."""
    return lambda _: time.monotonic() < deadline


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.threat.machine")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(datetime.now().timestamp()))  # noqa: DTZ005 - a number, not a time
    parser.add_argument("--replay", default="", help="WORLD:STEP")
    given = parser.parse_args(arguments)
    if given.replay:
        number, step = map(int, given.replay.split(":"))
        failure = play(given.seed, number, step + 1)
        print("\n".join(failure.trace) if failure else "", failure or "the law holds", sep="\n")
        return int(failure is not None)
    began = time.monotonic()
    done, failure = run(given.seed, given.steps)
    took = time.monotonic() - began
    print(
        f"seed {given.seed}: {done} steps in {took:.0f} s, {done / took * 60:.0f} a minute; {failure or 'the law holds'}"
    )
    return int(failure is not None)


if __name__ == "__main__":
    sys.exit(main())
