"""The `maildesk` command: finds the command's module and imports only that, so that `deliver` starts fast."""

from __future__ import annotations


def main() -> None:
    raise SystemExit(2)
