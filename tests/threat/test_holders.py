"""What a saved signed address, a forwarded notice and `agent_proof = "token"` let a holder do: the README's table, no more."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.threat import holders
from tests.threat.holders import ANA, HOLDERS, LETS_IN, QUESTION, TOKEN, Holder

README = (ROOT / "README.md").read_text("utf-8")
NAMES = [": ".join(holders.who(holder)) for holder in HOLDERS]


@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES)
def test_a_line_of_the_table_and_no_more(holder: Holder) -> None:
    """Each cell is what a desk does. Nothing of the ticket reaches the holder, then or when the conversation goes on.

    Only who writes as the agent, where the address is all that is asked for, has a command carried out and words sent, and
    can have the answers that follow. The one-time address confirms the agent's own mail and carries no words of its holder's.
    """
    got = holders.tried(holder)
    is_act = (holder.held, holder.author, holder.proof) == (TOKEN, ANA, "unproved")
    assert (got.cause == "confirmed") == (holder.held == QUESTION and holder.author == ANA and holder.proof != "forged")
    assert not got.leaked
    lets_in = is_act and holder.words == LETS_IN
    assert {notice for notice, to in got.later if to == "eve@evil.test"} == ({"answer"} if lets_in else set())
    mine = {notice for notice, to in got.now if to == "eve@evil.test"}
    assert mine == {"answer"} if lets_in else mine <= {"confirmation", "confirmation-unproved"}
    assert (got.kind == "agent") == is_act
    assert (got.state == "solved") == (is_act and not lets_in)
    assert any(to == "lea@client.test" and notice == "answer" for notice, to in got.now) == is_act
    assert holders.row(holder) in README


def test_the_readme_has_the_whole_table() -> None:
    """No line of it is missing, and none stands there that nobody tried."""
    lines = README.partition(f"{holders.HEAD}\n")[2].partition("\n<!--")[0].splitlines()[1:]
    assert [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines] == list(map(holders.who, HOLDERS))
