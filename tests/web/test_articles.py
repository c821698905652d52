"""Help articles: found, read, voted on and followed; nothing in them runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildesk.articles import Articles, BadArticle, folders_of, read
from maildesk.clock import now
from maildesk.config import Web
from maildesk.jobs import Now, tell_articles
from tests.web.house import house

LANGUAGES = ("en", "fr", "de", "es", "it")
FRONT = "---\ntitle: {title}\nlanguage: {language}\nsection: Basics\norder: 1\n---\n"


def article(folder: Path, slug: str, body: str, title: str = "Printers", language: str = "en") -> Path:
    file = folder / language / f"{slug}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(FRONT.format(title=title, language=language) + body)
    return file


def test_our_own_article_is_there_in_five_languages() -> None:
    """It tells how to know that a request has arrived, with the same parts in each."""
    known = Articles(folders_of(None), LANGUAGES)
    assert known.problems == ()
    found = [known.find("request-arrived", language) for language in LANGUAGES]
    assert [one.language for one in found if one] == list(LANGUAGES)
    assert len({one.html.count("<h3>") for one in found if one}) == 1
    assert all("+my@" in one.html and f"/{one.language}/sign-in" in one.html for one in found if one)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# no front matter", "must begin with"),
        ("---\n{[\n---\n", "not YAML"),
        ("---\n- a\n---\n", 'must be like "title'),
        ("---\ntitle: A\nlanguage: en\nsection: B\norder: first\n---\n", "order must be"),
        ("---\ntitle: A\nlanguage: english\nsection: B\n---\n", "two letters"),
        ("---\ntitle: A\nlanguage: en\n---\n", "section is missing"),
        ("---\ntitle: A\nlanguage: en\nsection: B\ncolour: red\n---\n", "unknown: colour"),
        ("---\ntitle: !!python/object/apply:os.system [id]\nlanguage: en\nsection: B\n---\n", "not YAML"),
    ],
)
def test_a_wrong_file_is_named_and_the_others_are_read(tmp_path: Path, text: str, said: str) -> None:
    """One sentence says what is wrong; the desk goes on."""
    article(tmp_path, "good", "Fine.")
    (tmp_path / "bad.md").write_text(text)
    with pytest.raises(BadArticle, match=said):
        read(tmp_path / "bad.md")
    known = Articles((tmp_path,), LANGUAGES)
    assert len(known.problems) == 1
    assert "bad.md" in known.problems[0]
    assert known.find("good", "en") is not None


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://evil.test/a.png)",
        '<img src=x onerror="alert(1)">',
        "[x](//evil.test/)",
        "[x](/\\evil.test/)",
        "<svg/onload=alert(1)>",
        '[x](https://a.test "onmouseover=alert(1)")',
        "<iframe src=https://evil.test>",
    ],
)
def test_nothing_in_an_article_runs_or_is_loaded(tmp_path: Path, body: str) -> None:
    """Raw HTML is text, pictures from elsewhere are none, and links run nothing (T91)."""
    shown = str(read(article(tmp_path, "x", body)).html)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<svg" not in shown
    assert "<iframe" not in shown
    assert 'href="javascript' not in shown.lower()
    assert 'href="data' not in shown.lower()
    assert 'href="//' not in shown
    assert 'href="/\\' not in shown


@pytest.mark.parametrize(
    "words", ["printer", "PRINT", "probleme", 'a "b', "c++", "AND", "x OR", "-", "*", "(", "title:x", "'"]
)
def test_no_search_fails(tmp_path: Path, words: str) -> None:
    """Whatever is typed finds or does not, and is no operator (T90)."""
    article(tmp_path, "printers", "Le problème des imprimantes.", "Printers and fire")
    hits = Articles((tmp_path,), LANGUAGES).search(words, "en")
    if words in ("printer", "PRINT", "probleme"):
        assert [hit.article.slug for hit in hits] == ["printers"]


@pytest.mark.asyncio
async def test_an_article_is_found_read_and_voted_on_once(tmp_path: Path) -> None:
    """Two browsers are two votes, one that changes its mind is one."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it *off*.")
    async with house(tmp_path, Web(articles=folder)) as home:
        one, two = home.browser(), home.browser()
        await one.get("/en/articles", q="switch")
        assert "Printers" in one.text
        for browser, said in ((one, "yes"), (two, "no"), (two, "yes")):
            await browser.get("/en/articles/printers")
            await browser.submit("/helpful", button=f"helpful={said}")
        assert "2 of 2 people found this helpful" in one.text + two.text
        await one.get("/fr/articles/printers")
        assert one.tree().xpath('//article[@lang="en"]')
        assert (await one.get("/en/articles/none")).status_code == 404
        piece = await one.client.get("/en/articles/suggest?q=prin")
        assert "Printers" in piece.text
        assert "<html" not in piece.text


@pytest.mark.asyncio
async def test_whoever_follows_an_article_hears_when_it_changes(tmp_path: Path) -> None:
    """Not when it is looked at for the first time, once for each change, and no more after "no more"."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        lea = await home.sign_in("lea@client.test")
        await lea.get("/en/articles/printers")
        await lea.submit("/follow")

        def look() -> list[str]:
            known = Articles((folder,), LANGUAGES).all()
            job = Now(now(), home.world.settler, (), lambda _at: None, known)
            home.world.store.write(lambda tx: tell_articles(tx, job)).result()
            return [x.recipient for x in home.letters() if x.notice == "article"]

        assert look() == []
        article(folder, "printers", "Throw it away.")
        assert look() == ["lea@client.test"]
        assert look() == []
        await lea.submit("/unfollow")
        article(folder, "printers", "Keep it.")
        assert look() == []
