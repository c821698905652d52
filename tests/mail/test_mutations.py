"""Laws of damaged mails: a short run of what `python -m tests.measure mutations` does for long."""

from __future__ import annotations

import time

from maildesk.mail.parse import understand
from tests.mail.laws import broken
from tests.mutate import case, seeds

SEED = 1
SECONDS = 10


def test_damaged_mails_keep_the_laws() -> None:
    """No damaged mail makes the parser fail or breaks a law; as many as ten seconds of processor allow."""
    mails, number, faults = seeds(), 0, list[tuple[int, list[str]]]()
    until = time.process_time() + SECONDS
    while time.process_time() < until and not faults:
        found = broken(understand(case(SEED, number, mails)))
        faults += [(number, found)] if found else []
        number += 1
    assert faults == []
    assert number > 200


def test_a_case_is_always_the_same() -> None:
    """The same seed and number make the same mail, another number another one."""
    mails = seeds()
    assert case(SEED, 5, mails) == case(SEED, 5, mails)
    assert len({case(SEED, number, mails) for number in range(50)}) > 45
