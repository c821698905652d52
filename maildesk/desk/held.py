"""Why a mail is held: a closed list, each cause with its sentence. Pure data.

What is held is kept for 30 days, told in one daily letter, answered to nobody, and let in or discarded by a person.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

Cause = Literal[
    "auth-fail",
    "unproved",
    "stranger",
    "ambiguous-author",
    "own-address",
    "loop",
    "identity",
    "blocked",
    "stale-act",
    "replay",
    "agent-unverified",
    "unconfirmed",
]
CAUSES: dict[Cause, str] = {
    "auth-fail": "it would join a ticket, and its author's domain says that it is forged",
    "unproved": "it would join a ticket by a reference that others know too, and its author's domain does not stand for it",
    "stranger": "it would join a ticket, its author is not part of it, and their domain does not stand for it",
    "ambiguous-author": "it would join a ticket, and From does not name exactly one author",
    "own-address": "it claims to be written by one of our own addresses",
    "loop": "it is a letter of ours that came back, or three desks have written because of each other",
    "identity": "a code, a password's reset or an address to confirm of another service; for admins only",
    "blocked": "[trust] hold or reject names its sender",
    "stale-act": "an agent's act that is dated more than 72 hours ago",
    "replay": "an agent's act that was done already came again, changed",
    "agent-unverified": "an answer to the letter about held mail that is not proved to be its agent's",
    "unconfirmed": 'a new request, until its author says that it is theirs (`confirm_unproved = "verify-first"`)',
}
HELD_FOR = timedelta(days=30)
# Who reads other services' codes could take over accounts there.
FOR_ADMINS: tuple[Cause, ...] = ("identity",)
