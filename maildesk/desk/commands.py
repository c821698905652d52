"""The commands an agent writes at the top of a mail: one function and one line in COMMANDS each. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

from maildesk.config import Agent
from maildesk.desk.directory import Directory
from maildesk.desk.model import Effect, Priority, Remark, State, Ticket
from maildesk.desk.participants import is_nobody
from maildesk.mail import address as addresses
from maildesk.mail.inner_author import named_in
from maildesk.mail.model import Person
from maildesk.mail.people import NAME_CHARS

# Below this line a "#" is a heading or a list, not a command.
MAX_COMMAND_LINES = 20


@dataclass(frozen=True, slots=True)
class Act:
    """What the commands of one mail ask for; None and () leave the ticket as it is."""

    state: State | None = None
    assignee: str | None = None
    unassigns: bool = False
    priority: Priority | None = None
    tags: tuple[str, ...] | None = None
    requester: Person | None = None
    added: tuple[Person, ...] = ()
    removed: tuple[Person, ...] = ()
    is_note: bool = False
    is_forced: bool = False
    wants_help: bool = False


class BadArgument(ValueError):
    """A command's argument is missing or unknown; the text says what it takes."""


class HasRequester(ValueError):
    """The ticket is somebody's already; the text says whose."""


@dataclass(frozen=True, slots=True)
class Command:
    """A word, what follows it, and what it does to the act."""

    name: str
    argument: str
    run: Callable[[str, Act, Ticket, Agent, Directory], Act]


