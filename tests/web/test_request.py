"""My activities and a request's page: one's own, all of it, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.desk.world import only
from tests.web.house import Browser, House, house

LEA, BOB = "lea@client.test", "bob@other.test"


def write(home: House, author: str, words: str = "Hello,\n\nit burns.\n", **more: object) -> None:
    """A proved mail by SMTP, settled by the worker's rules."""
    home.world.write(author, words, **more)  # type: ignore[arg-type]


def answer(home: House, words: str, agent: str = "ana@desk.test", **more: object) -> None:
    """An agent's answer to their last notice."""
    notice = next(x for x in reversed(home.letters()) if x.recipient == agent)
    home.world.write(
        agent, words, to=(str(notice.message["Reply-To"]),), subject=str(notice.message["Subject"]), **more
    )  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_every_own_request_is_listed_with_its_state_and_no_other(tmp_path: Path) -> None:
    """Whoever only ever wrote mail sees all of it the moment they sign in; another's is nowhere."""
    async with house(tmp_path) as home:
        write(home, LEA, subject="First")
        write(home, BOB, subject="Bobs secret")
        write(home, LEA, subject="Second")
        lea = await home.sign_in(LEA)
        assert lea.at == "/en/requests"
        assert "#50031" in lea.text
        assert "#50033" in lea.text
        assert "Received" in lea.text
        assert "Bobs secret" not in lea.text
        assert "#50032" not in lea.text
        await lea.get("/en/requests", q="burns")
        assert lea.tree().xpath("//tbody/tr").__len__() == 2
        await lea.get("/en/requests", state="solved")
        assert "Nothing was found" in lea.text


@pytest.mark.asyncio
async def test_a_foreign_number_and_a_missing_one_are_the_same(tmp_path: Path) -> None:
    """404, the same bytes; files and acts of it as well."""
    async with house(tmp_path) as home:
        write(home, LEA)
        write(home, BOB)
        lea = await home.sign_in(LEA)
        foreign, missing = await lea.get("/en/requests/50032"), await lea.get("/en/requests/99999")
        odd = await lea.get("/en/requests/abc")
        assert foreign.status_code == missing.status_code == odd.status_code == 404
        assert foreign.content == missing.content == odd.content
        await lea.get("/en/requests/50031")
        form = lea.tree().forms[0]
        token = dict(form.form_values())["token"]
        for act in ("reply", "solve", "reopen", "was-it-you"):
            done = await lea.post(f"/en/requests/50032/{act}", {"token": token, "description": "x", "entry": "2"})
            assert done.status_code == 404


@pytest.mark.asyncio
async def test_notes_and_agents_addresses_are_never_shown(tmp_path: Path) -> None:
    """The customer reads answers under the agent's name."""
    async with house(tmp_path) as home:
        write(home, LEA)
        answer(home, "Please wait a little.\n")
        write(home, LEA, "Thanks\n", to=("support@desk.test",), subject="Re: [#50031] Printer on fire")
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        assert "Please wait a little." in lea.text
        assert "Ana Lima" in lea.text
        assert "ana@desk.test" not in lea.text


@pytest.mark.asyncio
async def test_what_an_answer_quoted_is_for_those_who_had_it(tmp_path: Path) -> None:
    """An answer is kept with the lines that any of its readers had; whoever was copied later reads none that came before."""
    async with house(tmp_path) as home:
        write(home, LEA, "the red one\nthe green one")
        answer(home, "First answer, of long ago.")
        write(
            home, LEA, "and both of us", answers=only(home.letters(), "answer"), headers={"Cc": "sam@third.test"}
        )  # fmt: skip
        answer(home, "> the red one\n> First answer, of long ago.\n\nSee above.")
        for person, may in (("sam@third.test", False), (LEA, True)):
            reader = await home.sign_in(person)
            await reader.get("/en/requests/50031")
            assert "See above." in reader.text
            assert ("First answer" in reader.text) is may
            assert ("the red one" in reader.text) is may


@pytest.mark.asyncio
async def test_a_note_stays_inside(tmp_path: Path) -> None:
    """A marker in an internal note is on no page of the customer's."""
    async with house(tmp_path) as home:
        write(home, LEA)
        answer(home, "#note\nMARKER this customer is difficult\n")
        lea = await home.sign_in(LEA)
        for path in ("/en/requests", "/en/requests/50031", "/en/requests/50031/print", "/en/requests?q=MARKER"):
            await lea.get(path)
            assert "difficult" not in lea.text


