"""T51: nothing that people write ends a letter of ours early: one mail a letter at the relay, in short lines of CRLF."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.threat.test_t50_smuggling import BARE, HIDDEN, ODD
from tests.threat.wire import Wire, mail

MAX_LINE_BYTES = 998
# What an answer may hold once it is decoded: dots and bare line ends around commands, long lines, NULs, 8-bit text.
BODIES = (
    *(b"seen" + end + HIDDEN for end in (*BARE, *ODD)),
    b".\r\n" * 200,
    b"..\r\n.\r\nQUIT\r\n",
    b"x" * 5_000,
    ("ä" * 3_000).encode(),
    b"From me\r\n>From you\r\n",
    b"a\x00b\x1a\x04c",
)


def test_each_letter_is_one_mail(wire: Wire) -> None:
    """An agent's answers with such bodies, encoded so that every byte arrives: as many mails at the relay as letters left, to
    nobody else, each parsed to its end, and the words that stood behind the dot are in the letter and nowhere else."""
    wire.gives(mail("t51", author="t51@client.test"), sender="t51@client.test")
    notice = wire.letter("ana@desk.test", "t51")
    reply_to = str(notice.header("Reply-To")).rpartition("<")[2].rstrip(">")
    before = wire.left()
    for number, body in enumerate(BODIES):
        words = b"#send\r\nAnswer %d.\r\n\r\n" % number + body
        fields = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        raw = mail(f"t51 {number}", base64.b64encode(words), author="ana@desk.test", fields=fields)
        row = wire.gives(raw, reply_to, sender="ana@desk.test")
        assert row["outcome"] == "entry", row
    letters = wire.left()[len(before) :]
    answers = [letter for letter in letters if letter.recipient == "t51@client.test"]
    assert len(answers) == len(BODIES)
    assert {letter.recipient for letter in letters} <= {"t51@client.test", "ana@desk.test"}
    for number, letter in enumerate(answers):
        assert letter.raw.count(b"\n") == letter.raw.count(b"\r\n") == letter.raw.count(b"\r")
        assert max(map(len, letter.raw.split(b"\r\n"))) <= MAX_LINE_BYTES
        found = message_from_bytes(letter.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        plain = found.get_body(("plain",))
        assert plain is not None
        text = plain.get_content()
        assert f"Answer {number}." in text
        assert ("MAIL FROM:<admin@desk.test>" in text.upper().replace("ADMIN@DESK.TEST", "admin@desk.test")) == (
            b"admin@desk.test" in BODIES[number]
        ), number
