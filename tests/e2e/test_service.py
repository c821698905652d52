"""The daemon as a service: start, drain, reload, lock, clock. Real processes, real sockets, real signals."""

from __future__ import annotations

import http.client
import os
import signal
import smtplib
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.desk import REPOSITORY, Desk, faked, free_port, plain_mail
from tests.servers.sink import Sink
from tests.wait import until


@pytest.fixture
def sink() -> object:
    with Sink() as found:
        yield found


def test_a_mail_is_confirmed_and_everything_is_shown(tmp_path: Path, sink: Sink) -> None:
    """One mail, through the whole daemon: tickets, ticket, mails, why, search and outbox tell of it as promised."""
    with Desk(tmp_path, sink.port) as desk:
        desk.send(plain_mail("Printer on fire", words="The printer brûle since märz."))
        sink.wait_for(2)
        (row,) = desk.json("tickets")
        assert (row["number"], row["state"], row["participants"]) == (50031, "new", ["lea@client.test"])
        assert "entries" not in row
        ticket = desk.json("ticket", "50031")
        (entry,) = ticket["entries"]
        assert (entry["kind"], entry["author"], entry["via"], entry["flags"]) == (
            "customer",
            "lea@client.test",
            "smtp",
            [],
        )
        assert entry["text"] == "The printer brûle since märz."
        raw = desk.run("ticket", "50031", "--raw", str(entry["id"])).stdout
        assert raw == plain_mail("Printer on fire", words="The printer brûle since märz.")
        (mail,) = desk.json("mails")
        assert (mail["outcome"], mail["ticket"], mail["id"]) == ("ticket", 50031, entry["mail"])
        assert desk.json("why", mail["message_id"])[0]["why"]
        assert desk.json("search", "brule", "MARZ")[0]["ticket"] == 50031
        until(lambda: desk.json("outbox") == [])
        missing = desk.run("ticket", "4711", "--json")
        assert (missing.returncode, missing.stdout.strip()) == (1, b"null")
        assert desk.stop() == 0


def test_a_second_start_is_refused(tmp_path: Path, sink: Sink) -> None:
    """A second daemon on the same state_dir ends with 75 and the first goes on."""
    with Desk(tmp_path, sink.port) as desk:
        second = desk.run("serve")
        assert second.returncode == 75
        assert b"runs on" in second.stderr
        desk.send(plain_mail("still there"))


def test_sigterm_drains(tmp_path: Path, sink: Sink) -> None:
    """What was accepted before SIGTERM is settled, and the daemon ends with 0."""
    with Desk(tmp_path, sink.port, agents="") as desk:
        for n in range(20):
            desk.send(plain_mail(f"matter {n}", author=f"c{n}@client.test"), sender=f"c{n}@client.test")
        assert desk.stop() == 0
        with closing(sqlite3.connect(desk.state / "maildesk.db")) as db:
            assert db.execute("SELECT count(*) FROM tickets").fetchone() == (20,)
        desk.start()
        sink.wait_for(20)
        assert desk.stop() == 0


def test_sighup_takes_a_good_configuration_and_refuses_a_bad_one(tmp_path: Path, sink: Sink) -> None:
    """A reload brings a new mailbox; a wrong configuration changes nothing and is said in the log."""
    with Desk(tmp_path, sink.port) as desk:
        good = desk.config.read_text()
        desk.config.write_text(good.replace("[[agent]]", '[[mailbox]]\naddress = "sales@desk.test"\n[[agent]]'))
        desk.hang_up()
        until(lambda: "config.reloaded" in desk.log())
        desk.send(plain_mail("to sales"), "sales@desk.test")
        desk.config.write_text(good + "\n[nonsense]\n")
        desk.hang_up()
        until(lambda: "config.refused" in desk.log())
        desk.send(plain_mail("to sales again"), "sales@desk.test")


def test_a_wrong_configuration_opens_no_door(tmp_path: Path, sink: Sink) -> None:
    """All errors at once, with exit 78, and no state_dir is made."""
    desk = Desk(tmp_path, sink.port)
    desk.config.write_text(desk.config.read_text().replace("[smtp]\nlisten", "[smtp]\nlisen") + "\n[typo]\n")
    done = desk.run("serve")
    assert done.returncode == 78
    assert b"smtp.lisen" in done.stderr
    assert b"typo" in done.stderr
    assert not desk.state.exists()


