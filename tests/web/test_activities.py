"""T93: whatever My activities list, count or find is of whoever signed in, and of nobody else."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from maildesk.store import history
from maildesk.store.history import find_matching, find_own, list_own
from maildesk.store.sql import queries
from tests.desk.world import Letter
from tests.web.house import Browser, House, house
from tests.web.test_request import BOB, LEA, answer, write

KIM = "kim@friend.test"
ODD = [
    '"',
    "*",
    "burns*",
    "NEAR(burns, 2)",
    "subject:burns",
    "burns OR",
    "-burns",
    "^burns",
    "a AND",
    "'; DROP TABLE x;--",
]
ODD += ["\0burns", "{burns}", "(", "%", "_" * 300, "ﬁ" * 100, "日本語", "\u202eburns", " ".join(["burns"] * 90)]


def listed(browser: Browser) -> list[int]:
    """The numbers in the list, from its top."""
    return [int(text.strip("#")) for text in browser.tree().xpath("//tbody/tr/td[1]/a/text()")]


def confirmation(home: House, number: int = 50031) -> Letter:
    """The letter that confirmed a request."""
    return next(x for x in home.letters() if x.kind == "confirmation" and f"#{number}" in str(x.message["Subject"]))


@pytest.mark.asyncio
async def test_a_foreign_word_is_not_found_and_not_counted(tmp_path: Path) -> None:
    """A word that only another's request holds answers as one that nobody wrote; so do its number and its state."""
    async with house(tmp_path) as home:
        write(home, LEA, "Hello,\n\nthe common word.\n")
        write(home, BOB, "Hello,\n\nthe common word and xylophone.\n", subject="Marimba")
        home.world.set_state("solved", 50032)
        lea = await home.sign_in(LEA)
        pages = set()
        for word in ("xylophone", "marimba", "nobodywrotethis"):
            await lea.get("/en/requests", q=word)
            pages.add(lea.text.replace(word, ""))
        assert len(pages) == 1
        await lea.get("/en/requests", q="common")
        assert listed(lea) == [50031]
        await lea.get("/en/requests", state="solved")
        assert listed(lea) == []
        await lea.get("/en/requests")
        assert lea.tree().xpath("string(//caption)") == "1 request"


@pytest.mark.asyncio
async def test_what_is_inside_the_desk_is_not_found(tmp_path: Path) -> None:
    """Notes, events, agents' addresses, and what an agent's mail quotes: the index has them, the search does not."""
    async with house(tmp_path) as home:
        write(home, LEA)
        notice = next(x for x in home.letters() if x.recipient == "ana@desk.test")
        to = (str(notice.message["Reply-To"]),)
        home.world.write("ana@desk.test", "#note\nglockenspiel\n", to=to)
        home.world.write("ana@desk.test", "#tag vibraphone\nWhich floor?\n\n> celesta\n", to=to)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests", q="floor")
        assert listed(lea) == [50031]
        for word in ("glockenspiel", "vibraphone", "celesta", "ana desk"):
            await lea.get("/en/requests", q=word)
            assert (word, listed(lea)) == (word, [])


@pytest.mark.asyncio
async def test_a_follower_finds_what_they_were_sent(tmp_path: Path) -> None:
    """Not what was said before they joined, nor what others write."""
    async with house(tmp_path) as home:
        write(home, LEA, "Hello,\n\na balalaika.\n")
        first = confirmation(home)
        write(home, LEA, "Also a theremin.\n", answers=first, headers={"Cc": KIM})
        answer(home, "It is a harmonium.\n")
        kim = await home.sign_in(KIM)
        assert listed(kim) == [50031]
        for word, found in (("balalaika", []), ("theremin", []), ("harmonium", [50031])):
            await kim.get("/en/requests", q=word)
            assert (word, listed(kim)) == (word, found)


@pytest.mark.asyncio
@pytest.mark.parametrize("words", ODD)
async def test_no_word_is_an_operator(tmp_path: Path, words: str) -> None:
    """Whatever is typed is looked for (T90); the page is there, and says what was typed."""
    async with house(tmp_path) as home:
        write(home, LEA)
        write(home, BOB)
        lea = await home.sign_in(LEA)
        assert (await lea.get("/en/requests", q=words)).status_code == 200
        assert set(listed(lea)) <= {50031}


