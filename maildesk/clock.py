"""Time and chance for the shell. The core gets both as values and never imports this."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def fresh_bytes(count: int) -> bytes:
    """`count` bytes nobody can guess."""
    return secrets.token_bytes(count)


def iso(at: datetime) -> str:
    """ISO-8601 in UTC with a Z and whole microseconds, so that text order is time order: "2026-11-22T18:00:00.000000Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> datetime:
    """The inverse of `iso`; also takes whole seconds."""
    return datetime.fromisoformat(text)
