"""The letters that a customer's mail makes the desk owe: who gets which, in which language, with what in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from maildesk.config import Agent
from maildesk.desk.case import Case
from maildesk.desk.directory import Directory
from maildesk.desk.evidence import numbers_in
from maildesk.desk.model import Entry, Facts, LetterPlan, Said, Ticket
from maildesk.desk.trust import Verdict
from maildesk.mail import address as addresses
from maildesk.mail.model import Attachment, Envelope, Mail, Person, Shown

# Attachments travel with a notice up to this size; above it they are named and stay in the store.
MAX_CARRIED_BYTES = 15_000_000
# What a notice repeats of earlier entries: enough to answer from, not the whole thread again.
_HISTORY_ENTRIES = 3
_HISTORY_CHARS = 4000
# A longer mail is shown to this length; the whole of it stays in the store.
_TEXT_CHARS = 100_000
_UNBELIEVED = {"agent-unverified", "auth-fail", "ambiguous-author"}
# RFC 5322, 3.6.4, without the forms that nobody writes.
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>", re.ASCII)


def customer_language(case: Case) -> str:
    """Content-Language, then the text, then the person's last, then the mailbox's, then the desk's."""
    mail = case.mail
    return case.directory.language(
        mail.language_stated, mail.language, case.facts.last_language, case.mailbox.language or None
    )


def confirmation(case: Case) -> LetterPlan:
    """The confirmation of a new ticket: fixed text unless the author is proved."""
    author = case.author or Person("")
    is_proved = case.verdict.is_proved
    view = case.view(customer_language(case), None)
    if is_proved:
        view = case.view(
            customer_language(case), None, requester=author, text=case.mail.text, attachments=case.listed()
        )
    return LetterPlan(
        notice="confirmation" if is_proved else "confirmation-unproved",
        recipient=Person(author.address),
        role="customer",
        from_name=case.directory.mailbox_name(case.mailbox),
        view=view,
        replies_to=short_id(case.mail.message_id),
        is_unproved=not is_proved,
        is_echo=bool(numbers_in(case.mail.subject) or numbers_in(case.mail.text[:_TEXT_CHARS])),
        grant=None if is_proved else "silence",
    )


def for_somebody(case: Case, person: Person, language: str, message_id: str | None = None) -> LetterPlan:
    """The confirmation of a ticket that an agent opened for somebody: fixed text, for nobody has proved that they wrote."""
    return LetterPlan(
        notice="confirmation-for",
        recipient=Person(person.address),
        role="customer",
        from_name=case.directory.mailbox_name(case.mailbox),
        view=case.view(language, None, author=Person("")),
        replies_to=short_id(message_id),
        is_unproved=True,
        grant="silence",
    )


def for_web(directory: Directory, ticket: Ticket, address: str, language: str, now: datetime) -> LetterPlan:
    """The confirmation to the right address of a request from the form: fixed text, as the first one was."""
    mailbox = directory.mailbox(ticket.mailbox)
    envelope = Envelope("web", "", None, (), now)
    case = Case(Mail(), envelope, Verdict(), Facts(now, ticket.mailbox), directory, (), mailbox)
    plan = for_somebody(case, Person(address), directory.language(language))
    return replace(plan, notice="confirmation-unproved")


def short_id(message_id: str | None) -> str | None:
    """A Message-ID that may go into a letter to somebody unproved: well formed, at most 250 octets."""
    return message_id if message_id and len(message_id) <= 250 and _MESSAGE_ID.fullmatch(message_id) else None


def carried(attachments: Iterable[Attachment], spent_bytes: int = 0) -> tuple[Attachment, ...]:
    """The attachments that travel with a letter, in order, as many as fit beside what is spent already."""
    kept, total = [], spent_bytes
    for attachment in attachments:
        total += attachment.size_bytes
        if total > MAX_CARRIED_BYTES:
            break
        kept.append(attachment)
    return tuple(kept)


def told(case: Case, ticket: Ticket | None) -> tuple[Agent, ...]:
    """Who hears of a customer's entry: the assignee, or every agent of the mailbox; never the author."""
    mailbox = case.mailbox if ticket is None else case.directory.mailbox(ticket.mailbox)
    able = case.directory.agents_of(mailbox)
    if ticket is not None and ticket.assignee:
        able = tuple(a for a in able if addresses.same(a.address, ticket.assignee or "")) or able
    return tuple(a for a in able if a != case.agent)


def notices(case: Case) -> tuple[LetterPlan, ...]:
    """The notices of a customer's mail."""
    ticket = case.ticket if case.way == "join" else None
    earlier = case.facts.entries_of(ticket.id) if ticket is not None else ()
    return tuple(
        notice(case, "new" if ticket is None else "reply", agent, ticket, earlier) for agent in told(case, ticket)
    )


