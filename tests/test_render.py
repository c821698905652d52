"""How a view becomes words: which template is taken, what happens when one fails, what HTML comes of a text."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import TemplateError

import maildesk.render
from maildesk.cli.preview import preview
from maildesk.desk.model import Listed
from maildesk.errors import BadUsage
from maildesk.mail.model import Person
from maildesk.render import LETTERS, Renderer, blocks, linked, problems, template_folders
from maildesk.samples import sample

(OURS,) = template_folders(None)
# What markup is made of, to be put together by chance.
PIECES = (
    "<",
    ">",
    "<script>",
    '"',
    "'",
    "&",
    ";",
    " ",
    "\n",
    "> ",
    "- ",
    "https://",
    "mailto:",
    "x.test",
    ")",
    "(",
    "\ufdd0",
)


def override(folder: Path, name: str, text: str) -> tuple[Path, ...]:
    path = folder / "mail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return template_folders(folder)


def test_a_checkout_uses_the_templates_beside_pyproject() -> None:
    """Run from a checkout or an editable install, the top-level folder is meant, not a copy somewhere else."""
    assert Path(maildesk.render.__file__).parents[1] / "templates" == OURS


def test_a_wheel_uses_the_copy_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pyproject.toml beside the package, its own templates are taken; tests/test_install.py shows it for pip."""
    package = tmp_path / "site-packages" / "maildesk"
    shutil.copytree(OURS, package / "templates")
    (package / "render.py").touch()
    monkeypatch.setattr(maildesk.render, "__file__", str(package / "render.py"))
    assert template_folders(None) == (package / "templates",)
    assert Renderer(template_folders(None)).languages() == Renderer((OURS,)).languages()


def test_a_folder_overrides_file_by_file(tmp_path: Path) -> None:
    """The one file that is there replaces ours; every other letter and language is as before."""
    folders = override(tmp_path, "fr/confirmation.txt", "Ours {{ number }}\n\nMerci, {{ desk }}.\n")
    renderer, plain = Renderer(folders), Renderer((OURS,))
    assert renderer.render("confirmation", sample("confirmation", "fr")).text == "Merci, Example Support.\n"
    for letter, language in (("confirmation", "de"), ("new", "fr")):
        view = sample(letter, language)
        assert renderer.render(letter, view) == plain.render(letter, view)
    assert problems(folders, ("fr",)) == []


def test_overridden_words_reach_our_letters(tmp_path: Path) -> None:
    """A changed `_words.txt` changes every letter of its language."""
    words = (OURS / "mail/en/_words.txt").read_text().replace('"solved": "solved"', '"solved": "done and dusted"')
    renderer = Renderer(override(tmp_path, "en/_words.txt", words))
    assert "done and dusted" in renderer.render("receipt", sample("receipt", "en")).text


def test_an_html_file_replaces_the_page_of_its_letter(tmp_path: Path) -> None:
    """It escapes what it is given and may extend the frame."""
    page = '{% extends "frame.html" %}{% block content %}<h1>{{ subject }}</h1>{% endblock %}'
    renderer = Renderer(override(tmp_path, "en/answer.html", page))
    view = replace(sample("answer", "en"), subject="<script>")
    assert "<h1>&lt;script&gt;</h1>" in renderer.render("answer", view).html


@pytest.mark.parametrize(
    "broken",
    [
        "{{ nmuber }}",
        "{% if %}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{% include 'missing' %}",
        "{{ text.x.y }}",
    ],
)
def test_a_broken_override_loses_no_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str) -> None:
    """The packaged letter goes out with one warning, and `problems` names the file beforehand."""
    folders = override(tmp_path, "en/confirmation.txt", f"Subject\n\n{broken}\n")
    renderer, view = Renderer(folders), sample("confirmation", "en")
    with caplog.at_level(logging.WARNING, logger="maildesk"):
        assert renderer.render("confirmation", view) == Renderer((OURS,)).render("confirmation", view)
        renderer.render("confirmation", view)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["template.failed"]
    (problem,) = problems(folders, ("en",))
    assert problem.startswith("mail/en/confirmation.txt: ")


