"""What a proved agent's new mail opens for somebody else: a customer's mail that they forward, or what `#for` names. Pure.

The agent vouches for whoever it is, so that the desk may write to them; what it writes is fixed text all the same.
Where two people may have written it, nobody is written to before the agent has said who.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from maildesk.config import Agent
from maildesk.desk import letters, replays
from maildesk.desk.case import Case
from maildesk.desk.commands import COMMANDS, Reading, effects, in_words, names_somebody, read
from maildesk.desk.decision import (
    AssigneeSet,
    Change,
    Entered,
    Joined,
    MentionAdded,
    Opened,
    PersonSeen,
    PrioritySet,
    StateSet,
)
from maildesk.desk.entering import entered
from maildesk.desk.evidence import Evidence
from maildesk.desk.model import Effect, LetterPlan, Remark, Said, Ticket
from maildesk.mail.automatic import is_robot
from maildesk.mail.model import Forwarded, Mail, Person
from maildesk.mail.subject import base_subject
from maildesk.mail.token import read_message_id

# A subject longer than this is somebody's body.
MAX_SUBJECT_CHARS = 250
# What a letter returns of a mail that was not carried out.
MAX_RETURNED_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Behalf:
    """What an agent's mail asks for.

    requester: None where the agent has to say which of the candidates it is. ticket: as it will be; its number is not
    known yet. effects: what the receipt says.
    """

    agent: Agent
    forwarded: Forwarded | None
    requester: Person | None
    candidates: tuple[Person, ...]
    reading: Reading
    ticket: Ticket
    effects: tuple[Effect, ...]


def way_of(case: Case) -> Case:
    """Whether an agent's mail speaks for somebody else, and if it does not although it looks so, why."""
    agent, forwarded = case.agent, case.mail.forwarded
    if agent is None or case.who != "agent" or case.ticket is not None or case.machine:
        return case
    top = _top(case)
    if forwarded is None and not names_somebody(top):
        return case
    if not case.verdict.is_aligned:
        return case.because("an agent's mail for somebody else, but not proved: as anyone's")
    case = replays.once(case)
    if case.is_settled:
        return case
    if (ticket := _known(case)) is not None:
        why = f"what it forwards is on ticket #{ticket.number} already"
        return replace(case, evidence=Evidence("known-id", ticket, why=(why,))).because(why)
    found = behalf(case, agent)
    if found.reading.refused is not None:
        remark = found.reading.refused
        return replace(case, way="returned").because(f"not done, the agent is told ({remark.kind})")
    if found.requester is not None:
        return replace(case, way="for").because(f"a proved agent opens it for {found.requester.address}")
    if found.candidates or (forwarded is not None and forwarded.author is None and not forwarded.authors):
        return replace(case, way="for").because("a proved agent opens it, and is asked for whom")
    return case.because("whoever wrote what it forwards is nobody to write to: the agent's own")


def _top(case: Case) -> str:
    """The agent's own words above everything else: commands are read there and nowhere else."""
    if case.mail.forwarded is not None:
        return case.mail.forwarded.above
    blocks = case.mail.blocks
    return blocks[0].text if blocks and blocks[0].kind == "own" else ""


def _known(case: Case) -> Ticket | None:
    """The ticket of a letter of ours that was forwarded; else the one that has the forwarded mail, other than one that this
    very mail has opened for another mailbox."""
    inner = case.mail.forwarded.message_ids if case.mail.forwarded else ()
    sent = [x.token.ticket_id for text in inner if (x := read_message_id(case.directory.keyring, text)) is not None]
    twins = {twin.ticket_id for twin in case.facts.twins if twin.outcome == "ticket"}
    held = (ticket_id for _, ticket_id in case.facts.inner if ticket_id not in twins)
    return next((t for i in (*sent, *held) if (t := case.facts.ticket(i)) is not None), None)


