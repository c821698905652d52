"""T06: a foreign number and a missing one cannot be told apart by time, and whoever counts through them is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measure_web import kolmogorov_smirnov, times_of_missing
from tests.web.house import house


@pytest.mark.asyncio
async def test_the_handler_takes_the_same_time(tmp_path: Path) -> None:
    """Two-sample Kolmogorov-Smirnov over 2,000 tries each, asked in turn: p > 0.01; by chance alone three in a row fail never."""
    found = []
    for turn in range(3):
        found.append(kolmogorov_smirnov(*await times_of_missing(tmp_path / str(turn), 2000))[1])
        if found[-1] > 0.01:
            break
    assert found[-1] > 0.01, found


def test_the_test_sees_a_difference() -> None:
    """A tenth more on every other time is found at once; none is not."""
    one = [1 + (n * 7919 % 1000) / 5000 for n in range(2000)]
    assert kolmogorov_smirnov(one, [x * 1.02 for x in one])[1] < 0.01
    assert kolmogorov_smirnov(one, list(reversed(one)))[1] > 0.99


@pytest.mark.asyncio
async def test_whoever_counts_through_numbers_is_stopped(tmp_path: Path) -> None:
    """After forty in ten minutes the answer is 429 for those that are not theirs, and nothing changes for their own."""
    async with house(tmp_path) as home:
        home.world.write("lea@client.test")
        lea = await home.sign_in("lea@client.test")
        statuses = [(await lea.get(f"/en/requests/{number}")).status_code for number in range(60000, 60045)]
        assert statuses == [404] * 40 + [429] * 5
        assert (await lea.get("/en/requests/50031")).status_code == 200
