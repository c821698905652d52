"""Views with sample values, for looking at letters and for checking templates. Made up: no real person's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from itertools import cycle
from typing import get_args

from maildesk.desk.held import CAUSES
from maildesk.desk.model import (
    Effect,
    Fate,
    Flag,
    HeldLine,
    LetterView,
    Listed,
    Remark,
    RemarkKind,
    Said,
    StandingStill,
)
from maildesk.desk.own_requests import OwnLine, Passage
from maildesk.mail.model import Person

_AT = datetime(2026, 11, 22, 17, 5, tzinfo=UTC)
_EARLIER = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)

# A subject, a customer's words, an agent's words.
_WORDS = {
    "en": (
        "The printer on the second floor is out of order",
        "Hello,\n\nsince this morning the printer on the second floor has only shown error 49. "
        "I followed https://example.com/help/printer?model=4100 without success.\n\nKind regards\nLea Martin",
        "Hello Ms Martin,\n\nplease switch the printer off for five minutes. If the error comes back, we will replace it.\n\n"
        "Kind regards\nAna Lima",
    ),
    "fr": (
        "L’imprimante du deuxième étage est en panne",
        "Bonjour,\n\ndepuis ce matin, l’imprimante du deuxième étage affiche l’erreur 49. "
        "J’ai suivi https://example.com/aide/imprimante?modele=4100 sans succès.\n\nCordialement\nLéa Martin",
        "Bonjour Madame,\n\nveuillez éteindre l’imprimante pendant cinq minutes. Si l’erreur revient, nous la remplacerons.\n\n"
        "Cordialement\nAna Lima",
    ),
    "de": (
        "Der Drucker im zweiten Stock ist ausgefallen",
        "Guten Tag,\n\nseit heute Morgen zeigt der Drucker im zweiten Stock nur noch den Fehler 49. "
        "Die Anleitung unter https://example.com/hilfe/drucker?modell=4100 hat nicht geholfen.\n\n"
        "Mit freundlichen Grüßen\nLea Martin",
        "Guten Tag, Frau Martin,\n\nbitte schalten Sie den Drucker fünf Minuten aus. Kommt der Fehler wieder, tauschen wir "
        "ihn aus.\n\nMit freundlichen Grüßen\nAna Lima",
    ),
    "es": (
        "La impresora de la segunda planta no funciona",
        "Buenos días:\n\nDesde esta mañana, la impresora de la segunda planta muestra el error 49. "
        "He seguido https://example.com/ayuda/impresora?modelo=4100 sin éxito.\n\nUn saludo,\nLea Martín",
        "Buenos días, señora Martín:\n\nApague la impresora durante cinco minutos, por favor. Si el error vuelve, la "
        "sustituiremos.\n\nUn saludo,\nAna Lima",
    ),
    "it": (
        "La stampante al secondo piano è guasta",
        "Buongiorno,\n\nda stamattina la stampante al secondo piano mostra l’errore 49. "
        "Ho seguito https://example.com/aiuto/stampante?modello=4100 senza successo.\n\nCordiali saluti\nLea Martin",
        "Buongiorno,\n\nspenga la stampante per cinque minuti, per favore. Se l’errore si ripresenta, la sostituiremo.\n\n"
        "Cordiali saluti\nAna Lima",
    ),
}


_FILES = (Listed("error-49.png", 1_240_000), Listed("Rechnung März.pdf", 18_300))
_COMMANDS = tuple(
    (f"#{command}", "what it does")
    for command in (
        "note",
        "solved",
        "open",
        "pending",
        "hold",
        "assign NAME",
        "for ADDRESS NAME",
        "priority LEVEL",
        "tag WORDS",
        "spam",
        "send",
        "help",
    )
)
_CANDIDATES = (Person("lea@client.example", "Lea Martin"), Person("max@client.example"))
_STANDING = (
    StandingStill("mail", "", _EARLIER),
    StandingStill("letter", "", _EARLIER),
    StandingStill("mailbox", "support@example.com", _EARLIER, "imap.example.com: connection refused"),
    StandingStill("disk", "/var/lib/maildesk", _EARLIER, "96 %"),
    StandingStill("confirmations", "", _EARLIER, "5,000 an hour to unproved addresses"),
)


_HELD = (
    HeldLine(
        17,
        _EARLIER,
        "support@example.com",
        "lea@client.example",
        "Re: [#50012] The printer is out of order",
        "auth-fail",
        "Please send me the whole conversation again, to my new address.",
    ),
    HeldLine(23, _AT, "support@example.com", "no-reply@service.example", "", "identity"),
)
_QUIET = (HeldLine(50030, _EARLIER, "support@example.com", "max@client.example", "Invoice 4711"),)


def sample(
    letter: str, language: str, *, desk: str = "Example Support", mailbox_address: str = "support@example.com"
) -> LetterView:
    """A view with what a real `letter` ("confirmation") would have."""
    subject, customer, agent = _WORDS.get(language, _WORDS["en"])
    lea = Person("lea@client.example", "Lea Martin")
    view = LetterView(
        desk=desk,
        mailbox=desk,
        mailbox_address=mailbox_address,
        language=language,
        number=50031,
        subject=subject,
        state="open",
        requester=lea,
        author=lea,
        agent="Ana Lima",
        assignee="Ana Lima",
        created_at=_AT,
        text=customer,
        recipient=lea.address,
        commands=_COMMANDS,
        standing=_STANDING,
    )
    own = (
        OwnLine(50031, subject, "open", _AT, "support+5tqk3v7z2m4x@example.com"),
        OwnLine(50012, "4100", "solved", _EARLIER),
        OwnLine(50007, "", "new", _EARLIER),
    )
    earlier = (Said("Ana Lima", _AT, agent, "agent"), Said("Lea Martin", _EARLIER, customer))
    match letter:
        case "confirmation-merged":
            return replace(view, numbers=(50029, 50030, 50031), silence=True)
        case "confirmation" | "assigned":
            return replace(view, attachments=_FILES, agent="Bo Chen" if letter == "assigned" else "")
        case "new":
            html = (
                "".join(f"<p>{escape(one)}</p>" for one in customer.split("\n\n"))
                .replace("49", "<b>49</b>")
                .replace("\n", "<br>")
            )
            return replace(
                view, state="new", assignee="", agent="", html=html, attachments=_FILES, flags=("unverified",)
            )
        case "reply":
            return replace(
                view, rest="> Ana Lima:\n> " + agent.replace("\n", "\n> "), history=earlier, tags=("printer",)
            )
        case "note":
            return replace(view, text="4100 = #50012?", history=earlier, mentions=(50012,))
        case "who-wrote":
            inner = Person("", lea.name)
            return replace(view, state="new", assignee="", requester=Person(""), author=inner, candidates=_CANDIDATES)
        case "answer":
            return replace(view, text=agent)
        case "receipt":
            effects = (Effect("state", "open", "solved"), Effect("assignee", "", "Ana Lima"))
            return replace(view, effects=effects, remarks=(Remark("customer-wrote-again"),))
        case "not-sent":
            return replace(view, text=agent, remarks=(Remark("answered-meanwhile", "Bo Chen"),), history=earlier)
        case "not-done":
            return replace(view, text="#slove\n\n" + agent, remarks=(Remark("unknown-command", "#slove", "#solved"),))
        case "not-taken":
            return replace(
                view, text=agent, remarks=(Remark("not-proved"),), setting="[trust] agent_proof", confirmable=True
            )
        case "held":
            return replace(view, number=None, recipient="Ana Lima", held=_HELD, quiet=_QUIET, confirmable=True)
        case "held-done":
            done = (replace(_HELD[0], fate="released"), replace(_HELD[1], fate="discarded"))
            return replace(view, number=None, recipient="Ana Lima", held=done)
        case "verify":
            link = "https://help.example.com/en/confirm/jaaaaaaaaeaacvut7fxz5mji5iac5dws"
            return replace(view, number=None, link=link)
        case "article":
            return replace(view, number=None, link="https://help.example.com/en/articles/request-arrived")
        case "sign-in" | "add-address":
            link = "https://help.example.com/en/sign-in/q5V0nTn3bYk2mJ8rXwZ1uA7cE4dF6gH9iKlMnOpQrSt"
            return replace(view, number=None, link=link, code="482913", minutes=20)
        case "history-list":
            return replace(view, number=None, own=own, more=12)
        case "history-found":
            found = tuple(replace(one, excerpt=customer.split("\n")[2][:80] + " …") for one in own[:2])
            return replace(view, number=None, own=found, more=1, looked_for="4100")
        case "history-request":
            said = (
                Passage("Lea Martin", _EARLIER, customer, _FILES),
                Passage("", _EARLIER, "4100.", is_cut=True),
                Passage("", _EARLIER, "", is_kept=True),
                Passage("Ana Lima", _AT, agent),
            )
            return replace(view, conversation=said)
        case "history-help":
            return replace(view, number=50044)
        case "undelivered":
            return replace(view, error="550 5.1.1 <lea@client.example>: Recipient address rejected: User unknown")
        case _:
            return view


def fullest(letter: str, language: str) -> LetterView:
    """`sample` with every flag, remark and effect at once: each branch of a template that a value can open."""
    return replace(
        sample(letter, language),
        tags=("printer", "urgent"),
        candidates=_CANDIDATES,
        copied=("sam@client.example", "kim@client.example"),
        rest="Sent from my phone",
        attachments=_FILES,
        flags=get_args(Flag),
        history=(Said("Ana Lima", _EARLIER, "First.\n\nSecond.", "agent"),),
        mentions=(50012, 50013),
        effects=(
            Effect("state", "open", "pending"),
            Effect("priority", "normal", "urgent"),
            Effect("assignee", "", "Ana Lima"),
            Effect("assignee", "Ana Lima", ""),
            Effect("tags", "", "printer"),
            Effect("tags", "printer", ""),
            Effect("requester", "", "Lea Martin <lea@client.example>"),
            Effect("cc", "", "Sam <sam@client.example>"),
            Effect("uncc", "Sam <sam@client.example>", ""),
            Effect("note"),
            Effect("answer"),
        ),
        remarks=tuple(Remark(kind, "bo@example.com", "#solved") for kind in get_args(RemarkKind)),
        error="550 5.1.1 no such user",
        held=tuple(
            replace(_HELD[0], cause=cause, fate=fate)
            for cause, fate in zip(CAUSES, cycle(get_args(Fate)), strict=False)
        ),
        quiet=_QUIET,
        confirmable=True,
        setting="[trust] agent_proof",
    )


def barest(letter: str, language: str) -> LetterView:
    """The least that `letter` can have: every optional value at its default."""
    without = ("help", "standstill", "held", "held-done", "history-list", "history-found", "history-help")
    number = None if letter in without else 1
    return LetterView(desk="Desk", mailbox="", mailbox_address="desk@example.com", language=language, number=number)
