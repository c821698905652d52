"""Laws of delivery reports."""

from __future__ import annotations

from pathlib import Path

from maildesk.mail.model import Failure
from maildesk.mail.parse import understand

MAILS = Path(__file__).parent.parent / "mails"


def test_a_report_names_recipient_status_and_letter() -> None:
    """RFC 3464: the recipient, the status and the Message-ID of the letter that came back."""
    mail = understand((MAILS / "delivery-report.eml").read_bytes())
    assert mail.bounce is not None
    assert mail.bounce.failures == (Failure("lea@client.test", "5.1.1", True),)
    assert mail.bounce.returned_ids == ("<50031.abc@desk.test>",)
    assert not mail.bounce.delayed
    assert mail.automatic


def test_a_delay_is_no_failure() -> None:
    """Action: delayed is a delay, not permanent."""
    bounce = understand((MAILS / "delay-report.eml").read_bytes()).bounce
    assert bounce is not None
    assert bounce.delayed
    assert bounce.failures == (Failure("lea@client.test", "4.4.1", False),)


def test_an_old_bounce_is_read_by_its_words() -> None:
    """A report without any structure still names the recipient, the status and the letter."""
    bounce = understand((MAILS / "old-bounce.eml").read_bytes()).bounce
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
    raw = (MAILS / "delivery-report.eml").read_bytes().replace(b"failed\r\nStatus: 5.1.1", b"relayed\r\nStatus: 2.0.0")
    mail = understand(raw)
    assert mail.bounce is None
    assert mail.automatic
