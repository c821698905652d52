"""T91: help articles: found, read, voted on and followed; nothing in them runs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import html

from maildesk.articles import Articles, BadArticle, folders_of, read
from maildesk.clock import iso, now
from maildesk.config import Web
from maildesk.jobs import Now, tell_articles
from maildesk.store import accounts
from maildesk.store.sqlite import Tx
from tests.hostile_html import VECTORS, armed
from tests.web.house import Browser, House, house

LANGUAGES = ("en", "fr", "de", "es", "it")
FRONT = "---\ntitle: {title}\nlanguage: {language}\nsection: Basics\norder: 1\n---\n"


TAGS = re.findall(
    r"\w+", "a b blockquote br code del div em h2 h3 h4 h5 h6 hr i li ol p pre s strong table tbody td th thead tr ul"
)


def is_harmless(target: str | None) -> bool:
    """Whether a link, as browsers read it (without tabs and line ends, "\\" as "/"), stays or says where it leads."""
    if target is None:
        return True
    there = urlsplit(
        urljoin("https://desk.test/en/articles/x", re.sub("[\t\r\n]", "", target.strip()).replace("\\", "/"))
    )
    is_said = re.match("https?:|mailto:", target) is not None
    return is_said or (there.scheme, there.netloc) == ("https", "desk.test")


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
    assert len({one.html.count("<h2>") for one in found if one}) == 1
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
        ("---\ntitle: 1\nlanguage: en\nsection: B\norder: " + "1" * 5000 + "\n---\n", "order must be"),
        ("---\ntitle: " + "[" * 50_000 + "\nlanguage: en\nsection: B\n---\n", "too deeply"),
        ('---\ntitle: "A\\rBcc: x"\nlanguage: en\nsection: B\n---\n', "one line of text"),
        ("---\ntitle: *a\nlanguage: en\nsection: B\n---\n", "not YAML"),
        ("---\ntitle: \ud800\nlanguage: en\nsection: B\n---\n", "not UTF-8"),
        ("---\ntitle: !!python/object/apply:os.system [id]\nlanguage: en\nsection: B\n---\n", "title is missing"),
    ],
)
def test_a_wrong_file_is_named_and_the_others_are_read(tmp_path: Path, text: str, said: str) -> None:
    """One sentence says what is wrong; the desk goes on."""
    article(tmp_path, "good", "Fine.")
    (tmp_path / "bad.md").write_text(text, "utf-8", "surrogatepass")
    with pytest.raises(BadArticle, match=said):
        read(tmp_path / "bad.md")
    known = Articles((tmp_path,), LANGUAGES)
    assert len(known.problems) == 1
    assert "bad.md" in known.problems[0]
    assert known.find("good", "en") is not None


@pytest.mark.parametrize("name", ["UPPER.md", "a b.md", "ä.md", "-a.md", "suggest.md", "a.b.md"])
def test_a_name_that_can_be_no_address_is_refused(tmp_path: Path, name: str) -> None:
    """An article's name is its address; that of a page of ours is taken."""
    article(tmp_path, "good", "Fine.").rename(tmp_path / name)
    known = Articles((tmp_path,), LANGUAGES)
    assert known.all() == ()
    assert [name in problem for problem in known.problems] == [True]


@pytest.mark.parametrize(
    "title", ["2026-99-99", "2026", "no", "1e5", "!!int abc", "!!timestamp x", "~", "0x1F", "12:30:45"]
)
def test_what_stands_in_front_is_text_whatever_it_looks_like(tmp_path: Path, title: str) -> None:
    """No title is a date or a number, and none stops the desk; Norwegian is a language, not a refusal."""
    known = Articles((article(tmp_path, "good", "Fine.", title, "no").parent,), LANGUAGES)
    assert known.problems == ()
    assert [(one.title, one.language) for one in known.all()] == [(title.split()[-1], "no")]


