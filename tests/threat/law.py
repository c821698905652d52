"""The law that nothing of a ticket leaves but to people made participants by proved acts; a model of its own of who they are.

Knows what each actor really wrote and who they really are, which the desk can only conclude. Reads final bytes; asks the
desk only where it put a mail (the ledger's ticket), never whom it believes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tests.threat.letter import MARKER, TOKEN, Letter

ADMINS = ("root@desk.test",)


class Broken(AssertionError):
    """The law does not hold; the text says what left, to whom, and why they may not have it."""


@dataclass(frozen=True)
class Person:
    """An agent as the configuration has them: the mailboxes they answer for."""

    address: str
    mailboxes: tuple[str, ...]


@dataclass
class Content:
    """A piece of something written: who claimed to write it, whether that was true, and where the desk put it."""

    marker: str
    kind: str
    claimed: str
    level: int
    step: int
    tickets: set[int] = field(default_factory=set)
    boxes: set[str] = field(default_factory=set)
    is_public: bool = False


@dataclass(frozen=True)
class Stay:
    """Somebody's time as a participant of a ticket; since: the first step whose content they may have."""

    since: int
    by: str


@dataclass(frozen=True)
class Row:
    """A ticket as commands may change it."""

    mailbox: str
    state: str
    priority: str
    assignee: str | None
    tags: str
    requester: str | None


@dataclass(frozen=True)
class Sent:
    """A mail on its way to the desk, and the truth about it.

    level: what a mail server finds: 4 signed, 3 by its path, 2 nothing known, 0 forged. tokens: those of its recipients; ids:
    those of its references. commands: the words at the very top. is_auto: it bears a machine's marks. is_replay: the bytes
    were there before. is_confirmed: its agent said later that it was theirs.
    """

    raw: bytes
    recipients: tuple[str, ...]
    envelope: str
    claimed: str
    level: int
    what: str
    markers: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    is_auto: bool = False
    is_replay: bool = False
    references: str = ""
    at: datetime | None = None
    is_confirmed: bool = False


