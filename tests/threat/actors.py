"""Who writes to the desk in the property test, what each has seen, and the acts that each may do at random.

What an actor knows follows from letters and mails that reached them, and from shapes that anybody can construct. Nobody but
the mail server, `results`, says who really wrote.
"""

from __future__ import annotations

import base64
import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from tests.threat.kit import ALPHABET
from tests.threat.law import Law, Sent
from tests.threat.letter import TOKEN, Letter

# What a domain's mail shows when it is real, and when somebody else wrote it.
DOMAINS = {
    "client.test": ("dmarc=pass header.from={0}", "dmarc=fail header.from={0}"),
    "desk.test": ("dmarc=pass header.from={0}", "dmarc=fail header.from={0}"),
    "field.test": ("dkim=pass header.d={0}", "dmarc=none header.from={0}"),
    "home.test": ("spf=pass smtp.mailfrom=x@{0}", "spf=none smtp.mailfrom=x@evil.test; dmarc=none header.from={0}"),
    "plain.test": ("dmarc=none header.from={0}", "dmarc=none header.from={0}"),
}
REAL_LEVELS = {"home.test": 3, "plain.test": 2}
FORGED_LEVELS = {"client.test": 0, "desk.test": 0, "field.test": 2, "home.test": 2, "plain.test": 2}
SUPPORT, SALES = "support@desk.test", "sales@desk.test"
HELD = re.compile(r"^- (\d+):", re.MULTILINE)
NOTICES = (
    "new",
    "reply",
    "assigned",
    "note",
    "taken",
    "who-wrote",
    "named",
    "receipt",
    "not-sent",
    "not-done",
    "undelivered",
)
COMMANDS = (
    "#solved",
    "#tag vip",
    "#priority urgent",
    "#assign ben",
    "#cc col@evil.test",
    "#for eve@evil.test",
    "#spam",
)


@dataclass(frozen=True)
class Seen:
    """A letter or a mail that reached somebody; to: all addresses that it shows, the signed ones of others too."""

    author: str
    reply_to: str
    to: tuple[str, ...]
    message_id: str
    references: str
    subject: str
    text: str
    raw: bytes
    return_path: str
    notice: str = ""

    @property
    def is_letter(self) -> bool:
        """Whether the desk wrote it."""
        return bool(self.notice)

    @property
    def is_notice(self) -> bool:
        """Whether it is an agent's, about a ticket."""
        return self.notice in NOTICES


@dataclass
class Actor:
    """Somebody with addresses of their own; seen: newest last."""

    name: str
    addresses: tuple[str, ...]
    acts: tuple[str, ...]
    seen: list[Seen] = field(default_factory=list)

    @property
    def domains(self) -> set[str]:
        """Where mail of theirs is real."""
        return {a.rpartition("@")[2] for a in self.addresses}


def cast() -> tuple[Actor, ...]:
    """Everybody, nobody having seen anything."""
    customer = (
        "open",
        "open",
        "reply",
        "reply",
        "reply",
        "reply",
        "show",
        "number",
        "second",
        "plant",
        "absent",
        "ask",
        "ask",
    )
    agent = ("answer",) * 6 + (
        "note",
        "command",
        "command",
        "people",
        "behalf",
        "show",
        "away",
        "base",
        "cross",
        "absent",
        "ask",
    )
    enemy = (
        ("forge",) * 6
        + ("impersonate",) * 4
        + (
            "open",
            "reply",
            "forge_agent",
            "forge_agent",
            "bounce",
            "replay",
            "return_letter",
            "number",
            "ask",
            "ask_as",
        )
    )
    return (
        Actor("customer", ("lea@client.test", "lea@second.test"), customer),
        Actor("unproved customer", ("noa@plain.test",), customer),
        Actor("neighbour", ("kim@home.test", "kim@client2.test"), customer),
        Actor("former participant", ("old@else.test",), (*enemy, "reply", "reply")),
        Actor("forwarded reader", ("fred@reader.test",), enemy),
        Actor("spoofer", ("eve@evil.test", "col@evil.test"), (*enemy, *enemy)),
        Actor("stranger", ("sam@stranger.test",), ("open", "number", "reply", "forge", "ask", "ask_as")),
        Actor("robot", ("bot@robot.test",), ("open", "robot", "robot", "bounce")),
        Actor("agent ana", ("ana@desk.test",), agent),
        Actor("agent ben", ("ben@field.test",), agent),
        Actor("agent of sales", ("cleo@desk.test",), agent),
    )


