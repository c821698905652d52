"""What becomes of a mail: the stages, in order, each a tuple of rules an admin can read aloud. Pure.

    gate     who may be believed
    machine  whether a person wrote it at all
    thread   whether it was here before, whether it is held for what it is, which ticket it belongs to
    author   who that is on this ticket
    ways     evidence, author and proof together (matrix.py): a new ticket, an entry, an agent's act; forwards.py: a ticket
             that an agent opens for somebody else
    changes  what the store writes
    letters  who is told; after them only a brake (brakes.py) may take one away, and nothing may add one

A rule takes the case so far and returns it with its reason in `why`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from maildesk.config import Mailbox
from maildesk.desk import (
    acts,
    blocking,
    bounces,
    contact_forms,
    forwards,
    grants,
    history,
    letters,
    machines,
    participants,
    robots,
    verifying,
)
from maildesk.desk.blocking import is_spam
from maildesk.desk.case import Case, Who
from maildesk.desk.decision import Change, Decision, Entered, MentionAdded, Opened, PersonSeen, StateSet
from maildesk.desk.directory import Directory
from maildesk.desk.entering import bounced, entered
from maildesk.desk.evidence import find
from maildesk.desk.held import CAUSES
from maildesk.desk.matrix import line_of, row_of
from maildesk.desk.model import Facts, Outcome, Ticket
from maildesk.desk.questions import recipients_of
from maildesk.desk.trust import Verdict
from maildesk.mail import address as addresses
from maildesk.mail.model import Envelope, Mail
from maildesk.mail.subject import base_subject

# A saved reply address is used again years later for something else; within a week it is still the same matter.
SAVED_ADDRESS_AFTER = timedelta(days=7)
# A subject longer than this is somebody's body.
MAX_SUBJECT_CHARS = 250


# Gate: who may be believed.


def author_is_one(case: Case) -> Case:
    """Exactly one author in From, or nobody is believed."""
    if case.author is not None or case.is_form:
        return case
    return case.flagged("ambiguous-author").because(case.verdict.why)


def author_is_proved(case: Case) -> Case:
    """Proof as [trust] says; without it the mail is taken, and flagged."""
    if case.authority:
        case = case.because(f"it was held or a note before: {case.authority}")
    if case.author is None:
        return case
    case = case.because(case.verdict.why)
    if case.verdict.is_failed:
        return case.flagged("unverified", "auth-fail")
    return case if case.verdict.is_proved else case.flagged("unverified")


def envelope_is_quiet(case: Case) -> Case:
    """An import writes to nobody."""
    return replace(case, is_quiet=True).because("it was imported quietly") if case.envelope.quiet else case


# Thread: which ticket.


def was_here_before(case: Case) -> Case:
    """The same content for the same mailbox within 30 days, by any door: the same mail."""
    for twin in case.facts.twins:
        # A copy that was held, perhaps because somebody broke its signature on the way, takes nothing from the proved one.
        is_worth_more = twin.outcome in ("held", "ignored") and case.verdict.is_proved
        if addresses.same(twin.mailbox, case.mailbox.address) and not is_worth_more:
            return case.settled("duplicate", "redelivered", f"mail {twin.mail_id} has the same content")
    return case


def author_is_not_us(case: Case) -> Case:
    """Mail that claims to come from one of the desk's own addresses is held; a bounce may come from our postmaster."""
    if case.author is None or case.machine == "bounce" or not case.directory.is_own(case.author.address):
        return case
    case = replace(case.flagged("unverified"), who="own", is_quiet=True)
    return case.held("own-address", "its author claims one of our own addresses")


def evidence_is_found(case: Case) -> Case:
    """Signed address, signed Message-ID, known Message-ID, number in the subject: the strongest counts."""
    found = find(case.mail, case.recipients, case.facts, case.directory)
    if any(recipient.is_retired for recipient in case.recipients):
        case = case.because("the key of the signed address it came to is retired: it counts as the mailbox")
    return replace(case, evidence=found).because(*found.why)


def bounce_is_ours(case: Case) -> Case:
    """A bounce belongs to the letter whose signed address or signed Message-ID it returns."""
    if case.machine != "bounce":
        return case
    letter = next(iter(case.facts.letters), None)
    ticket = case.facts.ticket(letter.ticket_id) if letter is not None else None
    if letter is None or ticket is None:
        return case.settled("ignored", "bounce of nothing of ours", "it returns no letter of ours")
    if not bounces.may_count(case, letter):
        return case.settled("ignored", "bounce without its address", "it did not come to the letter's signed address")
    found = replace(case.evidence, level="signed-id", ticket=ticket, answered=letter)
    return replace(case, evidence=found, way="bounce").because(f"it returns a letter of ticket #{ticket.number}")


def machine_without_thread(case: Case) -> Case:
    """An absence notice that belongs to no ticket is kept and ignored."""
    if case.machine == "absence" and case.evidence.level in ("none", "subject"):
        return case.settled("ignored", "absence", "no ticket knows of it")
    return case


# Author: who that is on this ticket.


