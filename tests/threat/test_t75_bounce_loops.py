"""T75: what comes back, in any shape, gets no automatic letter and opens nothing that is confirmed."""

from __future__ import annotations

import pytest

from tests.desk.world import World

AUTHORS = (
    "MAILER-DAEMON@mx.test",
    "postmaster@mx.test",
    "mailer-daemon@googlemail.test",
    "bounces@list.test",
    "lea@client.test",
)
REPORT = (
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno such user\r\n"
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
    "Final-Recipient: rfc822; x@y.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)
SHAPES = {
    "a report": REPORT,
    "a report that bears Auto-Submitted": "Auto-Submitted: auto-replied\r\n" + REPORT,
    "words alone": "\r\nThis message was created by mail delivery software.\r\n\r\n  x@y.test\r\n    unrouteable\r\n",
    "qmail": "\r\nHi. This is the qmail-send program at mx.test.\r\n\r\n<x@y.test>:\r\nNo such user. (#5.1.1)\r\n",
    "Exchange": "X-Failed-Recipients: x@y.test\r\n\r\nYour message to x@y.test couldn't be delivered.\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("author", AUTHORS)
def test_what_comes_back_is_not_answered(world: World, author: str, shape: str) -> None:
    """From the null sender, by each of five authors in five shapes: no letter to anybody outside."""
    raw = f"From: {author}\r\nSubject: Undelivered Mail\r\nMessage-ID: <{shape[:1]}@mx.test>\r\n{SHAPES[shape]}"
    world.give(raw.encode(), sender="")
    assert {x.recipient for x in world.letters()} <= {"ana@desk.test", "ben@desk.test"}
