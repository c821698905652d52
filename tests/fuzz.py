"""What atheris runs: any bytes are understood, and the answer keeps to the laws. `python -m tests.measure fuzz` starts it."""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["maildesk.mail"]):
    from maildesk.mail.parse import understand

from tests.mail.laws import broken
from tests.mutate import MUTATORS, seeds

SEEDS = seeds()


def one(raw: bytes) -> None:
    """One mail; a broken law ends the run, and atheris keeps the mail."""
    faults = broken(understand(raw, ("en", "fr")))
    assert not faults, faults


def mutated(raw: bytes, limit: int, seed: int) -> bytes:
    """Half by what mails are made of, half by atheris, which knows which bytes the code compared."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return chance.choice(MUTATORS)(chance, raw, chance.choice(SEEDS))[:limit]
    return bytes(atheris.Mutate(raw, limit))


atheris.Setup(sys.argv, one, custom_mutator=mutated)
atheris.Fuzz()
