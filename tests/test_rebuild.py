"""`maildesk rebuild`: what is derived is derived again as settling writes it today; what was decided stays, to the byte."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from maildesk import rebuild
from maildesk.desk.decision import Entered
from maildesk.desk.entering import agreed, entered
from maildesk.mail.parse import understand
from tests.conftest import Run
from tests.desk.test_customers import bounce_of
from tests.desk.world import World
from tests.mail.cases import ALL, raw_of

LEA = "Lea Martin <lea@client.test>"
MONSTER = b"From: lea@client.test\r\nSubject: many\r\n" + b"X-A: b\r\n" * 3000 + b"\r\nhello\r\n"


def dump(folder: Path, name: str = "desk.db") -> list[str]:
    with closing(sqlite3.connect(folder / name)) as connection:
        return list(connection.iterdump())


def rows(folder: Path, query: str, name: str = "desk.db") -> list[Any]:
    with closing(sqlite3.connect(f"{(folder / name).as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def change(folder: Path, *statements: str, name: str = "desk.db") -> None:
    """Write into the database behind the desk's back, as another version would have."""
    with closing(sqlite3.connect(folder / name)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def every_kind(world: World) -> None:
    """A desk with every kind of entry: mails of customers, agents' acts and notes, events, forwards, monsters."""
    world.write(LEA, "The printer is on fire.\n-- \nLea\n", attachments=(("plan.pdf", b"%PDF"),))
    letters = {x.notice: x for x in world.letters() if x.recipient in ("lea@client.test", "ana@desk.test")}
    notice, confirmation = letters["new"], letters["confirmation"]
    world.write("ana@desk.test", "#tag fire\nUse water.\n-- \nAna\n", answers=notice, attachments=(("how.txt", b"x"),))
    world.write("ana@desk.test", "#note she is nice\nReally.\n", answers=notice)
    world.write("ana@desk.test", "#nonsense\nNot done.\n", answers=notice)
    world.write("ana@desk.test", "Nobody proved this.\n", answers=notice, results=None)
    world.write(LEA, "It burns still.\n", answers=confirmation)
    world.give(bounce_of(confirmation.raw, "lea@client.test"), confirmation.envelope_from, sender="")
    world.give(bounce_of(confirmation.raw, "lea@client.test").replace(b"Final-Recipient", b"X-Nobody"),
               confirmation.envelope_from, sender="")  # fmt: skip
    world.give(MONSTER)
    world.write("Noé <noe@client.test>", "For both.\n", to=("support@desk.test", "support+tag@desk.test"))
    for path in ALL:
        world.give(path.read_bytes())
    # Agents forward customers' mails to the mailbox.
    raw = raw_of("forwarded-de")
    world.write("ana@desk.test", raw.partition(b"\n\n")[2].decode("utf-8", "replace"), subject="Fwd: the printer")
    kinds = {row[0] for row in rows(world.folder, "SELECT kind || ' ' || derived FROM entries")}
    assert {"customer mail", "note mail", "note act", "agent act", "event bounce", "event "} <= kinds


def test_with_the_same_rules_nothing_changes(world: World, run: Run) -> None:
    """Every table is the same to the byte, for every kind of entry."""
    every_kind(world)
    before = dump(world.folder)
    code, out, err = run("rebuild")
    assert (code, err) == (0, "")
    assert "changed: 0" in out
    assert dump(world.folder) == before


def test_what_an_older_version_wrote_is_what_settling_writes_today(world: World, run: Run) -> None:
    """Text, attachments and index are derived again, all else stays; an act's words stay as they were sent or noted."""
    every_kind(world)
    derived = "SELECT id, subject, full_text, names FROM entries ORDER BY id"
    words = "SELECT id, text FROM entries WHERE derived NOT IN ('', 'act') ORDER BY id"
    acts = "SELECT id, text FROM entries WHERE derived IN ('', 'act') ORDER BY id"
    files = "SELECT entry_id, position, name, type, size, sha256, inline, content_id FROM attachments ORDER BY 1, 2"
    before = [rows(world.folder, query) for query in (derived, words, acts, files)]
    change(
        world.folder,
        "UPDATE entries SET text = 'oldwords ' || text WHERE derived NOT IN ('', 'act') AND text NOT LIKE 'not delivered%'",
        "UPDATE entries SET text = text || ' oldstatus' WHERE derived = 'bounce'",
        "UPDATE entries SET subject = 'oldsubject', full_text = 'o', names = '' WHERE derived <> '' AND full_text <> ''",
        "UPDATE attachments SET name = 'oldname', inline = 1 - inline",
        "DELETE FROM attachments WHERE id % 3 = 0",
    )
    history = rows(world.folder, "SELECT * FROM history")
    decided = [line for line in dump(world.folder) if not _is_derived(line)]
    assert "changed: 0" not in run("rebuild")[1]
    after = [rows(world.folder, query) for query in (derived, words, acts, files)]
    assert [a for a, b in zip(after[1], before[1], strict=True) if a != b] == [
        row for row in after[1] if "oldstatus" in row[1]
    ]
    assert (after[0], after[2], after[3]) == (before[0], before[2], before[3])
    assert [line for line in dump(world.folder) if not _is_derived(line)] == decided
    assert rows(world.folder, "SELECT * FROM history")[: len(history)] == history
    again = dump(world.folder)
    run("rebuild")
    assert dump(world.folder) == again


def _is_derived(line: str) -> bool:
    names = ("entries", "attachments", "history", "sqlite_sequence")
    return any(line.startswith((f'INSERT INTO "{name}', f"INSERT INTO {name}")) for name in names) or "_fts" in line


def test_search_finds_the_new_words_and_no_longer_the_old(world: World, run: Run) -> None:
    """The index follows."""
    world.write(LEA, "The telescope is broken.\n")
    change(world.folder, "UPDATE entries SET full_text = 'microscope'")
    assert (run("search", "microscope")[0], run("search", "telescope")[0]) == (0, 1)
    run("rebuild")
    assert (run("search", "microscope")[0], run("search", "telescope")[0]) == (1, 0)
    change(world.folder, "INSERT INTO entries_fts(entries_fts, rank) VALUES ('integrity-check', 1)")


def test_an_index_that_is_wrong_is_made_anew(world: World, run: Run) -> None:
    """Without a daemon the whole index is held against the entries."""
    world.write(LEA, "The telescope is broken.\n")
    change(world.folder, "INSERT INTO entries_fts(entries_fts) VALUES ('delete-all')")
    assert run("search", "telescope")[0] == 1
    code, out, _ = run("rebuild")
    assert (code, "made anew" in out, "changed: 0" in out) == (0, True, True)
    assert run("search", "telescope")[0] == 0
    assert "made anew" not in run("rebuild")[1]


def test_a_dry_run_shows_and_changes_nothing(world: World, run: Run) -> None:
    """Ticket, entry, what differs and the lines, safe for a terminal; the same for programs, a line an entry."""
    world.write(LEA, "The telescope is broken.\nIt fell.\n", attachments=(("plan.pdf", b"%PDF"),))
    change(world.folder, "UPDATE entries SET text = 'It fell.' || char(27) || '[2J'", "DELETE FROM attachments")
    before = dump(world.folder)
    code, out, err = run("rebuild", "--dry-run")
    assert (code, err) == (0, "")
    assert dump(world.folder) == before
    assert out.splitlines() == [
        "#50031 entry 1 (customer): text, attachments",
        "  - It fell.\N{REPLACEMENT CHARACTER}[2J",
        "  + The telescope is broken.",
        "  + It fell.",
        "  - attachments: none",
        "  + attachments: plan.pdf (4 bytes)",
        "Entries read again: 1; would change: 1.",
    ]
    line, sums = map(json.loads, run("rebuild", "--dry-run", "--json")[1].splitlines())
    assert (line["ticket"], line["entry"], line["mail"], line["differs"]) == (50031, 1, 1, ["text", "attachments"])
    assert line["after"]["text"] == "The telescope is broken.\nIt fell."
    assert sums == {"entries": 1, "changed": 1, "kept": 0, "left": 0, "index_mended": False, "dry_run": True}


def test_a_long_difference_is_cut(world: World, run: Run) -> None:
    """Thousands of lines of difference are a few lines for people."""
    world.write(LEA, "".join(f"line {n}\n" for n in range(3000)))
    change(world.folder, "UPDATE entries SET text = 'other'")
    lines = run("rebuild", "--dry-run")[1].splitlines()
    assert len(lines) < 25
    assert max(map(len, lines)) < 200


def test_text_is_never_lost_to_a_rule_that_cannot_read_it(world: World, run: Run) -> None:
    """A mail that could be read once and cannot now is named, and its entry stays as it is."""
    world.give(MONSTER)
    change(
        world.folder,
        "UPDATE entries SET text = 'read once', full_text = 'read once'",
        "UPDATE mails SET outcome = 'ticket'",
    )
    before = dump(world.folder)
    code, out, _ = run("rebuild")
    assert code == 0
    assert "#50031 entry 1 (customer): left as it is" in out
    assert "2,000 fields" in out
    assert dump(world.folder) == before


def test_text_is_never_lost_to_a_rule_that_finds_none(world: World, run: Run) -> None:
    """Where there were words and today there are none, the words stay."""
    world.write(LEA, "")
    change(world.folder, "UPDATE entries SET text = 'found once', full_text = 'found once'")
    assert "entry 1 (customer): left as it is" in run("rebuild")[1]
    assert world.entries()[0][1] == "found once"


def test_a_mail_that_can_be_read_now_is_read(world: World, run: Run) -> None:
    """An entry that said its mail could not be read shows the mail."""
    world.write(LEA, "The telescope is broken.\n")
    change(
        world.folder,
        "UPDATE entries SET text = 'could not work on this mail', full_text = ''",
        "UPDATE mails SET outcome = 'unreadable'",
    )
    run("rebuild")
    assert world.entries()[0][1] == "The telescope is broken."


def test_what_is_not_derived_here_yet_is_never_undone() -> None:
    """An entry that deriving would change is written as one that does not follow from its mail."""
    mail = understand(raw_of("signature"))
    honest = entered(mail, "mail", "customer", mail.author)
    assert agreed(honest, mail, mail.attachments) == "mail"
    forward = Entered("customer", mail.author, mail.subject, "inner", mail.full_text, derived="mail")
    assert agreed(forward, mail, mail.attachments) == ""
    assert agreed(honest, mail, (*mail.attachments, understand(raw_of("file-names")).attachments[0])) == ""


def test_what_the_first_version_wrote_is_known(world: World) -> None:
    """The migration says of each old entry how it followed from its mail."""
    every_kind(world)
    # A bounce that names nobody and a mail of an agent that nobody proved are told as any other of their kind.
    query = "SELECT id, derived FROM entries ORDER BY id"
    before = rows(world.folder, query)
    world.close()
    change(
        world.folder,
        "ALTER TABLE entries DROP COLUMN derived",
        "DELETE FROM _sqlite_migrations WHERE name = 'entries_say_how_they_follow_from_their_mail'",
    )
    World.reopened(world, agents=world.agents).close()
    assert rows(world.folder, query) == before


def test_an_entry_that_changed_meanwhile_is_not_written_over(world: World) -> None:
    """What was compared is compared again in the transaction that writes."""
    world.write(LEA, "The telescope is broken.\n")
    change(world.folder, "UPDATE entries SET text = 'old'")
    (reading,) = rebuild.read_all(world.store, ("en",))
    change(world.folder, "UPDATE entries SET text = 'erased'")
    assert rebuild.write(world.store, [reading]) == 0
    assert world.entries()[0][1] == "erased"


def test_no_desk_yet_or_a_desk_that_somebody_holds(world: World, run: Run) -> None:
    """A sentence and an exit code each."""
    from maildesk.state import Lock

    lock = Lock(world.folder)
    lock.take()
    code, _, err = run("rebuild")
    assert (code, "Another maildesk runs" in err) == (75, True)
    lock.release()
    config = world.folder / "maildesk.toml"
    config.write_text(config.read_text().replace("desk.db", "none.db"))
    code, _, err = run("rebuild")
    assert (code, "maildesk serve" in err) == (1, True)
