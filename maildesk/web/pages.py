"""A template and values to a page in one language: catalogues, locale dates and numbers. Decides nothing, knows no request.

English is the language of the templates; templates/web/catalogue/<language>.po holds the others (gettext). An admin's folder
overrides file by file, as it does for letters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from maildesk import log
from maildesk.config import Config, Web
from maildesk.render import TEMPLATE_FAULTS, blocks, linked, sized, template_folders

# "23/11" is another day in New York: English is read everywhere.
_LOCALES = {"en": "en_GB"}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
}


@dataclass(frozen=True, slots=True)
class Static:
    """A file that pages load, under a name that changes with its content. path: "/static/1f2e.../desk.css"."""

    path: str
    type: str
    content: bytes


class Pages:
    """The pages' templates in all languages. Immutable; a reload makes a new one."""

    def __init__(
        self, folders: tuple[Path, ...], languages: tuple[str, ...], zone: tzinfo, own: Mapping[str, bytes]
    ) -> None:
        """folders: first first, as render.template_folders gives them; own: further static files by name, "brand.css"."""
        self.languages = languages
        self._translations = {language: _catalogue(folders, language) for language in languages}
        self.static = {one.path: one for one in _static(folders, own)}
        self._static_paths = {one.path.rpartition("/")[2]: one.path for one in self.static.values()}
        self._all = self._environment(folders, zone)
        self._packaged = self._environment(folders[-1:], zone) if len(folders) > 1 else self._all
        self._warned: set[str] = set()

    def render(self, template: str, language: str, values: Mapping[str, object]) -> str:
        """A whole page. An overriding template that fails is left for ours, with one warning."""
        given = {**values, "language": language, "languages": self.languages}
        try:
            return self._all.get_template(template).render(given)
        except TEMPLATE_FAULTS as error:
            if self._packaged is self._all:
                raise
            if template not in self._warned:
                self._warned.add(template)
                log.warning("template.failed", template=f"web/{template}", error=type(error).__name__)
        return self._packaged.get_template(template).render(given)

    def gettext(self, language: str, text: str) -> str:
        """A text in a language; as it is where no catalogue has it."""
        return self._translations[language].gettext(text)

    def ngettext(self, language: str, one: str, many: str, count: int) -> str:
        """A text with a count, in the plural form of its language."""
        return self._translations[language].ngettext(one, many, count)

    def _environment(self, folders: tuple[Path, ...], zone: tzinfo) -> ImmutableSandboxedEnvironment:
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([folder / "web" for folder in folders]),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )

        @pass_context
        def gettext(context: Context, text: str) -> str:
            return self.gettext(str(context["language"]), text)

        @pass_context
        def ngettext(context: Context, one: str, many: str, count: int) -> str:
            return self.ngettext(str(context["language"]), one, many, count)

        environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]

        @pass_context
        def day(context: Context, at: datetime | None) -> str:
            return (
                "" if at is None else format_date(at.astimezone(zone), "medium", locale=locale_of(context["language"]))
            )

        @pass_context
        def moment(context: Context, at: datetime | None) -> str:
            if at is None:
                return ""
            return format_datetime(at.astimezone(zone), "medium", locale=locale_of(context["language"])).removesuffix(
                at.astimezone(zone).strftime(":%S")
            )

        @pass_context
        def number(context: Context, count: int) -> str:
            return counted(count, str(context["language"]))

        @pass_context
        def size(context: Context, count: int) -> str:
            return sized(count, str(context["language"]))

        environment.filters |= {
            "day": day,
            "moment": moment,
            "number": number,
            "size": size,
            "linked": linked,
            "blocks": blocks,
            "iso": lambda at: at.isoformat(timespec="seconds") if at is not None else "",
        }
        environment.globals["static"] = lambda name: self._static_paths[name]
        environment.globals["has_static"] = lambda name: name in self._static_paths
        return environment


@lru_cache(maxsize=10_000)
def counted(count: int, language: str) -> str:
    """A number as its language writes it: "12,345". A page of figures holds hundreds, most of them often."""
    return format_decimal(count, locale=locale_of(language))


def locale_of(language: object) -> str:
    """The locale by which a language's dates and numbers are written."""
    return _LOCALES.get(str(language), str(language))


def _catalogue(folders: tuple[Path, ...], language: str) -> NullTranslations:
    """The first catalogue of a language, the admin's or ours; English needs none."""
    for folder in folders:
        file = folder / "web" / "catalogue" / f"{language}.po"
        if not file.is_file():
            continue
        try:
            with file.open("rb") as source:
                catalogue = read_po(source, locale=language)
            written = BytesIO()
            write_mo(written, catalogue)
            written.seek(0)
            return GNUTranslations(written)
        except (OSError, ValueError, UnicodeError) as error:
            log.warning("catalogue.failed", language=language, error=type(error).__name__)
    return NullTranslations()


def _static(folders: tuple[Path, ...], own: Mapping[str, bytes]) -> list[Static]:
    found: dict[str, bytes] = {}
    for folder in reversed(folders):
        place = folder / "web" / "static"
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix in _TYPES and file.is_file():
                found[file.name] = file.read_bytes()
    found |= own
    return [
        Static(f"/static/{hashlib.sha256(content).hexdigest()[:12]}/{name}", _TYPES[Path(name).suffix], content)
        for name, content in found.items()
        if Path(name).suffix in _TYPES
    ]


def make_pages(config: Config) -> Pages:
    """The pages as the configuration wants them."""
    web = config.web or Web()
    own = {"brand.css": brand_css(web.accent, web.accent_dark).encode()}
    if web.logo is not None:
        own[f"logo{web.logo.suffix.lower()}"] = web.logo.read_bytes()
    folders = template_folders(config.desk.templates or None)
    return Pages(folders, config.desk.languages, ZoneInfo(config.desk.timezone), own)


def brand_css(accent: str, accent_dark: str) -> str:
    """The desk's colours over ours, made dark or light enough to be read; "" leaves ours."""
    if not accent and not accent_dark:
        return ""
    light = readable(accent or accent_dark, _LIGHT)
    dark = readable(accent_dark or accent, _DARK)
    return (
        f":root {{ --accent: {light}; --accent-ink: {_ink_on(light)}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {dark}; --accent-ink: {_ink_on(dark)}; }} }}\n"
    )


# The grounds on which links stand (desk.css, --soft), and what WCAG 2.2 asks of text (1.4.3).
_LIGHT, _DARK, _CONTRAST = "#f3f4f7", "#20232a", 4.6


def readable(colour: str, ground: str) -> str:
    """The colour, moved towards black or white until its text is read on the ground."""
    towards = 0 if luminance(ground) > 0.5 else 255
    parts = _parts(colour)
    for step in range(21):
        mixed = tuple(round(part + (towards - part) * step / 20) for part in parts)
        found = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(found, ground) >= _CONTRAST:
            return found
    return "#000000" if towards == 0 else "#ffffff"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of "#rrggbb", 0 to 1 (WCAG 2.2)."""
    parts = (part / 255 for part in _parts(colour))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _ink_on(colour: str) -> str:
    return max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, colour))
