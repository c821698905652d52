"""The overview over a real door: its figures, its queue and its tickets, for those who answer for them and for nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from maildesk import clock
from maildesk.config import Agent, Mailbox, Web
from maildesk.desk.decision import Entered, Opened
from maildesk.desk.model import EntryKind, State
from maildesk.mail.model import Attachment, Person
from maildesk.store import tickets
from maildesk.store.sqlite import Tx
from tests.web.house import Browser, House, house

SUPPORT, SALES = "support@desk.test", "sales@desk.test"
LEA, ANA, BEN = Person("lea@client.test", "Lea Martin"), Person("ana@desk.test", "Ana"), Person("ben@desk.test", "Ben")
MAILBOXES = (Mailbox(address=SUPPORT), Mailbox(address=SALES))
AGENTS = (
    Agent(address="ana@desk.test", name="Ana Lima", mailboxes=(SUPPORT,)),
    Agent(address="ben@desk.test", name="Ben Okoro", mailboxes=(SALES,)),
    Agent(address="eva@desk.test", name="Eva", mailboxes=(SALES,), role="admin"),
)


@asynccontextmanager
async def desk(folder: Path, *, agents_read: bool = True, **more: Any) -> AsyncIterator[House]:
    """A desk with two mailboxes, an agent each and an admin."""
    given = {"mailboxes": MAILBOXES, "agents": AGENTS} | more
    async with house(folder, web=Web(agents_read=agents_read), **given) as home:
        yield home


def add(
    home: House, mailbox: str = SUPPORT, state: State = "new", *, ago: timedelta = timedelta(hours=1),
    subject: str = "Printer on fire", assignee: Person | None = None, requester: Person | None = LEA,
) -> int:  # fmt: skip
    """A ticket that came so long ago; its number."""
    at = clock.now() - ago

    def work(tx: Tx) -> int:
        ticket_id = tickets.add_ticket(tx, Opened(subject, mailbox, "en", requester), at)
        tickets.add_entry(
            tx, ticket_id, Entered("customer", requester, subject, "Help.\n", "Help.\n", ()), at=at, via="smtp"
        )
        if assignee is not None:
            tx.change("assignee of a ticket", id=ticket_id, assignee=assignee.address, at=clock.iso(at))
        tickets.set_state(tx, ticket_id, state, at)
        found = tickets.find_ticket(tx, ticket_id)
        assert found is not None
        return found.number

    return home.world.store.write(work).result()


def say(
    home: House, number: int, kind: EntryKind, author: Person | None, words: str, at: datetime, *,
    full: str | None = None, flags: tuple[str, ...] = (), attachments: tuple[Attachment, ...] = (),
) -> None:  # fmt: skip
    ticket_id = home.world.ticket(number).id
    entered = Entered(kind, author, "s", words, words if full is None else full, flags)  # type: ignore[arg-type]
    home.world.store.write(
        lambda tx: tickets.add_entry(tx, ticket_id, entered, at=at, via="smtp", attachments=attachments)
    ).result()


def rows(browser: Browser, table: str) -> list[list[str]]:
    """The cells of a table's body, row by row."""
    return [
        [" ".join(cell.text_content().split()) for cell in row]
        for row in browser.tree().xpath(f"//table[{table}]/tbody/tr")
    ]


def said(browser: Browser, plot: str) -> list[str]:
    """What is said of each bar or column of a plot; the plot read as XML by itself."""
    assert browser.last is not None
    (text,) = re.findall(rf'<svg [^>]*aria-labelledby="{plot}-title.*?</svg>(?!<)', browser.last.text, re.DOTALL)
    svg = "{http://www.w3.org/2000/svg}"
    return [one.text for one in etree.fromstring(text).iter(f"{svg}title")][1:]


async def missing(browser: Browser, path: str) -> bytes:
    """The bytes of a page that is not there."""
    answer = await browser.get(path)
    assert answer.status_code == 404, path
    return answer.content


