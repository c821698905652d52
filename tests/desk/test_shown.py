"""What an agent sees of a customer's HTML mail, from the bytes that came to the bytes of the notice, and back."""

from __future__ import annotations

import textwrap
from email.message import EmailMessage

import pytest

from maildesk.desk.letters import MAX_CARRIED_BYTES
from tests.desk.test_attacks import UNMARKED
from tests.desk.world import Letter, World, only

ANA = "Ana Lima <ana@desk.test>"
BEN = "Ben Okoro <ben@desk.test>"
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"
RICH = (
    "<h2>The printer</h2><p>It shows <b>error 49</b>, see <a href='https://help.test/49'>the manual</a>.</p>"
    "<ul><li>switched off</li><li>new cable</li></ul><p><img src='cid:shot@lea' alt='screen'></p><p>Kind regards<br>Lea</p>"
    "<div class='gmail_quote'><div class='gmail_attr'>On Sat, 21 Nov 2026 at 10:00, Support wrote:</div>"
    "<blockquote class='gmail_quote' style='border-left:1px solid'>An older answer of ours.</blockquote></div>"
)


def _mail(html: str, *pictures: tuple[str, str, bytes], files: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """A customer's HTML mail: pictures are id, declared subtype and bytes."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "Lea <lea@client.test>", "support@desk.test", "<rich@client.test>"
    mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=client.test"
    mail["Subject"] = "Printer on fire"
    mail.set_content(html, subtype="html")
    for name, subtype, content in pictures:
        mail.add_related(content, "image", subtype, cid=f"<{name}>", filename=f"{name.partition('@')[0]}.png")
    for name, content in files:
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()


def _page(letter: Letter) -> str:
    body = letter.message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def _notice(world: World, raw: bytes) -> Letter:
    world.give(raw)
    return only(world.letters(), "new", "ana@desk.test")


def test_a_notice_shows_the_formatting_and_folds_the_rest(world: World) -> None:
    """The person's words with their formatting stand first; what else the mail held stands folded, and nothing is lost."""
    page = _page(_notice(world, _mail(RICH, ("shot@lea", "png", PNG))))
    shown, _, folded = page.partition("<details>")
    assert "<b>error 49</b>" in shown
    assert "<li>new cable</li>" in shown
    assert "An older answer" not in shown
    assert "The rest of the message:</summary>" in folded
    assert "An older answer of ours." in folded


def test_a_picture_travels_once_and_stands_in_its_place(world: World) -> None:
    """It is a related part under an id that the HTML names and the customer did not choose; other files are attached."""
    notice = _notice(world, _mail(RICH, ("shot@lea", "octet-stream", PNG), files=(("a.pdf", b"%PDF"),)))
    related = [part for part in notice.message.walk() if part.get_content_type() == "multipart/related"]
    (picture,) = [part for part in related[0].iter_parts() if part.get_content_maintype() == "image"]
    assert (picture.get_content_type(), picture.get_content_disposition()) == ("image/png", "inline")
    assert picture.get_payload(decode=True) == PNG
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in _page(notice)
    assert "shot@lea" not in str(notice.message)
    assert [part.get_filename() for part in notice.message.iter_attachments()] == ["a.pdf"]


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"GIF", b"%PDF-1.7", b""])
def test_what_is_no_picture_is_a_file(world: World, content: bytes) -> None:
    """An image whose bytes are none of PNG, JPEG, GIF and WebP is attached, whatever type it claims."""
    notice = _notice(world, _mail(RICH, ("shot@lea", "png", content)))
    assert "src=" not in _page(notice)
    assert [part.get_filename() for part in notice.message.iter_attachments()] == ["shot.png"]


def test_pictures_and_files_together_stay_in_bounds(world: World) -> None:
    """A picture takes its share of what may travel: the file that does not fit beside it is named as kept."""
    big = b"%PDF" + bytes(MAX_CARRIED_BYTES - 4)
    notice = _notice(world, _mail(RICH, ("shot@lea", "jpeg", JPEG), files=(("big.pdf", big),)))
    assert list(notice.message.iter_attachments()) == []
    assert "big.pdf (15 MB, kept at the desk" in notice.text.replace("\u00a0", " ")
    assert "src=" in _page(notice)


def test_a_note_is_told_as_text(world: World) -> None:
    """An agent's note has the same words in both forms, so that they are found again however they are quoted."""
    world.give(_mail(RICH))
    first = {letter.recipient: letter for letter in world.letters()}
    world.write(BEN, "#assign me\n", answers=first["ben@desk.test"])
    raw = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\nFrom: {ANA}\nMessage-ID: <n@x.test>\n"
        "Content-Type: text/html\n\n<div>#note</div><div>They are <b>not</b> to be trusted.</div>"
    )
    world.give(raw.encode(), str(first["ana@desk.test"].message["Reply-To"]))
    note = only(world.letters(), "note", "ben@desk.test")
    assert "They are not to be trusted." in _page(note)


