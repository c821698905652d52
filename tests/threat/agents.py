"""What the real agents of the property test do at work, one function an act; each makes one mail or none."""

from __future__ import annotations

from dataclasses import replace

from tests.threat.actors import (
    HELD,
    MARKED,
    STYLES,
    SUPPORT,
    Actor,
    Seen,
    Stage,
    body_of,
    boxes_of,
    letters_of,
    quotation,
    recent,
    written,
)
from tests.threat.law import Sent
from tests.threat.letter import MARKER


def _worked(
    stage: Stage,
    actor: Actor,
    top: tuple[tuple[str, str], ...],
    words: str,
    what: str,
    *,
    to: str = "",
    quotes: Seen | None = None,
    files: tuple[tuple[str, bytes], ...] = (),
) -> Sent | None:
    """An agent's answer to a notice, with commands at its top; below a quote they would be none."""
    found = [s for s in letters_of(actor) if s.is_notice and "@" in s.reply_to]
    seen = recent(stage, found)
    if seen is None:
        return None
    text, quoted = body_of(stage, words, quotes or seen, MARKED if quotes else STYLES)
    block = "\n".join(f"#{word} {argument}".strip() for word, argument in top)
    # Below a quote they are none: it says nothing of the kind there.
    head, commands = (f"{block}\n\n", top) if text.startswith(words) and block else ("", ())
    return written(
        stage, actor, actor.addresses[0], (to or seen.reply_to,), head + text, what, references=seen.references,
        subject=f"Re: {seen.subject}", quoted=quoted, commands=commands, files=files,
    )  # fmt: skip


def answer(stage: Stage, actor: Actor) -> Sent | None:
    """An answer to the customer; at times with a state, a file, or the notice itself attached."""
    top = (("send", ""),) if stage.likely(0.6) else ((stage.chance.choice(("solved", "pending", "open")), ""),)
    top = top if stage.likely(0.5) else ()
    files: tuple[tuple[str, bytes], ...] = (("plan.bin", b"bytes"),) if stage.likely(0.15) else ()
    letters = letters_of(actor)
    if letters and stage.likely(0.1):
        files = (*files, ("notice.eml", stage.chance.choice(letters[-5:]).raw))
    return _worked(stage, actor, top, "MARK we look at it.", "answer", files=files)


def note(stage: Stage, actor: Actor) -> Sent | None:
    """A word for colleagues only; without a quote above it, or it would be an answer."""
    sent = _worked(stage, actor, (("note", ""),), "MARK never tell them this.", "note")
    if sent is None or sent.commands:
        return sent
    return replace(sent, what="a note below a quote: an answer")


def command(stage: Stage, actor: Actor) -> Sent | None:
    """A command or two."""
    choices = (
        ("solved", ""), ("open", ""), ("hold", ""), ("tag", "late"), ("tag", "vip -late"), ("priority", "high"),
        ("assign", "me"), ("assign", "none"), ("assign", "ben"), ("spam", ""), ("help", ""),
    )  # fmt: skip
    top = tuple(stage.chance.sample(choices, stage.chance.randrange(1, 3)))
    return _worked(stage, actor, (("note", ""), *top) if stage.likely(0.3) else top, "MARK as agreed.", "command")


def people(stage: Stage, actor: Actor) -> Sent | None:
    """Who takes part: somebody is added, removed, or named."""
    word = stage.chance.choice(("cc", "cc", "uncc", "for"))
    return _worked(stage, actor, ((word, stage.outsider()), ("note", "")), "MARK about them.", "people")


def cross(stage: Stage, actor: Actor) -> Sent | None:
    """An answer that quotes a letter of another ticket."""
    letters = letters_of(actor)
    return (
        _worked(stage, actor, (), "MARK as above.", "cross", quotes=stage.chance.choice(letters)) if letters else None
    )


def away(stage: Stage, actor: Actor) -> Sent | None:
    """An agent's mail that bears the right words and not their own address: to the mailbox, or to a colleague's."""
    others = [s for a in stage.cast for s in letters_of(a) if stage.law.is_agent(a.addresses[0]) and a is not actor]
    seen = recent(stage, others)
    to = seen.reply_to if seen is not None and "@" in seen.reply_to and stage.likely(0.6) else SUPPORT
    return _worked(stage, actor, (("tag", "wrong"),), "MARK no address of mine.", "away", to=to)


def confirm(stage: Stage, actor: Actor) -> Sent | None:
    """The agent says that a mail was theirs, where it was; and never that a forged one was."""
    found = [s for s in letters_of(actor) if s.notice == "not-taken" and _is_real(stage, s)]
    return _ordered(stage, actor, recent(stage, found), ("confirm", ""))


def _is_real(stage: Stage, seen: Seen) -> bool:
    return all(stage.law.contents[m].level == 4 for m in MARKER.findall(seen.text.partition("Your message")[2]))


def release(stage: Stage, actor: Actor) -> Sent | None:
    """An agent decides on held mail, at random."""
    found = recent(stage, [s for s in letters_of(actor) if s.notice == "held"])
    ids = HELD.findall(found.text) if found is not None else []
    if not ids:
        return None
    verb = stage.chance.choice(("release", "release", "discard"))
    return _ordered(stage, actor, found, (verb, stage.chance.choice(ids)))


def _ordered(stage: Stage, actor: Actor, seen: Seen | None, order: tuple[str, str]) -> Sent | None:
    if seen is None:
        return None
    line = f"#{order[0]} {order[1]}".strip()
    return written(
        stage, actor, actor.addresses[0], (seen.reply_to if "@" in seen.reply_to else SUPPORT,), f"{line}\n\nMARK", order[0],
        references=seen.references, subject=f"Re: {seen.subject}", commands=(order,),
        quoted=quotation(stage, seen, "angled"),
    )  # fmt: skip


def base(stage: Stage, actor: Actor) -> Sent:
    """A new mail of an agent's to a mailbox."""
    return written(stage, actor, actor.addresses[0], boxes_of(stage), "MARK a matter of mine", "base")


def behalf(stage: Stage, actor: Actor) -> Sent | None:
    """A customer's mail that reached the agent is forwarded to the desk, or a request is written down for somebody."""
    whose = stage.outsider()
    if stage.likely(0.5):
        top = (("for", whose),)
        return written(
            stage, actor, actor.addresses[0], (SUPPORT,), f"#for {whose}\n\nMARK called us.", "behalf", commands=top
        )  # fmt: skip
    inner = recent(stage, actor.seen) if stage.likely(0.4) else None
    text = inner.text if inner is not None else "Please call me."
    author = inner.author if inner is not None else whose
    words = (
        f"MARK please take this.\n\n---------- Forwarded message ---------\nFrom: {author}\nDate: Sun, Nov 22, 2026 at 5:00 PM\n"
        f"Subject: a call\nTo: {actor.addresses[0]}\n\n{text}"
    )
    return written(stage, actor, actor.addresses[0], (SUPPORT,), words, "forward", subject="Fwd: a call")