@pytest.mark.asyncio
async def test_each_request_stands_on_one_page(tmp_path: Path) -> None:
    """25 a page, none twice, none left out; a page that is none is one that is."""
    async with house(tmp_path) as home:
        for count in range(51):
            write(home, LEA, subject=f"Request {count}")
        lea = await home.sign_in(LEA)
        found: list[int] = []
        for page, size in (("1", 25), ("2", 25), ("3", 1)):
            await lea.get("/en/requests", page=page)
            assert len(listed(lea)) == size
            found += listed(lea)
        assert found == list(range(50081, 50030, -1))
        for page in ("0", "-1", "x", "99999999999999999999", "1.5", "²", "4", "99999"):
            assert (await lea.get("/en/requests", page=page)).status_code == 200
            assert len(listed(lea)) == 25
        found = []
        for page, size in (("1", 25), ("2", 25), ("3", 1)):
            await lea.get("/en/requests", page=page, q="burns")
            assert len(listed(lea)) == size
            found += listed(lea)
        assert sorted(found) == list(range(50031, 50082))
        home.world.set_state("solved", 50040)
        await lea.get("/en/requests", q="burns", state="solved")
        assert listed(lea) == [50040]


@pytest.mark.asyncio
async def test_the_last_change_is_the_last_word_that_was_said(tmp_path: Path) -> None:
    """An answer brings a request to the top; what agents do among themselves moves nothing."""
    async with house(tmp_path) as home:
        write(home, LEA, subject="First")
        write(home, LEA, subject="Second")
        to = (str(next(x for x in home.letters() if x.recipient == "ana@desk.test").message["Reply-To"]),)
        lea = await home.sign_in(LEA)
        assert listed(lea) == [50032, 50031]
        before = lea.tree().xpath("//tbody//time/@datetime")
        home.world.write("ana@desk.test", "#note\nbetween us\n", to=to)
        home.world.write("ana@desk.test", "#priority high\n", to=to)
        await lea.get("/en/requests")
        assert listed(lea) == [50032, 50031]
        assert lea.tree().xpath("//tbody//time/@datetime") == before
        home.world.write("ana@desk.test", "Hello Lea\n", to=to)
        await lea.get("/en/requests")
        assert listed(lea) == [50031, 50032]


@pytest.mark.asyncio
async def test_each_state_has_its_plain_word_and_its_filter(tmp_path: Path) -> None:
    """One of each; a state that there is not filters nothing."""
    words = {
        "new": "Received",
        "open": "We are working on it",
        "pending": "Waiting for you",
        "on-hold": "On hold",
        "solved": "Solved",
        "closed": "Closed",
    }
    async with house(tmp_path) as home:
        for number, state in enumerate(words, 50031):
            write(home, LEA, subject=state)
            home.world.set_state(state, number)
        lea = await home.sign_in(LEA)
        for number, (state, word) in enumerate(words.items(), 50031):
            await lea.get("/en/requests", state=state)
            assert listed(lea) == [number]
            assert lea.tree().xpath("string(//tbody//td[3])").strip() == word
        await lea.get("/en/requests", state="x' OR 1")
        assert len(listed(lea)) == 6


@pytest.mark.asyncio
async def test_mine_and_those_that_i_was_added_to(tmp_path: Path) -> None:
    """Together they are all."""
    async with house(tmp_path) as home:
        write(home, KIM)
        write(home, LEA, headers={"Cc": KIM})
        kim = await home.sign_in(KIM)
        for role, found in (("", [50032, 50031]), ("mine", [50031]), ("followed", [50032])):
            await kim.get("/en/requests", role=role)
            assert (role, listed(kim)) == (role, found)


@pytest.mark.asyncio
async def test_all_addresses_of_an_account_are_one_list(tmp_path: Path) -> None:
    """A request of both addresses stands there once; the search looks into both."""
    async with house(tmp_path) as home:
        write(home, LEA, "Hello,\n\na piccolo.\n")
        write(home, "lea@home.test", "Hello,\n\na tuba.\n", headers={"Cc": LEA})
        lea = await home.sign_in(LEA)
        await lea.get("/en/account")
        home.letters()
        await lea.submit("/addresses", address="lea@home.test")
        link = next(line for line in home.letters()[0].text.splitlines() if line.startswith(home.base))
        await lea.get(link.removeprefix(home.base))
        await lea.submit()
        await lea.get("/en/requests")
        assert listed(lea) == [50032, 50031]
        assert lea.tree().xpath("string(//caption)") == "2 requests"
        for word, number in (("piccolo", 50031), ("tuba", 50032)):
            await lea.get("/en/requests", q=word)
            assert listed(lea) == [number]
            assert (await lea.get(f"/en/requests/{number}")).status_code == 200
            assert word in lea.text


