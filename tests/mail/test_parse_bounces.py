"""Laws of delivery reports."""

from __future__ import annotations

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
