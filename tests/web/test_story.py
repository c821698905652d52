"""The whole story in a real browser, with the real daemon and a real relay behind it: asked, confirmed, answered, solved."""

from __future__ import annotations

import email
import json
import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.servers.chromium import chromium
from tests.servers.desk import REPOSITORY, Desk, free_port
from tests.servers.sink import Sink
from tests.wait import until

LEA = "lea@client.test"
WORDS = {
    "en": {
        "send": "Send",
        "new": "Received",
        "pending": "Waiting for you",
        "solved": "Solved",
        "done": "Mark as solved",
    },
    "fr": {
        "send": "Envoyer",
        "new": "Reçue",
        "pending": "En attente de votre réponse",
        "solved": "Résolue",
        "done": "Marquer comme résolue",
    },
}


@contextmanager
def help_centre(folder: Path) -> Iterator[tuple[Desk, Sink, str]]:
    """A desk with SMTP, a relay that keeps what it gets, and the web."""
    port = free_port()
    with Sink() as sink, Desk(folder, sink.port, tables=f'[web]\nlisten = "127.0.0.1:{port}"') as desk:
        yield desk, sink, f"http://127.0.0.1:{port}"


def letters(sink: Sink, to: str) -> list[EmailMessage]:
    """What the relay has for somebody, in order."""
    found = (email.message_from_bytes(one.raw, policy=policy.default) for one in sink.mails if one.recipients == (to,))
    return [one for one in found if isinstance(one, EmailMessage)]


def text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def sign_in(page: Page, sink: Sink, base: str, language: str, *, by_code: bool) -> None:
    """By the link of the mail, or by its code."""
    seen = len(letters(sink, LEA))
    page.goto(f"{base}/{language}/sign-in")
    page.locator("#address").fill(LEA)
    page.locator("main form button").first.click()
    until(lambda: len(letters(sink, LEA)) > seen)
    letter = text(letters(sink, LEA)[-1])
    link = next(line for line in letter.splitlines() if line.startswith(base))
    assert link == max(re.findall(r"https?://\S+", letter), key=len)
    if by_code:
        page.locator("#code").fill(next(word for word in letter.split() if re.fullmatch(r"\d{6}", word)))
    else:
        page.goto(link)
    assert page.locator("main form").count() == 1
    page.locator("main form button").first.click()
    page.wait_for_url(f"{base}/{language}/requests")