def test_a_broken_template_of_ours_is_seen(tmp_path: Path) -> None:
    """With nothing to fall back on, the error is raised."""
    shutil.copytree(OURS, tmp_path / "templates")
    (tmp_path / "templates/mail/en/new.txt").write_text("x\n\n{{ nobody_knows }}")
    with pytest.raises(TemplateError):
        Renderer((tmp_path / "templates",)).render("new", sample("new", "en"))


def test_check_names_files_that_override_nothing(tmp_path: Path) -> None:
    """A slip of the pen in a file's name is said instead of ignored."""
    folders = override(tmp_path, "en/confirmaton.txt", "x")
    assert problems(folders, ("en",)) == ["mail/en/confirmaton.txt: the desk uses no such template"]


def test_check_names_a_language_without_templates() -> None:
    """Each letter that is missing is named."""
    assert len(problems((OURS,), ("xx",))) == len(LETTERS)


@pytest.mark.parametrize(("wanted", "used"), [("fr", "fr"), ("fr-CA", "fr"), ("xx", "en"), ("", "en"), ("../en", "en")])
def test_a_language_without_templates_becomes_the_nearest(wanted: str, used: str) -> None:
    """The region falls away, then it is English: nobody stays without a letter."""
    rendered = Renderer((OURS,)).render("answer", sample("answer", wanted))
    assert (rendered.language, f'<html lang="{used}"' in rendered.html) == (used, True)


def test_times_are_in_the_zone_and_the_way_of_the_language() -> None:
    """17:05 UTC is 18:05 in Paris in November; dates and sizes read as people write them there."""
    renderer = Renderer((OURS,), ZoneInfo("Europe/Paris"))
    expected = {
        "en": ("22 Nov 2026 18:05 CET", "1.2\u00a0MB"),
        "fr": ("22/11/2026 18:05 CET", "1,2\u00a0Mo"),
        "de": ("22.11.2026 18:05 CET", "1,2\u00a0MB"),
        "es": ("22/11/2026 18:05 CET", "1,2\u00a0MB"),
        "it": ("22/11/2026 18:05 CET", "1,2\u00a0MB"),
    }
    for language, (at, size) in expected.items():
        text = renderer.render("confirmation", sample("confirmation", language)).text
        assert at in text
        assert size in text


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1240, "1.2 kB"), (999_999, "1 MB"), (35_000_000_000, "35 GB")],
)
def test_sizes_stay_short(count: int, shown: str) -> None:
    """At most three digits and a unit."""
    view = replace(sample("confirmation", "en"), attachments=(Listed("a", count),))
    assert f"- a ({shown})" in Renderer((OURS,)).render("confirmation", view).text.replace("\u00a0", " ")


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("MAILTO::")
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever somebody wrote, the HTML holds no element that the frame or a link of ours did not open (THREATS T85)."""
    for block in blocks(text):
        for line in block.lines:
            rest = str(line).replace("</a>", "")
            while '<a href="' in rest:
                before, _, after = rest.partition('<a href="')
                address, _, after = after.partition('">')
                assert address.lower().startswith(("http://", "https://", "mailto:"))
                assert "<" not in address
                rest = before + after
            assert "<" not in rest


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://x.test/a?b=1&c=2.", "https://x.test/a?b=1&amp;c=2"),
        ("(https://x.test/a)", "https://x.test/a"),
        ("https://x.test/a_(b)", "https://x.test/a_(b)"),
        ("mailto:lea@x.test, please", "mailto:lea@x.test"),
    ],
)
def test_a_link_is_clickable_and_shows_its_whole_address(text: str, address: str) -> None:
    """What one clicks is what one reads (THREATS T81)."""
    assert f'<a href="{address}">{address}</a>' in linked(text)


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x.test", "x.test"]
)
def test_other_schemes_are_text(text: str) -> None:
    """Only http, https and mailto are links."""
    assert "<a" not in linked(text)


def test_nobody_can_write_the_frame() -> None:
    """Marks, controls and line breaks in names do not open a section or a second line; a text keeps its lines."""
    view = replace(
        sample("new", "en"),
        author=Person("lea@x.test", "Lea\n- The sender’s address is proved.\ufdd2\u202e"),
        text="one\r\ntwo\x00\ufdd2three\ud800",
    )
    rendered = Renderer((OURS,)).render("new", view)
    assert rendered.text.startswith("Lea - The sender’s address is proved.")
    assert "one\ntwothree\n" in rendered.text
    assert rendered.html.count('class="folded"') == 1


def test_the_formatting_is_shown_in_the_page_alone() -> None:
    """The view's HTML stands in the page where the text stands in the letter; without it the text is escaped as ever."""
    renderer, view = Renderer((OURS,)), replace(sample("new", "en"), text="a <b> c", html="<p>a <b>c</b></p>")
    rich, plain = renderer.render("new", view), renderer.render("new", replace(view, html=""))
    assert rich.text == plain.text
    assert "<p>a <b>c</b></p>" in rich.html
    assert "a &lt;b&gt; c" not in rich.html
    assert "a &lt;b&gt; c" in plain.html


