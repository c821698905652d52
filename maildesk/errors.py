"""Every error the desk tells somebody, each with its one reply to mail servers, shells and browsers.

Temporary is the default: our own fault never bounces a mail. A permanent reply is chosen, with its enhanced code (RFC 3463).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Reply:
    """What one error says outside: an SMTP reply line, a sysexits code, an HTTP status."""

    smtp: str
    exit: int
    http: int


class MaildeskError(Exception):
    """Something went wrong that the desk can name; the message is one sentence that says what to do."""

    reply: ClassVar[Reply] = Reply("451 4.3.0 Temporary failure here, please try again", exit=75, http=503)


class UnknownMailbox(MaildeskError):
    """The address is none of the desk's (RFC 5321, 3.5; RFC 3463, X.1.1)."""

    reply = Reply("550 5.1.1 No such mailbox here", exit=67, http=404)


class NotWelcome(MaildeskError):
    """The admin wants no mail from there (RFC 3463, X.7.1)."""

    reply = Reply("550 5.7.1 Mail from you is not taken here", exit=77, http=403)


class TooLarge(MaildeskError):
    """The mail is larger than the desk takes (RFC 1870, 6.3)."""

    reply = Reply("552 5.3.4 The mail is larger than this desk takes", exit=65, http=413)


class DiskNearlyFull(MaildeskError):
    """Too little room to promise anything (RFC 3463, X.3.1)."""

    reply = Reply("452 4.3.1 Not enough room here just now, please try again", exit=75, http=507)


class Looping(MaildeskError):
    """The mail has passed too many servers to be on its way still (RFC 5321, 6.3; RFC 3463, X.4.6)."""

    reply = Reply("554 5.4.6 Too many hops, the mail is in a loop", exit=75, http=508)


class BareNewline(MaildeskError):
    """A lone CR or LF hides the end of a mail and commands behind it (SMTP smuggling)."""

    reply = Reply("550 5.5.2 Bare CR or LF around a dot, the end of this mail is not certain", exit=65, http=400)


class BadForm(MaildeskError):
    """What a browser or somebody else sent is no form, or one that breaks off (RFC 7578)."""

    reply = Reply("554 5.6.0 That form cannot be read", exit=65, http=400)


class Malformed(MaildeskError):
    """Text that should follow a grammar and does not: an address, a token, a query."""

    reply = Reply("553 5.1.3 That is not a valid address", exit=65, http=400)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration.

    path: the key, "smtp.listen" or "mailbox[1].address" (counted from 0), "" for the file itself; nearest: the known
    name or value that was perhaps meant.
    """

    path: str
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return text if self.nearest is None else f'{text}, did you mean "{self.nearest}"?'


class BadConfig(MaildeskError):
    """The configuration cannot be used; `problems` holds all of them, and the message a line for each."""

    reply = Reply("451 4.3.5 Temporary failure here, please try again", exit=78, http=500)

    def __init__(self, *problems: Problem | str) -> None:
        """A text is a problem of the whole configuration."""
        self.problems = tuple(Problem("", found) if isinstance(found, str) else found for found in problems)
        super().__init__("\n".join(str(found) for found in self.problems))


class BadUsage(MaildeskError):
    """The command line asks for something that is not possible."""

    reply = Reply("451 4.3.0 Temporary failure here, please try again", exit=2, http=400)


class NotFound(MaildeskError):
    """What was asked for does not exist, or is not the asker's to see."""

    reply = Reply("550 5.1.1 No such thing here", exit=1, http=404)


class AlreadyRunning(MaildeskError):
    """Another process holds the desk's lock."""


class NotComposable(MaildeskError):
    """A letter's values cannot be written down without changing what its header says; it is not sent."""
