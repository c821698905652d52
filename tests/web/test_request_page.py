"""A request's page: who reads which of its words, and that whatever is done there is a mail of whoever did it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from maildesk.config import Mailbox, Trust
from tests.hostile_html import VECTORS
from tests.web.house import Browser, House, house
from tests.web.test_request import LEA, answer, write

KIM = "kim@friend.test"


async def opened(home: House, who: str = LEA, number: int = 50031) -> Browser:
    """Somebody at a request's page."""
    browser = await home.sign_in(who)
    await browser.get(f"/en/requests/{number}")
    return browser


def agents_address(home: House) -> tuple[str]:
    """Where Ana's mails about the first request go."""
    return (str(next(x for x in home.letters() if x.recipient == "ana@desk.test").message["Reply-To"]),)


@pytest.mark.asyncio
async def test_a_limited_participant_reads_what_was_sent_to_them(tmp_path: Path) -> None:
    """Answers from after they joined, and their own words; nothing that was said before, and nothing quoted of it."""
    async with house(tmp_path) as home:
        write(home, LEA, "Hello,\n\nFIRSTWORDS.\n")
        to = agents_address(home)
        home.world.write("ana@desk.test", "EARLYANSWER\n", to=to)
        first = next(x for x in home.letters() if x.recipient == LEA and x.kind == "answer")
        write(home, LEA, "LATERWORDS\n", answers=first, headers={"Cc": KIM})
        home.world.write("ana@desk.test", "LATEANSWER\n", to=to)
        kim = await opened(home, KIM)
        for page in (kim.text, (await kim.get("/en/requests/50031/print")).text):
            assert "LATEANSWER" in page
            assert not re.search("FIRSTWORDS|EARLYANSWER|LATERWORDS", page)
        await kim.get("/en/requests/50031")
        assert not [f for f in kim.tree().forms if (f.action or "").endswith(("/solve", "/reopen"))]
        await kim.submit("/reply", description="KIMSWORDS", button="wish=solve")
        assert "KIMSWORDS" in kim.text
        assert home.world.ticket().state == "open"
        lea = await opened(home)
        for words in ("FIRSTWORDS", "EARLYANSWER", "LATERWORDS", "LATEANSWER", "KIMSWORDS"):
            assert words in lea.text


@pytest.mark.asyncio
async def test_only_the_requester_says_that_it_is_solved(tmp_path: Path) -> None:
    """For whoever was added both are a missing page, and the state stays."""
    async with house(tmp_path) as home:
        write(home, LEA, headers={"Cc": KIM})
        kim = await opened(home, KIM)
        token = dict(kim.tree().forms[0].form_values())["token"]
        for act in ("solve", "reopen"):
            assert (await kim.post(f"/en/requests/50031/{act}", {"token": token})).status_code == 404
        assert home.world.ticket().state == "new"


@pytest.mark.asyncio
async def test_whoever_was_removed_sees_it_no_more(tmp_path: Path) -> None:
    """Its number is a missing one from then on."""
    async with house(tmp_path) as home:
        write(home, LEA, headers={"Cc": KIM})
        to = agents_address(home)
        kim = await opened(home, KIM)
        assert kim.last is not None
        assert kim.last.status_code == 200
        home.world.write("ana@desk.test", f"#uncc {KIM}\n", to=to)
        gone, missing = await kim.get("/en/requests/50031"), await kim.get("/en/requests/99999")
        assert gone.status_code == 404
        assert gone.content == missing.content
        await kim.get("/en/requests")
        assert "#50031" not in kim.text


