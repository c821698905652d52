"""Answers as clients write them, made up: what the person wrote has words of its own, and so has what they quote."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files

from hypothesis import strategies as st

from maildesk.mail.phrasebook import read_language

# How the most used client of each language begins a quote.
ATTRIBUTIONS = {
    "en": "On Sun, 3 May 2026 at 10:00, Lea Martin <lea@client.test> wrote:",
    "fr": "Le dim. 3 mai 2026 à 10:00, Lea Martin <lea@client.test> a écrit :",
    "de": "Am So., 3. Mai 2026 um 10:00 Uhr schrieb Lea Martin <lea@client.test>:",
    "es": "El dom, 3 may 2026 a las 10:00, Lea Martin (<lea@client.test>) escribió:",
    "it": "Il giorno dom 3 mag 2026 alle ore 10:00 Lea Martin <lea@client.test> ha scritto:",
    "pt": "Em dom., 3 de mai. de 2026 às 10:00, Lea Martin <lea@client.test> escreveu:",
    "nl": "Op zo 3 mei 2026 om 10:00 schreef Lea Martin <lea@client.test>:",
    "pl": "niedz., 3 maj 2026 o 10:00 Lea Martin <lea@client.test> napisał(a):",
    "sv": "Den sön 3 maj 2026 kl 10:00 skrev Lea Martin <lea@client.test>:",
    "da": "Den søn. 3. maj 2026 kl. 10.00 skrev Lea Martin <lea@client.test>:",
    "nb": "søn. 3. mai 2026 kl. 10:00 skrev Lea Martin <lea@client.test>:",
    "fi": "su 3. toukok. 2026 klo 10.00 Lea Martin (lea@client.test) kirjoitti:",
    "cs": "ne 3. 5. 2026 v 10:00 odesílatel Lea Martin <lea@client.test> napsal:",
    "ru": "вс, 3 мая 2026 г. в 10:00, Lea Martin <lea@client.test>:",
    "uk": "нд, 3 трав. 2026 р. о 10:00 Lea Martin <lea@client.test> пише:",
    "tr": "Lea Martin <lea@client.test>, 3 May 2026 Paz, 10:00 tarihinde şunu yazdı:",
    "ja": "2026年5月3日(日) 10:00 Lea Martin <lea@client.test>:",
    "zh": "Lea Martin <lea@client.test> 于2026年5月3日周日 10:00写道：",
    "ko": "2026년 5월 3일 (일) 오전 10:00, Lea Martin <lea@client.test>님이 작성:",
}
PLAIN = (
    "angled",
    "angled below",
    "angled alone",
    "header block",
    "rule and header block",
    "original message",
    "between",
)
RICH = ("gmail", "apple", "thunderbird", "yahoo", "proton", "outlook", "outlook on the web", "between in HTML")
_OPENING, _CLOSING = "<div><p>", "</p></div>"


@dataclass(frozen=True)
class Answer:
    """A body, its type, and the words that are the person's and the quote's."""

    body: str
    type: str
    own: tuple[str, ...]
    quoted: tuple[str, ...]
    is_between: bool


def _words(mark: str, count: int, begin: int) -> list[str]:
    """Words that stand nowhere else: letters alone, for a rule may look at digits."""
    letters = "aeiouklmnrst"
    return [mark + "".join(letters[n // 12**place % 12] for place in range(3)) for n in range(begin, begin + count)]


def _paragraphs(mark: str, sizes: list[int]) -> list[list[str]]:
    begins = [sum(sizes[:n]) for n in range(len(sizes))]
    return [_words(mark, size, begin) for begin, size in zip(begins, sizes, strict=True)]


def _sentence(words: list[str]) -> str:
    return " ".join(words).capitalize() + "."


def block(language: str) -> list[str]:
    """The header block over a quote, with the language's own labels."""
    book = read_language((files("maildesk.mail") / "phrases" / f"{language}.toml").read_text("utf-8"))
    values = {
        "from": "Lea Martin <lea@client.test>",
        "sent": "3.5.2026 10:00",
        "to": "support@desk.test",
        "subject": "Printer",
    }
    return [f"{book[key][0].capitalize()}: {value}" for key, value in values.items()]


