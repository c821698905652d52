"""Every page in the states that people meet, for whoever looks at all of them: accessibility, sizes, pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from maildesk.config import Web
from tests.web.house import Browser, House, house

LEA = "lea@client.test"


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[House]:
    """A desk with requests in several states, answered, doubted, with files."""
    articles = folder / "articles"
    articles.mkdir()
    front = "---\ntitle: How to print\nlanguage: en\nsection: Printers\norder: 2\n---\n"
    (articles / "how-to-print.md").write_text(
        front + "# Print\n\n1. Press\n2. Wait\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    async with house(folder, Web(agents_read=True, articles=articles)) as home:
        for number in range(30):
            home.world.write(
                LEA,
                f"Hello,\n\nthis is number {number}, see https://example.com/{number}.\n",
                subject=f"Request {number}",
            )
        notice = next(x for x in home.letters() if x.recipient == "ana@desk.test")
        home.world.write(
            "ana@desk.test",
            "Please try again.\n",
            to=(str(notice.message["Reply-To"]),),
            subject=str(notice.message["Subject"]),
        )
        home.world.write(LEA, "See http://phish.test now\n", subject="Not me", results=None)
        home.world.set_state("solved", 50032)
        yield home


async def cookies_of(browser: Browser) -> list[dict[str, Any]]:
    """A browser's cookies as Playwright takes them."""
    return [{"name": c.name, "value": c.value or "", "url": browser.base} for c in browser.client.cookies.jar]


# Pages for anybody, for a customer, for an agent; paths below the language.
ANYBODY = (
    "/",
    "/requests/new",
    "/sign-in",
    "/sign-up",
    "/sign-in/sent",
    "/articles",
    "/articles?q=print",
    "/articles/how-to-print",
    "/articles/request-arrived",
    "/nowhere",
    "/sign-in/xyz",
    "/confirm/xyz",
)
CUSTOMER = (
    "/requests",
    "/requests?page=2",
    "/requests?q=nothing",
    "/requests?q=number",
    "/requests/50031",
    "/requests/50032",
    "/requests/50061",
    "/requests/50031/print",
    "/requests/99",
    "/account",
    "/requests/new",
    "/articles/how-to-print",
)
AGENT = ("/overview", "/overview/queue", "/overview/requests/50031", "/overview/requests/50061", "/requests")
