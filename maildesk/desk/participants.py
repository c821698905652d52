"""Who joins a ticket by a mail's To and Cc, and what each participant has read of it. Pure: gets facts, asks nobody.

Nobody is written to because they joined: they get what an agent writes from then on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from maildesk.desk.blocking import is_spam
from maildesk.desk.case import Case
from maildesk.desk.decision import Entered, Joined
from maildesk.desk.directory import Directory
from maildesk.desk.model import Entry, Participant, Ticket
from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.automatic import is_robot
from maildesk.mail.model import Mail, Person

# THREATS 5.9: whoever can add more than this turns answers into mass mail.
NEW_A_MAIL = 5
ON_A_TICKET = 10
NEW_A_DAY = 20
# Whoever has a signed mail can send it again later; what it invited to is over then.
FRESH_FOR = timedelta(hours=72)
# A mail names as many people as fit into it; so many of them are looked at.
MAX_NAMED = 50
# The addresses that list programs read (RFC 2142, 6, and what Mailman, Sympa and Majordomo add).
_LISTS = re.compile(
    r"(?:owner-.+|.+-(?:owner|request|subscribe|unsubscribe|bounces|confirm|join|leave)"
    r"|majordomo|listserv|listmaster|mailman|sympa|abuse|noc)$"
)
# Flags of entries whose author may be somebody else than who stands there.
NOT_THEIRS = {"stranger", "former", "agent-unverified", "ambiguous-author", "auth-fail"}


def named(mail: Mail) -> tuple[str, ...]:
    """The addresses of To and Cc that are looked at, each once, in their order."""
    return tuple(dict.fromkeys(address for address in (*mail.to, *mail.cc) if address))[:MAX_NAMED]


def is_nobody(address: str, directory: Directory) -> str:
    """Why an address can be nobody's who takes part in a ticket; "" where it may be."""
    try:
        local = addresses.key(address).partition("@")[0]
    except Malformed:
        return "no address"
    if directory.is_own(address) or directory.form(address) is not None:
        return "ours"
    if directory.agent(address) is not None:
        return "an agent's"
    if is_robot(address) or _LISTS.match(local):
        return "read by no person"
    return ""


@dataclass(frozen=True, slots=True)
class _Wish:
    """An address that the requester wants to join, and how many came before it."""

    address: str
    case: Case
    ticket: Ticket | None
    joined: int


def _is_silenced(wish: _Wish) -> str:
    return "it wants no mail" if wish.address in wish.case.facts.silenced else ""


def _was_removed(wish: _Wish) -> str:
    people = wish.ticket.people if wish.ticket else ()
    is_former = any(p.removed and addresses.same(p.person.address, wish.address) for p in people)
    return "an agent has removed it" if is_former else ""


def _is_too_many(wish: _Wish) -> str:
    people = () if wish.ticket is None else wish.ticket.readers
    others = sum(1 for p in people if not (wish.ticket and wish.ticket.is_requester(p.person.address)))
    if wish.joined >= NEW_A_MAIL:
        return f"{NEW_A_MAIL} join by one mail"
    if others + wish.joined >= ON_A_TICKET:
        return f"a ticket has {ON_A_TICKET}"
    if wish.case.facts.added_today + wish.joined >= NEW_A_DAY:
        return f"a customer adds {NEW_A_DAY} a day"
    return ""


REFUSALS: tuple[Callable[[_Wish], str], ...] = (
    lambda wish: is_nobody(wish.address, wish.case.directory),
    _is_silenced,
    _was_removed,
    _is_too_many,
)


def copied_join(case: Case) -> Case:
    """Who stands in To and Cc of the requester's proved mail joins, limited; `why` names each."""
    if case.way not in ("new", "join") or case.author is None:
        return case
    ticket = case.ticket if case.way == "join" else None
    wanted = [a for a in named(case.mail) if not case.directory.is_own(a) and not _is_there(a, case.author, ticket)]
    if not wanted:
        return case
    reason = _nobody_joins(case, ticket)
    if reason:
        case = replace(case, cc_refused=len(wanted))
        return case.because(f"nobody joins ({reason}): {', '.join(wanted)}")
    joined: list[str] = []
    refused: list[str] = []
    for address in wanted:
        wish = _Wish(address, case, ticket, len(joined))
        why = _unsigned(case, address) or next((why for rule in REFUSALS if (why := rule(wish))), "")
        if why:
            refused.append(f"{address} does not join: {why}")
        else:
            joined.append(address)
    changes = case.changes
    if joined:
        words = f"cc: {' '.join(f'+{address}' for address in joined)}"
        event = Entered("event", case.author, case.mail.subject, words, words, (), has_attachments=False)
        changes += (event, *(Joined(Person(address), "limited") for address in joined))
    case = replace(case, changes=changes, cc_joined=len(joined), cc_refused=len(refused))
    return case.because(*(f"{address} joins, limited: the requester copied it" for address in joined), *refused)


