"""What an organisation shares: read by its proved people, by nobody else, and answered by none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildesk.config import Organisation
from tests.web.house import House, house
from tests.web.test_request import answer, write

LEA, TOM, BOB = "Lea Martin <lea@client.test>", "tom@client.test", "bob@other.test"
SHARED = (Organisation(name="Client Ltd", domains=("client.test", "client.example")),)


async def reads(home: House, who: str, number: int = 50031) -> int:
    """The status of a request's page for somebody who signs in."""
    browser = await home.sign_in(who)
    return (await browser.get(f"/en/requests/{number}")).status_code


@pytest.mark.asyncio
async def test_a_colleague_reads_and_answers_nothing(tmp_path: Path) -> None:
    """The list and the conversation are there; no form of it is, and what is posted all the same is a missing page."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, LEA, subject="Printer", attachments=(("plan.bin", b"12345"),))
        answer(home, "Which one?\n")
        tom = await home.sign_in(TOM)
        assert "Client Ltd" in tom.text
        await tom.get("/en/requests/organisation")
        assert [row.xpath("string(.//a)") for row in tom.tree().xpath("//tbody/tr")] == ["#50031"]
        assert "Lea Martin" in tom.text
        await tom.get("/en/requests/50031")
        assert "it burns." in tom.text
        assert "Which one?" in tom.text
        assert "@client.test" not in tom.text.replace(TOM, "")
        assert [form for form in tom.tree().forms if form.method == "POST"] == []
        file = tom.tree().xpath("//ul[@class='files']//a/@href")[0]
        assert (await tom.client.get(file)).content == b"12345"
        assert (await tom.get("/en/requests/50031/print")).status_code == 200
        await tom.get("/en/account")
        token = dict(tom.tree().forms[0].form_values())["token"]
        entries = home.world.entries()
        for act in ("reply", "solve", "reopen", "was-it-you"):
            done = await tom.post(f"/en/requests/50031/{act}", {"token": token, "description": "x", "entry": "1"})
            assert (act, done.status_code) == (act, 404)
        assert home.world.entries() == entries


@pytest.mark.asyncio
async def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Another domain, one below, one that ends alike: 404, the bytes of a missing number; and no list."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, LEA)
        for who in (BOB, "eve@x.client.test", "eve@notclient.test"):
            browser = await home.sign_in(who)
            foreign, missing = await browser.get("/en/requests/50031"), await browser.get("/en/requests/99999")
            assert foreign.status_code == 404
            assert foreign.content == missing.content
            assert (await browser.get("/en/requests/organisation")).content == missing.content


@pytest.mark.asyncio
async def test_all_domains_of_an_organisation_are_one(tmp_path: Path) -> None:
    """Whatever the letters' case; a request of somebody outside stays outside."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, "Lea@CLIENT.test")
        write(home, BOB)
        assert await reads(home, "kim@client.example", 50031) == 200
        assert await reads(home, "kim@client.example", 50032) == 404


@pytest.mark.asyncio
async def test_nothing_is_shared_unless_it_says_so(tmp_path: Path) -> None:
    """Without the table, and with shared = false, colleagues are strangers."""
    for folder, tables in (("a", ()), ("b", (SHARED[0].model_copy(update={"shared": False}),))):
        (tmp_path / folder).mkdir()
        async with house(tmp_path / folder, organisations=tables) as home:
            write(home, LEA)
            assert await reads(home, TOM) == 404


@pytest.mark.asyncio
async def test_what_nobody_proved_is_shared_with_nobody(tmp_path: Path) -> None:
    """A stranger who writes in a colleague's name puts nothing before the others, and asks nobody "was it you?"."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, LEA, subject="Pay this bill", results=None)
        write(home, LEA, subject="Real")
        letter = next(x for x in home.letters() if x.kind == "confirmation" and "50032" in str(x.message["Subject"]))
        write(home, TOM, "FORGED words\n", results=None, to=(str(letter.message["Reply-To"]),))
        tom = await home.sign_in(TOM)
        await tom.get("/en/requests/organisation")
        assert "Real" in tom.text
        assert "Pay this bill" not in tom.text
        assert (await tom.get("/en/requests/50031")).status_code == 404
        await tom.get("/en/requests/50032")
        assert "FORGED" not in tom.text


@pytest.mark.asyncio
async def test_whoever_was_removed_does_not_come_back_by_the_organisation(tmp_path: Path) -> None:
    """An agent's #uncc holds."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, LEA)
        answer(home, f"#cc {TOM}\nHello both.\n")
        assert await reads(home, TOM) == 200
        write(home, LEA, "Thanks.\n")
        home.letters()
        home.world.write("ana@desk.test", f"#uncc {TOM}\n", to=(signed(home, "ana@desk.test"),))
        assert [p.removed for p in home.world.ticket().people if p.person.address == TOM] == [True]
        assert await reads(home, TOM) == 404


@pytest.mark.asyncio
async def test_notes_and_what_quotes_hold_stay_inside(tmp_path: Path) -> None:
    """Marker tests: a note, a machine's absence notice, and the addresses in what a mail quotes."""
    async with house(tmp_path, organisations=SHARED) as home:
        write(home, LEA)
        answer(home, "#note\nMARKER of a note\n")
        first = "Fine.\n\nOn Sun, 22 Nov 2026, Max <MARKER@client.test> wrote:\n> MARKER\n"
        write(home, LEA, first, to=(signed(home, "lea@client.test"),))
        tom = await home.sign_in(TOM)
        for path in ("/en/requests/50031", "/en/requests/50031/print"):
            await tom.get(path)
            assert "Fine." in tom.text
            assert "MARKER" not in tom.text


@pytest.mark.asyncio
async def test_pages_of_the_list_hold_each_request_once(tmp_path: Path) -> None:
    """Newest first, 25 a page, by state as well; forged ones between them take no place."""
    async with house(tmp_path, organisations=SHARED) as home:
        for count in range(60):
            write(
                home,
                LEA,
                subject=f"Request {count}",
                results=None if count % 6 == 0 else "mx.desk.test; dmarc=pass header.from=client.test",
            )
        home.world.set_state("solved", 50032)
        tom = await home.sign_in(TOM)
        await tom.get("/en/requests/organisation")
        numbers: list[int] = []
        pages = 0
        while True:
            found = tom.tree().xpath("//tbody/tr/td[1]/a/text()")
            assert len(found) <= 25
            numbers += [int(text.strip("#")) for text in found]
            pages += 1
            older = tom.tree().xpath("//a[@rel='next']/@href")
            if not older:
                break
            await tom.get(older[0])
        assert numbers == sorted((n for n in range(50031, 50091) if (n - 50031) % 6), reverse=True)
        assert pages == 2
        await tom.get("/en/requests/organisation", state="solved")
        assert tom.tree().xpath("//tbody/tr/td[1]/a/text()") == ["#50032"]


def signed(home: House, who: str) -> str:
    """Somebody's own signed address of the first ticket."""
    from maildesk.mail.address import same
    from maildesk.mail.token import Purpose

    ticket = home.world.ticket()
    slot = next(p for p in ticket.people if same(p.person.address, who))
    purpose = Purpose.AGENT_REPLY if slot.kind == "agent" else Purpose.CUSTOMER_REPLY
    return f"support+{home.world.keyring.sign(purpose, ticket.id, slot.slot)}@desk.test"
