"""`maildesk deliver`: what it keeps, whom it knows, and the exit codes by which a mail server decides."""

from __future__ import annotations

import fcntl
import os
import statistics
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from maildesk.cli import deliver
from maildesk.config import Config
from maildesk.desk.directory import Directory
from maildesk.doors import dropbox
from maildesk.errors import UnknownMailbox
from maildesk.mail.token import Keyring
from tests.dropdesk import DELIVER, GROUP, MAIL, MEMBER, DropDesk
from tests.wait import until

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture
def desk() -> Iterator[DropDesk]:
    with DropDesk() as made:
        yield made


def test_stored_is_0_and_the_bytes_are_kept(desk: DropDesk) -> None:
    """Exit 0 means that the mail lies in new/ with every byte as it came: no final newline, CR and NUL included."""
    odd = b"Subject: x\r\n\nbare \r cr, nul \0, 8 bit \xff\xe9\n.\nFrom me\nno end of line"
    done = desk.deliver("--recipient", "support@desk.test", mail=odd)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert desk.mails() == [odd]
    assert desk.names(dropbox.TMP) == []


@pytest.mark.parametrize(
    "address",
    [
        "support@desk.test",
        "SUPPORT@Desk.Test",
        "<support@desk.test>",
        "help@desk.test",
        "support+anything@desk.test",
        "help+x+y@desk.test",
        f"support+{TOKEN}@desk.test",
        f"support+{TOKEN.upper()}@desk.test",
        f"sales-{TOKEN}@desk.test",
        f"Sales-{TOKEN.upper()}@desk.test",
        f"{TOKEN}@reply.desk.test",
        "plain+my@desk.test",
        "postmaster",
        "postmaster@desk.test",
    ],
)
def test_the_desks_addresses_are_taken(desk: DropDesk, address: str) -> None:
    """Base addresses, aliases, tags and tokens of the configured forms are stored, and so does the daemon read them."""
    known = deliver.load(str(desk.config))
    bare = address.removeprefix("<").removesuffix(">")
    assert deliver.is_ours(bare, known)
    assert desk_directory().recipient(bare, None, True)


@pytest.mark.parametrize(
    "address",
    [
        "nobody@desk.test",
        "support@other.test",
        "support@sub.desk.test",
        "supportx@desk.test",
        "sales-eu@desk.test",
        f"sales-{TOKEN}x@desk.test",
        f"sales-{TOKEN[:-1]}1@desk.test",
        f"plain-{TOKEN}@desk.test",
        f"nobody+{TOKEN}@desk.test",
        "support",
        "@desk.test",
        "support@",
        "sup port@desk.test",
        "",
    ],
)
def test_other_addresses_are_67(desk: DropDesk, address: str) -> None:
    """An address that is none of the desk's is refused for good, by deliver and by the daemon alike."""
    assert not deliver.is_ours(address, deliver.load(str(desk.config)))
    with pytest.raises(UnknownMailbox):
        desk_directory().recipient(address, None, True)


def test_unknown_mailbox_is_67(desk: DropDesk) -> None:
    """No such mailbox: 67, one sentence without a path, nothing stored."""
    done = desk.deliver("--recipient", "nobody@desk.test")
    assert (done.returncode, done.stderr) == (67, b"maildesk deliver: No such mailbox here\n")
    assert desk.names() == desk.names(dropbox.TMP) == desk.names(dropbox.ENVELOPES) == []


def test_an_ordinary_word_at_the_reply_domain_is_67(desk: DropDesk) -> None:
    """Only tokens live at a reply domain: a catch-all there must not open a ticket for every guess."""
    assert desk.deliver("--recipient", "info@reply.desk.test").returncode == 67


