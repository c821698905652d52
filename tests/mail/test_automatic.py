"""Laws of machines: what marks a mail as theirs, and what does not."""

from __future__ import annotations

import pytest

from maildesk.mail.parse import understand


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
    assert mail.spam is None


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
