"""T70: the form bombs nobody: three mails of fixed bytes a day to a victim, whatever is typed and however often."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.web.house import house

POSTS = 120
VICTIM = "victim@client.test"


@pytest.mark.asyncio
async def test_a_victim_gets_three_mails_without_a_word_of_the_attacker(tmp_path: Path) -> None:
    """120 posts with ever new words: three letters, the same but for number, time and tokens, and no word typed in any."""
    async with house(tmp_path) as home:
        attacker = home.browser()
        for number in range(POSTS):
            await attacker.get("/en/requests/new")
            words = f"EVILWORD{number} http://evil{number}.test"
            await attacker.submit("/requests/new", address=VICTIM, name=words, subject=words, description=words)
            assert attacker.last is not None
            assert attacker.last.status_code in (200, 429)
        to_victim = [letter for letter in home.letters() if letter.recipient == VICTIM]
        assert len(to_victim) == 3
        assert all(b"EVIL" not in letter.raw.upper() for letter in to_victim)
        bodies = {hashlib.sha256(re.sub(r"\d+", "0", letter.text).encode()).hexdigest() for letter in to_victim}
        assert len(bodies) == 1


@pytest.mark.asyncio
async def test_signing_in_and_adding_addresses_bomb_nobody(tmp_path: Path) -> None:
    """Five mails an hour to an address, by whatever page and browser; a name that is typed is in none of them."""
    async with house(tmp_path) as home:
        lea = await home.sign_in("lea@client.test")
        home.letters()
        for number in range(8):
            browser = home.browser()
            await browser.get("/en/sign-up")
            await browser.submit("/sign-up", address=VICTIM, name=f"EVILWORD{number}")
            await lea.get("/en/account")
            await lea.submit("/addresses", address=VICTIM)
        to_victim = [letter for letter in home.letters() if letter.recipient == VICTIM]
        assert 1 <= len(to_victim) <= 5
        assert all(b"EVIL" not in letter.raw for letter in to_victim)
