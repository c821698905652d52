"""T04: codes, resets and links of other services that land in the desk are held for admins, and told to nobody else."""

from __future__ import annotations

from pathlib import Path

from maildesk.config import Agent, Trust
from tests.desk.world import World, only

ADMIN, ANA = Agent(address="root@desk.test", role="admin"), Agent(address="ana@desk.test")
CODE = "Your verification code is 482913.\n"


def test_a_code_is_held_and_shown_to_admins_alone(tmp_path: Path) -> None:
    """Also at a signed address: no ticket, no notice, no confirmation; the daily letter tells an admin, without its words."""
    world = World(tmp_path, agents=(ADMIN, ANA))
    world.write("lea@client.test")
    confirmation = only(world.letters(), "confirmation")
    for to in ("support@desk.test", str(confirmation.message["Reply-To"])):
        fate = world.write("no-reply@service.test", CODE, subject=f"Your code for {to[:9]}", to=(to,))
        assert (fate.outcome, fate.cause, fate.ticket) == ("held", "identity", None)
    assert world.letters() == []
    world.run("tell-held")
    letters = world.letters()
    assert {x.recipient for x in letters} == {"root@desk.test"}
    assert "482913" not in letters[0].text
    world.close()


def test_only_an_admin_lets_it_in(tmp_path: Path) -> None:
    """An agent who names it by its number is told that it is not theirs to decide on; an admin releases it."""
    world = World(tmp_path, agents=(ADMIN, ANA))
    world.write("no-reply@service.test", CODE, subject="Your code")
    world.write("support@desk.test", "x")
    world.run("tell-held")
    letters = world.letters()
    ana, admin = only(letters, "held", "ana@desk.test"), only(letters, "held", "root@desk.test")
    assert "Your code" not in ana.text
    world.write("ana@desk.test", "#release 1\n", answers=ana)
    assert world.settle_waiting() == []
    world.write("root@desk.test", "#release 1\n", answers=admin)
    assert [x.outcome for x in world.settle_waiting()] == ["ticket"]
    world.close()


def test_a_code_that_is_held_for_another_reason_too_is_for_admins(tmp_path: Path) -> None:
    """A list of your own that names the service does not show its code to agents."""
    world = World(tmp_path, agents=(ADMIN, ANA), trust=Trust(authserv_ids=("mx.desk.test",), hold=("service.test",)))
    assert world.write("no-reply@service.test", CODE, subject="Your code").cause == "identity"
    world.run("tell-held")
    assert {x.recipient for x in world.letters()} == {"root@desk.test"}
    world.close()


def test_what_is_allowed_is_not_held(tmp_path: Path) -> None:
    """`[trust] allow` exempts a proved sender; `identity_senders` adds one."""
    trust = Trust(authserv_ids=("mx.desk.test",), allow=("service.test",), identity_senders=("acme.test",))
    world = World(tmp_path, trust=trust)
    assert world.write("no-reply@service.test", CODE).outcome == "ticket"
    assert world.write("no-reply@service.test", CODE, subject="again", results=None).cause == "identity"
    words = "Please verify your email address: https://acme.test/x\n"
    assert world.write("hello@acme.test", words, subject="Welcome").cause == "identity"
    world.close()
