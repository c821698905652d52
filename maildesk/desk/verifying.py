"""With [trust] confirm_unproved = "verify-first" nobody's request begins before they say that it is theirs. Pure."""

from __future__ import annotations

from maildesk.desk import letters
from maildesk.desk.blocking import is_spam
from maildesk.desk.case import Case
from maildesk.desk.model import LetterPlan
from maildesk.mail.model import Person


def unproved_waits(case: Case) -> Case:
    """With [trust] confirm_unproved = "verify-first" a new request waits until its author has answered a letter."""
    is_asked = case.directory.config.trust.confirm_unproved == "verify-first"
    is_known = case.verdict.is_proved or case.authority or case.machine or case.author is None
    if case.way != "new" or not is_asked or is_known or is_spam(case):
        return case
    case = case.held("unconfirmed", "nobody has proved whose it is: its author is asked first")
    if case.verdict.is_failed or case.mail.suppress:
        return case.because("and they are not written to")
    return case.with_letters(_letter(case))


def _letter(case: Case) -> LetterPlan:
    """Whether the request is theirs: fixed text to whoever it claims to be from, without a number."""
    author = case.author or Person("")
    return LetterPlan(
        notice="verify",
        recipient=Person(author.address),
        role="customer",
        from_name=case.directory.mailbox_name(case.mailbox),
        view=case.view(letters.customer_language(case), None, author=Person("")),
        replies_to=letters.short_id(case.mail.message_id),
        is_unproved=True,
        grant="verify",
    )