def test_monitors(tmp_path: Path, sink: Sink) -> None:
    """/healthz and /readyz answer 200 on a desk where all flows; check --live says the same."""
    port = free_port()
    tables = f'[web]\nlisten = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n'
    with Desk(tmp_path, sink.port, tables=tables) as desk:
        for path in ("/healthz", "/readyz"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            assert connection.getresponse().status == 200
            connection.close()
        live = desk.run("check", "--live", "--json")
        assert live.returncode == 0, live.stderr


def test_what_stands_still_is_told_once_a_day(tmp_path: Path) -> None:
    """A relay that is gone for hours: readyz fails, and the admin hears of it once the relay is back, once a day."""
    port = free_port()
    tables = f'[web]\nlisten = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n'
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, tables=tables, desk='admins = ["root@desk.test"]')
        sink.refuse()
        desk.start()
        desk.send(plain_mail("lost?"))
        assert desk.stop() == 0
        desk.start(faked("+3h"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 503
        connection.close()
        sink.open()
        assert desk.stop() == 0
        desk.start(faked("+4h"))
        sink.wait_for(lambda mails: any(m.recipient == "root@desk.test" for m in mails), 30)
        assert desk.stop() == 0
        assert len([m for m in sink.wait_for(1) if m.recipient == "root@desk.test"]) == 1


def test_solved_becomes_closed_after_its_days_even_when_the_desk_was_down(tmp_path: Path, sink: Sink) -> None:
    """28 days later a solved ticket is closed by the clock, at the first start after: a missed tick is made up."""
    with Desk(tmp_path, sink.port) as desk:
        desk.send(plain_mail("Printer on fire"))
        sink.wait_for(2)
        notice = next(m for m in sink.wait_for(2) if m.recipient == "ana@desk.test")
        reply_to = notice.header("Reply-To") or ""
        desk.send(plain_mail("Re: x", author="ana@desk.test", words="#solved"), reply_to, sender="ana@desk.test")
        until(lambda: desk.json("ticket", "50031")["state"] == "solved")
        assert desk.stop() == 0
        desk.start(faked("+27d"))
        assert desk.json("ticket", "50031")["state"] == "solved"
        assert desk.stop() == 0
        desk.start(faked("+29d"))
        until(lambda: desk.json("ticket", "50031")["state"] == "closed")
        assert desk.json("ticket", "50031")["entries"][-1]["author"] == "desk"


def test_the_daemon_dies_with_a_failing_disk_and_comes_back(tmp_path: Path, sink: Sink) -> None:
    """On a small full disk mail is answered 452 or 451, nothing that got 250 is lost, and room brings it back."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=False)
    assert mounted.returncode == 0, "this test needs a tmpfs of its own; run it as root"
    try:
        with Desk(small, sink.port, agents="") as desk:
            answered = []
            refusals = set()
            for n in range(40):
                raw = plain_mail(f"big {n}", author=f"c{n}@client.test", words="x" * 60 + ("\r\n" + "y" * 70) * 15_000)
                try:
                    desk.send(raw, sender=f"c{n}@client.test")
                    answered.append(f"c{n}@client.test")
                except smtplib.SMTPResponseException as error:
                    refusals.add(error.smtp_code)
            assert answered
            assert refusals <= {452, 451}
            assert refusals
            # What was taken may have to wait for room to be worked on; it is not lost.
            subprocess.run(["mount", "-o", "remount,size=256m", str(small)], check=True)
            with closing(sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True)) as db:
                until(
                    lambda: (
                        db.execute("SELECT count(*) FROM mails WHERE outcome = 'ticket'").fetchone()[0] == len(answered)
                    )
                )
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            sink.wait_for(len(answered))
            assert desk.stop() == 0
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_nothing_listens_for_strangers_on_the_control_socket(tmp_path: Path, sink: Sink) -> None:
    """state_dir is its owner's alone, and so is the control socket."""
    with Desk(tmp_path, sink.port) as desk:
        assert oct(desk.state.stat().st_mode & 0o777) == "0o700"
        assert oct((desk.state / "control.sock").stat().st_mode & 0o777) == "0o600"
        assert oct((desk.state / "keys").stat().st_mode & 0o777) == "0o600"


def test_demo_ends_with_0_in_under_20_seconds() -> None:
    """The whole conversation over real sockets, printed step by step with its number."""
    done = subprocess.run(
        [sys.executable, "-m", "maildesk", "demo"],
        capture_output=True,
        timeout=20,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    assert "#50031" in done.stdout


def test_a_restored_desk_continues_by_an_old_address(tmp_path: Path, sink: Sink) -> None:
    """Backup while it runs, restore elsewhere: an old signed address still joins its ticket, and no number comes twice."""
    with Desk(tmp_path / "one", sink.port) as desk:
        desk.send(plain_mail("Printer on fire"))
        confirmation = next(m for m in sink.wait_for(2) if m.recipient == "lea@client.test")
        assert desk.run("backup", str(tmp_path / "desk.tar")).returncode == 0
        assert oct((tmp_path / "desk.tar").stat().st_mode & 0o777) == "0o600"
        assert desk.stop() == 0
    other = Desk(tmp_path / "two", sink.port)
    assert other.run("restore", str(tmp_path / "desk.tar")).returncode == 0
    with other:
        other.send(plain_mail("Re: something", words="More."), confirmation.header("Reply-To") or "")
        until(lambda: len(other.json("ticket", "50031")["entries"]) == 2)
        other.send(plain_mail("A new matter"))
        until(lambda: len(other.json("tickets")) == 2)
        assert other.json("tickets")[0]["number"] == 51032
    again = other.run("restore", str(tmp_path / "desk.tar"))
    assert again.returncode == 75


def test_signals_in_a_pipe(tmp_path: Path, sink: Sink) -> None:
    """SIGINT ends like SIGTERM, so that a foreground desk stops cleanly on Ctrl-C."""
    desk = Desk(tmp_path, sink.port)
    with desk:
        os.kill(desk.pid, signal.SIGINT)
        assert desk._process is not None
        assert desk._process.wait(30) == 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", desk.smtp_port)) != 0


def test_a_desk_without_its_keys_does_not_start(tmp_path: Path, sink: Sink) -> None:
    """Fresh keys beside an old database would void every address: 78, and the next start with the keys goes on."""
    desk = Desk(tmp_path, sink.port)
    with desk:
        assert desk.stop() == 0
        keys = desk.state / "keys"
        keys.rename(tmp_path / "kept")
        refused = desk.run("serve")
        assert refused.returncode == 78
        assert b"desk.keys_file" in refused.stderr
        assert not keys.exists()
        (tmp_path / "kept").rename(keys)
        desk.start()
        assert desk.stop() == 0


def test_a_folder_of_templates_that_is_not_there(tmp_path: Path, sink: Sink) -> None:
    """A misspelt templates folder is refused, not passed over."""
    desk = Desk(tmp_path, sink.port, desk='templates = "nowhere"')
    refused = desk.run("check")
    assert refused.returncode == 78
    assert b"desk.templates" in refused.stderr
