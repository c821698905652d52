"""Laws of the text: what the person wrote now is kept, the rest is one step away."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildesk.mail.body import blocks_of, own_text
from maildesk.mail.language import language_of
from maildesk.mail.parse import understand
from maildesk.mail.phrasebook import phrases
from tests.mail.cases import mail_of


@pytest.mark.parametrize(
    "attribution",
    [
        "On Sat, 21 Nov 2026 at 10:00, Ana Lima <ana@desk.test> wrote:",
        "Le sam. 21 nov. 2026 à 10:00, Ana Lima <ana@desk.test> a écrit :",
        "Am 21.11.2026 um 10:00 schrieb Ana Lima <ana@desk.test>:",
        "El sáb, 21 nov 2026 a las 10:00, Ana Lima (<ana@desk.test>) escribió:",
        "Il giorno sab 21 nov 2026 alle ore 10:00 Ana Lima <ana@desk.test> ha scritto:",
        "Em sáb., 21 de nov. de 2026 às 10:00, Ana Lima <ana@desk.test> escreveu:",
        "Op za 21 nov 2026 om 10:00 schreef Ana Lima <ana@desk.test>:",
        "On Sat, 21 Nov 2026 at 10:00, Ana Lima with a long name\n<ana@desk.test> wrote:",
    ],
)
@pytest.mark.parametrize("quote", ["> Which mount?\n> Which firmware?", "Which mount?"])
def test_attributions_open_the_quote(attribution: str, quote: str) -> None:
    """In each language the attribution and what follows it are left out, with ">" and without."""
    assert own_text(blocks_of(f"The heavy one.\n\n{attribution}\n\n{quote}")) == "The heavy one."


@pytest.mark.parametrize(
    "separator",
    [
        "-----Original Message-----",
        "-----Message d'origine-----",
        "-----Ursprüngliche Nachricht-----",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "-----Mensagem original-----",
        "-----Oorspronkelijk bericht-----",
        "From: Ana\nSent: Saturday\nTo: Lea\nSubject: mount",
        "De : Ana\nEnvoyé : samedi\nÀ : Lea\nObjet : monture",
        "Von: Ana\nGesendet: Samstag\nAn: Lea\nBetreff: Montierung",
        "De: Ana\nEnviado: sábado\nPara: Lea\nAsunto: montura",
        "Da: Ana\nInviato: sabato\nA: Lea\nOggetto: montatura",
        "*Van:* Ana\n*Verzonden:* zaterdag\n*Aan:* Lea\n*Onderwerp:* montering",
    ],
)
def test_separators_open_the_quote(separator: str) -> None:
    """A separator or a header block in each language ends the person's own text."""
    assert own_text(blocks_of(f"The heavy one.\n\n{separator}\n\nWhich mount?\nWhich firmware?")) == "The heavy one."


@pytest.mark.parametrize(
    "text",
    [
        "On Friday I wrote:\nplease call me back.\nNobody did.",
        "Name: Lea\nSubject: mount\n\nIt fails.",
        "From the box:\nto the wall, it all fails.",
        "My list:\n- one\n--\n- two",
        "I wrote this and he wrote that.\nSent from my office they say.",
        "Sent from my phone, which is why this is short:\nIt fails.\nIt really does.\nPlease help.",
    ],
)
def test_when_in_doubt_keep(text: str) -> None:
    """Own words that look a little like a client's are kept, every one."""
    assert own_text(blocks_of(text)).split() == text.split()


def test_html_answers_between_quotes_are_kept() -> None:
    """In Gmail's HTML the answers stand inside the outer box, between the quotes; none is lost."""
    html = (
        '<div class="gmail_quote"><div class="gmail_attr">On Sat, 21 Nov 2026 at 10:00, Ana wrote:</div>'
        '<blockquote class="gmail_quote">Which mount?</blockquote><div>The heavy one.</div>'
        '<blockquote class="gmail_quote">Does it move?</blockquote><div>No.</div></div>'
    )
    text = understand(b"From: lea@client.test\r\nContent-Type: text/html\r\n\r\n" + html.encode()).text
    assert [line for line in text.split("\n") if line] == ["> Which mount?", "The heavy one.", "> Does it move?", "No."]


def test_a_signature_is_a_block() -> None:
    """A signature below "-- " is a block of its own."""
    signed = mail_of("signature")
    assert signed.text == "The heavy one."
    assert [b.kind for b in signed.blocks] == ["own", "signature"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "> q",
                "own words",
                "",
                "-- ",
                "Sent from my iPhone",
                "On 1 May 2026 at 10:00, A wrote:",
                "----- Original Message -----",
                "From: a",
                "To: b",
                "Subject: c",
            ]
        ),
        max_size=14,
    )
)
def test_the_blocks_are_the_whole(lines: list[str]) -> None:
    """Joined by newlines the blocks are the text, and the own text holds only lines of it."""
    text = "\n".join(lines)
    blocks = blocks_of(text)
    assert "\n".join(b.text for b in blocks) == text
    assert set(own_text(blocks).split("\n")) <= {*(line.rstrip() for line in lines), *lines, ""}


def test_every_language_fills_the_book() -> None:
    """Each file of phrases is read, and all is lower case."""
    book = phrases()
    for words in (
        book.starts,
        book.verbs,
        tuple(book.labels),
        book.banners,
        book.absence,
        book.failed,
        tuple(book.original),
    ):
        assert words
        assert all(word == word.lower() for word in words)


def test_language_is_honest() -> None:
    """Long enough texts have a language, short ones none; only the asked languages are answers."""
    assert language_of("Bonjour, je voudrais savoir si ma commande est partie.") == "fr"
    assert language_of("ok thanks") is None
    assert language_of("Guten Tag, meine Bestellung ist noch nicht angekommen.", ("en", "fr")) in ("en", "fr", None)


@pytest.mark.parametrize(
    "mark", ["\ue0f1", "\ue0f2", "&#xe0f1;", "&#57586", "\ue0f1\nquoted?\n\ue0f2", "<div>&#xE0F1;</div>x"]
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_nobody_writes_our_own_marks(mark: str, kind: str) -> None:
    """The characters that stand between HTML and text mark nothing when a sender writes them, and cost no mail."""
    mail = understand(f"From: a@x.test\nContent-Type: text/{kind}; charset=utf-8\n\n{mark}\n".encode())
    assert mail.unreadable is None
    assert not {"\ue0f1", "\ue0f2"} & set(mail.full_text)
    assert [block.kind for block in mail.blocks if block.text.strip()] in ([], ["own"])
