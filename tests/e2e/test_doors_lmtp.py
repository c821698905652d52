"""A real Postfix, as Debian runs it, delivers over LMTP into the real daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.postfix import Postfix
from tests.servers.sink import Sink
from tests.wait import until

SALES = '[[mailbox]]\naddress = "sales@desk.test"\n'


@dataclass(frozen=True)
class Server:
    """A Postfix in front of a desk that each test starts on `lmtp_port`; what it sends back goes to `outside`."""

    postfix: Postfix
    lmtp_port: int
    outside: Sink

    def desk(self, folder: Path, sink: Sink) -> Desk:
        tables = f'[lmtp]\nlisten = "127.0.0.1:{self.lmtp_port}"\n{SALES}'
        return Desk(folder, sink.port, tables=tables, agents="")

    def fate(self, address: str) -> list[str]:
        """What Postfix says of the mails to an address, oldest first: "sent (250 2.0.0 1)"."""
        return re.findall(rf"postfix/(?:lmtp|smtp).*to=<{re.escape(address)}>.*status=(.*)", self.postfix.log())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    lmtp_port = free_port()
    with Sink() as outside:
        settings = {
            "myhostname": "mx.desk.test",
            "virtual_mailbox_domains": "desk.test",
            "virtual_mailbox_maps": "static:yes",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{lmtp_port}",
            "transport_maps": f"inline:{{client.test=smtp:[127.0.0.1]:{outside.port}}}",
        }
        with Postfix(settings) as postfix:
            assert re.search(r"^lmtp +unix +- +- +y ", (postfix.config / "master.cf").read_text(), re.MULTILINE)
            yield Server(postfix, lmtp_port, outside)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def test_two_mailboxes_at_once(tmp_path: Path, server: Server, sink: Sink) -> None:
    """One mail for two mailboxes is one ticket for each; they mention each other, and Postfix sends nothing again."""
    with server.desk(tmp_path, sink) as desk:
        server.postfix.submit("lea@client.test", ["support@desk.test", "sales@desk.test"], plain_mail("Both of you"))
        sink.wait_for(2)
        until(lambda: not server.postfix.queued())
        assert [fate.split()[0] for fate in server.fate("support@desk.test")] == ["sent"]
        assert [fate.split()[0] for fate in server.fate("sales@desk.test")] == ["sent"]
        found = {row["mailbox"]: row for row in desk.json("tickets")}
        assert set(found) == {"support@desk.test", "sales@desk.test"}
        support, sales = found["support@desk.test"], found["sales@desk.test"]
        assert {support["number"], sales["number"]} == {50031, 50032}
        assert (support["mentions"], sales["mentions"]) == ([sales["number"]], [support["number"]])
        rows = desk.json("mails")
        assert [(row["via"], row["sender"], row["outcome"]) for row in rows] == [
            ("lmtp", "lea@client.test", "ticket")
        ] * 2
        (entry,) = desk.json("ticket", "50031")["entries"]
        assert entry["flags"] == [], "Postfix stands between, and its server's word on the author still counts"
        assert desk.stop() == 0
    assert len(sink.mails) == 2


def test_the_same_mail_again(tmp_path: Path, server: Server, sink: Sink) -> None:
    """A mail for two mailboxes that comes a second time is a duplicate for each, of its own mailbox's ticket."""
    two = ["support@desk.test", "sales@desk.test"]
    with server.desk(tmp_path, sink) as desk:
        for _ in range(2):
            server.postfix.submit("lea@client.test", two, plain_mail("Both of you, again"))
            until(lambda: not server.postfix.queued())
        until(lambda: [row["outcome"] for row in desk.json("mails")] == ["duplicate"] * 2 + ["ticket"] * 2)
        rows = [(row["mailbox"], row["ticket"]) for row in desk.json("mails")]
        assert rows[:2] == rows[2:]
        assert desk.stop() == 0
    assert len(sink.mails) == 2


def test_an_unknown_recipient_is_bounced_by_postfix(tmp_path: Path, server: Server, sink: Sink) -> None:
    """550 5.1.1 at RCPT becomes a bounce to the sender, from Postfix; the other recipient has the mail."""
    with server.desk(tmp_path, sink) as desk:
        mail = plain_mail("One of you", author="max@client.test")
        server.postfix.submit("max@client.test", ["nobody@desk.test", "sales@desk.test"], mail)
        bounce = server.outside.wait_for(lambda mails: any(m.recipient == "max@client.test" for m in mails))[-1]
        assert bounce.sender == ""
        assert b"550 5.1.1 " in bounce.raw
        sink.wait_for(1)
        assert [row["mailbox"] for row in desk.json("mails")] == ["sales@desk.test"]
        until(lambda: not server.postfix.queued())


def test_a_desk_that_is_down_gets_it_later_once(tmp_path: Path, server: Server, sink: Sink) -> None:
    """Postfix keeps a mail while nobody listens, and delivers it once when the daemon is there."""
    desk = server.desk(tmp_path, sink)
    server.postfix.submit("lea@client.test", ["support+later@desk.test"], plain_mail("Anybody there?"))
    until(lambda: server.fate("support+later@desk.test"))
    assert server.fate("support+later@desk.test")[0].startswith("deferred")
    with desk:
        server.postfix.flush()
        sink.wait_for(1)
        until(lambda: not server.postfix.queued())
        assert [row["outcome"] for row in desk.json("mails")] == ["ticket"]
        assert desk.stop() == 0
    assert len(sink.mails) == 1


def test_over_a_unix_socket_from_the_chroot(tmp_path: Path, sink: Sink) -> None:
    """Debian's chrooted client reaches a socket of the desk's below Postfix' queue, with its mode and group."""
    settings = {
        "myhostname": "mx.desk.test",
        "virtual_mailbox_domains": "desk.test",
        "virtual_mailbox_maps": "static:yes",
        "virtual_transport": "lmtp:unix:private/maildesk",
    }
    with Postfix(settings) as postfix:
        place = postfix.queue / "private" / "maildesk"
        tables = f'[lmtp]\nlisten = "unix:{place}"\nsocket_mode = "0660"\nsocket_group = "postfix"\n'
        with Desk(tmp_path, sink.port, tables=tables, agents="") as desk:
            postfix.submit("lea@client.test", ["support@desk.test"], plain_mail("By socket"))
            sink.wait_for(1)
            until(lambda: not postfix.queued())
            (entry,) = desk.json("ticket", "50031")["entries"]
            assert (entry["via"], entry["flags"]) == ("lmtp", [])
