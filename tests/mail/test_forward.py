"""What a person forwarded: who wrote it, when, under which subject; and what is no forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.mail.forward import forward_prefix, forwarded_in, without_forward_prefix
from maildesk.mail.inner_author import named_in
from maildesk.mail.model import Person
from maildesk.mail.moment import moment_of
from maildesk.mail.phrasebook import phrases, read_language
from tests.mail.cases import ALL, mail_of

PARIS = timezone(timedelta(hours=1))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEN = datetime(2026, 11, 21, 9, tzinfo=UTC)
LANGUAGES = [
    "en",
    "fr",
    "de",
    "es",
    "it",
    "pt",
    "nl",
    "pl",
    "sv",
    "da",
    "nb",
    "fi",
    "cs",
    "ru",
    "uk",
    "tr",
    "ja",
    "zh",
    "ko",
]


@pytest.mark.parametrize(
    "text",
    [
        "Saturday, November 21, 2026 10:00 AM",
        "Sat, Nov 21, 2026 at 10:00 AM",
        "samedi 21 novembre 2026 10:00",
        "sam. 21 nov. 2026 à 10h00",
        "Samstag, 21. November 2026 um 10:00 Uhr",
        "sábado, 21 de noviembre de 2026 10:00",
        "sábado, 21 de novembro de 2026 às 10:00",
        "sabato 21 novembre 2026 10:00",
        "zaterdag 21 november 2026 10:00",
        "sobota, 21 listopada 2026 10:00",
        "den 21 november 2026 10:00",
        "lørdag den 21. november 2026 10.00",
        "lørdag 21. november 2026 kl. 10:00",
        "lauantai 21. marraskuuta 2026 klo 10.00",
        "sobota 21. listopadu 2026 10:00",
        "21 ноября 2026 г., 10:00",
        "Суббота, 21 ноября 2026, 12:00 +03:00",
        "субота, 21 листопада 2026 р. 10:00",
        "21 Kasım 2026 Cumartesi 10:00",
        "2026年11月21日 10:00",
        "2026年11月21日(星期六) 上午10:00",
        "2026년 11월 21일 토요일 오전 10:00",
        "2026. 11. 21. 오전 10:00",
        "2026-11-21 (토) 18:00:00 (GMT+09:00)",
        "21/11/2026 10:00 (GMT+01:00)",
        "11/21/26 4:00 AM (GMT-05:00)",
        "21.11.26 10:00",
        "Message du 21/11/26 10:00",
        "2026-11-21T09:00:00Z",
        "Sat, 21 Nov 2026 10:00:00 +0100",
        "21-Nov-26 10:00",
        "On Saturday, November 21st, 2026 at 10:00 AM",
    ],
)
def test_a_moment_is_read_in_every_language(text: str) -> None:
    """Ten o'clock in the zone of the mail around it, where the date names none of its own."""
    assert moment_of(text, NOON, PARIS) == TEN


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("03/04/2026 10:00", (4, 3)),
        ("11/12/2026 10:00", (11, 12)),
        ("12/11/2026 10:00", (11, 12)),
        ("13/11/2026 10:00", (11, 13)),
    ],
)
def test_a_day_and_a_month_in_doubt(text: str, day: tuple[int, int]) -> None:
    """The day comes first, unless that lies after the mail that forwards."""
    at = moment_of(text, NOON)
    assert at is not None
    assert (at.month, at.day) == day


@pytest.mark.parametrize(
    "text", ["", "Saturday at ten", "12:30", "21 November", "99/99/2026", "31.02.2026", "May I ask at 10:00"]
)
def test_no_day_is_no_moment(text: str) -> None:
    """Nothing is guessed."""
    assert moment_of(text, NOON) is None


LEA = Person("lea@client.test", "Lea Martin")