def answer(desk: Desk, notice: EmailMessage, words: str) -> None:
    """The agent answers a notice from their mail program, proved by their own server."""
    reply = EmailMessage()
    reply["From"], reply["To"] = "Ana Lima <ana@desk.test>", str(notice["Reply-To"])
    reply["Subject"], reply["Message-ID"] = f"Re: {notice['Subject']}", f"<{abs(hash(words))}@desk.test>"
    reply["In-Reply-To"] = str(notice["Message-ID"])
    reply["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=desk.test"
    reply.set_content(words)
    with smtplib.SMTP("127.0.0.1", desk.smtp_port) as client:
        client.sendmail("ana@desk.test", [str(notice["Reply-To"])], reply.as_bytes())


def ticket(desk: Desk) -> dict[str, Any]:
    """What `maildesk ticket` says."""
    command = [sys.executable, "-m", "maildesk", "ticket", "50031", "--json", "--config", str(desk.config)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=REPOSITORY)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize(
    ("language", "scripts", "width", "by_code"),
    [("en", True, 1280, False), ("fr", False, 390, True), ("en", False, 1280, True), ("fr", True, 390, False)],
)
def test_from_the_form_to_solved(
    tmp_path: Path, browser: Browser, language: str, scripts: bool, width: int, by_code: bool
) -> None:
    """With and without scripts, at a desk and on a phone, in English and French: the same."""
    words = WORDS[language]
    with help_centre(tmp_path) as (desk, sink, base):
        context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
        page = context.new_page()
        page.goto(f"{base}/{language}/requests/new")
        page.locator("#address").fill(LEA)
        page.locator("#name").fill("Léa Martin")
        page.locator("#subject").fill("L’imprimante brûle")
        page.locator("#description").fill("Bonjour,\n\nau deuxième étage.")
        page.set_input_files("#attachments", [{"name": "été.txt", "mimeType": "text/plain", "buffer": b"49"}])
        page.get_by_role("button", name=words["send"], exact=True).click()
        status = page.locator("[role=status]").first
        assert "#50031" in status.inner_text()
        assert LEA in status.inner_text()
        box = status.bounding_box()
        assert box is not None
        if width > 1000:
            assert box["x"] > width / 2
            assert box["x"] + box["width"] > width - 40
            assert box["y"] < 200
        until(lambda: len(letters(sink, LEA)) == 1)
        confirmation = letters(sink, LEA)[0]
        assert confirmation["Subject"] == "[#50031] Example Support"
        assert confirmation["Content-Language"] == language
        until(lambda: len(letters(sink, "ana@desk.test")) == 1)

        sign_in(page, sink, base, language, by_code=by_code)
        row = page.locator("tbody tr")
        assert "#50031" in row.inner_text()
        assert words["new"] in row.inner_text()
        page.get_by_role("link", name="#50031").click()
        assert "au deuxième étage." in page.locator("main").inner_text()
        with page.expect_download() as download:
            page.get_by_role("link", name="été.txt").click()
        assert Path(download.value.path()).read_bytes() == b"49"

        answer(desk, letters(sink, "ana@desk.test")[0], "Which printer do you mean?\n")
        until(lambda: any("Which printer" in text(one) for one in letters(sink, LEA)))
        page.reload()
        assert "Which printer do you mean?" in page.locator("main").inner_text()
        assert words["pending"] in page.locator("main").inner_text()
        assert "ana@desk.test" not in page.content()

        page.locator("#description").fill("The large one.")
        page.get_by_role("button", name=words["send"], exact=True).click()
        assert "The large one." in page.locator("article").first.inner_text()
        until(lambda: any("The large one." in text(one) for one in letters(sink, "ana@desk.test")))
        told = next(one for one in letters(sink, "ana@desk.test") if "The large one." in text(one))
        # RFC 5322, 3.6.4: in the agent's program it stands below the first notice.
        assert set(str(told["References"]).split()) & set(str(letters(sink, "ana@desk.test")[0]["References"]).split())

        page.get_by_role("button", name=words["done"], exact=True).click()
        assert words["solved"] in page.locator("main").inner_text()
        found = ticket(desk)
        assert found["state"] == "solved"
        assert [entry["via"] for entry in found["entries"] if entry["kind"] == "customer"] == ["web"] * 3
        assert [entry["flags"] for entry in found["entries"] if entry["kind"] == "customer"][1:] == [[], []]
        context.close()


def test_everything_is_done_by_keyboard(tmp_path: Path, browser: Browser) -> None:
    """Tab, type and Enter send a request and close its notice; what has the focus is seen."""
    with help_centre(tmp_path) as (_, _, base):
        page = browser.new_page()
        page.goto(f"{base}/en/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"

        def tab_to(what: str) -> None:
            for _ in range(40):
                if page.evaluate(f"document.activeElement.matches({json.dumps(what)})"):
                    style = "getComputedStyle(document.activeElement)"
                    assert page.evaluate(f"{style}.outlineStyle") != "none"
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"no Tab leads to {what}")

        tab_to('a[href="/en/requests/new"]')
        page.keyboard.press("Enter")
        page.wait_for_url(f"{base}/en/requests/new")
        for field, words in (("address", LEA), ("subject", "Fire"), ("description", "It burns.")):
            tab_to(f"#{field}")
            page.keyboard.type(words)
        tab_to("main form > p > button")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{base}/en/requests/sent")
        tab_to("button.close")
        page.keyboard.press("Enter")
        until(lambda: page.locator(".receipt").count() == 0)
        page.close()
