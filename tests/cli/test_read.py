"""The commands that read: exactly the JSON of the interface, every filter and exit code, and a terminal that stays safe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maildesk.cli.terminal import plain
from tests.conftest import Run
from tests.desk.world import START, Letter, World, only

LEA = "Lea Martin <lea@client.test>"
TICKET_KEYS = [
    "number", "subject", "state", "priority", "mailbox", "language", "tags", "assignee", "requester", "participants",
    "created_at", "updated_at", "mentions", "merged_into",
]  # fmt: skip
ENTRY_KEYS = [
    "id", "kind", "author", "at", "via", "text", "full_text", "message_id", "mail", "flags", "attachments",
]  # fmt: skip
MAIL_KEYS = [
    "id", "received_at", "via", "sender", "recipients", "mailbox", "message_id", "sha256", "size", "outcome",
    "ticket", "cause", "why",
]  # fmt: skip
LETTER_KEYS = ["id", "kind", "ticket", "recipient", "message_id", "state", "attempts", "next_at", "error"]


def parsed(run: Run, *words: str) -> Any:
    code, out, err = run(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def conversation(world: World) -> dict[str, Letter]:
    """A ticket with a proved customer's mail, an answer and a note."""
    world.write(LEA, attachments=(("plan.pdf", b"%PDF"),))
    letters = {x.recipient: x for x in world.letters()}
    world.write("ana@desk.test", "#tag fire\n#priority high\nUse water.\n", answers=letters["ana@desk.test"])
    world.write("ben@desk.test", "#note\nShe is nice.\n", answers=letters["ben@desk.test"])
    return letters


def test_a_ticket_is_exactly_as_promised(world: World, run: Run) -> None:
    """Every key, no other, in the promised types; the list rows are the same without entries."""
    conversation(world)
    ticket = parsed(run, "ticket", "50031")
    assert list(ticket) == [*TICKET_KEYS, "entries"]
    (row,) = parsed(run, "tickets")
    assert row == {key: ticket[key] for key in TICKET_KEYS}
    assert row | {"updated_at": ""} == {
        "number": 50031,
        "subject": "Printer on fire",
        "state": "pending",
        "priority": "high",
        "mailbox": "support@desk.test",
        "language": "en",
        "tags": ["fire"],
        "assignee": "ana@desk.test",
        "requester": {"address": "lea@client.test", "name": "Lea Martin"},
        "participants": ["lea@client.test"],
        "created_at": START.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated_at": "",
        "mentions": [],
        "merged_into": None,
    }


def test_its_entries_are_exactly_as_promised(world: World, run: Run) -> None:
    """In order of acceptance, confirmations left out; authors are addresses; an event's too."""
    conversation(world)
    entries = parsed(run, "ticket", "50031")["entries"]
    assert [list(e) for e in entries] == [ENTRY_KEYS] * len(entries)
    assert [(e["kind"], e["author"]) for e in entries] == [
        ("customer", "lea@client.test"),
        ("agent", "ana@desk.test"),
        ("event", "ana@desk.test"),
        ("note", "ben@desk.test"),
    ]
    first = entries[0]
    assert (first["text"], first["via"], first["mail"], first["flags"]) == (
        "Hello,\n\nthe printer is on fire.",
        "smtp",
        1,
        [],
    )
    (attachment,) = first["attachments"]
    assert list(attachment) == ["name", "type", "size", "sha256"]
    assert (attachment["name"], attachment["size"], len(attachment["sha256"])) == ("plan.pdf", 4, 64)
    assert [e["mail"] for e in entries] == [1, 2, 2, 3]
    assert all(isinstance(e["text"], str) and isinstance(e["flags"], list) for e in entries)


def test_nobody(world: World, run: Run) -> None:
    """An author whom nobody can believe is an object of nulls, as requester and as author, and takes no part."""
    world.give(b"From: a@client.test, b@evil.test\r\nSubject: x\r\n\r\nhello\r\n")
    ticket = parsed(run, "ticket", "50031")
    nobody = {"address": None, "name": None}
    assert (ticket["requester"], ticket["participants"], ticket["assignee"]) == (nobody, [], None)
    (entry,) = ticket["entries"]
    assert (entry["author"], entry["flags"]) == (nobody, ["ambiguous-author"])
    assert "nobody who could be believed" in run("ticket", "50031")[1]


