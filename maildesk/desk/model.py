"""The desk's own nouns: tickets, entries, what happened, what is owed. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from maildesk.mail.address import same
from maildesk.mail.model import Attachment, Person

if TYPE_CHECKING:
    from maildesk.desk.asking import Wanted
    from maildesk.desk.own_requests import History, OwnLine, Passage

State = Literal["new", "open", "pending", "on-hold", "solved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
EntryKind = Literal["customer", "agent", "note", "event"]
# How an entry's words follow from its mail (desk/entering.py); "" when they do not.
Derivation = Literal["", "mail", "bounce", "act", "forwarded"]
LetterKind = Literal["confirmation", "notice", "answer", "receipt", "failure", "sign-in", "digest"]
Reach = Literal["limited", "full"]
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
    """An attachment as a letter names it. is_carried: it goes along with a letter that carries attachments."""

    name: str
    size_bytes: int
    is_carried: bool = True


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

    what: "state", "priority", "assignee", "tags", "requester", "cc", "uncc", "note" or "answer"; before and after as
    the ticket shows them (a state word, an agent's name, tags with spaces between, a person with their address), "" for nothing.
    """

    what: Literal["state", "priority", "assignee", "tags", "requester", "cc", "uncc", "note", "answer"]
    before: str = ""
    after: str = ""