@pytest.mark.asyncio
async def test_the_figures_are_what_was_put_in(tmp_path: Path) -> None:
    """Arrivals by day and mailbox, the backlog by state and age, first replies by mailbox and agent; each plot shows and
    says the figures of its table."""
    async with desk(tmp_path) as home:
        for state, ago, mailbox in (
            ("new", 0.1, SUPPORT), ("open", 2, SUPPORT), ("open", 2, SALES), ("pending", 5, SALES), ("on-hold", 10, SUPPORT),
            ("new", 40, SUPPORT), ("solved", 2, SALES), ("closed", 50, SALES),
        ):  # fmt: skip
            add(home, mailbox, state, ago=timedelta(days=ago))  # type: ignore[arg-type]
        # The third hour was Ana's, the second Ben's.
        now = clock.now()
        say(home, 50032, "agent", ANA, "Use water.\n", now - timedelta(days=2) + timedelta(hours=3))
        say(home, 50033, "agent", BEN, "Yes.\n", now - timedelta(days=2) + timedelta(hours=2))
        browser = await home.sign_in("eva@desk.test")
        answer = await browser.get("/en/overview")
        assert answer.status_code == 200
        arrivals = rows(browser, '@id="t-arrivals"')
        assert len(arrivals) == 30
        assert [sum(int(row[column]) for row in arrivals) for column in (1, 2, 3)] == [6, 3, 3]
        days = {row[0]: row[1:] for row in arrivals}
        # Two days ago where the desk is.
        assert ["3", "1", "2"] in days.values()
        heads = [head.text_content() for head in browser.tree().xpath('//table[@id="t-arrivals"]/thead/tr/th')]
        assert heads == ["Day", "All", SUPPORT, SALES]
        assert said(browser, "arrivals") == [
            f"{day}: {total} ({', '.join(f'{box} {n}' for box, n in ((SUPPORT, one), (SALES, two)) if n != '0')})"
            for day, (total, one, two) in days.items()
            if total != "0"
        ]
        backlog = {(row[0], row[1]): row[2:] for row in rows(browser, '@id="t-backlog"')}
        assert backlog == {
            (SUPPORT, "New"): ["1", "0", "0", "0", "1", "2"],
            (SUPPORT, "Open"): ["0", "1", "0", "0", "0", "1"],
            (SUPPORT, "Waits for the customer"): ["0"] * 6,
            (SUPPORT, "On hold"): ["0", "0", "0", "1", "0", "1"],
            (SALES, "New"): ["0"] * 6,
            (SALES, "Open"): ["0", "1", "0", "0", "0", "1"],
            (SALES, "Waits for the customer"): ["0", "0", "1", "0", "0", "1"],
            (SALES, "On hold"): ["0"] * 6,
        }
        assert said(browser, "backlog") == [
            "Under 1 day, New: 1", "1 to 3 days, Open: 2", "3 to 7 days, Waits for the customer: 1",
            "7 to 30 days, On hold: 1", "Over 30 days, New: 1",
        ]  # fmt: skip
        replies = rows(browser, '@class="t-replies"')
        both = ["All", "2", "2 h 30 min", "3 h"]
        assert [[cell.replace("\u00a0", " ") for cell in row] for row in replies] == [
            both, [SALES, "1", "2 h", "2 h"], [SUPPORT, "1", "3 h", "3 h"],
            both, ["Ana Lima", "1", "3 h", "3 h"], ["Ben Okoro", "1", "2 h", "2 h"],
        ]  # fmt: skip
        assert [one.replace("\u00a0", " ") for one in said(browser, "replies")][:4] == [
            "All, half within: 2 h 30 min", "All, nine in ten within: 3 h",
            f"{SALES}, half within: 2 h", f"{SALES}, nine in ten within: 2 h",
        ]  # fmt: skip


@pytest.mark.asyncio
async def test_the_days_are_those_of_the_desk(tmp_path: Path) -> None:
    """The page counts by the clock of [desk] timezone and says which it is."""
    async with desk(tmp_path) as home:
        browser = await home.sign_in("eva@desk.test")
        await browser.get("/en/overview")
        assert "Europe/Paris" in browser.tree().xpath('//table[@id="t-arrivals"]/caption')[0].text_content()


