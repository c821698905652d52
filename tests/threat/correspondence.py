"""A conversation on the wire: a ticket that is opened, answered and read, each row with people and words of its own."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email import policy
from typing import Any

from tests.servers.sink import Received
from tests.threat.wire import Wire, mail

ANA = "ana@desk.test"


def reply_address(letter: Received) -> str:
    """The signed address of a letter."""
    return str(letter.header("Reply-To")).rpartition("<")[2].rstrip(">")


def references(letter: Received) -> bytes:
    """The fields by which a mail answers a letter."""
    message_id = str(letter.header("Message-ID"))
    return f"In-Reply-To: {message_id}\r\nReferences: {message_id}\r\n".encode()


@dataclass
class Conversation:
    """A ticket of `requester`'s; `name` is its subject and stands in no other row."""

    wire: Wire
    name: str

    @property
    def requester(self) -> str:
        """The customer whose ticket it is."""
        return f"{self.name.replace(' ', '.')}@client.test"

    def opens(self, words: str, *cc: str) -> Received:
        """The requester's first mail, proved; the agent's notice of it."""
        fields = f"Cc: {', '.join(cc)}\r\n".encode() if cc else b""
        self.wire.gives(mail(self.name, words.encode(), author=self.requester, fields=fields), sender=self.requester)
        return self.wire.letter(ANA, self.name)

    def answers(self, notice: Received, words: str) -> None:
        """The agent's proved mail to a notice; every letter that follows has left."""
        subject = f"Re {self.name} {self._next()}"
        row = self.wire.gives(
            mail(subject, words.encode(), author=ANA, fields=references(notice)), reply_address(notice), sender=ANA
        )
        assert row["outcome"] == "entry", row
        self.wire.left()

    def writes(
        self, author: str, words: str, *to: str, cc: str = "", proved: bool = True, answers: Received | None = None
    ) -> dict[str, Any]:
        """A mail of anybody's to these addresses; its row of the ledger once everything has left."""
        fields = (f"Cc: {cc}\r\n".encode() if cc else b"") + (references(answers) if answers else b"")
        subject = f"Re {self.name} {self._next()}"
        row = self.wire.gives(
            mail(subject, words.encode(), author=author, fields=fields, is_proved=proved), *to, sender=author
        )
        self.wire.left()
        return row

    def number(self) -> int:
        """What people call the ticket."""
        (row,) = self.wire.rows(
            "SELECT number FROM tickets WHERE requester_address = ? ORDER BY id LIMIT 1", self.requester
        )
        return int(row["number"])

    def people(self) -> list[str]:
        """The customers of the ticket who are there now."""
        rows = self.wire.rows(
            "SELECT address FROM participants JOIN tickets ON tickets.id = ticket_id "
            "WHERE number = ? AND kind = 'customer' AND removed_at IS NULL ORDER BY slot",
            self.number(),
        )
        return [row["address"] for row in rows]

    def flags(self) -> str:
        """The flags of the newest entry of a customer's."""
        rows = self.wire.rows(
            "SELECT flags FROM entries JOIN tickets ON tickets.id = ticket_id "
            "WHERE number = ? AND entries.kind = 'customer' ORDER BY entries.id DESC LIMIT 1",
            self.number(),
        )
        return str(rows[0]["flags"])

    def to(self, recipient: str) -> list[Received]:
        """Every letter that has reached somebody."""
        return [letter for letter in self.wire.left() if recipient in letter.recipients]

    def _next(self) -> int:
        """Subjects and Message-IDs differ from mail to mail."""
        return len(self.wire.rows("SELECT id FROM mails"))


def flipped(address: str) -> str:
    """A signed address with one bit of its token changed."""
    head, at, domain = address.partition("@")
    return f"{head[:-1]}{'b' if head[-1] == 'a' else 'a'}{at}{domain}"


def readable(letter: Received) -> str:
    """All of a letter: its bytes, and its text parts decoded."""
    message = email.message_from_bytes(letter.raw, policy=policy.default)
    texts = [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([letter.raw.decode("latin-1"), *texts])
