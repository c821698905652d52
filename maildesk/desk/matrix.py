"""What a customer's mail does, by evidence, author and proof, as one table. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from maildesk.desk.model import Flag


@dataclass(frozen=True, slots=True)
class Row:
    """What happens: an entry or a new ticket, and with which flags."""

    joins: bool
    flags: tuple[Flag, ...] = ()


_JOIN, _NEW = Row(True), Row(False)
_STRANGER, _BY_SUBJECT = Row(True, ("stranger",)), Row(True, ("by-subject",))

# (evidence, author): proved, unproved, failed. What must not be trusted is flagged by the gate and told to nobody.
MATRIX: dict[tuple[str, str], tuple[Row, Row, Row]] = {
    ("signed-address", "addressee"): (_JOIN, _JOIN, _JOIN),
    ("signed-address", "participant"): (_JOIN, _JOIN, _JOIN),
    ("signed-address", "other"): (_STRANGER, _STRANGER, _STRANGER),
    ("signed-id", "addressee"): (_JOIN, _JOIN, _JOIN),
    ("signed-id", "participant"): (_JOIN, _JOIN, _JOIN),
    ("signed-id", "other"): (_NEW, _NEW, _NEW),
    ("known-id", "participant"): (_JOIN, _JOIN, _JOIN),
    ("known-id", "other"): (_NEW, _NEW, _NEW),
    ("subject", "participant"): (_BY_SUBJECT, _NEW, _NEW),
    ("subject", "other"): (_NEW, _NEW, _NEW),
}
