"""Laws of `maildesk explain`: one answer a file, in order, as INTERFACE promises."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from maildesk.cli.explain import explain
from maildesk.cli.terminal import plain
from maildesk.mail.parse import understand
from tests.mail.cases import ALL, MAILS, raw_of

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


def lines_of(raw: bytes, tmp_path: Path) -> list[str]:
    """What a person sees of a mail."""
    (tmp_path / "m.eml").write_bytes(raw)
    out = io.StringIO()
    assert explain((str(tmp_path / "m.eml"),), as_json=False, out=out) == 0
    return out.getvalue().splitlines()


def test_people_see_why_a_line_was_folded(tmp_path: Path) -> None:
    """Each block has its kind in front; what is shown stands behind "|", what is folded behind ":"."""
    lines = lines_of(raw_of("inline-answers"), tmp_path)
    text = lines[lines.index("text, | is shown and : is folded:") + 1 :]
    kinds = [line[2:13].strip() for line in text if line[2:13].strip()]
    assert kinds[:3] == ["attribution", "quote", "own"]
    mail = understand(raw_of("inline-answers"))
    assert [line[16:] for line in text] == mail.full_text.split("\n")
    shown = [line[16:] for line in text if line[14:15] == "|" and line[16:]]
    assert shown == [line for line in mail.text.split("\n") if line]


def test_every_block_of_every_mail_is_shown(tmp_path: Path) -> None:
    """Every own line is there, and what is folded is at most cut in its length."""
    for path in ALL:
        lines = lines_of(path.read_bytes(), tmp_path)
        mail = understand(path.read_bytes())
        for block in mail.blocks:
            assert any(line.startswith(f"  {block.kind} ") for line in lines), (path, block.kind)
            if block.kind == "own":
                assert {plain(line).rstrip() for line in block.text.split("\n")} <= {line[16:] for line in lines} | {""}


def test_a_long_quote_is_cut_and_own_words_never(tmp_path: Path) -> None:
    """A thousand quoted lines are a dozen; a thousand lines of the person's own are all there."""
    own = "".join(f"line {n}\n" for n in range(1000))
    quoted = "".join(f"> said {n}\n" for n in range(1000))
    lines = lines_of(
        f"From: lea@client.test\n\n{own}\nOn 21 Nov 2026 at 10:00, Ana wrote:\n{quoted}".encode(), tmp_path
    )
    assert sum("line " in line for line in lines) == 1000
    assert sum("said " in line for line in lines) < 20
    assert any("more lines" in line for line in lines)


def test_a_monster_shows_what_could_be_saved(tmp_path: Path) -> None:
    """Why it could not be read, and the beginning of its bytes."""
    lines = lines_of(b"From: lea@client.test\n" + b"X: y\n" * 3000 + b"\nhello\n", tmp_path)
    assert "unreadable:       the header has more than 2,000 fields" in lines
    assert lines[-2:] == ["text: what could be saved", "hello"]


def test_a_fact_stays_one_line(tmp_path: Path) -> None:
    """No name or subject of a sender's can pretend to be another fact."""
    raw = b"From: =?utf-8?q?Lea=0Aautomatic:__yes?= <lea@client.test>\nSubject: =?utf-8?q?a=0Abounce:=0A?=\n\nhello\n"
    names = [line.partition(":")[0] for line in lines_of(raw, tmp_path)]
    assert (names.count("automatic"), names.count("bounce")) == (1, 0)


def test_an_mbox_of_several_mails_is_answered_and_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One answer a file; a sentence and a defect say that it holds more, and what to do."""
    one = b"From lea@client.test Sun Nov 22 18:00:00 2026\nFrom: lea@client.test\nSubject: s\n\ntext\n\n"
    (tmp_path / "a.mbox").write_bytes(one * 3)
    out = io.StringIO()
    assert explain((str(tmp_path / "a.mbox"),), as_json=True, out=out) == 0
    (answer,) = map(json.loads, out.getvalue().splitlines())
    assert "an mbox with 3 mails" in answer["defects"][-1]
    assert "git mailsplit" in capsys.readouterr().err


def test_one_mail_that_quotes_an_mbox_line_is_one_mail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A "From " in somebody's words parts nothing."""
    lines_of(b"From: lea@client.test\n\nhello\n\nFrom lea@client.test Sun Nov 22 18:00:00 2026\nSubject: x\n", tmp_path)
    lines_of(
        b"From a@b.test Sun Nov 22 18:00:00 2026\nFrom: a@b.test\n\nhello\n\nFrom here it is 10:00 o'clock\n", tmp_path
    )
    assert capsys.readouterr().err == ""


def test_a_file_beyond_every_limit_is_answered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its beginning is read, and the answer says that the rest was not."""
    with (tmp_path / "huge.eml").open("wb") as stream:
        stream.write(b"From: lea@client.test\nSubject: huge\n\nhello\n")
        stream.truncate(200_000_000)
    out = io.StringIO()
    assert explain((str(tmp_path / "huge.eml"),), as_json=True, out=out) == 0
    answer = json.loads(out.getvalue())
    assert answer["subject"] == "huge"
    assert "longer than 64 MiB" in answer["defects"][-1]
    assert "longer than 64 MiB" in capsys.readouterr().err