def behalf(case: Case, agent: Agent) -> Behalf:
    """What the mail of a proved agent asks for."""
    mail, forwarded = case.mail, _theirs(case)
    subject = base_subject(forwarded.subject if forwarded else mail.subject)[:MAX_SUBJECT_CHARS]
    languages = (forwarded.language if forwarded else None, case.mailbox.language or None, mail.language)
    now = case.facts.now
    blank = Ticket(
        0,
        0,
        subject,
        "new",
        "normal",
        case.mailbox.address,
        case.directory.language(*languages),
        None,
        None,
        (),
        (),
        now,
        now,
    )
    # What we wrote ourselves and forward belongs to the agent's own words.
    words = mail.full_text if mail.forwarded and not forwarded else _top(case)
    reading = read(words, blank, agent, case.directory)
    act = reading.act
    possible = _possible(forwarded)
    usable = tuple(one for one in possible if _is_usable(case, one))
    is_sure = forwarded is not None and forwarded.author is not None and len(possible) == 1
    requester = act.requester or (usable[0] if is_sure and usable else None)
    state = act.state or "new"
    assignee = act.assignee or (agent.address if state == "solved" and not act.unassigns else None)
    changed = effects(replace(act, requester=requester), blank, state, assignee, case.directory)
    ticket = replace(
        blank,
        state=state,
        assignee=assignee,
        requester=requester,
        priority=act.priority or "normal",
        tags=act.tags or (),
        mentions=tuple(t.number for t in case.also_named()),
    )
    return Behalf(agent, forwarded, requester, () if is_sure else usable, reading, ticket, changed)


def _theirs(case: Case) -> Forwarded | None:
    """The forwarded mail, but None for one of our own: what the desk or an agent wrote is never a customer's entry.

    A notice holds notes, and whatever stands in a customer's entry may go along with an answer to them.
    """
    people = _possible(case.mail.forwarded)
    is_ours = bool(people) and all(_is_ours(case, person) for person in people)
    return None if is_ours else case.mail.forwarded


def _possible(forwarded: Forwarded | None) -> tuple[Person, ...]:
    if forwarded is None:
        return ()
    return forwarded.authors or ((forwarded.author,) if forwarded.author else ())


def _is_ours(case: Case, person: Person) -> bool:
    return case.directory.is_own(person.address) or case.directory.agent(person.address) is not None


def _is_usable(case: Case, person: Person) -> bool:
    """Whether somebody may be written to as a customer: not one of our own addresses, no agent, no robot."""
    return not (_is_ours(case, person) or is_robot(person.address))


def changes(case: Case) -> Case:
    """The ticket; the forwarded mail as the customer's entry; the agent's words as a note; who opened it as an event."""
    if case.agent is None:
        return case
    if case.way == "returned":
        return replace(case, outcome="ignored", cause="not done")
    if case.way != "for":
        return case
    found = behalf(case, case.agent)
    mail, ticket, forwarded = case.mail, found.ticket, found.forwarded
    agent = Person(found.agent.address, case.directory.agent_name(found.agent))
    opened = Opened(ticket.subject, ticket.mailbox, ticket.language, found.requester, ticket.tags, ticket.mentions)
    written: list[Change] = [opened]
    if forwarded is not None:
        written.append(_inner(found, mail))
    words = found.reading.text.strip()
    if words or forwarded is None or forwarded.beside:
        # What stands in a note reaches no customer: the agent's words and files about somebody are not for them.
        written.append(entered(mail, "act", "note", agent, text=words))
    event = "; ".join(map(in_words, found.effects))
    if forwarded is not None and forwarded.date is not None:
        event = f"{event}; written: {forwarded.date:%Y-%m-%d %H:%M} UTC".removeprefix("; ")
    if event:
        written.append(Entered("event", agent, mail.subject, event, event, (), has_attachments=False))
    written += (Joined(person, "full") for person in found.reading.act.added)
    if ticket.state != "new":
        written.append(StateSet(ticket.state))
    if ticket.assignee is not None:
        written.append(AssigneeSet(ticket.assignee))
    if ticket.priority != "normal":
        written.append(PrioritySet(ticket.priority))
    if found.requester is not None:
        language = forwarded.language if forwarded else None
        spoken = case.directory.language(language) if language else None
        written.append(PersonSeen(found.requester, spoken, False))
    mentioned = case.also_named()
    written += (MentionAdded(t.id) for t in mentioned)
    return replace(case, changes=case.changes + tuple(written), outcome="ticket", mentions=mentioned).because(
        "a new ticket"
    )


def _inner(found: Behalf, mail: Mail) -> Entered:
    """The forwarded mail as its author's entry; nobody has proved it, and where nobody knows whose it is, it is nobody's."""
    if found.requester is not None:
        return entered(mail, "forwarded", "customer", found.requester, ("unverified",))
    # Where nobody knows who wrote, nobody knows either which of it is the writer's own.
    whole = mail.forwarded.text if mail.forwarded else ""
    return entered(mail, "forwarded", "customer", None, ("unverified", "ambiguous-author"), text=whole)


