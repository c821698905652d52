"""Laws of the language of a text: a sentence has one, a name has none."""

from __future__ import annotations

import pytest

from maildesk.mail.language import LANGUAGES, language_of

# What customers write in one line. Of each language most must be known, and none may be taken for another.
SENTENCES = {
    "en": (
        "Where is my order?",
        "The login page does not work.",
        "Please cancel my subscription.",
        "I never got the invoice.",
        "Can you call me back tomorrow?",
        "My password is wrong.",
        "Thanks, that fixed it.",
        "It is still broken.",
        "How much does the large one cost?",
        "I would like a refund please.",
        "order number 4711 is missing two items",
        "can i change the delivery address",
        "hello, when will it arrive",
        "the app crashes on start",
        "I forgot my password",
        "Do you ship to Norway?",
        "screenshot attached, see the red line",
        "any news on this?",
        "we need 20 more licences by Friday",
        "Please find attached the signed contract.",
    ),
    "fr": (
        "Où est ma commande ?",
        "La page de connexion ne marche pas.",
        "Merci d'annuler mon abonnement.",
        "Je n'ai jamais reçu la facture.",
        "Pouvez-vous me rappeler demain ?",
        "Mon mot de passe est faux.",
        "Merci, ça marche maintenant.",
        "C'est toujours en panne.",
        "Combien coûte le grand modèle ?",
        "Je voudrais être remboursé.",
        "ma commande 4711 est incomplète",
        "puis je changer l'adresse de livraison",
        "bonjour, quand est-ce que ça arrive",
        "l'application plante au démarrage",
        "J'ai oublié mon mot de passe",
        "Livrez-vous en Norvège ?",
        "capture d'écran ci-jointe, voir la ligne rouge",
        "des nouvelles ?",
        "il nous faut 20 licences de plus pour vendredi",
        "Veuillez trouver ci-joint le contrat signé.",
    ),
    "de": (
        "Wo ist meine Bestellung?",
        "Die Anmeldeseite geht nicht.",
        "Bitte kündigen Sie mein Abo.",
        "Ich habe die Rechnung nie bekommen.",
        "Können Sie mich morgen zurückrufen?",
        "Mein Passwort ist falsch.",
        "Danke, jetzt geht es.",
        "Es ist immer noch kaputt.",
        "Was kostet das große Modell?",
        "Ich hätte gern mein Geld zurück.",
        "bei bestellung 4711 fehlen zwei teile",
        "kann ich die lieferadresse noch ändern",
        "hallo, wann kommt es an",
        "die app stürzt beim start ab",
        "Ich habe mein Passwort vergessen",
        "Liefern Sie nach Norwegen?",
        "screenshot anbei, siehe die rote linie",
        "gibt es etwas neues?",
        "wir brauchen bis freitag noch 20 lizenzen",
        "Anbei der unterschriebene Vertrag.",
    ),
    "es": (
        "¿Dónde está mi pedido?",
        "La página de acceso no funciona.",
        "Por favor, cancelen mi suscripción.",
        "Nunca recibí la factura.",
        "¿Me puede llamar mañana?",
        "Mi contraseña es incorrecta.",
        "Gracias, ya funciona.",
        "Sigue sin funcionar.",
        "¿Cuánto cuesta el grande?",
        "Quiero que me devuelvan el dinero.",
        "faltan dos artículos en el pedido 4711",
        "puedo cambiar la dirección de entrega",
        "hola, cuándo llega",
        "la aplicación se cierra al iniciar",
        "Olvidé mi contraseña",
        "¿Envían a Noruega?",
        "adjunto captura, ver la línea roja",
        "¿hay novedades?",
        "necesitamos 20 licencias más para el viernes",
        "Adjunto el contrato firmado.",
    ),
    "it": (
        "Dov'è il mio ordine?",
        "La pagina di accesso non funziona.",
        "Vi prego di annullare il mio abbonamento.",
        "Non ho mai ricevuto la fattura.",
        "Mi può richiamare domani?",
        "La mia password è sbagliata.",
        "Grazie, adesso funziona.",
        "È ancora rotto.",
        "Quanto costa quello grande?",
        "Vorrei essere rimborsato.",
        "mancano due articoli nell'ordine 4711",
        "posso cambiare l'indirizzo di consegna",
        "ciao, quando arriva",
        "l'app si chiude all'avvio",
        "Ho dimenticato la password",
        "Spedite in Norvegia?",
        "screenshot allegato, vedere la riga rossa",
        "ci sono novità?",
        "ci servono altre 20 licenze entro venerdì",
        "In allegato il contratto firmato.",
    ),
    "pt": (
        "Onde está a minha encomenda?",
        "A página de login não funciona.",
        "Por favor cancelem a minha assinatura.",
        "Nunca recebi a fatura.",
        "Pode ligar-me amanhã?",
        "A minha senha está errada.",
        "Obrigado, já funciona.",
        "Continua sem funcionar.",
        "Quanto custa o maior?",
        "Gostaria de ser reembolsado.",
        "faltam dois itens na encomenda 4711",
        "posso mudar o endereço de entrega",
        "olá, quando é que chega",
        "a aplicação fecha ao iniciar",
        "Esqueci a minha senha",
        "Enviam para a Noruega?",
        "captura em anexo, ver a linha vermelha",
        "há novidades?",
        "precisamos de mais 20 licenças até sexta",
        "Segue em anexo o contrato assinado.",
    ),
    "nl": (
        "Waar is mijn bestelling?",
        "De inlogpagina werkt niet.",
        "Graag mijn abonnement opzeggen.",
        "Ik heb de factuur nooit gekregen.",
        "Kunt u mij morgen terugbellen?",
        "Mijn wachtwoord klopt niet.",
        "Bedankt, het werkt nu.",
        "Het is nog steeds kapot.",
        "Hoeveel kost de grote?",
        "Ik wil graag mijn geld terug.",
        "er ontbreken twee artikelen bij bestelling 4711",
        "kan ik het afleveradres nog wijzigen",
        "hallo, wanneer komt het aan",
        "de app crasht bij het opstarten",
        "Ik ben mijn wachtwoord vergeten",
        "Leveren jullie aan Noorwegen?",
        "screenshot bijgevoegd, zie de rode lijn",
        "is er al nieuws?",
        "we hebben voor vrijdag nog 20 licenties nodig",
        "Hierbij het getekende contract.",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_line_has_the_language_it_is_written_in(language: str) -> None:
    """Of twenty one-line mails at least fifteen are known, and no line is taken for another language."""
    found = [language_of(line) for line in SENTENCES[language]]
    assert set(found) <= {language, None}
    assert found.count(language) >= 15


@pytest.mark.parametrize(
    "text",
    [
        "ok",
        "OK!",
        "merci",
        "Danke",
        "thanks",
        "gracias",
        "Lea Martin",
        "Ana García López",
        "João da Silva Pereira dos Santos",
        "Jan van der Meer, Amsterdam",
        "Maria de la Cruz Hernández",
        "Max Mustermann\nMusterstraße 12\n12345 Berlin",
        "Marie-Claire Dubois\n12 rue de la Paix\n75002 Paris",
        "Lea Martin\nSales Manager\nExample Corp.",
        "Order 4711",
        "Microsoft Windows Server 2019 Datacenter",
        "ERR_CONNECTION_REFUSED ERR_CONNECTION_REFUSED",
        "https://client.test/a/page/of/the/shop",
        "lea@client.test, ana@client.test",
        "12345678901234567890",
        "👍👍👍",
        "Gdzie jest moje zamówienie numer dwanaście?",
        "Var är min beställning, jag har väntat länge nu",
        "Siparişim nerede, hala gelmedi bana yardım edin",
        "Привет, как дела, где мой заказ?",
        "ご注文の商品はどこですか、教えてください。",
    ],
)
def test_what_is_no_sentence_of_ours_has_no_language(text: str) -> None:
    """One word of thanks, names, addresses, products and languages that the desk does not know are none of its own."""
    assert language_of(text) is None


def test_the_first_language_of_a_mixed_text_counts() -> None:
    """A greeting in another language changes nothing."""
    assert language_of("Bonjour, je voudrais savoir si vous livrez en Suisse. Thanks and best regards") == "fr"


def test_only_the_languages_asked_for_are_answers() -> None:
    """A desk with two languages gets one of them or none."""
    assert language_of("Wo ist meine Bestellung, bitte?", ("en", "fr")) is None
    assert language_of("Gdzie jest moje zamówienie numer dwanaście?", ("en", "pl")) == "pl"


def test_quotes_are_not_counted() -> None:
    """A short answer in one language over a long quote in another has its own."""
    from maildesk.mail.parse import understand

    quote = b"> Dear customer, your order has been sent and will be there in two days, please wait.\r\n" * 9
    raw = b"From: a@b.test\r\nSubject: s\r\n\r\nWo ist denn meine Bestellung geblieben?\r\n\r\n" + quote
    assert understand(raw).language == "de"
