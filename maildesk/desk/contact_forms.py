"""Mail that a website's contact form wrote for its visitor: whose it is. Pure.

[[form]] names the form's address. Whoever fills in a form can type any address: the visitor is never proved, and never
taken for a person of a ticket.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from maildesk.desk.case import Case
from maildesk.desk.directory import Directory
from maildesk.desk.trust import Verdict
from maildesk.mail.automatic import is_robot
from maildesk.mail.model import Mail, Person


@dataclass(frozen=True, slots=True)
class Filled:
    """A form's mail. form: its address; visitor: whoever it wrote for, None where nobody stands there who can be written to."""

    form: str
    visitor: Person | None
    why: str


def filled(mail: Mail, directory: Directory) -> Filled | None:
    """What a contact form says of its visitor; None for a mail that no form wrote."""
    if mail.author is None or (form := directory.form(mail.author.address)) is None:
        return None
    found = mail.reply_to
    if found is None:
        why = "names nobody in Reply-To"
    elif directory.form(found.address) is not None:
        why = "names a form's own address in Reply-To"
    elif directory.is_own(found.address) or directory.agent(found.address) is not None:
        why = "names one of our own addresses in Reply-To"
    elif is_robot(found.address):
        why = "names an address in Reply-To that nobody reads"
    else:
        return Filled(form, found, f"the contact form {form} wrote it for {found.address}, its Reply-To: not proved")
    return Filled(form, None, f"the contact form {form} {why}: nobody to write to")


def visitor_is_the_author(case: Case) -> Case:
    """A form's mail is its visitor's, unproved whatever proves the form; what marks the form's mail says nothing of them.

    A delivery report and the null sender still do: what comes back is no visitor's.
    """
    found = filled(case.mail, case.directory)
    if found is None:
        return case
    mail = replace(case.mail, author=found.visitor, automatic=None, absence=False, suppress=None)
    # A form that its own domain disowns is somebody who knows its address.
    verdict = Verdict("S0" if case.verdict.level == "S0" else "S2", found.why)
    if found.visitor is None:
        case = case.flagged("unverified").because(found.why)
    return replace(case, mail=mail, verdict=verdict, is_form=True)