RemarkKind = Literal[
    "customer-wrote-again",  # the answer went out although the customer had written again; detail: ""
    "not-sent-to",  # further addresses in the agent's mail got nothing; detail: the addresses, ", " between
    "file-left-out",  # an attached letter of the desk did not go along; detail: ""
    "unknown-command",  # nothing was done; detail: the word; more: the nearest command, "" when none is near
    "bad-argument",  # nothing was done; detail: the whole command line; more: what it takes
    "nothing-to-send",  # the mail held neither a text nor a command
    "too-many",  # not sent: ten answers went out on the ticket within the hour; detail: how many
    "answered-meanwhile",  # not sent: another agent answered; detail: that agent's name
    "not-proved",  # not taken as an act: the mail's author is not proved
    "not-own-address",  # taken as a note: it did not come by the agent's own signed address
    "automatic",  # not taken as an act: a machine wrote it
    "reply-to",  # not taken as an act: From and Reply-To name different people, and one of them is an agent
    "nobody-to-answer",  # not sent: the ticket has no customer who could be believed
    "has-requester",  # nothing was done: #for on a ticket whose requester is known; detail: that person
    "already-known",  # kept as a note: what was forwarded belongs to this ticket already
    "as-any",  # an agent's forward or #for that was not taken as an act: a ticket of the agent's own
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

    what: "mail", "letter", "mailbox", "disk" or "confirmations" (to unproved addresses).
    name: the mailbox's or the disk's, "" otherwise; since: when it began.
    """

    what: Literal["mail", "letter", "mailbox", "disk", "confirmations"]
    name: str
    since: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Participant:
    """One person of a ticket; the slot stands in the tokens of their letters.

    reach: "limited" gets agents' answers without their files. joined_entry: the ticket's newest entry when they joined; they
    have no answer that is older. removed: they get nothing any more.
    """

    slot: int
    kind: Literal["customer", "agent"]
    person: Person
    reach: Reach = "full"
    joined_entry: int = 0
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request and its state. id stands in tokens, number is what people say. requester None: nobody could be believed.

    people: customers and agents who have an address on this ticket; tags and mentions in the order they came.
    """

    id: int
    number: int
    subject: str
    state: State
    priority: Priority
    mailbox: str
    language: str
    assignee: str | None
    requester: Person | None
    tags: tuple[str, ...]
    mentions: tuple[int, ...]
    created_at: datetime
    updated_at: datetime
    solved_at: datetime | None = None
    merged_into: int | None = None
    people: tuple[Participant, ...] = ()

    @property
    def customers(self) -> tuple[Person, ...]:
        """Everybody an answer goes to, the requester first."""
        return tuple(p.person for p in self.readers)

    @property
    def readers(self) -> tuple[Participant, ...]:
        """Those who get answers, with what they may see; the requester first."""
        found = (p for p in self.people if p.kind == "customer" and not p.removed)
        return tuple(sorted(found, key=lambda p: not self.is_requester(p.person.address)))

    def is_requester(self, address: str) -> bool:
        """Whether the ticket is this person's."""
        return self.requester is not None and same(self.requester.address, address)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said or happened on a ticket."""

    id: int
    kind: EntryKind
    author: Person | None
    at: datetime
    text: str
    full_text: str
    message_id: str | None
    flags: tuple[str, ...]
    mail_id: int | None = None


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter of ours that a mail refers to. entry_id: the ticket's newest entry when it was written."""

    id: int
    kind: LetterKind
    notice: str
    ticket_id: int | None
    slot: int
    recipient: str
    message_id: str
    entry_id: int
    created_at: datetime | None = None
    is_bounced: bool = False


# What the holder of a one-time address may do: let held mail in (held), make an act of what was a note (confirm), say that a
# request is theirs (verify), or have the desk write to that address no more (silence).
GrantKind = Literal["held", "confirm", "verify", "silence"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a signed address of purpose 3 allows; address: whose mailbox it was sent to."""

    id: int
    kind: GrantKind
    address: str
    ticket_id: int | None
    mail_id: int | None
    created_at: datetime
    used_at: datetime | None = None


# What was just done with a held mail; "unknown": it is not held, or not this agent's to decide on.
Fate = Literal["", "released", "discarded", "unknown"]


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A mail that is held, as letters and lists name it; fate: what was just done with it. author: as From claims it.

    excerpt: how its text begins, "" where that is nothing for a letter.
    """

    id: int
    received_at: datetime
    mailbox: str = ""
    author: str = ""
    subject: str = ""
    cause: str = ""
    excerpt: str = ""
    fate: Fate = ""


@dataclass(frozen=True, slots=True)
class Twin:
    """A settled mail with the same content: the same mail by another road, or for another of our mailboxes."""

    mail_id: int
    mailbox: str
    outcome: Outcome
    ticket_id: int | None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Questions:
    """What a decision needs to know of the store; `questions.needed` asks, `facts.answer` answers all in one place.

    is_identified: the mail has a Message-ID, so that two with the same content are one. wanted: what its proved author asks
    of their own requests.
    """

    content_key: str
    ticket_ids: tuple[int, ...]
    foreign_ids: tuple[str, ...]
    inner_ids: tuple[str, ...]
    letter_ids: tuple[str, ...]
    copies: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]
    author: str | None
    is_identified: bool
    named: tuple[str, ...] = ()
    grant_ids: tuple[int, ...] = ()
    held_ids: tuple[int, ...] = ()
    message_id: str | None = None
    subject: str = ""
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The answers. tickets holds every ticket that any evidence names; entries those of each, newest first.

    known: foreign Message-IDs of the references that a ticket holds, in the order of the references.
    inner: those of the mails that were forwarded, likewise.
    agent_letters: the last letters to the author on those tickets, newest first. agent_read: the texts of
    the letters that an agent who wrote may have answered. explained: "not-taken" in the last hour. grant: what the
    one-time address allows that the mail came to; held: the held mails that it names. acted: earlier mails with the same
    Message-ID that became entries, where an agent wrote. silenced: addresses of To and Cc that want no mail; added_today:
    how many people the author has added to tickets of theirs in 24 hours.
    robot: the ticket that a suspect robot's mails go to. history: what the store has for who asks for their own requests.
    """

    now: datetime
    mailbox: str
    tickets: tuple[Ticket, ...] = ()
    entries: tuple[tuple[int, tuple[Entry, ...]], ...] = ()
    known: tuple[tuple[str, int], ...] = ()
    inner: tuple[tuple[str, int], ...] = ()
    letters: tuple[SentLetter, ...] = ()
    twins: tuple[Twin, ...] = ()
    agent_letters: tuple[SentLetter, ...] = ()
    agent_read: tuple[str, ...] = ()
    last_language: str | None = None
    explained: int = 0
    grant: Grant | None = None
    held: tuple[HeldLine, ...] = ()
    acted: tuple[int, ...] = ()
    silenced: tuple[str, ...] = ()
    added_today: int = 0
    robot: int | None = None
    history: History | None = None

    def ticket(self, ticket_id: int | None) -> Ticket | None:
        """The ticket of this id, where the store has it."""
        return next((t for t in self.tickets if t.id == ticket_id), None)

    def entries_of(self, ticket_id: int) -> tuple[Entry, ...]:
        """A ticket's entries, newest first."""
        return next((entries for found, entries in self.entries if found == ticket_id), ())


NOBODY = Person("")


@dataclass(frozen=True, slots=True)
class LetterView:
    """Every variable a mail template may use. A letter fills those its template needs; the rest keep their defaults.

    subject is without tag and reply prefix. text is what was written now, rest the remainder that was folded away.
    html: the text with its formatting, as mail/shown.py made it and nothing else; "" where only the text says it.
    candidates: who may have written what an agent forwarded. copied: whom the reader has added since the last answer.
    history: earlier entries, newest first. setting: the key that would change what happened. held: mails that are kept back;
    quiet: new tickets that nobody was told of, by their numbers. confirmable: an answer that begins with #confirm has the
    mail carried out. numbers: tickets that one letter confirms together. link, code: to sign in by, for so many minutes.
    silence: the letter's List-Unsubscribe ends automatic letters. own: requests of the reader's, more: beyond those;
    looked_for: words; conversation: a request, oldest first.
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
    requester: Person = NOBODY
    author: Person = NOBODY
    candidates: tuple[Person, ...] = ()
    copied: tuple[str, ...] = ()
    agent: str = ""
    assignee: str = ""
    created_at: datetime | None = None
    text: str = ""
    html: str = ""
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
    held: tuple[HeldLine, ...] = ()
    quiet: tuple[HeldLine, ...] = ()
    confirmable: bool = False
    numbers: tuple[int, ...] = ()
    silence: bool = False
    link: str = ""
    code: str = ""
    minutes: int = 0
    own: tuple[OwnLine, ...] = ()
    more: int = 0
    looked_for: str = ""
    conversation: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class LetterPlan:
    """A letter that is owed; `settle` adds the ticket's number, the addresses that are signed, and the bytes.

    notice: a name in NOTICES. role: in which capacity the recipient gets it. from_name: who it seems to come from.
    replies_to: the Message-ID it answers. attachments: those of the mail that is being settled go along; pictures:
    those among them that view.html shows in place, each under the id it has there.
    is_unproved: the stricter brake applies; is_echo: the mail that causes it bears a desk's number. grant: what the letter's
    own one-time address allows, "silence" as the address of List-Unsubscribe, the others as Reply-To. reply_to: of ours, where
    answers go instead of the ticket's or the mailbox's.
    """

    notice: str
    recipient: Person
    role: Literal["customer", "agent", "admin"]
    from_name: str
    view: LetterView
    replies_to: str | None = None
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[Attachment, ...] = ()
    is_unproved: bool = False
    is_echo: bool = False
    grant: GrantKind | None = None
    reply_to: str = ""
