"""Budgets of automatic letters, as the store counts them: may this one go, does it wait, is its address silenced.

Inside one transaction. The limits are desk/brakes.py's; what waits leaves as one letter for each address (jobs).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maildesk.clock import from_iso, iso
from maildesk.desk import brakes
from maildesk.desk.brakes import Asked
from maildesk.desk.model import LetterPlan, StandingStill, Ticket
from maildesk.store import tickets
from maildesk.store.sqlite import Row, Tx

# How the median of the hours and a breaker that a job opened are kept.
_MEDIAN, _BOUNCING = "unproved addresses in a median hour", "confirmations bounce"


@dataclass(frozen=True, slots=True)
class Braked:
    """Why an automatic letter does not go now. waits: it goes when its budget allows."""

    why: str
    waits: bool = False


def braked(tx: Tx, plan: LetterPlan, now: datetime) -> Braked | None:
    """Why a letter does not go now; None for one that may, or that is no machine's."""
    if not brakes.is_braked(plan):
        return None
    if plan.role != "customer":
        return _of_agent(tx, plan, now)
    why = is_silenced(tx, plan.recipient.address, now)
    if why is not None:
        return Braked(f"no {plan.notice}: {why}")
    why = over(tx, plan.recipient.address, plan.is_unproved, now, is_echo=plan.is_echo)
    return None if why is None else Braked(f"no {plan.notice} yet: {why}", waits=True)


def _of_agent(tx: Tx, plan: LetterPlan, now: datetime) -> Braked | None:
    key = tickets.key(plan.recipient.address)
    row = tx.find("braked letters to somebody since", recipient_key=key, since=iso(now - brakes.HOUR), **_until(now))
    if _letters(row) < brakes.AGENT_AN_HOUR:
        return None
    return Braked(f"no {plan.notice}: {brakes.AGENT_AN_HOUR} automatic letters an hour to one agent")


def over(tx: Tx, address: str, is_unproved: bool, now: datetime, *, is_echo: bool = False) -> str | None:
    """Which limit an automatic letter to this address would pass, or why unproved ones wait; None when it may go."""
    asked = _asked(tx, address, is_unproved, now, is_echo)
    for limit in brakes.LIMITS:
        if limit.holds(asked) and _counted(tx, limit, asked, now) >= limit.letters:
            return limit.sentence
    return breaker(tx, now) if is_unproved else None


def breaker(tx: Tx, now: datetime) -> str | None:
    """Why no unproved address is confirmed at all just now; None while the breaker is closed."""
    found = tx.find("unproved addresses since", since=iso(now - brakes.HOUR), **_until(now))
    median = tx.find("counter", name=_MEDIAN)
    if brakes.too_many_new(_letters(found), tickets.integer(median["value"]) if median else 0):
        return "many more unproved addresses than usual wrote within this hour"
    bouncing = tx.find("counter", name=_BOUNCING)
    return "many confirmations bounced" if bouncing is not None and bouncing["value"] else None


def _asked(tx: Tx, address: str, is_unproved: bool, now: datetime, is_echo: bool = False) -> Asked:
    since = iso(now - brakes.HUMAN_FOR)
    answered = tx.find("answer to somebody since", recipient_key=tickets.key(address), since=since, **_until(now))
    return Asked(brakes.budget_key(address), brakes.budget_domain(address), is_unproved, answered is not None, is_echo)


def has_human_sign(tx: Tx, address: str, now: datetime) -> bool:
    """Whether an agent answered this address of late."""
    return _asked(tx, address, False, now).is_answered


def _counted(tx: Tx, limit: brakes.Limit, asked: Asked, now: datetime) -> int:
    times = {"since": iso(now - limit.span), **_until(now)}
    if limit.counts == "desk":
        return _letters(tx.find("unproved letters since", **times))
    only = {"unproved": int(limit.only == "unproved"), "echoed": int(limit.only == "echoed")}
    if limit.counts == "address":
        return _letters(tx.find("automatic letters to an address", budget_key=asked.address_key, **only, **times))
    return _letters(tx.find("automatic letters to a domain", budget_domain=asked.domain, **only, **times))


def _until(now: datetime) -> dict[str, str]:
    # A letter from far ahead was written by a clock that stood wrong: it must not hold anybody back until then.
    return {"until": iso(now + brakes.AHEAD)}


def _letters(row: Row | None) -> int:
    return 0 if row is None else tickets.integer(row["letters"])


def count(tx: Tx, letter_id: int, plan: LetterPlan, now: datetime) -> None:
    """A letter that is owed counts from now on."""
    if not brakes.is_braked(plan) or plan.role != "customer":
        return
    asked = _asked(tx, plan.recipient.address, plan.is_unproved, now, plan.is_echo)
    tx.change(
        "count a letter",
        id=letter_id,
        budget_key=asked.address_key,
        budget_domain=asked.domain,
        unproved=int(asked.is_unproved),
        echoed=int(asked.is_echo and not asked.is_answered),
    )


# Silence.


def is_silenced(tx: Tx, address: str, now: datetime) -> str | None:
    """Why an address gets no automatic letter; None when it may."""
    keys = {"exact": tickets.key(address), "folded": brakes.budget_key(address)}
    row = tx.find("silence of an address", now=iso(now), **keys)
    return None if row is None else tickets.text(row["why"])


def silence(tx: Tx, address: str, why: str, until: datetime | None, now: datetime) -> None:
    """No automatic letter to an address until then, for good without; whoever asked for it means every spelling."""
    key = brakes.budget_key(address) if until is None else tickets.key(address)
    tx.add("silence", address_key=key, until=None if until is None else iso(until), why=why, at=iso(now))


# What waits.


def wait(tx: Tx, plan: LetterPlan, ticket: Ticket, why: str, now: datetime) -> None:
    """A confirmation waits for its budget."""
    tx.add(
        "owed confirmation",
        budget_key=brakes.budget_key(plan.recipient.address),
        address=plan.recipient.address,
        ticket_id=ticket.id,
        language=plan.view.language,
        unproved=int(plan.is_unproved),
        echoed=int(plan.is_echo),
        reason=why,
        at=iso(now),
    )


# The breaker's measures.


def measure_hours(tx: Tx, now: datetime) -> int:
    """The usual hour, which the breaker compares with; nothing to count."""
    hours = tx.list("unproved addresses by the hour", since=iso(now - brakes.BREAKER_MEDIAN_OF), until=iso(now))
    counted = sorted(tickets.integer(row["letters"]) for row in hours)
    tx.add("measure", name=_MEDIAN, value=counted[len(counted) // 2] if counted else 0)
    return 0


def measure_bounces(tx: Tx, now: datetime) -> None:
    """Whether many confirmations bounced of late: the breaker asks."""
    day = tx.find("bounced confirmations since", since=iso(now - brakes.DAY), **_until(now))
    is_bouncing = day is not None and brakes.too_many_bounces(_letters(day), tickets.integer(day["confirmed"] or 0))
    tx.add("measure", name=_BOUNCING, value=int(is_bouncing))


def standing_still(tx: Tx, now: datetime) -> StandingStill | None:
    """That confirmations to unproved addresses wait because the breaker, or the desk's limit, holds them all."""
    oldest = tx.find("oldest owed confirmation of unproved")
    if oldest is None:
        return None
    why = breaker(tx, now)
    desk = next(limit for limit in brakes.LIMITS if limit.counts == "desk")
    if why is None and _counted(tx, desk, Asked("", "", True, False), now) >= desk.letters:
        why = desk.sentence
    return (
        None if why is None else StandingStill("confirmations", "", from_iso(tickets.text(oldest["created_at"])), why)
    )
