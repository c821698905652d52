"""What an agent's mail does on a ticket: an answer, a note, commands, or nothing but an explanation. Pure.

An act needs the agent's own signed address and what [trust] agent_proof asks for; everything else stays internal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from maildesk.config import Agent
from maildesk.desk import letters, replays
from maildesk.desk.case import Case
from maildesk.desk.commands import COMMANDS, Act, Reading, effects, in_words, read
from maildesk.desk.decision import (
    AssigneeSet,
    Change,
    Entered,
    Joined,
    PersonSeen,
    PrioritySet,
    Removed,
    RequesterSet,
    StateSet,
    TagsSet,
)
from maildesk.desk.entering import entered
from maildesk.desk.model import Effect, Entry, EntryKind, LetterPlan, Listed, Remark, State, Ticket
from maildesk.desk.outgoing import answer_files, answer_text, is_letter, without_letters
from maildesk.desk.participants import had, newly_copied, with_people
from maildesk.mail import address as addresses
from maildesk.mail.model import Block, Person

_NOT_SENT = ("answered-meanwhile", "nobody-to-answer", "too-many")
# Two programs that answer each other, one of them in an agent's mailbox, stop here; a person has `#send`.
ANSWERS_AN_HOUR = 10


def way_of(case: Case) -> Case:
    """Whether an agent's mail is an act, and if not, why."""
    reason = why_no_act(case)
    if reason is None:
        if case.is_confirmed:
            return replace(case, way="act").because("an agent's act: they have confirmed that it is theirs")
        case = replays.once(case)
        if case.is_settled:
            return case
        return replace(case, way="act").because("an agent's act: by their own signed address, and proved as configured")
    is_known = case.verdict.is_aligned
    case = replace(case if is_known else case.flagged("agent-unverified"), way="note")
    return case.because(f"not an agent's act ({reason.kind}): a note")


def why_no_act(case: Case) -> Remark | None:
    """What an agent's mail lacks to be an act; None when it is one."""
    if case.machine:
        return Remark("automatic")
    if case.is_confirmed:
        return None
    if _other_reply_to(case):
        return Remark("reply-to")
    if case.verdict.is_signed and case.evidence.level == "signed-address" and not case.is_addressed:
        # What an agent signed for somebody else was brought here by whoever has it.
        return Remark("not-own-address")
    if case.directory.needs_alignment and not case.verdict.is_aligned:
        return Remark("not-proved")
    if case.verdict.is_failed:
        return Remark("not-proved")
    if not _came_by_own_address(case):
        # A forward comes to the mailbox; that it is of this ticket is all there is to say.
        is_forward = case.mail.forwarded is not None and case.verdict.is_aligned
        return Remark("already-known" if is_forward else "not-own-address")
    return None


def _other_reply_to(case: Case) -> bool:
    """Whether the answer to an agent's mail would go to somebody who is neither that agent nor the desk."""
    other = case.mail.reply_to
    if other is None or case.agent is None or case.directory.is_own(other.address):
        return False
    return case.directory.agent(other.address) != case.agent


def _came_by_own_address(case: Case) -> bool:
    evidence, ticket, agent = case.evidence, case.ticket, case.agent
    if ticket is None or agent is None or not evidence.is_agent_path:
        return False
    # Where a mailbox has no signed addresses the notice's signed Message-ID stands in for one.
    if evidence.level == "signed-id" and case.directory.mailbox(ticket.mailbox).reply_address != "none":
        return False
    slot = next((p for p in ticket.people if p.slot == evidence.slot and p.kind == "agent"), None)
    return slot is not None and case.directory.agent(slot.person.address) == agent


@dataclass(frozen=True, slots=True)
class Deed:
    """An act as it was understood: what is read, what goes out, what changes, what the agent must know.

    is_returned: nothing is done or sent; the mail goes back with its remarks. texts: what each reader gets, by address.
    """

    reading: Reading
    text: str
    is_answer: bool
    is_note: bool
    is_returned: bool
    state: State
    assignee: str | None
    effects: tuple[Effect, ...]
    remarks: tuple[Remark, ...]
    texts: tuple[tuple[str, str], ...] = ()


