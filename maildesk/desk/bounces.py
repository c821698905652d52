"""What a bounce of ours is worth, and what follows from it. Pure."""

from __future__ import annotations

from datetime import timedelta

from maildesk.desk.case import Case
from maildesk.desk.decision import Change, LetterBounced, Silenced
from maildesk.desk.model import SentLetter
from maildesk.mail.token import Purpose

# A relay gives up after this time (RFC 5321, 4.5.4.1). Until then a report that forgot its address still returns the letter.
RETURNED_FOR = timedelta(days=5)
# An address that bounced gets no automatic letter for so long.
SILENT_FOR = timedelta(days=30)


def _is_signed(case: Case) -> bool:
    """Whether the report came to the signed address of the letter, which nobody but its carriers knows."""
    return any(r.token is not None and r.token.purpose is Purpose.BOUNCE for r in case.recipients)


def may_count(case: Case, letter: SentLetter) -> bool:
    """Letters leave with a signed address: a report of an old one comes there, or is made up by whoever kept the letter."""
    if _is_signed(case) or case.directory.config.relay.bounce != "signed" or letter.created_at is None:
        return True
    return case.facts.now - letter.created_at <= RETURNED_FOR


def follow(case: Case) -> tuple[Change, ...]:
    """A letter that came back for good: it is marked, and an automatic one's address is left alone for a while."""
    letter, bounce = case.evidence.answered, case.mail.bounce
    if letter is None or bounce is None or bounce.delayed or letter.is_bounced:
        return ()
    if letter.kind != "confirmation" or not (_is_signed(case) or case.directory.config.relay.bounce != "signed"):
        return (LetterBounced(letter.id),)
    return LetterBounced(letter.id), Silenced(letter.recipient, "a letter to it bounced", case.facts.now + SILENT_FOR)
