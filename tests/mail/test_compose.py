"""The final bytes of a letter: what a relay, a parser and a mail client make of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.errors import NotComposable
from maildesk.mail.compose import Outgoing, compose, safe_header
from maildesk.mail.model import Attachment
from maildesk.mail.subject import base_subject, reply_subject

LETTER = Outgoing(
    from_name="Example Support",
    from_address="support@desk.test",
    to="lea@client.test",
    reply_to="support+jaaaaaaaaeaacvut7fxz5mji5iac5dws@desk.test",
    subject="Re: [#50031] Printer",
    message_id="<c.one@desk.test>",
    in_reply_to="<their@client.test>",
    references=("<t.anchor@desk.test>", "<their@client.test>"),
    date=datetime(2026, 11, 22, 18, 0, tzinfo=UTC),
    auto_submitted="auto-replied",
    content_language="en",
    desk_id="desk.test",
    thread_topic="Printer",
    text="Hello\n",
    html="<p>Hello</p>\n",
)
FIELDS = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Maildesk-Desk",
    "X-Maildesk-Hops",
    "Content-Language",
    "Thread-Topic",
    "MIME-Version",
    "Content-Type",
]
EVIL = [
    "Hello\r\nBcc: evil@x.test",
    "=?utf-8?q?Hello=0D=0ABcc=3A_evil=40x.test?=",
    "=?utf-8?b?SGVsbG8NCkJjYzogZXZpbEB4LnRlc3Q=?=",
    "\x00\x0b\x1b[31m",
    "\ud800\udfff",
    "\u202egpj.exe\u2066",
    "a" * 10_000,
    "é" * 10_000,
    "=?" * 5_000,
    '"quoted" \\ back, <slash> (comment); @',
    "\u2028Bcc: evil@x.test\x85Bcc: evil@x.test",
    "",
    " ",
]
hostile = st.one_of(
    st.sampled_from(EVIL),
    st.text(st.characters()),
    st.lists(
        st.sampled_from(["\r", "\n", " ", "=?", "?=", "utf-8", "?q?", "?b?", "=0A", "é", "\ud83d", '"', "<", ":"])
    ).map("".join),
)


def read(octets: bytes) -> EmailMessage:
    mail = message_from_bytes(octets, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def well_formed(octets: bytes) -> bool:
    """CRLF only, lines of at most 998 octets (RFC 5322, 2.1.1)."""
    return octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n") and all(
        len(line) <= 998 for line in octets.split(b"\r\n")
    )


def field(octets: bytes, name: str) -> str:
    """A field's raw value, unfolded."""
    head = octets.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", " ")
    return next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(f"{name}: "))


@given(hostile, hostile, hostile, hostile, hostile, hostile)
def test_no_value_changes_the_set_of_fields(
    subject: str, name: str, topic: str, identifier: str, language: str, file: str
) -> None:
    """Whatever the values hold, the letter has its own fields and no other, and well-formed lines (THREATS T73)."""
    letter = replace(
        LETTER,
        subject=subject,
        from_name=name,
        thread_topic=topic or "x",
        in_reply_to=identifier,
        references=(identifier, "<a@b>"),
        desk_id=topic or "x",
        content_language=language,
        text=subject,
        html=name,
        attachments=(Attachment(file, language, b"x"),),
    )
    octets = compose(letter)
    assert well_formed(octets)
    mail = message_from_bytes(octets, policy=policy.compat32)
    optional = {"In-Reply-To", "Content-Language", "Thread-Topic"}
    assert [one for one, _ in mail.items() if one not in optional] == [one for one in FIELDS if one not in optional]
    assert set(mail) <= set(FIELDS)
    assert [part.get_content_type() for part in mail.walk()][1:4] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


@given(hostile)
def test_a_header_says_what_it_was_given_and_nothing_hides_in_it(text: str) -> None:
    """Decoded again, a subject is the harmless line that was asked for; decoding it twice changes nothing."""
    mail = read(compose(replace(LETTER, subject=text, from_name=text)))
    assert " ".join(str(mail["Subject"]).split()) == safe_header(text)
    assert "Bcc" not in mail
    assert safe_header(safe_header(text)) == safe_header(text)


@given(hostile, hostile)
def test_an_address_is_one_mailbox_or_an_error(local: str, domain: str) -> None:
    """An address from anywhere becomes the one recipient, or the letter is not made."""
    try:
        octets = compose(replace(LETTER, to=f"{local}@{domain}"))
    except NotComposable:
        return
    assert list(read(octets)) == FIELDS
    assert well_formed(octets)


