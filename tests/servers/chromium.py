"""A Chromium that opens pages from text, without network, and answers questions about what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, sync_playwright

# Every piece of text with its colours as they are painted: what is not opaque lies on what is behind it.
_CONTRASTS = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
  const light = c => { const f = c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const behind = e => {
    for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
    return [255, 255, 255, 1];
  };
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    if (!n.textContent.trim()) continue;
    const a = light(parse(getComputedStyle(n.parentElement).color)), b = light(behind(n.parentElement));
    found.push([(Math.max(a, b) + .05) / (Math.min(a, b) + .05), n.textContent.trim().slice(0, 60)]);
  }
  return found;
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, with a profile of its own that goes with it."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


def looked_at(
    browser: Browser, html: str, *, width: int = 360, scheme: Literal["light", "dark"] = "light"
) -> dict[str, Any]:
    """What the page `html` looks like on a screen `width` pixels wide.

    overflow: how many pixels are out of sight to the right; contrasts: (ratio as in WCAG 2.2, text) for each text;
    requests: what the page tried to fetch; smallest: the smallest font in pixels.
    """
    page = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.set_content(html)
        size = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        fonts = "() => Math.min(...[...document.body.querySelectorAll('*')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
        return {
            "overflow": page.evaluate(size),
            "contrasts": page.evaluate(_CONTRASTS),
            "requests": requests,
            "smallest": page.evaluate(fonts),
        }
    finally:
        page.close()