@pytest.mark.asyncio
async def test_whoever_asked_nothing_is_led_to_the_form(tmp_path: Path) -> None:
    """And told from which addresses nothing came."""
    async with house(tmp_path) as home:
        write(home, BOB)
        lea = await home.sign_in(LEA)
        assert lea.tree().xpath("//main//a[@href='/en/requests/new']")
        assert LEA in lea.text
        assert listed(lea) == []


@pytest.mark.asyncio
async def test_without_an_account_there_is_no_list(tmp_path: Path) -> None:
    """Whoever is not signed in is sent to sign in; a request is not there for them, whosever it is."""
    async with house(tmp_path) as home:
        write(home, LEA)
        browser = home.browser()
        await browser.get("/en/requests")
        assert browser.at == "/en/sign-in"
        for path in ("/en/requests/50031", "/en/requests/99999", "/en/requests/50031/print"):
            assert (await browser.get(path)).status_code == 404
            assert "it burns" not in browser.text


@pytest.mark.asyncio
async def test_no_page_of_the_list_reads_all_of_a_table(tmp_path: Path) -> None:
    """The list, the search, and one number are answered from indexes, however much others wrote."""
    async with house(tmp_path) as home:
        write(home, LEA)

        values = {"address_key": LEA, "account_id": 1, "state": "", "role": "", "number": 50031, "limit": 25, "skip": 0}
        values |= {"words": '"burns"', "domain": "client.test", "address": LEA, "before": 9**9, "lowest": 1}
        steps = []
        with closing(sqlite3.connect(tmp_path / "desk.db")) as connection:
            for name in (
                "own requests of an address",
                "own requests on a page",
                "own entries that match words",
                "own entries among all that match words",
                "shared requests of a domain",
            ):
                query = queries()[f"list: {name}"].text
                asked = {key: values[key] for key in re.findall(r"(?<![:\w]):([a-z_]+)", query)}
                rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", asked)
                steps += [f"{name}: {row[3]}" for row in rows]
        assert len(steps) > 20
        # By domain and number together: so a foreign number and a missing one cost the same.
        assert any("requester_domain=? AND number>? AND number<?" in step for step in steps)
        tables = "participants|tickets|entries|people|theirs|owned|first|said|other"
        assert [step for step in steps if re.search(rf"SCAN ({tables})\b", step)] == []
        # And they are asked here, so that a query which nobody calls is not what is held.
        assert home.world.store.read(lambda tx: find_own(tx, LEA, 50031)) is not None
        assert len(home.world.store.read(lambda tx: find_matching(tx, LEA, ("burns",)))) == 1
        assert home.world.store.read(lambda tx: list_own(tx, 1, state="", role="", limit=25, skip=0)) == ((), 0)


@pytest.mark.asyncio
async def test_whoever_has_very_many_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways into the full-text index have the same scope and give the same, row for row."""
    async with house(tmp_path) as home:
        for count in range(12):
            who = (LEA, BOB, KIM)[count % 3]
            write(
                home,
                who,
                f"Hello,\n\nfrom {count} an oboe{count % 4}.\n",
                subject=f"R {count}",
                headers={"Cc": "kim@home.test"},
            )
        to = (str(next(x for x in home.letters() if x.recipient == "ana@desk.test").message["Reply-To"]),)
        home.world.write("ana@desk.test", "#note\nan oboe1, hello\n", to=to)
        lea = await home.sign_in(KIM)
        await lea.get("/en/account")
        home.letters()
        await lea.submit("/addresses", address="kim@home.test")
        link = next(line for line in home.letters()[0].text.splitlines() if line.startswith(home.base))
        await lea.get(link.removeprefix(home.base))
        await lea.submit()
        askers = (LEA, BOB, KIM, "kim@home.test", "eve@x.test")
        asked = [
            (who, words)
            for words in (("oboe1",), ("oboe1", "hello"), ("hello",), ("oboe1", "oboe2"), ("nothing",))
            for who in askers
        ]
        found = []
        for many in (1000, 0):
            monkeypatch.setattr(history, "_MANY", many)
            for limit in (2, 100):
                found += [
                    home.world.store.read(lambda tx, w=w, x=x, n=limit: find_matching(tx, w, x, n)) for w, x in asked
                ]
        assert found[:50] == found[50:]
        assert [len(one) for one in found[25:50:5]] == [1, 1, 4, 2, 0]
