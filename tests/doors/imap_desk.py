"""What the IMAP door's tests share: an inbox that remembers what it was given, and a place in the folder that lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from maildesk.config import Imap, OAuth2
from maildesk.doors.imap import ImapDoor
from maildesk.mail.model import Envelope
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.fake_imap import FakeImap

# The password of a mailbox on a server that lies.
SECRET = "do-not-tell-7"


class Desk:
    """An accept() that keeps mails in a list, and a durable position; a door that is made anew finds both again.

    before_commit and after_commit are called with the mail; what they raise, accept raises.
    """

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.envelopes: list[Envelope] = []
        self.position: tuple[int, int] | None = None
        self.before_commit: Callable[[bytes], Any] = lambda _: None
        self.after_commit: Callable[[bytes], Any] = lambda _: None

    async def accept(self, raw: bytes, envelope: Envelope) -> list[int]:
        self.before_commit(raw)
        self.mails.append(raw)
        self.envelopes.append(envelope)
        self.after_commit(raw)
        return [len(self.mails)]

    def save(self, validity: int, uid: int) -> None:
        self.position = (validity, uid)

    @property
    def subjects(self) -> list[str]:
        return [subject_of(raw) for raw in self.mails]

    def door(self, settings: Imap, **values: Any) -> ImapDoor:
        values = {"backoff_s": (0.1, 2.0), "timeout_s": 10.0, **values}
        return ImapDoor(
            settings, self.accept, lambda a: a.startswith("support"), lambda: self.position, self.save, **values
        )

    @asynccontextmanager
    async def watching(self, settings: Imap, **values: Any) -> AsyncIterator[ImapDoor]:
        door = self.door(settings, **values)
        door.start()
        try:
            yield door
        finally:
            await door.stop()


def subject_of(raw: bytes) -> str:
    return raw.split(b"Subject: ", 1)[1].split(b"\r\n", 1)[0].decode()


def mail(subject: str, *, header: str = "", size_bytes: int = 0) -> bytes:
    return f"{header}From: lea@client.test\r\nSubject: {subject}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * (
        size_bytes // 72 + 1
    )


def settings_for(
    server: Dovecot, user: str, secrets: Path, *, tls: str = "none", oauth2: OAuth2 | None = None, **values: Any
) -> Imap:
    """A configuration for the user's INBOX; the password lies in a file in `secrets`."""
    secret = secrets / "imap-password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    return Imap.model_validate(
        {
            "host": "127.0.0.1",
            "port": server.imaps_port if tls == "implicit" else server.imap_port,
            "tls": tls,
            "ca_file": None if tls == "none" else server.ca_file,
            "username": user,
            "password_file": None if oauth2 else secret,
            "oauth2": oauth2,
            "mailbox": "support@desk.test",
            **values,
        }
    )


def fake_settings(secrets: Path) -> Callable[..., Imap]:
    """Makes configurations for a server of `fake_imap`; the password lies in a file in `secrets`."""
    secret = secrets / "password"
    secret.write_text(SECRET)
    secret.chmod(0o600)

    def make(server: FakeImap, **values: Any) -> Imap:
        return Imap.model_validate(
            {
                "host": "127.0.0.1",
                "port": server.port,
                "tls": "none",
                "username": "support@desk.test",
                "password_file": secret,
                "mailbox": "support@desk.test",
                **values,
            }
        )

    return make