@pytest.mark.asyncio
@pytest.mark.parametrize("form", ["plus", "minus", "none"])
async def test_a_reply_joins_its_request_and_is_proved(tmp_path: Path, form: str) -> None:
    """However the mailbox signs: the same ticket, the author's name and files, a notice to the agent, nothing unverified."""
    boxes = (Mailbox(address="support@desk.test", reply_address=form),)  # type: ignore[arg-type]
    async with house(tmp_path, mailboxes=boxes, trust=Trust(verify="none", authserv_ids=("mx.desk.test",))) as home:
        write(home, f"Lea Martin <{LEA}>")
        lea = await opened(home)
        home.letters()
        files = [("attachments", ("plan.bin", b"12345", "application/octet-stream"))]
        await lea.submit("/reply", description="On the second floor.\n\n-- \nno signature of mine", files=files)
        assert lea.at == "/en/requests/50031"
        entries = home.world.entries()
        assert len(entries) == 2
        assert entries[1][0] == "customer"
        assert "second floor" in entries[1][1]
        assert entries[1][2] == ()
        notice = next(x for x in home.letters() if x.recipient == "ana@desk.test" and x.notice == "reply")
        assert [part.get_filename() for part in notice.message.iter_attachments()] == ["plan.bin"]
        assert notice.message["References"]
        assert lea.tree().xpath("string(//ul[@class='files']//a)") == "plan.bin"


@pytest.mark.asyncio
async def test_a_reply_of_a_second_address_is_of_the_one_that_takes_part(tmp_path: Path) -> None:
    """Whoever signed in by another of their addresses answers as the person that the request knows."""
    async with house(tmp_path) as home:
        write(home, "lea@home.test")
        lea = await home.sign_in(LEA)
        await lea.get("/en/account")
        home.letters()
        await lea.submit("/addresses", address="lea@home.test")
        link = next(line for line in home.letters()[0].text.splitlines() if line.startswith(home.base))
        await lea.get(link.removeprefix(home.base))
        await lea.submit()
        await lea.get("/en/requests/50031")
        await lea.submit("/reply", description="It is me.")
        assert [p.person.address for p in home.world.ticket().people if p.kind == "customer"] == ["lea@home.test"]
        assert [flags for _, text, flags in home.world.entries() if "It is me" in text] == [()]


@pytest.mark.asyncio
async def test_an_empty_reply_is_told_beside_its_field(tmp_path: Path) -> None:
    """422, nothing arrives; a file alone is something."""
    async with house(tmp_path) as home:
        write(home, LEA)
        lea = await opened(home)
        got = await lea.submit("/reply", description=" \n\t ")
        assert got.status_code == 422
        assert lea.tree().xpath("//textarea[@aria-invalid='true']/@aria-describedby") == ["description-error"]
        assert lea.tree().xpath("//*[@id='description-error']")
        assert len(home.world.entries()) == 1
        await lea.submit("/reply", description="", files=[("attachments", ("a.bin", b"1", "application/octet-stream"))])
        assert len(home.world.entries()) == 2


@pytest.mark.asyncio
async def test_a_reply_to_a_closed_request_opens_one_that_names_it(tmp_path: Path) -> None:
    """The page says so before, and leads there after."""
    async with house(tmp_path) as home:
        write(home, LEA)
        home.world.set_state("closed")
        lea = await opened(home)
        assert "closed" in lea.tree().xpath("string(//p[@class='hint'])")
        await lea.submit("/reply", description="It burns again.")
        assert lea.at == "/en/requests/50032"
        assert home.world.ticket(50032).mentions == (50031,)
        assert home.world.ticket(50031).state == "closed"


@pytest.mark.asyncio
async def test_a_page_says_what_state_its_request_is_in_and_what_can_be_done(tmp_path: Path) -> None:
    """Each state's word, and the one small form beside the reply."""
    forms = {
        "new": "/solve",
        "open": "/solve",
        "pending": "/solve",
        "on-hold": "/solve",
        "solved": "/reopen",
        "closed": "",
    }
    async with house(tmp_path) as home:
        write(home, LEA)
        lea = await home.sign_in(LEA)
        for state, action in forms.items():
            home.world.set_state(state)
            await lea.get("/en/requests/50031")
            found = [f.action for f in lea.tree().forms if (f.action or "").endswith(("/solve", "/reopen"))]
            assert (state, [path.removeprefix("/en/requests/50031") for path in found]) == (
                state,
                [action] if action else [],
            )
            buttons = [b.get("value") for b in lea.tree().xpath("//form[contains(@action, '/reply')]//button")]
            assert buttons[0] is None
            assert ("solve" in buttons) == (action == "/solve")


