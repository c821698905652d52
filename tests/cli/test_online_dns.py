"""`check --online`: whether the DNS that checks who wrote a mail answers."""

from __future__ import annotations

from pathlib import Path

from maildesk.cli.online import Finding, try_online
from maildesk.config import Config, Desk, Mailbox, Relay, Trust
from tests.dns import Dns


def found(folder: Path, **trust: object) -> list[Finding]:
    """What is found of the DNS."""
    config = Config(
        desk=Desk(name="D", state_dir=folder),
        mailbox=(Mailbox(address="support@desk.test"),),
        relay=Relay(maildir=folder / "out"),
        trust=Trust(**trust),  # type: ignore[arg-type]
    )
    return [one for one in try_online(config) if one.path == "trust.resolvers"]


def test_a_resolver_that_answers_is_good(tmp_path: Path) -> None:
    """The servers that are configured are asked, and one that is dead is named."""
    with Dns() as dns:
        assert found(tmp_path, resolvers=(dns.address,)) == [
            Finding("trust.resolvers", f"the DNS answers ({dns.address})", True)
        ]
        dns.trouble[""] = "swallow"
        (dead,) = found(tmp_path, resolvers=(dns.address,))
        assert not dead.is_good
        assert dns.address in dead.message


def test_who_checks_nothing_needs_no_dns(tmp_path: Path) -> None:
    """verify = "none": nothing is asked."""
    assert found(tmp_path, verify="none") == []
