"""Laws of machines: what marks a mail as theirs, and what does not."""

from __future__ import annotations

import pytest

from maildesk.mail.parse import understand
from maildesk.mail.spam import spam_mark


def mail_with(field: bytes, author: bytes = b"lea@client.test") -> bytes:
    return b"From: " + author + b"\r\n" + field + b"\r\n\r\ntext"


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: auto-replied",
        b"Auto-Submitted: auto-generated (by x)",
        b"Precedence: bulk",
        b"Precedence: auto_reply",
        b"List-Id: <x.client.test>",
        b"X-Autoreply: yes",
        b"X-Autorespond: x",
        b"Return-Path: <>",
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        b"Content-Type: text/calendar; method=REPLY",
        b"Subject: Automatic reply: mount",
        "Subject: Réponse automatique : monture".encode(),
        b"Subject: Abwesenheitsnotiz: Montierung",
        b"Subject: Respuesta =?utf-8?q?autom=C3=A1tica=3A?= montura",
        b"Subject: Fuori ufficio: montatura",
        "Subject: Resposta automática: montagem".encode(),
        b"Subject: Automatisch antwoord: montering",
        b"Subject: Re: Out of office",
    ],
)
def test_machines_say_so(field: bytes) -> None:
    """Each mark alone makes a mail automatic, and the reason names it."""
    assert understand(mail_with(field)).automatic


@pytest.mark.parametrize(
    "local", [b"mailer-daemon", b"postmaster", b"no-reply", b"noreply", b"list-bounces", b"donotreply"]
)
def test_nobody_reads_these_addresses(local: bytes) -> None:
    """Addresses that no person writes from make a mail automatic."""
    assert understand(mail_with(b"Subject: s", local + b"@client.test")).automatic


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: no",
        b"Precedence: first-class",
        b"X-Auto-Response-Suppress: All",
        b"Subject: How do I set up an automatic reply?",
        b"Subject: Holiday booking",
        b"Return-Path: <lea@client.test>",
        b"X-Spam-Status: No, score=1",
    ],
)
def test_people_stay_people(field: bytes) -> None:
    """What a person's mail may hold does not make it a machine's."""
    mail = understand(mail_with(field))
    assert mail.automatic is None
    assert spam_mark(mail, ("X-Spam-Flag: yes", "X-Spam-Status: yes")) is None


def test_suppression_is_a_wish_not_a_proof() -> None:
    """X-Auto-Response-Suppress says that no answer is wanted; OOF in a list counts."""
    assert understand(mail_with(b"X-Auto-Response-Suppress: DR, OOF, AutoReply")).suppress
    assert understand(mail_with(b"X-Auto-Response-Suppress: None")).suppress is None


def test_absence_is_told_from_other_machines() -> None:
    """A vacation notice is an absence; a generated mail and a read receipt are not."""
    away = mail_with(b"Auto-Submitted: auto-replied\r\nSubject: Out of office: mount")
    assert understand(away).absence
    assert not understand(mail_with(b"Auto-Submitted: auto-generated\r\nSubject: Backup done")).absence
    receipt = (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\nSubject: Read: mount"
    )
    assert not understand(mail_with(receipt)).absence


