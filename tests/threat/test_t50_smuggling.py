"""T50: only CRLF.CRLF ends a mail. What tries to hide a second one in a first is content of one mail, or all of it is refused."""

from __future__ import annotations

import pytest

from tests.threat.wire import Wire

# The sequences of smtpsmug and of the advisories of 2023: a bare CR or LF on either side of the dot ...
BARE = (
    b"\n.\n",
    b"\n.\r\n",
    b"\n.\r",
    b"\r.\r",
    b"\r.\n",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n.\n",
    b"\n\n.\n\n",
    b"\n\n.\r\n",
    b"\r\r.\r\r",
    b"\r\r.\r\n",
    b"\n\r.\n\r",
    b"\r\n\n.\n",
)
# ... and what only looks like a lone dot, which is text.
ODD = (
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n. \r\n",
    b"\r\n .\r\n",
    b"\r\n\t.\r\n",
    b"\r\n.\x0b\r\n",
    b"\r\n.\x0c\r\n",
    b"\r\n\x85.\r\n",
    b"\r\n\xe2\x80\xa8.\r\n",
    b"\r\n..\r\n",
)
HIDDEN = b"MAIL FROM:<admin@desk.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\nMessage-ID: <hidden@t50.test>\r\n\r\nx"
SPELLINGS = {"as it is": HIDDEN, "with bare LF": HIDDEN.replace(b"\r\n", b"\n"), "in lower case": HIDDEN.lower()}


def test_there_are_24_sequences() -> None:
    """None stands there twice."""
    assert len({*BARE, *ODD}) == 24


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_mail_hides_in_another(wire: Wire, spelling: str) -> None:
    """Each sequence is one mail or a 5xx, never two; the connection goes on, and nothing is kept from the hidden sender."""
    with wire.client() as client:
        for number, end in enumerate((*BARE, *ODD, b".\n")):
            before = len(wire.rows("SELECT id FROM mails"))
            client.envelope("lea@client.test", ["support@desk.test"])
            assert client.say("DATA").startswith("354")
            name = f"{number}.{spelling.replace(' ', '-')}@t50.test"
            head = b"" if end == b".\n" else f"From: l@t50.test\r\nMessage-ID: <{name}>\r\n\r\nx".encode()
            client.send(head + end + SPELLINGS[spelling] + b"\r\n.\r\n")
            reply = client.reply()
            assert reply.startswith("250 2.0.0 " if end in ODD else "550 5.5.2 "), (end, reply)
            assert client.say("NOOP") == "250 2.0.0 OK"
            assert len(wire.rows("SELECT id FROM mails")) == before + (end in ODD), end
    wire.left()
    assert wire.rows("SELECT id FROM mails WHERE sender = 'admin@desk.test' OR message_id LIKE '%hidden@t50%'") == []
