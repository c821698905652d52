"""What the running daemon says to systemd, and to an admin who asks with `check`."""

from __future__ import annotations

import smtplib
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from tests.servers.desk import Desk, plain_mail
from tests.servers.post import Post
from tests.servers.sink import Sink
from tests.wait import until


def test_what_systemd_hears(tmp_path: Path) -> None:
    """READY, the watchdog at half its time and again and again, RELOADING with its time before READY, STOPPING."""
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, environment={"WATCHDOG_USEC": "400000"})
        with desk:
            assert "READY=1" in desk.heard()
            assert f"MAINPID={desk.pid}" in desk.heard()
            assert "STOPPING=1" not in desk.heard()
            until(lambda: desk.heard().count("WATCHDOG=1") >= 3, 5)
            before = len(desk.heard())
            desk.hang_up()
            until(lambda: "READY=1" in desk.heard()[before:])
            said = [line for line in desk.heard()[before:] if line != "WATCHDOG=1"]
            assert said[0] == "RELOADING=1"
            assert said[1].startswith("MONOTONIC_USEC=")
            assert said[2] == "READY=1"
            assert desk.stop() == 0
            assert desk.heard()[-1] == "STOPPING=1"


def test_without_a_watchdog_none_is_fed(tmp_path: Path) -> None:
    """WATCHDOG_USEC for another process is not ours (sd_watchdog_enabled(3))."""
    with Sink() as sink:
        environment = {"WATCHDOG_USEC": "50000", "WATCHDOG_PID": "1"}
        with Desk(tmp_path, sink.port, agents="", environment=environment) as desk:
            desk.send(plain_mail("Work for a while"))
            sink.wait_for(1)
            assert desk.stop() == 0
            assert "WATCHDOG=1" not in desk.heard()


def test_a_reload_keeps_the_keys(tmp_path: Path) -> None:
    """SIGHUP with another keys_file is refused, and an address that was given out before still leads to its ticket."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="") as desk:
        desk.send(plain_mail("Printer on fire"))
        (confirmation,) = sink.wait_for(1)
        desk.config.write_text(desk.config.read_text().replace("[desk]\n", '[desk]\nkeys_file = "elsewhere"\n'))
        desk.hang_up()
        until(lambda: "config.refused" in desk.log())
        assert not (desk.state / "elsewhere").exists()
        desk.send(plain_mail("Another matter", words="More."), confirmation.header("Reply-To") or "")
        until(lambda: len(desk.json("ticket", "50031")["entries"]) == 2)


def test_a_busy_database_does_not_end_a_watched_desk(tmp_path: Path) -> None:
    """Somebody locks the database for longer than the writer waits: the desk goes on, and is fed to the watchdog."""
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, agents="", environment={"WATCHDOG_USEC": "200000"})
        with desk, closing(sqlite3.connect(desk.state / "maildesk.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(lambda: desk.heard() and "store.busy" in desk.log(), 15)
            other.execute("ROLLBACK")
            desk.send(plain_mail("Still there?"))
            sink.wait_for(1)
            assert desk.stop() == 0


def test_a_manager_that_does_not_listen_stops_nothing(tmp_path: Path) -> None:
    """When nobody reads what is told to systemd, and its queue is full, mail is taken all the same."""
    with Sink() as sink, Desk(tmp_path, sink.port, agents="") as desk:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other, suppress(BlockingIOError):
            other.setblocking(False)
            other.connect(str(tmp_path / "notify"))
            while True:
                other.send(b"STATUS=full")
        desk.hang_up()
        until(lambda: "config.reloaded" in desk.log())
        desk.send(plain_mail("Still there?"))
        sink.wait_for(1)


def test_check_live_and_online(tmp_path: Path) -> None:
    """All is well: --live finds nothing, --online sees its letter come back by the signed address, and leaves no trace
    but an ignored row in the ledger; when the relay takes nothing --online says so with exit 1."""
    carried: list[str] = []
    door: list[int] = []
    is_gone: list[bool] = []

    def carry(sender: str, recipient: str, raw: bytes) -> None:
        if is_gone:
            raise ConnectionError
        carried.append(recipient)
        if recipient.startswith("support"):
            with smtplib.SMTP("127.0.0.1", door[0], timeout=10) as client:
                client.sendmail(sender, [recipient], raw)

    with Post(carry) as post:
        desk = Desk(tmp_path, post.port, agents="")
        door.append(desk.smtp_port)
        with desk:
            live = desk.run("check", "--live")
            assert (live.returncode, b"is in order" in live.stdout) == (0, True), live
            online = desk.run("check", "--online")
            assert online.returncode == 0, online.stdout + online.stderr
            assert b"came back" in online.stdout
            assert b"BAD" not in online.stdout
            (row,) = desk.json("mails")
            assert (row["outcome"], row["recipients"]) == ("ignored", carried)
            assert desk.json("tickets") == []
            assert desk.json("outbox") == []
            assert len(carried) == 1
            is_gone.append(True)
            gone = desk.run("check", "--online", "--json")
            assert gone.returncode == 1
            assert b"mailbox[0].reply_address" in gone.stdout
            assert b"Traceback" not in gone.stderr
            assert desk.stop() == 0
    stopped = desk.run("check", "--live")
    assert stopped.returncode != 0
    assert b"Traceback" not in stopped.stderr