# How mail programs put the page of a notice below or around the agent's answer.
PROGRAMS = {
    "gmail": '<div dir="ltr">Use water.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Sun, 22 Nov '
    '2026 at 18:05, Lea via Support &lt;<a href="mailto:support@desk.test">support@desk.test</a>&gt; wrote:<br></div>'
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204)">{page}'
    "</blockquote></div>",
    "outlook": "<div>Use water.</div><div id='appendonsend'></div><hr><div id='divRplyFwdMsg'><b>From:</b> Lea via Support "
    "&lt;support@desk.test&gt;<br><b>Sent:</b> Sunday, November 22, 2026 6:05 PM<br><b>To:</b> ana@desk.test<br>"
    "<b>Subject:</b> Re: Printer</div>{page}",
    "outlook for windows": "<p class=MsoNormal>Use water.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'>"
    "<p class=MsoNormal><b>From:</b> Lea via Support &lt;support@desk.test&gt;<br><b>Sent:</b> Sunday, November 22, 2026 "
    "6:05 PM<br><b>To:</b> ana@desk.test<br><b>Subject:</b> Re: Printer</p></div></div>{page}",
    "apple": "<div>Use water.</div><div><br><blockquote type='cite'><div>On 22 Nov 2026, at 18:05, Lea via Support &lt;"
    "support@desk.test&gt; wrote:</div><br><div>{page}</div></blockquote></div>",
    "thunderbird": "<p>Use water.</p><div class='moz-cite-prefix'>On 22/11/2026 18:05, Lea via Support wrote:<br></div>"
    "<blockquote type='cite' cite='mid:x@desk.test'>{page}</blockquote>",
    "yahoo": "<div>Use water.</div><div id='yahoo_quoted_1' class='yahoo_quoted'><div>On Sunday, November 22, 2026 at "
    "06:05:00 PM, Lea via Support wrote:</div><div>{page}</div></div>",
    "proton": "<div>Use water.</div><div class='protonmail_quote'>On Sunday, November 22nd, 2026 at 6:05 PM, Lea wrote:<br>"
    "<blockquote class='protonmail_quote' type='cite'>{page}</blockquote></div>",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_answer_to_a_rich_notice_is_the_agents_words_alone(world: World, program: str) -> None:
    """The page of a notice, formatting, folded rest and history in it, is cut from the answer however it is quoted."""
    notice = _notice(world, _mail(RICH, ("shot@lea", "png", PNG)))
    world.write(BEN, "#note\nNever refund them.\n", to=(str(notice.message["Reply-To"]),))
    world.letters()
    head = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\nFrom: {ANA}\nMessage-ID: <a@x.test>\n"
        f"In-Reply-To: {notice.message['Message-ID']}\nContent-Type: text/html; charset=utf-8\n\n"
    )
    world.give((head + PROGRAMS[program].format(page=_page(notice))).encode(), str(notice.message["Reply-To"]))
    answer = only(world.letters(), "answer", "lea@client.test")
    assert answer.text.strip() == "Use water."


@pytest.mark.parametrize("program", UNMARKED)
def test_a_note_below_a_rich_notice_stays_inside_however_it_is_quoted(world: World, program: str) -> None:
    """Formatting in a notice does not hide its beginning: what stands below, a note above all, is found again."""
    world.give(_mail(RICH, ("shot@lea", "png", PNG)))
    first = {letter.recipient: letter for letter in world.letters()}
    world.write(ANA, "#assign me\n", answers=first["ana@desk.test"])
    world.write(BEN, "#note\nThe customer cannot be trusted.\n", answers=first["ben@desk.test"])
    rich = RICH.replace("49", "50").replace("the manual", "https://bank.test/")
    raw = _mail(rich, ("shot@lea", "png", PNG)).replace(b"<rich@", b"<more@")
    world.give(raw, str(first["lea@client.test"].message["Reply-To"]))
    notice = only(world.letters(), "reply", "ana@desk.test")
    assert "<b>error 50</b>" in _page(notice)
    assert "cannot be trusted" in _page(notice)
    words = UNMARKED[program].format(
        html=_page(notice),
        text=notice.text,
        bars=notice.text.replace("\n", "\n| "),
        narrow="\n".join(textwrap.fill(line, 32) for line in notice.text.splitlines()),
    )
    kind = "html" if "<div>" in words else "plain"
    head = (
        f"Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\nFrom: {ANA}\nMessage-ID: <a@x.test>\n"
        f"References: {notice.message['Message-ID']}\nContent-Type: text/{kind}; charset=utf-8\n\n"
    )
    world.give((head + words).encode(), str(notice.message["Reply-To"]))
    answer = only(world.letters(), "answer", "lea@client.test")
    assert answer.text.startswith("Use water.")
    assert "trusted" not in answer.text
    assert "#note" not in answer.text
