"""What a mail to a one-time address does: let held mail in, make an act of what was a note. Pure.

Such an address stands in one letter to one person, and does that one thing. Whoever holds the letter could do it, so each
also asks who wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from maildesk.config import Agent
from maildesk.desk.case import Case
from maildesk.desk.decision import Change, Discarded, GrantUsed, LetIn, Silenced
from maildesk.desk.directory import Directory
from maildesk.desk.held import FOR_ADMINS, HELD_FOR
from maildesk.desk.model import Grant, GrantKind, HeldLine, LetterPlan, Remark
from maildesk.mail.model import Block, Person

# Like a link to sign in, and long enough for a weekend.
CONFIRM_FOR = timedelta(hours=72)
VERIFY_FOR = timedelta(hours=24)
# Of a letter's first lines; nobody lets in more by hand.
MAX_NAMED = 50
_LINE = re.compile(r"#(release|discard)((?:[ \t,]+#?\d{1,15})+)[ \t]*", re.IGNORECASE | re.ASCII)
_CONFIRM = re.compile(r"#confirm[ \t.!]*", re.IGNORECASE | re.ASCII)


def orders(blocks: tuple[Block, ...]) -> tuple[tuple[int, str], ...]:
    """The mails that the first lines above any quote name, each once, with "release" or "discard"."""
    found: dict[int, str] = {}
    for line in _top(blocks):
        match = _LINE.fullmatch(line)
        if match is None:
            break
        for number in re.findall(r"\d+", match[2]):
            if len(found) < MAX_NAMED:
                found.setdefault(int(number), match[1].lower())
    return tuple(found.items())


def _top(blocks: tuple[Block, ...]) -> list[str]:
    own = blocks[0].text if blocks and blocks[0].kind == "own" else ""
    return [line.strip() for line in own.splitlines() if line.strip()]


def one_time_address(case: Case) -> Case:
    """A mail to a one-time address does what the address is for, and nothing else."""
    grant = case.facts.grant
    if grant is None or (case.machine and grant.kind != "silence"):
        return case
    return DOES[grant.kind](case.because("it came to a one-time address"), grant)


def _confirm(case: Case, grant: Grant) -> Case:
    """The agent says that a mail was theirs: it is carried out. Anything else in such a mail is anyone's mail."""
    agent = _holder(case, grant)
    lines = _top(case.mail.blocks)
    if agent is None:
        return case.held("agent-unverified", "its author is not the agent whom the address was sent to")
    if not lines or _CONFIRM.fullmatch(lines[0]) is None:
        return case.because("it does not begin with #confirm")
    if case.verdict.level == "S0":
        return case.held("agent-unverified", "its author's domain says that it is forged")
    if grant.used_at is not None or case.facts.now - grant.created_at > CONFIRM_FOR or grant.mail_id is None:
        return case.because("the address was used before, or is too old")
    changes: tuple[Change, ...] = (LetIn(grant.mail_id, f"confirmed {agent.address}"), GrantUsed(grant.id))
    return replace(case, changes=changes).settled("ignored", "confirmed", f"mail {grant.mail_id} is confirmed")


def _held(case: Case, grant: Grant) -> Case:
    """An agent's answer to the letter about held mail."""
    agent = _holder(case, grant)
    if agent is None or case.facts.now - grant.created_at > HELD_FOR:
        return case.held(
            "agent-unverified", "its author is not the agent whom the address was sent to, or it is too old"
        )
    if case.verdict.is_failed or (case.directory.needs_alignment and not case.verdict.is_aligned):
        case = case.held("agent-unverified", "it is not proved that the agent wrote it")
        if case.facts.explained:
            return case
        return case.with_letters(
            receipt(case, agent, (), remarks=(Remark("not-proved"),), setting="[trust] agent_proof")
        )
    known = {line.id: line for line in case.facts.held}
    done: list[HeldLine] = []
    changes: list[Change] = []
    for mail_id, verb in orders(case.mail.blocks):
        line = known.get(mail_id)
        if line is None or not may_see(case.directory, agent, line):
            done.append(HeldLine(mail_id, case.facts.now, fate="unknown"))
        elif verb == "release":
            changes.append(LetIn(mail_id, f"released {agent.address}"))
            done.append(replace(line, fate="released"))
        else:
            changes.append(Discarded(mail_id, agent.address))
            done.append(replace(line, fate="discarded"))
    remarks = () if done else (Remark("nothing-to-send"),)
    case = replace(case, changes=tuple(changes)).with_letters(receipt(case, agent, tuple(done), remarks=remarks))
    return case.settled("ignored", "held mail", *(f"mail {line.id}: {line.fate}" for line in done))


def may_see(directory: Directory, agent: Agent, line: HeldLine) -> bool:
    """Whether a held mail is this agent's to look at: of their mailboxes, and other services' codes only for admins."""
    if agent.role != "admin" and line.cause in FOR_ADMINS:
        return False
    return agent in directory.agents_of(directory.mailbox(line.mailbox))


def receipt(
    case: Case, agent: Agent, held: tuple[HeldLine, ...], *, remarks: tuple[Remark, ...] = (), setting: str = ""
) -> LetterPlan:
    """What was done with the held mails that an agent named."""
    name = case.directory.agent_name(agent)
    view = case.view(case.language_of(agent), None, recipient=name, held=held, remarks=remarks, setting=setting)
    return LetterPlan(
        "held-done", Person(agent.address, name), "agent", case.directory.name, view, replies_to=case.mail.message_id
    )


def _holder(case: Case, grant: Grant) -> Agent | None:
    """The agent whom the address was sent to, where they wrote the mail."""
    agent = case.directory.agent(case.author.address) if case.author is not None else None
    return agent if agent is not None and agent == case.directory.agent(grant.address) else None


def _silence(case: Case, grant: Grant) -> Case:
    """Whoever has the letter ends those that follow, by a program's button too; a bounce of something is no wish."""
    if case.machine in ("bounce", "own") or case.envelope.sender == "":
        return case
    wish = Silenced(grant.address, "the address asked for no automatic letters")
    case = replace(case, changes=(wish, GrantUsed(grant.id)))
    return case.settled("ignored", "silence", "its address gets no automatic letters from now on")


def _verify(case: Case, grant: Grant) -> Case:
    """Whoever answers that letter reads the mailbox that the request claims to be from: it is let in."""
    if case.verdict.level == "S0":
        return case.held("unconfirmed", "its author's domain says that it is forged")
    if not can_verify(grant, case.facts.now) or grant.mail_id is None:
        return case.because("the address was used before, or is too old")
    changes: tuple[Change, ...] = (LetIn(grant.mail_id, f"released {grant.address}"), GrantUsed(grant.id))
    return replace(case, changes=changes).settled("ignored", "verified", f"mail {grant.mail_id} is theirs")


def can_verify(grant: Grant, now: datetime) -> bool:
    """Whether such an address, or the link with it, is worth anything still."""
    return grant.kind == "verify" and grant.used_at is None and now - grant.created_at <= VERIFY_FOR


DOES: dict[GrantKind, Callable[[Case, Grant], Case]] = {
    "held": _held,
    "confirm": _confirm,
    "verify": _verify,
    "silence": _silence,
}
