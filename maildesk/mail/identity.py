"""Whether a mail is about an account of another service: a code, a password's reset, an address to confirm, a way to sign in.

Strangers have such mail sent to a desk and read it there (Ticket Trick, 2017). Its shape alone tells: the service's phrase
beside a code or a link, written by a machine; a person writes such phrases too, and no code alone on a line. Pure, linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from maildesk.mail import address as addresses
from maildesk.mail.automatic import is_robot
from maildesk.mail.domains import organisational
from maildesk.mail.model import Mail
from maildesk.mail.phrasebook import phrases
from maildesk.mail.subject import base_subject

# Where nobody has a mailbox, and such mail comes from addresses that look like a person's. Sub-domains count with them.
KNOWN_DOMAINS = frozenset(
    {
        "accounts.google.com",
        "accountprotection.microsoft.com",
        "id.apple.com",
        "email.apple.com",
        "appleid.apple.com",
        "facebookmail.com",
    }
)
# Such mails say what they are at once; further down stand footers, and what people quote.
_LOOKED_AT_CHARS = 2_000
# A code stands in the same sentence as its name, or in the next line.
_NEAR_CHARS = 160
# A person who pastes a code writes around it.
_SHORT_CHARS = 900
_DIGITS = re.compile(r"(?<![\w#./:,-])(?:\d{4,8}|\d{3}[ -]\d{3,4}|\d{2}(?:[ -]\d{2}){2,3}|[A-Z]-\d{5,6})(?![\w%/:-])")
_LETTERED = re.compile(r"(?=[A-Z0-9-]*\d)[A-Z0-9]{3,4}-?[A-Z0-9]{3,4}")
_LINK = re.compile(r"https?://", re.IGNORECASE)


def identity(mail: Mail, known_senders: Iterable[str] = ()) -> str | None:
    """What of another service's account the mail is about, in a few words; None when it is not.

    known_senders: addresses and domains, their sub-domains too, beside those that stand here.
    """
    if mail.bounce is not None or mail.absence or mail.forwarded is not None:
        return None
    subject, text = mail.subject, mail.text[:_LOOKED_AT_CHARS]
    words = f"{subject}\n{text}".casefold()
    book = phrases()
    if _is_service(mail, known_senders):
        if _has_code(subject, text, book.codes):
            return "a one-time code"
        if _leads_on(mail):
            for found, phrase in (
                ("a password's reset", book.resets),
                ("an address or account to confirm", book.confirms),
            ):
                if any(one in words for one in phrase):
                    return found
            if any(one in words for one in book.sign_ins):
                return "a way to sign in"
    elif _is_code_alone(mail, subject, text, book.codes):
        return "a one-time code"
    return None


def _is_service(mail: Mail, known_senders: Iterable[str]) -> bool:
    """Whether a machine wrote it, or a service that is known for such mail.

    A website that passes its visitors' words on writes from such addresses too, and asks for answers to somebody else.
    """
    if mail.author is None:
        return mail.automatic is not None
    address, answered = mail.author.address, mail.reply_to
    domain = addresses.a_label(address.rpartition("@")[2])
    parents = {domain.split(".", cut)[-1] for cut in range(domain.count("."))}
    known = {one.casefold() for one in known_senders}
    if address.casefold() in known or not parents.isdisjoint(KNOWN_DOMAINS | known):
        return True
    if answered is not None and not is_robot(answered.address) and not _is_same_owner(answered.address, address):
        return False
    return mail.automatic is not None or is_robot(address)


def _is_same_owner(one: str, other: str) -> bool:
    return organisational(addresses.a_label(one.rpartition("@")[2])) == organisational(
        addresses.a_label(other.rpartition("@")[2])
    )


def _leads_on(mail: Mail) -> bool:
    """Whether it has a link: what is to be pressed."""
    html = mail.html or ""
    return _LINK.search(mail.full_text[:20_000]) is not None or "href" in html[:200_000].casefold()


def _has_code(subject: str, text: str, names: tuple[str, ...]) -> bool:
    """Whether the name of a code and a code stand close together."""
    whole = f"{subject}\n{text}"
    lower = whole.lower()
    if len(lower) != len(whole):
        lower = whole
    for name in names:
        at = lower.find(name)
        if at >= 0:
            around = whole[max(at - _NEAR_CHARS, 0) : at + len(name) + _NEAR_CHARS]
            if _DIGITS.search(around) or any(_LETTERED.fullmatch(line.strip()) for line in around.splitlines()):
                return True
    return False


def _is_code_alone(mail: Mail, subject: str, text: str, names: tuple[str, ...]) -> bool:
    """Whether a short mail that answers nothing has a code alone on a line, or in front of its subject, under its name."""
    if mail.references or base_subject(subject) != subject.strip() or len(text) > _SHORT_CHARS:
        return False
    if any(block.kind in ("quote", "attribution") for block in mail.blocks):
        return False
    head = f"{subject}\n{text[:300]}".casefold()
    if not any(name in head for name in names):
        return False
    alone = any(_DIGITS.fullmatch(line.strip()) for line in text.splitlines())
    return alone or (_DIGITS.match(subject.strip()) is not None and any(name in subject.casefold() for name in names))
