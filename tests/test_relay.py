"""The relay against a real relay: each letter once, byte for byte, and every refusal in its place."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maildesk.backoff import PACE, next_attempt
from maildesk.store.outbox import ClaimedLetter
from maildesk.store.sqlite import Tx
from tests.relay_desk import QUICK, eventually, letter_bytes, opened, relaying
from tests.servers.sink import Script, Sink

START = datetime(2026, 11, 22, 18, tzinfo=UTC)


def test_backoff_doubles_to_half_an_hour() -> None:
    """1, 2, 4, 8, 15, 30, 30 ... minutes with chance in the middle."""
    waits = [next_attempt(n, START, START, 0.5) for n in range(1, 9)]
    minutes = [wait and (wait - START) / timedelta(minutes=1) for wait in waits]
    assert minutes == pytest.approx([1, 2, 4, 8, 15, 30, 30, 30])


def test_backoff_moves_by_a_fifth_at_most() -> None:
    """Chance 0.0 is 20 % sooner, 1.0 is 20 % later."""
    soon, late = next_attempt(1, START, START, 0.0), next_attempt(1, START, START, 1.0)
    assert (soon, late) == (START + timedelta(seconds=48), START + timedelta(seconds=72))


def test_backoff_ends_after_five_days() -> None:
    """The last attempt falls on the end of the fifth day, and after it there is none."""
    end = START + timedelta(days=5)
    assert next_attempt(200, START, end - timedelta(minutes=5), 0.5) == end
    assert next_attempt(201, START, end, 0.5) is None


def test_letter_arrives_once_with_its_bytes(tmp_path: Path) -> None:
    """One mail at the relay: the envelope of the row, the bytes of the row, dots and all."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        (number,) = desk.add("lea@client.test")
        running.relay.wake()
        (mail,) = sink.wait_for(1)
        eventually(lambda: desk.row(number)["state"] == "sent")
        running.stop()
        assert (mail.sender, mail.recipient, mail.raw) == (
            "desk+t@desk.test",
            "lea@client.test",
            letter_bytes(number),
        )
        assert "SMTPUTF8" not in mail.options
        assert desk.row(number)["attempts"] == 1
        assert len(sink.mails) == 1


def test_letter_leaves_within_300_ms_of_its_commit(tmp_path: Path) -> None:
    """Woken, the relay needs less than 300 ms on an idle desk, the first connection included (median of seven)."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        waits = []
        for count in range(1, 8):
            desk.add("lea@client.test")
            committed = time.time()
            running.relay.wake()
            waits.append(sink.wait_for(count)[-1].at - committed)
    assert sorted(waits)[3] < 0.3, waits


def test_one_connection_carries_what_follows(tmp_path: Path) -> None:
    """Letters one after the other go over the connection that is open."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        for count in range(1, 6):
            desk.add("lea@client.test")
            running.relay.wake()
            sink.wait_for(count)
            eventually(lambda: not desk.unsent())
        assert sink.connections == 1


def test_idle_connection_is_closed_with_quit(tmp_path: Path) -> None:
    """After its idle time a connection ends politely, and the next letter opens another."""
    with (
        opened(tmp_path) as desk,
        Sink() as sink,
        relaying(desk, sink.port, pace=replace(QUICK, idle_s=0.2)) as running,
    ):
        desk.add("lea@client.test")
        running.relay.wake()
        sink.wait_for(1)
        eventually(lambda: sink.commands[-1] == "QUIT")
        desk.add("lea@client.test")
        running.relay.wake()
        sink.wait_for(2)
        assert sink.connections == 2


def test_connection_that_the_relay_closed_is_replaced(tmp_path: Path) -> None:
    """A kept connection that broke costs nothing: the letter goes over a new one, as its first attempt."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        desk.add("lea@client.test")
        running.relay.wake()
        sink.wait_for(1)
        sink.cut()
        (number,) = desk.add("lea@client.test")
        running.relay.wake()
        sink.wait_for(2)
        eventually(lambda: desk.row(number)["state"] == "sent")
        assert desk.row(number)["attempts"] == 1


def test_many_letters_take_at_most_five_connections(tmp_path: Path) -> None:
    """A backlog is sent once each, over more than one and at most five connections."""
    script = Script(delay_s=0.005)
    with opened(tmp_path) as desk, Sink(script=script) as sink:
        desk.add(*(f"c{n}@client.test" for n in range(400)))
        with relaying(desk, sink.port):
            sink.wait_for(400, 30)
            eventually(lambda: not desk.unsent())
        assert len({mail.recipient for mail in sink.mails}) == len(sink.mails) == 400
        assert 1 < sink.most_open <= 5


def test_letters_of_a_ticket_keep_their_order(tmp_path: Path) -> None:
    """Whatever the number of connections, a ticket's letters arrive in the order in which they were written."""
    script = Script(delay_s=0.003)
    with opened(tmp_path) as desk, Sink(script=script) as sink:
        for turn in range(30):
            for ticket_id in range(1, 7):
                content = b"Subject: %d %d\r\n\r\nx\r\n" % (ticket_id, turn)
                desk.add("lea@client.test", ticket_id=ticket_id, content=content)
        with relaying(desk, sink.port):
            arrived = [(mail.header("subject") or "").split() for mail in sink.wait_for(180, 30)]
        for ticket_id in range(1, 7):
            assert [int(turn) for ticket, turn in arrived if int(ticket) == ticket_id] == list(range(30))
        assert sink.most_open > 1


