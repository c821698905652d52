"""The real daemon as a process of its own: `maildesk serve` on free loopback ports in a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.wait import until

REPOSITORY = Path(__file__).parents[2]


def free_port() -> int:
    """A TCP port on loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Desk:
    """One desk: its folder, its configuration and its process. `start` returns when it told systemd READY=1."""

    def __init__(
        self,
        folder: Path,
        relay_port: int,
        *,
        tables: str = "",
        desk: str = "",
        mailbox: str = "",
        agents: str = '[[agent]]\naddress = "ana@desk.test"\nname = "Ana Lima"\n',
        smtp: str = "",
        relay: str = "",
        relay_tls: str = "none",
        trust: str = 'authserv_ids = ["mx.desk.test"]',
        environment: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.smtp_port, self._prefix = folder, free_port(), prefix
        self.config = folder / "maildesk.toml"
        self.state = folder / "state"
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._told: socket.socket | None = None
        self._lines: list[str] = []
        # What a test does not ask for is not asked of the machine's own DNS.
        trust = trust if "verify" in trust else f'{trust}\nverify = "none"'
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'[desk]\nname = "Example Support"\nstate_dir = "state"\nid = "desk.test"\nlanguages = ["en", "fr"]\n'
            f"first_number = 50031\n{desk}\n"
            f'[[mailbox]]\naddress = "support@desk.test"\n{mailbox}\n{agents}\n'
            f'[smtp]\nlisten = "127.0.0.1:{self.smtp_port}"\n{smtp}\n'
            f'[relay]\nhost = "127.0.0.1"\nport = {relay_port}\ntls = "{relay_tls}"\n{relay}\n'
            f"[trust]\n{trust}\n{tables}\n"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        if self._told is not None:
            self._told.close()

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self._process is not None
        return self._process.pid

    def start(self, environment: Mapping[str, str] | None = None, timeout_s: float = 20.0) -> None:
        """Start it and wait until it is ready; its log is in `log`."""
        place = self.folder / "notify"
        place.unlink(missing_ok=True)
        if self._told is not None:
            self._told.close()
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(str(place))
        self._told.settimeout(0.02)
        self._lines = []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "maildesk", "serve", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env={**self._environment, **(environment or {}), "NOTIFY_SOCKET": str(place)},
                cwd=self.folder,
            )

        def is_ready() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            return "READY=1" in self.heard()

        until(is_ready, timeout_s)

    def heard(self) -> list[str]:
        """Every line that it has told systemd since its start, in order."""
        assert self._told is not None
        with suppress(TimeoutError):
            while True:
                self._lines += self._told.recv(4096).decode().splitlines()
        return self._lines

    def stop(self, timeout_s: float = 40.0) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL, at any moment."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait_killed(self, timeout_s: float = 20.0) -> None:
        """Wait until it died of a SIGKILL that somebody sent it."""
        assert self._process is not None
        assert self._process.wait(timeout_s) == -signal.SIGKILL, self.log()

    def hang_up(self) -> None:
        """SIGHUP: reload."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """What it wrote to standard error since it was made."""
        return (self.folder / "log").read_text(errors="replace")

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A command of this desk."""
        return subprocess.run(
            [sys.executable, "-m", "maildesk", *arguments, "--config", str(self.config)],
            input=stdin,
            capture_output=True,
            env=self._environment,
            timeout=60,
            check=False,
            cwd=self.folder,
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        done = self.run(*arguments, "--json")
        assert done.stdout, done.stderr.decode()
        return json.loads(done.stdout)

    def send(self, raw: bytes, *recipients: str, sender: str = "lea@client.test") -> str:
        """Give it one mail by SMTP; the text of its 250. Raises what smtplib raises otherwise."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            client.ehlo("client.test")
            code, text = client.mail(sender)
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, text, sender)
            for recipient in recipients or ("support@desk.test",):
                code, text = client.rcpt(recipient)
                if code != 250:
                    raise smtplib.SMTPRecipientsRefused({recipient: (code, text)})
            code, text = client.data(raw)
            if code != 250:
                raise smtplib.SMTPDataError(code, text)
            return text.decode()


def faked(offset: str) -> dict[str, str]:
    """An environment in which the wall clock is put forward ("+29d") by Debian's libfaketime; spans are real."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def plain_mail(
    subject: str,
    *,
    author: str = "Lea Martin <lea@client.test>",
    words: str = "Hello",
    message_id: str = "",
    proved: bool = True,
) -> bytes:
    """A small mail; proved by the mail server that the desks of these tests believe."""
    domain = author.rpartition("@")[2].rstrip(">")
    results = f"Authentication-Results: mx.desk.test; dmarc=pass header.from={domain}\r\n" if proved else ""
    message_id = message_id or f"<{abs(hash((subject, author, words)))}@{domain}>"
    return (
        f"{results}From: {author}\r\nTo: support@desk.test\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
        f"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n"
    ).encode()
