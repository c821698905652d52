"""T85: what a stranger's mail, or page, can do to those who read the help centre: nothing. In a real browser."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from email import policy
from email.header import Header
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Error

from maildesk.config import Web
from maildesk.mail.parse import understand
from maildesk.web.app import PAGE_POLICY
from maildesk.web.visitor import form_token
from tests.hostile_html import VECTORS, armed
from tests.hostile_words import WORDS
from tests.web.house import House, house
from tests.web.watch import Watched, engine, watched

LEA, BOB, ANA = "lea@client.test", "bob@client.test", "ana@desk.test"
# So many pieces of HTML in one mail, and so many mails in one request: the newest five are shown with their formatting.
IN_A_MAIL, IN_A_REQUEST = 12, 5
KEPT = "<p>and this is still here</p>"


@contextmanager
def elsewhere(pages: dict[str, tuple[str, bytes]] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Another server of this machine with pages and their policies by path; its address, and the paths that were asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            page, wanted = (pages or {}).get(self.path, ("", b""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if wanted:
                self.send_header("Content-Security-Policy", wanted.decode())
            self.end_headers()
            self.wfile.write(page.encode())

        do_POST = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def html_mail(home: House, pieces: list[str], subject: str) -> None:
    """A proved mail of Lea's that is HTML alone."""
    count = home.world._count = home.world._count + 1
    head = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: Lea <{LEA}>\r\n"
        f"To: support@desk.test\r\nSubject: {subject}\r\nMessage-ID: <h{count}@client.test>\r\n"
        "Date: Sun, 22 Nov 2026 18:00:00 +0000\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    )
    body = "\n".join(f"<p>number {n}</p>{piece}" for n, piece in enumerate(pieces))
    home.world.give(f"{head}{body}\r\n".encode(), sender=LEA)


def word_mail(home: House, author: str, name: str, subject: str, text: str, files: tuple[str, ...]) -> None:
    """A proved mail whose names, subject, text and file names are what a stranger wants them to be, encoded as they are."""

    def encoded(words: str) -> str:
        return Header(words.encode(), "utf-8").encode(linesep="\r\n", maxlinelen=200)

    count = home.world._count = home.world._count + 1
    mail = EmailMessage(policy=policy.SMTP)
    mail.set_content(text)
    for number, file in enumerate(files):
        mail.add_attachment(b"x%d" % number, maintype="text", subtype="html", filename=f"f{number}.html")
        part = list(mail.iter_attachments())[-1]
        del part["Content-Disposition"]
        part["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file, safe='')}"
    head = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\nFrom: {encoded(name)} <{author}>\r\n"
        f"To: support@desk.test\r\nCc: {LEA}, {BOB}\r\nSubject: {encoded(subject)}\r\nMessage-ID: <w{count}@client.test>\r\n"
        "Date: Sun, 22 Nov 2026 18:00:00 +0000\r\n"
    )
    home.world.give(head.encode() + bytes(mail), sender=author)


def is_alone(vector: str) -> bool:
    """Whether it swallows what comes after it, so that it needs a mail of its own."""
    mail = understand(f"Content-Type: text/html; charset=utf-8\r\n\r\n{vector}{KEPT}".encode())
    return mail.shown is None or KEPT not in mail.shown.html


def batches(vectors: list[str]) -> list[list[str]]:
    """Mails' worth of vectors: none of them hides another."""
    alone = [one for one in vectors if is_alone(one)]
    together = [one for one in vectors if one not in alone]
    return [together[at : at + IN_A_MAIL] for at in range(0, len(together), IN_A_MAIL)] + [[one] for one in alone]


@asynccontextmanager
async def two(home: House) -> AsyncIterator[tuple[Watched, Watched]]:
    """Lea and Ana, signed in, each at a browser."""
    lea, ana = await home.sign_in(LEA), await home.sign_in(ANA)
    async with (
        engine() as chromium,
        watched(chromium, home.base, lea) as one,
        watched(chromium, home.base, ana) as other,
    ):
        yield one, other


def test_there_are_five_hundred() -> None:
    """Pieces of HTML, and words in each of the four places of a mail that pages show."""
    assert len(set(WORDS)) == len(WORDS)
    assert len(VECTORS) + 4 * len(WORDS) >= 500


