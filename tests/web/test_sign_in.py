"""T13: signing in by a mailed link or code: once, for twenty minutes, for whoever reads that mail and nobody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from maildesk.clock import iso
from tests.desk.world import Letter
from tests.web.house import Browser, House, house

LEA = "lea@client.test"


async def ask(home: House, browser: Browser, address: str = LEA, language: str = "en") -> list[Letter]:
    """Ask for a link; the letters that went out."""
    home.letters()
    await browser.get(f"/{language}/sign-in")
    await browser.submit("/sign-in", address=address)
    return home.letters()


def link_of(home: House, letter: Letter) -> str:
    return next(line for line in letter.text.splitlines() if line.startswith(home.base)).removeprefix(home.base)


def code_of(letter: Letter) -> str:
    return next(word for word in letter.text.split() if word.isdigit() and len(word) == 6)


@pytest.mark.asyncio
async def test_a_link_shows_a_button_and_only_the_press_signs_in(tmp_path: Path) -> None:
    """Programs that look at links use nothing up: three GETs, then one POST; the second POST is too late."""
    async with house(tmp_path) as home:
        browser, scanner = home.browser(), home.browser()
        letter = (await ask(home, browser))[0]
        assert letter.recipient == LEA
        link = link_of(home, letter)
        for _ in range(3):
            await scanner.get(link)
            assert len(scanner.tree().forms) == 1
        await browser.get(link)
        await browser.submit()
        assert browser.at == "/en/requests"
        await browser.get("/en/account")
        assert LEA in browser.text
        await scanner.submit()
        assert scanner.last is not None
        assert scanner.last.status_code == 410


@pytest.mark.asyncio
async def test_the_code_works_in_the_browser_that_asked_and_in_no_other(tmp_path: Path) -> None:
    """Six digits are few: they count where they were asked for, five times."""
    async with house(tmp_path) as home:
        browser, other = home.browser(), home.browser()
        letter = (await ask(home, browser))[0]
        await other.get("/en/sign-in/sent")
        await other.submit("/code", code=code_of(letter))
        assert other.last is not None
        assert other.last.status_code == 422
        await browser.get("/en/sign-in/sent")
        await browser.submit("/code", code=f" {code_of(letter)[:3]} {code_of(letter)[3:]} ")
        assert browser.at == "/en/requests"


@pytest.mark.asyncio
async def test_after_five_wrong_codes_the_right_one_is_worth_nothing(tmp_path: Path) -> None:
    """A guesser has five chances in a million."""
    async with house(tmp_path) as home:
        browser = home.browser()
        letter = (await ask(home, browser))[0]
        wrong = "000000" if code_of(letter) != "000000" else "000001"
        for _ in range(5):
            await browser.get("/en/sign-in/sent")
            await browser.submit("/code", code=wrong)
        await browser.submit("/code", code=code_of(letter))
        assert browser.last is not None
        assert browser.last.status_code == 422


@pytest.mark.asyncio
async def test_a_link_ends_after_twenty_minutes(tmp_path: Path) -> None:
    """Older than that it is gone, used or not."""
    async with house(tmp_path) as home:
        browser = home.browser()
        link = link_of(home, (await ask(home, browser))[0])
        age(home, "sign_ins", timedelta(minutes=20, seconds=1))
        assert (await browser.get(link)).status_code == 410
        assert browser.tree().forms == []


@pytest.mark.asyncio
async def test_a_newer_link_ends_the_older_one_of_that_browser(tmp_path: Path) -> None:
    """The last mail is the one that works; what another browser asks for ends nothing."""
    async with house(tmp_path) as home:
        browser, other = home.browser(), home.browser()
        first = link_of(home, (await ask(home, browser))[0])
        second = link_of(home, (await ask(home, browser))[0])
        await ask(home, other)
        assert (await browser.get(first)).status_code == 410
        assert (await browser.get(second)).status_code == 200


@pytest.mark.asyncio
async def test_five_mails_an_hour_to_one_address(tmp_path: Path) -> None:
    """The sixth is not sent, and its page says the same as the first."""
    async with house(tmp_path) as home:
        pages, sent = [], []
        for _ in range(7):
            browser = home.browser()
            sent.append(len(await ask(home, browser)))
            pages.append(browser.text)
        assert sent == [1, 1, 1, 1, 1, 0, 0]
        assert len(set(pages)) == 1


@pytest.mark.asyncio
async def test_the_desks_own_addresses_sign_in_nowhere(tmp_path: Path) -> None:
    """Our own mail would become a ticket that agents read: the page says the usual and nothing is sent."""
    async with house(tmp_path) as home:
        known, ours = home.browser(), home.browser()
        await ask(home, known)
        assert await ask(home, ours, "support+x@desk.test") == []
        assert ours.text == known.text


@pytest.mark.asyncio
async def test_sessions_are_listed_and_ended(tmp_path: Path) -> None:
    """ "Everywhere" ends all of them, and a session's cookie is worth nothing afterwards."""
    async with house(tmp_path) as home:
        one, two = await home.sign_in(LEA), await home.sign_in(LEA)
        await one.get("/en/account")
        assert one.text.count("Sign out ,") + one.text.count("Unknown device") >= 2
        await one.submit("/sessions", session="all")
        for browser in (one, two):
            await browser.get("/en/account")
            assert browser.at == "/en/sign-in"


