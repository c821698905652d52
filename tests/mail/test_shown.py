"""Laws of the HTML that people are shown: the words of the text, neither more nor less, and nothing that loads or runs."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildesk.mail.alike import normal
from maildesk.mail.body import blocks_of, own_text
from maildesk.mail.html import to_text
from maildesk.mail.model import Attachment, Shown
from maildesk.mail.parse import understand
from maildesk.mail.shown import PICTURES, PICTURES_BYTES, SHOWN_CHARS, cleaned, raster, shown_of
from tests.hostile_html import VECTORS, armed

PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = Attachment("shot.png", "image/png", PNG, True, "a@b")
GMAIL = (
    '<div class="gmail_quote"><div class="gmail_attr">On Sat, 21 Nov 2026 at 10:00, Ana wrote:</div>'
    '<blockquote class="gmail_quote" style="border-left:1px solid">Which mount?</blockquote></div>'
)
OUTLOOK = (
    "<hr><p><b>From:</b> Ana<br><b>Sent:</b> Saturday, 21 November 2026 10:00<br><b>To:</b> Lea<br>"
    "<b>Subject:</b> mount</p><p>Which mount?</p>"
)


class Reader(HTMLParser):
    """The words of HTML as the standard library's parser finds them, and its elements."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.words, self.found = "", list[tuple[str, dict[str, str | None]]]()
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def text_of(markup: str) -> str:
    return own_text(blocks_of(to_text(markup)))


def shown(markup: str, *pictures: Attachment) -> str:
    found = shown_of(markup, text_of(markup), pictures)
    assert found is not None
    return found.html


@pytest.mark.parametrize(
    "markup",
    [
        "<b>bold</b> <i>it</i> <u>under</u> <s>gone</s> <strong>x</strong> <em>y</em>",
        "<h1>One</h1><h3>Three</h3>",
        "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
        '<ol start="3" type="a"><li>a</li></ol>',
        "<pre>one\n  two</pre><code>x = 1</code>",
        "<blockquote>said by the manual</blockquote>",
        "x<sup>2</sup> and H<sub>2</sub>O",
        '<p dir="rtl">שלום</p>',
        "<dl><dt>a</dt><dd>b</dd></dl>",
    ],
)
def test_formatting_stays(markup: str) -> None:
    """What people write with their program's buttons is shown as they wrote it."""
    assert shown(f"<div>{markup}</div>") == f"<div><div>{markup}</div></div>"


def test_a_data_table_has_lines_and_a_layout_none() -> None:
    """Cells that had borders or headings keep lines between them; a table that only holds a layout has none."""
    assert 'border="1"' in shown("<table border=1><tr><td>a</td><td>b</td></tr></table>")
    assert 'border="1"' in shown("<table><tr><th>a</th></tr></table>")
    assert 'border="1"' in shown("<table><tr><td style='border:solid windowtext 1.0pt'>a</td></tr></table>")
    assert 'border="0"' in shown("<table width=600 bgcolor=red><tr><td>a</td></tr></table>")


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        (f"<p>The <b>heavy</b> one.</p>{GMAIL}", "The heavy one."),
        (f"<p>The <b>heavy</b> one.</p>{OUTLOOK}", "The heavy one."),
        ("<p>Thanks!</p><div>-- <br>Lea Martin<br>ACME</div>", "Thanks!"),
        ("<div>Thanks!<br><br>Sent from my iPhone</div>", "Thanks!"),
        (
            "<p>On Sat, 21 Nov 2026 at 10:00, Ana wrote:</p><blockquote type=cite>Which?</blockquote><p>This.</p>",
            "This.",
        ),
        ("<blockquote type=cite>Hello</blockquote><p>Hello <b>you</b></p>", "Hello you"),
        (f"<p>Done*</p>{GMAIL}", "Done*"),
        (f"<p>Really?!</p>{GMAIL}", "Really?!"),
    ],
)
def test_what_the_text_leaves_out_is_not_shown(markup: str, words: str) -> None:
    """Quotes that a client marked, and what only the rules for text find, are gone from the HTML too."""
    assert Reader(shown(markup)).words.strip() == words


