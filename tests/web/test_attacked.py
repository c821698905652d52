"""What an attacker tried on the pages of a running desk, and what the desk says to it."""

from __future__ import annotations

import asyncio
import email.utils
import os
import sqlite3
import time
from contextlib import closing
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from maildesk.clock import iso, now
from maildesk.config import Web
from maildesk.render import linked
from maildesk.store import accounts, tickets
from maildesk.store.sqlite import Tx
from maildesk.web.brakes import ADDRESSES, REQUESTS, VOTES
from maildesk.web.keeping import MAX_KEPT_BYTES
from maildesk.web.visitor import digest, peer_of
from tests.desk.world import PROVED
from tests.web.house import Browser, House, house

LEA, EVE = "lea@client.test", "eve@evil.test"
SAM, MAX = "sam@third.test", "max@fourth.test"
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


# What others said.


async def three_talk(home: House) -> None:
    """Lea asks, is answered, adds Sam and Max; Ana quotes Lea's words and her own old answer, and Max writes too."""
    world = home.world
    world.write(LEA, "the red one\nthe green one\n")
    notice = next(x for x in world.letters() if x.recipient == "ana@desk.test")
    world.write("ana@desk.test", "First answer, of long ago.\n", answers=notice)
    to_lea = next(x for x in world.letters() if x.recipient == LEA and x.notice == "answer")
    world.write(LEA, "and SAM too\n", answers=to_lea, headers={"Cc": f"{SAM}, {MAX}"})
    reply = next(x for x in world.letters() if x.recipient == "ana@desk.test")
    quoted = "> the red one\n> First answer, of long ago.\n\nSee above.\n"
    world.write("ana@desk.test", quoted, to=(str(reply.message["Reply-To"]),))


@pytest.mark.asyncio
async def test_what_an_answer_quoted_is_shown_to_those_who_had_it(tmp_path: Path) -> None:
    """An answer is kept with what any of its readers had quoted in it: on the page each reads their own lines alone."""
    async with house(tmp_path) as home:
        await three_talk(home)
        for who, has in ((LEA, True), (SAM, False)):
            browser = await home.sign_in(who)
            for path in (
                "/en/requests/50031",
                "/en/requests/50031/print",
                "/en/requests?q=above",
                "/en/requests?q=red",
            ):
                await browser.get(path)
                if not has:
                    assert "red one" not in browser.text.replace("q=red", "")
                    assert "First answer" not in browser.text
            await browser.get("/en/requests/50031")
            assert "See above." in browser.text
            assert browser.text.count("the red one") == (2 if has else 0)


@pytest.mark.asyncio
async def test_no_page_tells_anothers_address(tmp_path: Path) -> None:
    """Whoever takes part knows the others by name: no address of theirs stands there, nor in what their mails quote."""
    async with house(tmp_path) as home:
        home.world.write(LEA, "one\n", headers={"Cc": SAM})
        notice = next(x for x in home.letters() if x.recipient == "ana@desk.test")
        home.world.write("ana@desk.test", f"#cc {MAX}\nDone.\n", answers=notice)
        to_max = next(x for x in home.letters() if x.recipient == MAX)
        home.world.write(MAX, "I know more.\n", answers=to_max)
        lea = await home.sign_in(LEA)
        for path in ("/en/requests/50031", "/en/requests/50031/print", "/en/account/data"):
            page = await lea.get(path)
            assert "I know more." in page.text
            assert MAX not in page.text


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


# Signing in.


@pytest.mark.asyncio
async def test_a_code_is_guessed_some_times_a_day_and_no_more(tmp_path: Path) -> None:
    """Whoever asks for a new code after each five guesses has a day's guesses for an address; its links work on."""
    async with house(tmp_path) as home:
        at, store = now() - timedelta(hours=23), home.world.store
        for hour in range(8):
            begun = at + timedelta(hours=hour)
            store.write(lambda tx, h=hour, b=begun: begin(tx, h, b)).result()
            for _ in range(5):
                store.write(lambda tx, h=hour, b=begun: accounts.find_code(tx, f"v{h}", "wrong", b)).result()
        last = at + timedelta(hours=8)
        store.write(lambda tx: begin(tx, 8, last)).result()
        assert store.write(lambda tx: accounts.find_code(tx, "v8", "code8", last)).result() is None
        assert store.read(lambda tx: accounts.find_link(tx, "link8", last)) is not None
        tomorrow = last + timedelta(days=1, hours=1)
        store.write(lambda tx: begin(tx, 9, tomorrow)).result()
        assert store.write(lambda tx: accounts.find_code(tx, "v9", "code9", tomorrow)).result() is not None


