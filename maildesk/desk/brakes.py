"""What is not sent after all: so many automatic answers to one address and no more. Pure: gets counts.

The last stage of a decision. The counters are asked for only when a letter that counts is about to go.
"""

from __future__ import annotations

from dataclasses import dataclass

from maildesk.desk.model import LetterPlan
from maildesk.desk.notices import BY_NAME

UNPROVED_A_DAY = 3
ANYBODY_AN_HOUR = 10


@dataclass(frozen=True, slots=True)
class Braking:
    """How many braked letters an address got: in the last 24 hours, and in the last hour."""

    last_day: int
    last_hour: int


def is_braked(letter: LetterPlan) -> bool:
    """Whether a letter counts for the brakes, so that the counters are asked for only when one is about to go."""
    return BY_NAME[letter.notice].is_braked


def brake(letter: LetterPlan, sent: Braking) -> str | None:
    """Why an automatic answer is not sent after all; None when it may go."""
    if letter.is_unproved and sent.last_day >= UNPROVED_A_DAY:
        return f"no {letter.notice}: {UNPROVED_A_DAY} automatic letters a day to an unproved address"
    if sent.last_hour >= ANYBODY_AN_HOUR:
        return f"no {letter.notice}: {ANYBODY_AN_HOUR} automatic letters an hour to one address"
    return None