@pytest.mark.asyncio
async def test_an_agents_session_ends_after_twelve_hours(tmp_path: Path) -> None:
    """A customer's lives for thirty days from the last visit."""
    async with house(tmp_path) as home:
        ana, lea = await home.sign_in("ana@desk.test"), await home.sign_in(LEA)
        age(home, "sessions", timedelta(hours=12, seconds=1))
        await ana.get("/en/account")
        assert ana.at == "/en/sign-in"
        await lea.get("/en/account")
        assert lea.at == "/en/account"


@pytest.mark.asyncio
async def test_an_address_is_added_only_by_whoever_is_signed_in_there(tmp_path: Path) -> None:
    """A stranger's press on the link gives nobody their requests; the account's own browser adds the address."""
    async with house(tmp_path) as home:
        lea, stranger = await home.sign_in(LEA), home.browser()
        home.letters()
        await lea.get("/en/account")
        await lea.submit("/addresses", address="lea@home.test")
        letter = home.letters()[0]
        assert (letter.notice, letter.recipient) == ("add-address", "lea@home.test")
        link = link_of(home, letter)
        await stranger.get(link)
        assert stranger.tree().forms == []
        await lea.get(link)
        await lea.submit()
        assert "lea@home.test" in lea.text
        again = await home.sign_in("lea@home.test")
        await again.get("/en/account")
        assert LEA in again.text


@pytest.mark.asyncio
async def test_what_counts_needs_a_fresh_sign_in(tmp_path: Path) -> None:
    """After five minutes, adding an address, taking the data and deleting the account ask for a new link first."""
    async with house(tmp_path) as home:
        lea = await home.sign_in(LEA)
        age(home, "sessions", timedelta(minutes=6))
        await lea.get("/en/account/data")
        assert lea.at == "/en/sign-in"
        await lea.get("/en/account")
        await lea.submit("/delete", sure="yes")
        assert lea.at == "/en/sign-in"
        await lea.get("/en/account")
        assert lea.at == "/en/account"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["//evil.test/x", "https://evil.test", "/\\evil.test", "/requests?x=1", "javascript:alert(1)"]
)
async def test_signing_in_leads_to_no_other_site(tmp_path: Path, path: str) -> None:
    """Only a page of ours follows."""
    async with house(tmp_path) as home:
        browser = home.browser()
        home.letters()
        await browser.get("/en/sign-in", next=path)
        await browser.submit("/sign-in", address=LEA)
        await browser.get(link_of(home, home.letters()[0]))
        await browser.submit()
        assert browser.at == "/en/requests"


@pytest.mark.asyncio
async def test_everything_of_ones_own_can_be_taken_along(tmp_path: Path) -> None:
    """Own requests with what may be read of them, as JSON; nobody else's, no note."""
    async with house(tmp_path) as home:
        home.world.write(LEA, "MINE it burns\n")
        notice = next(x for x in home.letters() if x.recipient == "ana@desk.test")
        home.world.write("ana@desk.test", "#note\nSECRET note\n", to=(str(notice.message["Reply-To"]),))
        home.world.write("bob@other.test", "FOREIGN words\n")
        lea = await home.sign_in(LEA)
        taken = await lea.get("/en/account/data")
        found = taken.json()
        assert found["account"]["addresses"] == [LEA]
        assert [one["number"] for one in found["requests"]] == [50031]
        assert found["requests"][0]["entries"][0]["text"] == "MINE it burns"
        assert "SECRET" not in taken.text
        assert "FOREIGN" not in taken.text


@pytest.mark.asyncio
async def test_an_account_that_is_deleted_is_gone(tmp_path: Path) -> None:
    """Its sessions end, its name is forgotten; whoever proves the address again begins anew and sees their mail."""
    async with house(tmp_path) as home:
        home.world.write(LEA)
        lea, other = await home.sign_in(LEA), await home.sign_in(LEA)
        await lea.get("/en/account")
        await lea.submit("/account", name="Lea Martin")
        await lea.submit("/delete", sure="yes")
        assert "deleted" in lea.text
        for browser in (lea, other):
            await browser.get("/en/account")
            assert browser.at == "/en/sign-in"
        again = await home.sign_in(LEA)
        assert "#50031" in again.text
        assert "erase" not in again.text
        await again.get("/en/account")
        assert "Lea Martin" not in again.text


@pytest.mark.asyncio
async def test_whoever_leaves_can_ask_to_be_erased(tmp_path: Path) -> None:
    """The box makes a proved request of it that agents get; what to keep of mail is theirs to decide."""
    async with house(tmp_path) as home:
        lea = await home.sign_in(LEA)
        await lea.get("/en/account")
        await lea.submit("/delete", sure="yes", erase="yes")
        await home.worker.settled(1, 5)
        notice = next(x for x in home.letters() if x.notice == "new")
        assert "erase" in str(notice.message["Subject"])
        assert LEA in notice.text
        assert home.world.entries()[0][2] == ()


def age(home: House, table: str, by: timedelta) -> None:
    """Make the rows of a table older."""
    import sqlite3

    columns = ("created_at", "fresh_at") if table == "sessions" else ("created_at",)
    with sqlite3.connect(home.world.folder / "desk.db") as connection:
        for row in connection.execute(f"SELECT id, {', '.join(columns)} FROM {table}").fetchall():
            from maildesk.clock import from_iso

            values = [iso(from_iso(value) - by) for value in row[1:]]
            sets = ", ".join(f"{column} = ?" for column in columns)
            connection.execute(f"UPDATE {table} SET {sets} WHERE id = ?", (*values, row[0]))
