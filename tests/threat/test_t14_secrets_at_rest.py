"""T14: whoever reads the database can sign in as nobody: sessions and links stand there as digests, and can be ended."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from tests.web.house import house


@pytest.mark.asyncio
async def test_no_secret_of_a_session_or_a_link_is_stored(tmp_path: Path) -> None:
    """In no table stand the session's cookie, the browser's, the link or the code, but in the letter that carries them."""
    async with house(tmp_path) as home:
        browser = home.browser()
        home.letters()
        await browser.get("/en/sign-in")
        await browser.submit("/sign-in", address="lea@client.test")
        letter = home.letters()[0]
        link = re.findall(r"/sign-in/(\S+)", letter.text)[0]
        await browser.get(f"/en/sign-in/{link}")
        await browser.submit()
        secrets = {cookie.value for cookie in browser.client.cookies.jar} | {link}
        assert len(secrets) == 3
        assert all(secret and len(secret) >= 43 for secret in secrets)
        with sqlite3.connect(tmp_path / "desk.db") as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                if table != "contents":
                    said = repr(connection.execute(f"SELECT * FROM [{table}]").fetchall())
                    assert not [secret for secret in secrets if secret and secret in said], table


@pytest.mark.asyncio
async def test_an_ended_session_is_worth_nothing(tmp_path: Path) -> None:
    """Its cookie, kept by somebody, opens no page after signing out."""
    async with house(tmp_path) as home:
        lea, thief = await home.sign_in("lea@client.test"), home.browser()
        thief.client.cookies = lea.client.cookies.__class__(lea.client.cookies)
        await thief.get("/en/account")
        assert thief.at == "/en/account"
        await lea.get("/en/account")
        await lea.submit("/sign-out")
        await thief.get("/en/account")
        assert thief.at == "/en/sign-in"
