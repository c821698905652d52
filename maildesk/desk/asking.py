"""What a person asks of their own requests, in plain words of five languages: the first line of a mail, or its subject. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from maildesk.mail.model import Mail
from maildesk.mail.subject import base_subject

Verb = Literal["status", "find", "send", "help"]

# Enough to find anything by; a mail pasted behind the word is no search.
MAX_WORDS = 12
_MAX_WORD_CHARS = 64
_MAX_LINE_CHARS = 500
# "status please": longer, and the first word begins a sentence.
_MAX_STATUS_WORDS = 3

# Each line, or its beginning, as people write it; case and accents do not count.
_SAID: dict[str, dict[Verb, str]] = {
    "en": {
        "status": "status, list, my requests, my tickets, requests",
        "find": "find, search, search for, look for",
        "send": "send, send me, show, show me, get",
    },
    "fr": {
        "status": "statut, état, liste, mes demandes, demandes, mes requêtes",
        "find": "chercher, cherche, cherchez, rechercher, recherche, trouver, trouve, trouvez",
        "send": "envoyer, envoie, envoyez, envoie-moi, envoyez-moi, envoyer la demande, montrer, montrez",
    },
    "de": {
        "status": "status, stand, liste, meine anfragen, anfragen, übersicht",
        "find": "suche, suchen, such, finde, finden",
        "send": "sende, senden, schicke, schicken, schick, zeige, zeigen, sende mir, schick mir, zusenden",
    },
    "es": {
        "status": "estado, lista, listado, mis solicitudes, solicitudes, mis consultas",
        "find": "buscar, busca, busque, encontrar, encuentra",
        "send": "enviar, envía, envíe, envíame, envíeme, mandar, manda, mostrar, muestra",
    },
    "it": {
        "status": "stato, elenco, lista, le mie richieste, richieste",
        "find": "cerca, cercare, cerchi, trova, trovare",
        "send": "invia, inviare, inviami, invii, manda, mandare, mandami, mostra, mostrare",
    },
}
_MARKS = "#*_\"'«»„“”‘’:.,;!?¿¡ \t"
_NUMBER = re.compile(r"#?\s?(\d{1,15})(?!\d)")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. words: to find, as they were written; number: of the request to send; asker: the author's address.

    language: that of the word, None where several languages have it or English does (which people learn from us).
    """

    verb: Verb
    asker: str
    words: tuple[str, ...] = ()
    number: int | None = None
    language: str | None = None


def folded(text: str) -> str:
    """Without case and accents."""
    # As the full-text index does: "ß" stays one letter, so no casefold.
    return "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, each once; no sign of any query language is left."""
    # What a page's field holds was not read as a mail's text is: an accent may be a sign of its own.
    text = unicodedata.normalize("NFC", text[:_MAX_LINE_CHARS])
    found = {folded(word): word for word in reversed(_WORD.findall(text))}
    return tuple(word for word in reversed(found.values()) if len(word) <= _MAX_WORD_CHARS)[:MAX_WORDS]


def _phrases() -> dict[str, tuple[Verb, str | None]]:
    spoken: dict[str, list[tuple[Verb, str]]] = {}
    for language, verbs in _SAID.items():
        for verb, phrases in verbs.items():
            for phrase in phrases.split(", "):
                spoken.setdefault(folded(phrase), []).append((verb, language))
    return {
        phrase: (found[0][0], found[0][1] if len(found) == 1 and found[0][1] != "en" else None)
        for phrase, found in spoken.items()
    }


_PHRASES = _phrases()
_LONGEST = max(phrase.count(" ") for phrase in _PHRASES) + 1


def wanted(mail: Mail) -> Wanted:
    """What a mail asks for: its first line above any quote, or else its subject; "status" where both are empty."""
    asker = mail.author.address if mail.author else ""
    own = next((block.text for block in mail.blocks if block.kind == "own" and block.text.strip()), "")
    if mail.blocks and mail.blocks[0].kind in ("quote", "attribution"):
        # What stands below a quote is an answer to it.
        own = ""
    line = next((line for line in own.splitlines() if line.strip()), "")
    subject = base_subject(mail.subject)
    for text in (line, mail.subject, subject):
        found = _read(text[:_MAX_LINE_CHARS], asker)
        if found is not None:
            return found
    return Wanted("help" if line.strip() or subject.strip() else "status", asker)


def _read(text: str, asker: str) -> Wanted | None:
    """What one line asks for; None when it asks for nothing that is known."""
    said = text.strip().lstrip(_MARKS)
    alone = _NUMBER.fullmatch(text.strip().strip("[]"))
    if alone is not None:
        return Wanted("send", asker, number=int(alone[1]))
    words = said.split()
    for length in range(min(_LONGEST, len(words)), 0, -1):
        known = _PHRASES.get(folded(" ".join(words[:length]).strip(_MARKS)))
        if known is None:
            continue
        verb, language = known
        rest = " ".join(words[length:])
        if verb == "status":
            return Wanted(verb, asker, language=language) if len(words) <= _MAX_STATUS_WORDS else None
        if verb == "find":
            return Wanted(verb, asker, words_of(rest), language=language) if words_of(rest) else None
        number = _NUMBER.search(rest)
        return Wanted("send", asker, number=int(number[1]), language=language) if number else None
    return None