@pytest.mark.asyncio
async def test_the_watch_sees_what_it_looks_for() -> None:
    """The same vectors on a page that takes no care are seen, each of them by what it does: the policy, a request, a script."""
    pages = {
        "/script": ("<script>top.hit=1</script>", PAGE_POLICY),
        "/bare-script": ("<script>top.hit=1</script>", b"default-src *"),
        "/ran": ("<script>top.hit=1</script>", b""),
        "/handler": ("<img src=x onerror=top.hit=1>", b""),
        "/picture": ("<img src=http://127.0.0.2/x>", b""),
        "/link": ('<a href="javascript:1">x</a>', PAGE_POLICY),
        "/dialog": ("<svg onload=alert(1)>", b""),
    }
    with elsewhere(pages) as (base, _):
        async with engine() as browser, watched(browser, base) as seen:
            page = await seen.context.new_page()
            for path in pages:
                before = len(seen.faults)
                await seen.read(page, path)
                assert len(seen.faults) > before, path
            assert any("dialog" in one for one in seen.faults)
            assert any("asked http://127.0.0.2" in one for one in seen.faults)
            assert any("a script ran" in one for one in seen.faults)
            assert any("Content Security Policy" in one for one in seen.faults)


@pytest.mark.asyncio
async def test_html_in_mail_is_only_looked_at(tmp_path: Path) -> None:
    """Every vector as a customer's formatted words, and as an agent's text: nothing runs, nothing is asked of another server,
    and the policy has nothing to refuse."""
    with elsewhere() as (beacon, asked):
        async with house(tmp_path, web=Web(agents_read=True)) as home:
            mails = batches([armed(one, beacon) for one in VECTORS])
            groups = [mails[at : at + IN_A_REQUEST] for at in range(0, len(mails), IN_A_REQUEST)]
            numbers = range(50031, 50031 + len(groups))
            for number, group in zip(numbers, groups, strict=True):
                for at, pieces in enumerate(group):
                    html_mail(home, pieces, "Looks" if at == 0 else f"Re: [#{number}] Looks")
            shown = 0
            async with two(home) as (customer, agent):
                mine, theirs = await customer.context.new_page(), await agent.context.new_page()
                for number in numbers:
                    content, text = await asyncio.gather(
                        customer.read(mine, f"/en/requests/{number}"),
                        agent.read(theirs, f"/en/overview/requests/{number}"),
                    )
                    shown += content.count('class="shown"')
                    assert 'class="shown"' not in text
                assert customer.faults + agent.faults == []
            assert shown > len(mails) * 0.8
            assert asked == []


@pytest.mark.asyncio
async def test_words_are_words_wherever_they_stand(tmp_path: Path) -> None:
    """Hostile words as subject, name, text and file name, read by the customer, by somebody in Cc and by an agent; templates
    say them and never work them out."""
    with elsewhere() as (beacon, asked):
        words = [armed(one, beacon) for one in WORDS]
        async with house(tmp_path, web=Web(agents_read=True)) as home:
            # Two in a mail, so that half as many pages show them all.
            pairs = [words[at : at + 2] for at in range(0, len(words), 2)]
            for at, pair in enumerate(pairs):
                text = "".join(f"{word}\n\n> {word}\n\n- {word}\n\n" for word in pair)
                files = tuple(f"{word}{ending}" for word in pair for ending in ("", ".html"))
                word_mail(home, LEA, " ".join(pair[::-1]), " ".join(pair), text, files)
                # Somebody whom the customer added answers, under a name of their choice.
                if at % 2:
                    word_mail(home, BOB, " ".join(pair), f"Re: [#{home_numbers(home)[-1]}] x", text, files)
            numbers = [int(one) for one in home_numbers(home)]
            assert len(numbers) >= len(pairs)
            pages = [f"/en/requests?page={n}" for n in (1, 2)] + [f"/en/requests/{n}" for n in numbers]
            pages += [f"/en/requests/{n}/print" for n in numbers[::6]]
            staff = ["/en/overview", "/en/overview/queue"] + [f"/en/overview/requests/{n}" for n in numbers]
            async with two(home) as (customer, agent):
                read = await asyncio.gather(read_all(customer, pages), read_all(agent, staff))
                assert customer.faults + agent.faults == []
                # Each of them was there to be read, the other one's under their name.
                assert read[0].count('<article class="said') >= len(pairs) * 1.3
                assert len(re.findall(r'<h\d id="h\d+">[^<]*&lt;', read[0])) >= 3
                assert "{{7*7}}" in read[0]
                assert "{{7*7}}" in read[1]
                whole = "".join(read)
                assert not re.search(r">\s*49\s*<", whole)
                assert "There is no such page" not in whole
            assert asked == []