def original(language: str) -> str:
    """The separator over a quote, in the language's own words."""
    book = read_language((files("maildesk.mail") / "phrases" / f"{language}.toml").read_text("utf-8"))
    return f"-----{book['original'][0].capitalize()}-----"


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer in one of the languages and shapes."""
    language, shape = draw(st.sampled_from(sorted(ATTRIBUTIONS))), draw(st.sampled_from(PLAIN + RICH))
    sizes = st.lists(st.integers(4, 14), min_size=1, max_size=4)
    own, quoted = _paragraphs("vo", draw(sizes)), _paragraphs("qu", draw(sizes))
    body = (_rich if shape in RICH else _plain)(shape, language, own, quoted)
    words = tuple(word for words in own for word in words), tuple(word for words in quoted for word in words)
    return Answer(body, "html" if shape in RICH else "plain", *words, shape.startswith("between"))


def _plain(shape: str, language: str, own: list[list[str]], quoted: list[list[str]]) -> str:
    said = "\n\n".join(map(_sentence, own))
    theirs = "\n\n".join(map(_sentence, quoted))
    angled = "\n".join(f"> {line}".rstrip() for line in theirs.split("\n"))
    match shape:
        case "angled":
            return f"{said}\n\n{ATTRIBUTIONS[language]}\n{angled}\n"
        case "angled below":
            return f"{ATTRIBUTIONS[language]}\n\n{angled}\n\n{said}\n"
        case "angled alone":
            return f"{said}\n\n{angled}\n"
        case "header block":
            return "\n".join([said, "", *block(language), "", theirs, ""])
        case "rule and header block":
            return "\n".join([said, "", "_" * 32, *block(language), "", theirs, ""])
        case "original message":
            return "\n".join([said, "", original(language), *block(language), "", theirs, ""])
        case _:
            pairs = [f"> {_sentence(words)}\n\n{_sentence(own[n % len(own)])}" for n, words in enumerate(quoted)]
            return "\n\n".join([ATTRIBUTIONS[language], *pairs, *map(_sentence, own[len(quoted) :])]) + "\n"


def _rich(shape: str, language: str, own: list[list[str]], quoted: list[list[str]]) -> str:
    said = "".join(f"<p>{_sentence(words)}</p>" for words in own)
    theirs = "".join(f"<p>{_sentence(words)}</p>" for words in quoted)
    line = escape(ATTRIBUTIONS[language])
    lines = "<br>".join(
        f"<b>{escape(one.partition(':')[0])}:</b>{escape(one.partition(':')[2])}" for one in block(language)
    )
    match shape:
        case "gmail":
            quote = f'<div class="gmail_attr">{line}<br></div><blockquote class="gmail_quote">{theirs}</blockquote>'
            return f'<div dir="ltr">{said}</div><br><div class="gmail_quote">{quote}</div>'
        case "apple":
            return (
                f'<body>{said}<div><br><blockquote type="cite"><div>{line}</div><br>{theirs}</blockquote></div></body>'
            )
        case "thunderbird":
            return f'<div class="moz-cite-prefix">{line}</div><blockquote type="cite">{theirs}</blockquote>{said}'
        case "yahoo":
            return f'{said}<div id="yahoo_quoted_1234567890" class="yahoo_quoted"><div>{line}</div>{theirs}</div>'
        case "proton":
            return f'{said}<div class="protonmail_quote">{line}<blockquote type="cite">{theirs}</blockquote></div>'
        case "outlook":
            rule = "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"
            return f'<div class="WordSection1">{said}<div><div style="{rule}"><p>{lines}</p></div></div>{theirs}</div>'
        case "outlook on the web":
            return f'<div>{said}</div><hr tabindex="-1"><div id="divRplyFwdMsg"><font>{lines}</font></div><div>{theirs}</div>'
        case _:
            pairs = [
                f'<blockquote type="cite"><p>{_sentence(words)}</p></blockquote><p>{_sentence(own[n % len(own)])}</p>'
                for n, words in enumerate(quoted)
            ]
            rest = "".join(f"<p>{_sentence(words)}</p>" for words in own[len(quoted) :])
            return f'<div class="moz-cite-prefix">{line}</div>{"".join(pairs)}{rest}'
