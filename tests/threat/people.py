"""Invented people, what they say in their languages, and the mail programs with which they say it. Bytes come out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from maildesk.mail.checks import Records
from tests.desk.world import Letter

SUPPORT = "support@desk.test"


@dataclass(frozen=True)
class Person:
    """Somebody with an address, and the language they write."""

    name: str
    address: str
    language: str = "en"

    def __str__(self) -> str:
        return formataddr((self.name, self.address), "utf-8") if self.address.isascii() else self.bare

    @property
    def bare(self) -> str:
        """As it stands in a header of UTF-8 (RFC 6532)."""
        return f"{self.name} <{self.address}>"

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


ANA = Person("Ana Lima", "ana@desk.test")

NAMES = {
    "en": ("Lea Martin", "Tom Hughes", "Priya Nair", "Sam Ward"),
    "fr": ("Léa Dubois", "Noé Lambert", "Chloé Bernard"),
    "de": ("Jörg Weiß", "Käthe Möller", "Uwe Schäfer"),
    "es": ("Íñigo Peña", "Lucía Ibáñez", "Martín Núñez"),
    "it": ("Nicolò Ferri", "Giulia Conti"),
    "pl": ("Łukasz Wójcik", "Małgorzata Dąbrowska"),
    "sv": ("Åsa Öberg", "Björn Lindström"),
    "pt": ("João Conceição", "Inês Magalhães"),
    "nl": ("Daniël de Vries", "Anouk Bakker"),
    "ja": ("佐藤 花子", "鈴木 健"),
}
# Of each language: matters (a subject and what is written), and what is written when an answer came.
MATTERS = {
    "en": (
        ("Invoice 4711 is wrong", "The invoice lists two printers, but we ordered only one."),
        ("Cannot sign in", "Since this morning the page says that my account does not exist."),
        ("Question about delivery", "When does the second half of our order arrive?"),
    ),
    "fr": (
        ("Facture du mois de mars", "Je ne retrouve pas la facture de mars dans mon espace."),
        ("Imprimante bruyante", "L'imprimante du deuxième étage fait un bruit étrange depuis hier."),
    ),
    "de": (
        ("Rückfrage zur Lieferung", "Wann kommt die zweite Hälfte unserer Bestellung?"),
        ("Störung im Lager", "Der Scanner im Lager findet seit heute früh kein Netz mehr."),
    ),
    "es": (
        ("Factura duplicada", "Me han cobrado dos veces el mes de octubre."),
        ("Cambio de dirección", "Nos mudamos la semana que viene y necesito cambiar la dirección."),
    ),
    "it": (("Stampante ferma", "La stampante del magazzino è ferma da ieri sera."),),
    "pl": (("Brak faktury", "Nie dostałam jeszcze faktury za wrzesień."),),
    "sv": (("Fråga om leverans", "När kommer resten av vår beställning?"),),
    "pt": (("Fatura em falta", "Não encontro a fatura de setembro na minha área."),),
    "nl": (("Vraag over levering", "Wanneer komt de rest van onze bestelling?"),),
    "ja": (("請求書について", "九月の請求書がまだ届いておりません。ご確認をお願いいたします。"),),
}
THANKS = {
    "en": ("Thank you, and one more thing: the blue one as well.", "It still does not work, sorry."),
    "fr": ("Merci, mais il en manque encore une.", "Cela ne fonctionne toujours pas."),
    "de": ("Danke, aber es geht immer noch nicht.", "Vielen Dank, die blaue bitte auch."),
    "es": ("Gracias, pero todavía falta una.", "Sigue sin funcionar."),
    "it": ("Grazie, ma non funziona ancora.",),
    "pl": ("Dziękuję, ale nadal nie działa.",),
    "sv": ("Tack, men det fungerar fortfarande inte.",),
    "pt": ("Obrigado, mas ainda falta uma.",),
    "nl": ("Dank u, maar het werkt nog steeds niet.",),
    "ja": ("ありがとうございます。もう一点お願いいたします。",),
}
REPLY = {"de": "AW: ", "sv": "SV: ", "nl": "Antw: ", "pl": "Odp: ", "it": "R: "}


def somebody(chance: random.Random, number: int, domain: str = "", language: str = "") -> Person:
    """The next person, each with an address of their own."""
    language = language or chance.choice(tuple(NAMES))
    name = chance.choice(NAMES[language])
    return Person(name, f"c{number}.{chance.randrange(1000)}@{domain or f'firm{number}.test'}", language)


def matter(chance: random.Random, person: Person) -> tuple[str, str]:
    """A subject and a text."""
    return chance.choice(MATTERS[person.language])


def thanks(chance: random.Random, person: Person) -> str:
    """What is said to an answer."""
    return chance.choice(THANKS[person.language])


@dataclass(frozen=True)
class Program:
    """A mail program, by what a desk can notice of it.

    ids: the form of its Message-IDs. has_html: it writes both forms. quotes: "below" in lines with ">", "block" under a
    header block, "none". references: "all", "last" of them, or "none".
    """

    name: str
    ids: str
    fields: dict[str, str] = field(default_factory=dict)
    has_html: bool = False
    quotes: str = "below"
    references: str = "all"


GMAIL = Program("Gmail", "<CAF+{0:010x}=_{1:08x}@mail.gmail.com>", has_html=True)
OUTLOOK = Program(
    "Outlook",
    "<AM0PR{1:05X}MB{0:016X}@AM0PR{1:05X}.eurprd02.prod.outlook.test>",
    {"X-MS-Has-Attach": "", "Thread-Index": "AQHbPQ=="},
    has_html=True,
    quotes="block",
)
APPLE = Program(
    "Apple Mail", "<{0:08X}-{1:04X}-4B7A-9C1D-3F5A7B9D1E2C@{2}>", {"X-Mailer": "Apple Mail (2.3826.200.121)"}
)
THUNDERBIRD = Program(
    "Thunderbird", "<{0:08x}-{1:04x}-4b7a-9c1d-3f5a7b9d1e2c@{2}>", {"User-Agent": "Mozilla Thunderbird"}
)
PHONE = Program("iPhone", "<{0:08X}-{1:04X}-4B7A-9C1D-3F5A7B9D1E2C@{2}>", {"X-Mailer": "iPhone Mail (22B91)"})
PROGRAMS = (GMAIL, OUTLOOK, APPLE, THUNDERBIRD)


@dataclass(frozen=True)
class Draft:
    """A mail before it is bytes. results: what the desk's mail server found, "" when it checks nothing; recipients: of the
    envelope; finish: what becomes of the bytes on their way, and what the DNS says to a desk that checks them."""

    headers: dict[str, str]
    text: str
    results: str
    recipients: tuple[str, ...] = (SUPPORT,)
    html: str = ""
    marker: str = ""
    hops: tuple[str, ...] = ()
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    finish: Callable[[bytes], tuple[bytes, Records]] | None = None

    def with_headers(self, **fields: str) -> Draft:
        """With further or other fields; "" drops one. Names as `Reply_To`."""
        headers = self.headers | {name.replace("_", "-"): value for name, value in fields.items()}
        return replace(self, headers={name: value for name, value in headers.items() if value})

    def to_bytes(self, now: datetime) -> bytes:
        """The mail as the desk's own mail server hands it on."""
        mail = EmailMessage(policy=policy.SMTPUTF8 if not _is_plain(self.headers) else policy.SMTP)
        if self.results:
            mail["Authentication-Results"] = self.results
        mail["Received"] = (
            f"from out.example.test (out.example.test [192.0.2.7]) by mx.desk.test; {format_datetime(now)}"
        )
        for hop in self.hops:
            mail["Received"] = f"from client.example.test by {hop} with ESMTPS id 4X; {format_datetime(now)}"
        for name, value in {"Date": format_datetime(now), **self.headers}.items():
            mail[name] = value
        mail.set_content(self.text)
        if self.html:
            mail.add_alternative(self.html, subtype="html")
        for name, kind, content in self.attachments:
            mail.add_attachment(content, maintype=kind.partition("/")[0], subtype=kind.partition("/")[2], filename=name)
        return mail.as_bytes()


