"""Pictures of every page, light and dark, on a desk and on a phone: `python -m tests.web.look FOLDER`, for people to look at."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.web.house import House
from tests.web.pages_seen import AGENT, ANYBODY, CUSTOMER, LEA, cookies_of, furnished
from tests.web.watch import engine

SCREENS = {"desk-light": ("light", 1280, 800), "desk-dark": ("dark", 1280, 800), "phone-light": ("light", 390, 844)}
SCREENS["phone-dark"] = ("dark", 390, 844)

# The form's own button, and not one that stands beside a field.
_SEND = "main form button:not([name]):not([data-use])"


async def main(folder: Path) -> None:
    """Write them: SCREEN-WHO-PAGE.png."""
    with tempfile.TemporaryDirectory() as place:
        async with furnished(Path(place)) as home, engine() as browser:
            for name in SCREENS:
                await _pictures(home, browser, name, folder)


async def _pictures(home: House, browser: Browser, name: str, folder: Path) -> None:
    scheme, width, height = SCREENS[name]
    people = (("anybody", None, ANYBODY), ("customer", LEA, CUSTOMER), ("agent", "ana@desk.test", AGENT))
    for who, address, paths in people:
        context = await browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
        )
        if address is not None:
            await context.add_cookies(await cookies_of(await home.sign_in(address)))  # type: ignore[arg-type]
        page = await context.new_page()
        for path in dict.fromkeys(paths):
            await page.goto(f"{home.base}/en{path}")
            await _picture(page, folder / f"{name}-{who}-{re.sub('[^a-z0-9]+', '-', path).strip('-') or 'home'}.png")
        if address is None:
            await _form(page, home, folder, name)
        await context.close()


async def _form(page: Page, home: House, folder: Path, name: str) -> None:
    """The form with what is wrong, with an address that was perhaps meant, and sent; then the way to another address."""
    await page.goto(f"{home.base}/fr/requests/new")
    await page.click(_SEND)
    await _picture(page, folder / f"{name}-form-errors.png")
    await page.fill("#address", "kim@gmial.com")
    await page.fill("#subject", "Mon imprimante brûle")
    await page.fill("#description", "Bonjour,\n\nil y a de la fumée partout.\n")
    await page.click(_SEND)
    await _picture(page, folder / f"{name}-form-slip.png")
    await page.fill("#address", f"kim@{name}.test")
    await page.click(_SEND)
    await page.wait_for_url("**/requests/sent")
    await _picture(page, folder / f"{name}-sent.png")
    await page.click(".receipt summary")
    await page.click(".receipt details a")
    await _picture(page, folder / f"{name}-correct-address.png")


async def _picture(page: Page, file: Path) -> None:
    await page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    goal = Path(sys.argv[1])
    goal.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(goal))
    print(f"{len(list(goal.glob('*.png')))} pictures in {goal}")