def test_too_large_is_65(desk: DropDesk) -> None:
    """One byte over the limit is refused for good and leaves nothing; the limit itself is stored."""
    assert desk.deliver("--recipient", "support@desk.test", mail=b"x" * 1_000_001).returncode == 65
    assert desk.names() == desk.names(dropbox.TMP) == desk.names(dropbox.ENVELOPES) == []
    assert desk.deliver("--recipient", "support@desk.test", mail=b"x" * 1_000_000).returncode == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--recipient"],
        ["--recipient", ""],
        ["--sender", "a@b.test"],
        ["--recipient", "support@desk.test", "sales@desk.test"],
        ["--recipient", "support@desk.test", "--recipient", "sales@desk.test"],
        ["--recipient", "support@desk.test", "--verbose"],
        ["--help", "--recipient", "support@desk.test"],
        ["--recipient", "support@desk.test", "--config", "/nowhere/maildesk.toml"],
        ["--recipient", "support@desk.test", "--config", "/"],
    ],
)
def test_wrong_usage_is_75(desk: DropDesk, options: list[str]) -> None:
    """Its own usage errors are temporary: a typing mistake in master.cf must not bounce a customer's mail."""
    done = desk.deliver(*options)
    assert (done.returncode, desk.names(), done.stderr.count(b"\n")) == (75, [], 1)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[desk",
        "\xff",
        '[desk]\nname = "x"\n[[mailbox]]\naddress = "support@desk.test"\n',
        '[maildrop]\n[desk]\nname = "x"\n',
        '[maildrop]\n[mailbox]\naddress = "support@desk.test"\n',
        '[maildrop]\n[[mailbox]]\naddress = "support"\n',
        "[maildrop]\n[[mailbox]]\naddress = 5\n",
        '[maildrop]\npath = 5\n[[mailbox]]\naddress = "support@desk.test"\n',
        'maildrop = true\n[[mailbox]]\naddress = "support@desk.test"\n',
        '[maildrop]\npath = "never made"\n[[mailbox]]\naddress = "support@desk.test"\n',
    ],
)
def test_a_wrong_configuration_is_75(desk: DropDesk, config: str) -> None:
    """Whatever is wrong with the configuration is one sentence and 75."""
    desk.config.write_bytes(config.encode("latin-1"))
    done = desk.deliver("--recipient", "support@desk.test")
    assert (done.returncode, done.stderr.count(b"\n")) == (75, 1)
    assert b"Traceback" not in done.stderr


def test_no_maildrop_table_is_said(desk: DropDesk) -> None:
    """Without a [maildrop] table the sentence names the table and the file."""
    desk.config.write_text('[desk]\nname = "x"\n[[mailbox]]\naddress = "support@desk.test"\n')
    said = desk.deliver("--recipient", "support@desk.test").stderr.decode()
    assert said == f"maildesk deliver: The desk has no maildrop: add a [maildrop] table to {desk.config}\n"


def test_nothing_on_standard_input_is_75(desk: DropDesk) -> None:
    """No bytes are no mail: a mail server that fell over says nothing."""
    assert desk.deliver("--recipient", "support@desk.test", mail=b"").returncode == 75
    assert desk.deliver("--recipient", "support@desk.test", mail=b"From a@b.test now\n").returncode == 75
    assert desk.names() == []


@pytest.mark.parametrize("closed", ["0<&-", "2>&-", "1>&- 2>&-"])
def test_closed_descriptors_do_not_change_the_code(desk: DropDesk, closed: str) -> None:
    """A server that gives no standard input gets 75; one that closes the outputs gets the code all the same."""
    environment = {**os.environ, "MAILDESK_CONFIG": str(desk.config)}
    expected = 75 if closed.startswith("0") else 67
    recipient = "support@desk.test" if closed.startswith("0") else "nobody@desk.test"
    shell = f'exec "$@" {closed}'
    command = ["/bin/sh", "-c", shell, "sh", *DELIVER, "--recipient", recipient]
    assert subprocess.run(command, input=MAIL, env=environment, timeout=30).returncode == expected


@pytest.mark.parametrize("sender", ["-h", "--help", "--config=/dev/null", "-x@evil.test", "--recipient"])
def test_a_strangers_word_is_never_an_option(desk: DropDesk, sender: str) -> None:
    """The word after --sender is a sender whatever it looks like; a mail lost to --help would be told as stored."""
    assert desk.deliver("--sender", sender, "--recipient", "support@desk.test").returncode == 0
    envelope = dropbox.read_envelope(str(desk.path), desk.names()[0])
    assert envelope is not None
    assert envelope.sender == sender


@pytest.mark.parametrize(
    ("options", "first_line", "expected"),
    [
        (["--sender", "lea@client.test"], b"", "lea@client.test"),
        (["--sender", "<lea@client.test>"], b"", "lea@client.test"),
        (["--sender="], b"", ""),
        (["--sender", "<>"], b"", ""),
        (["--sender", "MAILER-DAEMON"], b"", ""),
        ([], b"", None),
        ([], b"From lea@client.test  Sun Nov 22 18:00:00 2026\n", "lea@client.test"),
        ([], b"From MAILER-DAEMON  Sun Nov 22 18:00:00 2026\n", ""),
        ([], b"From nonsense\n", None),
        (["--sender", "max@client.test"], b"From lea@client.test  Sun Nov 22 18:00:00 2026\n", "max@client.test"),
    ],
)
def test_the_sender(desk: DropDesk, options: list[str], first_line: bytes, expected: str | None) -> None:
    """The sender is the option's, else that of an mbox "From " line, which is removed; the null sender is ""."""
    assert desk.deliver("--recipient", "Support+a@desk.test", *options, mail=first_line + MAIL).returncode == 0
    envelope = dropbox.read_envelope(str(desk.path), desk.names()[0])
    assert envelope is not None
    assert (envelope.sender, envelope.recipients, envelope.via) == (expected, ("Support+a@desk.test",), "maildrop")
    assert abs(envelope.received_at.timestamp() - time.time()) < 60
    assert desk.mails() == [MAIL]