def deed(case: Case, ticket: Ticket, agent: Agent) -> Deed:
    """What the mail of a proved agent asks for."""
    blocks = without_letters(case.mail.blocks, case.facts.agent_read)
    reading = read(_top(blocks), ticket, agent, case.directory)
    act = reading.act
    own = {agent.address, *agent.aliases}
    mailbox = case.directory.mailbox(ticket.mailbox)
    entries = case.facts.entries_of(ticket.id)
    after = with_people(ticket, reading.act, entries)
    have = {reader.person.address: had(entries, reader) for reader in after.readers}
    texts = {to: answer_text(blocks, reading.text, has, own, mailbox.address) for to, has in have.items()}
    # What is kept shows what any reader got quoted.
    text = answer_text(blocks, reading.text, (e for has in have.values() for e in has), own, mailbox.address)
    if reading.refused is not None:
        return Deed(reading, text, False, False, True, ticket.state, ticket.assignee, (), (reading.refused,))
    before, ticket = ticket, after
    has_text = bool(_words(blocks, reading) or case.mail.attachments)
    is_note, is_answer = act.is_note and has_text, has_text and not act.is_note
    remarks: tuple[Remark, ...] = ()
    since = _since(case, ticket)
    if is_answer:
        waits = None if act.is_forced else _why_it_waits(case, agent, entries, since)
        waits = waits if ticket.customers else Remark("nobody-to-answer")
        if waits is not None:
            return Deed(reading, text, False, False, True, ticket.state, ticket.assignee, (), (waits,))
        if any(e.kind == "customer" and "automatic" not in e.flags for e in since):
            remarks += (Remark("customer-wrote-again"),)
    others = _further_addresses(case, ticket, own)
    if others:
        remarks += (Remark("not-sent-to", ", ".join(others)),)
    if is_answer and any(map(is_letter, case.mail.attachments)):
        remarks += (Remark("file-left-out"),)
    if not has_text and not reading.has_commands:
        remarks += (Remark("nothing-to-send"),)
    state = act.state or ("pending" if is_answer else ticket.state)
    assignee = None if act.unassigns else act.assignee or ticket.assignee
    takes = is_answer or act.state == "solved"
    if assignee is None and takes and not act.unassigns:
        assignee = agent.address
    changed = effects(act, before, state, assignee, case.directory)
    if is_note:
        changed = (Effect("note"), *changed)
    if is_answer:
        changed = (Effect("answer"), *changed)
    return Deed(reading, text, is_answer, is_note, False, state, assignee, changed, remarks, tuple(texts.items()))


def _top(blocks: tuple[Block, ...]) -> str:
    """The newest text above any quote: commands are read there and nowhere else."""
    return blocks[0].text if blocks and blocks[0].kind == "own" else ""


def _words(blocks: tuple[Block, ...], reading: Reading) -> str:
    later = [b.text for b in blocks[1:] if b.kind == "own"]
    return "".join((reading.text, *later)).strip()


def _agent_of(case: Case, entry: Entry) -> Agent | None:
    return case.directory.agent(entry.author.address) if entry.author else None


def _since(case: Case, ticket: Ticket) -> tuple[Entry, ...]:
    """What was said after the letter that this mail answers; after the last letter to the agent where it names none."""
    seen = case.evidence.answered or next((x for x in case.facts.agent_letters if x.ticket_id == ticket.id), None)
    if seen is None:
        return ()
    return tuple(e for e in case.facts.entries_of(ticket.id) if e.id > seen.entry_id and e.kind != "event")


def _why_it_waits(case: Case, agent: Agent, entries: Iterable[Entry], since: Iterable[Entry]) -> Remark | None:
    """Why an answer comes back before it is sent: a colleague's went out, or answers fly to and fro as robots' do."""
    for rival in (e for e in since if e.kind == "agent" and _agent_of(case, e) not in (None, agent)):
        return Remark("answered-meanwhile", letters.name_of(case, rival.author))
    lately = sum(e.kind == "agent" and case.facts.now - e.at < timedelta(hours=1) for e in entries)
    return Remark("too-many", str(lately)) if lately >= ANSWERS_AN_HOUR else None


def _further_addresses(case: Case, ticket: Ticket, own: set[str]) -> tuple[str, ...]:
    """Addresses in To and Cc that are neither ours, nor the agent's, nor a customer's of the ticket."""
    known = {*own, *(p.address for p in ticket.customers)}
    return tuple(
        dict.fromkeys(
            a
            for a in (*case.mail.to, *case.mail.cc)
            if not case.directory.is_own(a) and not any(addresses.same(a, k) for k in known)
        )
    )


