"""A robot that strips every mark: the same mail again and again from one address that no agent ever answered. Pure.

Four different requests within an hour are a person's: only the same subject, tags and reply prefixes taken off, with much the
same words counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from maildesk.desk.case import Case
from maildesk.mail.subject import base_subject

# So many tickets within the span, and the next mail of that subject opens none for a day.
MAX_TICKETS, SPAN, SUSPECT_FOR = 3, timedelta(minutes=60), timedelta(hours=24)
_BRACKETS = re.compile(r"\[[^\[\]]{1,60}\]")
# Longer than a person's subject, so that no time goes into what nobody wrote.
_MAX_CHARS = 500
_COMPARED_CHARS, _ALIKE = 300, 0.85


@dataclass(frozen=True, slots=True)
class Recent:
    """A ticket that an address opened of late."""

    ticket_id: int
    subject: str
    at: datetime


def stem(subject: str) -> str:
    """What is left of a subject without tags in brackets and reply prefixes; digits elsewhere stay."""
    return base_subject(_BRACKETS.sub(" ", subject[:_MAX_CHARS])).casefold()


def suspect(subject: str, recent: Iterable[Recent]) -> int | None:
    """The newest of three tickets of the same subject that came within an hour; None where there are none. Newest first."""
    wanted = stem(subject)
    alike = [one for one in recent if stem(one.subject) == wanted]
    for newest, oldest in zip(alike, alike[MAX_TICKETS - 1 :], strict=False):
        if newest.at - oldest.at <= SPAN:
            return newest.ticket_id
    return None


def is_alike(text: str, other: str) -> bool:
    """Whether two mails say the same but for numbers and a word or two, as what a program fills in does."""
    one, two = (re.sub(r"\d", "0", " ".join(words.split()))[:_COMPARED_CHARS].casefold() for words in (text, other))
    return bool(one) and SequenceMatcher(None, one, two, autojunk=False).ratio() >= _ALIKE


def keeps_to_one_ticket(case: Case) -> Case:
    """What a suspect robot writes becomes an entry of its newest ticket; agents are told once, it is told nothing."""
    ticket = case.facts.ticket(case.facts.robot)
    if case.way != "new" or ticket is None or case.agent is not None or case.authority:
        return case
    last = next((entry for entry in case.facts.entries_of(ticket.id) if entry.kind == "customer"), None)
    if last is None or case.mail.unreadable or not is_alike(case.mail.text, last.text):
        return case
    is_known = sum(entry.kind == "customer" for entry in case.facts.entries_of(ticket.id)) > 1
    case = replace(case, way="join", evidence=replace(case.evidence, ticket=ticket), is_quiet=case.is_quiet or is_known)
    return case.because(
        f"a suspect robot: {MAX_TICKETS} tickets of this subject within an hour; it joins #{ticket.number}"
    )