def test_a_from_line_that_comes_in_pieces(desk: DropDesk) -> None:
    """Where the pipe cuts the bytes makes no difference."""
    environment = {**os.environ, "MAILDESK_CONFIG": str(desk.config)}
    command = [*DELIVER, "--recipient", "support@desk.test"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, bufsize=0) as running:
        assert running.stdin is not None
        for piece in (b"Fr", b"om lea@client", b".test  now\nSub", b"ject: x\n\n", b"hi\n"):
            running.stdin.write(piece)
            until(lambda: not _waiting_bytes(running.stdin))
        running.stdin.close()
        assert running.wait(30) == 0
    assert desk.mails() == [b"Subject: x\n\nhi\n"]


def test_where_the_configuration_is_found(desk: DropDesk, tmp_path: Path) -> None:
    """--config goes before $MAILDESK_CONFIG, which goes before ./maildesk.toml; paths are relative to the file."""
    here = tmp_path / "here"
    there = tmp_path / "there"
    for folder in (here, there):
        dropbox.create(str(folder / "data" / "drop"))
        (folder / "maildesk.toml").write_text(
            '[desk]\nstate_dir = "data"\n[[mailbox]]\naddress = "a@desk.test"\n[maildrop]\npath = "drop"\n'
        )
    bare = {key: value for key, value in os.environ.items() if key != "MAILDESK_CONFIG"}

    def run(*options: str, **environment: str) -> int:
        command = [*DELIVER, "--recipient", "a@desk.test", *options]
        paths = {"PYTHONPATH": os.getcwd(), **environment}
        return subprocess.run(command, input=MAIL, cwd=here, env={**bare, **paths}, timeout=30).returncode

    assert run() == 0
    assert run(MAILDESK_CONFIG=str(there / "maildesk.toml")) == 0
    assert run("--config", "maildesk.toml", MAILDESK_CONFIG=str(there / "maildesk.toml")) == 0
    assert run("--config=../there/maildesk.toml") == 0
    assert len(os.listdir(here / "data" / "drop" / "new")) == 2
    assert len(os.listdir(there / "data" / "drop" / "new")) == 2


def test_any_member_of_the_group_delivers() -> None:
    """A user who is neither root nor the service stores a mail that the service can read, whatever the umask."""
    with DropDesk(GROUP) as desk:
        done = desk.deliver("--recipient", "support@desk.test", user=MEMBER, umask=0o077)
        assert (done.returncode, done.stderr) == (0, b"")
        [name] = desk.names()
        for folder in (dropbox.NEW, dropbox.ENVELOPES):
            found = (desk.path / folder / name).stat()
            assert found.st_mode & 0o777 == 0o640
            assert found.st_gid == (desk.path / dropbox.NEW).stat().st_gid


def test_a_user_outside_the_group_gets_75() -> None:
    """Who may not write to the maildrop is told to try again, and what to look at."""
    with DropDesk() as desk:
        done = desk.deliver("--recipient", "support@desk.test", user=MEMBER)
        assert done.returncode == 75
        assert str(desk.path).encode() in done.stderr


def test_it_starts_fast(desk: DropDesk) -> None:
    """A mail server starts it for each mail: under 150 ms from start to exit."""
    spans_s = []
    for _ in range(9):
        begun = time.perf_counter()
        assert desk.deliver("--recipient", "support@desk.test").returncode == 0
        spans_s.append(time.perf_counter() - begun)
    assert statistics.median(spans_s) < 0.15


def test_it_imports_nothing_slow() -> None:
    """The quick start is kept by what it does not import."""
    code = "import sys, maildesk.cli.deliver; print(*sys.modules)"
    loaded = subprocess.run([DELIVER[0], "-c", code], capture_output=True, text=True, check=True).stdout.split()
    slow = {"click", "pydantic", "sqlite3", "sqlite_utils", "email", "asyncio", "logging", "jinja2", "socket"}
    assert slow.isdisjoint(loaded)


def _waiting_bytes(pipe: IO[bytes] | None) -> int:
    """How many bytes of a pipe nobody has read yet."""
    assert pipe is not None
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def desk_directory() -> Directory:
    """The daemon's own reading of the same configuration."""
    boxes = (
        {"address": "support@desk.test", "aliases": ("help@desk.test",)},
        {"address": "sales@desk.test", "reply_address": "minus"},
        {"address": "press@desk.test", "reply_address": "domain:reply.desk.test"},
        {"address": "plain@desk.test", "reply_address": "none"},
    )
    config = Config.model_validate({"desk": {"name": "Desk"}, "mailbox": boxes, "relay": {"host": "127.0.0.1"}})
    return Directory(config, Keyring("desk.test", 0, {0: bytes(32)}))
