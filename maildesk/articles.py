"""Help articles from a folder of Markdown files: read once, searched in memory. Knows no page and no store.

A file "<anywhere>/<slug>.md" begins with its front matter between lines of "---": title, language, section, order. The same
slug in several languages is one article. The admin's folder comes before ours, article by article.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import threading
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nh3
import yaml
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from maildesk.render import template_folders

MAX_FILE_BYTES = 1_000_000
# More would be a library, and all of it stands in memory.
MAX_FILES = 5_000
MAX_SHOWN = 50
# A page of ours stands there.
_TAKEN = frozenset({"suggest"})
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORD = re.compile(r"[^\W_]+")
_MAX_WORDS = 12
_TAGS = {
    "a", "b", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_MARK, _MARK_END = "\ufdd0", "\ufdd1"


@dataclass(frozen=True, slots=True)
class Article:
    """One article in one language. html: safe; text: its words, for the search; digest: changes with what it says."""

    slug: str
    language: str
    title: str
    section: str
    order: int
    html: Markup
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that holds the words; excerpt: a piece of it, the words in <mark>."""

    article: Article
    excerpt: Markup


class BadArticle(ValueError):
    """A file that is no article; the message says why."""


class Articles:
    """All articles. Immutable; a reload makes a new one. problems: the files that are none, each with its reason."""

    def __init__(self, folders: Iterable[Path], languages: tuple[str, ...]) -> None:
        """folders: the first that has an article wins; languages: those of the desk, the first is the fallback."""
        self.languages = languages
        found: dict[tuple[str, str], Article] = {}
        problems: list[str] = []
        for folder in folders:
            here: dict[tuple[str, str], Path] = {}
            if not folder.is_dir():
                problems.append(f"{folder}: there is no such folder")
            files = sorted(folder.rglob("*.md")) if folder.is_dir() else []
            if len(files) > MAX_FILES:
                problems.append(
                    f"{folder}: it holds {len(files)} articles; those after {files[MAX_FILES - 1]} are not read"
                )
            for file in files[:MAX_FILES]:
                try:
                    article = read(file)
                except BadArticle as error:
                    problems.append(f"{file}: {error}")
                    continue
                place = (article.slug, article.language)
                if place in here:
                    problems.append(f"{file}: {here[place]} is the same article in the same language")
                    continue
                here[place] = file
                found.setdefault(place, article)
        self._found = found
        self._spoken: dict[str, set[str]] = {}
        for slug, language in found:
            self._spoken.setdefault(slug, set()).add(language)
        self.problems = tuple(problems)
        self._turn = threading.Lock()
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute(
            "CREATE VIRTUAL TABLE words USING fts5(title, text, slug UNINDEXED, language UNINDEXED, "
            "tokenize='unicode61 remove_diacritics 2', prefix='1 2 3')"
        )
        rows = [(a.title, a.text, a.slug, a.language) for a in found.values()]
        self._index.executemany("INSERT INTO words VALUES (?, ?, ?, ?)", rows)

    def all(self) -> tuple[Article, ...]:
        """Every article in every language."""
        return tuple(self._found.values())

    def find(self, slug: str, language: str) -> Article | None:
        """The article in this language, or in the first other one that has it; None for no article."""
        spoken = self._spoken.get(slug)
        return None if spoken is None else self._found[slug, nearest(spoken, language, self.languages)]

    def sections(self, language: str) -> tuple[tuple[str, tuple[Article, ...]], ...]:
        """The sections with their articles, each once, in the order of their numbers."""
        chosen = [found for slug in self._spoken if (found := self.find(slug, language)) is not None]
        by_section: dict[str, list[Article]] = {}
        for article in sorted(chosen, key=lambda a: (a.order, a.title.casefold())):
            by_section.setdefault(article.section, []).append(article)
        return tuple((section, tuple(articles)) for section, articles in by_section.items())

    def search(self, words: str, language: str, limit: int = MAX_SHOWN) -> tuple[Hit, ...]:
        """What holds all of the words, the title weighing more; the last one may be half typed. Nothing is an operator."""
        asked = _WORD.findall(words[:500])[:_MAX_WORDS]
        if not asked:
            return ()
        query = " ".join(f'"{word}"' for word in asked[:-1]) + f' "{asked[-1]}"*'
        with self._turn:
            rows = self._index.execute(
                "SELECT rowid, slug, language FROM words WHERE words MATCH ? "
                "ORDER BY language <> ?, bm25(words, 5.0, 1.0) LIMIT ?",
                (query, language, limit * 6),
            ).fetchall()
            hits: list[Hit] = []
            for row, slug, spoken in rows:
                shown = self.find(slug, language)
                if shown is not None and shown.language == spoken and len(hits) < limit:
                    # Excerpts are dear: only of what is shown.
                    excerpt = self._index.execute(
                        "SELECT snippet(words, 1, ?, ?, ' … ', 24) FROM words WHERE words MATCH ? AND rowid = ?",
                        (_MARK, _MARK_END, query, row),
                    ).fetchone()[0]
                    hits.append(Hit(shown, _marked(excerpt)))
        return tuple(hits)