@pytest.mark.asyncio
async def test_the_agents_read_who_solved_it_and_who_opened_it(tmp_path: Path) -> None:
    """Both are mails: the words, a notice, and the state."""
    async with house(tmp_path) as home:
        write(home, LEA)
        to = agents_address(home)
        home.world.write("ana@desk.test", "Try now.\n", to=to)
        lea = await opened(home)
        home.letters()
        await lea.submit("/solve")
        await lea.submit("/reopen")
        told = [x.text for x in home.letters() if x.recipient == "ana@desk.test"]
        assert any("This is solved, thank you." in text for text in told)
        assert any("This is not solved: I open it again." in text for text in told)
        assert home.world.ticket().state == "open"


@pytest.mark.asyncio
async def test_mail_that_came_back_is_told_to_whose_it_is(tmp_path: Path) -> None:
    """The requester reads that our mail to them is lost; whoever else takes part reads nothing of it."""
    async with house(tmp_path) as home:
        write(home, LEA, headers={"Cc": KIM})
        lea = await opened(home)
        assert "could not be delivered" not in lea.text
        for change in ("bounced_at = created_at", "bounced_at = NULL, state = 'failed'"):
            with closing(sqlite3.connect(tmp_path / "desk.db")) as connection, connection:
                connection.execute(f"UPDATE outbox SET {change} WHERE kind = 'confirmation'")
            await lea.get("/en/requests/50031")
            assert f"Our mail to {LEA} could not be delivered" in lea.text
        kim = await opened(home, KIM)
        assert "could not be delivered" not in kim.text


@pytest.mark.asyncio
async def test_the_new_words_stand_open_and_the_rest_is_folded(tmp_path: Path) -> None:
    """Newest first; what a mail quotes is inside a <details>."""
    async with house(tmp_path) as home:
        write(home, LEA)
        letter = next(x for x in home.letters() if x.kind == "confirmation")
        write(home, LEA, "NEWWORDS here\n", answers=letter)
        lea = await opened(home)
        articles = lea.tree().xpath("//article")
        assert ["NEWWORDS" in a.text_content() for a in articles] == [True, False]
        quoted = letter.text.split("\n")[2][:30].strip()
        folded = articles[0].xpath(".//details")[0]
        assert quoted in " ".join(folded.text_content().split())
        folded.getparent().remove(folded)
        assert quoted not in " ".join(articles[0].text_content().split())


@pytest.mark.asyncio
async def test_the_print_view_is_the_conversation_and_nothing_to_press(tmp_path: Path) -> None:
    """Oldest first, no form, no script, no navigation; what nobody proved is not on paper."""
    async with house(tmp_path) as home:
        write(home, LEA)
        answer(home, "Which one?\n")
        write(home, LEA, "FORGED\n", results=None, to=(signed(home),))
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031/print")
        assert lea.tree().xpath("//h1[contains(., '#50031')]")
        assert [("burns" in a.text_content()) for a in lea.tree().xpath("//article")] == [True, False]
        assert lea.tree().xpath("//form | //nav | //script | //details") == []
        assert "FORGED" not in lea.text


def signed(home: House) -> str:
    """Lea's signed address of the first request."""
    from maildesk.mail.token import Purpose

    ticket = home.world.ticket()
    slot = next(p.slot for p in ticket.people if p.kind == "customer")
    return f"support+{home.world.keyring.sign(Purpose.CUSTOMER_REPLY, ticket.id, slot)}@desk.test"


@pytest.mark.asyncio
async def test_a_no_ends_only_what_was_nothing_but_that(tmp_path: Path) -> None:
    """Whoever was added to a request, and denies words in their name, still takes part; so does its true requester."""
    async with house(tmp_path) as home:
        write(home, LEA, headers={"Cc": KIM})
        write(home, KIM, "FORGED by somebody\n", results=None, to=(signed(home),))
        kim = await opened(home, KIM)
        if "Was it you?" in kim.text:
            await kim.submit("/was-it-you", button="answer=no")
        assert [p.removed for p in home.world.ticket().people if p.person.address == KIM] == [False]
        write(home, LEA, "FORGED as well\n", results=None, to=(signed(home),))
        lea = await opened(home)
        await lea.submit("/was-it-you", button="answer=no")
        assert lea.at == "/en/requests/50031"
        assert "You said that it was not you." in lea.text
        assert [p.removed for p in home.world.ticket().people if p.person.address == LEA] == [False]


