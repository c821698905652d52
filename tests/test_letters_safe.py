"""What a stranger's HTML can do in the notice that an agent opens: nothing. In a real browser, with a server that listens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from maildesk.mail.parse import understand
from maildesk.mail.shown import cleaned
from maildesk.render import Renderer, template_folders
from maildesk.samples import sample
from tests.hostile_html import VECTORS, armed
from tests.servers.chromium import chromium

RENDERER = Renderer(template_folders(None))
# One page for so many vectors: what one of them does is seen, and the list of suspects stays short.
A_PAGE = 40
PAGE = "http://notice.test/"
ALLOWED = {
    *("href", "rel", "src", "alt", "width", "start", "type", "border", "cellpadding", "cellspacing"),
    *("colspan", "rowspan", "align", "dir"),
}
# Elements inside what is shown, with names and attributes; whether anything ran.
_LOOK = """() => ({
  hit: window.hit || 0,
  elements: [...document.querySelectorAll('.shown *')].map(e => [e.localName, e.namespaceURI,
    Object.fromEntries([...e.attributes].map(a => [a.name, a.value]))]),
})"""


class Beacon:
    """A port of this machine that counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@contextmanager
def beacon() -> Iterator[Beacon]:
    found = Beacon()
    try:
        yield found
    finally:
        found.close()


def opened(browser: Browser, html: str) -> dict[str, Any]:
    """What happens when the page is read: scripts that ran, dialogs, every request but the one for the page itself."""
    context = browser.new_context(viewport={"width": 800, "height": 600})
    page = context.new_page()
    requests: list[str] = []
    dialogs: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url == PAGE:
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        else:
            requests.append(route.request.url)
            route.continue_()

    context.route("**/*", answer)
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    try:
        page.goto(PAGE, wait_until="load")
        # A reader's hand: the pointer over the page, the keyboard through it.
        page.mouse.move(50, 50)
        page.mouse.move(300, 300)
        page.keyboard.press("Tab")
        return {**page.evaluate(_LOOK), "requests": requests, "dialogs": dialogs}
    finally:
        context.close()


def notice(html: str) -> str:
    """The page an agent sees of a mail with this HTML."""
    mail = understand(f"From: lea@x.test\nTo: s@x.test\nContent-Type: text/html; charset=utf-8\n\n{html}".encode())
    view = replace(sample("new", "en"), text=mail.text, html=mail.shown.html if mail.shown else "")
    return RENDERER.render("new", view).html


def said(page: str) -> str:
    """The part of a notice that is the person's."""
    begin = page.index('<div class="said"')
    return page[begin : page.index("Attachments:", begin)]


def test_the_vectors_bite() -> None:
    """The table is as long as it says, and none stands in it twice."""
    assert len(set(VECTORS)) == len(VECTORS) >= 300


def test_unclean_vectors_are_seen(browser: Browser) -> None:
    """The browser, the server and the traps work: as they are, vectors run scripts and ask the server."""
    with beacon() as server:
        html = "".join(f"<div>{armed(one, server.url)}</div>" for one in VECTORS[:12])
        seen = opened(browser, f"<!DOCTYPE html><body><div class=shown>{html}<img src={server.url}/x></div>")
        assert (seen["hit"], bool(seen["dialogs"]), bool(seen["requests"]), server.visits > 0) == (1, True, True, True)


@pytest.mark.parametrize("way", ["the notice of a mail", "the sanitiser alone"])
def test_no_vector_runs_or_tells_a_server(browser: Browser, way: str) -> None:
    """No script, no dialog, no request, no element or attribute outside the closed list, nothing over the page (T85)."""
    with beacon() as server:
        for at in range(0, len(VECTORS), A_PAGE):
            batch = [f"<p>before</p>{armed(one, server.url)}" for one in VECTORS[at : at + A_PAGE]]
            if way == "the sanitiser alone":
                body = "".join(f'<div class="shown">{cleaned(one)}</div>' for one in batch)
            else:
                body = "".join(f"{said(notice(one))}</div>" for one in batch)
            seen = opened(browser, f"<!DOCTYPE html><html><body>{body}</body></html>")
            assert (seen["hit"], seen["dialogs"], seen["requests"]) == (0, [], []), VECTORS[at : at + A_PAGE]
            assert len(seen["elements"]) > 10
            for name, namespace, attributes in seen["elements"]:
                assert namespace == "http://www.w3.org/1999/xhtml", name
                assert set(attributes) <= ALLOWED, (name, attributes)
                assert attributes.get("src", "cid:").startswith("cid:"), attributes
                assert attributes.get("href", "https://").lower().startswith(("http://", "https://", "mailto:")), (
                    attributes
                )
        assert server.visits == 0


def test_most_vectors_are_shown_as_html() -> None:
    """What is hostile is taken out; the words around it keep their formatting, so that the test above shows something."""
    mails = [
        understand(f"From: a@x.test\nContent-Type: text/html\n\n<p>before</p>{armed(one, 'http://b.test')}".encode())
        for one in VECTORS
    ]
    assert sum(mail.shown is not None for mail in mails) > len(mails) * 0.8
