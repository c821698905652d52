"""What the threat rows share: the real daemon on a real socket, a client that sends bytes as they are, and the relay's journal.

One daemon serves all rows of a test process: each row has senders and Message-IDs of its own, and looks for these alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.client import Client
from tests.servers.desk import Desk
from tests.servers.sink import Received, Sink
from tests.wait import until

# One address of this machine passes mail on to the desk; every other one is a stranger's.
RELAY = "127.0.0.1"
TRUST = f'authserv_ids = ["mx.desk.test"]\nrelays = ["{RELAY}"]'
MAX_MAIL_BYTES = 2_000_000


@dataclass
class Wire:
    """A running desk and what left it."""

    desk: Desk
    sink: Sink

    def greeting(self, source: str = RELAY) -> Client:
        """A client that was greeted, well or not, and has said nothing."""
        return Client(("127.0.0.1", self.desk.smtp_port), source=source)

    def client(self, source: str = RELAY) -> Client:
        """A client that has said EHLO."""
        client = self.greeting(source)
        assert client.say("EHLO client.test").startswith("250")
        return client

    def sends(self, raw: bytes, *recipients: str, sender: str = "lea@client.test", source: str = RELAY) -> str:
        """The reply to one mail, byte for byte, whose recipients are all taken."""
        with self.client(source) as client:
            return client.mail(sender, recipients or ("support@desk.test",), raw)

    def gives(
        self, raw: bytes, *recipients: str, sender: str = "lea@client.test", source: str = RELAY
    ) -> dict[str, Any]:
        """The row of the ledger of a mail that is taken, once it is settled."""
        reply = self.sends(raw, *recipients, sender=sender, source=source)
        assert reply.startswith("250 2.0.0 "), reply
        return self.settled(int(reply.split()[2].partition(",")[0]))

    def settled(self, mail: int) -> dict[str, Any]:
        """A row of the ledger, once its mail is settled."""

        def look() -> dict[str, Any] | None:
            (row,) = self.rows("SELECT * FROM mails WHERE id = ?", mail)
            return None if row["outcome"] == "received" else row

        found = until(look)
        assert found is not None
        return found

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What a query finds in the desk's database."""
        path = self.desk.state / "maildesk.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]

    def left(self) -> list[Received]:
        """What has left the desk because of mail, once nothing waits any more; the clock's daily letters are left out."""
        until(lambda: not self.rows("SELECT id FROM mails WHERE outcome = 'received'"))
        until(lambda: not self.rows("SELECT id FROM outbox WHERE state IN ('waiting', 'claimed')"))
        daily = {row["message_id"] for row in self.rows("SELECT message_id FROM outbox WHERE kind = 'digest'")}
        return [letter for letter in self.sink.mails if letter.header("Message-ID") not in daily]

    def letter(self, recipient: str, words: str = "") -> Received:
        """The newest letter to somebody that has these words in its bytes."""

        def look() -> Received | None:
            found = (x for x in reversed(self.sink.mails) if x.recipient == recipient and words.encode() in x.raw)
            return next(found, None)

        found = until(look)
        assert found is not None
        return found


@contextmanager
def wired(folder: Path, **tables: Any) -> Iterator[Wire]:
    """A desk of one's own with these further settings of `tests.servers.desk.Desk`."""
    with Sink() as sink, Desk(folder, sink.port, **{"trust": TRUST, **tables}) as desk:
        yield Wire(desk, sink)


def mail(
    name: str,
    words: bytes = b"hello",
    *,
    author: str = "lea@client.test",
    fields: bytes = b"",
    is_proved: bool = True,
) -> bytes:
    """A small mail with CRLF; `name` is its subject and makes its Message-ID."""
    domain = author.rpartition("@")[2].rstrip(">")
    proof = f"Authentication-Results: mx.desk.test; dmarc=pass header.from={domain}\r\n" if is_proved else ""
    token = name.replace(" ", ".")
    head = f"{proof}From: {author}\r\nTo: support@desk.test\r\nSubject: {name}\r\nMessage-ID: <{token}@{domain}>\r\n"
    return head.encode() + fields + b"\r\n" + words + b"\r\n"
