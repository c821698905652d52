"""Laws of `understand`: what the header, the parts and the charsets of real bytes mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildesk.mail.parse import content_key, understand
from tests.mail.cases import ALL, mail_of, raw_of


def with_from(value: bytes) -> bytes:
    return b"From: " + value + b"\r\nSubject: s\r\n\r\ntext"


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        (b"lea@client.test", "lea@client.test", ""),
        (b"Lea Martin <lea@CLIENT.test>", "lea@client.test", "Lea Martin"),
        (b'"Martin, Lea" <lea@client.test>', "lea@client.test", "Martin, Lea"),
        (b"=?utf-8?q?L=C3=A9a?= <lea@client.test>", "lea@client.test", "Léa"),
        ("Léa <lea@client.test>".encode(), "lea@client.test", "Léa"),
        (b"lea@client.test (Lea)", "lea@client.test", "Lea"),
        (b'"lea@client.test" <lea@client.test>', "lea@client.test", "lea@client.test"),
        (b"lea@client.test <lea@client.test>", "lea@client.test", "lea@client.test"),
        (b"Lea\r\n <lea@client.test>", "lea@client.test", "Lea"),
        ("Lea <léa@clïent.test>".encode(), "léa@clïent.test", "Lea"),
        (b"=?utf-8?q?Ad=0D=0ABcc=3A_x=40y?= <lea@client.test>", "lea@client.test", "Ad Bcc: x@y"),
        (b"=?utf-8?b?TMOpYQ?= <lea@client.test>", "lea@client.test", "Léa"),
        (b'"=?utf-8?q?L=C3=A9a?=" <lea@client.test>', "lea@client.test", "Léa"),
    ],
)
def test_one_plain_mailbox_is_believed(value: bytes, address: str, name: str) -> None:
    """One From field with one mailbox names the author, however it is written."""
    author = understand(with_from(value)).author
    assert author is not None
    assert (author.address, author.name) == (address, name)


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        (b"Lea <lea@client.test", "lea@client.test", "Lea"),
        (b"<lea@client.test", "lea@client.test", ""),
        (b'"Lea" lea@client.test>', "lea@client.test", "Lea"),
        (b"Lea Martin lea@client.test", "lea@client.test", "Lea Martin"),
        (b"Martin, Lea <lea@client.test>", "lea@client.test", "Martin, Lea"),
        (b"Client: Lea <lea@client.test>", "lea@client.test", "Client: Lea"),
        (b'Lea "Boss <lea@client.test>', "lea@client.test", "Lea Boss"),
        (b"<lea@client.test> Lea", "lea@client.test", "Lea"),
        (b"Lea <<lea@client.test>>", "lea@client.test", "Lea"),
        (b"Lea [mailto:lea@client.test]", "lea@client.test", "Lea"),
        (b"Lea <'lea@client.test'>", "lea@client.test", "Lea"),
        (b"Lea <lea@client.test>, LEA@client.test", "lea@client.test", "Lea"),
        (b'"Lea @ Client" lea@client.test', "lea@client.test", "Lea @ Client"),
    ],
)
def test_the_only_address_of_a_broken_field_is_the_author(value: bytes, address: str, name: str) -> None:
    """However broken the field, who stands in it alone wrote the mail: no reader can see a second address."""
    author = understand(with_from(value)).author
    assert author is not None
    assert (author.address, author.name) == (address, name)


@given(st.text(st.characters(codec="utf-8", exclude_characters="@\r\n"), max_size=60), st.integers(0, 60))
def test_two_addresses_are_never_one(junk: str, at: int) -> None:
    """Whatever stands around two bare addresses, the one that comes first is not taken for the author alone."""
    value = f"{junk[:at]} admin@desk.test {junk[at:]} <x@evil.test>"
    author = understand(with_from(value.encode())).author
    assert author is None or author.address == "x@evil.test"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"<>",
        b"Lea",
        b"a@desk.test, x@evil.test",
        b"grp: a@desk.test;",
        b"grp: a@desk.test;, x@evil.test",
        b"admin@desk.test <x@evil.test>",
        b"<admin@desk.test\0@evil.test>",
        b"admin@desk.test@evil.test",
        b"<admin@desk.test> <x@evil.test>",
        b"<@desk.test:x@evil.test>",
        b"<@desk.test,@b.test:x@evil.test>",
        # Who checks a sender on the way does not decode: an address that only decoding shows is nobody's.
        b"=?utf-8?q?admin=40desk.test?=",
        b"=?utf-8?q?Admin_=3Cadmin=40desk.test=3E?=",
        b"=?utf-8?q?admin=40desk.test?= x@evil.test <",
        b"<=?utf-8?q?admin?=@desk.test>",
        b"<admin@=?utf-8?q?desk.test?=>",
        b"<x@evil.test> admin@desk.test",
        b"<admin@desk.test>x@evil.test",
        b'"admin@desk.test <x@evil.test>',
        b"<admin@desk.test x@evil.test",
        b"admin@desk..test",
        # It may be admin with a space in it.
        b"ad min@desk.test",
        b"<ad min@desk.test>",
        b'"admin@desk.test"@evil.test x',
        b"x@evil.test\\@desk.test a",
        b"a@desk.test; x@evil.test",
        b"(" * 2000,
        b"x" * 20_000 + b"@desk.test",
    ],
)
def test_doubtful_authors_are_nobody(value: bytes) -> None:
    """Where two readers could see two authors, nobody is believed, and why is said (THREATS T30 to T34)."""
    mail = understand(with_from(value))
    assert mail.author is None
    assert mail.author_fault


@pytest.mark.parametrize("second", [b"From: a@desk.test", b"from : a@desk.test", b"FROM:a@desk.test"])
def test_two_from_fields_are_nobody(second: bytes) -> None:
    """A second From field with another address, however spelled, leaves no author."""
    assert understand(b"From: x@evil.test\r\n" + second + b"\r\n\r\ntext").author is None
    assert understand(second + b"\r\nFrom: x@evil.test\r\n\r\ntext").author is None


@pytest.mark.parametrize("second", [b"From: a@desk.test", b"from : Ana <a@DESK.test>", b"FROM: EMAIL_FROM"])
def test_two_from_fields_of_one_person_are_one(second: bytes) -> None:
    """A From field that is there twice names its person when no second address stands in either."""
    author = understand(b"From: Ana <a@desk.test>\r\n" + second + b"\r\n\r\ntext").author
    assert author is not None
    assert author.address == "a@desk.test"


def test_leading_space_counts_as_a_field() -> None:
    """A first line " From:" is a From field to some readers, so it counts."""
    assert understand(b" From: x@evil.test\r\nFrom: a@desk.test\r\n\r\ntext").author is None


def test_header_facts() -> None:
    """Ids keep their brackets, References come before In-Reply-To, dates are UTC."""
    mail = understand(
        b"From: a@b.test\r\nTo: One <one@x.test>, two@x.test\r\nCc: grp: three@x.test;\r\nReply-To: r@b.test\r\n"
        b"Message-ID: <m@b.test>\r\nReferences: <1@b.test>\r\n <2@b.test>\r\nIn-Reply-To: <2@b.test> <3@b.test>\r\n"
        b"Date: Sun, 22 Nov 2026 18:00:00 +0100\r\nDelivered-To: support+tag@desk.test\r\nContent-Language: fr, en\r\n"
        b"X-Maildesk-Desk: desk.test\r\nReceived: from x\r\n by y\r\nX-Spam-Flag: YES\r\n\r\ntext"
    )
    assert (mail.to, mail.cc) == (("one@x.test", "two@x.test"), ("three@x.test",))
    assert mail.reply_to is not None
    assert mail.reply_to.address == "r@b.test"
    assert mail.message_id == "<m@b.test>"
    assert mail.references == ("<1@b.test>", "<2@b.test>", "<3@b.test>")
    assert mail.date == datetime(2026, 11, 22, 17, tzinfo=UTC)
    assert mail.delivered_to == ("support+tag@desk.test",)
    assert (mail.language_stated, mail.desk_id) == ("fr", "desk.test")
    assert ("x-spam-flag", "YES") in mail.marks
    assert mail.trace == (("received", "from x by y"),)


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"=?utf-8?b?w4k=?= =?utf-8?q?t=C3=A9?=", "Été"),
        (b"=?utf-8?b?4p8=?= =?utf-8?b?qA==?=", "\u27e8"),
        (b"a =?iso-8859-1?q?=E9?= b", "a é b"),
        (b"Re: =?utf-8?q?Hello=0D=0ABcc=3A_evil=40x?=", "Re: Hello Bcc: evil@x"),
        (b"=?nonsense?q?abc?=", "abc"),
        ("déjà".encode(), "déjà"),
        (b"d\xe9j\xe0", "déjà"),
        (b"folded\r\n\tover two", "folded over two"),
        (b"=?gb2312?b?1tDOxA==?=", "中文"),
        (b"=?iso-2022-jp?B?GyRCLWIbKEI0MSAbJEItahsoQg==?=", "№41 ㈱"),
        (b"=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
        (b"=?utf-8?q?d=C3=A9j=C3=A0?= vu =?utf-8?b?w6k=?= !", "déjà vu é !"),
        (b"=?UTF-8?Q?two words here?=", "two words here"),
        (b"=? UTF-8 ?Q?spaced=20mark?=", "spaced mark"),
        (b"Re: =?utf-8?q?no_end=C3=A9", "Re: no endé"),
        (b"=?utf-8?b?w6k", "é"),
        (b"=?utf-8?b?L=C3=A9a?=", "Léa"),
        (b"=?utf-8?q?Why?=3D_so?= then", "Why?= so then"),
        (b"=?utf-8?Q?=3D=3Futf-8=3FQ=3FL=3DC3=3DA9a=3F=3D?=", "Léa"),
        (b"=?iso-8859-1*fr?q?=E9t=E9?=", "été"),
        (b"=?utf-8?b?ngHuArA=?=", "=?utf-8?b?ngHuArA=?="),
        (b"2 =? 3 and =?x? too", "2 =? 3 and =?x? too"),
        ("dÃ©jÃ  vu".encode(), "dÃ©jÃ vu"),
        ("cafÃ© crÃ¨me".encode(), "café crème"),
        ("cafÃƒÂ©".encode(), "café"),
        ("x\u202eevil".encode(), "xevil"),
    ],
)
def test_subject_reads_as_meant(field: bytes, subject: str) -> None:
    """Encoded words are decoded and joined; no subject ever holds a line break, a control or a bidi control."""
    assert understand(b"From: a@b.test\r\nSubject: " + field + b"\r\n\r\nx").subject == subject


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (
            b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="R%C3%A9sum%C3%A9.pdf"',
            "Résumé.pdf",
        ),
        (
            b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="100%25 sure.pdf"',
            "100%25 sure.pdf",
        ),
        (
            b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=semi;colon.pdf",
            "semi;colon.pdf",
        ),
        (b'Content-Type: application/pdf\r\nContent-Disposition: attachment filename="NoSemi.pdf"', "NoSemi.pdf"),
        (b'Content-Type: application/pdf\r\nContent-Disposition: filename="Only Name.pdf"', "Only Name.pdf"),
        (
            b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=C:\\tmp\\my file.pdf",
            "my file.pdf",
        ),
        (
            b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=R%C3%A9sum%C3%A9.pdf",
            "Résumé.pdf",
        ),
        (b'Content-Type: application/pdf; name="R\xc3\x83\xc2\xa9sum\xc3\x83\xc2\xa9.pdf"', "Résumé.pdf"),
        (b'Content-Type: application/pdf; name="\xe2\x80\xaefdp.exe"', "fdp.exe"),
        (b'Content-Type: application/pdf; name="=?utf-8?Q?R=C3=A9su?= =?utf-8?Q?m=C3=A9.pdf?="', "Résumé.pdf"),
        (b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="unclosed.pdf', "unclosed.pdf"),
    ],
)
def test_files_have_the_names_that_people_gave_them(fields: bytes, name: str) -> None:
    """However a program wrote the name, it is the one that the sender saw."""
    raw = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + fields + b"\r\n\r\nx\r\n--b--"
    assert [a.name for a in understand(raw).attachments] == [name]


def test_attachments_hold_the_real_bytes() -> None:
    """An attachment's content has its transfer encoding undone; an attached mail is there as it came."""
    mail = mail_of("file-names")
    assert mail.attachments[0].content == b"ABC"
    assert mail.attachments[4].content.startswith(b"From: bob@other.test")