def author_is_known(case: Case) -> Case:
    """The person the evidence was signed for, another customer of the ticket, an agent, or somebody else."""
    author, ticket = case.author, case.ticket
    if author is None or case.who == "own":
        return case
    if case.is_form:
        # Anybody can type the address of a ticket's people into a form.
        return replace(case, who="other")
    agent = case.directory.agent(author.address)
    who: Who = "other"
    if ticket is not None:
        mine = [p for p in ticket.people if p.kind == "customer" and addresses.same(p.person.address, author.address)]
        if mine:
            who = "addressee" if case.evidence.slot in {p.slot for p in mine} else "participant"
        if mine and all(p.removed for p in mine):
            who = "former"
    if agent is not None and (who in ("other", "former") or case.evidence.is_agent_path):
        who = "agent"
    return replace(case, who=who, agent=agent)


# Ways: an entry, a new ticket, an agent's act.


def agent_speaks_for_somebody(case: Case) -> Case:
    """A proved agent's new mail that is a forward, or begins with #for, is somebody else's ticket."""
    return case if is_spam(case) or case.way else forwards.way_of(case)


def other_mailbox_has_it(case: Case) -> Case:
    """A mail to several of our mailboxes that belongs to a ticket, or forwards what does, becomes one entry there."""
    ticket = case.ticket
    if ticket is None or case.evidence.level == "subject":
        return case
    for twin in case.facts.twins:
        if twin.ticket_id == ticket.id:
            return case.settled(
                "duplicate", "another mailbox", f"mail {twin.mail_id} put it on #{ticket.number} already"
            )
    return case


def agent_has_a_way(case: Case) -> Case:
    """An agent's mail on a ticket is an act or a note; without a ticket it is anyone's mail."""
    if case.who != "agent" or case.ticket is None or case.way:
        return case
    if case.evidence.level == "subject" and not case.verdict.is_aligned:
        return case
    return acts.way_of(case)


def customer_has_a_way(case: Case) -> Case:
    """The matrix; whoever let a held mail in stands for it as an aligned SPF pass would."""
    if case.way:
        return case
    level, proof = case.evidence.level, "S3" if case.authority else case.verdict.level
    row = row_of(level, case.who, proof)
    case = case.because(line_of(level, case.who, proof))
    if row.does == "hold":
        cause = row.cause if case.author is not None else "ambiguous-author"
        return case.held(cause or "auth-fail", CAUSES[cause or "auth-fail"])
    case = case.flagged(*row.flags)
    if row.does == "join":
        return replace(case, way="join")
    return replace(case, way="new", is_quiet=case.is_quiet or row.is_quiet)


def closed_stays_closed(case: Case) -> Case:
    """A mail to a closed ticket opens a follow-up."""
    if case.way != "join" or case.ticket is None or case.ticket.state != "closed" or case.machine:
        return case
    return replace(case, way="new").because(f"#{case.ticket.number} is closed: a follow-up")


def saved_address_is_new_matter(case: Case) -> Case:
    """A saved signed address, without references, with another subject, a week after the ticket was solved."""
    ticket = case.ticket
    if case.way != "join" or ticket is None or case.evidence.level != "signed-address" or case.mail.references:
        return case
    is_old = ticket.state == "solved" and ticket.solved_at and case.facts.now - ticket.solved_at > SAVED_ADDRESS_AFTER
    if not is_old or base_subject(case.mail.subject).casefold() == ticket.subject.casefold():
        return case
    return replace(case, way="new").because(f"another subject, long after #{ticket.number} was solved: a new ticket")


# Changes: what the store writes.


def new_ticket(case: Case) -> Case:
    """The next number; it mentions what its evidence named and what the same mail opened for other mailboxes."""
    if case.way != "new":
        return case
    mentioned = case.also_named()
    tags = ("spam",) if is_spam(case) else ()
    language = letters.customer_language(case)
    opened = Opened(
        subject=base_subject(case.mail.subject)[:MAX_SUBJECT_CHARS],
        mailbox=case.mailbox.address,
        language=language,
        requester=case.author if case.who != "own" else None,
        tags=tags,
        mentions=tuple(t.number for t in mentioned),
    )
    outcome: Outcome = "unreadable" if case.mail.unreadable else "ticket"
    changes: tuple[Change, ...] = (opened, customer_entry(case), *(MentionAdded(t.id) for t in mentioned))
    case = replace(
        case, changes=case.changes + changes, outcome=outcome, mentions=mentioned, cause=case.mail.unreadable
    )
    return case.because("a new ticket")


def new_entry(case: Case) -> Case:
    """An entry; a person's mail brings the ticket back to open, a machine's changes nothing."""
    if case.way != "join" or case.ticket is None:
        return case
    changes: tuple[Change, ...] = (customer_entry(case),)
    is_solved = is_solved_by(case, case.ticket)
    if is_solved:
        changes += (StateSet("solved"),)
    elif not case.machine and case.ticket.state in ("pending", "on-hold", "solved"):
        changes += (StateSet("open"),)
    case = case.because("the requester says that it is solved") if is_solved else case
    return replace(case, changes=case.changes + changes, outcome="entry").because("an entry")


