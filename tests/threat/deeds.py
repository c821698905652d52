"""The acts of the property test's actors, one function each; `ACTS` names them. Each makes one mail or none."""

from __future__ import annotations

from dataclasses import replace

from tests.threat.actors import (
    COMMANDS,
    HELD,
    SUPPORT,
    Act,
    Actor,
    Stage,
    body_of,
    boxes_of,
    constructed,
    letters_of,
    recent,
    tokens_of,
    written,
)
from tests.threat.agents import answer, away, base, behalf, command, confirm, cross, note, people, release
from tests.threat.law import Sent

MACHINE_MARKS = (
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated",
    "X-Autoreply: yes",
    "Precedence: auto_reply",
    "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-replied",
)


def open_one(stage: Stage, actor: Actor) -> Sent:
    """A new mail, at times with others in Cc and a file."""
    cc = tuple({stage.outsider() for _ in range(stage.chance.randrange(1, 3))}) if stage.likely(0.4) else ()
    files = (("photo.bin", b"bytes"),) if stage.likely(0.2) else ()
    claimed = actor.addresses[0] if stage.likely(0.8) else stage.chance.choice(actor.addresses)
    words = "MARK please help" + ("\n#solved\n#cc col@evil.test" if stage.likely(0.2) else "")
    cc = tuple(sorted(a for a in cc if a != claimed))
    return written(stage, actor, claimed, boxes_of(stage), words, "open", cc=cc, files=files)


def reply(stage: Stage, actor: Actor) -> Sent | None:
    """An answer to something seen: a letter of the desk or a mail that came in Cc, as mail programs write it."""
    seen = recent(stage, actor.seen)
    if seen is None:
        return None
    is_all = not seen.is_letter and stage.likely(0.8)
    to = tuple(a for a in seen.to if a.endswith("@desk.test") or "@reply.desk" in a) if is_all else (seen.reply_to,)
    to = (SUPPORT,) if not to or stage.likely(0.15) or "@" not in to[0] else to
    references = seen.references if seen.is_letter else f"{seen.references} {seen.message_id}".strip()
    if stage.likely(0.1):
        references = ""
    words, quoted = body_of(stage, "MARK and now?", seen)
    cc = (stage.outsider(),) if stage.likely(0.3) else ()
    claimed = actor.addresses[0]
    cc = tuple(a for a in cc if a != claimed)
    return written(
        stage, actor, claimed, to, words, "reply", cc=cc, references=references, subject=f"Re: {seen.subject}", quoted=quoted
    )  # fmt: skip


def second(stage: Stage, actor: Actor) -> Sent | None:
    """The same person from another address of theirs."""
    sent = reply(stage, replace(actor, addresses=(actor.addresses[-1], *actor.addresses)))
    return sent and replace(sent, what="second address")


def plant(stage: Stage, actor: Actor) -> Sent | None:
    """Commands in a customer's mail, at its top and below, as an agent would write them."""
    seen = recent(stage, letters_of(actor))
    planted = "\n".join(stage.chance.sample(COMMANDS, 3))
    to = (seen.reply_to,) if seen and "@" in seen.reply_to else (SUPPORT,)
    references = seen.references if seen else ""
    return written(
        stage, actor, actor.addresses[0], to, f"{planted}\n\nMARK thanks\n\n{planted}", "plant", references=references,
        subject=f"Re: {seen.subject}" if seen else "",
    )  # fmt: skip


def number(stage: Stage, actor: Actor) -> Sent:
    """A number in the subject and nothing else."""
    named = stage.chance.randrange(50031, 50031 + 40)
    return written(
        stage, actor, actor.addresses[0], (SUPPORT,), "MARK what is new?", "number", subject=f"Re: [#{named}] your request"
    )  # fmt: skip


def show(stage: Stage, actor: Actor) -> None:
    """Something seen is forwarded past the desk: its reader knows its tokens from now on."""
    # What is about held mail, or about one's own mail, is shown as readily as the rest, although there is less of it.
    rare = [s for s in letters_of(actor) if s.notice in ("not-taken", "held")]
    seen = recent(stage, rare if rare and stage.likely(0.6) else actor.seen)
    if seen is not None:
        others = [a for a in stage.cast if a is not actor]
        enemies = [a for a in others if "impersonate" in a.acts]
        stage.chance.choice(enemies if stage.likely(0.7) else others).seen.append(seen)


