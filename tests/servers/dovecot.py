"""A real Dovecot (Debian's) on loopback: IMAP, IMAPS, LMTP and OAuth logins, in a temporary folder of its own.

Any user name exists, each with a Maildir of its own; the password is `PASSWORD`. Tokens for XOAUTH2 and OAUTHBEARER are
what `tokens` maps to a user; Dovecot asks the fixture's own introspection server (RFC 7662) about each.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs

import trustme
from imapclient import IMAPClient

from tests.wait import until

PASSWORD = "correct-horse-7"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dovecot:
    """Runs between `with` and its end.

    imap_port (STARTTLS offered), imaps_port and lmtp_port listen on 127.0.0.1; `ca_file` verifies the certificate,
    which names 127.0.0.1 and localhost. `mechanisms` is what AUTH offers.
    """

    def __init__(self, mechanisms: str = "plain login xoauth2 oauthbearer") -> None:
        self.mechanisms = mechanisms
        self.imap_port, self.imaps_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.tokens: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Dovecot:
        # Not pytest's folder: Dovecot's unprivileged processes must be able to pass through it.
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.folder.chmod(0o755)
        self._introspection = _Introspection(self.tokens)
        self._introspection.start()
        self._write_certificate()
        self._write_configuration()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._introspection.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it (again, on the same ports and mail); returns when every port answers."""
        self._process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(self._conf)])
        for port in (self.imap_port, self.imaps_port, self.lmtp_port):
            until(lambda port=port: self._answers(port))

    def stop(self) -> None:
        """End it and all its sessions; the mail stays."""
        if self._process is not None:
            children = self._children(self._process.pid)
            self._process.send_signal(signal.SIGTERM)
            # Left to itself Dovecot grants a session in IDLE ten seconds more.
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)
            self._process.wait(10)
            self._process = None
            # The last of its children hold the listening sockets a moment longer, and would let clients wait for ever.
            for port in (self.imap_port, self.imaps_port, self.lmtp_port):
                until(lambda port=port: not self._answers(port))

    def deliver(self, user: str, raw: bytes, sender: str = "sender@client.test") -> None:
        """Put a mail into the user's INBOX by LMTP."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as lmtp:
            lmtp.sendmail(sender, [user], raw)

    def connect(self, user: str) -> IMAPClient:
        """An IMAP connection that is logged in as `user`."""
        client = IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=10)
        client.login(user, PASSWORD)
        return client

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, set[str]]:
        """The flags of each mail by UID, without \\Recent; {} when there is no such folder."""
        with self.connect(user) as client:
            if not client.folder_exists(folder):
                return {}
            client.select_folder(folder, readonly=True)
            found = client.get_flags(client.search())
        return {uid: {flag.decode() for flag in flags} - {"\\Recent"} for uid, flags in found.items()}

    def bodies(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The mails of a folder, in order, without touching a flag."""
        with self.connect(user) as client:
            client.select_folder(folder, readonly=True)
            fetched = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [fetched[uid][b"BODY[]"] for uid in sorted(fetched)]

    def threads(self, user: str, algorithm: str = "REFERENCES", folder: str = "INBOX") -> tuple[object, ...]:
        """The folder as the server threads it (RFC 5256): REFERENCES or ORDEREDSUBJECT; sequence numbers, nested."""
        with self.connect(user) as client:
            client.select_folder(folder, readonly=True)
            return tuple(client.thread(algorithm))

    def doveadm(self, *args: str) -> str:
        """What `doveadm` prints; raises CalledProcessError when it fails."""
        command = ["/usr/bin/doveadm", "-c", str(self._conf), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def kick(self, user: str) -> None:
        """Throw out all of the user's sessions, as an admin or a restart would."""
        self.doveadm("kick", user)

    def sessions(self, user: str) -> int:
        """How many IMAP sessions the user has now."""
        who = self.doveadm("-f", "tab", "who", "-1", user).splitlines()[1:]
        return sum(line.split("\t")[0] == user for line in who)

    def is_idling(self, user: str) -> bool:
        """Does a session of the user stand in IDLE? Dovecot writes the command into the title of its process."""
        title = f"[{user} 127.0.0.1 IDLE]".encode()
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if title in process.read_bytes():
                    return True
        return False

    def _children(self, parent: int) -> list[int]:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(child) for child in children.split()]

    def _answers(self, port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def _write_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        self.ca_file = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _write_configuration(self) -> None:
        mail = self.folder / "mail"
        mail.mkdir()
        me = pwd.getpwuid(os.getuid()).pw_name
        owner = "nobody" if os.getuid() == 0 else me
        group = "nogroup" if os.getuid() == 0 else str(os.getgid())
        if os.getuid() == 0:
            shutil.chown(mail, owner, group)
        unprivileged = (
            ""
            if os.getuid() == 0
            else f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {group}\n"
            + "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "imap-login", "stats"))
        )
        oauth2 = self.folder / "oauth2.conf.ext"
        oauth2.write_text(
            f"introspection_url = http://127.0.0.1:{self._introspection.port}/introspect\n"
            "introspection_mode = post\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"
        )
        self._conf = self.folder / "dovecot.conf"
        self._conf.write_text(
            f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.folder}/cert.pem
ssl_key = <{self.folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {self.mechanisms}
auth_failure_delay = 0
auth_cache_size = 0
verbose_proctitle = yes
mail_location = maildir:{mail}/%u
mail_max_userip_connections = 100
first_valid_uid = 1
lda_mailbox_autocreate = yes
postmaster_address = postmaster@desk.test
# The name in its own Received line: it is one of the desk's servers.
hostname = mx.desk.test
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {oauth2}
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={mail}/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
    ssl = yes
  }}
}}
# Else each failed login makes the next from the same address slower, and every client is 127.0.0.1 here.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.lmtp_port}
  }}
}}
{unprivileged}"""
        )


class _Introspection(threading.Thread):
    """Answers "whose token is this?" from a dictionary that the test may change at any time."""

    def __init__(self, tokens: dict[str, str]) -> None:
        super().__init__(daemon=True)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                user = tokens.get(form.get("token", [""])[0])
                body = json.dumps({"active": user is not None, "username": user or ""}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
                """Say nothing; pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    def run(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.join()
