"""T10: files and pictures of a request: whoever may read the entry gets them, no browser runs them, nobody guesses them."""

from __future__ import annotations

import re
import unicodedata
from email import policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote

import pytest

from maildesk.web.attachments import disposition
from tests.web.house import Browser, House, house
from tests.web.test_request import BOB, LEA, answer, write

KIM = "kim@friend.test"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(60))
# What browsers show, run, or hand to another program when a server names the type (T86).
_TYPES = """
text/html application/xhtml+xml image/svg+xml application/xml text/xml application/pdf text/css text/javascript
application/javascript application/x-shockwave-flash application/java-archive application/x-java-jnlp-file text/xsl
application/rss+xml application/atom+xml application/mathml+xml text/vtt application/x-msdownload application/hta
application/x-sh application/wasm application/ld+json application/manifest+json text/x-component message/rfc822
multipart/x-mixed-replace application/x-httpd-php text/calendar text/vcard application/vnd.ms-htmlhelp image/x-icon
font/woff2 audio/mpeg video/mp4 image/png image/webp text/plain text/csv application/zip application/vnd.ms-excel
"""
ACTIVE = tuple(_TYPES.split())
SAFE = {
    "application/pdf",
    "application/zip",
    "audio/mpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
    "video/mp4",
}
NAMES = [
    f"{before}{name}{after}"
    for name in (
        "con",
        "NUL.txt",
        "a/b",
        "..",
        ".htaccess",
        "x.exe",
        "фото.jpg",
        "a\u202egnp.exe",
        "a\u200bb",
        "LPT1.doc",
    )
    for before in ("", "../", "C:\\", ".", "\u2066", " ")
    for after in ("", ".html", '"; x="', "\r\nSet-Cookie: a=b", "é" * 200)
]


async def opened(home: House, who: str = LEA, number: int = 50031) -> Browser:
    """Somebody at a request's page."""
    browser = await home.sign_in(who)
    await browser.get(f"/en/requests/{number}")
    return browser


def files(browser: Browser) -> list[str]:
    """Where the page's files are."""
    return [str(link) for link in browser.tree().xpath("//ul[@class='files']//a/@href")]


def mail_of(*parts: tuple[str, str, bytes], markup: str = "", results: str = "pass") -> bytes:
    """A proved mail of Lea's with files (name, type, content), shown in place where the markup says cid:NAME."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["Authentication-Results"] = f"mx.desk.test; dmarc={results} header.from=client.test"
    mail["From"], mail["To"], mail["Subject"] = LEA, "support@desk.test", "Files"
    mail["Message-ID"], mail["Date"] = "<files@client.test>", "Sun, 22 Nov 2026 18:00:00 +0000"
    mail.set_content("See these.\n")
    if markup:
        mail.add_alternative(markup, subtype="html")
    for name, kind, content in parts:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, "application", "octet-stream", filename=name, cid=f"<{name}>")
        attached = list(mail.iter_attachments())[-1]
        attached.replace_header("Content-Type", f"{main}/{sub}")
    return mail.as_bytes()


@pytest.mark.asyncio
async def test_no_type_runs_in_a_browser(tmp_path: Path) -> None:
    """Forty types: each is saved under its name, sandboxed, and called by a harmless type or by none."""
    assert len(ACTIVE) == 40
    async with house(tmp_path) as home:
        sent = {f"f{i}.bin": (kind, f"<script>alert({i})</script>".encode()) for i, kind in enumerate(ACTIVE)}
        home.world.give(mail_of(*((name, kind, body) for name, (kind, body) in sent.items())), sender=LEA)
        browser = await home.sign_in(LEA)
        seen = set()
        for path in browser.tree().xpath("//tbody//a/@href"):
            await browser.get(path)
            for link in files(browser):
                got = await browser.client.get(link)
                name = got.headers["content-disposition"].partition('"')[2].partition('"')[0]
                assert got.headers["content-disposition"].startswith("attachment; filename=")
                assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
                assert got.headers["x-content-type-options"] == "nosniff"
                assert got.headers["cross-origin-resource-policy"] == "same-origin"
                assert got.headers["cache-control"] == "no-store"
                assert got.headers["content-type"].partition(";")[0] in {*SAFE, "application/octet-stream"}
                if name in sent and sent[name][0] not in {"message/rfc822", "multipart/x-mixed-replace"}:
                    assert got.content == sent[name][1]
                    seen.add(name)
        assert len(seen) >= 38


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_everywhere(name: str) -> None:
    """300 names (T87): one header line, in ASCII, and the file is called what no system takes for anything else."""
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    found = re.fullmatch(r"attachment; filename=\"([^\"\\/]+)\"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)", header)
    assert found is not None, header
    for one in (found[1], unquote(found[2])):
        assert 1 <= len(one) <= 150
        assert not set(one) & set('/\\:*?"<>|%')
        assert not one.startswith((".", " "))
        assert not re.match(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", one, re.IGNORECASE)
        assert not [c for c in one if unicodedata.category(c) in ("Cc", "Cf", "Cs")]


@pytest.mark.asyncio
async def test_a_file_is_only_where_it_belongs(tmp_path: Path) -> None:
    """Another's session, no session, another number of one's own, a wrong digest or row: no file, the same 404."""
    async with house(tmp_path) as home:
        write(home, LEA, attachments=(("plan.bin", b"12345"),))
        write(home, LEA, subject="Other")
        write(home, BOB)
        lea, bob, nobody = await opened(home), await home.sign_in(BOB), home.browser()
        link = files(lea)[0]
        assert (await lea.client.get(link)).content == b"12345"
        key = link.split("/")[5]
        row, _, digest = key.partition("-")
        missing = (await lea.get("/en/requests/99999")).content
        for path in (
            f"/en/requests/50032/files/{key}",
            f"/en/requests/50033/files/{key}",
            f"/en/requests/50031/files/{row}-{'0' * 32}",
            f"/en/requests/50031/files/{int(row) + 1}-{digest}",
            f"/en/requests/50031/files/{row}",
            f"/en/requests/50031/files/{row}-",
            f"/en/requests/50031/files/{row}-{digest[:31]}",
            f"/en/requests/50031/files/{digest}",
        ):
            got = await lea.client.get(path)
            assert (path, got.status_code) == (path, 404)
            assert got.content == missing
        assert (await bob.client.get(link)).status_code == 404
        assert (await nobody.client.get(link)).status_code == 404


@pytest.mark.asyncio
async def test_a_limited_participant_has_no_files(tmp_path: Path) -> None:
    """Not the requester's, and not those of the answers that they got; the requester has both."""
    async with house(tmp_path) as home:
        write(home, LEA, attachments=(("plan.bin", b"12345"),), headers={"Cc": KIM})
        answer(home, "See this.\n", attachments=(("answer.bin", b"67890"),))
        lea, kim = await opened(home), await opened(home, KIM)
        assert "See this." in kim.text
        assert files(kim) == []
        assert [(await lea.client.get(link)).content for link in files(lea)] == [b"67890", b"12345"]
        for link in files(lea):
            assert (await kim.client.get(link)).status_code == 404


