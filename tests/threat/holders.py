"""What a saved signed address or a forwarded letter lets its holder do, tried on a real desk, one cell at a time.

`table()` is the README's table: what is held, who writes with it, and what comes of it. Eve is the holder, Lea the customer
whose ticket it is, Ana its agent.
"""

from __future__ import annotations

import functools
import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from maildesk.config import Trust
from tests.desk.world import PROVED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "Ana Lima <ana@desk.test>"
EVE = "Eve <eve@evil.test>"
WORDS = "#solved\nWords of the holder.\n"
LETS_IN = "#cc eve@evil.test Eve\nWords of the holder.\n"
REPORT = """From: MAILER-DAEMON@evil.test
Subject: Undelivered
Message-ID: <report@evil.test>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Words of the holder.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.evil.test

Final-Recipient: rfc822; lea@client.test
Action: failed
Status: 5.1.1
--b--
"""
UNPROVED = "mx.desk.test; spf=none; dkim=none; dmarc=none header.from={domain}"
FORGED = "mx.desk.test; spf=fail; dkim=none; dmarc=fail header.from={domain}"
UNMET = FORGED.replace("dmarc=fail", "dmarc=fail policy.dmarc=none")
PROOFS = {"proved": PROVED, "unproved": UNPROVED, "policy not met": UNMET, "forged": FORGED}


@dataclass
class Scene:
    """A ticket of Lea's that Ana has answered, and the letters of it that somebody may have passed on."""

    world: World
    confirmation: Letter
    notice: Letter
    answer: Letter
    question: Letter


@dataclass(frozen=True)
class Holder:
    """Who writes, how far proved, and to which address with which references; agent_proof is the desk's setting."""

    held: str
    author: str
    proof: str
    to: Callable[[Scene], str]
    references: Callable[[Scene], str] | None = None
    subject: str = "Hello"
    agent_proof: str = "aligned"
    is_report: bool = False
    words: str = WORDS


def _address(letter: Letter) -> str:
    return str(letter.message["Reply-To"]).rpartition("<")[2].rstrip(">")


def customers(scene: Scene) -> str:
    return _address(scene.answer)


def agents(scene: Scene) -> str:
    return _address(scene.notice)


def mailbox(_scene: Scene) -> str:
    return "support@desk.test"


def questions(scene: Scene) -> str:
    return _address(scene.question)


def bounces(scene: Scene) -> str:
    return scene.answer.envelope_from


def our_id(scene: Scene) -> str:
    return str(scene.answer.message["Message-ID"])


SIGNED = "a customer's signed address"
NOTICE = 'a notice, `agent_proof = "aligned"`'
TOKEN = 'a notice, `agent_proof = "token"`'
IDS = "the Message-ID of a letter"
NUMBER = "the number"
QUESTION = "the question whether a mail was the agent's"
BOUNCE = "a letter's bounce address"
HOLDERS = (
    *(Holder(SIGNED, EVE, proof, customers) for proof in PROOFS),
    *(Holder(SIGNED, LEA, proof, customers) for proof in ("unproved", "policy not met", "forged")),
    *(Holder(SIGNED, ANA, proof, customers) for proof in ("unproved", "forged")),
    *(Holder(NOTICE, EVE, proof, agents) for proof in ("proved", "unproved", "forged")),
    *(Holder(NOTICE, LEA, proof, agents) for proof in ("unproved", "forged")),
    *(Holder(NOTICE, ANA, proof, agents) for proof in ("unproved", "forged")),
    *(Holder(TOKEN, EVE, proof, agents, agent_proof="token") for proof in ("proved", "unproved", "forged")),
    *(Holder(TOKEN, ANA, proof, agents, agent_proof="token") for proof in ("unproved", "policy not met", "forged")),
    Holder(NOTICE, ANA, "unproved", agents, words=LETS_IN),
    Holder(TOKEN, ANA, "unproved", agents, agent_proof="token", words=LETS_IN),
    *(Holder(IDS, EVE, proof, mailbox, our_id) for proof in ("proved", "unproved", "forged")),
    *(Holder(IDS, LEA, proof, mailbox, our_id) for proof in ("unproved", "forged")),
    *(Holder(NUMBER, EVE, proof, mailbox, subject="[#50031] Hello") for proof in ("proved", "unproved", "forged")),
    *(Holder(NUMBER, LEA, proof, mailbox, subject="[#50031] Hello") for proof in ("unproved", "forged")),
    *(Holder(QUESTION, EVE, proof, questions, words="#confirm\n") for proof in ("proved", "unproved", "forged")),
    *(
        Holder(QUESTION, ANA, proof, questions, words="#confirm\n")
        for proof in ("unproved", "policy not met", "forged")
    ),
    Holder(BOUNCE, EVE, "unproved", bounces, is_report=True),
)


