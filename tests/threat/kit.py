"""What the threat rows share: mails byte for byte, the letters of one ticket, and tokens that are nearly right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.desk.world import PROVED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
ANA = "Ana Lima <ana@desk.test>"
BEN = "Ben Okoro <ben@desk.test>"
EVE = "Eve Mallory <eve@evil.test>"
AGENTS = ("ana@desk.test", "ben@desk.test")
# What stands in the ticket of these tests and nowhere else.
SECRET = "sunflower-4711"

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True)
class Opened:
    """A ticket of Lea's that Ana has answered: the letters that everybody got."""

    confirmation: Letter
    notice: Letter
    answer: Letter
    lea_id: str


def raw_mail(
    author: str,
    words: str,
    *,
    subject: str = "Printer on fire",
    to: str = "support@desk.test",
    message_id: str = "",
    headers: Iterable[tuple[str, str]] = (),
    proved: bool = True,
) -> bytes:
    """A mail byte for byte, as its author's program or an attacker's script writes it."""
    bare = author.rpartition("<")[2].rstrip(">")
    results = (
        f"Authentication-Results: {PROVED.format(domain=bare.rpartition('@')[2])}\r\n"
        if proved
        else "Received: from x by y\r\n"
    )
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    own_id = f"Message-ID: {message_id}\r\n" if message_id else ""
    text = words.replace("\r\n", "\n").replace("\n", "\r\n")
    return (
        f"{results}From: {author}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Sun, 22 Nov 2026 18:00:00 +0000\r\n{own_id}{more}"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def opened(world: World) -> Opened:
    """Ticket 50031 of Lea's, with a secret in it, taken and answered by Ana."""
    lea_id = "<first@client.test>"
    world.give(raw_mail(LEA, f"My password is {SECRET}.", message_id=lea_id), sender="lea@client.test")
    letters = world.letters()
    notice = only(letters, "new", "ana@desk.test")
    world.write(ANA, f"Change {SECRET} today.\n", answers=notice)
    answer = only(world.letters(), "answer", "lea@client.test")
    return Opened(only(letters, "confirmation", "lea@client.test"), notice, answer, lea_id)


def reply_to(letter: Letter) -> str:
    """The signed address of a letter."""
    return str(letter.message["Reply-To"])


def token_of(address: str) -> str:
    """The token of a signed address."""
    return address.partition("@")[0].rpartition("+")[2]


def mutants(token: str) -> Iterator[str]:
    """Every token that differs in one character: 992 of 32 characters."""
    for place, char in enumerate(token):
        for other in ALPHABET:
            if other != char:
                yield token[:place] + other + token[place + 1 :]


def outside(letters: Iterable[Letter]) -> list[Letter]:
    """The letters that go to anybody but the desk's own people."""
    return [x for x in letters if x.recipient not in (*AGENTS, "root@desk.test")]


def told(letters: Iterable[Letter], recipient: str) -> str:
    """All bytes of the letters to somebody, their text decoded."""
    return "\n".join(f"{x.raw.decode('latin-1')}\n{x.text}" for x in letters if x.recipient == recipient)


def ticket_row(world: World, number: int = 50031) -> tuple[str, str, str | None, tuple[str, ...]]:
    """What commands change of a ticket."""
    found = world.ticket(number)
    return found.state, found.priority, found.assignee, found.tags


def texts(world: World, number: int = 50031) -> str:
    """Everything that a ticket's entries say."""
    return "\n".join(text for _, text, _ in world.entries(number))
