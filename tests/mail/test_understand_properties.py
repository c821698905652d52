"""Laws of `understand` for all input: any bytes, any answer in any client's shape, any tree of parts."""

from __future__ import annotations

import re
import unicodedata
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildesk.mail.model import Mail
from maildesk.mail.parse import understand
from tests.mail.cases import ALL
from tests.mail.laws import broken
from tests.mail.quoting import Answer, answers

HEAD = b"From: Lea <lea@client.test>\r\nSubject: Printer\r\n"
LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u200e\u200f/\\<>\"'")
NAMES = st.text(LETTERS, min_size=1, max_size=60).map(lambda name: " ".join(unicodedata.normalize("NFC", name).split()))
# A charset and letters that it has.
CHARSETS = (
    ("us-ascii", "abc xyz"),
    ("utf-8", "äöü 你好 👍"),
    ("iso-8859-1", "éàç über"),
    ("iso-8859-15", "œuvre €"),
    ("windows-1251", "привет мир"),
    ("koi8-r", "привет мир"),
    ("iso-2022-jp", "こんにちは世界"),
    ("shift_jis", "こんにちは世界"),
    ("gb2312", "你好世界"),
    ("big5", "你好世界"),
    ("euc-kr", "안녕하세요"),
)


@settings(max_examples=300)
@given(
    st.binary(max_size=600),
    st.sampled_from([b"", HEAD, HEAD + b"Content-Type: ", HEAD + b"\r\n", b"From: ", b"Subject: "]),
)
def test_any_bytes_keep_the_laws(raw: bytes, before: bytes) -> None:
    """Any bytes give an answer that can be stored, without a word of the guard that a mail fell over."""
    assert broken(understand(before + raw)) == []


@settings(max_examples=200)
@given(
    st.text(max_size=400),
    st.sampled_from(["plain", "html", "enriched", "calendar; method=REQUEST", "plain; format=flowed"]),
)
def test_any_text_keeps_the_laws(text: str, kind: str) -> None:
    """Any text of any type keeps them too."""
    head = HEAD + f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n".encode()
    assert broken(understand(head + text.encode("utf-8", "surrogatepass"))) == []


def understood(answer: Answer, encoding: str) -> Mail:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ana@desk.test", "Re: Printer"
    mail.set_content(answer.body, subtype=answer.type, cte=encoding)
    return understand(mail.as_bytes(policy=SMTP))


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@settings(max_examples=300)
@given(answers(), st.sampled_from(["8bit", "quoted-printable", "base64"]))
def test_text_holds_what_they_wrote_and_nothing_that_only_a_quote_had(answer: Answer, encoding: str) -> None:
    """In every shape and language: each word of their own is in `text`, none of the quote's, and all are in `full_text`."""
    mail = understood(answer, encoding)
    assert set(answer.own) - words(mail.text) == set()
    if not answer.is_between:
        assert set(answer.quoted) & words(mail.text) == set()
    assert {*answer.own, *answer.quoted} - words(mail.full_text) == set()
    assert broken(mail) == []


@st.composite
def trees(draw: st.DrawFn) -> tuple[EmailMessage, list[str], list[tuple[str, bytes]]]:
    """A mail with its texts and its files, in the order of the mail."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "lea@client.test", "Printer"
    charset, said = draw(st.sampled_from(CHARSETS))
    encoding = draw(st.sampled_from(["base64", "quoted-printable"]))
    text = "\n".join([*draw(st.lists(st.sampled_from([said, "plain words", ""]), min_size=1, max_size=6)), said])
    mail.set_content(text, charset=charset, cte=encoding)
    if draw(st.booleans()):
        mail.add_alternative(f"<p>{said}</p>", subtype="html", charset=charset, cte=encoding)
    files = draw(st.lists(st.tuples(NAMES.filter(_is_name), st.binary(min_size=1, max_size=60)), max_size=4))
    for name, content in files:
        kind, subtype = draw(
            st.sampled_from([("application", "pdf"), ("image", "png"), ("application", "octet-stream")])
        )
        mail.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    return mail, [line for line in text.split("\n") if line], files


def _is_name(name: str) -> bool:
    return bool(name.strip(". ")) and "=?" not in name and "%" not in name and name == name.strip("; ,=*")


@settings(max_examples=150)
@given(trees())
def test_a_mail_of_the_standard_library_comes_back(
    made: tuple[EmailMessage, list[str], list[tuple[str, bytes]]],
) -> None:
    """Text, names and bytes of a mail that Python's email package wrote are read as they were given."""
    mail, lines, files = made
    read = understand(mail.as_bytes(policy=SMTP))
    assert [line for line in read.full_text.split("\n") if line] == lines
    assert [(one.name, one.content) for one in read.attachments] == files


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_the_road_changes_nothing(path: object) -> None:
    """A mail is understood the same twice, with LF or CRLF, and behind an mbox line."""
    raw = path.read_bytes().replace(b"\r\n", b"\n")  # type: ignore[attr-defined]
    seen = _seen(understand(raw))
    assert _seen(understand(raw)) == seen
    assert _seen(understand(b"From lea@client.test Sun Nov 22 18:00:00 2026\n" + raw)) == seen
    if b"\r" not in raw:
        assert _seen(understand(raw.replace(b"\n", b"\r\n"))) == seen


def _seen(mail: Mail) -> tuple[object, ...]:
    names = tuple(one.name for one in mail.attachments)
    return (
        mail.subject,
        mail.author,
        mail.to,
        mail.text,
        mail.full_text,
        names,
        mail.automatic,
        mail.bounce,
        mail.forwarded,
    )