@pytest.mark.asyncio
async def test_an_agent_sees_the_mailboxes_they_answer_for(tmp_path: Path) -> None:
    """Of others neither name nor figure, ticket or agent; an admin sees all, whatever they answer for."""
    async with desk(tmp_path) as home:
        theirs, foreign = add(home, SUPPORT), add(home, SALES, subject="Secret offer", assignee=BEN)
        say(home, foreign, "agent", BEN, "No.\n", clock.now() - timedelta(minutes=1))
        ana = await home.sign_in("ana@desk.test")
        for path in ("/en/overview", "/en/overview/queue"):
            assert (await ana.get(path)).status_code == 200
            assert ana.last is not None
            for word in (SALES, "Ben", "Secret", f"#{foreign}"):
                assert word not in ana.last.text, (path, word)
        assert [row[0] for row in rows(ana, 'contains(@class, "queue")')] == [f"#{theirs}"]
        await ana.get("/en/overview")
        assert sum(int(row[1]) for row in rows(ana, '@id="t-arrivals"')) == 1
        eva = await home.sign_in("eva@desk.test")
        await eva.get("/en/overview/queue")
        assert [row[0] for row in rows(eva, 'contains(@class, "queue")')] == [f"#{theirs}", f"#{foreign}"]
        await eva.get("/en/overview", mailbox=SALES.upper())
        assert sum(int(row[1]) for row in rows(eva, '@id="t-arrivals"')) == 1
        assert "Ben Okoro" in eva.text


@pytest.mark.asyncio
async def test_what_is_not_theirs_is_not_there(tmp_path: Path) -> None:
    """Another mailbox, another's ticket, a missing one, and for a customer the whole overview: one 404, the same bytes."""
    async with desk(tmp_path) as home:
        theirs, foreign = add(home, SUPPORT), add(home, SALES)
        ana, lea = await home.sign_in("ana@desk.test"), await home.sign_in("lea@client.test")
        nothing = await missing(ana, "/en/no-such-page")
        for path in (
            f"/en/overview?mailbox={SALES}", "/en/overview?mailbox=no@desk.test", "/en/overview?mailbox=%00",
            f"/en/overview/queue?mailbox={SALES}", "/en/overview/queue?state=solved", "/en/overview/queue?assignee=x@y.test",
            "/en/overview/queue?after=-1", "/en/overview/queue?after=" + "9" * 30,
            f"/en/overview/requests/{foreign}", "/en/overview/requests/99999", "/en/overview/requests/" + "9" * 30,
            "/en/overview/requests/%C2%B2", f"/en/overview/requests/0x{theirs}", "/en/overview/requests/-1",
        ):  # fmt: skip
            assert await missing(ana, path) == nothing, path
        assert (await ana.get(f"/en/overview/requests/{theirs}")).status_code == 200
        nothing = await missing(lea, "/en/no-such-page")
        for path in ("/en/overview", "/en/overview/queue", f"/en/overview/requests/{theirs}"):
            assert await missing(lea, path) == nothing
            # Whoever is nobody yet is asked who they are, whatever there is.
            stranger = home.browser()
            await stranger.get(path)
            assert stranger.at == "/en/sign-in"


@pytest.mark.asyncio
async def test_tickets_are_read_only_where_it_is_allowed(tmp_path: Path) -> None:
    """Without [web] agents_read the same 404 for every number, and the queue leads nowhere."""
    async with desk(tmp_path, agents_read=False) as home:
        theirs = add(home)
        for who in ("ana@desk.test", "eva@desk.test"):
            browser = await home.sign_in(who)
            nothing = await missing(browser, "/en/overview/requests/99999")
            assert await missing(browser, f"/en/overview/requests/{theirs}") == nothing
            await browser.get("/en/overview/queue")
            assert rows(browser, 'contains(@class, "queue")')[0][1] == "Printer on fire"
            assert not browser.tree().xpath("//main//table//a")


