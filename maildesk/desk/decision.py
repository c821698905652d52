"""A decision: what becomes of a mail, what changes, which letters are owed. Values only; `settle` must know every change."""

from __future__ import annotations

from dataclasses import dataclass

from maildesk.desk.model import Derivation, EntryKind, Flag, LetterPlan, Outcome, Priority, State
from maildesk.mail.model import Person


@dataclass(frozen=True, slots=True)
class Opened:
    """A new ticket, with the next number."""

    subject: str
    mailbox: str
    language: str
    requester: Person | None
    tags: tuple[str, ...] = ()
    mentions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Entered:
    """A new entry. `has_attachments`: the mail's attachments are this entry's. derived: how its words follow from the mail.

    Where they are those of the mail that was forwarded, so are its Message-ID and its attachments.
    """

    kind: EntryKind
    author: Person | None
    subject: str
    text: str
    full_text: str
    flags: tuple[Flag, ...] = ()
    has_attachments: bool = True
    derived: Derivation = ""


@dataclass(frozen=True, slots=True)
class StateSet:
    """The ticket's state from now on."""

    state: State


@dataclass(frozen=True, slots=True)
class AssigneeSet:
    """Who takes care of the ticket: an agent's address, or nobody."""

    assignee: str | None


@dataclass(frozen=True, slots=True)
class RequesterSet:
    """Whose ticket it is, where nobody knew so far."""

    requester: Person


@dataclass(frozen=True, slots=True)
class PrioritySet:
    """How urgent the ticket is."""

    priority: Priority


@dataclass(frozen=True, slots=True)
class TagsSet:
    """All of the ticket's tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MentionAdded:
    """Another ticket mentions this decision's ticket, and is mentioned by it."""

    ticket_id: int


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """Somebody wrote: their name, the language of their mail, and whether they were proved."""

    person: Person
    language: str | None
    is_proved: bool


Change = Opened | Entered | StateSet | AssigneeSet | RequesterSet | PrioritySet | TagsSet | MentionAdded | PersonSeen


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one mail: its outcome, the ticket, what changes, which letters are owed, and why.

    ticket_id: the ticket that changes apply to; None with `Opened` among the changes, or for no ticket at all.
    """

    outcome: Outcome
    why: tuple[str, ...]
    ticket_id: int | None = None
    cause: str | None = None
    changes: tuple[Change, ...] = ()
    letters: tuple[LetterPlan, ...] = ()
