"""The catalogues of the help centre's texts: `python -m tests.catalogues` brings them up to date with the templates.

New texts come in empty, so that a test names them; what is used no more goes. What was translated stays.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "templates" / "web" / "catalogue"
LANGUAGES = ("de", "es", "fr", "it")
_KEYWORDS = {"gettext": None, "ngettext": (1, 2), "_": None, "N_": None}
_OPTIONS = {"**.html": {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}


def extracted() -> Catalog:
    """Every text of the templates and of the pages' code, sorted."""
    found = Catalog(project="maildesk", version="", charset="utf-8")
    for folder, method in ((ROOT / "templates" / "web", "jinja2"), (ROOT / "maildesk" / "web", "python")):
        mapping = [("**.html", method)] if method == "jinja2" else [("**.py", method)]
        for _, _, message, _, context in extract_from_dir(
            str(folder), mapping, _OPTIONS, keywords=_KEYWORDS, comment_tags=()
        ):
            found.add(message, context=context)
    return found


def catalogue(language: str) -> Catalog:
    """A language's catalogue as it lies there; empty where there is none."""
    file = FOLDER / f"{language}.po"
    if not file.is_file():
        return Catalog(locale=language, project="maildesk", version="", charset="utf-8")
    with file.open("rb") as source:
        return read_po(source, locale=language)


def updated(language: str) -> bytes:
    """The catalogue with exactly the texts there are."""
    found = catalogue(language)
    found.update(extracted(), no_fuzzy_matching=True)
    found.obsolete.clear()
    found.fuzzy = False
    found.header_comment = "# English stands in the templates; `python -m tests.catalogues` adds new texts here."
    found.last_translator = found.language_team = found.msgid_bugs_address = ""
    found.creation_date = found.revision_date = datetime(2026, 11, 23, tzinfo=UTC)
    written = BytesIO()
    write_po(written, found, sort_output=True, no_location=True, width=120, omit_header=False)
    return written.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for code in LANGUAGES:
        (FOLDER / f"{code}.po").write_bytes(updated(code))
        missing = sum(1 for message in catalogue(code) if message.id and not message.string)
        sys.stdout.write(f"{code}: {missing} texts wait for a translation\n")