def test_the_same_article_twice_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    """One of two counts, and the admin hears of the other."""
    article(tmp_path, "good", "Fine.")
    article(tmp_path / "more", "good", "Better.")
    known = Articles((tmp_path, tmp_path / "none"), LANGUAGES)
    assert len(known.all()) == 1
    assert ["same article" in known.problems[0], "no such folder" in known.problems[1]] == [True, True]


def test_an_article_of_the_admins_comes_before_ours_language_by_language(tmp_path: Path) -> None:
    """Whoever rewrites the French one keeps ours in the other four; a wrong one leaves ours."""
    article(tmp_path, "request-arrived", "Maison.", "Arrivée", "fr")
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "request-arrived.md").write_text("oh")
    known = Articles(folders_of(tmp_path), LANGUAGES)
    found = {language: known.find("request-arrived", language) for language in LANGUAGES}
    assert [language for language, one in found.items() if one and one.title == "Arrivée"] == ["fr"]
    assert [one.language for one in found.values() if one] == list(LANGUAGES)
    assert len(known.problems) == 1


@pytest.mark.parametrize(
    "body", ["# A\n\n## B\n\n# C", "## A\n\n### B\n\n## C", "### A\n\n#### B\n\n### C", "A\n=\n\nB\n-\n\n# C"]
)
def test_headings_begin_right_below_the_pages_own(tmp_path: Path, body: str) -> None:
    """The page keeps one h1 and leaves no level out, wherever its author begins (WCAG 2.2, 1.3.1)."""
    shown = str(read(article(tmp_path, "x", body)).html)
    assert re.findall("<(h.)>", shown) == ["h2", "h3", "h2"]


@pytest.mark.parametrize("vector", VECTORS)
def test_no_vector_of_html_runs_in_an_article(tmp_path: Path, vector: str) -> None:
    """Bare, in a link, in a title, in a list, behind code: what is not on the list of an article's tags is text (T91)."""
    armed_vector = armed(vector, "https://evil.test")
    bodies = (
        armed_vector,
        f"[x]({armed_vector})",
        f'[x](/a "{armed_vector}")',
        f"- > {armed_vector}",
        f"`a` {armed_vector} **b**",
    )
    shown = read(article(tmp_path, "x", "\n\n".join(bodies))).html
    for element in html.fromstring(f"<div>{shown}</div>").iter(html.etree.Element):
        assert element.tag in TAGS
        assert set(element.attrib) <= {"href", "title", "rel", "start", "align"}
        assert is_harmless(element.get("href"))