@pytest.mark.asyncio
async def test_the_queue_is_paged_and_filtered(tmp_path: Path) -> None:
    """Fifty on a page, oldest first, none twice or missing; state, mailbox and agent together; a filter stays on the way."""
    async with desk(tmp_path) as home:
        numbers = [
            add(
                home, (SUPPORT, SALES)[at % 2], ("open", "pending")[at % 3 == 0],
                ago=timedelta(hours=200 - at), assignee=(None, ANA, BEN)[at % 3],
            )
            for at in range(120)
        ]  # fmt: skip
        browser, seen = await home.sign_in("eva@desk.test"), list[str]()
        await browser.get("/en/overview/queue")
        assert "120 tickets wait." in browser.text
        for page in range(3):
            seen += [row[0] for row in rows(browser, 'contains(@class, "queue")')]
            onward = browser.tree().xpath('//a[@rel="next"]/@href')
            assert len(onward) == (page < 2)
            if onward:
                await browser.get(onward[0])
        assert seen == [f"#{number}" for number in numbers]
        await browser.get("/en/overview/queue", mailbox=SALES, state="open", assignee="ben@desk.test")
        wanted = [at for at in range(120) if at % 2 and at % 3 == 2]
        assert [row[0] for row in rows(browser, 'contains(@class, "queue")')] == [f"#{numbers[at]}" for at in wanted]
        assert browser.tree().xpath("//option[@selected]/text()") == ["Open", SALES, "Ben Okoro"]
        await browser.get("/en/overview/queue", assignee="none", state="pending")
        assert len(rows(browser, 'contains(@class, "queue")')) == 40
        await browser.get("/en/overview/queue", mailbox=SALES)
        await browser.get(browser.tree().xpath('//a[@rel="next"]/@href')[0])
        assert [row[0] for row in rows(browser, 'contains(@class, "queue")')] == [
            f"#{numbers[at]}" for at in range(101, 120, 2)
        ]
        await browser.get("/en/overview/queue", assignee="ben@desk.test")
        assert "40 tickets wait." in browser.text


@pytest.mark.asyncio
async def test_a_row_of_the_queue_says_what_one_needs(tmp_path: Path) -> None:
    """Number, subject, requester, state, agent, age and mailbox; a former agent by their address."""
    async with desk(tmp_path) as home:
        number = add(home, state="open", ago=timedelta(days=3, hours=4), assignee=Person("gone@desk.test"))
        add(home, SALES, requester=None, subject="")
        eva = await home.sign_in("eva@desk.test")
        await eva.get("/fr/overview/queue")
        first, second = rows(eva, 'contains(@class, "queue")')
        assert [cell.replace("\u00a0", " ") for cell in first] == [
            f"#{number}", "Printer on fire", "Lea Martin lea@client.test", eva.tree().xpath("//option[@value='open']/text()")[0],
            "gone@desk.test", "3 j 4 h", SUPPORT,
        ]  # fmt: skip
        assert second[1] != ""
        assert "@" not in second[2]


@pytest.mark.asyncio
async def test_a_ticket_is_read_whole_and_as_text(tmp_path: Path) -> None:
    """Every entry in its order with notes, events, flags in words and files by name; nothing of it is markup, and nothing on
    the page changes anything."""
    async with desk(tmp_path) as home:
        number, at = add(home, ago=timedelta(days=1), subject="<img src=x onerror=alert(1)>"), clock.now()
        file = Attachment("<svg onload=1>.png", "image/png", b"x" * 2100)
        say(home, number, "customer", Person("eve@x.test", "<b>Eve"), "<script>alert(1)</script> https://x.test/?a=1&b=2\n", at,
            full="<script>alert(1)</script>\n> <iframe>quoted", flags=("stranger", "auth-fail"), attachments=(file,))  # fmt: skip
        say(home, number, "note", ANA, "She is nice.\n", at + timedelta(seconds=1))
        say(home, number, "agent", ANA, "Use water.\n", at + timedelta(seconds=2))
        say(home, number, "event", None, "State: pending", at + timedelta(seconds=3))
        say(home, number, "customer", None, "Who am I?\n", at + timedelta(seconds=4), flags=("ambiguous-author",))
        browser = await home.sign_in("ana@desk.test")
        answer = await browser.get(f"/en/overview/requests/{number}")
        assert answer.status_code == 200
        text = browser.text
        wanted = (
            "<img src=x onerror=alert(1)>", f"#{number}", "Help.", "<b>Eve", "eve@x.test",
            "From somebody who was not part of this ticket.", "The author's domain says that it is forged.",
            "<script>alert(1)</script>", "> <iframe>quoted", "<svg onload=1>.png", "2.1", "noted, for agents alone",
            "She is nice.", "answered", "Use water.", "State: pending", "Nobody who could be believed",
            "nobody is believed", "Who am I?",
        )  # fmt: skip
        places = [text.find(word, 0) for word in wanted]
        assert -1 not in places, dict(zip(wanted, places, strict=True))
        after = [text.find(word, text.find("Help.")) for word in wanted[2:]]
        assert [at for at in after if at >= 0] == sorted(at for at in after if at >= 0)
        main = browser.tree().xpath("//main")[0]
        assert not main.xpath(".//script | .//img | .//iframe | .//svg | .//form | .//b[.='Eve'] | .//*[@style]")
        assert main.xpath(".//div[@class='words']//a/@href") == ["https://x.test/?a=1&b=2"]


