"""T15: every page for everybody who may come: whom it is for stands in its row, and holds for each of them."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import maildesk.web
from maildesk.config import Agent, Web
from maildesk.desk.directory import Directory
from maildesk.render import Renderer, template_folders
from maildesk.settle import Settler
from maildesk.web.table import PAGES
from maildesk.web.visit import Page
from maildesk.web.visitor import form_token
from tests.web.house import Browser, House, house

LEA, BOB, ANA, EVA = "lea@client.test", "bob@other.test", "ana@desk.test", "eva@desk.test"
AGENTS = (Agent(address=ANA, name="Ana Lima"), Agent(address=EVA, name="Eva", role="admin"))
# What people see who have not signed in; whatever is not named here needs somebody, and a new page is not forgotten.
OPEN = {
    *(
        "GET /",
        "GET /sign-in",
        "GET /sign-up",
        "POST /sign-in",
        "POST /sign-up",
        "GET /sign-in/sent",
        "POST /sign-in/code",
    ),
    *(
        "POST /sign-out",
        "GET /sign-in/{secret}",
        "POST /sign-in/{secret}",
        "GET /confirm/{token}",
        "POST /confirm/{token}",
    ),
    *("GET /requests/new", "POST /requests/new", "GET /requests/address", "GET /requests/sent"),
    *("POST /requests/sent/{id}/close", "GET /requests/sent/{id}/address", "POST /requests/sent/{id}/address"),
    *("GET /articles", "GET /articles/suggest", "GET /articles/{slug}", "POST /articles/{slug}/helpful"),
}
GETS = [page for page in PAGES if page.method == "GET"]
POSTS = [page for page in PAGES if page.method == "POST"]


def name(page: Page) -> str:
    return f"{page.method} {page.path}"


def at(page: Page, number: int = 50031) -> str:
    """The page's address for the request `number`, with the other parts as somebody would guess them."""
    given = {"number": str(number), "slug": "request-arrived", "key": f"1-{'0' * 32}", "name": "x.txt", "id": "1"}
    return "/en" + re.sub(r"\{(\w+)\}", lambda part: given.get(part[1], "guessed"), page.path)


def dump(home: House) -> list[str]:
    """Everything that the store holds."""
    with closing(sqlite3.connect(home.world.folder / "desk.db")) as connection:
        return list(connection.iterdump())


async def ask(browser: Browser, page: Page, token: str | None = None, **fields: str) -> tuple[int, str, bytes]:
    """Status, where it leads, and the bytes."""
    values = {"token": token, **fields} if token else fields
    sent = {"sec-fetch-site": "same-origin"}
    found = await browser.client.request(
        page.method, at(page), data=values if page.method == "POST" else None, headers=sent
    )
    return found.status_code, found.headers.get("location", ""), found.content


async def token_of(browser: Browser) -> str:
    """What this browser's forms carry."""
    await browser.get("/en/requests/new")
    return form_token(str(browser.client.cookies["visitor"]))


def test_every_page_stands_in_the_table_once() -> None:
    """No module has a page that is not in the table, no address is taken twice, and what is open to anyone is on the list."""
    found: list[Page] = []
    for module in pkgutil.iter_modules(maildesk.web.__path__):
        # These two collect and serve what the others have.
        if module.name not in ("table", "app"):
            found += getattr(importlib.import_module(f"maildesk.web.{module.name}"), "PAGES", ())
    assert sorted(map(name, found)) == sorted(map(name, PAGES))
    assert len({name(page) for page in PAGES}) == len(PAGES)
    assert {name(page) for page in PAGES if page.who == "anyone"} == OPEN
    assert {page.path.startswith("/overview") for page in PAGES if page.who == "agent"} == {True}
    assert not [page for page in PAGES if page.path.startswith("/overview") and page.who != "agent"]


@pytest.mark.asyncio
async def test_each_page_is_for_those_of_its_row(tmp_path: Path) -> None:
    """Nobody is led to sign in; a customer finds no agents' page; an agent's role opens no customer's request; and what is
    not theirs is the one page that says that nothing is there, in the same bytes."""
    async with house(tmp_path, web=Web(agents_read=True), agents=AGENTS) as home:
        home.world.write(LEA)
        nobody = home.browser()
        people = {who: await home.sign_in(who) for who in (LEA, BOB, ANA, EVA)}
        nothing = {who: (await one.client.get("/en/requests/99999")).content for who, one in people.items()}
        for page in GETS:
            status, to, _ = await ask(nobody, page)
            if page.who == "anyone":
                assert (status, "/sign-in?" in to) != (303, True), page
            elif page.who == "customer" and "{number}" in page.path:
                # A request is there for its people alone.
                assert status == 404, page
            else:
                assert (status, to.startswith("/en/sign-in?next=")) == (303, True), page
            for who, browser in people.items():
                status, to, content = await ask(browser, page)
                assert "/sign-in?next" not in to, (page, who)
                missing = nothing[who]
                if page.who == "agent":
                    allowed = who in (ANA, EVA)
                    assert (status, content == missing) == ((200, False) if allowed else (404, True)), (page, who)
                elif "{number}" in page.path:
                    is_hers = who == LEA and "{key}" not in page.path
                    assert (status, content == missing) == ((200, False) if is_hers else (404, True)), (page, who)


