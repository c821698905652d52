"""What an understood mail holds, and what a door knows about its delivery. Values only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Via = Literal["smtp", "lmtp", "imap", "maildrop", "web", "import", "desk"]
Wish = Literal["", "solve"]
BlockKind = Literal["own", "quote", "attribution", "signature", "banner"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the door knows and no header may claim (RFC 5321, 2.3.1).

    peer: the client's address without port, "unix" for a socket, "" where there is none (maildrop, IMAP).
    sender: the reverse path, "" for the null sender, None where the door cannot know it (IMAP).
    recipients: addresses of the desk as they were written, tags included; at least one.
    proof: the address a web session proved; None everywhere else.
    quiet: nothing may be written to anybody (an import).
    wish: what its author asked for beside the words, on a page: "solve" says that the request is done.
    """

    via: Via
    peer: str
    sender: str | None
    recipients: tuple[str, ...]
    received_at: datetime
    proof: str | None = None
    quiet: bool = False
    wish: Wish = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One address, its domain lower-case, and the decoded display name ("" when there is none)."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part that is not the text: decoded bytes, its real name, and whether the HTML shows it in place."""

    name: str
    type: str
    content: bytes = field(repr=False)
    inline: bool = False
    content_id: str | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient a bounce speaks of; status as in RFC 3463 ("5.1.1"), its class alone ("5.0.0") where no reason is given.

    permanent: this letter will not arrive, whatever the class: one that was tried in vain for days has 4.4.7.
    """

    recipient: str
    status: str | None
    permanent: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report (RFC 3464 or older). `returned_ids`: Message-IDs found in the part that came back.

    delayed: the mail is still on its way; a delay is not a failure.
    """

    failures: tuple[Failure, ...]
    returned_ids: tuple[str, ...] = ()
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines of one kind, in the order of the mail; joined by newlines the blocks are the full text."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a person forwarded: the inner author, subject, date and text.

    author: None where no address stands there, or several; name: as the mail gives it, also without an address.
    authors: everybody who may have written it, when that is not one alone; () otherwise.
    attachments: those of the inner mail; of a forward in the text the outer mail's are meant. beside: the files that
    the forwarder attached beside an attached mail.
    message_ids: of the attached mails. blocks: the text's. above: what the forwarder wrote over it. language: of the inner text.
    """

    author: Person | None
    subject: str
    date: datetime | None
    text: str
    name: str = ""
    authors: tuple[Person, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    beside: tuple[Attachment, ...] = ()
    message_ids: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    above: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the mail's attachments, by its place among them from 0, that `Shown.html` shows under another id.

    type: what its bytes are, whatever the mail calls it.
    """

    place: int
    content_id: str
    type: str


@dataclass(frozen=True, slots=True)
class Shown:
    """`Mail.text` with its formatting: safe HTML that loads nothing but the pictures, which travel with it."""

    html: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as a person would see it, and the marks that machines leave.

    author: the one mailbox of the one From field; None when nobody can be believed, and author_fault says why.
    references: every id of References then In-Reply-To, oldest first, each once, with angle brackets.
    trace: the fields by which servers tell who wrote, top first, as (lower-case name, unfolded value): Received,
    Authentication-Results, X-MS-Exchange-Organization-AuthAs and X-MS-Exchange-CrossTenant-Id; encoded
    words in them stay as they are: a server repeats what a sender wrote, and must not be made to say it.
    language_stated: Content-Language; language: found in the text, None when it is too short to tell.
    text: what the person wrote now, without quotes and signature; full_text: everything readable.
    html: as it came, safe for nobody; shown: the text as safe HTML, None where only the text says it.
    automatic: why a machine wrote it; suppress: why no answer is wanted although a person may have written it.
    marks: the first X- fields as (lower-case name, value cut at 200 octets), for what filters write there.
    desk_id: whose maildesk sent it (X-Maildesk-Desk), "" when none did; hops: how many desks wrote one because of another's.
    content_key: SHA-256 of the canonical content, the same for the same mail by another road.
    unreadable: why the mail could not be understood; the rest is what could be saved.
    """

    subject: str = ""
    author: Person | None = None
    author_fault: str | None = None
    reply_to: Person | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    delivered_to: tuple[str, ...] = ()
    message_id: str | None = None
    references: tuple[str, ...] = ()
    date: datetime | None = None
    language_stated: str | None = None
    language: str | None = None
    text: str = ""
    full_text: str = ""
    blocks: tuple[Block, ...] = ()
    html: str | None = field(default=None, repr=False)
    shown: Shown | None = field(default=None, repr=False)
    attachments: tuple[Attachment, ...] = ()
    automatic: str | None = None
    absence: bool = False
    suppress: str | None = None
    bounce: Bounce | None = None
    forwarded: Forwarded | None = None
    marks: tuple[tuple[str, str], ...] = ()
    trace: tuple[tuple[str, str], ...] = ()
    desk_id: str = ""
    hops: int = 0
    content_key: str = ""
    defects: tuple[str, ...] = ()
    unreadable: str | None = None
