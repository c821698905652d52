"""Laws of delivery reports."""

from __future__ import annotations

import time

import pytest

from maildesk.mail.bounce_status import status_in
from maildesk.mail.model import Failure
from maildesk.mail.parse import understand
from tests.mail.cases import mail_of, raw_of


def test_a_report_names_recipient_status_and_letter() -> None:
    """RFC 3464: the recipient, the status and the Message-ID of the letter that came back."""
    mail = mail_of("delivery-report")
    assert mail.bounce is not None
    assert mail.bounce.failures == (Failure("lea@client.test", "5.1.1", True),)
    assert mail.bounce.returned_ids == ("<50031.abc@desk.test>",)
    assert not mail.bounce.delayed
    assert mail.automatic


def test_a_delay_is_no_failure() -> None:
    """Action: delayed is a delay, not permanent."""
    bounce = mail_of("delay-report").bounce
    assert bounce is not None
    assert bounce.delayed
    assert bounce.failures == (Failure("lea@client.test", "4.4.1", False),)


def test_an_old_bounce_is_read_by_its_words() -> None:
    """A report without any structure still names the recipient, the status and the letter."""
    bounce = mail_of("old-bounce").bounce
    assert bounce is not None
    assert bounce.failures == (Failure("lea@client.test", "5.1.1", True),)
    assert bounce.returned_ids == ("<50031.abc@desk.test>",)


def test_a_person_who_speaks_of_a_bounce_is_a_person() -> None:
    """A customer's words about a failed mail are no report."""
    raw = (
        b"From: lea@client.test\r\nSubject: Delivery failed?\r\n\r\nMy parcel was not delivered to me, it was returned."
    )
    mail = understand(raw)
    assert mail.bounce is None
    assert mail.automatic is None


def test_a_report_of_success_is_no_bounce() -> None:
    """Action: relayed says that all is well."""
    raw = raw_of("delivery-report").replace(b"failed\r\nStatus: 5.1.1", b"relayed\r\nStatus: 2.0.0")
    mail = understand(raw)
    assert mail.bounce is None
    assert mail.automatic


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("The mailbox is full", "5.2.2"),
        ("message too large", "5.3.4"),
        ("too many hops", "5.4.6"),
        ("the account is disabled", "5.2.1"),
        ("host not found", "5.1.2"),
        ("no such user here", "5.1.1"),
        ("relaying denied", "5.7.1"),
        ("connection timed out", "4.4.7"),
        ("550 no such user here", "5.1.1"),
        ("452 the mailbox is full", "4.2.2"),
        ("Sendmail 5.7.1 said: #5.2.2 and 5.1.1", "5.2.2"),
        ("the limit is 500 MB, user unknown", "5.1.1"),
    ],
)
def test_words_stand_for_a_status(words: str, status: str) -> None:
    """RFC 3463: the enhanced code counts first, then the reply code with the words' detail, then the words."""
    assert status_in(words) == status


def test_a_status_belongs_to_its_recipient() -> None:
    """Two recipients of one report keep each their own status."""
    mail = mail_of("bounce-qmail")
    assert mail.bounce is not None
    assert {f.recipient: f.status for f in mail.bounce.failures} == {
        "lea@client.test": "5.1.1",
        "max@client.test": "5.2.2",
    }


@pytest.mark.parametrize(
    "trait",
    ["bounce-qmail", "bounce-exim", "bounce-quoted-back", "report-as-text", "report-wrapped", "refused-by-filter"],
)
def test_a_report_tells_which_letter_came_back(trait: str) -> None:
    """The returned letter's Message-ID is found in text, quoted, in files, in a wrapped report and in a disposition report."""
    bounce = mail_of(trait).bounce
    assert bounce is not None
    assert bounce.returned_ids == ("<50031.abc@desk.test>",)


def test_the_returned_letter_tells_its_recipient_when_nothing_else_does() -> None:
    """A report that names nobody is about whom the returned letter was written to, never about who wrote it."""
    raw = b"\r\n".join(
        (
            b"From: MAILER-DAEMON@mx.client.test",
            b"To: support@desk.test",
            b"Subject: Undelivered Mail",
            b"MIME-Version: 1.0",
            b"Content-Type: multipart/mixed; boundary=r",
            b"",
            b"--r",
            b"",
            b"Your mail could not be delivered.",
            b"--r",
            b"Content-Type: message/rfc822",
            b"",
            b"From: support@desk.test",
            b"To: lea@client.test",
            b"Message-ID: <50031.abc@desk.test>",
            b"",
            b"Hello",
            b"--r--",
        )
    )
    bounce = understand(raw).bounce
    assert bounce is not None
    assert bounce.failures == (Failure("lea@client.test", "5.0.0", True),)


def test_a_hostile_report_takes_no_time() -> None:
    """Lines made to trip the report's patterns are read in well under a second."""
    for line in (
        "received: from x\n",
        "a" * 70 + "\n",
        "- = - = \n",
        "to " * 600 + "\n",
        "<a@b.test> " * 180 + "\n",
        "original message\n",
    ):
        body = (line * 20_000)[:2_000_000]
        raw = f"From: MAILER-DAEMON@mx.test\r\nSubject: Undelivered\r\n\r\n{body}".encode()
        begin = time.process_time()
        understand(raw)
        assert time.process_time() - begin < 5


def test_a_returned_id_holds_no_control() -> None:
    """What stands as a Message-ID in a part that nobody reads as text is one, or none."""
    part = b"Content-Type: application/octet-stream\r\n\r\nMessage-ID: <50031.abc@desk.te\x1bst>\r\n"
    raw = raw_of("delivery-report").replace(b"Content-Type: message/rfc822\r\n", part)
    bounce = understand(raw.replace(b"Message-ID: <50031.abc@desk.test>\r\n", b"")).bounce
    assert bounce is not None
    assert bounce.returned_ids == ()
