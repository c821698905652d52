"""T12: nobody learns from the pages who has written to the desk: one answer, and in the same time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.web.house import house
from tests.web.test_missing import p_of

TRIES = 150


@pytest.mark.asyncio
async def test_signing_in_says_the_same_of_everybody(tmp_path: Path) -> None:
    """The page's bytes are one, a letter goes to each, and the times are of one distribution (p > 0.01 in one of three runs)."""
    async with house(tmp_path) as home:
        shares: list[float] = []
        for run in range(3):
            known = [f"known{run}-{number}@client.test" for number in range(TRIES)]
            for address in known:
                home.world.write(address)
            home.letters()
            times: tuple[list[float], list[float]] = ([], [])
            pages: set[str] = set()
            asked = [(address, 0) for address in known] + [(f"new{run}-{n}@client.test", 1) for n in range(TRIES)]
            random.Random(run).shuffle(asked)
            browser = home.browser()
            for address, is_new in asked:
                await browser.get("/en/sign-in")
                form = next(f for f in browser.tree().forms if (f.action or "").endswith("/sign-in"))
                values = {**dict(form.form_values()), "address": address}
                began = time.perf_counter()
                answer = await browser.client.post(
                    "/en/sign-in", data=values, headers={"sec-fetch-site": "same-origin"}
                )
                times[is_new].append(time.perf_counter() - began)
                assert answer.status_code == 303
                pages.add((await browser.get(answer.headers["location"])).text)
            assert len(pages) == 1
            assert {x.recipient for x in home.letters() if x.kind == "sign-in"} == {address for address, _ in asked}
            shares.append(p_of(*times))
            if shares[-1] > 0.01:
                break
        assert shares[-1] > 0.01, shares