def test_mentions_and_flags(world: World, run: Run) -> None:
    """Two tickets that mention each other say so by number; an unproved author's entry has a flag."""
    world.write(LEA)
    world.write("Eve <eve@evil.test>", subject="Re: [#50031] hello", results=None)
    eve, lea = parsed(run, "tickets")
    assert (eve["mentions"], lea["mentions"]) == ([50031], [50032])
    assert parsed(run, "ticket", "50032")["entries"][0]["flags"] == ["unverified"]


def test_filters(world: World, run: Run) -> None:
    """Newest first; state, mailbox and assignee in any case, limit, and limit 0 for all."""
    letters = conversation(world)
    for n in range(60):
        world.write("noe@client.test", subject=f"matter {n}", results=None)
    assert letters
    assert len(parsed(run, "tickets")) == 50
    everything = parsed(run, "tickets", "--limit", "0")
    assert [t["number"] for t in everything] == list(range(50091, 50030, -1))
    assert len(parsed(run, "tickets", "--limit", "7")) == 7
    assert [t["number"] for t in parsed(run, "tickets", "--state", "pending")] == [50031]
    assert [t["number"] for t in parsed(run, "tickets", "--assignee", "ANA@desk.test")] == [50031]
    assert len(parsed(run, "tickets", "--mailbox", "Support@Desk.test", "--limit", "0")) == 61
    assert parsed(run, "tickets", "--mailbox", "sales@desk.test") == []
    assert parsed(run, "tickets", "--state", "closed") == []


def test_the_ledger(world: World, run: Run) -> None:
    """`mails` is exactly as promised, newest first."""
    conversation(world)
    rows = parsed(run, "mails")
    assert [list(row) for row in rows] == [MAIL_KEYS] * 3
    assert [row["id"] for row in rows] == [3, 2, 1]
    assert rows[2]["outcome"] == "ticket"
    assert rows[2]["recipients"] == ["support@desk.test"]
    assert [row["id"] for row in parsed(run, "mails", "--outcome", "entry")] == [3, 2]


def test_the_outbox(world: World, run: Run) -> None:
    """Letters that wait, exactly as promised."""
    world.write(LEA)
    rows = parsed(run, "outbox")
    assert [list(row) for row in rows] == [LETTER_KEYS] * 3
    assert {(row["kind"], row["state"], row["attempts"], row["ticket"]) for row in rows} == {
        ("confirmation", "waiting", 0, 50031),
        ("notice", "waiting", 0, 50031),
    }


def test_the_original_bytes(world: World, run: Run) -> None:
    """`--raw` is the mail as it came; an event or another ticket's entry has none."""
    conversation(world)
    world.write("noe@client.test", subject="other")
    entries = parsed(run, "ticket", "50031")["entries"]
    code, out, _ = run("ticket", "50031", "--raw", str(entries[0]["id"]))
    assert code == 0
    assert out.startswith("Authentication-Results: mx.desk.test")
    assert "%PDF" not in out
    assert run("ticket", "50032", "--raw", str(entries[0]["id"]))[0] == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ticket", "4711"), 1),
        (("ticket", "9" * 40), 2),
        (("ticket", "0"), 2),
        (("ticket", "x"), 2),
        (("ticket", "50031", "--raw", "4711"), 1),
        (("ticket", "50031", "--raw", "9" * 40), 2),
        (("tickets", "--state", "asleep"), 2),
        (("tickets", "--limit", "-1"), 2),
        (("tickets", "--limit", "9" * 40), 0),
        (("why", "4711"), 1),
        (("why", "9" * 40), 1),
        (("why", "nobody@client.test"), 1),
        (("mails", "--outcome", "lost"), 2),
        (("search", "nothingatall"), 1),
        (("search",), 2),
        (("search", "printer"), 0),
        (("outbox", "--limit", "0"), 0),
    ],
)
def test_exit_codes(world: World, run: Run, words: tuple[str, ...], code: int) -> None:
    """0 done, 1 not found, 2 wrong usage; a sentence on standard error and never a traceback."""
    world.write(LEA)
    found, _, err = run(*words)
    assert found == code
    assert "Traceback" not in err
    assert "mistake of its own" not in err
    assert err or code == 0 or words[0] == "search"