def changes(case: Case) -> Case:
    """The entries and changes of an agent's act or note."""
    ticket, agent = case.ticket, case.agent
    if ticket is None or agent is None or case.way not in ("act", "note"):
        return case
    author = Person(agent.address, case.directory.agent_name(agent))
    mail = case.mail
    if case.way == "note":
        note = entered(mail, "mail", "note", author, case.flags)
        return replace(case, changes=(*case.changes, note), outcome="entry")
    done = deed(case, ticket, agent)
    found: list[Change] = []
    if done.is_returned:
        found.append(entered(mail, "act", "note", author, case.flags, text=done.text))
        case = case.because(f"not done, the agent is told ({done.remarks[0].kind})")
    else:
        # Before the answer, which whoever is added gets.
        act = done.reading.act
        found += (*(Joined(person, "full") for person in act.added), *(Removed(person) for person in act.removed))
        if act.requester is not None:
            found += (RequesterSet(act.requester), PersonSeen(act.requester, None, False))
    if not done.is_returned and (done.is_answer or done.is_note):
        kind: EntryKind = "agent" if done.is_answer else "note"
        found.append(entered(mail, "act", kind, author, case.flags, text=done.text))
        case = case.because("an answer to the customer" if done.is_answer else "an internal note")
    shown = tuple(e for e in done.effects if e.what not in ("answer", "note"))
    if shown and done.reading.has_commands:
        words = "; ".join(map(in_words, shown))
        found.append(Entered("event", author, mail.subject, words, words, (), has_attachments=False))
    found += _set(done.reading.act, done, ticket)
    if not found:
        help_only = done.reading.act.wants_help
        return replace(case, outcome="ignored", cause="help" if help_only else "nothing to do")
    return replace(case, changes=case.changes + tuple(found), outcome="entry")


def _set(act: Act, done: Deed, ticket: Ticket) -> list[Change]:
    found: list[Change] = []
    if done.state != ticket.state:
        found.append(StateSet(done.state))
    if done.assignee != ticket.assignee:
        found.append(AssigneeSet(done.assignee))
    if act.priority is not None and act.priority != ticket.priority:
        found.append(PrioritySet(act.priority))
    if act.tags is not None and act.tags != ticket.tags:
        found.append(TagsSet(act.tags))
    return found


def letters_of(case: Case) -> Case:
    """The answer, the line to the colleagues, and what the agent has to know."""
    ticket, agent = case.ticket, case.agent
    if ticket is None or agent is None:
        return case
    if case.way == "note":
        return _explained(case, ticket, agent)
    if case.way != "act":
        return case
    done = deed(case, ticket, agent)
    if done.is_returned:
        name = "not-sent" if done.remarks[0].kind in _NOT_SENT else "not-done"
        newer = tuple(e for e in _since(case, ticket) if e.kind in ("agent", "customer"))
        view = {"remarks": done.remarks, "text": case.mail.text, "history": letters.said(case, newer)}
        return case.with_letters(_to_agent(case, name, ticket, agent, **view))
    plans: list[LetterPlan] = []
    copied = newly_copied(ticket, case.facts.entries_of(ticket.id))
    ticket = with_people(ticket, done.reading.act, case.facts.entries_of(ticket.id))
    named = done.reading.act.requester
    if named is not None:
        plans += _named(case, ticket, agent, named, is_answered=done.is_answer)
    if done.is_answer:
        plans += _answers(case, ticket, agent, done, copied)
        plans += _taken(case, ticket, agent)
    if done.is_note and ticket.assignee and not addresses.same(ticket.assignee, agent.address):
        plans += _colleague(case, "note", ticket, ticket.assignee)
    if done.assignee and done.assignee != ticket.assignee and not addresses.same(done.assignee, agent.address):
        plans += _colleague(case, "assigned", ticket, done.assignee)
    if done.reading.act.wants_help:
        usage = tuple((f"#{c.name} {c.argument}".strip(), c.name) for c in COMMANDS)
        plans.append(_to_agent(case, "help", ticket, agent, commands=usage))
    if (done.reading.has_commands and done.effects) or done.remarks:
        plans.append(_to_agent(case, "receipt", ticket, agent, effects=done.effects, remarks=done.remarks))
    return case.with_letters(*plans)


