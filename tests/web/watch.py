"""A browser that is watched: what ran, what was asked of others, what the policy refused. Chromium in the test's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.web import house

# What a page of ours never holds, wherever it came from: it would run, load or lead elsewhere once somebody touched it.
_ODD = """() => [...document.querySelectorAll('*')].flatMap(e => {
  const found = [], name = e.localName, here = location.origin;
  const svg = e.namespaceURI === 'http://www.w3.org/2000/svg' && e.closest('svg.plot');
  if (!svg && e.namespaceURI !== 'http://www.w3.org/1999/xhtml') found.push(name + ' of ' + e.namespaceURI);
  if (['iframe', 'frame', 'object', 'embed', 'base', 'style', 'applet', 'portal', 'template'].includes(name)) found.push(name);
  if (name === 'meta' && e.httpEquiv) found.push('meta ' + e.httpEquiv);
  for (const a of e.attributes) {
    if (a.name.startsWith('on') || ['style', 'srcdoc', 'srcset', 'ping', 'target'].includes(a.name))
      found.push(name + ' ' + a.name);
    if (['src', 'action', 'formaction', 'href', 'xlink:href', 'data', 'background', 'poster', 'cite'].includes(a.name)) {
      let url; try { url = new URL(a.value, location.href); } catch { found.push(name + ' ' + a.value); continue; }
      const isLink = (name === 'a' || name === 'area') && a.name === 'href';
      if (isLink ? !['http:', 'https:', 'mailto:', 'tel:'].includes(url.protocol) : url.origin !== here)
        found.push(name + ' ' + a.name + '=' + a.value);
    }
  }
  return found;
})"""
# A reader's hand: everything is unfolded, passed over and focused.
_TOUCH = """() => {
  document.querySelectorAll('details').forEach(e => e.open = true);
  for (const e of document.querySelectorAll('body *')) {
    for (const kind of ['mouseover', 'mouseenter', 'pointerenter', 'animationstart'])
      e.dispatchEvent(new Event(kind, {bubbles: true}));
    if (e.tabIndex >= 0) e.focus({preventScroll: true});
  }
}"""


@dataclass
class Watched:
    """Somebody's browser on our pages. faults: what happened that must not, in words."""

    context: BrowserContext
    base: str
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Not by a route, which would take the browser's cache away.
        self.context.on("request", lambda request: self._ask(request.url))
        self.context.on("console", lambda said: self._hear(said))
        self.context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        self.context.on("dialog", lambda dialog: asyncio.ensure_future(self._dismiss(dialog)))

    def _ask(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith(f"{self.base}/"):
            self.faults.append(f"asked {url}")

    def _hear(self, said: ConsoleMessage) -> None:
        # A piece of a page opened by itself names no icon, and browsers ask for one.
        if said.location["url"] != f"{self.base}/favicon.ico":
            self.faults.append(f"console: {said.text}")

    async def _dismiss(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def read(self, page: Page, path: str) -> str:
        """The page is opened and touched everywhere; its HTML. What is wrong with it is among the faults."""
        before = len(self.faults)
        await page.goto(self.base + path, wait_until="load")
        await page.evaluate(_TOUCH)
        await page.mouse.move(300, 300)
        await page.keyboard.press("Tab")
        self.faults += await page.evaluate(_ODD)
        if await page.evaluate("window.hit"):
            self.faults.append("a script ran")
        if not page.url.startswith(f"{self.base}/"):
            self.faults.append(f"was led to {page.url}")
        self.faults[before:] = [f"{path}: {one}" for one in self.faults[before:]]
        return await page.content()


@asynccontextmanager
async def engine() -> AsyncIterator[Browser]:
    """Debian's Chromium, with a profile of its own that goes with it."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def watched(
    browser: Browser, base: str, like: house.Browser | None = None, **more: Any
) -> AsyncIterator[Watched]:
    """A browser of its own, signed in as `like` is."""
    context = await browser.new_context(**({"viewport": {"width": 1000, "height": 800}} | more))
    if like is not None:
        await context.add_cookies(
            [{"name": c.name, "value": c.value or "", "url": base} for c in like.client.cookies.jar]
        )
    found = Watched(context, base)
    try:
        yield found
    finally:
        await context.close()
