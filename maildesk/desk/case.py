"""One mail on its way to a decision: what is known of it and what was decided so far. Values only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from maildesk.config import Agent, Mailbox
from maildesk.desk.decision import Change, Decision, Evidenced
from maildesk.desk.directory import Directory, Recipient
from maildesk.desk.evidence import NO_EVIDENCE, THREAD_LEVELS, Evidence
from maildesk.desk.held import Cause
from maildesk.desk.model import Facts, Flag, LetterPlan, LetterView, Listed, Outcome, Ticket
from maildesk.desk.trust import Verdict
from maildesk.mail.model import Envelope, Mail, Person

Machine = Literal["", "own", "bounce", "absence", "automatic"]
Who = Literal["nobody", "own", "addressee", "participant", "former", "agent", "other"]
Way = Literal["", "new", "for", "join", "act", "note", "bounce", "returned"]


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, what the store knows of it, and the decision as far as the stages have come.

    authority: who let a held mail in, or confirmed an act ("released ana@desk.test", "confirmed ana@desk.test"); "" nobody.
    mail: as it came, but a contact form's is its visitor's (is_form). is_quiet: no letter at all. is_settled: a rule has
    the last word, the rest are not asked.
    """

    mail: Mail
    envelope: Envelope
    verdict: Verdict
    facts: Facts
    directory: Directory
    recipients: tuple[Recipient, ...]
    mailbox: Mailbox
    authority: str = ""
    is_form: bool = False
    machine: Machine = ""
    evidence: Evidence = NO_EVIDENCE
    who: Who = "nobody"
    agent: Agent | None = None
    way: Way = ""
    is_quiet: bool = False
    is_settled: bool = False
    outcome: Outcome = "received"
    cause: str | None = None
    flags: tuple[Flag, ...] = ()
    mentions: tuple[Ticket, ...] = ()
    changes: tuple[Change, ...] = ()
    letters: tuple[LetterPlan, ...] = ()
    cc_joined: int = 0
    cc_refused: int = 0
    why: tuple[str, ...] = ()

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that the evidence names."""
        return self.evidence.ticket

    @property
    def author(self) -> Person | None:
        """Whoever is believed to have written."""
        return self.mail.author

    def because(self, *why: str) -> Case:
        """The same with more reasons."""
        return replace(self, why=self.why + why)

    def flagged(self, *flags: Flag) -> Case:
        """The same with more flags, each once."""
        return replace(self, flags=tuple(dict.fromkeys(self.flags + flags)))

    def settled(self, outcome: Outcome, cause: str, *why: str) -> Case:
        """The last word: nothing is written to anybody."""
        return replace(self, is_settled=True, outcome=outcome, cause=cause, why=self.why + why)

    def held(self, cause: Cause, *why: str) -> Case:
        """Kept back: nothing is written, to the store's tickets or to anybody, until a person lets it in."""
        if self.authority:
            return self.because(*why, f"and it is let in: {self.authority}")
        return self.settled("held", cause, *why)

    @property
    def is_addressed(self) -> bool:
        """Whether To or Cc names the signed address that the mail came by."""
        tokens = {r.token for r in self.recipients if r.token is not None}
        return any(self.directory.token_of(address) in tokens for address in (*self.mail.to, *self.mail.cc))

    @property
    def is_confirmed(self) -> bool:
        """Whether the agent who wrote has said by a one-time address that the mail is theirs."""
        verb, _, address = self.authority.partition(" ")
        return verb == "confirmed" and self.agent is not None and self.directory.agent(address) == self.agent

    def with_letters(self, *letters: LetterPlan) -> Case:
        """The same with more letters."""
        return replace(self, letters=self.letters + letters)

    def language_of(self, agent: Agent) -> str:
        """The language of letters to an agent."""
        return self.directory.language(agent.language, None)

    def view(self, language: str, ticket: Ticket | None, **values: object) -> LetterView:
        """A letter's variables, those of the ticket and the mailbox filled in."""
        mailbox = self.mailbox if ticket is None else self.directory.mailbox(ticket.mailbox)
        assignee = self.directory.agent(ticket.assignee) if ticket is not None and ticket.assignee else None
        filled: dict[str, object] = {
            "desk": self.directory.name,
            "mailbox": self.directory.mailbox_name(mailbox),
            "mailbox_address": mailbox.address,
            "language": language,
            "author": self.author or Person(""),
            "created_at": self.facts.now,
            "flags": tuple(self.flags),
        }
        if ticket is not None:
            filled |= {
                "number": ticket.number,
                "subject": ticket.subject,
                "state": ticket.state,
                "priority": ticket.priority,
                "tags": ticket.tags,
                "requester": ticket.requester or Person(""),
                "assignee": self.directory.agent_name(assignee) if assignee else "",
                "mentions": ticket.mentions,
                "created_at": ticket.created_at,
            }
        return LetterView(**(filled | values))  # type: ignore[arg-type]

    def listed(self) -> tuple[Listed, ...]:
        """The mail's attachments as letters name them."""
        return tuple(Listed(a.name, a.size_bytes) for a in self.mail.attachments)

    def also_named(self) -> tuple[Ticket, ...]:
        """The tickets that a new one mentions: what the evidence named, and what the same mail opened elsewhere."""
        twins = (t.ticket_id for t in self.facts.twins if t.ticket_id is not None and t.outcome == "ticket")
        named = (self.ticket, *self.evidence.tagged, *map(self.facts.ticket, twins))
        return tuple(dict.fromkeys(t for t in named if t is not None))

    def decision(self) -> Decision:
        """The case as the store writes it."""
        is_new = self.way in ("new", "for")
        ticket_id = None if is_new or self.ticket is None or not self.changes else self.ticket.id
        return Decision(
            self.outcome,
            self.why,
            ticket_id,
            self.cause,
            self.changes,
            () if self.is_quiet else self.letters,
            Evidenced(
                THREAD_LEVELS[self.evidence.level], self.who, self.verdict.level, self.cc_joined, self.cc_refused
            ),
        )