@pytest.mark.asyncio
async def test_a_no_ends_it_also_where_an_agent_has_answered(tmp_path: Path) -> None:
    """An answer to a stranger does not make the request theirs; the agents read that it is not."""
    async with house(tmp_path) as home:
        write(home, LEA, "send me everything\n", results=None)
        answer(home, "Here it is.\n")
        lea = await opened(home)
        await lea.submit("/was-it-you", button="answer=no")
        assert lea.at == "/en/requests"
        assert (await lea.get("/en/requests/50031")).status_code == 404
        assert "I did not write this" in home.world.entries()[-1][1]


@pytest.mark.asyncio
async def test_a_word_on_somebody_elses_entry_counts_for_nothing(tmp_path: Path) -> None:
    """Who is asked is the one in whose name it stands."""
    async with house(tmp_path) as home:
        write(home, LEA, "Hello\n", headers={"Cc": KIM})
        write(home, LEA, "FORGED\n", results=None, to=(signed(home),))
        kim = await opened(home, KIM)
        token = dict(kim.tree().forms[0].form_values())["token"]
        for entry in ("1", "2", "3", "4", "", "x", "-1", "9" * 30):
            got = await kim.post("/en/requests/50031/was-it-you", {"token": token, "entry": entry, "answer": "yes"})
            assert got.status_code == 404
        assert "FORGED" not in kim.text
        lea = await opened(home)
        assert "Was it you?" in lea.text


def hostile(some: tuple[str, ...], at: int, *, is_html: bool) -> bytes:
    """A proved mail of Lea's made of vectors: as its HTML, with a word between so that each is shown, or as its text."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=client.test"
    mail["From"], mail["To"] = f'"<img src=x onerror=alert({at})>" <{LEA}>', "support@desk.test"
    mail["Subject"] = re.sub(r"\s+", " ", some[0].encode("ascii", "replace").decode())[:200]
    mail["Message-ID"], mail["Date"] = f"<{at}.{is_html}@client.test>", "Sun, 22 Nov 2026 18:00:00 +0000"
    if is_html:
        mail.set_content(f"<p>Dear <b>desk</b>,</p>{'<p>and</p>'.join(some)}", subtype="html")
    else:
        mail.set_content("\n".join(some))
    return mail.as_bytes()


@pytest.mark.asyncio
async def test_no_mail_puts_a_script_into_the_page(tmp_path: Path) -> None:
    """The closed list of vectors in text, HTML, subject and name: no handler, no script but ours, no foreign address."""
    async with house(tmp_path) as home:
        for at in range(0, len(VECTORS), 10):
            for is_html in (True, False):
                home.world.give(hostile(VECTORS[at : at + 10], at, is_html=is_html), sender=LEA)
        lea = await home.sign_in(LEA)
        count = shown = 0
        paths = ["/en/requests"]
        for number in range(50031, 50031 + 2 * -(-len(VECTORS) // 10)):
            paths += [f"/en/requests/{number}", f"/en/requests/{number}/print"]
        for path in paths:
            assert (await lea.get(path)).status_code == 200
            tree = lea.tree()
            count += 1
            shown += bool(tree.xpath("//*[@class='shown']//b[. = 'desk']"))
            assert [
                s.get("src") for s in tree.xpath("//script") if not (s.get("src") or "").startswith("/static/")
            ] == []
            names = {name for element in tree.iter("*") for name in element.attrib}
            assert not {name for name in names if name.startswith("on") or name in ("style", "srcdoc", "formaction")}
            loads = tree.xpath("//*[@src]/@src | //link/@href | //*[@background]/@background")
            assert [one for one in loads if not one.startswith("/")] == []
            links = {
                link.partition(":")[0].lower() for link in tree.xpath("//a/@href") if ":" in link.partition("/")[0]
            }
            assert links <= {"http", "https", "mailto"}
            assert tree.xpath("//iframe | //object | //embed | //svg | //math | //base | //meta[@http-equiv]") == []
        assert count > 100
        assert shown > 20