def test_nothing_is_null_for_programs(world: World, run: Run) -> None:
    """A missing ticket is `null`, missing mails and words an empty list; each with exit code 1."""
    for words, answer in ((("ticket", "4711"), "null"), (("why", "4711"), "[]"), (("search", "nothingatall"), "[]")):
        code, out, _ = run(*words, "--json")
        assert (code, out.strip()) == (1, answer)


def test_no_desk_yet(world: World, run: Run, tmp_path: Path) -> None:
    """Before the first start: a sentence and exit code 1, and no database is made."""
    config = tmp_path / "maildesk.toml"
    run("tickets")
    config.write_text(config.read_text().replace("desk.db", "none.db"))
    for command in (("tickets",), ("mails",), ("outbox",), ("search", "x"), ("ticket", "1"), ("why", "1")):
        code, _, err = run(*command)
        assert (code, "maildesk serve" in err) == (1, True)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        (("foo@bar.com",), True), (("FOO@BAR.com",), True), (("it's",), True), (("-x",), True), (("--", "-x"), True),
        (("a", "AND"), False),
        (("printer", "AND"), False), (("printer", "fire"), True), (("fire printer",), True), (("printer", "NOT", "fire"), False),
        (("*",), False), (("prin*",), False), (('"printer',), True), (("printer)",), True), (("subject:printer",), False),
        (("NEAR(printer", "fire)"), False), (("^printer",), True), (("brulee",), True), (("BRÛLÉE",), True),
        (("plan.pdf",), True),
        (("lea@client.test",), True), (("",), False), (("';", "DROP"), False), (("50%",), True), (("{printer",), True),
    ],
)  # fmt: skip
def test_search_takes_any_words(world: World, run: Run, words: tuple[str, ...], finds: bool) -> None:
    """Every word must occur, whatever it holds; none is an operator; diacritics and case make no difference."""
    world.write(
        LEA,
        "Write to foo@bar.com, it's 50% off -x in the crème brûlée.\n",
        subject="Printer on fire",
        attachments=(("plan.pdf", b"x"),),
    )
    code, out, err = run("search", *words, "--json") if "--" not in words else run("search", "--json", *words)
    assert (code, bool(json.loads(out))) == (0 if finds else 1, finds), err
    if finds:
        (found,) = json.loads(out)
        assert list(found) == ["ticket", "entry", "at", "excerpt"]
        assert (found["ticket"], found["entry"]) == (50031, 1)


def test_a_terminal_stays_safe(world: World, run: Run) -> None:
    """No escape, control or direction mark of a mail reaches a terminal by any command; French spaces stay spaces."""
    evil = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\u200f\x9b31m"
    raw = (
        f"From: =?utf-8?q?Eve=1B=5B2J?= <eve@evil.test>\r\nSubject: {evil} Prix\u202f: 5\u00a0€ \U0001f469\u200d\U0001f4bb\r\n"
        f"Message-ID: <{evil}@evil.test>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{evil} words\r\n"
    ).encode()
    world.give(raw)
    commands = ("tickets", "ticket 50031", "mails", "why 1", "search words", "outbox")
    text = "".join(run(*command.split())[1] for command in commands)
    assert not [c for c in "\x1b\x07\x9b\u202e\u200f" if c in text]
    assert "5 €" in text
    assert "Prix :" in text


@pytest.mark.parametrize(
    ("words", "shown"),
    [("a\u00a0b\u202fc", "a b c"), ("a\nb\tc", "a\nb\tc"), ("a\r\nb", "a\nb"), ("\x00\x7f\x85", "\ufffd" * 3),
     ("co\u00adop", "coop"),
     ("\u2066x\u2069", "\ufffdx\ufffd"), (None, ""), (7, "7"), ("\u2028", "\ufffd"), ("سلام", "سلام")],
)  # fmt: skip
def test_plain(words: object, shown: str) -> None:
    """What may be printed is; what only looks like nothing is left out; what could do harm is marked."""
    assert plain(words) == shown


def test_people_read_tables(world: World, run: Run) -> None:
    """The same facts without --json: a heading, aligned columns, one line a row."""
    conversation(world)
    heading, row = run("tickets")[1].splitlines()
    assert heading.split() == ["NUMBER", "STATE", "FROM", "AGENT", "SUBJECT"]
    assert row.split(maxsplit=4) == ["#50031", "pending", "lea@client.test", "ana@desk.test", "Printer on fire"]
    text = run("ticket", "50031")[1]
    assert "Use water." in text
    assert "plan.pdf" in text
    only(world.letters(), "answer")
