"""A configuration with a maildrop, and `maildesk deliver` as a mail server's user runs it: for tests alone."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import maildesk
from maildesk.doors import dropbox

# Users of every Debian; games is whoever a mail server runs the command as, daemon whoever runs the desk.
MEMBER, OTHER_MEMBER, GROUP, SERVICE = "games", "news", "games", "daemon"
# Debian's own Python has none of our dependencies: what runs on it needs the standard library alone.
SYSTEM_PYTHON = "/usr/bin/python3"
RUN_DELIVER = "import sys; from maildesk.cli.deliver import main; sys.exit(main(sys.argv[1:]))"
DELIVER = (sys.executable, "-c", RUN_DELIVER)
MAIL = b"From: Lea <lea@client.test>\nTo: support@desk.test\nSubject: printer\n\nIt smokes.\n"
CONFIG = """
[desk]
name = "Desk"
[[mailbox]]
address = "support@desk.test"
aliases = ["help@desk.test"]
[[mailbox]]
address = "sales@desk.test"
reply_address = "minus"
[[mailbox]]
address = "press@desk.test"
reply_address = "domain:reply.desk.test"
[[mailbox]]
address = "plain@desk.test"
reply_address = "none"
[relay]
host = "127.0.0.1"
[limits]
max_mail_bytes = 1000000
[maildrop]
"""


class DropDesk:
    """A folder with maildesk.toml, a maildrop, and a copy of the package, all of which other users can reach."""

    def __init__(self, group: str = "", owner: str = "root") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dropdesk-"))
        self.folder.chmod(0o755)
        self.config = self.folder / "maildesk.toml"
        self.path = self.folder / "drop"
        self.config.write_text(f'{CONFIG}path = "{self.path}"\ngroup = "{group}"\n')
        self.config.chmod(0o644)
        shutil.copytree(Path(maildesk.__file__).parent, self.folder / "lib" / "maildesk")
        self.command = self.folder / "deliver"
        self.command.write_text(
            f"#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH={self.folder}/lib MAILDESK_CONFIG={self.config} "
            f"exec {SYSTEM_PYTHON} -c '{RUN_DELIVER}' \"$@\"\n"
        )
        self.command.chmod(0o755)
        if owner == "root":
            dropbox.create(str(self.path), group)
        else:
            self.path.mkdir()
            os.chown(self.path, pwd.getpwnam(owner).pw_uid, -1)
            self.python_as(owner, f"dropbox.create({str(self.path)!r}, {group!r})", extra_groups=[group])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def deliver(
        self, *options: str, mail: bytes = MAIL, user: str | None = None, umask: int = 0o022
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command, as root on the tests' Python or as a user of the system on Debian's."""
        if user is None:
            environment = {**os.environ, "MAILDESK_CONFIG": str(self.config)}
            return subprocess.run(
                [*DELIVER, *options], input=mail, capture_output=True, env=environment, timeout=30, umask=umask
            )
        gid = grp.getgrnam(GROUP).gr_gid
        return subprocess.run(
            [str(self.command), *options],
            input=mail,
            capture_output=True,
            timeout=30,
            umask=umask,
            user=user,
            group=gid,
            extra_groups=[],
            cwd="/",
        )

    def python_as(
        self, user: str, code: str, extra_groups: Sequence[str] = (), *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of Python with `dropbox` and `os` at hand, as another user."""
        program = f"import os\nfrom maildesk.doors import dropbox\n{code}"
        return subprocess.run(
            [SYSTEM_PYTHON, "-B", "-c", program],
            env={"PYTHONPATH": str(self.folder / "lib")},
            user=user,
            group=pwd.getpwnam(user).pw_gid,
            extra_groups=list(extra_groups),
            capture_output=True,
            text=True,
            timeout=30,
            check=check,
            cwd="/",
        )

    def names(self, folder: str = dropbox.NEW) -> list[str]:
        """What lies in one folder of the maildrop."""
        return sorted(os.listdir(self.path / folder))

    def mails(self) -> list[bytes]:
        """The bytes of every mail in new/, oldest first."""
        return [(self.path / dropbox.NEW / name).read_bytes() for name in self.names()]