@dataclass(frozen=True)
class Got:
    """What came of it. letters: (notice, recipient) of what left because of it, and when the conversation went on."""

    outcome: str
    cause: str
    flags: tuple[str, ...]
    kind: str
    state: str
    now: tuple[tuple[str, str], ...]
    later: tuple[tuple[str, str], ...]
    leaked: bool


@functools.cache
def tried(holder: Holder) -> Got:
    """The holder writes once; then Lea writes again, Ana answers, and everything that left is looked at."""
    trust = Trust(authserv_ids=("mx.desk.test",), agent_proof=holder.agent_proof)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), trust=trust)
        try:
            return _tried(holder, world)
        finally:
            world.close()


def _tried(holder: Holder, world: World) -> Got:
    world.write(LEA, "Secret of the customer.\n")
    opened = world.letters()
    confirmation, notice = only(opened, "confirmation"), only(opened, "new", "ana@desk.test")
    world.write(ANA, "Secret of the agent.\n", answers=notice)
    answer = only(world.letters(), "answer")
    # Somebody, perhaps Ana, wrote as Ana without proof, and she is asked whether it was hers.
    asked = PROOFS["unproved"] if holder.held == QUESTION else PROVED
    words = WORDS if holder.held == QUESTION else "#note\nNothing new.\n"
    world.write(ANA, words, to=(_address(notice),), subject="Re: Printer", results=asked)
    question = world.letters()[-1]
    scene = Scene(world, confirmation, notice, answer, question)
    headers = {} if holder.references is None else {"In-Reply-To": holder.references(scene)}
    to = holder.to(scene)
    if holder.is_report:
        settled = world.give(REPORT.encode(), to, sender="")
    else:
        results = PROOFS[holder.proof]
        settled = world.write(
            holder.author, holder.words, subject=holder.subject, to=(to,), headers=headers, results=results
        )
    now = world.letters()
    state = world.ticket().state
    kind, flags = _newest_entry(world)
    world.write(LEA, "And one more secret.\n", answers=answer)
    told = world.letters()
    asked = next((x for x in told if x.recipient == "ana@desk.test" and x.notice == "reply"), None)
    if asked is not None:
        world.write(ANA, "And one more answer.\n", answers=asked)
    later = told + world.letters()
    everything = [x for x in (*now, *later) if x.recipient == "eve@evil.test"]
    return Got(
        settled.outcome,
        settled.cause or "",
        flags,
        kind,
        state,
        tuple((x.notice, x.recipient) for x in now),
        tuple((x.notice, x.recipient) for x in later),
        any(b"ecret" in x.raw or "ecret" in x.text for x in everything),
    )


def _newest_entry(world: World) -> tuple[str, tuple[str, ...]]:
    """The kind and flags of the entry that the newest mail became; nothing when there is none."""
    path = f"{(world.folder / 'desk.db').as_uri()}?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as connection:
        found = connection.execute(
            "SELECT kind, flags FROM entries WHERE mail_id = (SELECT max(id) FROM mails) ORDER BY id LIMIT 1"
        ).fetchone()
    return ("", ()) if found is None else (str(found[0]), tuple(json.loads(found[1])))


HEAD = "| what is held | who writes with it | the words become | the ticket | the customer gets | agents get | the holder gets |"
_WHO = {LEA: "as the customer", ANA: "as the agent", EVE: "as themselves"}


def who(holder: Holder) -> tuple[str, str]:
    """The first two cells of a line: what is held, and who writes with it."""
    with_cc = " with `#cc` to themselves" if holder.words == LETS_IN else ""
    return holder.held, f"{_WHO[holder.author]}{with_cc}, {holder.proof}"


def row(holder: Holder) -> str:
    """A line of the table."""
    got = tried(holder)
    if got.outcome == "held":
        becomes = f"held: {got.cause}"
    elif got.cause == "confirmed":
        becomes = "**the mail in question is carried out**, once"
    elif got.outcome == "ticket":
        becomes = "a ticket of their own"
    else:
        becomes = {"agent": "**an answer**", "note": "an internal note", "customer": "an entry", "event": "an event"}[
            got.kind
        ]
    flags = " ".join(f"`{flag}`" for flag in got.flags)
    cells = (
        *who(holder),
        f"{becomes}, {flags}" if flags else becomes,
        {"pending": "stays", "open": "is open again", "solved": "**as commanded**"}[got.state],
        _letters(got.now, "lea@client.test"),
        _letters(got.now, "ana@desk.test", "ben@desk.test"),
        _letters((*got.now, *got.later), "eve@evil.test"),
    )
    return f"| {' | '.join(cells)} |"


def _letters(letters: tuple[tuple[str, str], ...], *recipients: str) -> str:
    found = dict.fromkeys(notice for notice, to in letters if to in recipients)
    return ", ".join(f"`{notice}`" for notice in found) or "-"


def table() -> str:
    """All of it in Markdown."""
    return "\n".join((HEAD, f"|{'---|' * (HEAD.count('|') - 1)}", *map(row, HOLDERS))) + "\n"