@pytest.mark.asyncio
async def test_nobody_reads_everything_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each reading leaves a line with the ticket; after two hundred in an hour there is no more for that agent, and a warning."""
    caplog.set_level("INFO", "maildesk")
    async with desk(tmp_path) as home:
        number = add(home)
        ana, eva = await home.sign_in("ana@desk.test"), await home.sign_in("eva@desk.test")
        for _ in range(200):
            assert (await ana.get(f"/en/overview/requests/{number}")).status_code == 200
        assert sum(f"web.read ticket={number}" in line for line in caplog.messages) == 200
        assert (await ana.get(f"/en/overview/requests/{number}")).status_code == 429
        assert any(line.startswith("web.reads-much") for line in caplog.messages)
        assert (await ana.get("/en/overview/queue")).status_code == 200
        assert (await eva.get(f"/en/overview/requests/{number}")).status_code == 200


@pytest.mark.asyncio
async def test_tickets_of_a_mailbox_that_has_left(tmp_path: Path) -> None:
    """They are business of the first mailbox's agents, as its mail is, and of nobody else."""
    async with desk(tmp_path) as home:
        number = add(home, "gone@desk.test")
        ana, ben = await home.sign_in("ana@desk.test"), await home.sign_in("ben@desk.test")
        await ana.get("/en/overview/queue")
        assert [row[0] for row in rows(ana, 'contains(@class, "queue")')] == [f"#{number}"]
        assert (await ana.get(f"/en/overview/requests/{number}")).status_code == 200
        await missing(ben, f"/en/overview/requests/{number}")
        assert "gone" not in (await ben.get("/en/overview")).text


@pytest.mark.asyncio
async def test_a_long_ticket_is_cut_and_says_so(tmp_path: Path) -> None:
    """A page stays a page: the newest entries, the beginning of a huge text, and where the rest is."""
    async with desk(tmp_path) as home:
        number, at = add(home), clock.now()
        ticket_id = home.world.ticket(number).id

        def fill(tx: Tx) -> None:
            for index in range(205):
                words = f"entry {index}." + ("x" * 30_000 if index == 204 else "")
                tickets.add_entry(tx, ticket_id, Entered("note", ANA, "s", words, words, ()), at=at, via="smtp")

        home.world.store.write(fill).result()
        browser = await home.sign_in("ana@desk.test")
        answer = await browser.get(f"/en/overview/requests/{number}")
        assert len(answer.content) < 300_000
        assert "entry 4." not in browser.text
        assert "entry 5." in browser.text
        assert f"maildesk ticket {number}" in browser.text
        assert "longer than what is shown here" in browser.text


@pytest.mark.asyncio
async def test_more_mailboxes_than_colours(tmp_path: Path) -> None:
    """The smallest are one colour in the plot, and each its own column in the table."""
    boxes = tuple(Mailbox(address=f"m{at}@desk.test") for at in range(8))
    async with desk(tmp_path, mailboxes=boxes, agents=(Agent(address="ana@desk.test"),)) as home:
        for at in range(8):
            for _ in range(at + 1):
                add(home, f"m{at}@desk.test")
        browser = await home.sign_in("ana@desk.test")
        await browser.get("/en/overview")
        keys = [one.text_content() for one in browser.tree().xpath('//ul[@class="keys"]')[0]]
        assert keys == [f"m{at}@desk.test" for at in range(3, 8)] + ["Other mailboxes"]
        drawn = " ".join(said(browser, "arrivals"))
        assert sum(map(int, re.findall(r": (\d+) \(", drawn))) == 36
        assert sum(map(int, re.findall(r"Other mailboxes (\d+)", drawn))) == 6
        assert len(browser.tree().xpath('//table[@id="t-arrivals"]/thead/tr/th')) == 10
