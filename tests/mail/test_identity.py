"""Mail about accounts of other services: forty of them in eight languages are known, four hundred ordinary mails are not."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from maildesk.mail.identity import identity
from maildesk.mail.parse import understand

LINK = "https://accounts.service.test/x/8f3a2c"
# In each language: a code, a reset, an address to confirm, a way to sign in; sent by a machine.
SERVICES = {
    "en": (
        ("Your verification code", "Hi,\n\nYour verification code is 482913. It expires in ten minutes.\n"),
        (
            "Password help",
            f"Somebody asked to reset your password. Press here:\n{LINK}\n\nIf it was not you, ignore this.\n",
        ),
        ("Welcome to Service", f"Please verify your email address to go on:\n{LINK}\n"),
        ("Sign in to Service", f"Here is your magic link:\n\n{LINK}\n"),
        ("Acme: one-time password", "Use this one-time password to go on:\n\n  71 02 88\n"),
    ),
    "de": (
        ("Ihr Bestätigungscode", "Guten Tag,\n\nIhr Bestätigungscode lautet 482913.\n"),
        ("Zugang", f"Sie möchten Ihr Passwort zurücksetzen? Dann klicken Sie hier:\n{LINK}\n"),
        ("Willkommen", f"Bitte bestätigen Sie Ihre E-Mail-Adresse:\n{LINK}\n"),
        ("Anmeldung", f"Ihr Login-Link:\n{LINK}\n"),
        ("Sicherheitscode für Ihr Konto", "Ihr Sicherheitscode:\n\n104 882\n"),
    ),
    "fr": (
        ("Votre code", "Bonjour,\n\nvotre code de vérification est 482913.\n"),
        ("Accès", f"Pour réinitialiser votre mot de passe, suivez ce lien :\n{LINK}\n"),
        ("Bienvenue", f"Merci de confirmer votre e-mail :\n{LINK}\n"),
        ("Connexion", f"Voici votre lien de connexion :\n{LINK}\n"),
        ("Sécurité", "Code de sécurité à saisir :\n\n883 104\n"),
    ),
    "es": (
        ("Tu código", "Hola:\n\nTu código de verificación es 482913.\n"),
        ("Acceso", f"Para restablecer tu contraseña, pulsa aquí:\n{LINK}\n"),
        ("Te damos la bienvenida", f"Confirma tu correo electrónico:\n{LINK}\n"),
        ("Entrar", f"Tu enlace de acceso:\n{LINK}\n"),
        ("Seguridad", "Código de seguridad:\n\n883104\n"),
    ),
    "it": (
        ("Il tuo codice", "Ciao,\n\nil tuo codice di verifica è 482913.\n"),
        ("Accesso", f"Per reimpostare la password, segui questo link:\n{LINK}\n"),
        ("Benvenuto", f"Verifica il tuo indirizzo email:\n{LINK}\n"),
        ("Entra", f"Ecco il tuo link di accesso:\n{LINK}\n"),
        ("Sicurezza", "Codice di sicurezza:\n\n883104\n"),
    ),
    "pt": (
        ("Seu código", "Olá,\n\nseu código de verificação é 482913.\n"),
        ("Acesso", f"Para redefinir sua senha, clique aqui:\n{LINK}\n"),
        ("Boas-vindas", f"Confirme seu e-mail:\n{LINK}\n"),
        ("Entrar", f"Seu link de acesso:\n{LINK}\n"),
        ("Segurança", "Código de segurança:\n\n883104\n"),
    ),
    "nl": (
        ("Uw code", "Hallo,\n\nuw verificatiecode is 482913.\n"),
        ("Toegang", f"Klik hier om een nieuw wachtwoord te kiezen:\n{LINK}\n"),
        ("Welkom", f"Bevestig uw e-mailadres:\n{LINK}\n"),
        ("Inloggen", f"Hier is uw inloglink:\n{LINK}\n"),
        ("Beveiliging", "Beveiligingscode:\n\n883104\n"),
    ),
    "pl": (
        ("Twój kod", "Dzień dobry,\n\nTwój kod weryfikacyjny: 482913\n"),
        ("Dostęp", f"Aby zresetować hasło, kliknij tutaj:\n{LINK}\n"),
        ("Witamy", f"Potwierdź swój adres e-mail:\n{LINK}\n"),
        ("Logowanie", f"Link do logowania:\n{LINK}\n"),
        ("Bezpieczeństwo", "Kod bezpieczeństwa:\n\n883104\n"),
    ),
}
SAMPLES = [(language, *one) for language, found in SERVICES.items() for one in found]
# What people write about such mail, and with its words, in eight languages; each is sent with ten numbers and ten signatures.
PEOPLE = {
    "en": (
        "I never got the verification code, can you check? My order is {number}.",
        "The code {number} that you sent me is not accepted, what now?",
        "How do I reset my password? The link https://shop.test/reset/{number} does nothing.",
        "Your site says 'verify your email address' again and again, see https://shop.test/a/{number}",
        "The discount code SPRING{number} does not work at checkout.",
    ),
    "de": (
        "Ich habe den Bestätigungscode nie bekommen. Meine Bestellung ist {number}.",
        "Der Sicherheitscode {number} wird nicht angenommen.",
        "Wie kann ich mein Passwort zurücksetzen? https://shop.test/r/{number} geht nicht.",
        "Ihre Seite will, dass ich meine E-Mail-Adresse bestätigen soll: https://shop.test/a/{number}",
        "Der Gutscheincode {number} geht nicht.",
    ),
    "fr": (
        "Je n'ai jamais reçu le code de vérification, commande {number}.",
        "Le code de sécurité {number} est refusé.",
        "Comment réinitialiser votre mot de passe ? https://shop.test/r/{number} ne marche pas.",
        "Le code promo {number} ne passe pas.",
        "On me demande un nouveau mot de passe pour la facture {number}.",
    ),
    "es": (
        "No me llega el código de verificación del pedido {number}.",
        "El código de seguridad {number} no vale.",
        "¿Cómo hago para restablecer la contraseña? https://shop.test/r/{number}",
        "El código de descuento {number} no funciona.",
        "Me piden una nueva contraseña para la factura {number}.",
    ),
    "it": (
        "Non ricevo il codice di verifica per l'ordine {number}.",
        "Il codice di sicurezza {number} non va bene.",
        "Come faccio a reimpostare la password? https://shop.test/r/{number}",
        "Il codice sconto {number} non funziona.",
        "Mi chiede una nuova password per la fattura {number}.",
    ),
    "pt": (
        "Não recebi o código de verificação do pedido {number}.",
        "O código de segurança {number} não é aceito.",
        "Como posso redefinir sua senha? https://shop.test/r/{number}",
        "O cupom {number} não funciona.",
        "Pedem uma nova senha para a fatura {number}.",
    ),
    "nl": (
        "Ik krijg de verificatiecode niet, bestelling {number}.",
        "De beveiligingscode {number} wordt niet aanvaard.",
        "Hoe kan ik mijn wachtwoord herstellen? https://shop.test/r/{number}",
        "De kortingscode {number} werkt niet.",
        "Ik moet een nieuw wachtwoord kiezen voor factuur {number}.",
    ),
    "pl": (
        "Nie dostałem kodu, kod weryfikacyjny do zamówienia {number} nie przyszedł.",
        "Kod bezpieczeństwa {number} nie działa.",
        "Jak zresetować hasło? https://shop.test/r/{number}",
        "Kod rabatowy {number} nie działa.",
        "Potrzebuję nowe hasło do faktury {number}.",
    ),
}
ORDINARY = [(words, number) for found in PEOPLE.values() for words in found for number in range(10)]


def written(author: str, subject: str, words: str, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = (
        author,
        "support@desk.test",
        subject,
        "<x@service.test>",
    )
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(words)
    return bytes(mail)


@pytest.mark.parametrize(("language", "subject", "words"), SAMPLES)
def test_a_services_mail_is_known(language: str, subject: str, words: str) -> None:
    """By its phrase beside a code or a link, when a no-reply address or a machine wrote it; each of forty."""
    assert len(SAMPLES) == 40
    assert identity(understand(written("Service <no-reply@service.test>", subject, words)))
    assert identity(understand(written("hello@service.test", subject, words, Auto_Submitted="auto-generated")))


@pytest.mark.parametrize("number", range(10))
def test_people_who_write_of_codes_are_not_held(number: int) -> None:
    """None of four hundred ordinary mails with these words, numbers and links in them."""
    assert len(ORDINARY) == 400
    held = []
    for words, one in ORDINARY:
        if one == number:
            text = f"Hello,\n\n{words.format(number=f'48291{number}')}\n\nThanks\nLea Martin\n"
            held += [
                (subject, words)
                for subject in ("A question", "Code", f"Order 48291{number}")
                if identity(understand(written("Lea Martin <lea@client.test>", subject, text)))
            ]
    assert held == []


def test_a_code_alone_is_no_persons() -> None:
    """A service that writes from a person's kind of address: a short mail with nothing but its code under its name."""
    alone = "Here is your security code:\n\n482913\n\nIt is valid for ten minutes.\n"
    assert identity(understand(written("hello@service.test", "Your security code", alone))) == "a one-time code"
    first = "482913 is your Service verification code"
    assert identity(understand(written("hello@service.test", first, "Do not share it.\n"))) == "a one-time code"


