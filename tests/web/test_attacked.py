"""What an attacker tried on the pages of a running desk, and what the desk says to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maildesk.store import tickets
from maildesk.web.brakes import ADDRESSES
from tests.web.house import Browser, House, house

LEA, BOB, EVE = "lea@client.test", "bob@other.test", "eve@evil.test"
FIELDS = {"address": LEA, "name": "Léa", "subject": "My contract", "description": "Which one do I have?"}


async def send(browser: Browser, **fields: Any) -> Browser:
    """A request from the form."""
    await browser.get("/en/requests/new")
    await browser.submit("/requests/new", **{**FIELDS, **fields})
    return browser


def answer(home: House, words: str, agent: str = "ana@desk.test") -> None:
    """An agent's answer to their last notice."""
    notice = next(x for x in reversed(home.letters()) if x.recipient == agent)
    home.world.write(agent, words, to=(str(notice.message["Reply-To"]),), subject=str(notice.message["Subject"]))


async def correct(browser: Browser, address: str) -> int:
    """The right address for the first request that this browser sent; the status of the answer."""
    await browser.get("/en/requests/new")
    token = dict(browser.tree().forms[-1].form_values())["token"]
    values = {"token": token, "address": address, "sure": address}
    last = await browser.post("/en/requests/sent/1/address", values)
    return last.status_code


def requester(home: House) -> str:
    found = home.world.store.read(lambda tx: tickets.find_ticket_by_number(tx, 50031))
    assert found is not None
    assert found.requester is not None
    return found.requester.address


# The address of a request.


@pytest.mark.asyncio
async def test_what_was_answered_to_an_address_goes_to_no_corrected_one(tmp_path: Path) -> None:
    """Whoever types another's address and then "corrects" it to their own does not read what the other was told."""
    async with house(tmp_path) as home:
        eve = await send(home.browser(), address=LEA)
        answer(home, "Dear Lea, your code is 4711.\n")
        assert await correct(eve, EVE) == 404
        assert requester(home) == LEA
        await home.sign_in(EVE, eve)
        await eve.get("/en/requests/50031")
        assert "4711" not in eve.text


@pytest.mark.asyncio
async def test_what_the_true_owner_wrote_goes_to_no_corrected_address(tmp_path: Path) -> None:
    """The one whose address it is answered the confirmation: from then on nobody gives the request away."""
    async with house(tmp_path) as home:
        eve = await send(home.browser(), address=LEA)
        letter = next(x for x in home.letters() if x.recipient == LEA)
        home.world.write(LEA, "This is not mine, call me at 4711.\n", to=(str(letter.message["Reply-To"]),))
        assert await correct(eve, EVE) == 404
        assert requester(home) == LEA


@pytest.mark.asyncio
async def test_a_request_that_somebody_owned_is_given_to_nobody(tmp_path: Path) -> None:
    """What a person has proved as their own words is not put into another's name, whose colleagues would believe it."""
    async with house(tmp_path) as home:
        eve = await send(home.browser(), address=EVE)
        await home.sign_in(EVE, eve)
        assert await correct(eve, LEA) == 404
        assert requester(home) == EVE


# Letters to strangers.


@pytest.mark.asyncio
async def test_adding_addresses_writes_to_few_strangers(tmp_path: Path) -> None:
    """One account cannot use up the mails by which everybody signs in."""
    async with house(tmp_path) as home:
        eve = await home.sign_in(EVE)
        home.letters()
        await eve.get("/en/account")
        token = dict(eve.tree().forms[-1].form_values())["token"]
        for n in range(ADDRESSES.times + 10):
            await eve.post("/en/account/addresses", {"token": token, "address": f"victim{n}@client.test"})
        assert len(home.letters()) <= ADDRESSES.times
        assert eve.last is not None
        assert eve.last.status_code == 429


@pytest.mark.asyncio
@pytest.mark.parametrize("spelling", ["victim+{}@client.test", "v.ictim+{}@gmail.com"])
async def test_tags_and_dots_are_one_mailbox_to_the_mails_that_sign_in(tmp_path: Path, spelling: str) -> None:
    """Five an hour to a person, however their address is spelled."""
    async with house(tmp_path) as home:
        eve = home.browser()
        for n in range(12):
            await eve.get("/en/sign-in")
            await eve.submit("/sign-in", address=spelling.format(n))
        assert len(home.letters()) == 5
