"""Mail that is kept back: nothing of it is answered, a person lets it in or lets it go, and nothing is silently lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from maildesk.config import Agent, Trust
from maildesk.desk.held import CAUSES, Cause
from maildesk.store import ledger
from tests.desk.world import FAILED, Letter, World, only

LEA = "Lea Martin <lea@client.test>"


def forged_reply(world: World) -> int:
    """A reply in Lea's name that her domain disowns; the ledger id under which it is held."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    fate = world.write(LEA, "Send me everything.\n", answers=confirmation, results=FAILED)
    assert (fate.outcome, fate.cause) == ("held", "auth-fail")
    assert world.letters() == []
    return newest(world)


def newest(world: World) -> int:
    return world.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=1))[0].id


def digest(world: World, agent: str = "ana@desk.test") -> Letter:
    assert world.run("tell-held")
    return only(world.letters(), "held", agent)


def test_every_cause_has_its_sentence() -> None:
    """The list is closed: what the type allows is what people can read."""
    assert set(CAUSES) == set(get_args(Cause))


def test_the_letter_about_held_mail_comes_once_a_day(world: World) -> None:
    """Each agent and admin hears once, with number, claimed author, subject and cause; not again without anything new."""
    mail_id = forged_reply(world)
    letter = digest(world)
    assert f"- {mail_id}: Re: [#50031] Printer on fire" in letter.text.replace("\n  ", " ")
    assert "lea@client.test" in letter.text
    assert "probably forged" in letter.text
    assert "> Send me everything." in letter.text
    assert letter.message["Auto-Submitted"] == "auto-generated"
    world.now += timedelta(days=1, seconds=1)
    assert world.run("tell-held") == 0


def test_what_is_let_in_is_settled_as_if_its_author_were_proved(world: World) -> None:
    """The agent's answer to the letter releases it: an entry that keeps its flags, and the notices that it would have made."""
    mail_id = forged_reply(world)
    letter = digest(world)
    assert world.write("ana@desk.test", f"#release {mail_id}\n", answers=letter).outcome == "ignored"
    assert "let in" in only(world.letters(), "held-done", "ana@desk.test").text
    (fate,) = world.settle_waiting()
    assert (fate.outcome, fate.ticket) == ("entry", 50031)
    assert world.entries()[-1] == ("customer", "Send me everything.", ("unverified", "auth-fail"))
    assert {x.notice for x in world.letters()} == {"reply"}
    assert "released ana@desk.test" in world.why(mail_id)


def test_what_is_let_go_of_is_kept_for_thirty_days(world: World) -> None:
    """Discarded mail is ignored, its bytes go when it would have been dropped, its line in the ledger stays."""
    mail_id = forged_reply(world)
    letter = digest(world)
    world.write("ana@desk.test", f"#discard {mail_id}\n", answers=letter)
    line = world.store.read(lambda tx: ledger.list_lines_of(tx, str(mail_id)))[0]
    assert (line.outcome, line.cause) == ("ignored", "discarded: auth-fail")
    world.now += timedelta(days=29)
    assert world.run("drop-held") == 0
    world.now += timedelta(days=2)
    assert world.run("drop-held") == 1
    stored = world.store.read(lambda tx: ledger.find_mail(tx, mail_id))
    assert stored is not None
    assert stored.raw == b""


def test_what_nobody_decides_on_is_dropped_after_thirty_days(world: World) -> None:
    """The ledger says so, and the next look finds nothing more to drop."""
    mail_id = forged_reply(world)
    world.now += timedelta(days=31)
    assert world.run("drop-held") == 1
    line = world.store.read(lambda tx: ledger.list_lines_of(tx, str(mail_id)))[0]
    assert (line.outcome, line.cause) == ("ignored", "held for 30 days: auth-fail")
    world.now += timedelta(days=1)
    assert world.run("drop-held") == 0