def absent(stage: Stage, actor: Actor) -> Sent | None:
    """An absence notice to the last letter, at its signed address, with the letter quoted."""
    seen = recent(stage, letters_of(actor))
    if seen is None or "@" not in seen.reply_to:
        return None
    return written(
        stage, actor, actor.addresses[0], (seen.reply_to,), "MARK I am away until Monday.", "absent",
        references=seen.references, subject=f"Automatic reply: {seen.subject}", quoted=seen.text,
        headers=(stage.chance.choice(MACHINE_MARKS),), envelope=stage.chance.choice(("", actor.addresses[0])), is_auto=True,
    )  # fmt: skip


def robot(stage: Stage, actor: Actor) -> Sent | None:
    """A machine answers what it got."""
    return absent(stage, actor)


def bounce(stage: Stage, actor: Actor) -> Sent | None:
    """A delivery report for a letter that was seen, or a forged one with a constructed address."""
    seen = recent(stage, letters_of(actor))
    token = constructed(stage, tokens_of(actor))
    back = seen.return_path if seen is not None and stage.likely(0.5) else f"support+{token}@desk.test"
    returned = seen.message_id if seen is not None and stage.likely(0.5) else f"<n.{token}.{'a' * 26}@desk.test>"
    failed = stage.somebody()
    words = f"MARK could not be delivered: {failed}\n\nStatus: 5.1.1\n\n{returned}"
    return written(
        stage, actor, actor.addresses[0], (back or SUPPORT,), words, "bounce", subject="Undelivered Mail Returned to Sender",
        headers=("Auto-Submitted: auto-replied",), envelope="", references=returned, is_auto=True,
    )  # fmt: skip


def _forged(stage: Stage, actor: Actor, claimed: str, what: str) -> Sent:
    tokens = tokens_of(actor)
    seen = recent(stage, actor.seen)
    token = stage.chance.choice(tokens) if tokens and stage.likely(0.5) else constructed(stage, tokens)
    address = stage.chance.choice(
        (f"support+{token}@desk.test", f"support+{token}@desk.test", f"sales-{token}@desk.test", SUPPORT)
    )
    if stage.unsigned:
        address = stage.chance.choice((SUPPORT, address))
    other = stage.chance.choice(tokens) if tokens and stage.likely(0.5) else constructed(stage, tokens)
    built = stage.chance.choice(
        (f"<n.{other}.{'b' * 26}@desk.test>", f"<t.{other}@desk.test>", f"<c.{other}.{'c' * 26}@desk.test>")
    )
    references = stage.chance.choice((built, built, seen.references if seen else built, ""))
    subject = stage.chance.choice(("", f"Re: {seen.subject}" if seen else "", "Re: [#50033] Order"))
    headers = (
        f"Reply-To: {stage.chance.choice(actor.addresses)}",
        *(
            ("Authentication-Results: mx.desk.test; dmarc=pass header.from=" + claimed.rpartition("@")[2],)
            * stage.likely(0.2)
        ),
        *((f"Sender: {stage.somebody()}", f"Resent-From: {stage.somebody()}") * stage.likely(0.2)),
        *(("X-Maildesk-Desk: other.test",) * stage.likely(0.05)),
    )
    commands = "\n".join(stage.chance.sample(COMMANDS, 2)) + "\n\n" if stage.likely(0.4) else ""
    words, quoted = body_of(stage, f"{commands}MARK send me everything", seen if stage.likely(0.4) else None)
    cc = (stage.chance.choice(actor.addresses),) if stage.likely(0.5) else ()
    return written(
        stage, actor, claimed, (address,), words, what, cc=tuple(a for a in cc if a != claimed), references=references,
        subject=subject, headers=headers, quoted=quoted, envelope=stage.chance.choice((actor.addresses[0], claimed, "")),
    )  # fmt: skip


def forge(stage: Stage, actor: Actor) -> Sent:
    """Any From, any token, any reference that was seen or can be made, the forger in Cc and Reply-To."""
    claimed = stage.chance.choice((stage.outsider(), stage.outsider(), actor.addresses[0], SUPPORT))
    return _forged(stage, actor, claimed, "forge")


def forge_agent(stage: Stage, actor: Actor) -> Sent:
    """An agent's From."""
    return _forged(stage, actor, stage.chance.choice([a.address for a in stage.law.agents]), "forged agent")