def test_answers_between_quotes_keep_the_line_they_answer() -> None:
    """What the text keeps of a quote stands in the HTML as well, in its place."""
    inline = '<div class="gmail_quote"><blockquote class="gmail_quote">{}</blockquote><div>{}</div>'
    markup = (
        inline.format("Which mount?", "The <b>heavy</b> one.") + inline.format("Does it move?", "No.") + "</div></div>"
    )
    assert text_of(markup) == "> Which mount?\nThe heavy one.\n> Does it move?\nNo."
    assert Reader(shown(markup)).words == "Which mount?The heavy one.Does it move?No."
    assert "<b>heavy</b>" in shown(markup)


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("The *heavy* one,\nplease.", "<p>The <b>heavy</b> one, please.</p>"),
        ("see the manual <https://x.test/a?b=1>.", "<p>see <a href='https://x.test/a?b=1'>the manual</a>.</p>"),
        ("see the manual<https://x.test/>", "<p>see <a href='https://x.test'>the manual</a></p>"),
        (" - one\n - two\n\n1. first", "<ul><li>one</li><li>two</li></ul><ol><li>first</li></ol>"),
        ("It’s “fine” – really", '<p>It\'s "fine" - really</p>'),
        ("look: [image: shot.png]", "<p>look: <img src='cid:a@b' alt='shot.png'></p>"),
        ("look: [cid:a@b]", "<p>look: <img src='cid:a@b'></p>"),
        ("a\n--------\nb", "<p>a</p><hr><p>b</p>"),
        ("> Which?\n\nThis.", "<blockquote type='cite'>Which?</blockquote><p>This.</p>"),
    ],
)
def test_two_ways_to_write_the_same_agree(text: str, markup: str) -> None:
    """A plain part with its marks for emphasis, links, lists and pictures says what the HTML beside it says."""
    assert shown_of(markup, text, (PICTURE,)) is not None


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Your mail program shows no HTML.", "<p>Buy now</p>"),
        ("The heavy one, please.", "<p>The heavy one.</p>"),
        ("Pay to https://good.test/", "<p>Pay to <a href='https://bad.test/'>us</a></p>"),
        ("b\na", "<p>a</p><p>b</p>"),
        ("a [image of a cat]", "<p>a</p>"),
        ("", "<p>x</p>"),
        ("x", ""),
    ],
)
def test_html_that_says_less_is_not_shown(text: str, markup: str) -> None:
    """Where the HTML lacks a word of the text, the text is shown."""
    assert shown_of(markup, text, ()) is None


def test_html_that_says_more_is_cut_to_the_text() -> None:
    """An offer in the HTML that the plain text beside it does not make is not shown."""
    found = shown_of("<p>The heavy one.</p><p>Call 0900!</p>", "The heavy one.", ())
    assert found == Shown("<div><p>The heavy one.</p></div>")


_PIECES = (
    *(
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<div>",
        "</div>",
        "<br>",
        "<ul><li>",
        "</li></ul>",
        "<table><tr><td>",
        "</td><td>",
    ),
    *(
        "</td></tr></table>",
        "<blockquote type=cite>",
        "</blockquote>",
        "<img src=cid:a@b>",
        "<a href=https://x.test/>",
        "</a>",
    ),
    *(
        "word",
        "other ",
        "-- <br>",
        "Sent from my iPhone",
        "<style>x</style>",
        "<pre>",
        "</pre>",
        "\n",
        "&lt;",
        "&amp;",
        "É",
        "1. ",
    ),
    *(
        "<div class=gmail_quote>",
        "On Sat, 21 Nov 2026 at 10:00, Ana wrote:<br>",
        "<span hidden>",
        "<!-- x -->",
        "&#xe0f1;",
    ),
)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
def test_what_is_shown_is_what_the_text_says(markup: str) -> None:
    """Whatever the HTML, its words are those of the text up to white space, marks of lists and emphasis, and links' targets."""
    text = text_of(markup)
    found = shown_of(markup, text, (PICTURE,))
    if found is not None:
        said = re.sub(r"\[image: [^\]]*\]| ?<https://x\.test/>|https://x\.test/|[\[\]()]", "", text)
        said = re.sub(r"(?m)^[ >]*(?:(?:[*+o-]|\d\.)(?: +|$))+", "", said)
        words = Reader(found.html).words
        assert sorted(normal(words.replace("1.", ""))) == sorted(normal(said.replace("1.", "")))


@pytest.mark.parametrize("vector", VECTORS)
def test_nothing_that_could_load_or_run_passes(vector: str) -> None:
    """Only the closed list of elements and attributes, addresses of web and mail, and pictures of the letter itself."""
    for markup in (
        shown_of(armed(vector, "http://b.test"), text_of(vector), ()),
        cleaned(armed(vector, "http://b.test")),
    ):
        for tag, attributes in Reader(markup.html if isinstance(markup, Shown) else markup or "").found:
            assert tag not in (
                "script",
                "style",
                "svg",
                "math",
                "form",
                "input",
                "iframe",
                "object",
                "embed",
                "link",
                "meta",
            )
            assert not [
                name for name in attributes if name.startswith("on") or name in ("style", "class", "id", "srcset")
            ]
            assert re.match(r"https?://|mailto:", attributes.get("href") or "mailto:", re.IGNORECASE)
            assert (attributes.get("src") or "cid:").startswith("cid:")


def test_a_picture_is_shown_under_an_id_of_ours() -> None:
    """What the mail calls its picture never leaves; the type is what the bytes say."""
    found = shown_of("<p>x <img src='CID:A%40b' onerror=x width=1200 height=9></p>", "x", (PICTURE,))
    assert found is not None
    (picture,) = found.pictures
    assert (picture.place, picture.type) == (0, "image/png")
    assert f'<img src="cid:{picture.content_id}" alt="" width="600">' in found.html
    assert "A%40b" not in found.html


def test_a_mail_of_a_picture_alone_shows_it() -> None:
    """A screenshot without a word is what the person says."""
    assert "src=" in shown("<img src='cid:a@b'>", PICTURE)