def test_a_code_that_a_person_quotes_or_forwards_is_a_persons() -> None:
    """A question above the quoted mail of a service, or a forward of it, is a request."""
    quoted = (
        "What is this? I asked for nothing.\n\nOn Sun, 22 Nov 2026 at 18:00, Service <no-reply@service.test> wrote:\n"
        "> Here is your security code:\n>\n> 482913\n"
    )
    assert identity(understand(written("lea@client.test", "Re: Your security code", quoted))) is None
    forwarded = (
        "Look.\n\n---------- Forwarded message ----------\nFrom: Service <no-reply@service.test>\n"
        "Date: Sun, 22 Nov 2026 18:00:00 +0000\nSubject: Your security code\nTo: lea@client.test\n\nYour security code: 482913\n"
    )
    assert identity(understand(written("lea@client.test", "Fwd: Your security code", forwarded))) is None


def test_a_websites_visitor_is_a_person() -> None:
    """A no-reply address that asks for answers to somebody else passes a person's words on."""
    words = "My verification code 482913 does not work.\n"
    raw = written("Shop <no-reply@shop.test>", "Contact form", words, Reply_To="Lea Martin <lea@client.test>")
    assert identity(understand(raw)) is None
    assert identity(understand(written("Shop <no-reply@shop.test>", "Contact form", words)))