def impersonate(stage: Stage, actor: Actor) -> Sent | None:
    """A letter to somebody else that was shown to the actor is answered as that person would, in their name or not."""
    others = [s for s in letters_of(actor) if s.to[0] not in actor.addresses]
    rare = [s for s in others if s.notice in ("not-taken", "held")]
    agents = [s for s in others if s.is_notice]
    seen = recent(stage, rare if rare and stage.likely(0.7) else agents if agents and stage.likely(0.4) else others)
    if seen is None:
        return None
    names = (seen.to[0], seen.to[0], actor.addresses[0], stage.somebody())
    claimed = stage.chance.choice(names[1:] + names[2:3] if seen.notice == "not-taken" else names)
    ids = HELD.findall(seen.text)
    order = {"not-taken": "#confirm", "held": f"#release {stage.chance.choice(ids) if ids else 1}"}.get(seen.notice, "")
    top = f"{order or stage.chance.choice(COMMANDS)}\n\n" if order or stage.likely(0.4) else ""
    words, quoted = body_of(stage, f"{top}MARK it is me", seen)
    return written(
        stage, actor, claimed, (seen.reply_to if "@" in seen.reply_to else SUPPORT,), words, "impersonate",
        references=seen.references, subject=f"Re: {seen.subject}", quoted=quoted,
        cc=(actor.addresses[-1],) if stage.likely(0.4) and actor.addresses[-1] != claimed else (),
    )  # fmt: skip


def replay(stage: Stage, actor: Actor) -> Sent | None:
    """Bytes that somebody sent before, once more: signed as they were, to other addresses at times."""
    if not stage.sent:
        return None
    sent = stage.chance.choice(stage.sent[-60:])
    if stage.likely(0.5):
        # A signature says nothing of fields that it does not name.
        sent = replace(sent, raw=sent.raw.replace(b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nX-Way: another", 1))
    recipients = sent.recipients if stage.likely(0.7) else (SUPPORT,)
    return replace(
        sent, envelope=actor.addresses[0], recipients=recipients, what=f"replay of {sent.what}", is_replay=True
    )


def return_letter(stage: Stage, actor: Actor) -> Sent | None:
    """A letter of the desk, byte for byte, back to it."""
    seen = recent(stage, letters_of(actor))
    if seen is None:
        return None
    to = stage.chance.choice((seen.reply_to, SUPPORT))
    return Sent(
        seen.raw, (to if "@" in to else SUPPORT,), actor.addresses[0], SUPPORT, 0, "own letter", references=seen.references,
        is_auto="Auto-Submitted" in seen.raw.decode("latin-1"), is_replay=True,
    )  # fmt: skip


# Words that many mails hold, notes too.
_ASKED = (
    "status",
    "",
    "find please help",
    "find them",
    "find agreed",
    "find look",
    "find never tell",
    "find address",
    "help",
)


def _number(stage: Stage) -> str:
    return f"send {50031 + stage.chance.randrange(len(stage.law.boxes) + 1)}"


def ask(stage: Stage, actor: Actor) -> Sent:
    """A question about one's own requests, by any of one's addresses, or about a number that may be anybody's."""
    words = _number(stage) if stage.likely(0.6) else stage.chance.choice(_ASKED)
    return _asked(stage, actor, stage.chance.choice(actor.addresses), words, "ask")


def ask_as(stage: Stage, actor: Actor) -> Sent:
    """The same in somebody's name, the asker in Reply-To and Cc."""
    words = _number(stage) if stage.likely(0.4) else stage.chance.choice(_ASKED)
    return _asked(stage, actor, stage.somebody(), words, "ask as another")


def _asked(stage: Stage, actor: Actor, claimed: str, words: str, what: str) -> Sent:
    cc = tuple(a for a in actor.addresses if a != claimed and stage.likely(0.2))
    headers = (f"Reply-To: {stage.chance.choice(actor.addresses)}",) * stage.likely(0.4)
    is_auto = stage.likely(0.1)
    headers += (stage.chance.choice(MACHINE_MARKS),) * is_auto
    to = stage.chance.choice(("support+my@desk.test", "support+my@desk.test", "sales-my@desk.test"))
    return written(
        stage, actor, claimed, (to,), words, what, subject="Question", cc=cc, headers=headers, is_auto=is_auto
    )  # fmt: skip


ACTS: dict[str, Act] = {
    "open": open_one,
    "reply": reply,
    "second": second,
    "plant": plant,
    "number": number,
    "show": show,
    "absent": absent,
    "robot": robot,
    "bounce": bounce,
    "forge": forge,
    "forge_agent": forge_agent,
    "impersonate": impersonate,
    "replay": replay,
    "return_letter": return_letter,
    "ask": ask,
    "ask_as": ask_as,
    "answer": answer,
    "note": note,
    "command": command,
    "people": people,
    "cross": cross,
    "away": away,
    "confirm": confirm,
    "release": release,
    "base": base,
    "behalf": behalf,
}
