"""Laws of `maildesk explain`: one answer a file, in order, as INTERFACE promises."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from maildesk.cli.explain import explain
from tests.mail.cases import ALL, MAILS

KEYS = [
    "file",
    "subject",
    "from",
    "reply_to",
    "to",
    "cc",
    "message_id",
    "references",
    "date",
    "language",
    "text",
    "full_text",
    "attachments",
    "automatic",
    "bounce",
    "forwarded",
    "defects",
    "unreadable",
]


def test_every_key_is_there_for_every_file() -> None:
    """One JSON line a file, in order, each with every key in the promised order; exit 0."""
    files = tuple(str(p) for p in ALL)
    out = io.StringIO()
    assert explain(files, as_json=True, out=out) == 0
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [a["file"] for a in answers] == list(files)
    assert all(list(a) == KEYS for a in answers)


def test_a_mail_in_full() -> None:
    """Times end in Z, people are address and name, attachments have size and digest."""
    out = io.StringIO()
    explain(
        (
            str(MAILS / "reply/signature.eml"),
            str(MAILS / "parse/inline-picture.eml"),
            str(MAILS / "machines/delivery-report.eml"),
        ),
        as_json=True,
        out=out,
    )
    signed, picture, report = (json.loads(line) for line in out.getvalue().splitlines())
    assert signed["from"] == {"address": "lea@client.test", "name": "Lea Martin"}
    assert signed["date"] == "2026-11-22T17:00:00Z"
    assert picture["attachments"][0] == {
        "name": "a.png",
        "type": "image/png",
        "size": 3,
        "sha256": "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78",
        "inline": True,
    }
    assert report["bounce"] == {"failures": [{"recipient": "lea@client.test", "status": "5.1.1", "permanent": True}]}


def test_stdin_and_mbox_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is standard input, and an mbox line in front is skipped."""
    raw = b"From lea@client.test Sun Nov 22 18:00:00 2026\nFrom: lea@client.test\nSubject: s\n\ntext\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    out = io.StringIO()
    assert explain((), as_json=True, out=out) == 0
    answer = json.loads(out.getvalue())
    assert (answer["file"], answer["subject"], answer["text"]) == ("-", "s", "text")


def test_a_missing_file_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What cannot be opened is one sentence and exit 2; the other files are answered."""
    out = io.StringIO()
    assert explain((str(tmp_path / "none.eml"), str(MAILS / "reply/signature.eml")), as_json=True, out=out) == 2
    assert len(out.getvalue().splitlines()) == 1
    assert capsys.readouterr().err.startswith("maildesk: cannot read")


def test_the_readable_form_is_safe_for_a_terminal(tmp_path: Path) -> None:
    """The text form shows the facts, and no escape of the sender's reaches the terminal."""
    mail = tmp_path / "m.eml"
    mail.write_bytes(b"From: lea@client.test\nSubject: s\x1b[31m\n\nhello \x1b[2J\xc2\x9b there\n")
    out = io.StringIO()
    assert explain((str(mail),), as_json=False, out=out) == 0
    assert "lea@client.test" in out.getvalue()
    assert not any(c in out.getvalue() for c in "\x1b\x9b")