@dataclass
class Law:
    """What was written, who takes part, which tokens exist; `check` after every step."""

    agents: tuple[Person, ...]
    token_mode: bool
    unsigned: tuple[str, ...]
    contents: dict[str, Content] = field(default_factory=dict)
    people: dict[int, dict[str, Stay]] = field(default_factory=dict)
    removed: dict[int, set[str]] = field(default_factory=dict)
    # What an agent's act held: the same mail is none a second time.
    acted: set[str] = field(default_factory=set)
    acting: set[str] = field(default_factory=set)
    boxes: dict[int, str] = field(default_factory=dict)
    openers: dict[int, str] = field(default_factory=dict)
    # What stands in a ticket's subject, which every letter of it shows.
    subjects: dict[int, list[str]] = field(default_factory=dict)
    works: dict[str, set[int]] = field(default_factory=dict)
    # What an address has already: of mails that were proved to be theirs, and of letters.
    had: dict[str, set[str]] = field(default_factory=dict)
    # Words that a mail of somebody's brought to a ticket, their own or others': whose mail, and when.
    brought: dict[tuple[int, str], list[tuple[str, int]]] = field(default_factory=dict)
    # A token that stood in a letter: its recipient, the ticket, and where it stood.
    issued: dict[str, tuple[str, int | None, str]] = field(default_factory=dict)

    def write(self, kind: str, claimed: str, level: int, step: int) -> str:
        """A new marker for a piece of content."""
        # The letter makes truncated neighbours different words.
        marker = f"mk{len(self.contents):06d}{'abcdefghij'[len(self.contents) % 10]}q"
        self.contents[marker] = Content(marker, kind, claimed, level, step)
        return marker

    def is_agent(self, address: str) -> bool:
        """Whether an agent has this address."""
        return any(a.address == address for a in self.agents)

    def own_tokens(self, sent: Sent) -> dict[int, str]:
        """Tickets for which a mail bears a real signed address of the author whom it claims."""
        found: dict[int, str] = {}
        where = " ".join(sent.recipients)
        for token in TOKEN.findall(where.lower()):
            recipient, ticket_id, place = self.issued.get(token, ("", None, ""))
            if ticket_id is not None and recipient == sent.claimed and place == "address":
                found[ticket_id] = token
        # Where a mailbox has no signed addresses the notice's Message-ID stands in for one.
        for token in TOKEN.findall(sent.references.lower()):
            recipient, ticket_id, place = self.issued.get(token, ("", None, ""))
            if recipient == sent.claimed and place == "id" and self.boxes.get(ticket_id or 0) in self.unsigned:
                found.setdefault(ticket_id or 0, token)
        return found

    def is_act(self, sent: Sent | None, ticket_id: int) -> bool:
        """Whether a mail is an agent's act on a ticket: real token of their own, proved as configured, a person's, new."""
        if sent is None or not self.is_agent(sent.claimed) or sent.is_auto:
            return False
        if sent.is_replay and not self.acted.isdisjoint(sent.markers):
            return False
        if sent.is_confirmed:
            return True
        if sent.level < (2 if self.token_mode else 4):
            return False
        return ticket_id in self.own_tokens(sent)

    def need_order(self, order: Sent | None, mail: int, sent: Sent, kind: str) -> None:
        """What lets in a mail that was held, or makes an act of a note: the agent whose letter it was, in words of theirs."""
        _hold(order is not None and self.is_agent(order.claimed), f"mail {mail} was {kind} by nobody")
        assert order is not None
        words = f"{' '.join(order.recipients)} {order.references}".lower()
        is_own = any(self.issued.get(t, ("", None, ""))[0] == order.claimed for t in TOKEN.findall(words))
        # A one-time address went to the agent alone, whose own domain may not be able to prove anything.
        level = 2 if kind == "confirmed" or self.token_mode else 4
        is_said = (("confirm", "") if kind == "confirmed" else ("release", str(mail))) in order.commands
        is_fit = is_own and is_said and order.level >= level and not (order.is_auto or order.is_replay)
        _hold(
            is_fit, f"mail {mail} of {sent.claimed} was {kind} by {order.what} of {order.claimed}, level {order.level}"
        )
        if kind == "confirmed":
            _hold(order.claimed == sent.claimed, f"{order.claimed} confirmed a mail of {sent.claimed}")

    def opens(self, sent: Sent | None) -> bool:
        """Whether a mail may open a ticket for somebody else: a proved agent's; once more, it is fixed text once more."""
        return sent is not None and self.is_agent(sent.claimed) and sent.level == 4 and not sent.is_auto

    def may_join(self, sent: Sent, ticket_id: int) -> bool:
        """Whether anything in a mail points to a ticket: a real token or id of ours, or one of its mails by a participant."""
        words = f"{' '.join(sent.recipients)} {sent.references}".lower()
        tokens = TOKEN.findall(words) + (TOKEN.findall(sent.raw.decode("latin-1").lower()) if not sent.envelope else [])
        if any(self.issued.get(t, ("", None, ""))[1] == ticket_id for t in tokens):
            return True
        # An agent's forward of what the ticket holds is found by what is inside.
        is_named = any(ticket_id in self.contents[m].tickets for m in MARKER.findall(sent.references))
        # A note that nobody but agents sees, and that says so.
        is_agents = self.is_agent(sent.claimed) and (is_named or sent.level == 4 or sent.is_confirmed)
        return sent.claimed in self.people.get(ticket_id, {}) or is_agents

    def learn(
        self, sent: Sent | None, step: int, tickets: Iterable[int], new: dict[int, Row], boxes: Iterable[str]
    ) -> None:
        """Who takes part from now on, and where the mail's content is."""
        if sent is None:
            return
        inside = set(MARKER.findall(sent.raw.decode("latin-1")))
        for marker in inside & self.contents.keys():
            self.contents[marker].boxes.update(boxes)
        # Whoever wrote it knew it; in whose name, an agent may quote it to. The desk has added nothing.
        for address in (*([sent.claimed] if sent.level >= 2 and not sent.is_replay else []), *sent.cc):
            self.had.setdefault(address, set()).update(inside)
        for ticket_id in tickets:
            people = self.people.setdefault(ticket_id, {})
            if ticket_id in new:
                subject = sent.raw.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0]
                self.subjects[ticket_id] = MARKER.findall(subject.decode("latin-1"))
                named = new[ticket_id].requester if self.opens(sent) else None
                self.openers[ticket_id] = named or sent.claimed
                if not self.opens(sent) or new[ticket_id].requester == sent.claimed:
                    people.setdefault(sent.claimed, Stay(0, "wrote it"))
                if self.opens(sent) and new[ticket_id].requester not in (None, sent.claimed):
                    people.setdefault(str(new[ticket_id].requester), Stay(0, "an agent opened it for them"))
                    self.openers[ticket_id] = str(new[ticket_id].requester)
            if sent.level >= 3 and sent.claimed == self.openers.get(ticket_id) and not sent.is_auto:
                for address in set(sent.cc) - self.removed.get(ticket_id, set()):
                    people.setdefault(address, Stay(step, "a proved requester's Cc"))
            for marker in sent.markers:
                self.contents[marker].tickets.add(ticket_id)
            author = new[ticket_id].requester if ticket_id in new and self.opens(sent) else sent.claimed
            # What an agent's mail quotes is brought by nobody: a notice holds notes.
            if author is not None and not self.is_agent(author):
                for marker in inside:
                    self.brought.setdefault((ticket_id, marker), []).append((author, step))

    def publish(self, sent: Sent | None, letters: list[Letter], tickets: Iterable[int]) -> None:
        """What is public from now on: an agent's act that was an answer, and the words of who takes part."""
        if sent is None:
            return
        answered = {x.ticket_id for x in letters if x.notice == "answer"}
        acted: set[str] = set()
        is_refused = any(x.notice == "not-done" for x in letters)
        for ticket_id in tickets:
            if self.is_act(sent, ticket_id):
                acted.update(sent.markers)
                if not is_refused:
                    self._command(sent, ticket_id)
            if self.is_agent(sent.claimed) and (sent.is_confirmed or self.own_tokens(sent)):
                is_note = ("note", "") in sent.commands
                is_public = ticket_id in answered and not is_note and self.is_act(sent, ticket_id)
            else:
                is_public = sent.claimed in self.people.get(ticket_id, {})
            for marker in sent.markers:
                self.contents[marker].is_public |= is_public

        self.acting = acted

    def done(self) -> None:
        """The step is over: what acted in it acts no more."""
        self.acted |= self.acting

    def _command(self, sent: Sent, ticket_id: int) -> None:
        people, removed = self.people.setdefault(ticket_id, {}), self.removed.setdefault(ticket_id, set())
        for word, argument in sent.commands:
            if word in ("cc", "for"):
                removed.discard(argument)
                people[argument] = Stay(0, f"an agent's #{word}")
            if word == "for":
                self.openers[ticket_id] = argument
            if word == "uncc":
                people.pop(argument, None)
                removed.add(argument)

    def check_letter(self, letter: Letter, sent: Sent | None, rows: dict[int, Row]) -> None:
        """One letter: its shape, its cause, and every marker in it."""
        head, recipient = letter.head, letter.recipient
        to = [str(v) for name, v in head.items() if name.lower() in ("to", "cc", "bcc", "resent-to")]
        _hold(to == [recipient], f"a letter to {recipient} names {to}")
        if letter.notice != "answer":
            _hold(head["Auto-Submitted"] not in (None, "no"), f"{letter.notice} is not marked as automatic")
        found = [self.contents[m] for m in letter.body_markers if m in self.contents]
        if recipient in ADMINS:
            return
        agent = next((a for a in self.agents if a.address == recipient), None)
        if letter.notice.startswith("history-"):
            self._check_history(letter, sent, found)
            return
        # An agent whose own request is answered is a customer there.
        if agent is not None and letter.notice != "answer":
            inside = MARKER.findall(sent.raw.decode("latin-1")) if sent is not None else []
            for one in found:
                at = {rows[letter.ticket_id].mailbox} if letter.ticket_id in rows else one.boxes
                # Who has an address on a ticket works on it: they opened it, or it was handed to them.
                is_theirs = (
                    one.claimed == recipient or any(box in agent.mailboxes for box in at) or one.kind == "subject"
                )
                is_theirs = is_theirs or letter.ticket_id in self.works.get(recipient, ())
                is_theirs = is_theirs or one.marker in self.had.get(recipient, ())
                # A mail in an agent's name goes back to them whole.
                is_theirs = is_theirs or (sent is not None and sent.claimed == recipient and one.marker in inside)
                _hold(is_theirs, f"{recipient} answers not for {at}, and got {one}")
            return
        self._check_outside(letter, sent, found)

    def _check_outside(self, letter: Letter, sent: Sent | None, found: list[Content]) -> None:
        recipient, ticket_id = letter.recipient, letter.ticket_id
        stay = self.people.get(ticket_id or 0, {}).get(recipient)
        if sent is not None:
            _hold(not sent.is_auto, f"an automatic mail ({sent.what}) caused {letter.notice} to {recipient}")
        if letter.notice == "answer":
            _hold(
                ticket_id is not None and self.is_act(sent, ticket_id),
                f"an answer to {recipient} without an agent's act: {sent and sent.what}",
            )
            _hold(stay is not None, f"an answer to {recipient}, who takes no part in ticket {ticket_id}")
        else:
            is_author = sent is not None and recipient == sent.claimed and sent.level >= 2
            is_named = stay is not None and sent is not None and (self.opens(sent) or self.is_agent(sent.claimed))
            _hold(sent is None or is_author or is_named, f"{letter.notice} to {recipient}, who did not write")
            is_proved = is_author and sent is not None and sent.level >= 3
            # What was owed for a while goes out by the clock.
            is_owed = sent is None and {one.marker for one in found} <= self.had.get(recipient, set())
            _hold(
                is_proved or is_owed or not found, f"{letter.notice} to unproved {recipient} has words in it: {found}"
            )
        for one in found:
            if one.claimed == recipient or one.marker in self.had.get(recipient, ()):
                continue
            is_said = self._may_have(recipient, stay, ticket_id or 0, one)
            _hold(is_said, f"{letter.notice} of ticket {ticket_id} to {recipient} ({stay}) has {one}")
        for marker in letter.reference_markers:
            one = self.contents[marker]
            is_known = one.claimed == recipient or (ticket_id in one.tickets and stay is not None)
            is_known = is_known or marker in self.had.get(recipient, ())
            _hold(one.kind == "id" and is_known, f"the references of a letter to {recipient} have {one}")

    def _may_have(self, recipient: str, stay: Stay | None, ticket_id: int, one: Content) -> bool:
        """Whether somebody may have a piece of what stands on a ticket, by their time as one of its people."""
        is_subject = one.marker in self.subjects.get(ticket_id, ()) and stay is not None
        is_said = one.is_public and ticket_id in one.tickets and stay is not None and one.step >= stay.since
        for author, step in self.brought.get((ticket_id, one.marker), ()):
            is_public = stay is not None and author in self.people[ticket_id] and step >= stay.since
            is_said = is_said or author == recipient or is_public
        return is_subject or is_said

    def _check_history(self, letter: Letter, sent: Sent | None, found: list[Content]) -> None:
        """An answer about own requests: to its signed author, who is a person; of tickets that they take part in alone."""
        recipient = letter.recipient
        is_asked = sent is not None and sent.claimed == recipient and sent.level == 4 and not sent.is_auto
        _hold(is_asked, f"{letter.notice} to {recipient}, who did not ask: {sent and sent.what}")
        stays = {ticket_id: people[recipient] for ticket_id, people in self.people.items() if recipient in people}
        for token in TOKEN.findall(f"{letter.head['Reply-To']} {letter.text}".lower()):
            _hold(
                ticket_of(token) in stays, f"{letter.notice} gives {recipient} an address of ticket {ticket_of(token)}"
            )
        for one in found:
            if one.claimed == recipient or one.marker in self.had.get(recipient, ()):
                continue
            is_said = any(self._may_have(recipient, stay, ticket_id, one) for ticket_id, stay in stays.items())
            _hold(is_said, f"{letter.notice} to {recipient} ({stays}) has {one}")

    def check_change(self, sent: Sent | None, ticket_id: int, before: Row, after: Row) -> None:
        """What changed of a ticket has a cause: the clock, a mail that belongs to it, or an agent's commands."""
        if before == after:
            return
        words = {word for word, _ in sent.commands} if sent is not None else set()
        if sent is None:
            _hold((before.state, after.state) == ("solved", "closed"), f"the clock made {before} of {after}")
            return
        is_act = self.is_act(sent, ticket_id)
        for name, causes in (
            ("priority", {"priority"}),
            ("tags", {"tag", "spam"}),
            ("assignee", {"assign", "answer", "solved", "spam"}),
            ("requester", {"for"}),
        ):
            if getattr(before, name) != getattr(after, name):
                _hold(is_act, f"{name} changed without an agent's act, by {sent.what}: {before} {after}")
                _hold(bool(causes & (words | {"answer"})), f"{name} changed without its command: {sent.commands}")
                if name in ("priority", "tags", "requester"):
                    _hold(bool(causes & words), f"{name} changed without its command: {sent.commands}")
        if before.state != after.state:
            is_reopened = after.state == "open" and before.state in ("pending", "on-hold", "solved")
            is_allowed = is_act or (is_reopened and self.may_join(sent, ticket_id) and not sent.is_auto)
            _hold(is_allowed, f"{before.state} became {after.state} by {sent.what} of {sent.claimed}")

    def issue(self, letter: Letter) -> None:
        """Remember what stands in a letter: its words for its recipient, its tokens, whose they are and where they stood."""
        if letter.ticket_id is not None and self.is_agent(letter.recipient):
            self.works.setdefault(letter.recipient, set()).add(letter.ticket_id)
        self.had.setdefault(letter.recipient, set()).update(letter.body_markers + letter.reference_markers)
        for place, value in (("address", str(letter.head["Reply-To"])), ("bounce", letter.envelope_from)):
            for token in TOKEN.findall(value.lower()):
                self.issued.setdefault(token, (letter.recipient, letter.ticket_id, place))
        if letter.notice.startswith("history-"):
            # Each request stands there with an address of its own.
            for token in TOKEN.findall(f"{letter.head['Reply-To']} {letter.text}".lower()):
                self.issued[token] = (letter.recipient, ticket_of(token), "address")
        for token in TOKEN.findall(str(letter.head["Message-ID"]).lower()):
            self.issued.setdefault(token, (letter.recipient, letter.ticket_id, "id"))
        for token in TOKEN.findall(str(letter.head["References"] or "").lower()):
            self.issued.setdefault(token, ("", letter.ticket_id, "anchor"))


def ticket_of(token: str) -> int:
    """The ticket that a token names, whoever signed it."""
    return int.from_bytes(base64.b32decode(token.upper())[1:6], "big")


def _hold(claim: bool, words: str) -> None:
    if not claim:
        raise Broken(words)