@pytest.mark.parametrize(
    "target",
    [
        *("//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "/&Tab;/evil.test", "/&NewLine;/evil.test"),
        *("&#32;//evil.test", "< //evil.test>", "</\t/evil.test>", "&#1;//evil.test", "javascript&colon;alert(1)"),
        *(
            "java&Tab;script:alert(1)",
            "&#1;javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "vbscript:x",
        ),
        *("file:///etc/passwd", "ftp://evil.test", "blob:x", "view-source:x", "intent:x", "[::1", "//[::1"),
    ],
)
def test_a_link_leads_to_a_full_address_or_to_a_page_of_ours(tmp_path: Path, target: str) -> None:
    """Never to another site by what looks like a path, and never to what runs (T91)."""
    shown = read(article(tmp_path, "x", f"[x]({target})\n\n[y]\n\n[y]: {target}\n\n<{target}>")).html
    for link in html.fromstring(f"<div>{shown}</div>").iter("a"):
        assert is_harmless(link.get("href"))
        assert link.get("rel") == "noopener noreferrer nofollow"


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


def counted(browser: Browser) -> list[int]:
    """How many found the open article helpful, of how many; nothing where nobody said."""
    return [int(n) for n in (re.findall(r"(\d+) of (\d+) p(?:erson|eople) found", browser.text) or [()])[0]]


def look(home: House, folder: Path) -> list[tuple[str, str]]:
    """The job that tells of changes, once: who got a letter, and its link."""
    job = Now(now(), home.world.settler, (), lambda _at: None, Articles((folder,), LANGUAGES).all())
    home.world.store.write(lambda tx: tell_articles(tx, job)).result()
    found = [x for x in home.letters() if x.notice == "article"]
    return [(x.recipient, next(line for line in x.text.splitlines() if line.startswith(home.base))) for x in found]


HOSTILE = (
    *(
        '"',
        '""',
        "'",
        "a'b",
        "c++",
        "C#",
        "a AND",
        "AND",
        "OR OR",
        "NOT",
        "NEAR(a b)",
        "a NEAR/2 b",
        "*",
        "a*b*",
        "^a",
        "a^",
    ),
    *(
        "title:a",
        "-title:a",
        "{title text}:a",
        "(",
        ")",
        "((((",
        "a + b",
        "+",
        "a;DROP TABLE words",
        "--",
        "/*",
        "\\",
        "%",
        "_",
    ),
    *(
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "\ufdd0",
        "\ufdd0a\ufdd1",
        "\u202e",
        "\U0001f600",
        "e\u0301",
        "\u00df",
        "\u0130",
        "\uff21",
    ),
    *(
        "a" * 10_000,
        "a " * 5_000,
        '"a" ' * 500,
        "\u0e2a\u0e27",
        "\u4f60\u597d",
        "\u200b",
        "\ufeff",
        "<script>",
        "${x}",
        "{{ 7*7 }}",
    ),
)


@pytest.mark.asyncio
async def test_no_page_fails_whatever_is_looked_for(tmp_path: Path) -> None:
    """Index and suggestions answer 200, say nothing back that runs, and the suggestions are a piece of a page (T90)."""
    folder = tmp_path / "articles"
    for slug in "abcde":
        article(folder, slug, "a b c <b>x</b> \ufdd0 & é <script>alert(1)</script>", f"A {slug} <i>")
    async with house(tmp_path, Web(articles=folder)) as home:
        reader = home.browser()
        for words in HOSTILE:
            for path in ("/en/articles", "/fr/articles", "/en/articles/suggest"):
                said = await reader.get(path, q=words)
                assert (said.status_code, words) == (200, words)
                assert "<script>" not in said.text.partition("<main")[2]
                if path.endswith("suggest"):
                    assert "<html" not in said.text
                    assert said.text.count("<a ") <= 3
        said = await reader.get("/en/articles", q="x")
        assert "&lt;script&gt;" in said.text


@pytest.mark.asyncio
async def test_the_index_shows_each_article_once_by_section_in_each_language(tmp_path: Path) -> None:
    """One h1, no level left out, no link that leads nowhere; what is not there in a language is shown and marked."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        reader = home.browser()
        for language in LANGUAGES:
            await reader.get(f"/{language}/articles")
            links = [str(a.get("href")) for a in reader.tree().xpath("//main//a")]
            assert sorted(links) == [f"/{language}/articles/printers", f"/{language}/articles/request-arrived"]
            assert len(reader.tree().xpath("//h1")) == 1
            for link in links:
                assert (await reader.get(link)).status_code == 200
                levels = [int(h.tag[1]) for h in reader.tree().xpath("//h1|//h2|//h3|//h4")]
                assert levels.count(1) == 1
                assert all(below - above <= 1 for above, below in pairwise(levels))
                is_foreign = link.endswith("printers") and language != "en"
                assert len(reader.tree().xpath('//article[@lang="en"]')) == is_foreign
                for inside in reader.tree().xpath("//article//a"):
                    assert str(inside.get("href")).startswith(f"/{language}/")
                    assert (await home.browser().get(str(inside.get("href")))).status_code == 200


@pytest.mark.asyncio
async def test_title_weighs_more_than_text_and_accents_and_half_words_count_for_nothing(tmp_path: Path) -> None:
    """What people type while they type it finds what they mean, first what it is about."""
    folder = tmp_path / "articles"
    article(folder, "other", "Un problème, un problème, un problème d’imprimante.", "Autre chose", "fr")
    article(folder, "printers", "Éteignez-la.", "Problème d’imprimante", "fr")
    known = Articles((folder,), LANGUAGES)
    for words in ("probleme", "PROBLÈM", "impri", "problème imprim"):
        assert [hit.article.slug for hit in known.search(words, "fr")] == ["printers", "other"]
    assert known.search("roblème", "fr") == ()
    (hit,) = known.search("eteignez", "fr")
    assert str(hit.excerpt) == "<mark>Éteignez</mark>-la."


@pytest.mark.asyncio
async def test_a_vote_is_one_for_each_browser_article_and_language(tmp_path: Path) -> None:
    """Another word changes it, anything but yes and no is none, and no other language's count moves."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    article(folder, "printers", "Éteignez-la.", language="fr")
    async with house(tmp_path, Web(articles=folder)) as home:
        one, two = home.browser(), home.browser()
        steps = [
            (one, "yes", [1, 1]),
            (one, "yes", [1, 1]),
            (two, "no", [1, 2]),
            (one, "no", [0, 2]),
            (two, "yes", [1, 2]),
        ]
        for browser, said, expected in steps:
            await browser.get("/en/articles/printers")
            await browser.submit("/helpful", button=f"helpful={said}")
            assert (browser.at, counted(browser)) == ("/en/articles/printers", expected)
            assert browser.tree().xpath('//*[@role="status"]')
            assert browser.tree().xpath('//button[@aria-pressed="true"]/@value') == [said]
        for odd in ({}, {"helpful": ""}, {"helpful": "maybe"}, {"helpful": "1"}):
            await two.get("/en/articles/printers")
            token = {"token": next(str(x) for x in two.tree().xpath('//input[@name="token"]/@value'))}
            await two.post("/en/articles/printers/helpful", token | odd)
            assert counted(two) == [1, 2]
        await one.get("/fr/articles/printers")
        assert counted(one) == []


@pytest.mark.asyncio
async def test_no_forged_post_votes_or_follows(tmp_path: Path) -> None:
    """From another site, without the form's token, with another browser's, or by GET: nothing changes."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        lea, other = await home.sign_in("lea@client.test"), home.browser()
        await other.get("/en/articles/printers")
        await lea.get("/en/articles/printers")
        mine, theirs = (str(x.tree().xpath('//input[@name="token"]/@value')[0]) for x in (lea, other))
        for act in ("helpful", "follow"):
            path, form = f"/en/articles/printers/{act}", {"helpful": "yes"}
            for token, headers in ((mine, {"sec-fetch-site": "cross-site"}), ("", {}), (theirs, {})):
                done = await lea.client.post(
                    path, data=form | {"token": token}, headers={"sec-fetch-site": "same-origin"} | headers
                )
                assert done.status_code == 403
            assert (await lea.client.get(path)).status_code in (404, 405)
        await lea.get("/en/articles/printers")
        assert counted(lea) == []
        assert lea.tree().xpath('//form[contains(@action, "/follow")]')


@pytest.mark.asyncio
async def test_nothing_sends_a_reader_to_another_site(tmp_path: Path) -> None:
    """Whatever stands in the path, the query or the form: an answer of ours leads to a page of ours (T91)."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    evil = (
        "//evil.test",
        "https:evil.test",
        "/\\evil.test",
        "%2F%2Fevil.test",
        "..%2F..%2F%2Fevil.test",
        "printers%0d%0aLocation:%20//evil.test",
    )
    async with house(tmp_path, Web(articles=folder)) as home:
        lea = await home.sign_in("lea@client.test")
        await lea.get("/en/articles/printers")
        token = str(lea.tree().xpath('//input[@name="token"]/@value')[0])
        for bad in ("printers", *evil):
            for act in ("helpful", "follow", "unfollow", ""):
                form = {
                    "token": token,
                    "helpful": "yes",
                    "next": evil[0],
                    "back": evil[0],
                    "slug": evil[0],
                    "done": evil[0],
                }
                path = f"/en/articles/{bad}/{act}?next=//evil.test&done=//evil.test"
                for done in (
                    await lea.client.post(path, data=form, headers={"sec-fetch-site": "same-origin"}),
                    await lea.client.get(path),
                ):
                    assert done.status_code < 500
                    assert is_harmless(done.headers.get("location"))
                    assert "evil.test" not in done.headers.get("location", "").partition("?")[0]