def _named(case: Case, ticket: Ticket, agent: Agent, person: Person, *, is_answered: bool) -> list[LetterPlan]:
    """Who was named is confirmed to, unless an answer says more at once; the colleagues hear who it is."""
    mailbox = case.directory.mailbox(ticket.mailbox)
    name = case.directory.agent_name(agent)
    colleagues = (other for other in letters.told(case, ticket) if other != agent)
    plans = [_to_agent(case, "named", ticket, other, agent=name) for other in colleagues]
    if mailbox.confirm and not is_answered and "spam" not in ticket.tags:
        plans.insert(0, letters.for_somebody(replace(case, mailbox=mailbox), person, ticket.language))
    return plans


def _answers(case: Case, ticket: Ticket, agent: Agent, done: Deed, copied: tuple[str, ...]) -> list[LetterPlan]:
    """One letter to each reader: none says who else reads it, but the requester hears of those whom they added."""
    mailbox = case.directory.mailbox(ticket.mailbox)
    name = case.directory.agent_name(agent)
    entries = case.facts.entries_of(ticket.id)
    whole = answer_files(case.mail.attachments, (agent.address, *agent.aliases), mailbox.address)
    texts = dict(done.texts)
    plans = []
    for reader in ticket.readers:
        customer, is_requester = reader.person, ticket.is_requester(reader.person.address)
        own = (e for e in had(entries, reader) if e.kind == "customer" and e.message_id)
        last = next(own, None)
        files = whole if reader.reach == "full" else ()
        language = ticket.language or case.directory.language(mailbox.language or None)
        view = case.view(
            language,
            ticket,
            text=texts[customer.address],
            copied=copied if is_requester else (),
            requester=customer,
            agent=name,
            attachments=tuple(Listed(a.name, a.size_bytes) for a in files),
            author=Person("", name),
            state=done.state,
        )
        plans.append(
            LetterPlan(
                "answer",
                Person(customer.address),
                "customer",
                f"{name} ({case.directory.mailbox_name(mailbox)})",
                view,
                replies_to=last.message_id if last else None,
                attachments=files,
            )
        )
    return plans


def _taken(case: Case, ticket: Ticket, agent: Agent) -> list[LetterPlan]:
    """The colleagues hear once that somebody answers: at their first answer since somebody else's."""
    last = next((e for e in case.facts.entries_of(ticket.id) if e.kind == "agent"), None)
    if last is not None and _agent_of(case, last) == agent:
        return []
    colleagues = case.directory.agents_of(case.directory.mailbox(ticket.mailbox))
    name = case.directory.agent_name(agent)
    return [_to_agent(case, "taken", ticket, other, agent=name) for other in colleagues if other != agent]


def _colleague(case: Case, name: str, ticket: Ticket, address: str) -> list[LetterPlan]:
    colleague = case.directory.agent(address)
    if colleague is None or colleague == case.agent:
        return []
    return [letters.notice(case, name, colleague, ticket, case.facts.entries_of(ticket.id))]


def _explained(case: Case, ticket: Ticket, agent: Agent) -> Case:
    """What was not taken as an act is answered to the registered address, once an hour; never to a machine."""
    reason = why_no_act(case)
    if reason is None or case.machine:
        return replace(case, is_quiet=True)
    if case.envelope.quiet:
        return case
    if reason.kind == "already-known":
        return case.with_letters(_to_agent(case, "receipt", ticket, agent, remarks=(reason,)))
    if case.facts.explained:
        return case.because("the agent was told so within the last hour")
    setting = "[trust] agent_proof" if reason.kind == "not-proved" else "[[mailbox]] reply_address"
    values: dict[str, object] = {"remarks": (reason,), "setting": setting, "text": case.mail.text, "confirmable": True}
    values["attachments"] = case.listed()
    plan = replace(_to_agent(case, "not-taken", ticket, agent, **values), grant="confirm")
    return case.with_letters(plan)


def _to_agent(case: Case, name: str, ticket: Ticket, agent: Agent, /, **values: object) -> LetterPlan:
    mailbox = case.directory.mailbox(ticket.mailbox)
    view = case.view(case.language_of(agent), ticket, recipient=case.directory.agent_name(agent), **values)
    replies_to = case.mail.message_id if agent == case.agent and name != "not-taken" else None
    return LetterPlan(
        name,
        Person(agent.address, case.directory.agent_name(agent)),
        "agent",
        case.directory.mailbox_name(mailbox),
        view,
        replies_to=replies_to,
    )
