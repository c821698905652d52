"""The project's own mails under tests/mails: <trait>.eml with, beside it, <trait>.toml that says what must be understood."""

from __future__ import annotations

from pathlib import Path

from maildesk.mail.model import Mail
from maildesk.mail.parse import understand

MAILS = Path(__file__).parent.parent / "mails"
ALL = tuple(sorted(MAILS.rglob("*.eml")))


def raw_of(trait: str) -> bytes:
    """The bytes of the mail of that name, whatever its folder."""
    return next(path for path in ALL if path.stem == trait).read_bytes()


def mail_of(trait: str) -> Mail:
    """The mail of that name, understood."""
    return understand(raw_of(trait))
