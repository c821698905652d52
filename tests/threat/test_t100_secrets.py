"""T100: neither a signed address or Message-ID, nor a password, nor anybody's address or words, ever stands in the log."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.threat.test_t94_terminal import hostile
from tests.threat.wire import RELAY, Wire, mail, wired
from tests.wait import until

TOKEN = re.compile(r"[a-z2-7]{32}", re.IGNORECASE)
PASSWORD = "swordfish-7-do-not-tell"
WORDS = "a sentence that nobody else says"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A desk after a whole day's work: every way in, every way that fails, and its end."""
    folder = tmp_path_factory.mktemp("busy")
    for name in ("relay-password", "imap-password"):
        (folder / name).write_text(PASSWORD)
        os.chmod(folder / name, 0o600)
    tables = (
        '[maildrop]\n[[imap]]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\nusername = "support@desk.test"\n'
        'password_file = "imap-password"\nmailbox = "support@desk.test"\n'
    )
    relay = 'username = "u"\npassword_file = "relay-password"'
    with wired(folder, tables=tables, relay=relay) as wire:
        wire.sink.passwords = {"u": PASSWORD}
        _work(wire)
        assert wire.desk.stop() == 0
        yield wire


def _work(wire: Wire) -> None:
    opened = wire.gives(mail("t100 first", WORDS.encode()))
    assert opened["outcome"] == "ticket"
    confirmation, notice = wire.letter("lea@client.test"), wire.letter("ana@desk.test")
    to_lea, to_ana = (str(x.header("Reply-To")).rpartition("<")[2].rstrip(">") for x in (confirmation, notice))
    wire.gives(mail("t100 answer", WORDS.encode(), author="ana@desk.test"), to_ana, sender="ana@desk.test")
    wire.gives(mail("t100 unproved act", b"#solved", author="ana@desk.test", is_proved=False), to_ana)
    wire.gives(mail("t100 reply", WORDS.encode(), fields=b"X-Maildesk-Hops: 1\r\n"), to_lea)
    wire.gives(mail("t100 stranger", author="eve@evil.test", is_proved=False), to_lea, sender="eve@evil.test")
    # Our own letter again, a bounce of it, and one to a token that was tampered with.
    wire.gives(confirmation.raw, to_lea)
    wire.gives(_bounce(confirmation.raw), confirmation.sender, sender="")
    # Whoever guesses is cut off, perhaps in the middle of a line.
    with wire.client("127.0.100.1") as stranger, suppress(OSError):
        stranger.say("MAIL FROM:<eve@evil.test>")
        first = to_lea.index("+") + 1
        for at in range(first, first + 12):
            stranger.say(f"RCPT TO:<{to_lea[:at]}{'a' if to_lea[at] != 'a' else 'b'}{to_lea[at + 1 :]}>")
    wire.gives(hostile(), to_lea)
    for deliver in (to_lea, to_ana, "nobody@desk.test"):
        wire.desk.run("deliver", "--recipient", deliver, stdin=mail(f"t100 deliver {deliver[:3]}"))
    until(lambda: wire.desk.log().count("via=maildrop") == 2)
    wire.desk.config.write_text(wire.desk.config.read_text().replace('tls = "none"', 'tls = "nonsense"', 1))
    wire.desk.hang_up()
    wire.sink.script.at_rcpt["max@client.test"] = ["450 4.2.1 later", f"550 5.1.1 {to_lea} {WORDS}"]
    wire.sends(mail("t100 last", WORDS.encode(), author="max@client.test"), source=RELAY)
    wire.left()
    until(lambda: "config.refused" in wire.desk.log())


def _bounce(raw: bytes) -> bytes:
    return (
        b"From: MAILER-DAEMON@mx.test\r\nTo: support@desk.test\r\nSubject: Undelivered\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        b"Final-Recipient: rfc822; lea@client.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + raw + b"\r\n--b--\r\n"
    )


def test_the_run_was_busy(busy: Wire) -> None:
    """Tokens there were, and the log speaks of what was done: the tests below look at something."""
    assert TOKEN.search(busy.letter("lea@client.test").sender)
    log = busy.desk.log()
    for event in ("via=maildrop", "outcome=held", "kind=failure", "letter.deferred", "imap.trouble", "config.refused"):
        assert event in log, event
    assert len(log.splitlines()) > 30


def test_no_token_is_in_the_log(busy: Wire) -> None:
    """Nothing that has the shape of a signed address's key, in any case."""
    assert [line for line in busy.desk.log().splitlines() if TOKEN.search(line)] == []


def test_no_secret_no_address_and_no_word_is_in_the_log(busy: Wire) -> None:
    """Neither a password nor the master key; nobody's address, no subject, no sentence."""
    log = busy.desk.log()
    keys = (busy.desk.state / "keys").read_text()
    told = (
        PASSWORD,
        WORDS,
        "t100",
        "lea@client.test",
        "eve@evil.test",
        "client.test",
        *re.findall(r"[\w+/=-]{20,}", keys),
    )
    assert [word for word in told if word in log] == []
