"""Nothing of a ticket leaves but to people made participants by proved acts: actors at random, the law after every step.

The documented run is `python -m tests.measure extraction --steps 200000 --seed N`; here a minute of it, with a seed of its own
each time. The controls plant a hole each and must see the law broken.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.threat.holes import HOLES, hole
from tests.threat.machine import play, run, until

RUN_S = 45.0
MAX_STEPS = 100_000
PLANTED_STEPS = 2_000
# Not the clock: two runs of one second are two runs.
SEED = random.SystemRandom().randrange(1_000_000)


def test_no_content_leaves_but_to_participants_made_by_proved_acts() -> None:
    """As many random steps as fit; a failure names its seed, its steps, and how to play it again."""
    done, failure = run(SEED, MAX_STEPS, until(time.monotonic() + RUN_S))
    assert failure is None, failure
    assert done >= 500, f"seed {SEED}: {done} steps in {RUN_S} s"


@pytest.mark.parametrize("name", HOLES)
def test_a_planted_hole_is_found(name: str) -> None:
    """The control: with one function of the desk replaced the law is broken within 2,000 steps, by one of three seeds."""
    with hole(name):
        found = next((failure for seed in (1, 2, 3) if (failure := run(seed, PLANTED_STEPS)[1])), None)
    assert found is not None, f"{name}: not seen"


def test_a_world_is_played_again_by_its_seed() -> None:
    """The same seed is the same break at the same step: what failed can be looked at."""
    with hole("everybody in Cc takes part"):
        _, failure = run(1, PLANTED_STEPS)
        assert failure is not None
        again = play(failure.seed, failure.world, failure.step + 1)
    assert again == failure
