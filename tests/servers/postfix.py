"""A real Postfix as Debian runs it, in a folder of its own; it never touches the machine's own instance.

Needs root: the master is root, its daemons are the postfix user, and most, lmtp among them, live in a chroot.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.wait import until

DEBIAN_MASTER_CF = Path("/usr/share/postfix/master.cf.dist")
# What the unit postfix@.service of Debian runs before each start: it fills the chroot.
DEBIAN_CONFIGURE = "/usr/lib/postfix/configure-instance.sh"

_SETTINGS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.example.com",
    "myorigin": "$myhostname",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "local_recipient_maps": "",
    "alias_maps": "",
    "alias_database": "",
    "smtpd_relay_restrictions": "permit_mynetworks reject",
    # Nothing leaves the machine: an address that no test has routed bounces here.
    "default_transport": "error:5.1.2 no route in this test",
    "relay_transport": "error:5.1.2 no route in this test",
    "disable_dns_lookups": "yes",
    "recipient_delimiter": "+",
    "biff": "no",
    # A deferred mail is tried again within seconds, so that a test can wait for it.
    "queue_run_delay": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "2s",
    "transport_retry_time": "1s",
}


class Postfix:
    """`with Postfix({"virtual_transport": "lmtp:inet:127.0.0.1:2424", ...}) as mx: mx.submit(...)`.

    settings: lines of main.cf, over the ones above. services: further lines of master.cf, as text.
    """

    def __init__(self, settings: Mapping[str, str] | None = None, services: str = "") -> None:
        # Not below pytest's folders: those are closed to the postfix user.
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.folder.chmod(0o755)
        self.config = self.folder / "etc"
        self.queue = self.folder / "queue"
        self.log_file = self.folder / "mail.log"
        self.port = _free_port()
        self._settings = {
            **_SETTINGS,
            "queue_directory": str(self.queue),
            "data_directory": str(self.folder / "data"),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.folder),
            **(settings or {}),
        }
        self._services = services

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Up and answering on `port`. After `stop` it starts again with the same queue and port."""
        self.config.mkdir(exist_ok=True)
        self.queue.mkdir(exist_ok=True)
        lines = [f"{key} = {value}" for key, value in self._settings.items()]
        main = self.config / "main.cf"
        main.write_text("\n".join(lines) + "\n")
        # Postfix waits two seconds for a main.cf to settle that was written this moment.
        os.utime(main, (0, 0))
        master = DEBIAN_MASTER_CF.read_text().replace("smtp      inet", f"127.0.0.1:{self.port} inet", 1)
        (self.config / "master.cf").write_text(f"{master}\n{self._services}\n")
        # The dictionary types that Debian ships as plug-ins are named in a file beside main.cf.
        (self.config / "dynamicmaps.cf").touch()
        self._run(DEBIAN_CONFIGURE, "-")
        self._run("/usr/sbin/postfix", "start")
        until(self._answers, 20)

    def stop(self) -> None:
        """Down, with every daemon of this instance; what was queued stays queued."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            until(lambda: self.pid is None, 10)
        except AssertionError:
            # The master leads a process group of its own (it calls setsid), which holds its daemons and nothing else.
            os.killpg(pid, signal.SIGKILL)
            until(lambda: self.pid is None, 10)

    @property
    def pid(self) -> int | None:
        """The master's process id while it runs."""
        try:
            pid = int((self.queue / "pid" / "master.pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return pid if b"postfix" in command and state != "Z" else None

    def submit(self, sender: str, recipients: Sequence[str], raw: bytes, *, utf8: bool = False) -> None:
        """Hand a mail to this Postfix as a client on loopback; "" is the null sender. Raises smtplib's errors.

        Each line of `raw` is sent with CRLF, however it ends here (RFC 5321, 2.3.8).
        """
        options = ["SMTPUTF8"] if utf8 else []
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail(sender, list(recipients), re.sub(rb"\r?\n", b"\r\n", raw), mail_options=options)

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def queued(self) -> list[dict[str, Any]]:
        """The mails in its queue as `postqueue -j` tells them: queue_id, queue_name, sender, recipients."""
        return [json.loads(line) for line in self._run("/usr/sbin/postqueue", "-j").splitlines()]

    def flush(self) -> None:
        """Try every deferred mail now."""
        self._run("/usr/sbin/postqueue", "-f")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
            return probe.recv(3) == b"220"
        return False

    def _run(self, *command: str) -> str:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.config)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log()}"
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