AWAY = {
    "en": (
        "Automatic reply: mount",
        "Out of office",
        "Out of Office AutoReply: mount",
        "Lea Martin is out of the office",
    ),
    "de": ("Automatische Antwort: Montierung", "Abwesenheitsnotiz", "Lea Martin ist außer Haus (bis 30.11.)"),
    "fr": ("Réponse automatique : monture", "Absence du bureau : monture", "Lea Martin est absent(e)."),
    "es": ("Respuesta automática: montura", "Fuera de la oficina"),
    "it": ("Risposta automatica: montatura", "Fuori ufficio: montatura"),
    "pt": ("Resposta automática: montagem", "Fora do escritório"),
    "nl": ("Automatisch antwoord: montering", "Niet op kantoor"),
    "pl": ("Automatyczna odpowiedź: montaż", "Odpowiedź automatyczna: montaż"),
    "sv": ("Autosvar: montering", "Automatiskt svar: montering"),
    "da": ("Automatisk svar: montering", "Ikke til stede: montering"),
    "nb": ("Autosvar: montering", "Fraværsmelding"),
    "fi": ("Automaattinen vastaus: asennus", "Poissaoloilmoitus"),
    "cs": ("Automatická odpověď: montáž", "Mimo kancelář"),
    "ru": ("Автоответ: крепление", "Автоматический ответ: крепление"),
    "uk": ("Автоматична відповідь: кріплення", "Поза офісом"),
    "tr": ("Otomatik yanıt: montaj", "Ofis dışında"),
    "ja": ("自動応答: マウント", "自動返信：マウント"),
    "zh": ("自动回复: 支架", "自動回覆：支架"),
    "ko": ("자동 회신: 마운트", "부재중 알림"),
}
NOT_AWAY = (
    "Annual leave request form broken",
    "Annual leave",
    "Re: [#50031] Annual leave",
    "Re: [#50031] Automatic reply: mount",
    "Out of office replies are not sent",
    "Automatic reply does not work",
    "Auto-reply settings",
    "How do I tell people that a colleague is out of the office",
    "On holiday and the mount broke",
    "Urlaub buchen",
    "Abwesenheitsnotiz lässt sich nicht einrichten",
    "Absence de réseau depuis ce matin",
    "Réponse automatique impossible à activer",
    "Ausencia de respuesta a mi pedido",
    "Respuesta automática no funciona",
    "Assenza di segnale",
    "Risposta automatica non funziona",
    "Ausência de resposta",
    "Afwezigheid doorgeven lukt niet",
    "Urlop w systemie",
    "Semester i Italien",
    "Dovolená rezervace",
    "Отпуск сотрудника не сохраняется",
    "自动回复功能无法使用",
    "自動返信が動きません",
    "자동 회신이 작동하지 않습니다",
)


@pytest.mark.parametrize("subject", [subject for subjects in AWAY.values() for subject in subjects])
def test_a_robot_says_in_its_subject_that_somebody_is_away(subject: str) -> None:
    """The subjects that clients and servers give absence notices, in every language of the phrase book."""
    mail = understand(mail_with(f"Subject: {subject}".encode()))
    assert mail.automatic
    assert mail.absence


@pytest.mark.parametrize("subject", NOT_AWAY)
def test_a_person_may_write_about_absence(subject: str) -> None:
    """A customer whose subject begins with such words goes on with a sentence, and is answered."""
    assert understand(mail_with(f"Subject: {subject}".encode())).automatic is None


@pytest.mark.parametrize(
    "local", ["ne-pas-repondre", "no_reply", "donotreply", "noreply+a1", "shop-no-reply", "noresponder", "bounces-12"]
)
def test_robots_addresses_in_other_forms(local: str) -> None:
    """An address that says not to answer is a robot's in other languages and with something around it."""
    assert understand(mail_with(b"Subject: s", local.encode() + b"@client.test")).automatic


@pytest.mark.parametrize(
    "local", ["robot.fan", "nobody.special", "noreen", "info", "root", "bouncer", "dorothy", "norespa"]
)
def test_people_with_such_names_are_people(local: str) -> None:
    """A person's local part that only resembles a robot's costs nobody the confirmation."""
    assert understand(mail_with(b"Subject: s", local.encode() + b"@client.test")).automatic is None


def test_a_leave_word_alone_needs_an_answer() -> None:
    """ "Annual leave" alone is a person's subject; where the mail answers a letter of ours it is an absence notice."""
    assert understand(mail_with(b"Subject: Annual leave")).automatic is None
    answer = understand(mail_with(b"In-Reply-To: <50031.abc@desk.test>\r\nSubject: Annual leave"))
    assert answer.automatic
    assert answer.absence


def test_a_loop_mark_counts_for_whom_it_names() -> None:
    """X-Loop with the author's own address or a plain word is a robot's; with another address somebody passed it on."""
    assert understand(mail_with(b"X-Loop: lea@client.test")).automatic
    assert understand(mail_with(b"X-Loop: yes")).automatic
    assert understand(mail_with(b"X-Loop: office@forwarder.test")).automatic is None


def test_an_absence_notice_that_came_back_is_a_bounce() -> None:
    """A daemon's subject may repeat a robot's; it still reports a failure."""
    raw = (
        b"From: MAILER-DAEMON@mx.client.test\r\nSubject: Undeliverable: Automatic reply: mount\r\n\r\n"
        b"<lea@client.test>:\r\n550 5.1.1 unknown\r\n"
    )
    assert understand(raw).bounce is not None
