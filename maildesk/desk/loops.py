"""What ends a loop of machines, in order, as an admin reads it: a name, a sentence, and the rule that decides. Pure data.

The rules stand where they decide; here is the one place that lists them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maildesk.desk import brakes, machines, robots, rules


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule against loops. rule: the function that decides it, for a mail or for a letter that is about to go."""

    name: str
    sentence: str
    rule: Callable[..., object]


GUARDS = (
    Guard("L1", "a delivery report, or mail of the null sender, is answered by nothing", machines.is_bounce),
    Guard(
        "L2",
        "what says that a machine wrote it (Auto-Submitted, Precedence, lists) is never confirmed",
        machines.is_automatic,
    ),
    Guard(
        "L3", "mail that asks for no automatic answer (X-Auto-Response-Suppress) gets none", rules.customer_is_confirmed
    ),
    Guard(
        "L4",
        "what no person reads the answers to (mailer-daemon, no-reply) is never confirmed",
        machines.is_automatic,
    ),
    Guard("L5", "our own letter that comes back, or says that it is ours, is held", machines.our_own_letter_is_held),
    Guard(
        "L6",
        "a subject with our number twice, or the same prefix three times, is not confirmed",
        machines.subject_has_looped,
    ),
    Guard("L7", "an address, a domain and the desk have budgets; what is beyond waits and is merged", brakes.is_braked),
    Guard(
        "L8",
        "the same mail from one address for the fourth time in an hour goes to one ticket",
        robots.keeps_to_one_ticket,
    ),
    Guard("L9", "what three desks wrote because of each other is held", machines.passed_desks_are_held),
)
