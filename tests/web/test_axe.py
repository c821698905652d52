"""Every page for everybody: axe-core finds nothing, nothing scrolls sideways on a phone, and nothing weighs too much."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from tests.web.pages_seen import AGENT, ANYBODY, CUSTOMER, LEA, cookies_of, furnished

# Of HTML, styles, script and pictures together, as they are transferred.
MOST_BYTES = 60_000
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_PACKAGE = importlib.util.find_spec("axe_playwright_python")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
AXE = (Path(_PACKAGE.origin).parent / "axe.min.js").read_text("utf-8")


async def violations(page: Page) -> list[str]:
    """What axe-core finds: the rule, what it means, and where."""
    # Evaluated and not added as a script: our pages' policy lets no other script in, and that is not what is tried here.
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("tags => axe.run(document, {runOnly: tags})", _TAGS)
    return [f"{v['id']}: {v['help']}: {node['html'][:200]}" for v in found["violations"] for node in v["nodes"]]


async def look(page: Page, url: str) -> list[str]:
    """What is wrong with a page that was just opened."""
    weight, faults = [0], []

    async def weigh(response: Any) -> None:
        weight[0] += len(await response.body()) if response.status < 300 or response.status >= 400 else 0

    page.on(
        "console",
        lambda message: faults.append(f"{url} console: {message.text}") if "status of 4" not in message.text else None,
    )
    pending: list[Any] = []
    page.on("response", lambda response: pending.append(response))
    await page.goto(url, wait_until="networkidle")
    for response in pending:
        await weigh(response)
    faults += [f"{url} {fault}" for fault in await violations(page)]
    if weight[0] > MOST_BYTES:
        faults.append(f"{url} weighs {weight[0]} bytes")
    wide = await page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        faults.append(f"{url} is {wide} pixels too wide")
    if await page.locator("h1").count() != 1:
        faults.append(f"{url} has not one heading")
    return faults


@pytest.mark.asyncio
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 320)])
async def test_every_page_is_for_everybody(tmp_path: Path, scheme: Any, width: int) -> None:
    """WCAG 2.2 A and AA as far as a program can tell, 60 kB, one h1, no sideways scroll, nothing in the console."""
    async with furnished(tmp_path) as home, async_playwright() as play:
        chromium = await play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        faults: list[str] = []
        people = {"": None, LEA: await home.sign_in(LEA), "ana@desk.test": await home.sign_in("ana@desk.test")}
        for (who, browser), paths in zip(people.items(), (ANYBODY, CUSTOMER, AGENT), strict=True):
            context = await chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            if browser is not None:
                await context.add_cookies(await cookies_of(browser))  # type: ignore[arg-type]
            for path in paths:
                page = await context.new_page()
                faults += await look(page, f"{home.base}/en{path}")
                await page.close()
            if not who:
                page = await context.new_page()
                await page.goto(f"{home.base}/en/requests/new")
                await page.locator("main button").click()
                faults += [f"errors {fault}" for fault in await violations(page)]
                await page.fill("#address", "lea@gmial.com")
                await page.fill("#subject", "Printer")
                await page.fill("#description", "It burns.")
                await page.locator("main form button").last.click()
                faults += [f"slip {fault}" for fault in await violations(page)]
                await page.locator("main form button").last.click()
                assert "#50062" in await page.locator("[role=status]").inner_text()
                faults += [f"sent {fault}" for fault in await violations(page)]
                await page.locator("main a", has_text="Correct the address").click()
                faults += [f"correct {fault}" for fault in await violations(page)]
                await page.close()
            await context.close()
        await chromium.close()
    assert faults == []
