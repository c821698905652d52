"""The request form: what is typed becomes a mail and a ticket, is confirmed on the page and by mail, and is never lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from maildesk.store import tickets
from tests.web.house import Browser, House, house

FIELDS = {
    "address": "lea@client.test",
    "name": "Léa Martin",
    "subject": "L’imprimante brûle",
    "description": "Bonjour,\n\nau deuxième étage.\n",
}


async def send(browser: Browser, language: str = "fr", **fields: object) -> Browser:
    """A request from the form."""
    await browser.get(f"/{language}/requests/new")
    await browser.submit("/requests/new", **{**FIELDS, **fields})
    return browser


def tickets_of(home: House) -> list[dict[str, object]]:
    return [
        dict(r)
        for r in home.world.store.read(
            lambda tx: tx.list("tickets, newest first", state="", mailbox="", assignee="", limit=99)
        )
    ]


@pytest.mark.asyncio
async def test_a_request_is_confirmed_on_the_page_and_by_mail(tmp_path: Path) -> None:
    """The number stands in a status at once; the mail in the page's language bears it and no word of what was typed."""
    async with house(tmp_path) as home:
        browser = await send(home.browser())
        status = browser.tree().xpath('//*[@role="status"]')
        assert len(status) == 1
        assert "#50031" in status[0].text_content()
        assert "lea@client.test" in status[0].text_content()
        letters = home.letters()
        confirmation = next(x for x in letters if x.recipient == "lea@client.test")
        assert confirmation.message["Subject"] == "[#50031] Example Support"
        assert confirmation.message["Content-Language"] == "fr"
        assert "brûle" not in confirmation.text
        assert {x.recipient for x in letters if x.notice == "new"} == {"ana@desk.test", "ben@desk.test"}
        assert any("deuxième étage" in x.text for x in letters)


@pytest.mark.asyncio
async def test_the_receipt_stays_until_it_is_closed(tmp_path: Path) -> None:
    """It stands on every page of that browser, on no other's, and is gone when its button is pressed."""
    async with house(tmp_path) as home:
        browser, other = await send(home.browser()), home.browser()
        await browser.get("/fr/")
        assert "#50031" in browser.text
        await other.get("/fr/")
        assert "#50031" not in other.text
        await browser.submit("/close")
        assert "#50031" not in browser.text
        await browser.get("/fr/")
        assert "#50031" not in browser.text


@pytest.mark.asyncio
@pytest.mark.parametrize("field", ["address", "subject", "description"])
async def test_what_is_missing_is_said_beside_its_field_and_nothing_is_lost(tmp_path: Path, field: str) -> None:
    """The page is 422, the field is marked and described, and every other value stands where it was, files too."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        files = [("attachments", ("error.log", b"49\n" * 10, "text/plain"))]
        answer = await browser.submit("/requests/new", **{**FIELDS, field: " "}, files=files)
        assert answer.status_code == 422
        tree = browser.tree()
        wrong = tree.xpath(f'//*[@id="{field}"]')[0]
        assert wrong.get("aria-invalid") == "true"
        assert tree.xpath(f'//*[@id="{field}-error"]')
        form = next(f for f in tree.forms if (f.action or "").endswith("/requests/new"))
        values = dict(form.form_values())
        for name, value in FIELDS.items():
            if name != field:
                assert values[name].strip() == value.strip()
        assert "error.log" in browser.text
        await browser.submit("/requests/new", **{field: FIELDS[field]})
        assert "#50031" in browser.text
        notice = next(x for x in home.letters() if x.notice == "new")
        assert [a.get_filename() for a in notice.message.iter_attachments()] == ["error.log"]
        assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.asyncio
async def test_a_slip_is_asked_once_and_passes_when_it_is_meant(tmp_path: Path) -> None:
    """ "gmial.com" is asked about; the same address again is sent as it is, and the box takes the other one."""
    async with house(tmp_path) as home:
        browser = await send(home.browser(), "en", address="lea@gmial.com")
        assert "lea@gmail.com" in browser.text
        await browser.submit("/requests/new")
        assert "#50031" in browser.text
        second = await send(home.browser(), "en", address="lea@gmial.com")
        await second.submit("/requests/new", meant="lea@gmail.com")
        assert "lea@gmail.com" in second.text
        assert [t["requester_address"] for t in tickets_of(home)] == ["lea@gmail.com", "lea@gmial.com"]


@pytest.mark.asyncio
async def test_two_presses_are_one_request(tmp_path: Path) -> None:
    """The same form, sent twice at the same moment and once more later, is one ticket, and each shows its number."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        form = next(f for f in browser.tree().forms if (f.action or "").endswith("/requests/new"))
        values = {**dict(form.form_values()), **FIELDS}
        twin = Browser(home.base)
        twin.client.cookies = browser.client.cookies
        await asyncio.gather(browser.post("/en/requests/new", values), twin.post("/en/requests/new", values))
        await browser.post("/en/requests/new", values)
        await twin.close()
        assert "#50031" in browser.text
        assert len(tickets_of(home)) == 1


@pytest.mark.asyncio
async def test_our_own_addresses_are_refused(tmp_path: Path) -> None:
    """Whoever types the desk's address is told so."""
    async with house(tmp_path) as home:
        browser = await send(home.browser(), "en", address="support@desk.test")
        assert browser.last is not None
        assert browser.last.status_code == 422
        assert tickets_of(home) == []


@pytest.mark.asyncio
async def test_a_wrong_address_is_corrected_once(tmp_path: Path) -> None:
    """The request is the right address's, which gets the number; the wrong one has no place in it, and no second chance."""
    async with house(tmp_path) as home:
        browser = await send(home.browser(), "en", address="lae@client.test")
        home.letters()
        await browser.get("/en/requests/sent")
        link = browser.tree().xpath('//a[contains(@href, "/address")]/@href')[0]
        await browser.get(link)
        await browser.submit("/address", address="lea@client.test")
        assert "lea@client.test" in browser.text
        letters = home.letters()
        assert [x.recipient for x in letters] == ["lea@client.test"]
        assert letters[0].message["Subject"] == "[#50031] Example Support"
        ticket = home.world.store.read(lambda tx: tickets.find_ticket_by_number(tx, 50031))
        assert ticket is not None
        assert [p.person.address for p in ticket.readers] == ["lea@client.test"]
        assert (await browser.get(link)).status_code == 404


@pytest.mark.asyncio
async def test_a_form_that_stood_open_too_long_loses_nothing(tmp_path: Path) -> None:
    """Without its cookie the form comes back with what was typed, and a press sends it; nothing was done before."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        browser.client.cookies.clear()
        answer = await browser.submit("/requests/new", **FIELDS)
        assert answer.status_code == 403
        assert tickets_of(home) == []
        await browser.submit("/requests/new")
        assert "#50031" in browser.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "https://evil.test"},
    ],
)
async def test_another_sites_form_changes_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    """A POST from elsewhere is 403, even with the right token."""
    async with house(tmp_path) as home:
        browser = home.browser()
        await browser.get("/en/requests/new")
        form = next(f for f in browser.tree().forms if (f.action or "").endswith("/requests/new"))
        values = {**dict(form.form_values()), **FIELDS}
        answer = await browser.post("/en/requests/new", values, **headers)
        assert answer.status_code == 403
        assert tickets_of(home) == []
