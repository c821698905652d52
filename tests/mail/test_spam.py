"""Rules about what a filter writes: how a field begins, or what its number exceeds."""

from __future__ import annotations

import pytest

from maildesk.mail.parse import understand
from maildesk.mail.spam import read_rule, spam_mark


@pytest.mark.parametrize(
    ("field", "rule", "is_marked"),
    [
        ("X-Spam-Flag: YES", "X-Spam-Flag: yes", True),
        ("x-spam-flag: yes, very", "X-SPAM-FLAG: Yes", True),
        ("X-Spam-Flag: no", "X-Spam-Flag: yes", False),
        ("X-Spam-Status: Yes, score=9", "X-Spam-Status: yes", True),
        ("X-Spam-Status: No, score=9", "X-Spam-Status: yes", False),
        ("X-Rspamd-Score: 15.20 / 15.00", "X-Rspamd-Score > 15", True),
        ("X-Rspamd-Score: 14.9", "X-Rspamd-Score > 15", False),
        ("X-Spam-Score: -1", "X-Spam-Score > -2", True),
        ("X-Spam-Score: very much", "X-Spam-Score > 1", False),
        ("X-Other: yes", "X-Spam-Flag: yes", False),
    ],
)
def test_a_rule_reads_its_field(field: str, rule: str, is_marked: bool) -> None:
    """Names and values without letter case; the first number of the value; nothing else of the mail counts."""
    mail = understand(f"From: lea@client.test\r\n{field}\r\n\r\nX-Spam-Flag: YES\r\n".encode())
    assert (spam_mark(mail, (rule,)) is not None) is is_marked


@pytest.mark.parametrize(
    "text", ["", "X-Spam-Flag", "X-Spam-Flag:", "Subject: spam", "X-Spam > many", ": yes", "X-Spam >"]
)
def test_what_is_no_rule(text: str) -> None:
    """A rule names an X- field, and says how it begins or which number it must exceed."""
    assert read_rule(text) is None
