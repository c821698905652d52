"""What the letters look like in a browser: on a phone, in the dark, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from maildesk.render import LETTERS, Renderer, template_folders
from maildesk.samples import fullest, sample
from tests.servers.chromium import chromium, looked_at

AA = 4.5  # WCAG 2.2, 1.4.3


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(template_folders(None))


@pytest.mark.parametrize("language", ["de", "fr"])
def test_no_letter_is_wider_than_a_phone(browser: Browser, renderer: Renderer, language: str) -> None:
    """At 360 pixels nothing is out of sight to the right, and no text is smaller than 14 pixels."""
    for letter in LETTERS:
        seen = looked_at(browser, renderer.render(letter, fullest(letter, language)).html)
        assert (seen["overflow"], seen["smallest"] >= 14) == (0, True), letter


def test_endless_words_and_links_do_not_widen_a_letter(browser: Browser, renderer: Renderer) -> None:
    """A word, a link, a name and a file name without a place to break still fit a phone."""
    word = "x" * 400
    view = fullest("new", "en")
    view = replace(
        view,
        text=f"{word}\n\nhttps://example.com/{word}\n\n> {word}\n\n- {word}",
        subject=word,
        author=replace(view.author, name=word),
        attachments=(replace(view.attachments[0], name=word + ".pdf"),),
    )
    assert looked_at(browser, renderer.render("new", view).html)["overflow"] == 0


RICH = (
    "<div><h1>What happened</h1><p>Error <b>49</b>, <code>E-1</code>, <a href='https://example.com/'>a link</a>, <sub>a</sub></p>"
    "<ul><li>one<ul><li>two</li></ul></li></ul><table border='1' cellpadding='4' cellspacing='0'><tbody><tr>"
    + "".join(f"<th>Column {n}</th>" for n in range(12))
    + "</tr></tbody></table><blockquote>quoted</blockquote><pre>"
    + "log " * 60
    + "</pre></div>"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_formatting_fits_a_phone_and_can_be_read(browser: Browser, renderer: Renderer, scheme: str) -> None:
    """A wide table, a long line and headings of a customer's stay within the page, in its colours, no text too small."""
    view = replace(sample("reply", "de"), html=RICH)
    seen = looked_at(browser, renderer.render("reply", view).html, scheme=scheme)  # type: ignore[arg-type]
    assert (seen["overflow"], seen["smallest"] >= 14, seen["requests"]) == (0, True, [])
    assert [one for one in seen["contrasts"] if one[0] < AA] == []


def test_the_rest_is_closed_until_it_is_opened(browser: Browser, renderer: Renderer) -> None:
    """In a program that can fold, the rest of a mail and what was said earlier take one line each."""
    page = browser.new_page()
    page.set_content(renderer.render("reply", sample("reply", "en")).html)
    summaries = page.locator("summary")
    assert [one.is_visible() for one in page.locator("details blockquote").all()] == [False] * 4
    for place in range(summaries.count()):
        summaries.nth(place).click()
    assert all(one.is_visible() for one in page.locator("details blockquote").all())
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("letter", ["confirmation", "new", "reply", "answer", "not-sent"])
def test_every_text_can_be_read(browser: Browser, renderer: Renderer, letter: str, scheme: str) -> None:
    """Each text, links and the folded part included, has a contrast of at least 4.5 to 1, in the light and in the dark."""
    seen = looked_at(browser, renderer.render(letter, sample(letter, "en")).html, scheme=scheme)  # type: ignore[arg-type]
    assert seen["contrasts"]
    assert [one for one in seen["contrasts"] if one[0] < AA] == []


def test_dark_is_dark(browser: Browser, renderer: Renderer) -> None:
    """The reader's dark scheme changes the page itself: its colours are others than in the light."""
    html = renderer.render("answer", sample("answer", "en")).html
    page = browser.new_page(color_scheme="dark")
    page.set_content(html)
    red, green, blue = page.evaluate(
        "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).slice(0, 3)"
    )
    page.close()
    assert max(red, green, blue) < 64


def test_a_letter_fetches_nothing(browser: Browser, renderer: Renderer) -> None:
    """Opening a letter asks no server for anything, whatever its text holds."""
    nasty = 'See <img src="https://example.com/pixel.gif"> <script>fetch("https://example.com")</script>'
    for letter in LETTERS:
        seen = looked_at(browser, renderer.render(letter, replace(fullest(letter, "en"), text=nasty, rest=nasty)).html)
        assert seen["requests"] == [], letter
