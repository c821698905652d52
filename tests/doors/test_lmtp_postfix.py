"""The LMTP door proved with a real Postfix, whose lmtp client lives in a chroot as Debian runs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from maildesk.errors import MaildeskError, UnknownMailbox
from maildesk.mail.model import Envelope
from tests.servers.postfix import Postfix
from tests.smtpdesk import SmtpDesk
from tests.wait import until

MAIL = b"Message-ID: <one@client.test>\r\nSubject: Hello\r\n\r\nHello\r\n.\r\n..two\r\n"
# In the order in which Postfix names them.
TWO = ["sales@desk.test", "support@desk.test"]


class Behind:
    """A desk behind a Postfix; `trouble` is called at each RCPT, `at_mail` at each mail."""

    def __init__(self) -> None:
        self.trouble: Callable[[str], None] = lambda _address: None
        self.at_mail: Callable[[Envelope], None] = lambda _envelope: None
        self.desk = SmtpDesk(
            lmtp=True,
            relays=("127.0.0.1",),
            on_recipient=lambda address, _sender, _is_relay: self.trouble(address),
            on_mail=lambda _raw, envelope: self.at_mail(envelope),
        )


@pytest.fixture
def behind() -> Iterator[tuple[Behind, Postfix]]:
    desk = Behind()
    with desk.desk:
        settings = {
            "virtual_mailbox_domains": "desk.test",
            "virtual_mailbox_maps": "static:yes",
            "virtual_transport": f"lmtp:inet:127.0.0.1:{desk.desk.address[1]}",
            "recipient_delimiter": "+",
        }
        with Postfix(settings) as mx:
            assert re.search(r"^lmtp +unix +- +- +y ", (mx.config / "master.cf").read_text(), re.MULTILINE)
            yield desk, mx


def delivered(behind: Behind) -> list[tuple[str, ...]]:
    return [envelope.recipients for _, envelope in behind.desk.mails]


def fate(mx: Postfix, address: str) -> list[str]:
    """What Postfix says of the mail to an address: "sent (250 2.0.0 1)", oldest first."""
    return re.findall(rf"postfix/lmtp.*to=<{re.escape(address)}>.*status=(.*)", mx.log())


def until_sent(mx: Postfix, addresses: list[str]) -> None:
    """Have the queue tried until the last word on each address is "sent"; the log is shown when that never comes."""

    def is_sent() -> bool:
        # A mail that is moved from one queue to another just now is not tried by this call, but by the next.
        mx.flush()
        return all(fate(mx, one) and fate(mx, one)[-1].startswith("sent") for one in addresses)

    try:
        until(is_sent, 20)
    except AssertionError as error:
        raise AssertionError(f"{mx.queued()}\n{mx.log()}") from error


def test_two_mailboxes_at_once(behind: tuple[Behind, Postfix]) -> None:
    """One message for two is one transaction with both answers read: nothing is sent again."""
    desk, mx = behind
    mx.submit("lea@client.test", TWO, MAIL)
    until(lambda: not mx.queued() and all(fate(mx, one) for one in TWO))
    assert delivered(desk) == [tuple(TWO)]
    for one in TWO:
        assert fate(mx, one) == ["sent (250 2.0.0 1 2)"]
    assert desk.desk.mails[0][0].endswith(MAIL[MAIL.index(b"\r\n\r\n") :])
    assert not re.search(r"postfix/lmtp.*lost connection", mx.log())


def test_one_now_and_one_later(behind: tuple[Behind, Postfix]) -> None:
    """250 for one and 451 for the other: the first has the mail once, the second gets it later, once."""
    desk, mx = behind
    refused: list[str] = []

    def trouble(address: str) -> None:
        if address == TWO[1] and not refused:
            refused.append(address)
            raise MaildeskError("not now")

    desk.trouble = trouble
    mx.submit("lea@client.test", TWO, MAIL)
    until(lambda: len(fate(mx, TWO[1])) == 1)
    until_sent(mx, [TWO[1]])
    until(lambda: not mx.queued())
    assert delivered(desk) == [(TWO[0],), (TWO[1],)]
    assert [one.split()[0] for one in fate(mx, TWO[0])] == ["sent"]
    assert [one.split()[0] for one in fate(mx, TWO[1])] == ["deferred", "sent"]


def test_a_failure_of_ours_is_tried_again(behind: tuple[Behind, Postfix]) -> None:
    """When the desk breaks after the dot both stay in Postfix' queue, and come again together."""
    desk, mx = behind
    broken: list[Any] = []

    def break_once(envelope: Envelope) -> None:
        if not broken:
            broken.append(envelope)
            raise RuntimeError("database is locked")

    desk.at_mail = break_once
    mx.submit("lea@client.test", TWO, MAIL)
    until(lambda: all(fate(mx, one) for one in TWO))
    until_sent(mx, TWO)
    until(lambda: not mx.queued())
    assert delivered(desk) == [tuple(TWO)]
    assert [one.split()[0] for one in fate(mx, TWO[0])] == ["deferred", "sent"]
    assert "database" not in mx.log()


def test_a_recipient_that_is_none_bounces_alone(behind: tuple[Behind, Postfix]) -> None:
    """550 5.1.1 for one is a bounce for that one; the other has the mail."""
    desk, mx = behind

    def trouble(address: str) -> None:
        if address.startswith("nobody"):
            raise UnknownMailbox("No such mailbox here")

    desk.trouble = trouble
    mx.submit("", ["nobody@desk.test", TWO[0]], MAIL)
    until(lambda: fate(mx, "nobody@desk.test") and fate(mx, TWO[0]))
    assert fate(mx, "nobody@desk.test")[0].startswith("bounced (host 127.0.0.1[127.0.0.1] said: 550 5.1.1 ")
    assert delivered(desk) == [(TWO[0],)]
    assert desk.desk.mails[0][1].sender == ""


def test_tags_long_lines_and_utf8(behind: tuple[Behind, Postfix]) -> None:
    """What Postfix passes on arrives: the tag of an address, an address in UTF-8, many mails on one connection."""
    desk, mx = behind
    mx.submit("léa@client.test", ["süpport+tag@desk.test"], MAIL, utf8=True)
    until(lambda: desk.desk.mails)
    assert desk.desk.mails[0][1].recipients == ("süpport+tag@desk.test",)
    assert desk.desk.mails[0][1].sender == "léa@client.test"
    for number in range(20):
        mx.submit("lea@client.test", [f"support+{number}@desk.test"], b"Subject: x\r\n\r\n" + b"y" * 5000 + b"\r\n")
    until(lambda: len(desk.desk.mails) == 21 and not mx.queued(), 20)
    assert "status=deferred" not in mx.log()
