"""A desk's own look: colours that can be read, its logo and footer, templates over ours, file by file."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from maildesk.config import Web
from maildesk.render import template_folders
from maildesk.web.pages import Pages, brand_css, contrast, readable
from tests.web.house import house

LANGUAGES = ("en", "fr")


@pytest.mark.parametrize("colour", ["#ffff00", "#000000", "#ffffff", "#1857b8", "#00ff00", "#808080", "#ff0000"])
def test_any_colour_is_made_readable(colour: str) -> None:
    """On the light ground and on the dark one, as WCAG 2.2 asks of text (1.4.3)."""
    for ground in ("#f3f4f7", "#ffffff", "#20232a"):
        assert contrast(readable(colour, ground), ground) >= 4.5


def test_without_colours_ours_stay() -> None:
    """Nothing is written over our own."""
    assert brand_css("", "") == ""
    assert "--accent" in brand_css("#aa0000", "")


def pages(folder: Path) -> Pages:
    return Pages(template_folders(folder), LANGUAGES, ZoneInfo("UTC"), {"brand.css": b""})


def test_a_template_of_the_admins_comes_first_and_a_wrong_one_never_breaks_a_page(tmp_path: Path) -> None:
    """missing.html of theirs is shown; one that fails is left for ours."""
    (tmp_path / "web").mkdir()
    own = tmp_path / "web" / "address-check.html"
    own.write_text("THEIRS {{ text }}")
    assert pages(tmp_path).render("address-check.html", "en", {"text": "x", "nearest": ""}) == "THEIRS x"
    own.write_text("{{ nothing.like.this }}")
    assert "slip" in pages(tmp_path).render("address-check.html", "en", {"text": "", "nearest": "a@b.test"})


def test_a_catalogue_of_the_admins_comes_first(tmp_path: Path) -> None:
    """Their French over ours; a damaged one is left for ours."""
    folder = tmp_path / "web" / "catalogue"
    folder.mkdir(parents=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (folder / "fr.po").write_text(head + 'msgid "Send"\nmsgstr "Expédier"\n')
    assert pages(tmp_path).gettext("fr", "Send") == "Expédier"
    (folder / "fr.po").write_bytes(b"\xff\xfe nothing")
    assert pages(tmp_path).gettext("fr", "Send") == "Envoyer"


@pytest.mark.asyncio
async def test_logo_and_footer_stand_on_the_page(tmp_path: Path) -> None:
    """The picture is ours to serve, under a name that changes with it; links of the footer can be pressed."""
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"/>')
    async with house(tmp_path, Web(logo=logo, footer="Example Ltd, https://example.com", accent="#aa0000")) as home:
        browser = home.browser()
        await browser.get("/en/")
        image = browser.tree().xpath("//header//img/@src")[0]
        got = await browser.client.get(image)
        assert got.headers["content-type"] == "image/svg+xml"
        assert browser.tree().xpath('//footer//a[@href="https://example.com"]')
