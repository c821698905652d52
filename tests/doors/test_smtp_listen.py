"""The laws of opening sockets: TCP, socket files with their rights, and what systemd passes."""

from __future__ import annotations

import grp
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from maildesk.doors.listen import open_socket
from maildesk.errors import AlreadyRunning, BadConfig
from tests.servers.client import Client
from tests.smtpdesk import SmtpDesk

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("[::1]", socket.AF_INET6)])
def test_tcp(tmp_path: Path, host: str, family: socket.AddressFamily) -> None:
    """Both families listen, at a port of the system's choice when it is 0."""
    with open_socket(f"{host}:0", state_dir=tmp_path) as sock:
        assert sock.family == family
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not sock.getblocking()


def test_every_address_means_both_families(tmp_path: Path) -> None:
    """ "[::]" takes IPv4 clients, and they are called by their IPv4 address."""
    sock = open_socket("[::]:0", state_dir=tmp_path)
    with SmtpDesk(sock=sock) as desk, Client(("127.0.0.1", desk.address[1])) as client:
        client.say("EHLO x")
        client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert desk.mails[0][1].peer == "127.0.0.1"


def test_ipv6_peer(tmp_path: Path) -> None:
    """An IPv6 client is called by its address."""
    with SmtpDesk(sock=open_socket("[::1]:0", state_dir=tmp_path)) as desk, Client(desk.address[:2]) as client:
        client.say("EHLO x")
        client.mail("lea@client.test", ["support@desk.test"], MAIL)
        assert desk.mails[0][1].peer == "::1"


@pytest.mark.parametrize(
    "listen", ["", "2525", "127.0.0.1", "127.0.0.1:", ":25", "127.0.0.1:99999", "x:y", "no such:25"]
)
def test_no_place_to_listen(tmp_path: Path, listen: str) -> None:
    """What is no address is BadConfig that names it."""
    with pytest.raises(BadConfig) as caught:
        open_socket(listen, state_dir=tmp_path)
    assert listen in str(caught.value)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """BadConfig, with the port in its sentence."""
    with open_socket("127.0.0.1:0", state_dir=tmp_path) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadConfig, match=f"127.0.0.1:{port} cannot be listened on: Address already in use"):
            open_socket(f"127.0.0.1:{port}", state_dir=tmp_path)


def test_a_socket_file(tmp_path: Path) -> None:
    """Relative to the state folder, closed to others unless told; the peer is "unix"."""
    sock = open_socket("unix:smtp.sock", state_dir=tmp_path)
    path = tmp_path / "smtp.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["smtp.sock"]
    with SmtpDesk(sock=sock, relays=("unix",)) as desk, Client(str(path)) as client:
        client.say("EHLO x")
        assert client.mail("lea@client.test", ["support@desk.test"], MAIL) == "250 2.0.0 1"
        assert desk.mails[0][1].peer == "unix"
        assert desk.asked == [("support@desk.test", "lea@client.test", True)]


def test_mode_and_group(tmp_path: Path) -> None:
    """An MTA's group may be let in."""
    with open_socket(f"unix:{tmp_path}/lmtp.sock", state_dir=Path("/nowhere"), mode=0o660, group="mail"):
        status = (tmp_path / "lmtp.sock").stat()
        assert stat.S_IMODE(status.st_mode) == 0o660
        assert status.st_gid == grp.getgrnam("mail").gr_gid


def test_a_stale_socket_file_is_replaced(tmp_path: Path) -> None:
    """What a killed daemon left behind does not keep the next from starting."""
    open_socket("unix:smtp.sock", state_dir=tmp_path).close()
    with open_socket("unix:smtp.sock", state_dir=tmp_path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "smtp.sock"))


def test_a_living_socket_file_is_not_replaced(tmp_path: Path) -> None:
    """Somebody who answers there is not pushed out."""
    with open_socket("unix:smtp.sock", state_dir=tmp_path), pytest.raises(AlreadyRunning):
        open_socket("unix:smtp.sock", state_dir=tmp_path)


def test_another_file_is_not_replaced(tmp_path: Path) -> None:
    """A file that is no socket is left alone, and named."""
    (tmp_path / "smtp.sock").write_text("precious")
    with pytest.raises(BadConfig, match=r"smtp\.sock is there and is no socket"):
        open_socket("unix:smtp.sock", state_dir=tmp_path)
    assert (tmp_path / "smtp.sock").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "group"), [("x" * 200, ""), ("no/such/folder.sock", ""), ("smtp.sock", "no-such-group")]
)
def test_a_socket_file_that_cannot_be(tmp_path: Path, name: str, group: str) -> None:
    """BadConfig with the path, and nothing half made stays."""
    with pytest.raises(BadConfig):
        open_socket(f"unix:{name}", state_dir=tmp_path, group=group)
    assert not list(tmp_path.iterdir())


PASSED = """
import os, sys
from pathlib import Path
from maildesk.doors.listen import open_socket
from maildesk.errors import BadConfig
os.environ["LISTEN_PID"] = str(os.getpid()) if sys.argv[1] == "ours" else "1"
try:
    sock = open_socket(sys.argv[2], state_dir=Path("."))
except BadConfig as error:
    print(error)
else:
    print(sock.getsockname()[1], sock.get_inheritable(), sock.getblocking())
"""


def passed(sockets: list[socket.socket], names: str, listen: str, whose: str = "ours") -> str:
    """What a process says that was started as systemd starts one: the sockets from descriptor 3 on."""
    moves = "".join(f"os.dup2({sock.fileno()}, {50 + at}); " for at, sock in enumerate(sockets))
    moves += "".join(f"os.dup2({50 + at}, {3 + at}); " for at in range(len(sockets)))
    start = f"import os, sys; {moves}os.execv(sys.executable, [sys.executable, '-c', {PASSED!r}, *sys.argv[1:]])"
    environment = {**os.environ, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names}
    done = subprocess.run(
        [sys.executable, "-c", start, whose, listen],
        env=environment,
        pass_fds=[sock.fileno() for sock in sockets],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.strip()


def test_what_systemd_passes() -> None:
    """ "fd:lmtp" is the socket of that name; children of ours do not inherit it."""
    with socket.create_server(("127.0.0.1", 0)) as smtp, socket.create_server(("127.0.0.1", 0)) as lmtp:
        assert passed([smtp, lmtp], "smtp:lmtp", "fd:lmtp") == f"{lmtp.getsockname()[1]} False False"
        assert passed([smtp, lmtp], "smtp:lmtp", "fd:smtp") == f"{smtp.getsockname()[1]} False False"


def test_what_systemd_has_not_passed() -> None:
    """A name that is not there, or sockets meant for another process, are told with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as smtp, socket.socket() as deaf:
        assert "FileDescriptorName=lmtp" in passed([smtp], "smtp", "fd:lmtp")
        assert "FileDescriptorName=smtp" in passed([smtp], "smtp", "fd:smtp", "another's")
        assert "does not listen" in passed([deaf], "smtp", "fd:smtp")
