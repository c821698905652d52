"""T94: no mail writes into a terminal or a log: commands print no control and no direction mark, a log line stays one."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from maildesk import cli
from tests.threat.wire import Wire

# Colours, a title, a clipboard, an answer that types a command; C1; a carriage return; bidi; a line of its own.
ESCAPES = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZWNobyBoYWNrZWQ=\x07",
    "\x1bP$q\x1b\\",
    "\x9b31m",
    "\r0wned",
    "\x08\x08\x08",
    "\x00",
    "\x7f",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u2028<3>mail.accepted mail=1",
)
NAME = "t94 " + " ".join(ESCAPES)
LOG_LINE = "t94\n<3>store.broken forged=yes"


def encoded(words: str) -> str:
    """An encoded word that may hold anything."""
    return "=?utf-8?q?" + "".join(f"={byte:02X}" for byte in words.encode()) + "?="


def hostile() -> bytes:
    """A mail with the escapes in every place that is shown."""
    subject, name = encoded(NAME), encoded(LOG_LINE)
    file = "".join(f"%{byte:02X}" for byte in NAME.encode())
    head = (
        f"From: {name} <t94@client.test>\r\nTo: support@desk.test\r\nSubject: {subject}\r\n"
        f"Message-ID: <t94\x1b[31m@client.test>\r\nAuto-Submitted: no{ESCAPES[0]}\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    body = f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{NAME}\r\n{LOG_LINE}\r\n"
    attached = (
        "--b\r\nContent-Type: text/x\x1b[31m\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{file}\r\n\r\nx\r\n--b--\r\n"
    )
    return (head + body + attached).encode()


@pytest.fixture(scope="module")
def number(wire: Wire) -> str:
    """The ticket of the hostile mail."""
    row = wire.gives(hostile(), sender="t94@client.test")
    wire.left()
    (ticket,) = wire.rows("SELECT number FROM tickets WHERE id = ?", row["ticket_id"])
    return str(ticket["number"])


@pytest.mark.parametrize(
    "words",
    [
        ("tickets",),
        ("ticket", "N"),
        ("search", "t94"),
        ("mails",),
        ("why", "MAIL"),
        ("held",),
        ("outbox",),
        ("explain", "FILE"),
    ],
    ids=" ".join,
)
def test_what_a_command_prints_is_text(
    wire: Wire, number: str, words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every character is printable, a line end or a space of the table; as JSON it says the same, escaped."""
    (tmp_path / "hostile.eml").write_bytes(hostile())
    (row,) = wire.rows("SELECT max(id) AS id FROM mails WHERE sender = 't94@client.test'")
    known = {"N": number, "MAIL": str(row["id"]), "FILE": str(tmp_path / "hostile.eml")}
    for extra in ((), ("--json",)):
        capfd.readouterr()
        assert cli.run(["--config", str(wire.desk.config), *[known.get(word, word) for word in words], *extra]) == 0
        text = "".join(capfd.readouterr())
        assert text
        odd = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") and char != "\n"}
        assert odd == set(), extra


def test_no_mail_forges_a_line_of_the_log(wire: Wire, number: str) -> None:
    """Each line of the log begins with a priority and an event of ours; nothing of the mail stands in one."""
    lines = wire.desk.log().splitlines()
    assert len(lines) > 3
    assert [line for line in lines if not line.startswith("<")] == []
    assert not any("forged=yes" in line or "t94" in line or "\x1b" in line for line in lines), number
