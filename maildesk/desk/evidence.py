"""Which ticket a mail belongs to, and how strongly. Pure: gets headers and facts, never asks the store.

Strongest first: a signed address, a signed Message-ID, a known Message-ID of somebody else's, the number in a subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from maildesk.desk.directory import Directory, Recipient
from maildesk.desk.model import Facts, SentLetter, Ticket
from maildesk.mail.model import Mail
from maildesk.mail.token import Purpose, SignedId, read_message_id

Level = Literal["signed-address", "signed-id", "known-id", "subject", "none"]

# How strongly each points to a ticket, as people and logs name it.
THREAD_LEVELS: dict[Level, str] = {
    "signed-address": "T3",
    "signed-id": "T2",
    "known-id": "T1",
    "subject": "T0",
    "none": "-",
}

# Thousands of References are an attack on whoever looks them up; the last ones are the thread's, the first its root.
LAST_REFERENCES = 20
_TAG = re.compile(r"\[#(\d{1,18})\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What points to a ticket. slot: whose address or letter it was; None when the evidence names nobody.

    is_agent_path: the signed address (or, without signed addresses, the notice's Message-ID) was an agent's.
    answered: the letter of ours that the mail answers. tagged: tickets whose number stands in the subject.
    """

    level: Level = "none"
    ticket: Ticket | None = None
    slot: int | None = None
    is_agent_path: bool = False
    answered: SentLetter | None = None
    tagged: tuple[Ticket, ...] = ()
    why: tuple[str, ...] = ()


NO_EVIDENCE = Evidence()


def signed_ids(mail: Mail, directory: Directory) -> tuple[tuple[str, SignedId], ...]:
    """Our own Message-IDs among the references, the newest first, with what they say."""
    found = []
    for text in reversed(near(mail.references)):
        signed = read_message_id(directory.keyring, text)
        if signed is not None:
            found.append((text, signed))
    return tuple(found)


def near(references: tuple[str, ...]) -> tuple[str, ...]:
    """The references that are looked at: the first and the last twenty."""
    return references if len(references) <= LAST_REFERENCES + 1 else references[:1] + references[-LAST_REFERENCES:]


def numbers_in(subject: str) -> tuple[int, ...]:
    """The ticket numbers tagged in a subject, each once: "Re: [#5] [#5] x" gives (5,)."""
    return tuple(dict.fromkeys(int(n) for n in _TAG.findall(subject)))[:5]


def find(mail: Mail, recipients: tuple[Recipient, ...], facts: Facts, directory: Directory) -> Evidence:
    """The strongest evidence there is."""
    ids = signed_ids(mail, directory)
    answered = next((letter for text, _ in ids for letter in facts.letters if letter.message_id == text), None)
    tagged = tuple(t for n in numbers_in(mail.subject) for t in facts.tickets if t.number == n)
    named = tuple(
        (ticket, r.token)
        for r in recipients
        if r.token is not None and r.token.purpose in (Purpose.CUSTOMER_REPLY, Purpose.AGENT_REPLY)
        if (ticket := facts.ticket(r.token.ticket_id)) is not None
    )
    if named:
        ticket, token = named[0]
        why: tuple[str, ...] = (f"it came to the signed address of ticket #{ticket.number}",)
        newest = next((t for _, signed in ids if (t := facts.ticket(signed.token.ticket_id)) is not None), ticket)
        other = next((t for t in (*(t for t, _ in named), newest) if t.id != ticket.id), None)
        if other is not None:
            # An address and a letter of two tickets: nobody is taken for the addressee of either.
            why += (f"and it names ticket #{other.number} too",)
            return Evidence("known-id", ticket, None, False, None, tagged, why)
        is_agent = token.purpose is Purpose.AGENT_REPLY
        return Evidence("signed-address", ticket, token.slot, is_agent, answered, tagged, why)
    for _, signed in ids:
        ticket = facts.ticket(signed.token.ticket_id)
        if ticket is not None:
            is_agent = signed.token.purpose is Purpose.AGENT_REPLY
            why = (f"it answers a letter of ticket #{ticket.number}",)
            return Evidence("signed-id", ticket, signed.token.slot or None, is_agent, answered, tagged, why)
    for _, ticket_id in reversed(facts.known):
        ticket = facts.ticket(ticket_id)
        if ticket is not None:
            why = (f"it answers a mail that ticket #{ticket.number} holds",)
            return Evidence("known-id", ticket, None, False, None, tagged, why)
    if tagged:
        return Evidence("subject", tagged[0], None, False, None, tagged, (f"its subject names #{tagged[0].number}",))
    return Evidence(why=("nothing in it points to a ticket",))
