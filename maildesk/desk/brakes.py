"""What is not sent after all: so many automatic letters to an address, a domain, from the desk, and no more. Pure: gets counts.

The last stage of a decision. Counts are asked for only when a letter that counts is about to go, in the order of LIMITS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from maildesk.desk.model import LetterPlan
from maildesk.desk.notices import BY_NAME
from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.domains import organisational
from maildesk.mail.freemail import FREE_MAIL

MINUTES, HOUR, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)
# An agent's answer to an address is the sign of a person there, for so long. A customer's reply is none: robots reply too.
HUMAN_FOR = timedelta(days=30)
# Counted letters may be this far in the future, where a clock stood wrong; those beyond are not counted.
AHEAD = timedelta(hours=1)
# What waits for its budget is dropped after this time; the ticket is there all the same. More than the longest span, so that
# what waits for that one can leave.
OWED_FOR = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Asked:
    """A letter that is about to go, as the limits see it. is_answered: an agent answered that address of late.

    is_echo: the mail that causes it bears a desk's number, as a robot's answer to a confirmation does under any new address.
    """

    address_key: str
    domain: str
    is_unproved: bool
    is_answered: bool
    is_echo: bool = False

    @property
    def is_free_mail(self) -> bool:
        """Whether anybody can have an address of that domain."""
        return self.domain in FREE_MAIL


@dataclass(frozen=True, slots=True)
class Limit:
    """So many automatic letters in a span, and no more.

    counts: those to the address, to its domain, or of the desk; only: all of them, those to unproved addresses, or those
    caused by mails that bear a number, from addresses that no agent has answered. holds: for which letters it is asked.
    """

    sentence: str
    letters: int
    span: timedelta
    counts: Literal["address", "domain", "desk"]
    only: Literal["all", "unproved", "echoed"]
    holds: Callable[[Asked], bool]


LIMITS = (
    Limit("3 a day to an unproved address", 3, DAY, "address", "unproved", lambda a: a.is_unproved),
    Limit("3 a day to an address that no agent has answered", 3, DAY, "address", "all", lambda a: not a.is_answered),
    Limit("3 in ten minutes to one address", 3, MINUTES, "address", "all", lambda _: True),
    Limit("20 a day to one address", 20, DAY, "address", "all", lambda _: True),
    Limit(
        "1,000 an hour to unproved addresses of one domain", 1000, HOUR, "domain", "unproved",
        lambda a: a.is_unproved and not a.is_free_mail,
    ),
    Limit(
        "20 an hour to addresses of one domain that answer with a number and that no agent has answered", 20, HOUR, "domain",
        "echoed", lambda a: a.is_echo and not a.is_answered and not a.is_free_mail,
    ),
    Limit(
        "60 a day to addresses of one domain that answer with a number and that no agent has answered", 60, DAY, "domain",
        "echoed", lambda a: a.is_echo and not a.is_answered and not a.is_free_mail,
    ),
    Limit("5,000 an hour to unproved addresses", 5000, HOUR, "desk", "unproved", lambda a: a.is_unproved),
)  # fmt: skip
# To an agent whose mails are not taken as acts.
AGENT_AN_HOUR = 10

# The breaker: so many unproved addresses in an hour, and so many times the median of the hours of 28 days, is an attack. A
# desk without a usual hour, as a new one, has the limits above alone.
BREAKER_NEW_FLOOR, BREAKER_NEW_TIMES, BREAKER_MEDIAN_OF = 200, 10, timedelta(days=28)
# So many confirmations of a day that bounced, and so large a part of them.
BREAKER_BOUNCES_FLOOR, BREAKER_BOUNCES_PERCENT = 20, 5


def too_many_new(addresses_this_hour: int, median_hour: int) -> bool:
    """Whether more unproved addresses wrote this hour than ten times the usual."""
    return median_hour > 0 and addresses_this_hour >= max(BREAKER_NEW_FLOOR, BREAKER_NEW_TIMES * median_hour)


def too_many_bounces(bounced: int, confirmed: int) -> bool:
    """Whether so many of a day's confirmations to unproved addresses bounced that they go to people who never wrote."""
    return bounced >= BREAKER_BOUNCES_FLOOR and bounced * 100 > BREAKER_BOUNCES_PERCENT * confirmed


def budget_key(address: str) -> str:
    """The address as budgets count it: without "+tag", and at Gmail without dots. For budgets alone: identity folds nothing."""
    try:
        local, _, domain = addresses.key(address).rpartition("@")
    except Malformed:
        return address.casefold()
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local.partition('+')[0] or local}@{domain}"


def budget_domain(address: str) -> str:
    """The domain whose owner answers for an address."""
    return organisational(budget_key(address).rpartition("@")[2])


def is_braked(letter: LetterPlan) -> bool:
    """Whether a letter counts for the brakes, so that the counters are asked for only when one is about to go."""
    return BY_NAME[letter.notice].is_braked
