"""A desk with its help centre in this process: real store, worker and web door on a free port; letters stay in the outbox."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from lxml import html

from maildesk.articles import Articles, folders_of
from maildesk.config import Web
from maildesk.desk.model import StandingStill
from maildesk.inbox import Inbox
from maildesk.render import template_folders
from maildesk.web.brakes import Brakes
from maildesk.web.door import WebDoor
from maildesk.web.mails import Mails
from maildesk.web.pages import Pages, make_pages
from maildesk.web.visit import Site
from maildesk.worker import Worker
from tests.desk.world import Letter, World


async def _all_well() -> tuple[StandingStill, ...]:
    return ()


def site(folder: Path | None = None) -> Site:
    """A site whose store nobody has opened: for what needs pages alone."""
    place = folder or Path(tempfile.gettempdir())
    pages = Pages(template_folders(None), ("en", "fr"), ZoneInfo("Europe/Paris"), {"brand.css": b""})
    unused: Any = None

    async def settled(_mail_id: int, _within_s: float) -> None:
        return None

    return Site(
        store=unused,
        inbox=unused,
        settler=lambda: _Settler(place),  # type: ignore[return-value,arg-type]
        pages=lambda: pages,
        settled=settled,
        wake_relay=lambda: None,
        brakes=Brakes(),
        mails=unused,
        articles=unused,
    )


class _Settler:
    """Just enough of a configuration for answers without pages of the store."""

    def __init__(self, folder: Path) -> None:
        from maildesk.config import Config, Desk, Mailbox, Relay
        from maildesk.desk.directory import Directory
        from maildesk.mail.token import Keyring

        config = Config(
            desk=Desk(name="Example Support", state_dir=folder),
            mailbox=(Mailbox(address="support@desk.test"),),
            relay=Relay(host="127.0.0.1"),
            web=Web(),
        )
        self.directory = Directory(config, Keyring("desk.test", 0, {0: bytes(32)}))


@dataclass
class Browser:
    """Somebody at a page: keeps cookies, fills in forms by their labels' names, and never runs a script."""

    base: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(base_url=self.base, headers=self.headers, timeout=30)
        self.at = ""
        self.last: httpx.Response | None = None

    async def get(self, path: str, **query: str) -> httpx.Response:
        """The page, redirects followed."""
        self.last = await self.client.get(path, params=query or None, follow_redirects=True)
        self.at = str(self.last.url.path)
        return self.last

    def tree(self) -> Any:
        """The page that is open."""
        assert self.last is not None
        return html.fromstring(self.last.text)

    @property
    def text(self) -> str:
        """What stands on the page, white space folded."""
        return " ".join(self.tree().find("body").text_content().split())

    async def submit(
        self, action: str = "", *, files: dict[str, Any] | list[Any] | None = None, button: str = "", **fields: Any
    ) -> httpx.Response:
        """Fill in the form whose action ends so (the page's first POST form for "") and press its button."""
        forms = [f for f in self.tree().forms if f.method == "POST" and (f.action or "").endswith(action)]
        form = next((f for f in forms if "receipts" not in (f.action or "")), forms[0])
        values: dict[str, Any] = {}
        for name, value in form.form_values():
            values.setdefault(name, []).append(value)
        values |= fields
        if button:
            name, _, value = button.partition("=")
            values[name] = value
        return await self.post(form.action or self.at, values, files=files)

    async def post(self, path: str, values: dict[str, Any], *, files: Any = None, **headers: str) -> httpx.Response:
        """A POST as a browser on our own page sends it, redirects followed."""
        sent = {"sec-fetch-site": "same-origin", **headers}
        self.last = await self.client.post(path, data=values, files=files, headers=sent, follow_redirects=True)
        self.at = str(self.last.url.path)
        return self.last

    async def close(self) -> None:
        await self.client.aclose()


@dataclass
class House:
    """One desk with its web door. world: its store and rules; base: "http://127.0.0.1:PORT"."""

    world: World
    base: str
    site: Site
    worker: Worker
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, **headers: str) -> Browser:
        """Another browser, without cookies."""
        self.browsers.append(Browser(self.base, headers))
        return self.browsers[-1]

    def letters(self) -> list[Letter]:
        """What was written to anybody since the last look."""
        return self.world.letters()

    async def sign_in(self, address: str, browser: Browser | None = None, language: str = "en") -> Browser:
        """Somebody signed in by the link of their mail."""
        browser = browser or self.browser()
        self.letters()
        await browser.get(f"/{language}/sign-in")
        await browser.submit("/sign-in", address=address)
        letter = next(x for x in self.letters() if x.kind == "sign-in")
        link = next(line for line in letter.text.splitlines() if line.startswith(self.base))
        await browser.get(link.removeprefix(self.base))
        await browser.submit()
        return browser


@asynccontextmanager
async def house(folder: Path, web: Web | None = None, **world: Any) -> AsyncIterator[House]:
    """A desk that is open; closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    # As the desk's own: of a socket without its protocol asyncio does not do so by itself, and each answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    opened = World(folder, web=(web or Web()).model_copy(update={"public_url": base}), **world)
    pages = make_pages(opened.directory.config)
    assert opened.directory.config.web is not None
    known = Articles(folders_of(opened.directory.config.web.articles), opened.languages)
    worker = Worker(opened.store, lambda: opened.settler, lambda: None)
    inbox = Inbox(opened.store, lambda: opened.directory, folder, worker.wake)
    site = Site(
        store=opened.store,
        inbox=inbox,
        settler=lambda: opened.settler,
        pages=lambda: pages,
        settled=worker.settled,
        wake_relay=lambda: None,
        brakes=Brakes(),
        mails=Mails(opened.store, opened.languages),
        articles=lambda: known,
    )
    door = WebDoor(listener, _all_well, site)
    stop = asyncio.Event()
    work = asyncio.create_task(worker.run(stop))
    await door.start()
    found = House(opened, base, site, worker)
    try:
        yield found
    finally:
        for browser in found.browsers:
            await browser.close()
        await door.close()
        stop.set()
        await work
        opened.close()