@pytest.mark.asyncio
async def test_only_who_signed_in_follows_and_is_back_at_the_article_after_it(tmp_path: Path) -> None:
    """Nobody else's address can be given; without an account the page leads to signing in."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        stranger = home.browser()
        await stranger.get("/en/articles/printers")
        assert not stranger.tree().xpath('//form[contains(@action, "follow")]')
        token = str(stranger.tree().xpath('//input[@name="token"]/@value')[0])
        await stranger.post("/en/articles/printers/follow", {"token": token, "address": "bob@other.test"})
        assert stranger.at == "/en/sign-in"
        lea = await home.sign_in("lea@client.test")
        await lea.get("/en/articles/printers")
        await lea.submit("/follow", address="bob@other.test", language="fr")
        assert lea.at == "/en/articles/printers"
        assert lea.tree().xpath('//form[contains(@action, "/unfollow")]')
        assert look(home, folder) == []
        article(folder, "printers", "Throw it away.")
        assert [who for who, _ in look(home, folder)] == ["lea@client.test"]


@pytest.mark.asyncio
async def test_whoever_was_shown_another_language_hears_of_that_one_in_their_own(tmp_path: Path) -> None:
    """The Italian reader of an English article hears when the English one changes, until there is an Italian one."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        lea = await home.sign_in("lea@client.test", language="it")
        await lea.get("/it/articles/printers")
        await lea.submit("/follow")
        assert look(home, folder) == []
        article(folder, "printers", "Throw it away.")
        assert look(home, folder) == [("lea@client.test", f"{home.base}/it/articles/printers")]
        article(folder, "printers", "La spenga.", "Stampanti", "it")
        assert look(home, folder) == []
        article(folder, "printers", "Burn it.")
        assert look(home, folder) == []
        article(folder, "printers", "La butti.", "Stampanti", "it")
        assert look(home, folder) == [("lea@client.test", f"{home.base}/it/articles/printers")]