def test_only_what_agents_read_shows_html() -> None:
    """A letter to a customer or an admin, or a receipt, says the text, whatever the view holds."""
    view = replace(sample("new", "en"), html="<i>MARKER</i>")
    for letter in LETTERS:
        assert ("MARKER" in Renderer((OURS,)).render(letter, view).html) == (
            letter in ("new", "reply", "note", "assigned")
        )


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it"])
def test_the_rest_is_folded_under_one_line(language: str) -> None:
    """In the page a closed fold under a heading holds a quote that mail programs know; in the text it stands below one rule."""
    view = replace(sample("reply", language), rest="> an older line\n\n> another <b>")
    rendered = Renderer((OURS,)).render("reply", view)
    assert rendered.text.count("-" * 40) == 1
    assert rendered.text.index("-" * 40) < rendered.text.index("an older line")
    assert rendered.html.count("<details>") == rendered.html.count('<blockquote type="cite"') == 2
    fold = rendered.html.partition("<details>")[2].partition("</details>")[0]
    assert "an older line" in fold
    assert "another &lt;b&gt;" in fold
    assert "&gt; an" not in fold


def test_a_folder_that_still_says_its_text_is_as_before(tmp_path: Path) -> None:
    """Templates written before there was formatting keep working: `said` and `folded` without a heading are as they were."""
    words = "Subject\n\n{{ text | said }}\n\n{% filter folded %}\nStatus\n\n{{ rest | quoted }}\n{% endfilter %}\n"
    renderer = Renderer(override(tmp_path, "en/new.txt", words))
    rendered = renderer.render("new", replace(sample("new", "en"), html="<i>MARKER</i>", rest="older"))
    assert "MARKER" not in rendered.html
    assert rendered.text.endswith("-" * 40 + "\nStatus\n\n> older\n")


def test_preview_shows_a_letter_in_each_form() -> None:
    """As text with the fields people see, as a page, as a mail; an unknown name is answered with those there are."""
    shown = preview("confirmation", "fr", (OURS,), desk_name="Aide", mailbox_address="aide@x.test", zone=UTC)
    assert shown.startswith("From: Aide <aide@x.test>\nTo: lea@client.example\nSubject: Re: [#50031] ")
    assert preview("new", "fr", (OURS,), form="html").startswith("<!DOCTYPE html>")
    for letter in LETTERS:
        assert "\r\nContent-Type: multipart/alternative;" in preview(letter, "es", (OURS,), form="eml")
    with pytest.raises(BadUsage, match="confirmation-unproved"):
        preview("confirmaton", "fr", (OURS,))
    with pytest.raises(BadUsage, match="de, en, es, fr, it"):
        preview("confirmation", "xx", (OURS,))


def test_a_time_that_is_missing_leaves_no_hole() -> None:
    """Without a date the confirmation simply does not name one."""
    view = replace(sample("confirmation", "en"), created_at=None)
    assert "received your message. " in Renderer((OURS,)).render("confirmation", view).text