def begin(tx: Tx, turn: int, at: datetime) -> None:
    """A link and a code for Lea, asked for in a browser of its own."""
    accounts.begin(
        tx, "sign-in", LEA, is_ours=False, account_id=None, name="", language="en", next_path="",
        visitor_hash=f"v{turn}", link_hash=f"link{turn}", code_hash=f"code{turn}", now=at,
    )  # fmt: skip


@pytest.mark.asyncio
async def test_another_address_makes_no_session_fresh(tmp_path: Path) -> None:
    """Whoever found a browser open proves an address of their own, and by that nothing of the account's."""
    async with house(tmp_path) as home:
        browser = await home.sign_in(LEA)
        home.letters()
        await browser.get("/en/account")
        await browser.submit("/account/addresses", address=EVE)
        letter = next(x for x in home.letters() if x.recipient == EVE)
        with closing(sqlite3.connect(tmp_path / "desk.db")) as raw, raw:
            raw.execute("UPDATE sessions SET fresh_at = ?, created_at = fresh_at", (iso(now() - timedelta(minutes=6)),))
        link = next(line for line in letter.text.splitlines() if line.startswith(home.base))
        await browser.get(link.removeprefix(home.base))
        await browser.submit()
        assert EVE in browser.text
        await browser.get("/en/account/data")
        assert browser.at == "/en/sign-in"


@pytest.mark.asyncio
async def test_nobody_is_named_by_a_stranger(tmp_path: Path) -> None:
    """What somebody typed as another's name stands on no page of theirs, and takes the place of no name that is proved."""
    async with house(tmp_path) as home:
        await send(home.browser(), name="Blocked! Call 4711")
        home.world.write("Léa Martin <lea@client.test>", "hello\n")
        await send(home.browser(), name="Blocked! Call 4711")
        await send(home.browser(), address=EVE, name="Blocked! Call 4711")
        lea, eve = await home.sign_in(LEA), await home.sign_in(EVE)
        for browser, name in ((lea, "Léa Martin"), (eve, "")):
            await browser.get("/en/account")
            assert "4711" not in (browser.last.text if browser.last else "")
            assert browser.tree().xpath('//input[@id="name"]/@value') == [name]


# Files.


@pytest.mark.asyncio
async def test_whoever_fills_the_room_for_kept_files_makes_room_for_others(tmp_path: Path) -> None:
    """A stranger who lets files lie by the gigabyte keeps nobody else from sending one."""
    async with house(tmp_path) as home:
        left = await kept_beside(home, tmp_path, home.browser(), (("eve", MAX_KEPT_BYTES), ("lea", 10)))
        assert left == {"lea", "now"}


@pytest.mark.asyncio
async def test_one_browser_fills_no_more_than_the_room(tmp_path: Path) -> None:
    """What it left in other forms goes before anything of anybody else's."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        mine = digest(browser.client.cookies["visitor"])
        left = await kept_beside(home, tmp_path, browser, ((mine, MAX_KEPT_BYTES - 20), ("lea", 15)))
        assert left == {"lea", "now"}


async def kept_beside(home: House, folder: Path, browser: Browser, others: tuple[tuple[str, int], ...]) -> set[str]:
    """Who keeps files after a browser let one lie beside these; "now" is that one's. What has no row has no file."""
    (folder / "uploads").mkdir(mode=0o700)

    def fill(tx: Tx) -> None:
        for who, size in others:
            (folder / "uploads" / who).write_bytes(b"x")
            tx.add(
                "upload that is kept",
                token_hash=who, visitor_hash=who, name="x", type="a/b", size=size, file=who, at=iso(now()),
            )  # fmt: skip

    home.world.store.write(fill).result()
    await send(browser, subject=" ", files=[("attachments", ("a.txt", b"a" * 10, "text/plain"))])
    assert "Too large" not in browser.text
    rows = {row["file"] for row in home.world.store.read(lambda tx: tx.list("names of uploads that are kept"))}
    assert rows == {file.name for file in (folder / "uploads").iterdir()}
    return {name if name in dict(others) else "now" for name in rows}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "site", "status"),
    [("/en/requests/new", "cross-site", b" 403 "), ("/en/requests/50031/reply", "same-origin", b" 303 ")],
)
async def test_nobody_has_a_body_read_that_counts_for_nothing(
    tmp_path: Path, path: str, site: str, status: bytes
) -> None:
    """Another site's form, and one of somebody who is not signed in, are answered before a byte of a file is kept."""
    async with house(tmp_path) as home:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(home.base.rpartition(":")[2]))
        head = (
            f"POST {path} HTTP/1.1\r\nHost: desk\r\nSec-Fetch-Site: {site}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 20000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
        )
        writer.write(head.encode() + bytes(200_000))
        async with asyncio.timeout(5):
            assert status in await reader.readline()
        assert "uploads" not in os.listdir(tmp_path)
        writer.close()


