"""Ordinary mail of ordinary people: conversations from many kinds of set-up through one desk, and how each mail was treated.

`play("phones")` gives what became of each mail of that kind, `table()` all kinds in Markdown: the README's trust page shows it.
What the people of a kind do stands in setups.py and verified.py; everything is made of one seed, so that a run is like the last.
"""

from __future__ import annotations

import functools
import json
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path

from maildesk.config import Agent
from tests.desk.world import Letter, World
from tests.threat.people import ANA, Draft, Person

SEED = 4
# Of each kind so many mails at least: with all kinds more than a thousand.
MAILS_A_KIND = 42


@dataclass(frozen=True)
class Treated:
    """What became of one mail.

    mail: its row of the ledger. words: a line of it that must not be lost. wanted: the ticket that it names with evidence,
    None for a new matter. follows: whether the promise is a new ticket that mentions the wanted one.
    """

    mail: int
    rows: int
    outcome: str
    cause: str
    ticket: int | None
    flags: tuple[str, ...]
    text: str
    words: str
    mentions: tuple[int, ...]
    wanted: int | None
    follows: bool
    is_confirmed: bool


@dataclass
class Stage:
    """A desk on which the people of one kind write. `treated`: their mails so far, in order."""

    world: World
    chance: random.Random
    treated: list[Treated] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def later(self, **span: float) -> None:
        """Time passes."""
        self.world.now += timedelta(**span)

    def gives(
        self, draft: Draft, *, wanted: int | None = None, follows: bool = False, sender: str | None = None
    ) -> Treated:
        """The mail arrives, a while after the one before; sender: of the envelope, where it is not the author."""
        self.later(minutes=self.chance.randrange(8, 40))
        raw = draft.to_bytes(self.world.now)
        if draft.finish is not None:
            raw, self.world.records = draft.finish(raw)
        author = parseaddr(draft.headers["From"])[1]
        before = self.last_mail()
        self.world.give(raw, *draft.recipients, sender=author if sender is None else sender)
        self.world.records = None
        letters = self.world.letters()
        self.letters += letters
        found = self._look(before, draft, wanted, follows, letters)
        self.treated.append(found)
        return found

    def letter(self, person: Person, ticket: int | None) -> Letter | None:
        """The newest letter to somebody about a ticket; None when the desk sent none."""
        found = (x for x in reversed(self.letters) if x.recipient.lower() == person.address.lower())
        return next((x for x in found if f"[#{ticket}]" in str(x.message["Subject"])), None)

    def agent_answers(self, ticket: int | None, words: str = "Hello,\n\nwe are looking into it.\n") -> Letter | None:
        """An agent answers the newest notice of a ticket as anybody would; the letter that the customer gets."""
        notice = self.letter(ANA, ticket)
        if notice is None:
            return None
        self.later(hours=self.chance.randrange(1, 30))
        self.world.write(str(ANA), words, answers=notice)
        self.letters += (letters := self.world.letters())
        return next((x for x in letters if x.kind == "answer"), None)

    def last_mail(self) -> int:
        """The newest row of the ledger."""
        return int(self._rows("SELECT coalesce(max(id), 0) AS id FROM mails")[0]["id"])

    def _look(self, before: int, draft: Draft, wanted: int | None, follows: bool, letters: list[Letter]) -> Treated:
        rows = self._rows(
            "SELECT mails.id, outcome, cause, tickets.number, tickets.mentions FROM mails"
            " LEFT JOIN tickets ON tickets.id = mails.ticket_id WHERE mails.id > ?",
            before,
        )
        row = rows[0]
        # A ticket that an agent opens for somebody has further entries of the same mail.
        entries = self._rows(
            "SELECT flags, full_text FROM entries WHERE mail_id = ? AND kind <> 'event' ORDER BY id", row["id"]
        )
        return Treated(
            mail=row["id"],
            rows=len(rows),
            outcome=row["outcome"],
            cause=row["cause"] or "",
            ticket=row["number"],
            flags=tuple(dict.fromkeys(flag for entry in entries for flag in json.loads(entry["flags"]))),
            text="\n".join(entry["full_text"] for entry in entries),
            words=draft.marker,
            mentions=tuple(json.loads(row["mentions"] or "[]")),
            wanted=wanted,
            follows=follows,
            is_confirmed=any(x.kind == "confirmation" for x in letters),
        )

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        path = f"{(self.world.folder / 'desk.db').as_uri()}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()


Conversation = Callable[[Stage, int], None]


@functools.cache
def play(kind: str) -> tuple[Treated, ...]:
    """How a desk treats the mails of one kind of set-up: conversation after conversation until there are enough."""
    from tests.threat.kinds import KINDS

    agents = (
        Agent(address=ANA.address, name=ANA.name, aliases=("ana.lima@desk.test",)),
        Agent(address="ben@desk.test", name="Ben Okoro"),
    )
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), agents=agents, forms=("wordpress@shop.test",))
        try:
            stage, number = Stage(world, random.Random(f"{SEED} {kind}")), 0
            while len(stage.treated) < MAILS_A_KIND:
                KINDS[kind](stage, number)
                number += 1
                stage.later(hours=stage.chance.randrange(1, 20))
        finally:
            world.close()
    return tuple(stage.treated)


def row(kind: str) -> str:
    """A kind's line of the table."""
    found = play(kind)
    outcomes = Counter(one.outcome for one in found)
    other = [f"{count} {outcome}" for outcome, count in outcomes.items() if outcome not in ("ticket", "entry", "held")]
    flags = Counter(flag for one in found for flag in one.flags)
    named = ", ".join(f"`{flag}` {count}" for flag, count in sorted(flags.items()))
    confirmed = sum(one.is_confirmed for one in found)
    cells = (
        kind,
        str(len(found)),
        str(outcomes["ticket"]),
        str(outcomes["entry"]),
        str(outcomes["held"]),
        ", ".join(other) or "-",
        str(confirmed),
        named or "-",
    )
    return f"| {' | '.join(cells)} |"


HEAD = "| set-up | mails | new tickets | joined | held | other | confirmed | flags |"


def table() -> str:
    """All kinds in Markdown, with a last line for all together."""
    from tests.threat.kinds import KINDS

    rows = [row(kind) for kind in KINDS]
    return "\n".join((HEAD, f"|{'---|' * (HEAD.count('|') - 1)}", *rows, _total(tuple(KINDS)))) + "\n"


def _total(kinds: tuple[str, ...]) -> str:
    found = [one for kind in kinds for one in play(kind)]
    outcomes = Counter(one.outcome for one in found)
    others = len(found) - outcomes["ticket"] - outcomes["entry"] - outcomes["held"]
    confirmed = sum(one.is_confirmed for one in found)
    numbers = (len(found), outcomes["ticket"], outcomes["entry"], outcomes["held"], others, confirmed)
    return f"| **all** | {' | '.join(f'**{n}**' for n in numbers)} | |"


def main() -> None:
    """Print the table."""
    print(table(), end="")