@dataclass
class Stage:
    """What an act may use: chance, the law's book of contents, who there is, and the count of mails."""

    chance: random.Random
    law: Law
    cast: tuple[Actor, ...]
    step: int
    now: datetime
    unsigned: bool
    sent: list[Sent] = field(default_factory=list)

    def somebody(self) -> str:
        """Anybody's address."""
        return self.chance.choice([a for actor in self.cast for a in actor.addresses])

    def outsider(self) -> str:
        """Anybody's but an agent's."""
        return self.chance.choice([a for actor in self.cast for a in actor.addresses if not self.law.is_agent(a)])

    def likely(self, share: float) -> bool:
        """True in so many of all cases."""
        return self.chance.random() < share


def results(claimed: str, actor: Actor | None) -> tuple[str, int]:
    """What the mail server above the desk finds, and the level that it is worth."""
    domain = claimed.rpartition("@")[2]
    real, forged = DOMAINS.get(domain, DOMAINS["client.test"])
    is_real = actor is not None and domain in actor.domains
    level = REAL_LEVELS.get(domain, 4) if is_real else FORGED_LEVELS.get(domain, 0)
    return (real if is_real else forged).format(domain), level


def written(
    stage: Stage,
    actor: Actor | None,
    claimed: str,
    to: tuple[str, ...],
    words: str,
    what: str,
    *,
    cc: tuple[str, ...] = (),
    references: str = "",
    subject: str = "",
    headers: tuple[str, ...] = (),
    commands: tuple[tuple[str, str], ...] = (),
    quoted: str = "",
    files: tuple[tuple[str, bytes], ...] = (),
    envelope: str | None = None,
    is_auto: bool = False,
) -> Sent:
    """A mail with a marker of its own in its text, its subject when it is a new one, its Message-ID and its files."""
    found, level = results(claimed, actor)
    law, step = stage.law, stage.step
    text, message_id = law.write("text", claimed, level, step), law.write("id", claimed, level, step)
    markers = [text, message_id]
    if not subject:
        markers.append(law.write("subject", claimed, level, step))
        subject = f"Matter {markers[-1]}"
    body = words.replace("MARK", text) + (f"\n\n{quoted}" if quoted else "")
    lines = [
        f"Authentication-Results: mx.desk.test; {found}",
        "Received: from client by mx.desk.test; Sun, 22 Nov 2026 18:00:00 +0000",
        *headers,
        f"From: {claimed}",
        f"To: {', '.join(to)}",
        *([f"Cc: {', '.join(cc)}"] if cc else []),
        f"Subject: {subject}",
        f"Date: {format_datetime(stage.now)}",
        f"Message-ID: <{message_id}@{claimed.rpartition('@')[2]}>",
        *([f"In-Reply-To: {references.split()[-1]}", f"References: {references}"] if references else []),
        "MIME-Version: 1.0",
    ]
    if files:
        lines += ['Content-Type: multipart/mixed; boundary="b0"', "", "--b0"]
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", body]
        for name, content in files:
            marker = law.write("file", claimed, level, step)
            markers.append(marker)
            kind = "message/rfc822" if name.endswith(".eml") else "application/octet-stream"
            lines += ["--b0", f'Content-Type: {kind}; name="{marker}-{name}"']
            lines += [f'Content-Disposition: attachment; filename="{marker}-{name}"', "", content.decode("latin-1")]
        lines += ["--b0--", ""]
    else:
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", body, ""]
    # Whoever wrote them: an agent may confirm a mail in their name.
    commands = commands or tuple(
        (line[1:].partition(" ")[0], line.partition(" ")[2])
        for line in itertools.takewhile(lambda line: line.startswith("#"), words.splitlines())
    )
    raw = "\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    ours = tuple(a for a in to + cc if a.endswith(("@desk.test", "@reply.desk.test")) and not law.is_agent(a))
    sent = Sent(
        raw, ours or (SUPPORT,), claimed if envelope is None else envelope, claimed, level, what, tuple(markers),
        tuple(a for a in to + cc if a not in ours), commands, is_auto, False, references, stage.now,
    )  # fmt: skip
    stage.sent.append(sent)
    copy = Seen(
        claimed, claimed, to + cc, f"<{message_id}@{claimed.rpartition('@')[2]}>", references, subject, body, raw, "",
    )  # fmt: skip
    # Whoever stands in Cc gets the mail itself, with every address that it shows.
    for other in stage.cast:
        if actor is not None and set(other.addresses) & set(to + cc):
            other.seen.append(copy)
    return sent