@pytest.mark.asyncio
async def test_whoever_fetches_a_large_file_again_and_again_keeps_no_page_waiting(tmp_path: Path) -> None:
    """A mail of megabytes is read anew for each of its files: pages, whose mails are small, do not stand in that line."""
    async with house(tmp_path) as home:
        home.world.write(EVE, attachments=(("big.bin", bytes(12_000_000)),))
        html = EmailMessage(policy=policy.SMTP)
        html["Authentication-Results"] = PROVED.format(domain="client.test")
        html["From"], html["To"], html["Subject"] = LEA, "support@desk.test", "Hello"
        html["Date"], html["Message-ID"] = email.utils.format_datetime(home.world.now), "<1@client.test>"
        html.set_content("<p>Hello <b>you</b></p>", subtype="html")
        home.world.give(bytes(html), sender=LEA)
        eve, lea = await home.sign_in(EVE), await home.sign_in(LEA)
        await eve.get("/en/requests/50031")
        link = eve.tree().xpath('//ul[@class="files"]//a/@href')[0]
        line = [asyncio.create_task(eve.client.get(link, timeout=60)) for _ in range(6)]
        await asyncio.wait(line, return_when=asyncio.FIRST_COMPLETED)
        await lea.get("/en/requests/50032")
        assert lea.last is not None
        assert "Hello <b>you</b>" in lea.last.text
        assert sum(one.done() for one in line) <= 3
        await asyncio.gather(*line)


# Too much of it.


@pytest.mark.asyncio
async def test_one_account_opens_so_many_requests_and_writes_so_many_replies(tmp_path: Path) -> None:
    """Signing in is no way around the brake: an address costs nobody anything."""
    async with house(tmp_path) as home:
        eve = await send(await home.sign_in(EVE))
        for _ in range(REQUESTS.times):
            home.site.brakes.count(REQUESTS, "account 1")
        await eve.get("/en/requests/50031")
        form = next(f for f in eve.tree().forms if (f.action or "").endswith("/reply"))
        values = {**dict(form.form_values()), "description": "MUCH"}
        refused = await eve.post(form.action, values)
        assert refused.status_code == 429
        assert "MUCH" in refused.text
        await send(eve, description="MORE")
        assert eve.last is not None
        assert eve.last.status_code == 429
        assert [text for kind, text, _ in home.world.entries() if kind == "customer"] == [FIELDS["description"]]


@pytest.mark.asyncio
async def test_one_network_votes_so_often(tmp_path: Path) -> None:
    """A browser without its cookie is a new one each time; its network is not."""
    async with house(tmp_path, Web(trusted_proxies=("127.0.0.1",))) as home:
        slug = home.site.articles().all()[0].slug
        for _ in range(VOTES.times + 5):
            eve = home.browser(**{"x-forwarded-for": "203.0.113.9"})
            await eve.get(f"/en/articles/{slug}")
            await eve.submit("/helpful", button="helpful=no")
        eve = home.browser()
        await eve.get(f"/en/articles/{slug}")
        assert f"0 of {VOTES.times} people" in eve.text


@pytest.mark.asyncio
async def test_a_page_is_so_long_whatever_was_written(tmp_path: Path) -> None:
    """A conversation of megabytes is a page that everybody's loop can bear: the newest in full, of the others the beginning."""
    async with house(tmp_path) as home:
        home.world.write(LEA, "FIRST " + "a:\n" * 1000)
        notice = next(x for x in home.letters() if x.recipient == LEA)
        for n in range(12):
            home.world.write(LEA, f"{n}\n" + "a:\n" * 15_000, answers=notice)
        lea = await home.sign_in(LEA)
        for path in ("/en/requests/50031", "/en/requests/50031/print"):
            page = await lea.get(path)
            assert page.status_code == 200
            assert "FIRST" in lea.text
            assert page.text.count("a:") < 120_000