@pytest.mark.asyncio
async def test_only_a_form_of_ours_does_anything(tmp_path: Path) -> None:
    """Every act without the form's token, with another browser's, or from another site is refused for everybody; with it,
    whoever has not signed in is led there, and on another's request nothing is found. The store is the same after all of it."""
    async with house(tmp_path, web=Web(agents_read=True), agents=AGENTS) as home:
        home.world.write(LEA)
        nobody = home.browser()
        people = {"": nobody} | {who: await home.sign_in(who) for who in (LEA, BOB, ANA, EVA)}
        tokens = {who: await token_of(browser) for who, browser in people.items()}
        before = dump(home)
        fields = {"description": "x", "sure": "yes", "session": "all", "entry": "1", "answer": "no", "wish": "solve"}
        for page in POSTS:
            for who, browser in people.items():
                other = next(token for one, token in tokens.items() if one != who)
                for token in (None, "", other, form_token("")):
                    # Whoever has not signed in is led there before anything of the form is read.
                    refused = 303 if page.who != "anyone" and not who else 403
                    assert (await ask(browser, page, token, **fields))[0] == refused, (page, who)
                if page.who != "anyone" and not who:
                    status, to, _ = await ask(browser, page, tokens[who], **fields)
                    assert (status, to.partition("?")[0]) == (303, "/en/sign-in"), page
                elif "{number}" in page.path and who != LEA:
                    assert (await ask(browser, page, tokens[who], **fields))[0] in (404, 429), (page, who)
        assert dump(home) == before


@pytest.mark.asyncio
async def test_looking_changes_nothing(tmp_path: Path) -> None:
    """Every page that is only asked for leaves the store as it was, for whoever asks: links can be looked at by machines."""
    async with house(tmp_path, web=Web(agents_read=True), agents=AGENTS) as home:
        home.world.write(LEA)
        people = [home.browser()] + [await home.sign_in(who) for who in (LEA, ANA)]
        before = dump(home)
        for page in GETS:
            for browser in people:
                await ask(browser, page)
                await browser.client.head(at(page))
        assert dump(home) == before


@pytest.mark.asyncio
async def test_cookies_belong_to_this_host_alone(tmp_path: Path) -> None:
    """By https they are Secure under __Host- names, for no script and for no other site's posts; and browsers stay by https."""
    async with house(tmp_path, agents=AGENTS) as home:
        config = home.world.directory.config
        assert config.web is not None
        secure = config.model_copy(update={"web": config.web.model_copy(update={"public_url": "https://desk.test"})})
        home.world.settler = Settler(Directory(secure, home.world.keyring), Renderer(template_folders(None)))
        browser = home.browser()
        first = await browser.client.get("/en/sign-in")
        visitor = first.headers["set-cookie"]
        secret = visitor.partition("=")[2].partition(";")[0]
        cookies = {"cookie": f"__Host-visitor={secret}", "sec-fetch-site": "same-origin"}
        token = form_token(secret)
        home.letters()
        await browser.client.post("/en/sign-in", data={"token": token, "address": LEA}, headers=cookies)
        letter = next(x for x in home.letters() if x.kind == "sign-in")
        link = next(line for line in letter.text.splitlines() if line.startswith("https://desk.test/"))
        entered = await browser.client.post(
            link.removeprefix("https://desk.test"), data={"token": token}, headers=cookies
        )
        session = entered.headers["set-cookie"]
        for cookie, called in ((visitor, "__Host-visitor="), (session, "__Host-session=")):
            assert cookie.startswith(called)
            parts = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
            assert not [part for part in parts if part.startswith("domain")]
        assert first.headers["strict-transport-security"].startswith("max-age=")
        # A cookie under the bare name, which any neighbour can set, is nobody.
        stolen = session.partition("=")[2].partition(";")[0]
        bare = await browser.client.get("/en/account", headers={"cookie": f"session={stolen}"})
        assert bare.status_code == 303
        kept = await browser.client.get("/en/account", headers={"cookie": f"__Host-session={stolen}"})
        assert kept.status_code == 200