def notice(case: Case, name: str, agent: Agent, ticket: Ticket | None, earlier: Iterable[Entry]) -> LetterPlan:
    """One notice of the mail at hand to one agent."""
    mail = case.mail
    author = case.author or Person("")
    mailbox = case.mailbox if ticket is None else case.directory.mailbox(ticket.mailbox)
    text = mail.text.strip()
    rest = "\n".join(block.text for block in mail.blocks if block.kind != "own").strip("\n")
    writer = case.directory.agent_name(case.agent) if case.agent and name != "new" else author.name or author.address
    # A note is told as text: should an agent's program quote it in a way nobody knows, its lines are found again.
    shown = None if name == "note" else mail.shown
    pictures = () if shown is None else _pictures(mail.attachments, shown)
    in_place = {one.place for one in shown.pictures} if shown else set[int]()
    others = [place for place in range(len(mail.attachments)) if place not in in_place]
    kept = carried((mail.attachments[place] for place in others), sum(one.size_bytes for one in pictures))
    travelling = {*in_place, *others[: len(kept)]}
    values: dict[str, object] = {
        "text": text[:_TEXT_CHARS],
        "html": shown.html if shown else "",
        "rest": rest[:_TEXT_CHARS],
        "attachments": tuple(replace(one, is_carried=place in travelling) for place, one in enumerate(case.listed())),
        "history": said(case, earlier),
        "error": mail.unreadable or "",
        "agent": writer if case.agent else "",
        "recipient": case.directory.agent_name(agent),
    }
    if ticket is None:
        values |= {"mentions": tuple(t.number for t in case.mentions), "requester": author}
    via = case.directory.mailbox_name(mailbox)
    return LetterPlan(
        notice=name,
        recipient=Person(agent.address, case.directory.agent_name(agent)),
        role="agent",
        from_name=f"{writer} via {via}" if writer else via,
        view=case.view(case.language_of(agent), ticket, **values),
        attachments=kept,
        pictures=pictures,
    )


def _pictures(attachments: tuple[Attachment, ...], shown: Shown) -> tuple[Attachment, ...]:
    """The pictures that a mail's HTML shows in place, under the ids it is shown with."""
    return tuple(replace(attachments[one.place], type=one.type, content_id=one.content_id) for one in shown.pictures)


def said(case: Case, earlier: Iterable[Entry]) -> tuple[Said, ...]:
    """The last few things said on a ticket, newest first, for whoever answers.

    Not what is forged or may be: a history has no room for the warning, and would show it under the name it claims.
    """
    spoken = [e for e in earlier if e.kind != "event" and e.text.strip() and not _UNBELIEVED & set(e.flags)]
    spoken = spoken[:_HISTORY_ENTRIES]
    return tuple(Said(name_of(case, e.author), e.at, e.text.strip()[:_HISTORY_CHARS], e.kind) for e in spoken)


def name_of(case: Case, author: Person | None) -> str:
    """How a letter to an agent names an author."""
    if author is None:
        return ""
    agent = case.directory.agent(author.address)
    return case.directory.agent_name(agent) if agent else author.name or author.address


def undelivered(case: Case) -> tuple[LetterPlan, ...]:
    """The agents hear that a letter did not arrive; the address it was for never does."""
    ticket, letter, bounce = case.ticket, case.evidence.answered, case.mail.bounce
    if ticket is None or letter is None or bounce is None:
        return ()
    error = "; ".join(f"{f.recipient} {f.status or ''}".strip() for f in bounce.failures) or case.mail.subject
    return refused(case.directory, case.facts, ticket, letter.recipient, letter.notice, error)


def refused(
    directory: Directory, facts: Facts, ticket: Ticket, recipient: str, notice_name: str, error: str
) -> tuple[LetterPlan, ...]:
    """The notices about a letter that will not arrive. A lost "undelivered" causes no further one."""
    if notice_name == "undelivered":
        return ()
    mailbox = directory.mailbox(ticket.mailbox)
    envelope = Envelope("desk", "", None, (), facts.now)
    case = Case(Mail(), envelope, Verdict(), facts, directory, (), mailbox)
    return tuple(
        LetterPlan(
            "undelivered",
            Person(agent.address, directory.agent_name(agent)),
            "agent",
            directory.mailbox_name(mailbox),
            case.view(case.language_of(agent), ticket, recipient=recipient, error=error),
        )
        for agent in told(case, ticket)
        if not addresses.same(agent.address, recipient)
    )