def received(letter: Letter) -> Seen:
    """A letter of the desk as its recipient has it."""
    head = letter.head
    return Seen(
        str(head["From"]), str(head["Reply-To"]), (letter.recipient,), str(head["Message-ID"]),
        " ".join(f"{head['References'] or ''} {head['Message-ID']}".split()), str(head["Subject"]), letter.text, letter.content,
        letter.envelope_from, letter.notice,
    )  # fmt: skip


def quotation(stage: Stage, seen: Seen, style: str) -> str:
    """A letter as mail programs quote it."""
    line = f"On Sun, 22 Nov 2026 at 18:05, {seen.author} wrote:"
    match style:
        case "angled":
            return "\n".join([line, *(f"> {x}" for x in seen.text.splitlines())])
        case "header":
            return f"-----Original Message-----\nFrom: {seen.author}\nSubject: {seen.subject}\nTo: x\n\n{seen.text}"
        case "bars":
            return "\n".join(f"| {x}" for x in seen.text.splitlines())
        case "some lines":
            lines = [x for x in seen.text.splitlines() if x.strip()]
            return "\n".join([line, *(f"> {x}" for x in stage.chance.sample(lines, min(3, len(lines))))])
        case _:
            return seen.text


STYLES = ("angled", "angled", "angled", "header", "bars", "some lines", "bare")


# What bears no mark may be one's own words, so that only what the desk wrote to the agent on this ticket is known in it.
MARKED = ("angled", "some lines")


def body_of(stage: Stage, words: str, seen: Seen | None, styles: tuple[str, ...] = STYLES) -> tuple[str, str]:
    """Text and quote, in the order of the author's habit: above, below, between."""
    if seen is None or stage.likely(0.15):
        return words, ""
    quoted = quotation(stage, seen, stage.chance.choice(styles))
    # A line between a quote's and one's own words says that it was answered in place.
    return (words, quoted) if stage.likely(0.5) else (f"{quoted}\n\n{words}", "")


def constructed(stage: Stage, known: list[str]) -> str:
    """A token that anybody can make: a real one with another purpose, ticket or slot, or a shape alone."""
    chance = stage.chance
    if not known or stage.likely(0.1):
        return "".join(chance.choices(ALPHABET, k=32))
    raw = bytearray(base64.b32decode(chance.choice(known).upper()))
    for _ in range(chance.randrange(1, 3)):
        match chance.randrange(3):
            case 0:
                raw[0] = 0x40 | chance.choice((1, 2, 2, 3, 4, 5)) << 3
            case 1:
                raw[1:6] = chance.randrange(1, 40).to_bytes(5, "big")
            case _:
                raw[6:8] = chance.randrange(0, 6).to_bytes(2, "big")
    if stage.likely(0.3):
        raw[8:] = chance.randbytes(12)
    return base64.b32encode(bytes(raw)).decode().lower()


def tokens_of(actor: Actor) -> list[str]:
    """Every token that an actor has seen lately."""
    words = " ".join(
        f"{' '.join(s.to)} {s.reply_to} {s.message_id} {s.references} {s.return_path}" for s in actor.seen[-40:]
    )
    return list(dict.fromkeys(TOKEN.findall(words.lower())))


def boxes_of(stage: Stage) -> tuple[str, ...]:
    return stage.chance.choice(((SUPPORT,), (SUPPORT,), (SUPPORT,), (SALES,), (SUPPORT, SALES)))


def letters_of(actor: Actor) -> list[Seen]:
    return [s for s in actor.seen if s.is_letter]


def recent(stage: Stage, found: list[Seen]) -> Seen | None:
    """Mostly one of the last, sometimes an old one."""
    if not found:
        return None
    return stage.chance.choice(found[-6:] if stage.likely(0.8) else found)


Act = Callable[[Stage, Actor], Sent | None]
