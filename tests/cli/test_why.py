"""`maildesk why`: the outcome, the reasons and today's reading of any mail in the store, and the fate of our letters."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_read import LEA, MAIL_KEYS, conversation, parsed
from tests.conftest import Run
from tests.desk.world import World, only
from tests.mail.cases import ALL, raw_of
from tests.test_explain import KEYS
from tests.test_rebuild import MONSTER, change


def test_by_ledger_id_and_message_id(world: World, run: Run) -> None:
    """The row of the ledger, then what `explain` shows; by id, and by Message-ID with and without brackets."""
    conversation(world)
    (row,) = (row for row in parsed(run, "mails") if row["id"] == 1)
    (found,) = parsed(run, "why", "1")
    assert list(found) == [*MAIL_KEYS, "entry", "understood", "rebuild"]
    assert {key: found[key] for key in MAIL_KEYS} == row
    assert list(found["understood"]) == [*KEYS[1:], "blocks"]
    assert (found["entry"], found["rebuild"]) == (1, False)
    assert found["understood"]["text"] == "Hello,\n\nthe printer is on fire."
    assert found["understood"]["attachments"][0]["name"] == "plan.pdf"
    for named in (row["message_id"], row["message_id"].strip("<>")):
        assert parsed(run, "why", named) == [found]


def test_for_people(world: World, run: Run) -> None:
    """Outcome, reasons, people, attachments, and the text with what was folded of it."""
    conversation(world)
    text = run("why", "2")[1]
    assert text.startswith("mail 2 for support@desk.test, by smtp, 2026-11-22T18:00:")
    for words in ("  - an agent's act", "from:             ana@desk.test", "| Use water.", "quote       : >"):
        assert words in text
    assert "rebuild" not in text


def test_a_mail_without_entry(world: World, run: Run) -> None:
    """What was ignored, kept back or a duplicate is understood too."""
    world.give(raw_of("delivery-report"), sender="")
    (found,) = parsed(run, "why", "1")
    assert (found["outcome"], found["entry"]) == ("ignored", None)
    assert found["understood"]["bounce"]["failures"][0]["status"] == "5.1.1"
    assert "bounce:           failed: lea@client.test 5.1.1" in run("why", "1")[1]


def test_every_mail_in_the_store_has_its_why(world: World, run: Run) -> None:
    """Whatever it is, monsters included: exit 0, for people and for programs."""
    for raw in (MONSTER, b"", b"\xff\x00", *(path.read_bytes() for path in ALL)):
        world.give(raw)
    for row in parsed(run, "mails", "--limit", "0"):
        assert parsed(run, "why", str(row["id"]))[0]["understood"]["unreadable"] == (
            "the header has more than 2,000 fields" if row["id"] == 1 else None
        )
        assert run("why", str(row["id"]))[0] == 0


def test_what_an_older_version_read_is_said(world: World, run: Run) -> None:
    """Where today's rules read the mail differently, it says what to do; after a rebuild no more."""
    world.write(LEA)
    change(world.folder, "UPDATE entries SET text = 'old'")
    assert "run `maildesk rebuild`" in run("why", "1")[1]
    assert parsed(run, "why", "1")[0]["rebuild"] is True
    run("rebuild")
    assert "run `maildesk rebuild`" not in run("why", "1")[1]


def test_a_letter_of_ours(world: World, run: Run) -> None:
    """Which letter, to whom, its state, and the mail that caused it."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    message_id = str(confirmation.message["Message-ID"])
    (found,) = parsed(run, "why", message_id.strip("<>"))
    assert (found["kind"], found["notice"], found["recipient"]) == ("confirmation", "confirmation", "lea@client.test")
    assert (found["state"], found["ticket"], found["mail"], found["sent_at"]) == ("waiting", 50031, 1, None)
    change(world.folder, "UPDATE outbox SET state = 'failed', error = '550 no'")
    text = run("why", message_id)[1]
    assert "confirmation to lea@client.test on ticket #50031: failed" in text
    assert "550 no" in text
    assert "maildesk why 1" in text


def test_a_letter_that_came_back_is_both(world: World, run: Run) -> None:
    """The mail that came in, then the letter that went out."""
    world.write(LEA)
    confirmation = only(world.letters(), "confirmation")
    world.give(confirmation.raw)
    mail, letter = parsed(run, "why", str(confirmation.message["Message-ID"]))
    assert (mail["id"], letter["notice"]) == (2, "confirmation")


@pytest.mark.parametrize("named", ["4711", "0", "-1", "<>", "9" * 40, "nobody@client.test", "\x1b[2J"])
def test_nobody_knows_it(world: World, run: Run, named: str) -> None:
    """An empty list and exit 1; a sentence on standard error."""
    world.write(LEA)
    code, out, err = run("why", "--json", "--", named)
    assert (code, json.loads(out), err.count("\n")) == (1, [], 1)