def test_content_key_ignores_the_road() -> None:
    """Received, Delivered-To, line ends and blank lines at the end do not change the key; a word does."""
    road = b"Received: from x\r\n by y\r\nDelivered-To: a@b\r\nARC-Seal: i=1\r\nX-Spam-Score: 1\r\n"
    one = road + b"Subject: s\r\n\r\ntext\r\n"
    two = b"Return-Path: <a@b>\nReceived: from z\nAuthentication-Results: q\nSubject: s\n\ntext\n\n\n"
    assert content_key(one) == content_key(two)
    assert content_key(one) != content_key(one.replace(b"text", b"test"))
    assert content_key(one) != content_key(one.replace(b"Subject: s", b"Subject: t"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_an_answer(raw: bytes) -> None:
    """Nothing raises, and every string can be stored: no NUL, no lone surrogate."""
    for body in (raw, b"From: a@b.test\r\nSubject: " + raw, raw_of("file-names").replace(b"Here they are.", raw)):
        mail = understand(body)
        for text in (mail.subject, mail.text, mail.full_text, *(a.name for a in mail.attachments)):
            assert "\0" not in text
            text.encode()
        assert "\n" not in mail.subject


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_mails_give_an_answer(data: st.DataObject) -> None:
    """Cutting a mail and flipping its bytes never raises."""
    raw = bytearray(data.draw(st.sampled_from(ALL)).read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    understand(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


@pytest.mark.parametrize(
    ("field", "language"), [(b"fr", "fr"), (b"de-CH, en", "de-ch"), (b"f\x01r", None), (b"fr\xff", None), (b"", None)]
)
def test_a_language_is_stated_by_its_tag(field: bytes, language: str | None) -> None:
    """Content-Language names a language by a tag (RFC 5646); anything else names none."""
    assert understand(b"From: a@b.test\r\nContent-Language: " + field + b"\r\n\r\nx").language_stated == language
