"""Whether a person wrote a mail at all: the second stage of a decision, its rules in order. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from maildesk.desk.blocking import is_allowed
from maildesk.desk.case import Case
from maildesk.mail.identity import identity
from maildesk.mail.subject import base_subject
from maildesk.mail.token import Purpose, read_message_id

# A letter that three desks had passed on before it was written is a loop's.
MAX_HOPS = 3
# The same number twice, or the same prefix three times in front: FreeScout's issue 2445 has what loops make of a subject.
_TAG = re.compile(r"\[#\d{1,15}\]")
_GROWN = re.compile(r"([^:\]]{1,40}[:\]]\s{0,3})\1\1")
_MAX_SUBJECT_CHARS = 500


def is_our_own_letter(case: Case) -> Case:
    """A letter of ours that came back is answered to nobody: that is how loops live."""
    signed = read_message_id(case.directory.keyring, case.mail.message_id or "")
    if signed is None and case.mail.desk_id.lower() != case.directory.keyring.desk_id.lower():
        return case
    if case.mail.bounce is not None:
        return case
    return replace(case.flagged("automatic"), machine="own", is_quiet=True)


def is_bounce(case: Case) -> Case:
    """A delivery report (RFC 3464) is never answered (RFC 5321, 4.5.5)."""
    if case.machine or case.mail.bounce is None or case.envelope.via == "web":
        return case
    return replace(case.flagged("automatic"), machine="bounce").because("it is a delivery report")


def is_automatic(case: Case) -> Case:
    """A machine wrote it: no automatic answer (RFC 3834, 2), no change of state."""
    reason = case.mail.automatic or ("it has the null sender" if case.envelope.sender == "" else None)
    # Whatever a person types on a page, a person typed it.
    if case.machine or reason is None or case.envelope.via == "web":
        return case
    machine = replace(case.flagged("automatic"), machine="absence" if case.mail.absence else "automatic")
    return machine.because(f"a machine wrote it ({reason})")


def our_own_letter_is_held(case: Case) -> Case:
    """It has an id of ours, or our desk's mark: whatever it says now, a person looks at it. A probe has come back home."""
    if case.machine != "own":
        return case
    signed = read_message_id(case.directory.keyring, case.mail.message_id or "", Purpose.MESSAGE_ID)
    if signed is not None and signed.kind == "v":
        return case.settled("ignored", "own", "it is the letter by which `check --online` tries the way back")
    return case.held("loop", "it is one of our own letters, or says so")


def passed_desks_are_held(case: Case) -> Case:
    """Desks that are each other's agents would write to each other for ever: after a few the chain ends here."""
    if case.mail.hops < MAX_HOPS or case.machine == "bounce":
        return case
    case = replace(case.flagged("automatic"), machine=case.machine or "automatic", is_quiet=True)
    return case.held("loop", f"{case.mail.hops} desks wrote one because of another's")


def other_services_codes_are_held(case: Case) -> Case:
    """A code, a password's reset or an address to confirm of another service: whoever reads it could take an account over."""
    if case.machine == "bounce" or case.is_form or case.envelope.via == "web" or is_allowed(case):
        return case
    found = identity(case.mail, case.directory.config.trust.identity_senders)
    return case if found is None else case.held("identity", f"it is about an account of another service: {found}")


def subject_has_looped(case: Case) -> Case:
    """A subject that grew on its way to and fro is not confirmed; a person whose program does that still has a ticket."""
    subject = case.mail.subject[:_MAX_SUBJECT_CHARS]
    tags = _TAG.findall(subject)
    if len(set(tags)) == len(tags) and _GROWN.match(base_subject(subject)) is None:
        return case
    return replace(case, mail=replace(case.mail, suppress=case.mail.suppress or "its subject grew as a loop's does"))


RULES: tuple[Callable[[Case], Case], ...] = (is_our_own_letter, is_bounce, is_automatic, subject_has_looped)