def _is_plain(headers: dict[str, str]) -> bool:
    return all(value.isascii() or name == "Subject" for name, value in headers.items())


def new_mail(
    chance: random.Random,
    person: Person,
    results: str,
    *,
    program: Program = GMAIL,
    subject: str = "",
    words: str = "",
    to: str = SUPPORT,
) -> Draft:
    """A first mail of somebody's to the desk."""
    found_subject, found_words = matter(chance, person)
    words = words or found_words
    headers = {
        "From": str(person),
        "To": to,
        "Subject": subject or found_subject,
        "Message-ID": program.ids.format(chance.getrandbits(40), chance.getrandbits(16), person.domain),
        **program.fields,
    }
    text = f"{words}\n\n{person.name}\n"
    html = f"<html><body><div>{words}</div><div>{person.name}</div></body></html>" if program.has_html else ""
    return Draft(headers, text, results.format(domain=person.domain), (to,), html, marker=words)


def reply(
    chance: random.Random,
    person: Person,
    letter: Letter,
    results: str,
    *,
    program: Program = GMAIL,
    words: str = "",
) -> Draft:
    """An answer to a letter of the desk, as the program writes it."""
    words = words or thanks(chance, person)
    message = letter.message
    subject = str(message["Subject"]).removeprefix("Re: ")
    draft = new_mail(
        chance,
        person,
        results,
        program=program,
        subject=f"{REPLY.get(person.language, 'Re: ')}{subject}",
        words=words,
        to=str(message["Reply-To"]).rpartition("<")[2].rstrip(">"),
    )
    text, html = draft.text, draft.html
    if program.quotes == "below":
        quoted = "".join(f"> {line}\n" for line in letter.text.splitlines())
        text = f"{words}\n\nOn Sun, 22 Nov 2026 at 18:05, {message['From']} wrote:\n{quoted}"
        html = html and html.replace(
            "</body>", f"<div class=gmail_quote><blockquote>{letter.text}</blockquote></div></body>"
        )
    elif program.quotes == "block":
        head = f"From: {message['From']}\nSent: Sunday, 22 November 2026 18:05\nTo: {person.bare}\nSubject: {subject}\n"
        text = f"{words}\n\n________________________________\n{head}\n{letter.text}"
        html = ""
    ours = [*str(message["References"] or "").split(), str(message["Message-ID"])]
    fields = {
        "all": {"In_Reply_To": ours[-1], "References": " ".join(ours)},
        "last": {"References": ours[-1]},
        "none": {},
    }
    return replace(draft, text=text, html=html).with_headers(**fields[program.references])
