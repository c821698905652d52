"""A reply that was typed on a page: the mail that its author would have sent, to their own signed address of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from maildesk.desk.directory import Directory
from maildesk.desk.own_requests import OwnRequest
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.model import Attachment, Envelope, Wish
from maildesk.mail.subject import reply_subject
from maildesk.mail.token import Purpose, anchor
from maildesk.store.tickets import integer
from maildesk.web.uploads import Upload
from maildesk.web.visit import Visit
from maildesk.web.visitor import digest

# The page waits so long for the desk to work on it; then it shows what there is.
_WITHIN_S = 3.0


async def send_reply(visit: Visit, own: OwnRequest, words: str, wish: Wish, files: Iterable[Upload]) -> int | None:
    """Accept the reply as a mail; the number of the request that it became part of, None while that is not known.

    Raises what the inbox raises. The same form sent twice is the same mail twice, and the desk takes it once.
    """
    directory, now = visit.site.settler().directory, visit.now
    to, references = _where(directory, own)
    raw = await asyncio.to_thread(
        _written,
        directory,
        own,
        to,
        references,
        words,
        visit.who.name,
        visit.language,
        _secret(visit),
        tuple(files),
        now,
    )
    author = own.reader.person.address
    envelope = Envelope("web", visit.peer, author, (to,), now, proof=author, wish=wish)
    mails = await visit.site.inbox.accept(raw, envelope)
    await visit.site.settled(mails[0], _WITHIN_S)
    row = await visit.read(lambda tx: tx.find("number that a mail became", id=mails[0]))
    return None if row is None or row["number"] is None else integer(row["number"])


def _secret(visit: Visit) -> str:
    """What makes two presses of one form the same mail."""
    return digest(f"reply/{visit.visitor}/{visit.form.get('submission')}/{visit.path}")


def _where(directory: Directory, own: OwnRequest) -> tuple[str, tuple[str, ...]]:
    """The address of the reply, and the references where the mailbox has no signed addresses."""
    mailbox = directory.mailbox(own.mailbox)
    token = directory.keyring.sign(Purpose.CUSTOMER_REPLY, own.ticket_id, own.reader.slot)
    signed = addresses.with_token(mailbox.address, mailbox.reply_address, token)
    return (signed, ()) if signed is not None else (mailbox.address, (anchor(directory.keyring, own.ticket_id),))


def _written(
    directory: Directory,
    own: OwnRequest,
    to: str,
    references: tuple[str, ...],
    words: str,
    name: str,
    language: str,
    secret: str,
    files: tuple[Upload, ...],
    now: datetime,
) -> bytes:
    return compose(
        Outgoing(
            from_name=name,
            from_address=own.reader.person.address,
            to=to,
            subject=reply_subject(own.number, own.subject),
            message_id=f"<w.{secret[:32]}@{directory.keyring.desk_id}>",
            date=now,
            text=words,
            desk_id="",
            content_language=language,
            references=references,
            attachments=tuple(Attachment(one.name, one.type, one.path.read_bytes()) for one in files),
        )
    )