_ACTS = """
requests/50031/reply requests/50031/solve requests/50031/reopen requests/new sign-out account account/delete
account/sessions account/addresses sign-in articles/request-arrived/helpful
"""
ACTS = tuple(f"/en/{act}" for act in _ACTS.split())
SHAPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def dump(home: House) -> list[str]:
    """Everything that the store holds."""
    with closing(sqlite3.connect(home.world.folder / "desk.db")) as connection:
        return list(connection.iterdump())


@pytest.mark.asyncio
async def test_a_strangers_page_changes_nothing(tmp_path: Path) -> None:
    """Its forms are refused and the store is the same: even from another port of the same host, to which the browser sends
    the cookies, and even with a token that fits a cookie which that page has planted. It can neither read nor frame us."""
    async with house(tmp_path) as home:
        home.world.write(LEA)
        lea = await home.sign_in(LEA)
        await lea.get("/en/requests/50031")
        mine, planted = str(lea.client.cookies["visitor"]), "planted-by-another-port"
        fields = {"description": "Not mine", "sure": "yes", "session": "all", "name": "x", "address": "eve@evil.test"}
        before, pages = dump(home), {}
        for at, act in enumerate(ACTS):
            for token in ("", form_token(mine), form_token(planted)):
                hidden = "".join(
                    f'<input type=hidden name={k} value="{v}">' for k, v in {**fields, "token": token}.items()
                )
                form = f'<form id=f method=post enctype="{SHAPES[at % 3]}" action="{home.base}{act}">{hidden}</form>'
                pages[f"/{at}-{token[:8]}"] = (f"{form}<script>f.submit()</script>", b"")
        frames = "".join(
            f'<iframe src="{home.base}{path}"></iframe>' for path in ("/en/requests", "/en/requests/50031")
        )
        pages["/frames"] = (frames, b"")
        with elsewhere(pages) as (base, _):
            async with engine() as browser, watched(browser, home.base, lea) as seen:
                page = await seen.context.new_page()
                for host in ("127.0.0.1", "localhost"):
                    there = base.replace("127.0.0.1", host)
                    # To another site the browser gives no cookies at all; the strongest form of each act is enough there.
                    for path in list(pages)[:-1] if host == "127.0.0.1" else list(pages)[2:-1:3]:
                        visitor = planted if path.endswith(form_token(planted)[:8]) else mine
                        await seen.context.add_cookies([{"name": "visitor", "value": visitor, "url": home.base}])
                        async with page.expect_navigation(url=f"{home.base}/**") as going:
                            await page.goto(f"{there}{path}", wait_until="commit")
                        answer = await going.value
                        assert answer is not None
                        assert answer.status == 403, (path, answer.url)
                    await page.goto(f"{there}/frames", wait_until="load")
                    assert not [frame for frame in page.frames if "Printer" in await frame.content()]
                    read = """async url => { try { return await (await fetch(url, {credentials: 'include'})).text() }
                      catch { return 'refused' } }"""
                    assert await page.evaluate(read, f"{home.base}/en/requests") == "refused"
        assert dump(home) == before
        assert home.letters() == []


_KINDS = """
html htm xhtml svg svgz xml xsl xslt mml rss atom js mjs css json pdf swf hta mht ics vcf rtf docx xlsx exe bat lnk url
webloc desktop jar wasm zip png gif jpg webp bmp ico mp3 mp4 webm csv txt md php appcache
"""
KINDS = tuple(_KINDS.split())
# The file as whatever a page can load; whether a script ran.
_TAGS = """async url => {
  for (const [tag, name] of [['script', 'src'], ['img', 'src'], ['iframe', 'src'], ['object', 'data']])
    await new Promise(done => {
      const e = document.createElement(tag);
      e[name] = url; e.onload = e.onerror = done;
      setTimeout(done, 100);
      document.body.append(e);
    });
  return window.hit || null;
}"""
_TYPE_NAMES = """html=text/html htm=text/html xhtml=application/xhtml+xml svg=image/svg+xml xml=text/xml xsl=text/xsl
    mml=application/mathml+xml js=text/javascript mjs=text/javascript css=text/css json=application/json md=text/markdown
    pdf=application/pdf png=image/png gif=image/gif jpg=image/jpeg webp=image/webp ico=image/x-icon mht=multipart/related
    mp4=video/mp4 mp3=audio/mpeg webm=video/webm txt=text/plain csv=text/csv"""
_TYPES = dict(one.split("=") for one in _TYPE_NAMES.split())


