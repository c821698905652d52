"""`maildesk deliver` on a failing disk and under SIGKILL: either a whole mail, or nothing and a code that says so.

strace writes down the system calls, and makes the chosen one fail: the kernel's own answer, not a stand-in for it.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.doors import dropbox
from tests.dropdesk import DELIVER, GROUP, MAIL, MEMBER, DropDesk
from tests.wait import until

BIG = MAIL + b"0123456789abcde\n" * 50_000
SEED = 7


@pytest.fixture
def desk() -> Iterator[DropDesk]:
    with DropDesk() as made:
        yield made


def strace(desk: DropDesk, *options: str, mail: bytes = MAIL, user: str | None = None) -> tuple[int, list[str]]:
    """The exit code of a delivery, and its calls, one a line, with paths for descriptors."""
    log = desk.folder / "strace.log"
    log.touch()
    log.chmod(0o666)
    command = ["strace", "-f", "-y", "-o", str(log), *options]
    if user is not None:
        command += ["-u", user, str(desk.command)]
    else:
        command += DELIVER
    command += ["--recipient", "support@desk.test"]
    environment = {**os.environ, "MAILDESK_CONFIG": str(desk.config)}
    done = subprocess.run(command, input=mail, capture_output=True, env=environment, timeout=60)
    assert b"Traceback" not in done.stderr
    lines = log.read_text().splitlines()
    return done.returncode, [line.split(" ", 1)[1].strip() for line in lines if str(desk.path) in line]


def assert_nothing_is_left(desk: DropDesk) -> None:
    for folder in (dropbox.NEW, dropbox.TMP, dropbox.ENVELOPES):
        assert desk.names(folder) == [], folder


def assert_only_whole_mails(desk: DropDesk, mail: bytes) -> None:
    for name in desk.names():
        assert (desk.path / dropbox.NEW / name).read_bytes() == mail
        assert dropbox.read_envelope(str(desk.path), name) is not None


def test_the_disk_has_it_before_the_code_says_so(desk: DropDesk) -> None:
    """The mail is synced before it appears, its envelope before that, and the folder of the name before exit 0."""
    code, calls = strace(desk, "-e", "trace=fsync,rename,renameat,renameat2")
    assert code == 0
    shapes = [re.sub(r"/[0-9.]+M[^>\"]+", "/NAME", call.replace(str(desk.path), "")) for call in calls]
    told = [re.sub(r"\(\d+<", "(<", shape) for shape in shapes]
    assert told == [
        "fsync(</tmp/NAME>) = 0",
        "fsync(</envelopes/NAME>) = 0",
        "fsync(</envelopes>) = 0",
        'rename("/tmp/NAME", "/new/NAME") = 0',
        "fsync(</new>) = 0",
    ]


def test_a_member_of_the_group_syncs_what_it_cannot_read() -> None:
    """Who may add to a folder but not read it cannot fsync it; the whole file system is synced, at the same points."""
    with DropDesk(GROUP) as desk:
        code, calls = strace(desk, "-e", "trace=fsync,syncfs,rename,renameat,renameat2", user=MEMBER)
        assert code == 0
        assert [call.split("(")[0] for call in calls] == ["fsync", "fsync", "syncfs", "rename", "syncfs"]


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_failing_fsync_is_75_and_leaves_nothing(desk: DropDesk, call: int) -> None:
    """Whichever of the four syncs fails, the server keeps the mail and the desk shows none."""
    code, calls = strace(desk, "-e", "trace=fsync", "-e", f"inject=fsync:error=EIO:when={call}")
    assert "EIO" in calls[call - 1]
    assert code == 75
    assert_nothing_is_left(desk)


@pytest.mark.parametrize("call", [1, 2])
def test_a_failing_syncfs_is_75_and_leaves_nothing(call: int) -> None:
    """The same for a member of the group."""
    with DropDesk(GROUP) as desk:
        options = ("-e", "trace=syncfs", "-e", f"inject=syncfs:error=EIO:when={call}")
        code, calls = strace(desk, *options, user=MEMBER)
        assert "EIO" in calls[call - 1]
        assert code == 75
        assert_nothing_is_left(desk)


def test_a_failing_rename_is_75_and_leaves_nothing(desk: DropDesk) -> None:
    """A folder that cannot take another name is a full disk too."""
    code, _ = strace(desk, "-e", "trace=rename", "-e", "inject=rename:error=ENOSPC")
    assert code == 75
    assert_nothing_is_left(desk)


def test_a_full_disk_is_75_and_leaves_nothing(desk: DropDesk) -> None:
    """A real file system without room: 75, nothing half-written, and the next small mail is stored."""
    shutil.rmtree(desk.path)
    desk.path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(desk.path)], check=True)
    try:
        dropbox.create(str(desk.path))
        done = desk.deliver("--recipient", "support@desk.test", mail=BIG)
        assert done.returncode == 75
        assert b"No space left on device" in done.stderr
        assert_nothing_is_left(desk)
        assert desk.deliver("--recipient", "support@desk.test").returncode == 0
    finally:
        subprocess.run(["umount", str(desk.path)], check=True)


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "openat", "fchmod", "close"])
def test_killed_at_every_call_that_matters(desk: DropDesk, call: str) -> None:
    """SIGKILL at any call on the maildrop leaves nothing to see or a whole mail with its envelope."""
    strace(desk, "-e", f"trace={call}", mail=BIG)
    # strace counts from the start of the process, and Python's own start makes such calls too.
    lines = [line for line in (desk.folder / "strace.log").read_text().splitlines() if f"{call}(" in line]
    moments = [number for number, line in enumerate(lines, start=1) if str(desk.path) in line]
    assert moments
    for when in moments:
        code, _ = strace(desk, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={when}", mail=BIG)
        assert code != 0
        assert_only_whole_mails(desk, BIG)


def test_killed_at_random_moments(desk: DropDesk) -> None:
    """SIGKILL at forty random moments: no mail is ever half there, and exit 0 always means one more."""
    chance = random.Random(SEED)
    environment = {**os.environ, "MAILDESK_CONFIG": str(desk.config)}
    stored = 0
    mail_file = Path(desk.folder / "mail")
    mail_file.write_bytes(BIG)
    for _ in range(40):
        with mail_file.open("rb") as source:
            running = subprocess.Popen(
                [*DELIVER, "--recipient", "support@desk.test"], stdin=source, env=environment, stderr=subprocess.DEVNULL
            )
        try:
            running.wait(chance.uniform(0.01, 0.07))
        except subprocess.TimeoutExpired:
            running.kill()
        stored += running.wait(30) == 0
        assert_only_whole_mails(desk, BIG)
    assert len(desk.names()) >= stored


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_polite_stop_is_75(desk: DropDesk, number: signal.Signals) -> None:
    """A mail server that loses patience stops the command: the code says try again, and nothing is left."""
    environment = {**os.environ, "MAILDESK_CONFIG": str(desk.config)}
    command = [*DELIVER, "--recipient", "support@desk.test"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as running:
        assert running.stdin is not None
        running.stdin.write(MAIL)
        running.stdin.flush()
        until(lambda: desk.names(dropbox.TMP))
        running.send_signal(number)
        assert running.wait(30) == 75
    assert_nothing_is_left(desk)


def test_leftovers_of_the_dead_are_removed_when_old(desk: DropDesk) -> None:
    """Drafts and envelopes without a mail go after 36 hours; younger ones and those of a waiting mail stay."""
    assert desk.deliver("--recipient", "support@desk.test").returncode == 0
    [waiting] = desk.names()
    for folder, name in ((dropbox.TMP, "dead"), (dropbox.ENVELOPES, "dead"), (dropbox.TMP, "young")):
        (desk.path / folder / name).touch()
    for old in (desk.path / "tmp" / "dead", desk.path / "envelopes" / "dead", desk.path / "envelopes" / waiting):
        os.utime(old, (0, 0))
    assert dropbox.remove_leftovers(str(desk.path), 36 * 3600) == 2
    assert (desk.names(dropbox.TMP), desk.names(dropbox.ENVELOPES)) == (["young"], [waiting])