def test_a_service_that_takes_answers_elsewhere_is_a_service() -> None:
    """At another host of its own, or anywhere where the sender is known: only somebody else's address is a visitor's."""
    words = f"Somebody asked to reset your password: {LINK}\n"
    raw = written("no-reply@mail.service.test", "Password", words, Reply_To="help@service.test")
    assert identity(understand(raw))
    raw = written("no-reply@service.test", "Password", words, Reply_To="lea@client.test")
    assert identity(understand(raw)) is None
    assert identity(understand(raw), ("service.test",))


def test_senders_of_your_own_list_count() -> None:
    """An address or a domain that the configuration names is a service, its sub-domains with it."""
    raw = written("Acme <hello@mail.acme.test>", "Welcome", f"Please verify your email address:\n{LINK}\n")
    assert identity(understand(raw)) is None
    assert identity(understand(raw), ("acme.test",))
    assert identity(understand(raw), ("hello@mail.acme.test",))
    assert identity(understand(raw), ("cme.test",)) is None


def test_machines_that_speak_of_something_else_are_not_held() -> None:
    """An invoice, a scan, an order with its numbers and links: a machine's mail and no service's."""
    for subject, words in (
        ("Your invoice 482913", f"Your invoice is ready: {LINK}\n"),
        ("Scan from floor 2", "Attached is document 482913.\n"),
        ("Order 482913 shipped", f"Your parcel is on its way. Track it: {LINK}\n"),
        ("New login from Paris", "We noticed a new login to your account at 18:22 from 192.0.2.7.\n"),
    ):
        assert identity(understand(written("no-reply@shop.test", subject, words))) is None, subject
