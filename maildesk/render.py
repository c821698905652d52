"""A view to a letter's subject, text and HTML, by the templates of its language. Decides nothing, composes no mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, tzinfo
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from maildesk import log
from maildesk.desk.model import LetterKind, LetterView
from maildesk.desk.notices import NOTICES
from maildesk.mail.compose import safe_header
from maildesk.mail.subject import reply_subject
from maildesk.samples import barest, fullest, sample

# Every template a language must have, and the kind of letter it makes.
LETTERS: Mapping[str, LetterKind] = {notice.name: notice.kind for notice in NOTICES}
# The letters a customer gets: nothing in them may come from an agent's or another customer's data.
TO_CUSTOMERS = tuple(notice.name for notice in NOTICES if notice.audience == "customer")

# What an admin's template can go wrong with; anything else is a fault of ours and must be seen.
TEMPLATE_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

# Noncharacters (Unicode, 23.7) that no text may hold mark what a person wrote, so that nobody can write a frame's border.
_SAID, _VERBATIM, _FOLDED, _MORE, _SHOWN, _END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4", "\ufdd5"
_MARK = re.compile(f"([{_SAID}-{_END}])")
_KIND = {_SAID: "said", _VERBATIM: "verbatim", _FOLDED: "folded", _MORE: "more", _SHOWN: "shown"}
_RULE = "-" * 40
_MANY_LINES = frozenset({"text", "html", "rest"})
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# A link ends before white space, quotes, angle brackets and invisible direction marks, and before a sentence's last mark.
_LINK = re.compile(r"\b(?:https?://|mailto:)[^\s<>\"'\u200b-\u200f\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter's words. html is a whole page; language is the one whose templates were used."""

    subject: str
    text: str
    html: str
    language: str


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a letter's HTML. kind: "paragraph", "quote" (a line that began with ">"), "list"; lines: safe HTML."""

    kind: str
    lines: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks of one voice. kind: "desk" (the template), "said" (somebody's words), "verbatim" (the whole letter), "folded",
    "more" (folded where a mail program can, under its title).

    html: the words with their formatting, safe, instead of blocks; None where there are blocks.
    """

    kind: str
    blocks: tuple[Block, ...]
    title: str = ""
    html: Markup | None = None


def template_folders(override: str | Path | None) -> tuple[Path, ...]:
    """Where templates are looked for, first first: the admin's folder, then those of this installation.

    A checkout and an editable install use the top-level `templates` beside pyproject.toml, a wheel the copy in the package.
    """
    package = Path(__file__).resolve().parent
    checkout = package.parent / "templates"
    # An editable install of hatchling copies the templates into site-packages too, where they go stale; the package's own
    # place tells the two apart.
    ours = checkout if (package.parent / "pyproject.toml").is_file() and checkout.is_dir() else package / "templates"
    return (Path(override), ours) if override else (ours,)


class Renderer:
    """Letters by templates that are looked up in `folders`, each file by itself, the first folder that has it.

    `zone` is the one in which letters name times. A letter whose templates fail in an earlier folder is made by the last
    one alone, with one warning, so that an admin's mistake loses no mail. Files are read once: make a new one to reload.
    """

    def __init__(self, folders: tuple[Path, ...], zone: tzinfo = UTC) -> None:
        self._all = _environment(folders, zone)
        self._packaged = _environment(folders[-1:], zone) if len(folders) > 1 else self._all
        self._known = frozenset(self._all.list_templates())
        self._warned: set[str] = set()

    def languages(self) -> tuple[str, ...]:
        """The languages that have a template for every letter, in alphabetical order."""
        codes = sorted({name.partition("/")[0] for name in self._known if "/" in name})
        return tuple(code for code in codes if all(f"{code}/{letter}.txt" in self._known for letter in LETTERS))

    def render(self, template: str, view: LetterView) -> Rendered:
        """The letter `template` ("confirmation") for `view`, in its language or else the nearest one that has it."""
        view = clean(view)
        try:
            return self._render(self._all, template, view)
        except TEMPLATE_FAULTS as error:
            if self._packaged is self._all:
                raise
            if template not in self._warned:
                self._warned.add(template)
                log.warning("template.failed", template=f"{view.language}/{template}", error=type(error).__name__)
        return self._render(self._packaged, template, view)

    def render_strictly(self, template: str, view: LetterView) -> Rendered:
        """As `render`, but an overriding template that fails raises its error."""
        return self._render(self._all, template, clean(view))

    def _render(self, environment: ImmutableSandboxedEnvironment, template: str, view: LetterView) -> Rendered:
        language = self._language(template, view.language)
        values = {one.name: getattr(view, one.name) for one in fields(view)} | {"language": language}
        source = environment.get_template(f"{language}/{template}.txt").render(values)
        subject, _, body = source.partition("\n")
        sections = tuple(_sections(body))
        page = f"{language}/{template}.html"
        frame = environment.get_template(page if page in self._known else "frame.html")
        subject = safe_header(subject)
        html = frame.render(values, title=subject, sections=tuple(_section(*one, view.html) for one in sections))
        return Rendered(subject, _text(sections), html, language)

    def _language(self, template: str, wanted: str) -> str:
        for code in (wanted, wanted.partition("-")[0], "en", *self.languages()):
            if f"{code}/{template}.txt" in self._known:
                return code
        return wanted


def _environment(folders: tuple[Path, ...], zone: tzinfo) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([folder / "mail" for folder in folders]),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

    @pass_context
    def day(context: Context, at: datetime | None) -> str:
        return "" if at is None else _day(at.astimezone(zone), str(context["language"]))

    @pass_context
    def time(context: Context, at: datetime | None) -> str:
        return "" if at is None else f"{day(context, at)} {at.astimezone(zone):%H:%M %Z}".rstrip()

    @pass_context
    def size(context: Context, count: int) -> str:
        return sized(count, str(context["language"]))

    environment.filters |= {
        "day": day,
        "time": time,
        "size": size,
        "reply": lambda subject, number: reply_subject(number, subject),
        "said": lambda text: f"{_SAID}{text}{_END}",
        "verbatim": lambda text: f"{_VERBATIM}{text}{_END}",
        "shown": lambda text: f"{_SHOWN}{text}{_END}",
        "folded": lambda text, title="": (
            f"{_MORE if title else _FOLDED}{title}\n\n{_MARK.sub('', text)}{_END}" if text.strip() else ""
        ),
        "quoted": lambda text: "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n")),
        "linked": linked,
    }
    return environment


def clean(view: LetterView) -> LetterView:
    """`view` without what no letter may hold: controls, lone surrogates, noncharacters, and in names line breaks."""
    return replace(view, **_cleaned_fields(view))


def _cleaned_fields(value: Any) -> dict[str, Any]:
    return {one.name: _cleaned(getattr(value, one.name), one.name in _MANY_LINES) for one in fields(value)}


def _cleaned(value: Any, many_lines: bool = False) -> Any:
    if isinstance(value, str):
        if many_lines:
            return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
        return _ONE_LINE.sub(" ", value)
    if isinstance(value, tuple):
        return tuple(_cleaned(one) for one in value)
    return replace(value, **_cleaned_fields(value)) if is_dataclass(value) and not isinstance(value, type) else value


def _sections(body: str) -> Iterator[tuple[str, str]]:
    kind = "desk"
    for piece in _MARK.split(body):
        if _MARK.fullmatch(piece):
            kind = _KIND.get(piece, "desk")
        elif piece.strip():
            # Only the template's own lines are tidied: what a person wrote keeps its blank lines.
            is_ours = kind in ("desk", "folded", "more")
            yield kind, _BLANK_LINES.sub("\n\n", piece).strip("\n") if is_ours else piece.strip("\n")


def _text(sections: tuple[tuple[str, str], ...]) -> str:
    """The sections below each other, with one rule above the first that is folded."""
    first = next((at for at, (kind, _) in enumerate(sections) if kind in ("folded", "more")), -1)
    return "\n\n".join(f"{_RULE}\n{text}" if at == first else text for at, (_, text) in enumerate(sections)) + "\n"


def _section(kind: str, text: str, html: str) -> Section:
    if kind == "shown":
        # shown.py made it, and nh3 had the last hand on it.
        return Section("said", (), html=Markup(html)) if html else Section("said", blocks(text))  # noqa: S704
    if kind != "more":
        return Section(kind, blocks(text))
    title, _, text = text.partition("\n")
    lines = text.strip("\n").split("\n")
    while any(lines) and all(line.startswith(">") for line in lines if line):
        # The frame quotes it once: marks that all lines have say nothing.
        lines = [line.removeprefix(">").removeprefix(" ") for line in lines]
    return Section(kind, blocks("\n".join(lines)), title)


def blocks(text: str) -> tuple[Block, ...]:
    """`text` as HTML pieces: paragraphs between blank lines, lists of lines with "- ", quotes of lines with ">".

    Everything is escaped; http, https and mailto links are clickable and show their whole address.
    """
    found: list[Block] = []
    for paragraph in _BLANK_LINES.split(text.strip("\n")):
        kind, lines = "", list[str]()
        for line in paragraph.split("\n"):
            now = "quote" if line.startswith(">") else "list" if line.startswith("- ") else "paragraph"
            if now != kind and lines:
                found.append(_block(kind, lines))
                lines = []
            kind = now
            lines.append(
                line.removeprefix(">").removeprefix(" ") if now == "quote" else line[2:] if now == "list" else line
            )
        found.append(_block(kind, lines))
    return tuple(found)


def _block(kind: str, lines: list[str]) -> Block:
    return Block(kind, tuple(linked(line) for line in lines))


def _escaped(text: str) -> str:
    return escape(text, quote=True)


def linked(text: str) -> Markup:
    """`text` escaped, its links clickable; spaces in front stay (a listing keeps its shape)."""
    body = text.lstrip(" ")
    indent = "&nbsp;" * (len(text) - len(body))
    if ":" not in body:
        return Markup(indent + _escaped(body))  # noqa: S704 - escaped in the call
    parts, end = [indent], 0
    for match in _LINK.finditer(body):
        address = match.group().rstrip(".,;:!?*_")
        last, spare = len(address), address.count(")") - address.count("(")
        # By places, and cut once: whoever writes ten thousand of them keeps nobody waiting.
        while spare > 0 and address[last - 1] == ")":
            last, spare = last - 1, spare - 1
            while address[last - 1] in ".,;:!?":
                last -= 1
        address = address[:last]
        if not _LINK.fullmatch(address):
            # Nothing but a scheme is left of it: "mailto::" is text.
            continue
        safe = _escaped(address)
        parts += [_escaped(body[end : match.start()]), f'<a href="{safe}">{safe}</a>']
        end = match.start() + len(address)
    return Markup("".join([*parts, _escaped(body[end:])]))  # noqa: S704 - every piece of text is escaped


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = {"fr": "%d/%m/%Y", "de": "%d.%m.%Y", "es": "%d/%m/%Y", "it": "%d/%m/%Y"}
_UNITS = {"fr": ("o", "ko", "Mo", "Go")}


def _day(at: datetime, language: str) -> str:
    if language == "en":
        # "03/04" is another day on either side of the Atlantic.
        return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return at.strftime(_DAYS.get(language, "%Y-%m-%d"))


def sized(count: int, language: str) -> str:
    amount, units = float(count), list(_UNITS.get(language, ("B", "kB", "MB", "GB")))
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    shown = f"{amount:.1f}".removesuffix(".0") if amount < 9.95 else f"{amount:.0f}"
    return f"{shown if language == 'en' else shown.replace('.', ',')}\u00a0{units[0]}"


def problems(folders: tuple[Path, ...], languages: tuple[str, ...]) -> list[str]:
    """What is wrong with the templates, one sentence each; every letter is rendered in each of `languages`.

    Also names files of the admin's folder that override nothing, which a slip of the pen makes.
    """
    renderer, found = Renderer(folders), list[str]()
    for language in languages:
        for letter in LETTERS:
            name = f"mail/{language}/{letter}.txt"
            if not any((folder / name).is_file() for folder in folders):
                found.append(f"{name}: there is no such template")
                continue
            for view in (sample(letter, language), fullest(letter, language), barest(letter, language)):
                if fault := _fault(renderer, letter, view):
                    found.append(f"{name}: {fault}")
                    break
    for folder in folders[:-1]:
        found += [f"{name}: the desk uses no such template" for name in _unused(folder, languages)]
    return found


def _fault(renderer: Renderer, letter: str, view: LetterView) -> str:
    try:
        rendered = renderer.render_strictly(letter, view)
    except TEMPLATE_FAULTS as error:
        place = f"line {error.lineno}: " if isinstance(error, TemplateSyntaxError) else ""
        return f"{place}{error}"
    if not rendered.subject:
        return "the subject, its first line, is empty"
    return "" if rendered.text.strip() or not view.text else "the text, after the first line, is empty"


def _unused(folder: Path, languages: tuple[str, ...]) -> list[str]:
    known = {f"{letter}{ending}" for letter in LETTERS for ending in (".txt", ".html")}
    used = {f"mail/{language}/{name}" for language in languages for name in known} | {
        "mail/frame.html",
        "mail/README.md",
    }
    names = (path.relative_to(folder).as_posix() for path in sorted((folder / "mail").rglob("*")) if path.is_file())
    return [name for name in names if name not in used and not Path(name).name.startswith(("_", "."))]