def test_4xx_defers_by_the_first_step(tmp_path: Path) -> None:
    """A 450 puts the letter off by a minute, give or take a fifth, with the relay's words."""
    script = Script(at_rcpt={"lea@client.test": ["450 4.2.1 grey for now"]})
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port, pace=PACE) as running:
        before = datetime.now(UTC)
        (number,) = desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: (line := desk.line(number)) is not None and line.state == "deferred")
        line = desk.line(number)
        assert line is not None
        assert line.next_at is not None
        assert 47 < (line.next_at - before).total_seconds() < 80
        assert (line.attempts, line.error) == (1, "RCPT: 450 4.2.1 grey for now")
        assert not sink.mails


def test_deferred_letter_goes_again_and_others_do_not_wait(tmp_path: Path) -> None:
    """A deferred letter holds up nobody, and goes when its time has come, without a wake."""
    script = Script(at_rcpt={"lea@client.test": ["450 4.2.1 later"] * 2}, at_dot={"tom@client.test": ["451 4.3.0 no"]})
    pace = replace(QUICK, backoff_s=(0.6,))
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port, pace=pace) as running:
        lea, tom, zoe = desk.add("lea@client.test", "tom@client.test", "zoe@client.test")
        running.relay.wake()
        mails = sink.wait_for(3)
        eventually(lambda: not desk.unsent())
        assert mails[0].recipient == "zoe@client.test"
        assert [desk.row(n)["attempts"] for n in (lea, tom, zoe)] == [3, 2, 1]


@pytest.mark.parametrize("place", ["at_rcpt", "at_dot"])
def test_5xx_fails_at_once_and_is_told_once(tmp_path: Path, place: str) -> None:
    """A 550 for the recipient or the content fails that letter alone; the hook hears of it once."""
    script = Script()
    setattr(script, place, {"lea@client.test": ["550 5.1.1 unknown"]})
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port) as running:
        lea, _ = desk.add("lea@client.test", "tom@client.test")
        running.relay.wake()
        assert sink.wait_for(1)[0].recipient == "tom@client.test"
        eventually(lambda: desk.row(lea)["state"] == "failed")
        running.stop()
        ((letter, why),) = desk.failures
        assert letter.id == lea
        assert why.endswith("550 5.1.1 unknown")


def test_letter_fails_when_its_days_are_over(tmp_path: Path) -> None:
    """A 4xx after five days is the end, and the hook is told what the relay said last."""
    script = Script(at_rcpt={"lea@client.test": ["450 4.2.1 later"]})
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port) as running:
        (lea,) = desk.add("lea@client.test", at=datetime.now(UTC) - timedelta(days=5, minutes=1))
        running.relay.wake()
        eventually(lambda: desk.row(lea)["state"] == "failed")
        assert "450 4.2.1 later" in desk.failures[0][1]


def test_failure_and_its_news_are_one_transaction(tmp_path: Path) -> None:
    """When telling the agents fails, the letter has not failed: it is put off and told later."""

    def broken_hook(tx: Tx, letter: ClaimedLetter, why: str) -> None:
        desk.failures.append((letter, why))
        if len(desk.failures) == 1:
            raise RuntimeError("no agents today")

    script = Script(at_rcpt={"lea@client.test": ["550 5.1.1 unknown"] * 2})
    with (
        opened(tmp_path) as desk,
        Sink(script=script) as sink,
        relaying(desk, sink.port, on_failed=broken_hook) as running,
    ):
        (lea,) = desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: desk.row(lea)["state"] == "failed")
        assert len(desk.failures) == 2


def test_sender_that_the_relay_dislikes_fails_no_letter(tmp_path: Path) -> None:
    """A 5xx to MAIL is a wrong setting of the desk, and the letter waits for it to be set right; 552 is too large."""
    script = Script(at_mail=["550 5.7.1 not your address"])
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port, pace=PACE) as running:
        (lea,) = desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: desk.row(lea)["state"] == "deferred")
        script.at_mail.append("552 5.3.4 too large")
        (tom,) = desk.add("tom@client.test")
        running.relay.wake()
        eventually(lambda: desk.row(tom)["state"] == "failed")
        assert [letter.id for letter, _ in desk.failures] == [tom]


