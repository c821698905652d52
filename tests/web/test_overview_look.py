"""The overview's plots in a real browser: readable at every width, in light and in dark."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maildesk import clock
from maildesk.config import Agent, Mailbox
from tests.conftest import ROOT
from tests.servers.chromium import chromium
from tests.web.test_overview import ANA, BEN, MAILBOXES, add, desk, say

_OVERLAPS = """() => [...document.querySelectorAll('svg.plot')].flatMap(svg => {
  const edge = svg.getBoundingClientRect(), found = [];
  const texts = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
  texts.forEach(([word, a], at) => {
    if (a.left < edge.left - 1 || a.right > edge.right + 1) found.push(word);
    if (a.top < edge.top - 1 || a.bottom > edge.bottom + 1) found.push(word);
    for (const [other, b] of texts.slice(at + 1))
      if (a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2) found.push(word + '|' + other);
  });
  return found;
})"""
_PALE = """() => {
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const parts = c => c.match(/[\\d.]+/g).map(v => linear(v / 255));
  const light = c => { const [r, g, b] = parts(c); return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const track = light(getComputedStyle(document.querySelector('.track')).fill);
  return [...document.querySelectorAll('.plot text, .plot rect:not(.track)')].filter(e => {
    const ink = light(getComputedStyle(e).fill);
    return e.tagName === 'text' ? ratio(ink, paper) < 4.5 : Math.min(ratio(ink, paper), ratio(ink, track)) < 3;
  }).map(e => e.getAttribute('class'));
}"""


@pytest.mark.asyncio
async def test_plots_are_readable_on_a_phone_and_in_the_dark(tmp_path: Path) -> None:
    """In Chromium, with the style sheet and no script: no word overlaps another or leaves its plot, nothing is wider than the
    screen, and words and bars stand out from their ground (WCAG 2.2, 1.4.3 and 1.4.11)."""
    boxes = (*MAILBOXES, Mailbox(address="the.billing.department@a-rather-long-name.example.test"))
    agents = (
        Agent(address="ana@desk.test", name="Ana Lima-Fitzgerald of the Second Floor"),
        Agent(address="ben@desk.test"),
    )
    async with desk(tmp_path, mailboxes=boxes, agents=agents, languages=("en", "de")) as home:
        for at in range(60):
            number = add(
                home, boxes[at % 3].address, ("new", "open", "pending", "on-hold")[at % 4], ago=timedelta(days=at / 2)
            )  # type: ignore[arg-type]
            say(home, number, "agent", (ANA, BEN)[at % 2], "x", clock.now() - timedelta(days=at / 2) * 0.9)
        browser = await home.sign_in("ana@desk.test")
        style = (ROOT / "templates" / "web" / "static" / "desk.css").read_text("utf-8")
        pages = []
        for language in ("en", "de"):
            answer = await browser.get(f"/{language}/overview")
            bare = re.sub(r"<(link|script)[^>]*>", "", answer.text)
            pages.append(bare.replace("</head>", f"<style>{style}</style></head>"))

        def look() -> list[Any]:
            found = []
            with chromium() as engine:
                for html in pages:
                    for scheme in ("light", "dark"):
                        for width in (320, 360, 1100):
                            page = engine.new_page(
                                viewport={"width": width, "height": 700}, color_scheme=scheme, java_script_enabled=True
                            )
                            page.set_content(html)
                            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                            wider = page.evaluate(
                                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                            )
                            count = page.evaluate("document.querySelectorAll('svg.plot rect').length")
                            found.append((wider, page.evaluate(_OVERLAPS), page.evaluate(_PALE), count > 60))
                            page.close()
            return found

        for found in await asyncio.to_thread(look):
            assert found == (0, [], [], True), json.dumps(found)
