"""T59: nobody fills the disk or the memory: size is checked at MAIL, counted in DATA, and what never ends is cut."""

from __future__ import annotations

from pathlib import Path

from tests.threat.wire import MAX_MAIL_BYTES, Wire, mail

# A sender may go on to twice the limit before the desk hangs up; memory holds the limit and what the process had anyway.
ROOM_BYTES = 4 * MAX_MAIL_BYTES


def resident(wire: Wire) -> int:
    """The most memory the daemon has had since this was last set back, in bytes."""
    status = Path(f"/proc/{wire.desk.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024


def set_back(wire: Wire) -> None:
    Path(f"/proc/{wire.desk.pid}/clear_refs").write_text("5")


def test_what_is_said_and_what_is_sent(wire: Wire) -> None:
    """Too large by its own word is 552 5.3.4 at MAIL, a lie 552 5.3.4 after its dot; nothing is kept, and mail goes on."""
    before = wire.rows("SELECT count(*) AS mails, (SELECT count(*) FROM raws) AS raws FROM mails")
    with wire.client() as client:
        for size in (MAX_MAIL_BYTES + 1, 10**10, 10**19):
            assert client.say(f"MAIL FROM:<lea@client.test> SIZE={size}").startswith("552 5.3.4 "), size
        for size in ("-1", "1e9", "0x10", "", "10 000"):
            assert client.say(f"MAIL FROM:<lea@client.test> SIZE={size}").startswith(("501 5.5.4 ", "555 5.5.4 ")), size
        assert client.say("MAIL FROM:<lea@client.test> SIZE=10").startswith("250")
        assert client.say("RCPT TO:<support@desk.test>").startswith("250")
        assert client.data(mail("t59 lie", b"x" * MAX_MAIL_BYTES)).startswith("552 5.3.4 ")
        assert wire.rows("SELECT count(*) AS mails, (SELECT count(*) FROM raws) AS raws FROM mails") == before
        assert client.mail("lea@client.test", ["support@desk.test"], mail("t59 honest")).startswith("250 ")


def test_what_never_ends_is_cut(wire: Wire) -> None:
    """A mail without an end, of lines or of one line, hears 552 and is let go at twice the limit; memory stays bounded."""
    wire.left()
    set_back(wire)
    before = resident(wire)
    for piece in (b"x" * 70 + b"\r\n", b"x" * 72, b".\r\n" * 24, b"\n" * 72):
        with wire.client() as client:
            client.envelope("lea@client.test", ["support@desk.test"])
            assert client.say("DATA").startswith("354")
            sent = 0
            try:
                while sent < 40 * MAX_MAIL_BYTES:
                    client.send(piece * 1000)
                    sent += len(piece) * 1000
            except ConnectionError:
                pass
            assert sent < 40 * MAX_MAIL_BYTES, piece
    assert resident(wire) - before < ROOM_BYTES
    assert wire.gives(mail("t59 after the flood"))["outcome"] == "ticket"