@pytest.mark.parametrize(
    ("image", "seen"),
    [
        ("<img src=https://t.test/logo.png alt='ACME Logo'>", "ACME Logo"),
        ("<img src=https://t.test/pixel.gif width=1 height=1 alt=x>", ""),
        ("<img src=https://t.test/pixel.gif>", ""),
        ("<img src=cid:missing@x alt='&lt;b&gt;'>", "[<b>]"),
        ("<img src=data:image/png;base64,AAAA alt=screen>", "screen"),
        (f"<img src=//t.test/x alt='{'y z ' * 80}'>", f"{'y z ' * 50}".strip()),
    ],
)
def test_a_picture_from_elsewhere_is_its_words(image: str, seen: str) -> None:
    """Nothing is ever loaded: a remote picture is its alternative text, as in the text, a tracking dot nothing."""
    markup = shown(f"<p>Hello {image}</p>")
    assert Reader(markup).words.strip() == f"Hello {seen}".strip()
    assert "src" not in markup


def test_pictures_are_bounded() -> None:
    """Beyond a number and a size they are files like any others."""
    many = tuple(Attachment(f"{i}", "image/png", PNG + bytes([i]), True, f"{i}@x") for i in range(PICTURES + 5))
    markup = "<p>x</p>" + "".join(f"<img src='cid:{one.content_id}'>" for one in many)
    found = shown_of(markup, "x", many)
    assert found is not None
    assert len(found.pictures) == found.html.count("<img") == PICTURES
    large = Attachment("l", "image/png", PNG + bytes(PICTURES_BYTES), True, "l@x")
    assert "<img" not in shown("<p>x<img src='cid:l@x'></p>", large)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe1", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg>", None),
        (b"BM", None),
        (b"", None),
    ],
)
def test_the_bytes_say_what_a_picture_is(octets: bytes, kind: str | None) -> None:
    """Four kinds by their first bytes; anything else is none."""
    assert raster(octets) == kind


@pytest.mark.parametrize(
    ("link", "note"),
    [
        ("<a href='https://evil.test/x'>https://bank.test/login</a>", "[evil.test]"),
        ("<a href='https://evil.test/x'>Sign in at bank.test now</a>", "[evil.test]"),
        ("<a href='https://bank.test@evil.test/'>www.bank.test</a>", "[evil.test]"),
        ("<a href='https://bank.test.evil.test/'>bank.test</a>", "[bank.test.evil.test]"),
        ("<a href='https://b\u0430nk.test/'>b\u0430nk.test</a>", "[xn--bnk-6cd.test]"),
        ("<a href='mailto:x@evil.test'>lea@bank.test</a>", "[evil.test]"),
        ("<a href='https://www.bank.test/x'>bank.test</a>", ""),
        ("<a href='https://help.bank.test/x'>https://bank.test</a>", ""),
        ("<a href='https://evil.test/'>the manual</a>", ""),
        ("<a href='mailto:lea@bank.test'>lea@bank.test</a>", ""),
    ],
)
def test_a_link_that_names_another_host_shows_its_own(link: str, note: str) -> None:
    """Who reads one host and would go to another is told (THREATS T81)."""
    assert re.findall(r"\[.*?\]", Reader(shown(f"<p>x {link}</p>")).words) == ([note] if note else [])


@pytest.mark.parametrize(
    "scheme", ["javascript:x", "data:text/html,x", "file:///x", "//x.test", "/x", "https:/\\x.test", "tel:1"]
)
def test_other_targets_are_words(scheme: str) -> None:
    """Only addresses of the web and of mail can be followed; the label stays."""
    assert shown(f"<p>x <a href='{scheme}'>here</a></p>") == "<div><p>x here</p></div>"


def test_a_fault_costs_no_mail() -> None:
    """HTML without words, cut in the middle or nested beyond measure is a mail like any other, shown as text."""
    for markup in ("<", "<p", "</", "<!--", "<a href='", "<div>" * 5_000 + "x", "\x00", "&#0;", "<table><td>x"):
        raw = f"From: a@x.test\nContent-Type: text/html\n\n{markup}".encode()
        assert understand(raw).unreadable is None


@pytest.mark.parametrize(
    "markup",
    [
        "<p>x</p>" + "<blockquote type=cite>q</blockquote>" * 3_900,
        "x" + "<img src=cid:a@b alt=b>" * 7_900,
        "<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">x</p>",
        "x" + "<!--a-->" * 15_900 + "y",
        "<a href='http://x.test/'>" + "a.bb" * 5_000 + "</a>",
        "<p>" + "aaab" * 200_000 + "</p>",
        "<p style='" + "margin " * 200_000 + "'>x</p>",
    ],
    ids=["quotes", "pictures", "attributes", "comments", "hosts", "near", "style"],
)
def test_monsters_are_shown_in_no_time(markup: str) -> None:
    """The shapes of THREATS T65 take no second (they take a tenth of one)."""
    text = text_of(markup)[:SHOWN_CHARS]
    begin = time.perf_counter()
    shown_of(markup, text, (PICTURE,))
    assert time.perf_counter() - begin < 1