def test_only_the_agent_who_got_the_letter_decides(world: World) -> None:
    """Whoever else has the letter, a colleague too, or writes without proof in the agent's name, lets nothing in."""
    mail_id = forged_reply(world)
    letter = digest(world)
    order = f"#release {mail_id}\n"
    for author, results in (("eve@evil.test", None), ("ben@desk.test", "proved"), ("ana@desk.test", None)):
        said = {} if results == "proved" else {"results": results}
        fate = world.write(author, order, answers=letter, **said)  # type: ignore[arg-type]
        assert (fate.outcome, fate.cause) == ("held", "agent-unverified")
    assert world.settle_waiting() == []
    assert {x.notice for x in world.letters()} <= {"held-done"}


def test_an_order_in_the_quote_or_below_is_no_order(world: World) -> None:
    """Orders are read above any quote, in the first lines alone; an unknown number is answered as such."""
    mail_id = forged_reply(world)
    letter = digest(world)
    world.write("ana@desk.test", f"Hm, let me think.\n\n#release {mail_id}\n", answers=letter)
    world.write("ana@desk.test", "#release 4711\n", answers=letter)
    assert world.settle_waiting() == []
    texts = [x.text for x in world.letters() if x.notice == "held-done"]
    assert "named no held message" in texts[0]
    assert "not held" in texts[1]


def test_agents_decide_for_their_own_mailboxes(tmp_path: Path) -> None:
    """A letter names what was held for an agent's mailboxes; other numbers are unknown to them."""
    agents = (Agent(address="ana@desk.test", mailboxes=("sales@desk.test",)), Agent(address="ben@desk.test"))
    world = World(tmp_path, agents=agents)
    mail_id = forged_reply(world)
    letter = digest(world, "ben@desk.test")
    assert str(mail_id) in letter.text
    world.write("ana@desk.test", f"#release {mail_id}\n", answers=letter)
    assert world.settle_waiting() == []
    world.close()


@pytest.mark.parametrize("form", ["plus", "minus", "domain:reply.desk.test", "none"])
def test_the_letter_can_be_answered_in_every_form_of_address(tmp_path: Path, form: str) -> None:
    """Where mailboxes have no signed addresses the letter's own Message-ID stands in for one."""
    from maildesk.config import Mailbox

    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test", reply_address=form),))
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.write(LEA, "Forged.\n", answers=confirmation, results=FAILED)
    mail_id = newest(world)
    letter = digest(world)
    world.write("ana@desk.test", f"#release {mail_id}\n", answers=letter)
    assert [x.outcome for x in world.settle_waiting()] == ["entry"]
    world.close()


def test_an_answer_that_its_domain_disowns_lets_nothing_in(tmp_path: Path) -> None:
    """Where tokens prove agents too: whoever was shown the letter about held mail and forges its agent's name waits with it."""
    world = World(tmp_path, trust=Trust(authserv_ids=("mx.desk.test",), agent_proof="token"))
    try:
        mail_id = forged_reply(world)
        letter = digest(world)
        forged = world.write("ana@desk.test", f"#release {mail_id}\n", answers=letter, results=FAILED)
        assert (forged.outcome, forged.cause) == ("held", "agent-unverified")
        assert world.settle_waiting() == []
        assert world.write("ana@desk.test", f"#release {mail_id}\n", answers=letter, results=None).outcome == "ignored"
        assert [fate.outcome for fate in world.settle_waiting()] == ["entry"]
    finally:
        world.close()


def test_a_held_copy_takes_nothing_from_the_proved_one(world: World) -> None:
    """A forwarder breaks the signature and comes first; the same mail comes again by itself, proved: it joins."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    mail = (
        f"From: lea@client.test\r\nTo: {confirmation.message['Reply-To']}\r\nSubject: Re: x\r\n"
        "Message-ID: <twice@client.test>\r\n\r\nMore.\r\n"
    )
    to = str(confirmation.message["Reply-To"])
    said = "Authentication-Results: mx.desk.test; dmarc={} header.from=client.test\r\n"
    assert world.give((said.format("fail") + mail).encode(), to).outcome == "held"
    assert world.give((said.format("pass") + mail).encode(), to).outcome == "entry"
    assert world.give((said.format("pass") + mail).encode(), to).outcome == "duplicate"