def nearest(spoken: Set[str], language: str, languages: tuple[str, ...]) -> str:
    """In which of its languages an article is shown to whoever asks in `language`; languages: those of the desk, in order."""
    return next(code for code in (language, *languages, *sorted(spoken)) if code in spoken)


def folders_of(own: Path | None) -> tuple[Path, ...]:
    """Where articles are looked for: the admin's folder, then ours."""
    ours = template_folders(None)[-1] / "articles"
    return (own, ours) if own is not None else (ours,)


def read(file: Path) -> Article:
    """The article in a file. Raises BadArticle."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
        source = raw.decode("utf-8-sig") if len(raw) <= MAX_FILE_BYTES else None
    except OSError as error:
        raise BadArticle(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadArticle(f"it is not UTF-8 from byte {error.start} on") from error
    if source is None:
        raise BadArticle(f"it is larger than {MAX_FILE_BYTES} bytes")
    if not _SLUG.fullmatch(file.stem):
        raise BadArticle('its name must be of small letters, digits and "-", as in "request-arrived.md"')
    if file.stem in _TAKEN:
        raise BadArticle(f'its name cannot be "{file.name}": a page of the desk has that address')
    front = _FRONT.match(source)
    if front is None:
        raise BadArticle('it must begin with its title, language, section and order between two lines of "---"')
    try:
        # Each value as it was typed: the other loaders make a date of "2026-99-99", and "no" of Norwegian is False.
        values = yaml.load(front[1], Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and tables alone
    except yaml.YAMLError as error:
        raise BadArticle(f'the lines between the two of "---" are not YAML: {str(error).splitlines()[0]}') from error
    except RecursionError as error:
        raise BadArticle('the lines between the two of "---" are nested too deeply') from error
    if not isinstance(values, dict):
        raise BadArticle('the lines between the two of "---" must be like "title: How to begin"')
    unknown = sorted(str(name) for name in values if name not in ("title", "language", "section", "order"))
    if unknown:
        raise BadArticle(f"unknown: {', '.join(unknown)}; it has title, language, section and order")
    title, language, section = (_line(values, name) for name in ("title", "language", "section"))
    order = values.get("order", "100")
    if not isinstance(order, str) or not re.fullmatch(r"-?[0-9]{1,6}", order):
        raise BadArticle("order must be a whole number of at most six digits")
    if not re.fullmatch(r"[a-z]{2}", language):
        raise BadArticle('language must be two letters, as in "fr"')
    shown = _safe(_MARKDOWN.render(source[front.end() :]))
    text = " ".join(lxml_html.fromstring(f"<div>{shown}</div>").text_content().split())
    digest = hashlib.sha256(f"{title}\0{shown}".encode()).hexdigest()
    return Article(file.stem, language, title, section, int(order), shown, text, digest)


# Raw HTML is shown as text, and so is a link that runs something.
_MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})


def _line(values: dict[object, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip() or _CONTROL.search(value.strip()):
        raise BadArticle(f"{name} is missing, or is not one line of text")
    return value.strip()[:200]


def _safe(rendered: str) -> Markup:
    """What may stand on a page below its heading: no picture, no script, no heading as high as the page's own."""
    # The highest heading comes right below the page's own, whether its author began with "#" or "##".
    down = 2 - int(min(re.findall(r"<h([1-6])>", rendered), default="2"))
    rendered = re.sub(r"(</?h)([1-6])>", lambda h: f"{h[1]}{min(int(h[2]) + down, 6)}>", rendered)
    cleaned = nh3.clean(
        rendered,
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        attribute_filter=_attribute,
    )
    return Markup(cleaned)  # noqa: S704 - nh3 had the last hand on it


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """A link leads to another site by its full address, or to a page of ours by its path: "//evil.test" is neither."""
    if name != "href":
        return value
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    if not parts.scheme and (parts.netloc or value.strip()[:2].replace("\\", "/") == "//"):
        return None
    return value


def _marked(excerpt: str) -> Markup:
    """An excerpt of plain text, escaped, the words that were found in <mark>."""
    safe = str(escape(excerpt))
    return Markup(safe.replace(_MARK, "<mark>").replace(_MARK_END, "</mark>"))  # noqa: S704 - escaped in the line above