def _is_there(address: str, author: Person, ticket: Ticket | None) -> bool:
    people = () if ticket is None else ticket.customers
    return any(addresses.same(address, known.address) for known in (author, *people))


def _nobody_joins(case: Case, ticket: Ticket | None) -> str:
    """Why this mail makes nobody a participant; "" where it may."""
    if case.machine or case.is_form or case.who == "own":
        return "no person wrote it"
    if is_spam(case) or case.envelope.quiet or (ticket is not None and "spam" in ticket.tags):
        return "spam, or imported"
    if not case.verdict.is_proved:
        return "its author is not proved"
    if case.mail.date is not None and case.envelope.received_at - case.mail.date > FRESH_FOR:
        return "it is dated more than 72 hours before it came"
    if ticket is not None and case.evidence.level not in ("signed-address", "signed-id"):
        return "it answers no letter of ours"
    if ticket is not None and not (case.author and ticket.is_requester(case.author.address)):
        return "its author is not the requester"
    # Those whom it was written to know nothing of a desk that got a copy in secret; a forwarder's own address is one of them.
    if ticket is None and not any(map(case.directory.is_own, (*case.mail.to, *case.mail.cc))):
        return "no address of ours stands in To or Cc"
    return ""


def _unsigned(case: Case, address: str) -> str:
    """Whoever passes a mail on can write what its only proof leaves open."""
    fields = {"to": case.mail.to, "cc": case.mail.cc}
    places = [name for name, found in fields.items() if address in found]
    return "the signature leaves that field open" if places and set(places) <= set(case.verdict.unsigned) else ""


def copy_was_blind(case: Case) -> Case:
    """A mailbox that got the mail and stands neither in To nor in Cc: for `why` alone."""
    if any(case.directory.belongs(address, case.mailbox) for address in (*case.mail.to, *case.mail.cc)[:MAX_NAMED]):
        return case
    return case.because(f"blind copy: {case.mailbox.address} stands neither in To nor in Cc")


def had(entries: tuple[Entry, ...], reader: Participant) -> tuple[Entry, ...]:
    """The entries that somebody has: what they wrote themselves, and the answers that were sent to them."""

    def has(entry: Entry) -> bool:
        if entry.kind == "agent":
            return entry.id > reader.joined_entry
        if entry.kind != "customer" or entry.author is None or NOT_THEIRS & set(entry.flags):
            return False
        return addresses.same(entry.author.address, reader.person.address)

    return tuple(entry for entry in entries if has(entry))


def newly_copied(ticket: Ticket, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """Whom the requester has added since the last answer: the next one names them to the requester."""
    last = next((entry.id for entry in entries if entry.kind == "agent"), 0)
    return tuple(
        p.person.address
        for p in ticket.readers
        if p.reach == "limited" and p.joined_entry > last and not ticket.is_requester(p.person.address)
    )


class Wished(Protocol):
    """What commands ask for of a ticket's people (commands.Act)."""

    @property
    def added(self) -> tuple[Person, ...]:
        """Those whom `#cc` names."""

    @property
    def removed(self) -> tuple[Person, ...]:
        """Those whom `#uncc` names."""

    @property
    def requester(self) -> Person | None:
        """Whom `#for` names."""


def with_people(ticket: Ticket, act: Wished, entries: tuple[Entry, ...]) -> Ticket:
    """The ticket as it is when `#for`, `#cc` and `#uncc` have done their part; the store gives people their slots."""
    newest = max((entry.id for entry in entries), default=0)
    agents = tuple(p for p in ticket.people if p.kind == "agent")
    readers = [p for p in ticket.people if p.kind == "customer" and not _is_one_of(p, act.removed)]
    for person in (*act.added, *((act.requester,) if act.requester else ())):
        known = next((p for p in readers if _is_one_of(p, (person,)) and not p.removed), None)
        readers = [p for p in readers if not _is_one_of(p, (person,))]
        fresh = Participant(0, "customer", person, joined_entry=newest)
        readers.append(fresh if known is None else replace(known, reach="full"))
    return replace(ticket, requester=ticket.requester or act.requester, people=(*readers, *agents))


def _is_one_of(participant: Participant, people: tuple[Person, ...]) -> bool:
    return any(addresses.same(participant.person.address, p.address) for p in people)