def test_relay_that_wants_a_sign_in_stops_no_letter(tmp_path: Path) -> None:
    """530 to MAIL is between the desk and its relay: the relay counts as down, and no letter pays with an attempt."""
    with opened(tmp_path) as desk, Sink(passwords={"u": "p"}) as sink, relaying(desk, sink.port) as running:
        (lea,) = desk.add("lea@client.test")
        running.relay.wake()
        eventually(lambda: running.relay.down is not None and desk.row(lea)["state"] == "waiting")
        assert desk.row(lea)["attempts"] == 0
        assert not desk.failures


def test_8_bit_and_utf8_are_announced_only_when_needed(tmp_path: Path) -> None:
    """BODY=8BITMIME for 8-bit text, SMTPUTF8 for an address or a header beyond ASCII."""
    eight = b"Subject: x\r\n\r\n" + "é".encode() + b"\r\n"
    wide = b"Subject: " + "é".encode() + b"\r\n\r\nx\r\n"
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        desk.add("plain@client.test")
        desk.add("eight@client.test", content=eight)
        desk.add("wide@client.test", content=wide)
        desk.add("léa@client.test")
        running.relay.wake()
        said = {mail.recipient: mail.options.split(" ", 1)[1:] for mail in sink.wait_for(4)}
        assert said == {
            "plain@client.test": [],
            "eight@client.test": ["BODY=8BITMIME"],
            "wide@client.test": ["BODY=8BITMIME SMTPUTF8"],
            "léa@client.test": ["SMTPUTF8"],
        }


def test_utf8_address_fails_clearly_without_smtputf8(tmp_path: Path) -> None:
    """A relay that cannot carry the address: failed with a sentence that says so, and nothing is sent."""
    with opened(tmp_path) as desk, Sink(offers=["SIZE", "8BITMIME"]) as sink, relaying(desk, sink.port) as running:
        (lea,) = desk.add("léa@client.test")
        running.relay.wake()
        eventually(lambda: desk.row(lea)["state"] == "failed")
        assert "SMTPUTF8" in str(desk.row(lea)["error"])
        assert not sink.mails


def test_lone_line_ends_never_reach_the_wire(tmp_path: Path) -> None:
    """A bare LF before a dot cannot end the mail early: one mail arrives, with CRLF throughout."""
    content = b"Subject: x\n\nbefore\n.\nMAIL FROM:<e@e.test>\n\r.\rafter"
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        desk.add("lea@client.test", content=content)
        running.relay.wake()
        (mail,) = sink.wait_for(1)
        assert mail.raw == b"Subject: x\r\n\r\nbefore\r\n.\r\nMAIL FROM:<e@e.test>\r\n\r\n.\r\nafter\r\n"


def test_answer_counts_and_what_follows_does_not(tmp_path: Path) -> None:
    """A 250 is a 250, though a 421 comes right behind it and QUIT is never answered."""
    script = Script(after_dot="421 4.3.2 going down", deaf=("QUIT",))
    with opened(tmp_path) as desk, Sink(script=script) as sink, relaying(desk, sink.port) as running:
        desk.add("lea@client.test", "tom@client.test", "zoe@client.test")
        running.relay.wake()
        sink.wait_for(3)
        eventually(lambda: not desk.unsent())
        running.stop()
        assert len(sink.mails) == 3


def test_maildir_is_the_dry_run(tmp_path: Path) -> None:
    """With `maildir` each letter is one file with its bytes, in new/, and nothing stays in tmp/."""
    folder = tmp_path / "outgoing"
    with opened(tmp_path) as desk, relaying(desk, 0, maildir=folder) as running:
        numbers = desk.add("lea@client.test", "tom@client.test")
        running.relay.wake()
        eventually(lambda: not desk.unsent())
    files = sorted((folder / "new").iterdir())
    assert sorted(file.read_bytes() for file in files) == [letter_bytes(n) for n in numbers]
    assert not list((folder / "tmp").iterdir())


def test_address_with_a_line_end_is_no_command(tmp_path: Path) -> None:
    """An address that holds a line end fails before a byte of it is sent."""
    with opened(tmp_path) as desk, Sink() as sink, relaying(desk, sink.port) as running:
        (lea,) = desk.add("lea@client.test>\r\nRCPT TO:<eve@evil.test")
        running.relay.wake()
        eventually(lambda: desk.row(lea)["state"] == "failed")
        assert not any("evil" in command for command in sink.commands)
