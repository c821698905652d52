"""`unit`: what systemd itself says about the units, and that they fit their configuration."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_command_line import maildesk
from tests.conftest import SMALLEST

STATE = SMALLEST.replace("[[mailbox]]", 'state_dir = "/var/lib/maildesk"\n[[mailbox]]')
PASSED = STATE.replace("[smtp]", '[smtp]\nlisten = "fd:smtp"')
CASES = {
    "a desk in /var/lib": STATE,
    "a desk beside its configuration": SMALLEST,
    "a passed socket": PASSED,
    "everything on this machine": STATE.replace("mail.example.com", "127.0.0.1"),
    "a maildrop of a group": STATE + '[maildrop]\npath = "/var/spool/maildesk"\ngroup = "mail"\n',
    "an LMTP socket of a group": STATE
    + '[lmtp]\nlisten = "unix:/var/spool/postfix/desk.sock"\nsocket_group = "mail"\n',
    "a mailbox at a provider": STATE
    + '[[imap]]\nhost = "imap.example.com"\nmailbox = "support@example.com"\npassword_file = "imap-password"\n',
}


def unit(tmp_path: Path, text: str, *words: str) -> tuple[Path, str]:
    """The unit's file and text."""
    (tmp_path / "maildesk.toml").write_text(text)
    done = maildesk("unit", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / ("maildesk.socket" if words else "maildesk.service")
    path.write_text(done.stdout)
    return path, done.stdout


def systemd_analyze(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What systemd's own tool says."""
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


@pytest.mark.parametrize("case", CASES)
def test_systemd_understands_every_line(tmp_path: Path, case: str) -> None:
    """`systemd-analyze verify` has nothing to say about either unit."""
    service, _ = unit(tmp_path, CASES[case])
    unit(tmp_path, CASES[case], "--socket")
    done = systemd_analyze("verify", "--man=no", "--recursive-errors=no", str(service), cwd=tmp_path)
    ours = [line for line in done.stderr.splitlines() if "maildesk" in line]
    assert ours == []


def test_the_service_is_what_an_admin_expects(tmp_path: Path) -> None:
    """Notify, watchdog, reload, restart, absolute paths."""
    _, text = unit(tmp_path, STATE)
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "Restart=on-failure", "StateDirectory=maildesk"):
        assert f"\n{line}\n" in text
    assert re.search(r"\nWatchdogSec=\d+\n", text)
    assert re.search(rf"\nExecStart=/\S+ .*serve --config {re.escape(str(tmp_path))}/maildesk\.toml\n", text)


def test_odd_names_survive_systemds_grammar(tmp_path: Path) -> None:
    """Spaces, percent and dollar signs in paths and names mean themselves."""
    folder = tmp_path / "a 50% $HOME"
    folder.mkdir()
    service, text = unit(folder, STATE.replace("Example Support", "50% off"))
    assert "Description=50%% off" in text
    assert f'--config "{tmp_path}/a 50%% $$HOME/maildesk.toml"' in text
    done = systemd_analyze("verify", "--man=no", "--recursive-errors=no", str(service), cwd=folder)
    assert [line for line in done.stderr.splitlines() if "maildesk" in line] == []


def test_what_the_desk_writes_is_writable(tmp_path: Path) -> None:
    """Folders outside /var/lib, the maildrop and a socket's folder are named."""
    state = STATE.replace("/var/lib/maildesk", "/srv/desk")
    more = '[maildrop]\npath = "/srv/drop"\n[lmtp]\nlisten = "unix:/srv/sockets/lmtp.sock"\n'
    _, text = unit(tmp_path, state + more)
    written = {line.removeprefix("ReadWritePaths=") for line in text.splitlines() if line.startswith("ReadWritePaths=")}
    assert written == {"/srv/desk", "/srv/drop", "/srv/sockets"}
    assert "StateDirectory=" not in text


def test_a_hidden_folder_is_shown_again(tmp_path: Path) -> None:
    """A desk in a home folder finds its files although homes are hidden."""
    _, text = unit(tmp_path, STATE.replace("/var/lib/maildesk", "/home/desk/state"))
    assert "ProtectHome=tmpfs\n" in text
    assert "BindPaths=/home/desk/state\n" in text


def test_a_group_of_the_maildrop_is_the_services(tmp_path: Path) -> None:
    """It can give folders to the group, which takes chown and the set-group-ID bit."""
    _, text = unit(tmp_path, CASES["a maildrop of a group"])
    assert "\nGroup=mail\n" in text
    assert "RestrictSUIDSGID" not in text
    assert "SystemCallFilter=chown" in text


def test_secrets_come_as_credentials(tmp_path: Path) -> None:
    """A file beside the configuration is loaded from there, one that is not there from /etc/maildesk/credentials."""
    text = CASES["a mailbox at a provider"]
    assert "LoadCredential=imap-password:/etc/maildesk/credentials/imap-password\n" in unit(tmp_path, text)[1]
    (tmp_path / "imap-password").write_text("x")
    assert f"LoadCredential=imap-password:{tmp_path}/imap-password\n" in unit(tmp_path, text)[1]


def test_a_low_port_is_systemds(tmp_path: Path) -> None:
    """The service refuses it with the way out; the socket unit has it, with the name the configuration asks for."""
    low = STATE.replace("[smtp]", '[smtp]\nlisten = "192.0.2.1:25"')
    (tmp_path / "maildesk.toml").write_text(low)
    done = maildesk("unit", cwd=tmp_path)
    assert done.returncode == 78
    assert 'listen = "fd:smtp"' in done.stderr
    _, text = unit(tmp_path, low, "--socket")
    assert "ListenStream=192.0.2.1:25\n" in text
    _, text = unit(tmp_path, PASSED, "--socket")
    assert "ListenStream=25\nFileDescriptorName=smtp\n" in text
    _, text = unit(tmp_path, PASSED)
    assert "Sockets=maildesk.socket\n" in text
