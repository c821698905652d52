"""Known holes, each made by replacing one function of the desk in this process: the control of the property test.

Whoever looks for a law that is broken must find it broken here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from maildesk.desk import acts, grants, letters, matrix, own_requests, rules
from maildesk.desk.case import Case
from maildesk.mail.model import Person
from maildesk.mail.token import Keyring, Purpose, Token, looks_like_token
from maildesk.settle import Settler
from maildesk.store import history, tickets


def _without_mac(_: Keyring, text: str, *purposes: Purpose) -> Token | None:
    """Keyring.verify, but for the comparison."""
    if not looks_like_token(text):
        return None
    raw = base64.b32decode(text.upper())
    purpose = raw[0] >> 3 & 7
    if purpose not in purposes:
        return None
    return Token(Purpose(purpose), raw[0] & 7, int.from_bytes(raw[1:6], "big"), int.from_bytes(raw[6:8], "big"))


def _everybody_joins(settle: Callable[..., Any]) -> Callable[..., Any]:
    """Settler.settle, and whoever stands in Cc takes part, whoever wrote."""

    def settled(self: Settler, tx: Any, mail_id: int, mail: Any, now: Any, *rest: Any) -> Any:
        done = settle(self, tx, mail_id, mail, now, *rest)
        found = tickets.find_ticket_by_number(tx, done.ticket) if done.ticket else None
        for address in mail.cc if found and done.outcome in ("ticket", "entry") else ():
            if not self.directory.is_own(address) and self.directory.agent(address) is None:
                tickets.slot_of(tx, found.id, "customer", Person(address), now)
        return done

    return settled


def _quoted_whole(blocks: Any, own_text: str, *_: Any, **__: Any) -> str:
    """outgoing.answer_text without the look at what a recipient has."""
    return "\n\n".join([own_text, *(block.text for block in blocks[1:])])


def _confirmed_with_words(case: Case, *more: Any) -> Any:
    """letters.confirmation, the author always taken for proved."""
    return _confirmation(replace(case, verdict=replace(case.verdict, level="S4")), *more)


def _lets_in_everybody(evidence: str, who: str, level: str) -> Any:
    """matrix.row_of, whoever wrote and however little is proved."""
    return matrix.row_of(evidence, who, level) if evidence == "none" else matrix.Row("join")


def _no_note(reading: Any) -> Any:
    return replace(reading, act=replace(reading.act, is_note=False))


def _way_of_anybody(case: Case) -> Case:
    return _way_of(replace(case, verdict=replace(case.verdict, level="S4")))


def _way_of_any_number(case: Case) -> Case:
    return _way_of(replace(case, facts=replace(case.facts, acted=())))


_confirmation, _read, _way_of = letters.confirmation, acts.read, acts.way_of
_find_history = history.find_history

HOLES: dict[str, Callable[[], Any]] = {
    "a token counts whatever its signature": lambda: mock.patch.object(Keyring, "verify", _without_mac),
    "everybody in Cc takes part": lambda: mock.patch.object(Settler, "settle", _everybody_joins(Settler.settle)),
    "commands need no address of the agent's own": lambda: mock.patch.object(
        acts, "_came_by_own_address", lambda case: case.ticket is not None
    ),
    "agents need no proof": lambda: mock.patch.object(acts, "way_of", _way_of_anybody),
    "quotes travel whole": lambda: mock.patch.object(acts, "answer_text", _quoted_whole),
    "a newcomer has all that was said": lambda: mock.patch.object(acts, "had", lambda entries, _: entries),
    "notes are answers": lambda: mock.patch.object(acts, "read", lambda *given: _no_note(_read(*given))),
    "a confirmation repeats the words of anybody": lambda: mock.patch.object(
        letters, "confirmation", _confirmed_with_words
    ),
    "everybody may join": lambda: mock.patch.object(rules, "row_of", _lets_in_everybody),
    "machines are answered": lambda: mock.patch.object(
        rules, "STAGES", tuple(stage for stage in rules.STAGES if stage is not rules.MACHINE)
    ),
    "anybody confirms": lambda: mock.patch.object(
        grants, "_holder", lambda case, grant: case.directory.agent(grant.address)
    ),
    "a newcomer reads all of a request": lambda: mock.patch.object(own_requests, "had", lambda entries, _: entries),
    "whoever asks gets another's requests": lambda: mock.patch.object(
        history,
        "find_history",
        lambda tx, wanted, now: _find_history(tx, replace(wanted, asker="lea@client.test"), now),
    ),
    "an agent's mail counts again": lambda: mock.patch.object(acts, "way_of", _way_of_any_number),
}


@contextmanager
def hole(name: str) -> Iterator[None]:
    """One hole, until the block ends. What it replaces must exist, or nothing was replaced."""
    with HOLES[name]():
        yield