@pytest.mark.parametrize("ending", [")", ".)", "()", "(", ").:"])
def test_no_link_keeps_the_desk_waiting(ending: str) -> None:
    """A link of a hundred thousand brackets costs what its length costs, and leads where a short one would."""
    begun = time.perf_counter()
    found = linked("http://client.test/a" + ending * (100_000 // len(ending)))
    assert time.perf_counter() - begun < 1
    assert ('href="http://client.test/a"' in found) == ending.endswith((")", ":")) or ending == "()"


@pytest.mark.asyncio
async def test_whoever_opens_a_connection_says_what_they_want(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that never ends holds no connection; a body that takes its time is read."""
    monkeypatch.setattr("maildesk.web.door.HEAD_WITHIN_S", 0.3)
    async with house(tmp_path) as home:
        port = int(home.base.rpartition(":")[2])
        async with asyncio.timeout(5):
            slow, sender = await asyncio.open_connection("127.0.0.1", port)
            sender.write(
                b"POST /en/requests/new HTTP/1.1\r\nHost: desk\r\nSec-Fetch-Site: same-origin\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\na=b"
            )
            for first in (b"", b"GET /en/ HTTP/1.1\r\nHost: desk\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(first)
                if first:
                    assert b" 200 " in await reader.readline()
                writer.write(b"GET /en/ HTTP/1.1\r\nHost: d")
                await reader.read()
                writer.close()
            sender.write(b"&c=")
            assert b" 403 " in await slow.readline()
            sender.close()


# Who it was.


def test_the_last_of_several_headers_names_the_client() -> None:
    """A proxy that adds a header of its own does not pass on what the client claimed in another."""
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7")]
    request = Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 1), "path": "/"})
    assert peer_of(request, Web(trusted_proxies=("127.0.0.1",))) == "198.51.100.7"


@pytest.mark.asyncio
async def test_whoever_signs_out_leaves_nothing_in_the_browser(tmp_path: Path) -> None:
    """At a public computer the next one sees no number, no address, and corrects nothing."""
    async with house(tmp_path) as home:
        browser = await send(home.browser())
        await home.sign_in(LEA, browser)
        await browser.get("/en/account")
        await browser.submit("/sign-out")
        await browser.get("/en/")
        assert "#50031" not in browser.text
        assert LEA not in browser.text


@pytest.mark.asyncio
async def test_what_was_denied_stays_denied(tmp_path: Path) -> None:
    """After "no" a "yes" changes nothing, and no agent reads that it did."""
    async with house(tmp_path) as home:
        home.world.write(LEA, "hello\n")
        notice = next(x for x in home.letters() if x.recipient == LEA)
        home.world.write(LEA, "what?\n", answers=notice, results=None)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        form = next(f for f in lea.tree().forms if (f.action or "").endswith("/was-it-you"))
        values = dict(form.form_values())
        for said in ("no", "yes", "no", "yes"):
            await lea.post(form.action, {**values, "answer": said})
        assert sum("on the web" in text for _, text, _ in home.world.entries()) == 1


# What is shown.


@pytest.mark.asyncio
@pytest.mark.parametrize("mark", [' style="', ' src="cid:'])
async def test_no_word_of_a_mail_ends_the_frame_that_it_stands_in(tmp_path: Path, mark: str) -> None:
    """What looks like an attribute in the text swallows no tag behind it: all of a mail stays inside its article."""
    async with house(tmp_path) as home:
        body = f'<p>Look {mark}</p><div><div><div><div><div>there"</div></div></div></div></div><p>MARKER</p>'
        mail = EmailMessage(policy=policy.SMTP)
        mail["Authentication-Results"] = PROVED.format(domain="client.test")
        mail["From"], mail["To"], mail["Subject"] = LEA, "support@desk.test", "Hello"
        mail["Date"], mail["Message-ID"] = email.utils.format_datetime(home.world.now), "<1@client.test>"
        mail.set_content(body, subtype="html")
        home.world.give(bytes(mail), sender=LEA)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        assert lea.tree().xpath('//div[@class="shown"]')
        assert lea.tree().xpath('//div[@class="shown"]//p[contains(., "MARKER")]')
