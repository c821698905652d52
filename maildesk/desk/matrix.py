"""What a customer's mail does, by evidence, author and proof, as one table. Pure data.

Read it as: this evidence, from this author, with this much proof, does that. The columns are the sender's levels:

    S4, S3  the author is proved: a signature, DMARC, a login; or an aligned SPF pass
    S2      nothing is known: the domain publishes no policy, or nobody checked
    S1      the domain's policy is not met, and it asks for nothing (p=none), or SPF may have met it
    S0      the policy is not met and asks for refusal, or nobody single stands in From

    T3 signed-address   it came to the address that a letter of ours was to be answered to
    T2 signed-id        its references name a letter of ours
    T1 known-id         its references name somebody else's mail that the ticket holds
    T0 subject          only the number in the subject
    -  none             nothing: a new matter
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maildesk.desk.held import Cause
from maildesk.desk.model import Flag


@dataclass(frozen=True, slots=True)
class Row:
    """join: an entry. new: a ticket of its own that mentions what the evidence named. hold: kept back with a cause.

    is_unconfirmed: agents are told, and whoever it claims to be from is not written to. is_quiet: nor are agents, but in the
    daily letter.
    """

    does: Literal["join", "new", "hold"]
    flags: tuple[Flag, ...] = ()
    cause: Cause | None = None
    is_unconfirmed: bool = False
    is_quiet: bool = False


_JOIN, _NEW = Row("join"), Row("new")
_SHY, _QUIET = Row("new", is_unconfirmed=True), Row("new", is_unconfirmed=True, is_quiet=True)
_STRANGER, _FORMER = Row("join", ("stranger",)), Row("join", ("former",))
_BY_SUBJECT = Row("join", ("by-subject",))
_FORGED, _OUTSIDE, _UNPROVED = (
    Row("hold", cause="auth-fail"),
    Row("hold", cause="stranger"),
    Row("hold", cause="unproved"),
)

# (evidence, author): S4 and S3, S2, S1, S0. What is not proved is flagged by the gate on its way.
MATRIX: dict[tuple[str, str], tuple[Row, Row, Row, Row]] = {
    ("signed-address", "addressee"): (_JOIN, _JOIN, _JOIN, _FORGED),
    ("signed-address", "participant"): (_JOIN, _JOIN, _JOIN, _FORGED),
    ("signed-address", "former"): (_FORMER, _FORMER, _OUTSIDE, _FORGED),
    ("signed-address", "other"): (_STRANGER, _STRANGER, _OUTSIDE, _FORGED),
    ("signed-id", "addressee"): (_JOIN, _JOIN, _JOIN, _FORGED),
    ("signed-id", "participant"): (_JOIN, _JOIN, _JOIN, _FORGED),
    ("signed-id", "former"): (_FORMER, _FORMER, _OUTSIDE, _FORGED),
    ("signed-id", "other"): (_NEW, _NEW, _OUTSIDE, _FORGED),
    ("known-id", "participant"): (_JOIN, _JOIN, _UNPROVED, _FORGED),
    ("known-id", "former"): (_NEW, _NEW, _OUTSIDE, _FORGED),
    ("known-id", "other"): (_NEW, _NEW, _OUTSIDE, _FORGED),
    ("subject", "participant"): (_BY_SUBJECT, _NEW, _SHY, _FORGED),
    ("subject", "former"): (_NEW, _NEW, _SHY, _FORGED),
    ("subject", "other"): (_NEW, _NEW, _SHY, _FORGED),
    ("none", "other"): (_NEW, _NEW, _SHY, _QUIET),
}
COLUMNS = ("S4", "S2", "S1", "S0")
_EVIDENCE = {
    "signed-address": "a signed address of ours (T3)",
    "signed-id": "the Message-ID of a letter of ours (T2)",
    "known-id": "the Message-ID of a mail that the ticket holds (T1)",
    "subject": "a number in the subject (T0)",
    "none": "nothing that leads to a ticket",
}
_WHO = {
    "addressee": "the one whom that address was given to",
    "participant": "another customer of the ticket",
    "former": "somebody who was removed from the ticket",
    "other": "somebody else",
}
_PROOF = {
    "S4": "proved (S4)",
    "S3": "proved by SPF alone (S3)",
    "S2": "neither proved nor disproved (S2)",
    "S1": "not as their domain asks (S1)",
    "S0": "disowned by their domain, or not one author (S0)",
}


def line_of(evidence: str, who: str, level: str) -> str:
    """The line of the table that decides, as `why` says it."""
    row = row_of(evidence, who, level)
    does = {"join": "it joins", "new": "a new ticket", "hold": "it is held"}[row.does]
    after = f" as {row.flags[0]}" if row.flags else ", not confirmed" if row.is_unconfirmed else ""
    after += ", and told to nobody but in the daily letter" if row.is_quiet else ""
    return f"{_EVIDENCE[evidence]}, from {_WHO.get(who, _WHO['other'])}, {_PROOF[level]}: {does}{after}"


def row_of(evidence: str, who: str, level: str) -> Row:
    """What the table says; an author it does not name is somebody else, and S3 counts as S4."""
    known = who if (evidence, who) in MATRIX else "other"
    if evidence == "known-id" and who == "addressee":
        known = "participant"
    return MATRIX[evidence, known][COLUMNS.index("S4" if level == "S3" else level)]
