"""Mail of somebody whom the admin's lists name: held, or exempt from being held for what it is. Pure."""

from __future__ import annotations

from maildesk.desk.case import Case
from maildesk.desk.lists import Match
from maildesk.mail.spam import spam_mark

_OF = {"sender": "envelope sender", "author": "author", "peer": "peer"}


def listed(case: Case) -> Match | None:
    """What the lists of [trust] say about a mail."""
    envelope = case.envelope
    return case.directory.lists.of_mail(
        envelope.sender or "",
        case.author.address if case.author else None,
        envelope.peer,
        is_proved=case.verdict.is_proved,
        is_relay=case.directory.is_relay(envelope.peer),
    )


def is_allowed(case: Case) -> bool:
    """Whether [trust] allow exempts a mail from what the desk suspects of its like; it proves nothing."""
    found = listed(case)
    return found is not None and found.list == "allow"


def sender_is_blocked(case: Case) -> Case:
    """What [trust] reject or hold names is held; the doors that can refuse have refused what they knew of reject."""
    found = None if case.envelope.quiet else listed(case)
    if found is None:
        return case
    why = f'[trust] {found.list} names its {_OF[found.of]} ("{found.entry}")'
    return case.because(why) if found.list == "allow" else case.held("blocked", why)


def is_spam(case: Case) -> bool:
    """Whether a trusted server marked it as spam, and the admin does not know better."""
    trust = case.directory.config.trust
    is_marked = case.directory.is_relay(case.envelope.peer) and spam_mark(case.mail, trust.spam_headers) is not None
    return is_marked and not is_allowed(case)
