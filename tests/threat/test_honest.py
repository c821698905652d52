"""Honest mail is never refused or lost for the sake of trust: a thousand ordinary mails from twenty-five kinds of set-up."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.threat import honest
from tests.threat.setups import KINDS

README = (ROOT / "README.md").read_text("utf-8")
MAX_HELD_SHARE = 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_is_lost(kind: str) -> None:
    """Each mail has one row with one outcome, and its words stand on the ticket it names, unless it is kept beside:
    held, or an absence notice that belongs to nothing."""
    for mail in honest.play(kind):
        assert mail.rows == 1, mail
        assert mail.outcome in ("ticket", "entry", "held", "ignored"), mail
        assert mail.outcome != "ignored" or mail.cause == "absence", mail
        assert mail.outcome in ("held", "ignored") or (mail.ticket and mail.words in mail.text), mail


@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_is_where_its_evidence_leads(kind: str) -> None:
    """No second ticket where evidence was: a reply joins the ticket it names. Where the promise is a new one (closed, long
    solved, the number alone of somebody unproved), that one mentions the old; a new matter joins nothing."""
    for mail in honest.play(kind):
        if mail.outcome in ("held", "ignored"):
            continue
        if mail.wanted is None:
            assert mail.outcome == "ticket", mail
        elif mail.follows:
            assert (mail.outcome, mail.wanted in mail.mentions) == ("ticket", True), mail
        else:
            assert (mail.outcome, mail.ticket) == ("entry", mail.wanted), mail


def test_there_are_a_thousand_and_hardly_any_is_held() -> None:
    """Twenty kinds and a thousand mails at least; under one of a hundred waits in the held view."""
    found = [mail for kind in KINDS for mail in honest.play(kind)]
    assert len(KINDS) >= 20
    assert len(found) >= 1000
    assert sum(mail.outcome == "held" for mail in found) < MAX_HELD_SHARE * len(found)


def test_the_readme_shows_how_each_kind_is_treated() -> None:
    """The table of the trust page is the one that `python -m tests.measure honest` prints."""
    assert honest.table() in README