@pytest.mark.parametrize(
    "value",
    [
        "Lea Martin <lea@client.test>",
        "Lea Martin [mailto:lea@client.test]",
        '"Lea Martin" lea@client.test',
        "'Lea Martin' <lea@CLIENT.test>",
        "Lea Martin <lea@client.test<mailto:lea@client.test>>",
        "Lea Martin <lea@client.test <mailto:lea@client.test>>",
        "Lea Martin (lea@client.test)",
        '"Lea Martin"<lea@client.test>;',
        "Lea Martin <mailto:lea@client.test>",
        "robot@x.test <robot@x.test> On Behalf Of Lea Martin <lea@client.test>",
        "robot@x.test im Auftrag von Lea Martin <lea@client.test>",
    ],
)
def test_the_author_in_each_form(value: str) -> None:
    """What programs write behind "From:" into a text."""
    assert named_in(value).person == LEA


@pytest.mark.parametrize(
    ("value", "name", "candidates"),
    [
        ("Lea Martin", "Lea Martin", ()),
        ("", "", ()),
        ("robot@x.test [mailto:robot@x.test] On Behalf Of Lea Martin", "Lea Martin", ("robot@x.test",)),
        ("Lea via Help <help@list.test>", "Lea", ("help@list.test",)),
        ("Lea (lea@client.test), Max (max@client.test)", "", ("lea@client.test", "max@client.test")),
        ("Lea <lea@client..test>", "Lea", ()),
    ],
)
def test_nobody_is_guessed(value: str, name: str, candidates: tuple[str, ...]) -> None:
    """Without one address that is the author's there is no author, only those who may be it."""
    found = named_in(value)
    assert (found.person, tuple(p.address for p in found.candidates)) == (None, candidates)
    assert name in (found.name, "")


@pytest.mark.parametrize(
    ("subject", "prefix", "inner"),
    [
        ("Fwd: Lamp", "fwd", "Lamp"),
        ("FW: Re: Lamp", "fw", "Re: Lamp"),
        ("[Fwd: Lamp]", "fwd", "Lamp"),
        ("İLT: Lamba", "ilt", "Lamba"),
        ("转发：灯", "转发", "灯"),
        ("[EXTERNAL] WG: Lampe", "wg", "Lampe"),
        ("Re: Fwd: Lamp", "", "Re: Fwd: Lamp"),
        ("Lamp", "", "Lamp"),
        ("I: Lampada", "i", "Lampada"),
        ("Odp: PD: Lampa", "", "Odp: PD: Lampa"),
    ],
)
def test_a_forwards_subject(subject: str, prefix: str, inner: str) -> None:
    """The outermost prefix alone says whether a subject is a forward's, and goes."""
    assert (forward_prefix(subject), without_forward_prefix(subject)) == (prefix, inner)