def letters_of(case: Case) -> Case:
    """The customer's confirmation, the colleagues' notices, and what the agent has to know."""
    agent = case.agent
    if agent is None:
        return case
    if case.way == "new":
        return _explained(case, agent)
    if case.way == "returned":
        return case.with_letters(_returned(case, agent))
    if case.way != "for":
        return case
    found = behalf(case, agent)
    plans = []
    if found.requester is not None and "spam" not in found.ticket.tags:
        if case.mailbox.confirm:
            inner = next(iter(found.forwarded.message_ids), None) if found.forwarded else None
            plans.append(letters.for_somebody(case, found.requester, found.ticket.language, inner))
        else:
            case = case.because("no confirmation: the mailbox has none")
    if "spam" not in found.ticket.tags:
        plans += _notices(case, found)
    if found.requester is None:
        forwarded = found.forwarded
        about = {"candidates": found.candidates, "text": forwarded.text if forwarded else ""}
        author = Person("", forwarded.name if forwarded else "")
        plans.append(_to_agent(case, "who-wrote", found, author=author, **about))
    if found.effects:
        plans.append(_to_agent(case, "receipt", found, effects=found.effects))
    if found.reading.act.wants_help:
        usage = tuple((f"#{c.name} {c.argument}".strip(), c.name) for c in COMMANDS)
        plans.append(_to_agent(case, "help", found, commands=usage))
    return case.with_letters(*plans)


def _notices(case: Case, found: Behalf) -> list[LetterPlan]:
    """What the other agents of the mailbox get of the forwarded mail, the agent's own words below it as a note."""
    forwarded, words = found.forwarded, found.reading.text.strip()
    shown = replace(case.mail, text=words, blocks=(), shown=None)
    if forwarded is not None:
        entry = _inner(found, case.mail)
        author = found.requester or Person("", forwarded.name)
        blocks = forwarded.blocks if entry.text != forwarded.text else ()
        files = (*forwarded.attachments, *forwarded.beside)
        shown = replace(shown, author=author, text=entry.text, blocks=blocks, attachments=files)
        case = replace(case, flags=entry.flags)
    name = case.directory.agent_name(found.agent)
    earlier = (Said(name, case.facts.now, words, "note"),) if forwarded is not None and words else ()
    plans = []
    for colleague in letters.told(case, None):
        plan = letters.notice(replace(case, mail=shown), "new", colleague, None, ())
        view = replace(
            plan.view,
            agent=name,
            history=earlier,
            requester=found.requester or Person(""),
            assignee=_assignee(case, found),
        )
        plans.append(replace(plan, view=view))
    return plans


def _assignee(case: Case, found: Behalf) -> str:
    assignee = case.directory.agent(found.ticket.assignee) if found.ticket.assignee else None
    return case.directory.agent_name(assignee) if assignee else ""


def _returned(case: Case, agent: Agent) -> LetterPlan:
    """A command that cannot be done opens nothing: the mail goes back, whole, with the reason."""
    found = behalf(case, agent)
    remarks = (found.reading.refused,) if found.reading.refused else ()
    return _to_agent(case, "not-done", found, remarks=remarks, text=case.mail.full_text[:MAX_RETURNED_CHARS])


def _explained(case: Case, agent: Agent) -> Case:
    """An agent's mail for somebody else that is not proved opens a ticket of their own; they hear why, once an hour."""
    is_tried = case.mail.forwarded is not None or names_somebody(_top(case))
    is_taken = case.verdict.is_aligned or case.verdict.is_failed
    if case.who != "agent" or case.ticket is not None or case.machine or not is_tried or is_taken:
        return case
    if case.facts.explained:
        return case.because("the agent was told so within the last hour")
    remarks = (Remark("not-proved"), Remark("as-any"))
    text = case.mail.text[:MAX_RETURNED_CHARS]
    found = behalf(case, agent)
    return case.with_letters(
        _to_agent(case, "not-taken", found, remarks=remarks, setting="[trust] authserv_ids", text=text)
    )


def _to_agent(case: Case, name: str, found: Behalf, /, **values: object) -> LetterPlan:
    agent = found.agent
    known: dict[str, object] = {
        "subject": found.ticket.subject,
        "requester": found.requester or Person(""),
        "assignee": _assignee(case, found),
        "recipient": case.directory.agent_name(agent),
    }
    return LetterPlan(
        name,
        Person(agent.address, case.directory.agent_name(agent)),
        "agent",
        case.directory.mailbox_name(case.mailbox),
        case.view(case.language_of(agent), None, **(known | values)),
        replies_to=None if name == "not-taken" else case.mail.message_id,
    )