@pytest.mark.asyncio
async def test_what_nobody_proved_gives_no_file(tmp_path: Path) -> None:
    """Neither link nor bytes before "yes"; both after it."""
    async with house(tmp_path) as home:
        home.world.give(mail_of(("a.png", "image/png", PNG), results="none"), sender=LEA)
        lea = await opened(home)
        assert "Was it you?" in lea.text
        assert files(lea) == []
        assert b"files/" not in lea.last.content  # type: ignore[union-attr]
        assert (await lea.client.get("/en/requests/50031/pictures/1-0")).status_code == 404
        await lea.submit("/was-it-you", button="answer=yes")
        assert [(await lea.client.get(link)).content for link in files(lea)] == [PNG]


@pytest.mark.asyncio
async def test_pictures_stand_in_their_place_and_only_pictures_do(tmp_path: Path) -> None:
    """The HTML loads them from our own page; what calls itself one and is none is missing there."""
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    markup = '<p>See <b>these</b>.</p><img src="cid:a.png" alt="shot"><img src="cid:b.png"><img src="https://spy.test/x.gif">'
    async with house(tmp_path) as home:
        home.world.give(mail_of(("a.png", "image/png", PNG), ("b.png", "image/png", svg), markup=markup), sender=LEA)
        lea = await opened(home)
        sources = [str(s) for s in lea.tree().xpath("//article//img/@src")]
        assert len(sources) == 1
        assert lea.tree().xpath("string(//article//b)") == "these"
        got = await lea.client.get(sources[0])
        assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
        assert "sandbox" in got.headers["content-security-policy"]
        assert b"spy.test" not in lea.last.content  # type: ignore[union-attr]
        base, _, place = sources[0].rpartition("-")
        for path in (f"{base}-{1 - int(place)}", f"{base}-9", f"{base}--1", f"{base}-", base, f"{base}-0x0"):
            assert (path, (await lea.client.get(path)).status_code) == (path, 404)
        bob = await home.sign_in(BOB)
        assert (await bob.client.get(sources[0])).status_code == 404


@pytest.mark.asyncio
async def test_a_large_file_comes_whole(tmp_path: Path) -> None:
    """A mail too large to keep at hand is read again for its file; the page shows its text."""
    content = bytes(range(256)) * 12_000
    async with house(tmp_path) as home:
        write(home, LEA, attachments=(("large.bin", content),))
        lea = await opened(home)
        assert "it burns." in lea.text
        assert (await lea.client.get(files(lea)[0])).content == content