def is_solved_by(case: Case, ticket: Ticket) -> bool:
    """Whether whoever signed in and wrote says that their own request is done."""
    wants = case.envelope.wish == "solve" and case.author is not None and case.verdict.is_aligned
    return wants and ticket.is_requester(case.author.address if case.author else "")


def bounced_letter(case: Case) -> Case:
    """An event that says which address did not get a letter, and why."""
    if case.way != "bounce" or case.mail.bounce is None or case.evidence.answered is None:
        return case
    words = bounced(case.mail, case.evidence.answered.recipient)
    event = entered(case.mail, "bounce", "event", None, case.flags, text=words)
    case = replace(case, changes=(*case.changes, event, *bounces.follow(case)), outcome="entry")
    return case.because(f"an event: {event.text}")


def person_was_seen(case: Case) -> Case:
    """The language and the name of a customer are kept for the next time."""
    if case.author is None or case.machine or case.who in ("agent", "own") or case.way not in ("new", "join"):
        return case
    language = case.mail.language or case.mail.language_stated
    seen = PersonSeen(case.author, case.directory.language(language) if language else None, case.verdict.is_proved)
    return replace(case, changes=(*case.changes, seen))


def customer_entry(case: Case) -> Entered:
    """The entry of a customer's mail."""
    return entered(case.mail, "mail", "customer", case.author, case.flags)


# Letters: who is told.


def customer_is_confirmed(case: Case) -> Case:
    """A new ticket by a person is confirmed, in their language; only a proved one gets words of theirs back."""
    if case.way != "new" or case.author is None or case.machine or is_spam(case):
        return case
    if case.verdict.is_failed and not case.authority:
        return case.because("no confirmation: the author's domain does not stand for it")
    if not case.mailbox.confirm:
        return case.because("no confirmation: the mailbox has none")
    if case.mail.suppress:
        return case.because(f"no confirmation: {case.mail.suppress}")
    return case.with_letters(letters.confirmation(case))


def agents_are_told(case: Case) -> Case:
    """New: all agents of the mailbox. A customer's entry: the assignee, or all when there is none."""
    if case.way not in ("new", "join") or is_spam(case) or case.machine == "absence":
        return case
    if case.ticket is not None and case.way == "join" and "spam" in case.ticket.tags:
        return case.because("nobody is told: the ticket is spam")
    return case.with_letters(*letters.notices(case))


def agents_hear_of_bounce(case: Case) -> Case:
    """A letter that did not arrive is told to the agents, never to the address that bounced."""
    if case.way != "bounce" or case.mail.bounce is None or case.mail.bounce.delayed:
        return case
    if case.evidence.answered is not None and case.evidence.answered.is_bounced:
        return case.because("nobody is told: the same letter bounced before")
    return case.with_letters(*letters.undelivered(case))


Rule = Callable[[Case], Case]
GATE: tuple[Rule, ...] = (
    contact_forms.visitor_is_the_author,
    author_is_one,
    author_is_proved,
    envelope_is_quiet,
    participants.copy_was_blind,
)
MACHINE: tuple[Rule, ...] = machines.RULES
THREAD: tuple[Rule, ...] = (
    was_here_before,
    # Before what else holds a mail: nobody but an admin reads it, whatever else it is.
    machines.other_services_codes_are_held,
    blocking.sender_is_blocked,
    machines.our_own_letter_is_held,
    machines.passed_desks_are_held,
    author_is_not_us,
    grants.one_time_address,
    history.own_requests,
    evidence_is_found,
    bounce_is_ours,
    machine_without_thread,
)
AUTHOR: tuple[Rule, ...] = (author_is_known,)
WAYS: tuple[Rule, ...] = (
    agent_speaks_for_somebody,
    other_mailbox_has_it,
    agent_has_a_way,
    customer_has_a_way,
    closed_stays_closed,
    saved_address_is_new_matter,
    robots.keeps_to_one_ticket,
    verifying.unproved_waits,
)
CHANGES: tuple[Rule, ...] = (
    new_ticket,
    new_entry,
    participants.copied_join,
    bounced_letter,
    acts.changes,
    forwards.changes,
    person_was_seen,
)
LETTERS: tuple[Rule, ...] = (
    customer_is_confirmed,
    agents_are_told,
    agents_hear_of_bounce,
    acts.letters_of,
    forwards.letters_of,
)
STAGES: tuple[tuple[Rule, ...], ...] = (GATE, MACHINE, THREAD, AUTHOR, WAYS, CHANGES, LETTERS)


def decide(
    mail: Mail,
    envelope: Envelope,
    verdict: Verdict,
    facts: Facts,
    directory: Directory,
    mailbox: Mailbox,
    authority: str = "",
) -> Decision:
    """What becomes of one mail for one mailbox; authority: who has let it in since it was held, "" for nobody."""
    case = Case(mail, envelope, verdict, facts, directory, recipients_of(envelope, directory), mailbox, authority)
    for stage in STAGES:
        for rule in stage:
            case = rule(case)
            if case.is_settled:
                return case.decision()
    return case.decision()
