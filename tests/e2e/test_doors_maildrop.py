"""Postfix' pipe transport and .forward run `maildesk deliver` as a user who is neither root nor the service's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import maildesk
from tests.dropdesk import GROUP, MEMBER, RUN_DELIVER, SYSTEM_PYTHON
from tests.servers.desk import Desk, plain_mail
from tests.servers.postfix import Postfix
from tests.servers.sink import Sink
from tests.wait import until


@dataclass(frozen=True)
class Server:
    """A desk with a maildrop for the group of Postfix' user; its folder is not closed as pytest's are."""

    folder: Path
    postfix: Postfix
    sink: Sink
    desk: Desk

    def waiting(self) -> int:
        return len(os.listdir(self.folder / "drop" / "new"))


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="maildrop-"))
    folder.chmod(0o755)
    shutil.copytree(Path(maildesk.__file__).parent, folder / "lib" / "maildesk")
    command, forwards = folder / "deliver", folder / "forwards"
    command.write_text(
        f"#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH={folder}/lib MAILDESK_CONFIG={folder}/maildesk.toml "
        f"exec {SYSTEM_PYTHON} -c '{RUN_DELIVER}' \"$@\"\n"
    )
    command.chmod(0o755)
    forwards.mkdir()
    (forwards / MEMBER).write_text(f'"|{command} --recipient support@desk.test"\n')
    settings = {
        "myhostname": "mx.desk.test",
        "mydestination": "users.test",
        "virtual_mailbox_domains": "desk.test",
        "virtual_transport": "maildesk",
        "maildesk_destination_recipient_limit": "1",
        "forward_path": f"{forwards}/$user",
    }
    service = (
        f"maildesk unix - n n - 2 pipe flags=DRXhu user={MEMBER}:{GROUP} "
        f"argv={command} --sender ${{sender}} --recipient ${{original_recipient}}"
    )
    tables = f'[[mailbox]]\naddress = "sales@desk.test"\n[maildrop]\npath = "{folder}/drop"\ngroup = "{GROUP}"\n'
    try:
        with Sink() as sink, Postfix(settings, service) as postfix:
            yield Server(folder, postfix, sink, Desk(folder, sink.port, tables=tables, agents=""))
    finally:
        shutil.rmtree(folder)


def test_pipe_and_forward_while_the_daemon_is_up(server: Server) -> None:
    """Both ways of Postfix end as tickets by the maildrop, each once, proved as its server said."""
    with server.desk as desk:
        server.postfix.submit("lea@client.test", ["support@desk.test", "sales@desk.test"], plain_mail("By pipe"))
        server.sink.wait_for(2)
        forwarded = plain_mail("By forward", author="max@client.test")
        server.postfix.submit("max@client.test", [f"{MEMBER}@users.test"], forwarded)
        server.sink.wait_for(3)
        assert not server.postfix.queued()
        assert server.waiting() == 0
        rows = {(row["mailbox"], row["sender"], row["via"], row["outcome"]) for row in desk.json("mails")}
        assert rows == {
            ("support@desk.test", "lea@client.test", "maildrop", "ticket"),
            ("sales@desk.test", "lea@client.test", "maildrop", "ticket"),
            ("support@desk.test", "max@client.test", "maildrop", "ticket"),
        }
        (entry,) = desk.json("ticket", "50033")["entries"]
        assert (entry["author"], entry["flags"]) == ("max@client.test", [])
        pair = [row["mentions"] for row in desk.json("tickets")]
        assert sorted(pair) == [[], [50031], [50032]]
        assert desk.stop() == 0


def test_mail_waits_in_the_maildrop_while_the_daemon_is_down(server: Server) -> None:
    """Postfix is told yes, the mail lies in the maildrop, and the next start takes it, once."""
    with server.desk as desk:
        assert desk.stop() == 0
        server.postfix.submit("lea@client.test", ["support@desk.test"], plain_mail("By pipe"))
        forwarded = plain_mail("By forward", author="max@client.test")
        server.postfix.submit("max@client.test", [f"{MEMBER}@users.test"], forwarded)
        until(lambda: server.waiting() == 2)
        until(lambda: not server.postfix.queued())
        until(lambda: server.postfix.log().count("status=sent") == 2)
        desk.start()
        assert {m.recipient for m in server.sink.wait_for(2)} == {"lea@client.test", "max@client.test"}
        assert server.waiting() == 0
        assert [row["outcome"] for row in desk.json("mails")] == ["ticket", "ticket"]
        assert desk.stop() == 0
    assert len(server.sink.mails) == 2