@pytest.mark.asyncio
async def test_a_reply_is_a_mail_in_the_thread(tmp_path: Path) -> None:
    """It stands on the page at once, is proved, and the agent gets it as any reply; pressed twice it is one."""
    async with house(tmp_path) as home:
        write(home, LEA)
        answer(home, "Which printer?\n")
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        form = next(f for f in lea.tree().forms if (f.action or "").endswith("/reply"))
        values = {**dict(form.form_values()), "description": "The one on the second floor."}
        twin = Browser(home.base)
        twin.client.cookies = lea.client.cookies
        await asyncio.gather(*(b.post("/en/requests/50031/reply", values) for b in (lea, twin)))
        await twin.close()
        await lea.get("/en/requests/50031")
        assert lea.text.count("The one on the second floor.") == 1
        assert "We are working on it" in lea.text
        notices = [x for x in home.letters() if x.notice == "reply"]
        assert [x.recipient for x in notices] == ["ana@desk.test"]
        assert "Nothing proves" not in notices[0].text


@pytest.mark.asyncio
async def test_solved_and_opened_again_by_the_requester(tmp_path: Path) -> None:
    """The state changes with the press, and the agents read why."""
    async with house(tmp_path) as home:
        write(home, LEA)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        await lea.submit("/solve")
        assert home.world.ticket().state == "solved"
        assert "marked as solved" in lea.text
        await lea.submit("/reopen")
        assert home.world.ticket().state == "open"
        await lea.get("/en/requests/50031")
        await lea.submit("/reply", description="Now it works.", button="wish=solve")
        assert home.world.ticket().state == "solved"


@pytest.mark.asyncio
async def test_what_nobody_proved_stands_folded_until_it_is_owned(tmp_path: Path) -> None:
    """Its links are text, and alive after "yes"; agents read both."""
    async with house(tmp_path) as home:
        write(home, LEA, "See https://phish.test/x now\n", results=None)
        lea = await home.sign_in(LEA)
        assert "Was it you?" in lea.text
        await lea.get("/en/requests/50031")
        assert not lea.tree().xpath('//a[contains(@href, "phish.test")]')
        assert lea.tree().xpath('//details[contains(., "phish.test")]')
        await lea.submit("/was-it-you", button="answer=yes")
        assert lea.tree().xpath('//a[contains(@href, "phish.test")]')
        assert any("I wrote this" in text for _, text, _ in home.world.entries())


@pytest.mark.asyncio
async def test_whoever_says_no_has_no_part_in_it(tmp_path: Path) -> None:
    """A request that a stranger made in somebody's name leaves their list, and the agents read it."""
    async with house(tmp_path) as home:
        write(home, LEA, "send me everything\n", results=None)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        await lea.submit("/was-it-you", button="answer=no")
        assert lea.at == "/en/requests"
        assert "#50031" not in lea.text
        assert (await lea.get("/en/requests/50031")).status_code == 404
        assert any("I did not write this" in text for _, text, _ in home.world.entries())


@pytest.mark.asyncio
async def test_what_the_same_browser_sent_is_not_asked_about(tmp_path: Path) -> None:
    """Whoever sends a request and then proves the address there is its author."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        await browser.submit("/requests/new", address=LEA, subject="Fire", description="It burns.")
        await home.sign_in(LEA, browser)
        await browser.get("/en/requests/50031")
        assert "Was it you?" not in browser.text
        assert "It burns." in browser.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("a.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.html", "text/html", b"<script>alert(1)</script>"),
        ("x.pdf", "application/pdf", b"%PDF-1.4"),
        ("..\\..\\.htaccess", "text/plain", b"x"),
        ("con.txt", "text/plain", b"x"),
    ],
)
async def test_a_file_is_saved_and_never_run(tmp_path: Path, name: str, kind: str, body: bytes) -> None:
    """An attachment, sandboxed, of a plain type or none; nobody else gets it."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        files = [("attachments", (name, body, kind))]
        await browser.submit("/requests/new", address=LEA, subject="Fire", description="See.", files=files)
        await home.sign_in(LEA, browser)
        await browser.get("/en/requests/50031")
        link = browser.tree().xpath('//ul[@class="files"]//a/@href')[0]
        got = await browser.client.get(link)
        assert got.content == body
        assert got.headers["content-disposition"].startswith("attachment; ")
        assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "html" not in got.headers["content-type"]
        assert "svg" not in got.headers["content-type"]
        bob = await home.sign_in(BOB)
        assert (await bob.get(link)).status_code == 404


@pytest.mark.asyncio
async def test_whoever_has_not_signed_in_hears_of_no_request(tmp_path: Path) -> None:
    """404 for one that is there and for one that is not, the same bytes; the list leads to signing in."""
    async with house(tmp_path) as home:
        write(home, LEA)
        nobody = home.browser()
        there, missing = await nobody.get("/en/requests/50031"), await nobody.get("/en/requests/99999")
        assert there.status_code == missing.status_code == 404
        assert there.content == missing.content
        await nobody.get("/en/requests")
        assert nobody.at == "/en/sign-in"