@pytest.mark.asyncio
async def test_every_file_is_saved_and_none_is_opened(tmp_path: Path) -> None:
    """Files of more than forty types, each of them HTML with a script inside: Chromium saves them, under the name that the mail
    gave, and shows none; as a script, a style, a picture or a frame of a page they are nothing."""
    evil = b"<html xmlns='http://www.w3.org/1999/xhtml'><script>top.hit=1;alert(1)</script></html>"
    first = {"svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>top.hit=1</script></svg>", "js": b"top.hit=1"}
    async with house(tmp_path) as home:
        for at in range(0, len(KINDS), 12):
            mail = EmailMessage(policy=policy.SMTP)
            mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=client.test"
            mail["From"], mail["To"], mail["Subject"] = LEA, "support@desk.test", "Files"
            mail["Message-ID"] = f"<files{at}@client.test>"
            mail.set_content("Here they are.\n")
            for kind in KINDS[at : at + 12]:
                main, sub = _TYPES.get(kind, "application/octet-stream").split("/")
                content = first.get(kind, evil + b"<!-- %s -->" % kind.encode())
                mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=f"x.{kind}")
                list(mail.iter_attachments())[-1].replace_header("Content-Type", f"{main}/{sub}")
            home.world.give(bytes(mail), sender=LEA)
        lea = await home.sign_in(LEA)
        files: dict[str, str] = {}
        for number in home_numbers(home):
            await lea.get(f"/en/requests/{number}")
            files |= {a.text: a.get("href") for a in lea.tree().xpath('//ul[@class="files"]//a')}
        assert len(files) == len(KINDS) >= 40
        async with engine() as browser, watched(browser, home.base, lea) as seen:
            page = await seen.context.new_page()
            for name, path in files.items():
                async with page.expect_download() as waiting:
                    with pytest.raises(Error, match=r"Download is starting|ERR_ABORTED"):
                        await page.goto(home.base + path)
                download = await waiting.value
                assert download.suggested_filename == name
                await download.cancel()
            assert seen.faults == []
            await page.goto(f"{home.base}/en/requests")
            for name in ("x.js", "x.css", "x.svg", "x.html", "x.png", "x.mjs"):
                assert await page.evaluate(_TAGS, files[name]) is None
            assert not [one for one in seen.faults if "dialog" in one]


async def read_all(who: Watched, paths: list[str]) -> str:
    page = await who.context.new_page()
    return "".join([await who.read(page, path) for path in paths])


def home_numbers(home: House) -> list[int]:
    with closing(sqlite3.connect(home.world.folder / "desk.db")) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM tickets ORDER BY number")]


@pytest.mark.asyncio
async def test_what_is_typed_comes_back_as_words(tmp_path: Path) -> None:
    """Forms with what is wrong, searches, addresses and the account's name repeat hostile words as they are, and no more."""
    with elsewhere() as (beacon, asked):
        async with house(tmp_path) as home:
            lea = await home.sign_in(LEA)
            async with engine() as browser, watched(browser, home.base, lea) as seen:
                page = await seen.context.new_page()
                words = [armed(one, beacon) for one in WORDS]
                for at, word in enumerate(" ".join(words[at : at + 2]) for at in range(0, len(words), 2)):
                    asks = quote(word, safe="")
                    paths = (
                        f"/en/requests?q={asks}&state={asks}",
                        f"/en/articles?q={asks}",
                        f"/en/requests/new?subject={asks}&mailbox={asks}",
                        f"/en/sign-in?next={asks}",
                        f"/en/requests/address?address={asks}@x.test",
                        f"/en/articles/suggest?q={asks}",
                    )
                    await seen.read(page, paths[at % len(paths)])
                    if at % 3 == 0:
                        await seen.read(page, "/en/account")
                        await page.fill("input[name=name]", word)
                        await page.press("input[name=name]", "Enter")
                        await page.wait_for_url("**/account?done=saved")
                        await seen.read(page, "/en/requests/new")
                        await page.fill("input[name=subject]", word)
                        await page.fill("textarea[name=description]", " ")
                        await page.press("input[name=subject]", "Enter")
                        await page.wait_for_selector("#summary, .wrong")
                        assert not await page.evaluate("window.hit")
                # What was refused is refused with a status, which a browser notes; nothing else is.
                refused = re.compile(r"Failed to load resource: the server responded with a status of 422")
                assert [one for one in seen.faults if not refused.search(one)] == []
                cookies = {cookie["name"] for cookie in await seen.context.cookies()}
                assert cookies <= {"visitor", "session"}
            assert asked == []
