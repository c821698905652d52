"""The desk's own nouns: tickets, entries, what happened, what is owed. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from maildesk.mail.model import Person

State = Literal["new", "open", "pending", "on-hold", "solved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
EntryKind = Literal["customer", "agent", "note", "event"]
LetterKind = Literal["confirmation", "notice", "answer", "receipt", "failure", "sign-in", "digest"]
Outcome = Literal["received", "ticket", "entry", "held", "duplicate", "ignored", "unreadable"]
Flag = Literal[
    "unverified",
    "automatic",
    "stranger",
    "former",
    "agent-unverified",
    "ambiguous-author",
    "by-subject",
    "auth-fail",
]


@dataclass(frozen=True, slots=True)
class Listed:
    """An attachment as a letter names it."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Said:
    """An earlier entry that a notice repeats for whoever reads it."""

    author: str
    at: datetime
    text: str
    kind: EntryKind = "customer"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing a command changed.

    what: "state", "priority", "assignee", "tags", "note" or "answer"; before and after as the ticket shows them
    (a state word, an agent's name, tags with spaces between), "" for nothing.
    """

    what: Literal["state", "priority", "assignee", "tags", "note", "answer"]
    before: str = ""
    after: str = ""


RemarkKind = Literal[
    "customer-wrote-again",  # the answer went out although the customer had written again; detail: ""
    "not-sent-to",  # further addresses in the agent's mail got nothing; detail: the addresses, ", " between
    "unknown-command",  # nothing was done; detail: the word; more: the nearest command, "" when none is near
    "bad-argument",  # nothing was done; detail: the whole command line; more: what it takes
    "nothing-to-send",  # the mail held neither a text nor a command
    "answered-meanwhile",  # not sent: another agent answered; detail: that agent's name
    "not-proved",  # not taken as an act: the mail's author is not proved
    "not-own-address",  # taken as a note: it did not come by the agent's own signed address
    "automatic",  # not taken as an act: a machine wrote it
    "closed",  # not sent: the ticket is closed
]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something an agent has to know about the mail they sent; the templates hold its sentence in each language."""

    kind: RemarkKind
    detail: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class StandingStill:
    """Something that has not moved for too long: for the admins' daily letter and for `check --live`.

    what: "mail", "letter", "mailbox", "disk"; name: the mailbox's or disk's name, "" otherwise; since: when it began.
    """

    what: Literal["mail", "letter", "mailbox", "disk"]
    name: str
    since: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LetterView:
    """Every variable a mail template may use. A letter fills those its template needs; the rest keep their defaults.

    subject is without tag and reply prefix. text is what was written now, rest the remainder that was folded away.
    history: earlier entries, newest first. setting: the configuration key that would change what happened.
    """

    desk: str
    mailbox: str
    mailbox_address: str
    language: str
    number: int | None = None
    subject: str = ""
    state: State = "new"
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    requester: Person = Person("")
    author: Person = Person("")
    agent: str = ""
    assignee: str = ""
    created_at: datetime | None = None
    text: str = ""
    rest: str = ""
    attachments: tuple[Listed, ...] = ()
    flags: tuple[str, ...] = ()
    history: tuple[Said, ...] = ()
    mentions: tuple[int, ...] = ()
    effects: tuple[Effect, ...] = ()
    remarks: tuple[Remark, ...] = ()
    commands: tuple[tuple[str, str], ...] = field(default=())
    recipient: str = ""
    error: str = ""
    setting: str = ""
    standing: tuple[StandingStill, ...] = ()