@pytest.mark.asyncio
async def test_every_follower_hears_however_many_there_are(tmp_path: Path) -> None:
    """Nobody is left out because others followed before."""
    folder, many = tmp_path / "articles", 1_100
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:

        def fill(tx: Tx) -> None:
            for n in range(many):
                address, at = f"reader{n}@client.test", iso(now())
                account = tx.add("account", name="", language="en", at=at)
                person = {
                    "address_key": address,
                    "address": address,
                    "name": "",
                    "language": None,
                    "proved_at": at,
                    "at": at,
                }
                tx.add("person", **person)
                tx.change("account of an address", address_key=address, account_id=account, at=at)
                tx.add(
                    "follower of an article", account_id=account, address=address, slug="printers", language="en", at=at
                )

        home.world.store.write(fill).result()
        assert look(home, folder) == []
        article(folder, "printers", "Throw it away.")
        assert len(look(home, folder)) == many


@pytest.mark.asyncio
async def test_whoever_deletes_their_account_hears_no_more(tmp_path: Path) -> None:
    """With the account goes what it followed."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        lea = await home.sign_in("lea@client.test")
        await lea.get("/en/articles/printers")
        await lea.submit("/follow")
        assert look(home, folder) == []
        home.world.store.write(lambda tx: accounts.delete(tx, 1, now())).result()
        article(folder, "printers", "Throw it away.")
        assert look(home, folder) == []


@pytest.mark.asyncio
async def test_an_address_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    """Who once wrote as Lea@Client.Test and signs in as lea@client.test hears as well."""
    folder = tmp_path / "articles"
    article(folder, "printers", "Switch it off.")
    async with house(tmp_path, Web(articles=folder)) as home:
        home.world.write("Lea@Client.Test", "It burns.")
        lea = await home.sign_in("lea@client.test")
        await lea.get("/en/articles/printers")
        await lea.submit("/follow")
        assert look(home, folder) == []
        article(folder, "printers", "Throw it away.")
        assert [who.lower() for who, _ in look(home, folder)] == ["lea@client.test"]
