"""A decision: what becomes of a mail, what changes, which letters are owed. Values only; `settle` must know every change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maildesk.desk.model import Derivation, EntryKind, Flag, LetterPlan, Outcome, Priority, Reach, State
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
class Joined:
    """Somebody takes part from now on, or sees more than so far; whoever was removed begins anew."""

    person: Person
    reach: Reach


@dataclass(frozen=True, slots=True)
class Removed:
    """Somebody takes part no more."""

    person: Person


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


@dataclass(frozen=True, slots=True)
class LetIn:
    """A mail is settled again on somebody's word: "released ana@desk.test" what was held, "confirmed …" what was a note."""

    mail_id: int
    authority: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """A held mail is let go of; its bytes are kept as long as it would have been held."""

    mail_id: int
    by: str


@dataclass(frozen=True, slots=True)
class GrantUsed:
    """A one-time address was used, and is worth nothing from now on."""

    grant_id: int


@dataclass(frozen=True, slots=True)
class Silenced:
    """An address gets no automatic letter until then; None: for good, in every spelling that counts as it."""

    address: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LetterBounced:
    """A letter of ours came back for good."""

    letter_id: int


Change = (
    Silenced
    | LetterBounced
    | Opened
    | Entered
    | StateSet
    | AssigneeSet
    | RequesterSet
    | Joined
    | Removed
    | PrioritySet
    | TagsSet
    | MentionAdded
    | PersonSeen
    | LetIn
    | Discarded
    | GrantUsed
)


@dataclass(frozen=True, slots=True)
class Evidenced:
    """What a decision rested on, for one line of the log: T3 to T0 or "-", who on that ticket, S4 to S0.

    cc_joined, cc_refused: how many of To and Cc became participants, and how many did not.
    """

    thread: str = "-"
    who: str = "nobody"
    sender: str = "S2"
    cc_joined: int = 0
    cc_refused: int = 0


NO_EVIDENCE_YET = Evidenced()


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
    evidenced: Evidenced = NO_EVIDENCE_YET
