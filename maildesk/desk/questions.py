"""What a decision needs to know of the store, asked before it is made. Pure: reads the mail, never the store."""

from __future__ import annotations

from maildesk.desk import participants
from maildesk.desk.asking import wanted
from maildesk.desk.contact_forms import filled
from maildesk.desk.directory import Directory, Recipient
from maildesk.desk.evidence import near, numbers_in, signed_ids
from maildesk.desk.grants import orders
from maildesk.desk.model import Questions
from maildesk.errors import UnknownMailbox
from maildesk.mail.model import Envelope, Mail
from maildesk.mail.token import Purpose, read_message_id

# Somebody may attach a mailing list's digest.
MAX_INNER_IDS = 20


def recipients_of(envelope: Envelope, directory: Directory) -> tuple[Recipient, ...]:
    """The desk's own addresses of an envelope; others are left out."""
    found = []
    for address in envelope.recipients:
        try:
            found.append(directory.recipient(address, envelope.sender, True))
        except UnknownMailbox:
            continue
    return tuple(found)


def needed(mail: Mail, envelope: Envelope, directory: Directory, *, is_aligned: bool = False) -> Questions:
    """What the decision on this mail needs to know; is_aligned: its author is proved, so that they may ask for their own."""
    recipients = recipients_of(envelope, directory)
    returned = mail.bounce.returned_ids if mail.bounce else ()
    own = (*(text for text, _ in signed_ids(mail, directory)), *returned)
    tokens = [r.token for r in recipients if r.token is not None]
    form = filled(mail, directory)
    author = mail.author if form is None else form.visitor
    inner = mail.forwarded.message_ids[:MAX_INNER_IDS] if mail.forwarded else ()
    signed = [read_message_id(directory.keyring, text) for text in (*own, mail.message_id or "", *inner)]
    foreign = tuple(r for r in near(mail.references) if r not in own)
    ids = [t.ticket_id for t in tokens if t.purpose is not Purpose.WEB] + [
        s.token.ticket_id for s in signed if s is not None
    ]
    # Where a mailbox has no signed addresses the letter's own Message-ID stands in for one.
    answered = (read_message_id(directory.keyring, text, Purpose.WEB) for text in reversed(near(mail.references)))
    grants = (
        *(t.ticket_id for t in tokens if t.purpose is Purpose.WEB),
        *(found.token.ticket_id for found in answered if found is not None),
    )
    return Questions(
        content_key=mail.content_key,
        ticket_ids=tuple(dict.fromkeys(ids)),
        foreign_ids=foreign,
        inner_ids=inner,
        letter_ids=own,
        copies=tuple((t.ticket_id, t.slot) for t in tokens if t.purpose is Purpose.BOUNCE),
        numbers=numbers_in(mail.subject),
        author=author.address if author else None,
        is_identified=mail.message_id is not None,
        named=participants.named(mail),
        grant_ids=grants,
        held_ids=tuple(number for number, _ in orders(mail.blocks)) if grants else (),
        message_id=mail.message_id,
        subject=mail.subject,
        wanted=wanted(mail) if is_aligned and any(r.is_history for r in recipients) and not tokens else None,
    )