@pytest.mark.parametrize(
    "address", ["", "lea", "@x.test", "a@b@c d", "a\r\nBcc: e@x.test", "a@x.test\nBcc: e@x.test", "a@x,y"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """There is no letter to nobody and none to two."""
    with pytest.raises(NotComposable):
        compose(replace(LETTER, to=address))


def test_long_message_ids_are_never_encoded_or_broken() -> None:
    """Ids of any length people have seen stand as they are, each on one line (Exchange and SES write long ones)."""
    ids = tuple(f"<{number}.{'x' * 500}@long.test>" for number in range(5))
    octets = compose(replace(LETTER, message_id=ids[0], in_reply_to=ids[1], references=ids))
    assert field(octets, "Message-ID") == ids[0]
    assert field(octets, "In-Reply-To") == ids[1]
    assert field(octets, "References").split() == list(ids)
    assert b"=?" not in octets
    assert well_formed(octets)


def test_the_anchor_stays_when_references_are_many() -> None:
    """The ticket's anchor and the last ten ids survive a thread of any length."""
    ids = tuple(f"<{number}@x.test>" for number in range(500))
    assert field(compose(replace(LETTER, references=ids)), "References").split() == [ids[0], *ids[-10:]]


def test_what_is_no_message_id_is_left_out() -> None:
    """A customer's broken id, or one that hides an encoded word, is not repeated (THREATS T72)."""
    bad = ("<a b@c>", "<a@b", "a@b", "<é@b>", "<=?utf-8?q?=0D=0ABcc=3A?=@b>", f"<{'x' * 2000}@b>", "<a@b><c@d>")
    octets = compose(replace(LETTER, references=("<t@desk.test>", *bad), in_reply_to=bad[0]))
    assert field(octets, "References") == "<t@desk.test>"
    assert "In-Reply-To" not in read(octets)


def test_an_automatic_letter_says_so_and_an_answer_does_not() -> None:
    """Auto-Submitted and X-Auto-Response-Suppress stand on automatic letters only; nothing has a Precedence."""
    automatic, answer = read(compose(LETTER)), read(compose(replace(LETTER, auto_submitted=None)))
    assert (automatic["Auto-Submitted"], automatic["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert (answer["Auto-Submitted"], answer["X-Auto-Response-Suppress"]) == (None, None)
    assert automatic["X-Maildesk-Desk"] == answer["X-Maildesk-Desk"] == "desk.test"
    assert "Precedence" not in automatic


def test_an_international_domain_goes_as_a_labels_and_a_local_part_as_it_is() -> None:
    """A domain is IDNA 2008 (the sharp s stays one); a local part in UTF-8 needs SMTPUTF8 and is never encoded."""
    octets = compose(replace(LETTER, to="jörg@straße.test"))
    assert field(octets, "To") == "jörg@xn--strae-oqa.test"
    assert compose(LETTER).isascii()


@pytest.mark.parametrize(
    "name",
    [
        "Lea Martin",
        "Léa Martin",
        "Martin, Lea",
        'Lea "the\\boss" Martin',
        "lea@other.test",
        "李雷 " * 30,
        "é" * 300,
        "=?utf-8?q?x?=",
    ],
)
def test_a_display_name_is_a_name_and_never_an_address(name: str) -> None:
    """Commas, quotes, an @ and other scripts come back as the name; the address is ours."""
    # The parser of policy.default keeps the white space between encoded words, against RFC 2047, 6.2: the older one is right.
    phrase, address = parseaddr(message_from_bytes(compose(replace(LETTER, from_name=name)))["From"])
    assert (str(make_header(decode_header(phrase))), address) == (safe_header(name, 200), "support@desk.test")


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "é",
        "日本語" * 500,
        "x" * 5000,
        ".\n..\nFrom me\n",
        "tail \nspaces\t\n",
        "--=_a\n=_",
        "a\r\nb\rc",
        "",
        "=3D =\n",
    ],
)
def test_a_text_comes_back_as_it_went(text: str) -> None:
    """Any text survives any relay: 7-bit, lines short enough, and decoded it is the same (but for newlines at its ends)."""
    octets = compose(replace(LETTER, text=text, html=f"<p>{text}</p>"))
    assert octets.isascii()
    assert well_formed(octets)
    mail = read(octets)
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").strip("\n") == text.replace("\r\n", "\n").replace("\r", "\n").strip(
        "\n"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan.pdf", "plan.pdf"),
        ("Rechnung März ∞.pdf", "Rechnung März ∞.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ('a"b\\c.txt', "a_b_c.txt"),
        ("", "attachment"),
        ("<a>.pdf", "_a_.pdf"),
        ("=?" * 200, "= ?" * 66 + "="),
        ("\u202efdp.exe", "fdp.exe"),
        ("日" * 300 + ".pdf", "日" * 65 + ".pdf"),
    ],
)
def test_an_attachment_keeps_its_name_and_bytes(name: str, expected: str) -> None:
    """Names come back in any script, without a path, in both places where mail clients look; bytes are the same."""
    content = bytes(range(256)) * 40
    octets = compose(replace(LETTER, attachments=(Attachment(name, "application/pdf", content),)))
    (part,) = read(octets).iter_attachments()
    assert (part.get_filename(), part.get_content()) == (expected, content)
    assert well_formed(octets)
    # Outlooks that do not know RFC 2231 read "name" of the Content-Type, with encoded words in it.
    legacy = next(p for p in message_from_bytes(octets).walk() if p.get_content_type() == "application/pdf")
    assert legacy.get_param("name")


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", "text/html\r\nBcc: x", "nonsense", ""])
def test_an_odd_type_becomes_octets(kind: str) -> None:
    """A mail in a mail may not be base64, and a broken type opens no field: both go as plain octets under their name."""
    (part,) = read(compose(replace(LETTER, attachments=(Attachment("a.eml", kind, b"x"),)))).iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("application/octet-stream", "a.eml")


def test_the_same_letter_has_the_same_bytes() -> None:
    """A letter that is composed again is the same letter, boundaries included."""
    letter = replace(LETTER, attachments=(Attachment("a.txt", "text/plain", b"x"),))
    assert compose(letter) == compose(letter)


@pytest.mark.parametrize(
    "subject",
    [
        "Printer",
        "Re: Printer",
        "AW: WG: Printer",
        "RE: [#50031] Printer",
        "Re: [#50031] Re: [#50031] Printer",
        "[#50031] Re: Printer",
        "SV: Antw: Fwd: TR : RIF: R: Re[2]: Printer",
        "Re： Printer",
        " Re:\r\n [#7] Printer ",
        "Printer [#50031]",
        "回复：Printer",
    ],
)
def test_the_tag_stands_once_whatever_comes_back(subject: str) -> None:
    """Prefixes of the usual languages and our tags fall away; one of each comes back in front."""
    assert base_subject(subject) == "Printer"
    assert reply_subject(50031, subject) == "Re: [#50031] Printer"


@pytest.mark.parametrize("subject", ["Ref: 12", "Rest: all", "Error: Re: x", "[urgent] help", "#50031", "re", ""])
def test_what_only_looks_like_a_prefix_stays(subject: str) -> None:
    """A subject's own words are not cut."""
    assert base_subject(subject) == subject


def test_a_hostile_subject_costs_little() -> None:
    """A megabyte of prefixes is gone in linear time: it would take hours otherwise."""
    assert base_subject("Re: " * 250_000 + "x") == "x"
    assert base_subject("[#1] " * 200_000) == ""


def test_a_picture_stands_beside_the_html_that_shows_it() -> None:
    """One multipart/related within the alternative, its root the HTML (RFC 2387); files stay outside (RFC 2046, 5.1.3)."""
    picture = Attachment("é shot.png", "image/png", b"\x89PNG", True, "abc@picture")
    file = Attachment("a.pdf", "application/pdf", b"%PDF", True, "kept@client.test")
    octets = compose(replace(LETTER, html='<img src="cid:abc@picture">', pictures=(picture,), attachments=(file,)))
    assert well_formed(octets)
    types = [part.get_content_type() for part in read(octets).walk()]
    assert types == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    related = next(part for part in read(octets).walk() if part.get_content_type() == "multipart/related")
    assert related.get_param("type") == "text/html"
    shown = list(related.iter_parts())[1]
    assert (shown["Content-ID"], shown.get_content_disposition(), shown.get_filename()) == (
        "<abc@picture>",
        "inline",
        "é shot.png",
    )
    assert shown.get_payload(decode=True) == b"\x89PNG"
    assert b"kept@client.test" not in octets


@pytest.mark.parametrize("name", [None, "", "no at", "a@b>\r\nBcc: evil@x.test", "a b@c", "=?utf-8?q?a?=@b", "é@x"])
def test_a_picture_without_a_clean_id_is_refused(name: str | None) -> None:
    """What becomes a Content-ID is one, or there is no letter."""
    picture = Attachment("a.png", "image/png", b"\x89PNG", True, name)
    with pytest.raises(NotComposable):
        compose(replace(LETTER, pictures=(picture,)))