def _state(state: State) -> Callable[[str, Act, Ticket, Agent, Directory], Act]:
    def run(argument: str, act: Act, _ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
        _nothing(argument)
        return replace(act, state=state)

    return run


def _note(_argument: str, act: Act, _ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    return replace(act, is_note=True)


def _send(argument: str, act: Act, _ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    _nothing(argument)
    return replace(act, is_forced=True)


def _help(argument: str, act: Act, _ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    _nothing(argument)
    return replace(act, wants_help=True)


def _nothing(argument: str) -> None:
    """Words behind a command that takes none would be lost, perhaps an answer."""
    if argument:
        raise BadArgument("")


def _assign(argument: str, act: Act, ticket: Ticket, agent: Agent, directory: Directory) -> Act:
    """An agent of the mailbox by address, name or first name; "me"; "none"."""
    wanted = argument.strip().casefold().removeprefix("@")
    if wanted in ("none", "nobody", "-"):
        return replace(act, assignee=None, unassigns=True)
    if wanted in ("me", "mine"):
        return replace(act, assignee=agent.address, unassigns=False)
    able = directory.agents_of(directory.mailbox(ticket.mailbox))
    tests: tuple[Callable[[Agent], bool], ...] = (
        lambda a: any(addresses.same(wanted, x) for x in (a.address, *a.aliases)),
        lambda a: directory.agent_name(a).casefold() == wanted,
        lambda a: directory.agent_name(a).casefold().split()[:1] == [wanted],
        lambda a: addresses.split(a.address)[0].casefold() == wanted,
    )
    for matches in tests:
        found = [a for a in able if matches(a)]
        if len(found) == 1:
            return replace(act, assignee=found[0].address, unassigns=False)
    raise BadArgument(", ".join(directory.agent_name(a) for a in able) + ", me, none")


def _priority(argument: str, act: Act, _ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    for priority in get_args(Priority):
        if argument.strip().casefold() == priority:
            return replace(act, priority=priority)
    raise BadArgument(", ".join(get_args(Priority)))


def _tag(argument: str, act: Act, ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    """Words are added, words with a minus in front removed: "#tag refund -urgent"."""
    words = argument.replace(",", " ").split()
    if not words:
        raise BadArgument("refund -urgent")
    tags = list(ticket.tags if act.tags is None else act.tags)
    for word in words:
        tag = word.removeprefix("-").removeprefix("#").casefold()[:40]
        tags = [t for t in tags if t != tag]
        if tag and not word.startswith("-"):
            tags.append(tag)
    return replace(act, tags=tuple(tags))


def _spam(argument: str, act: Act, ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    _nothing(argument)
    tags = ticket.tags if act.tags is None else act.tags
    return replace(act, state="solved", tags=tags if "spam" in tags else (*tags, "spam"))


def _cc(argument: str, act: Act, ticket: Ticket, _agent: Agent, directory: Directory) -> Act:
    """Somebody who gets the answers from now on: "#cc sam@client.test Sam"; who was copied sees all of them."""
    person = _somebody(argument)
    if person is None or is_nobody(person.address, directory) or ticket.is_requester(person.address):
        raise BadArgument("sam@example.com Sam")
    others = tuple(p for p in act.added if not addresses.same(p.address, person.address))
    return replace(act, added=(*others, person), removed=_without(act.removed, person))


def _uncc(argument: str, act: Act, ticket: Ticket, _agent: Agent, _directory: Directory) -> Act:
    """Somebody who gets no answer any more; whose ticket it is stays."""
    others = tuple(p for p in ticket.customers if not ticket.is_requester(p.address))
    person = _somebody(argument)
    known = None if person is None else next((p for p in others if addresses.same(p.address, person.address)), None)
    if known is None:
        raise BadArgument(", ".join(p.address for p in others))
    return replace(act, added=_without(act.added, known), removed=(*_without(act.removed, known), known))


def _without(people: tuple[Person, ...], person: Person) -> tuple[Person, ...]:
    return tuple(p for p in people if not addresses.same(p.address, person.address))


def _somebody(argument: str) -> Person | None:
    """Who stands in an argument: "lea@client.test Lea Martin", "Lea Martin <lea@client.test>"; None for nobody and for two."""
    found = named_in(argument).person
    if found is None:
        return None
    behind = argument[argument.casefold().rfind(found.address.casefold()) + len(found.address) :]
    return Person(found.address, found.name or " ".join(behind.strip(" >]),;").split())[:NAME_CHARS])


def _for(argument: str, act: Act, ticket: Ticket, _agent: Agent, directory: Directory) -> Act:
    """Whose ticket it is, where nobody knows: "#for lea@client.test Lea Martin", "#for Lea Martin <lea@client.test>"."""
    if ticket.requester is not None:
        raise HasRequester(shown(ticket.requester))
    found = _somebody(argument)
    # An agent's or a mailbox's own address is nobody to write to, and of two addresses nobody knows which is meant.
    if found is None or directory.is_own(found.address) or directory.agent(found.address) is not None:
        raise BadArgument("lea@example.com Lea Martin")
    if act.requester is not None and not addresses.same(act.requester.address, found.address):
        raise BadArgument("lea@example.com Lea Martin")
    return replace(act, requester=found)


def shown(person: Person) -> str:
    """A person in one line: "Lea Martin <lea@client.test>"."""
    return f"{person.name} <{person.address}>" if person.name else person.address


COMMANDS = (
    Command("note", "", _note),
    Command("solved", "", _state("solved")),
    Command("open", "", _state("open")),
    Command("pending", "", _state("pending")),
    Command("hold", "", _state("on-hold")),
    Command("assign", "NAME", _assign),
    Command("for", "ADDRESS NAME", _for),
    Command("cc", "ADDRESS NAME", _cc),
    Command("uncc", "ADDRESS", _uncc),
    Command("priority", "low|normal|high|urgent", _priority),
    Command("tag", "WORD -WORD", _tag),
    Command("spam", "", _spam),
    Command("send", "", _send),
    Command("help", "", _help),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The commands at the top of a text, and the text below them. refused: why none of them was done."""

    act: Act
    text: str
    has_commands: bool
    refused: Remark | None = None


def read(text: str, ticket: Ticket, agent: Agent, directory: Directory) -> Reading:
    """The leading lines that begin with "#", all or nothing: one that cannot be done refuses the whole block.

    Blank lines between them do not end the block: an HTML mail has one between any two lines.
    """
    lines, count = _commands(text)
    rest = "\n".join(lines[count:]).strip("\n")
    act, said = Act(), []
    for line in filter(str.strip, lines[:count]):
        word, argument = _word(line)
        command = next((c for c in COMMANDS if c.name == word.casefold().rstrip(":")), None)
        if command is None:
            nearest = difflib.get_close_matches(word.casefold(), [c.name for c in COMMANDS], n=1, cutoff=0.5)
            return Reading(
                Act(), rest, True, Remark("unknown-command", f"#{word}"[:60], f"#{nearest[0]}" if nearest else "")
            )
        try:
            act = command.run(argument.strip(), act, ticket, agent, directory)
        except HasRequester as error:
            return Reading(Act(), rest, True, Remark("has-requester", str(error)))
        except BadArgument as error:
            return Reading(Act(), rest, True, Remark("bad-argument", line.strip()[:120], str(error)))
        if command.name == "note" and argument.strip():
            said.append(argument.strip())
    return Reading(act, "\n".join([*said, rest]).strip("\n"), count > 0)


def names_somebody(text: str) -> bool:
    """Whether `#for` stands among the commands at the top of a text."""
    lines, count = _commands(text)
    return any(_word(line)[0].casefold().rstrip(":") == "for" for line in lines[:count])


def _commands(text: str) -> tuple[list[str], int]:
    """The lines of a text, and how many at its top are commands or lie between them."""
    lines, count = text.strip("\n").split("\n"), 0
    for number, line in enumerate(lines[:MAX_COMMAND_LINES]):
        if line.lstrip().startswith("#"):
            count = number + 1
        elif line.strip():
            break
    return lines, count


def _word(line: str) -> tuple[str, str]:
    """A command line's word and what follows it. Any white space parts them: mail programs write no-break spaces and tabs."""
    word, argument = [*line.strip().removeprefix("#").split(maxsplit=1), "", ""][:2]
    return word, argument


def effects(act: Act, ticket: Ticket, state: State, assignee: str | None, directory: Directory) -> tuple[Effect, ...]:
    """What becomes different, in the order a receipt says it."""

    def name(address: str | None) -> str:
        agent = directory.agent(address) if address else None
        return directory.agent_name(agent) if agent else address or ""

    found = []
    if state != ticket.state:
        found.append(Effect("state", ticket.state, state))
    if (assignee or "") != (ticket.assignee or ""):
        found.append(Effect("assignee", name(ticket.assignee), name(assignee)))
    if act.requester is not None:
        found.append(Effect("requester", "", shown(act.requester)))
    full = tuple(p.person for p in ticket.readers if p.reach == "full")
    found += [Effect("cc", "", shown(p)) for p in act.added if _without(full, p) == full]
    found += [Effect("uncc", shown(p), "") for p in act.removed]
    if act.priority is not None and act.priority != ticket.priority:
        found.append(Effect("priority", ticket.priority, act.priority))
    if act.tags is not None and act.tags != ticket.tags:
        found.append(Effect("tags", " ".join(ticket.tags), " ".join(act.tags)))
    return tuple(found)


def in_words(effect: Effect) -> str:
    """An effect as an event says it."""
    if effect.what in ("cc", "uncc"):
        return f"cc: +{effect.after}" if effect.after else f"cc: -{effect.before}"
    return f"{effect.what}: {effect.before or '-'} → {effect.after or '-'}"
