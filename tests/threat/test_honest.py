"""Honest mail is never refused or lost for the sake of trust: a thousand ordinary mails from many kinds of set-up."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.threat import honest
from tests.threat.honest import Treated
from tests.threat.kinds import KINDS

README = (ROOT / "README.md").read_text("utf-8")
MAX_HELD_SHARE = 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_treated_as_the_readme_says(kind: str) -> None:
    """None of its mails is lost, replies are where their evidence leads, and its line of the README's table is what was seen.

    One test a kind, so that each is played once, however many processes the tests have.
    """
    found = honest.play(kind)
    assert len(found) >= honest.MAILS_A_KIND
    for mail in found:
        is_not_lost(mail)
        is_in_its_place(mail)
    assert honest.row(kind) in README


def is_not_lost(mail: Treated) -> None:
    """It has one row with one outcome, and its words stand on the ticket it names, unless it is kept beside: held, or an
    absence notice that belongs to nothing."""
    assert mail.rows == 1, mail
    assert mail.outcome in ("ticket", "entry", "held", "ignored"), mail
    assert mail.outcome != "ignored" or mail.cause == "absence", mail
    assert mail.outcome in ("held", "ignored") or (mail.ticket and mail.words in mail.text), mail


def is_in_its_place(mail: Treated) -> None:
    """No second ticket where evidence was: a reply joins the ticket it names. Where the promise is a new one (closed, long
    solved, the number alone of somebody unproved), that one mentions the old; a new matter joins nothing."""
    if mail.outcome in ("held", "ignored"):
        return
    if mail.wanted is None:
        assert mail.outcome == "ticket", mail
    elif mail.follows:
        assert (mail.outcome, mail.wanted in mail.mentions) == ("ticket", True), mail
    else:
        assert (mail.outcome, mail.ticket) == ("entry", mail.wanted), mail


def test_the_table_is_whole_and_hardly_any_is_held() -> None:
    """A line for each of twenty kinds at least, a thousand mails, sums that add up, and under one of a hundred held."""
    lines = README.partition(f"{honest.HEAD}\n")[2].partition("\n\n")[0].splitlines()[1:]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows] == [*KINDS, "all"]
    assert len(KINDS) >= 20
    sums = [sum(int(row[column]) for row in rows[:-1]) for column in (1, 2, 3, 4, 6)]
    assert [int(rows[-1][column]) for column in (1, 2, 3, 4, 6)] == sums
    mails, held = sums[0], sums[3]
    assert mails >= 1000
    assert held < MAX_HELD_SHARE * mails