@pytest.mark.parametrize("title", sorted(phrases().forwarded))
def test_every_separator_opens_a_forward(title: str) -> None:
    """Between dashes, with the fields below, whatever the subject says."""
    text = (
        f"Look.\n\n-------- {title.capitalize()} --------\nFrom: Lea Martin <lea@client.test>\nSubject: Lamp\n\nDark.\n"
    )
    found = forwarded_in(text, "Hello")
    assert found is not None
    assert (found.author, found.subject, found.text, found.above) == (LEA, "Lamp", "Dark.", "Look.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_of_a_language_is_read(language: str) -> None:
    """Each word for From, beside each for the date, the subject and the recipients, under a prefix of that language."""
    book = read_language((files("maildesk.mail") / "phrases" / f"{language}.toml").read_text("utf-8"))
    for author in book["from"]:
        for number in range(max(len(book[kind]) for kind in ("sent", "subject", "to"))):
            sent, subject, to = (book[kind][number % len(book[kind])] for kind in ("sent", "subject", "to"))
            text = f"{author}: Lea Martin <lea@client.test>\n{sent}: 2026-11-21 09:00\n{to}: Ana\n{subject}: Lamp\n\nDark.\n"
            prefix = book["forward_prefixes"][number % len(book["forward_prefixes"])].upper()
            found = forwarded_in(text, f"{prefix}: Hello")
            assert found is not None, (author, sent, to, subject, prefix)
            assert (found.author, found.date, found.subject, found.text) == (LEA, TEN, "Lamp", "Dark.")


def test_every_language_is_there() -> None:
    """Each of the nineteen has a mail of ours or its separators are tested above; months are told apart."""
    shown = " ".join(path.stem for path in ALL)
    missing = [code for code in LANGUAGES if f"-{code}" not in shown]
    assert missing == []
    assert set(phrases().months.values()) == set(range(1, 13))


def test_the_words_above_are_the_forwarders() -> None:
    """What stands over the forward, without signature and banner, for the desk to read commands from."""
    assert [
        m.forwarded.above
        for m in map(mail_of, ["forward-gmail-en", "forward-notes-en", "forward-gmx-de"])
        if m.forwarded
    ] == [
        "Please take this one.",
        "Ben, yours.",
        "Bitte anlegen.",
    ]


def test_a_forms_fields_are_no_forward() -> None:
    """A header block under a subject that says nothing of a forward is what a person or a form wrote."""
    text = "From: Lea Martin <lea@client.test>\nSubject: Lamp\nTo: you\nSent: 21.11.2026 10:00\n\nDark.\n"
    assert forwarded_in(text, "Contact form") is None


def test_the_ids_of_attached_mails_are_known() -> None:
    """So that the desk finds a ticket that has one already."""
    forwarded = mail_of("forward-attached").forwarded
    assert forwarded is not None
    assert forwarded.message_ids == ("<dark@client.test>",)
    assert [a.content for a in forwarded.attachments] == [b"\x89PNG\r\n\x1a\n"]


LINES = st.one_of(
    st.sampled_from(
        [
            "---------- Forwarded message ---------",
            "> -----Original Message-----",
            "Begin forwarded message:",
            "From: Lea <lea@x.test>",
            "> Von: Lea <lea@x.test>",
            "Date: 21/11/2026 10:00",
            "Subject: x",
            "To: a@x.test,",
            '21.11.2026, 10:00, "Lea" <lea@x.test>:',
            "",
            ">",
            "> x",
            "_______",
        ]
    ),
    st.text(max_size=30),
)


@given(st.lists(LINES, max_size=40).map("\n".join), st.sampled_from(["Fwd: x", "Re: x", "VS: x", ""]))
def test_any_text_has_an_answer(text: str, subject: str) -> None:
    """Nothing raises, and the inner text and the words above are pieces of the text."""
    found = forwarded_in(text, subject, NOON, PARIS)
    if found is not None:
        assert len(found.text) + len(found.above) <= len(text) + 1


@pytest.mark.parametrize(
    "text",
    [
        "> " * 2_000_000,
        "-" * 4_000_000,
        "From: " * 500_000,
        "From: a@x.test\nTo: " + "a@x.test, " * 300_000,
        "---- Forwarded message ----\n" * 100_000,
        "Begin forwarded message:\n\n" * 100_000,
        "From: a\nDate: b\nSubject: c\n" * 60_000,
        "1.1.2026 10:00 " * 200_000,
        ("--a" + " " * 1_900 + "x\n") * 5_000,
        ("--- forwarded message --- " + "from " * 390 + "\n") * 5_000,
        ("From: x\n" + "To: " + "a," * 900 + "\n") * 2_500,
        "From: x\n" + ("To: " + "a," * 900 + "\n") * 5_000,
        ("Sent: x\nTo: a,\n" + ("a," * 900 + "\n") * 38) * 125,
        ("> From: x\n> Subject: y\n> To: " + "a@x.test, " * 90 + "\n") * 1_600,
        ("--- " * 400 + "\n") * 3_000,
        "a@" * 1_000_000 + ":",
        "21.11.2026 a@x.test\n" * 100_000,
    ],
)
def test_a_hostile_text_is_read_in_time(text: str) -> None:
    """Linear in the text, whatever it repeats."""
    begin = time.process_time()
    forwarded_in(text, "Fwd: x", NOON, PARIS)
    assert time.process_time() - begin < 1.0
