"""What the running daemon says to systemd, and to an admin who asks with `check`."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.servers.client import Client
from tests.servers.desk import Desk, free_port, plain_mail
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


def test_a_maildrop_that_cannot_be_made_is_said_at_start(tmp_path: Path) -> None:
    """A path that is a file: exit 78 with the key and the reason, and no desk that is ready without its door."""
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, agents="", tables='[maildrop]\npath = "../maildesk.toml"\n')
        done = desk.run("serve")
        assert done.returncode == 78
        assert b"maildrop.path" in done.stderr
        assert b"Traceback" not in done.stderr


def test_a_port_in_use_is_said_at_start(tmp_path: Path) -> None:
    """Somebody else listens where a door should open: one sentence that names the address, and no other door is left."""
    with Sink() as sink, socket.socket() as other:
        desk = Desk(tmp_path, sink.port, agents="", tables="[maildrop]\n")
        other.bind(("127.0.0.1", desk.smtp_port))
        other.listen()
        done = desk.run("serve")
        assert done.returncode in (75, 78)
        assert f"127.0.0.1:{desk.smtp_port}".encode() in done.stderr
        assert b"makers" not in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("slow", ["smtp", "lmtp"])
def test_all_doors_close_together(tmp_path: Path, slow: str) -> None:
    """After SIGTERM no door takes a new client while another waits for a mail that is coming in, which is taken."""
    lmtp_port = free_port()
    with Sink() as sink:
        desk = Desk(tmp_path, sink.port, agents="", tables=f'[lmtp]\nlisten = "127.0.0.1:{lmtp_port}"\n')
        with desk, Client(("127.0.0.1", lmtp_port if slow == "lmtp" else desk.smtp_port)) as client:
            client.say("LHLO mx.desk.test" if slow == "lmtp" else "EHLO client.test")
            client.envelope("lea@client.test", ["support@desk.test"])
            assert client.say("DATA").startswith("354")
            os.kill(desk.pid, signal.SIGTERM)
            until(lambda: not is_open(lmtp_port) and not is_open(desk.smtp_port))
            client.send(plain_mail("Just in time") + b".\r\n")
            assert client.reply().startswith("250 ")
            assert desk.stop() == 0
            assert [row["outcome"] for row in desk.json("mails")] == ["ticket"]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
            # Agents of the same domain, who may have accounts elsewhere by it, are a warning and no error.
            assert b"warn" not in online.stdout
            shared = desk.config.read_text().replace("[smtp]", '[[agent]]\naddress = "ana@desk.test"\n[smtp]')
            desk.config.write_text(shared)
            warned = desk.run("check", "--online")
            assert (warned.returncode, b"warn mailbox[0].address: desk.test is also" in warned.stdout) == (0, True)
            rows = desk.json("mails")
            assert [(row["outcome"], row["recipients"]) for row in rows] == [
                ("ignored", [one]) for one in reversed(carried)
            ]
            assert desk.json("tickets") == []
            assert desk.json("outbox") == []
            assert len(carried) == 2
            is_gone.append(True)
            gone = desk.run("check", "--online", "--json")
            assert gone.returncode == 1
            assert b"mailbox[0].reply_address" in gone.stdout
            assert b"Traceback" not in gone.stderr
            assert desk.stop() == 0
    stopped = desk.run("check", "--live")
    assert stopped.returncode != 0
    assert b"Traceback" not in stopped.stderr
