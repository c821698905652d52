"""`maildesk unit`: a systemd unit for one configuration, hardened as far as that configuration allows. Installs nothing."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from maildesk.cli.context import Invocation
from maildesk.config import Config, Listen, parse_listen
from maildesk.config_check import is_loopback
from maildesk.errors import BadConfig, Problem

USER = "maildesk"
FIRST_FREE_PORT = 1024  # ports below are for those who have CAP_NET_BIND_SERVICE (capabilities(7))
USUAL_PORTS = {"smtp": 25, "lmtp": 24, "web": 80}
CREDENTIALS = Path("/etc/maildesk/credentials")
VAR_LIB = Path("/var/lib")
# What ProtectHome= and PrivateTmp= hide from a service.
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - named to leave them, not to write there

EPILOG = """\b
Examples:
  maildesk unit > /etc/systemd/system/maildesk.service
  maildesk unit --socket > /etc/systemd/system/maildesk.socket
"""


@click.command("unit", epilog=EPILOG)
@click.option("--socket", "is_socket", is_flag=True, help="The socket unit, for ports below 1024.")
@click.pass_obj
def command(invocation: Invocation, is_socket: bool) -> int:
    """A hardened systemd unit for this configuration, on standard output.

    A port below 1024 is opened by systemd: write listen = "fd:smtp" and install the unit of --socket beside.
    """
    config = invocation.load(looks_at_secrets=False)
    click.echo(socket_unit(config) if is_socket else service_unit(config, invocation.path, program()), nl=False)
    return 0


def program() -> tuple[str, ...]:
    """The words that start this maildesk again, from any folder."""
    started = Path(sys.argv[0]).absolute()
    if started.name != "__main__.py" and os.access(started, os.X_OK):
        return (str(started),)
    beside = Path(sys.executable).absolute().parent / "maildesk"
    return (str(beside),) if os.access(beside, os.X_OK) else (sys.executable, "-m", "maildesk")


def service_unit(config: Config, path: Path, words: tuple[str, ...]) -> str:
    """The text of maildesk.service. Raises BadConfig for a port that the service could not open."""
    for name, place in _doors(config):
        if place.kind == "tcp" and place.port < FIRST_FREE_PORT:
            raise BadConfig(
                Problem(
                    f"{name}.listen",
                    f'port {place.port} is opened by systemd for us: write listen = "fd:{name}" and install '
                    "what `maildesk unit --socket` prints",
                )
            )
    written = _written(config)
    # The configuration is replaced by editors, so its folder is shown; the program lives in a folder of its own.
    needed = tuple(dict.fromkeys((*written, path.parent, Path(words[0]).parent, Path(sys.prefix))))
    groups = _groups(config)
    is_var_lib = config.desk.state_dir.is_relative_to(VAR_LIB) and config.desk.state_dir != VAR_LIB
    sockets = [f"{unit}.socket" for unit, _ in _passed(config)]
    lines = [
        "# The service of maildesk, printed by `maildesk unit`.",
        *_steps(config, is_var_lib),
        "[Unit]",
        f"Description={_escaped(config.desk.name)}: the e-mail ticket desk maildesk",
        "Wants=network-online.target",
        "After=network-online.target",
        *([f"Requires={' '.join(sockets)}", f"After={' '.join(sockets)}"] if sockets else []),
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join(_quoted(word) for word in (*words, 'serve', '--config', str(path)))}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "WatchdogSec=60",
        "Restart=on-failure",
        "RestartSec=5",
        "# A wrong configuration or command line is the same after a restart.",
        "RestartPreventExitStatus=2 78",
        "TimeoutStopSec=90",
        *([f"Sockets={' '.join(sockets)}"] if sockets else []),
        f"User={_user(config)}",
        *([f"SupplementaryGroups={' '.join(groups)}"] if groups else []),
        "UMask=0077",
        *_state(config, written, is_var_lib),
        *_credentials(config, path),
        "",
        "# A mail that takes all memory ends the service, not the machine.",
        "MemoryMax=1G",
        "LimitNOFILE=8192",
        "LimitCORE=0",
        "TasksMax=512",
        "",
        *_hardening(config, needed, written),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        *([f"Also={' '.join(sockets)}"] if sockets else []),
    ]
    return "\n".join(lines) + "\n"


def socket_unit(config: Config) -> str:
    """The text of maildesk.socket; where several doors need one, each follows behind its file's name."""
    passed = _passed(config) or _low(config) or _any(config)
    if not passed:
        raise BadConfig("There is no door that systemd could open: add [smtp] or [lmtp]")
    units = []
    for unit, (name, place) in passed:
        lines = [f"# /etc/systemd/system/{unit}.socket, printed by `maildesk unit --socket`."]
        if place.kind != "fd":
            lines.append(f'# It is used when the configuration says, in [{name}]: listen = "fd:{name}"')
        lines += [
            "[Unit]",
            f"Description={_escaped(config.desk.name)}: the {name.upper()} door of the e-mail ticket desk maildesk",
            "",
            "[Socket]",
            f"ListenStream={_stream(config, name, place)}",
            f"FileDescriptorName={place.name or name}",
            "Service=maildesk.service",
            "Backlog=512",
            "NoDelay=true",
            "",
            "[Install]",
            "WantedBy=sockets.target",
        ]
        units.append("\n".join(lines) + "\n")
    return "\n".join(units)


def _doors(config: Config) -> Iterator[tuple[str, Listen]]:
    for name, table in (("smtp", config.smtp), ("lmtp", config.lmtp), ("web", config.web)):
        if table is not None:
            yield name, parse_listen(table.listen)


def _passed(config: Config) -> list[tuple[str, tuple[str, Listen]]]:
    """The doors whose socket systemd passes, each with its unit's name; a unit has one name for its sockets."""
    return _named([(name, place) for name, place in _doors(config) if place.kind == "fd"])


def _low(config: Config) -> list[tuple[str, tuple[str, Listen]]]:
    return _named([(name, place) for name, place in _doors(config) if 0 < place.port < FIRST_FREE_PORT])


def _any(config: Config) -> list[tuple[str, tuple[str, Listen]]]:
    return _named([(name, place) for name, place in _doors(config) if place.kind == "tcp"][:1])


def _named(doors: list[tuple[str, Listen]]) -> list[tuple[str, tuple[str, Listen]]]:
    return [("maildesk" if index == 0 else f"maildesk-{door[0]}", door) for index, door in enumerate(doors)]


def _stream(config: Config, name: str, place: Listen) -> str:
    if place.kind == "tcp":
        return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
    if name == "smtp" and config.smtp is not None and config.smtp.tls == "implicit":
        return "465"
    return str(USUAL_PORTS[name])


def _user(config: Config) -> str:
    """Whose desk it is: the owner of what is there already, else a user of its own."""
    try:
        owner = config.desk.state_dir.stat().st_uid
        return pwd.getpwuid(owner).pw_name if owner else USER
    except (OSError, KeyError):
        return USER


def _groups(config: Config) -> list[str]:
    found = (config.maildrop.group if config.maildrop else "", config.lmtp.socket_group if config.lmtp else "")
    return sorted({group for group in found if group})


def _written(config: Config) -> tuple[Path, ...]:
    """Every folder that the desk writes to."""
    folders = [config.desk.state_dir, config.desk.keys_file.parent]
    folders += [Path(config.store.url.removeprefix("sqlite:")).parent] if config.store.url.startswith("sqlite:") else []
    folders += [config.maildrop.path] if config.maildrop else []
    folders += [config.relay.maildir] if config.relay.maildir else []
    folders += [Path(place.path).parent for _, place in _doors(config) if place.kind == "unix"]
    kept = dict.fromkeys(folders)
    return tuple(f for f in kept if not any(f != other and f.is_relative_to(other) for other in kept))


def _steps(config: Config, is_var_lib: bool) -> Iterator[str]:
    """What an admin does before the first start, as comments."""
    user, folder = _user(config), config.desk.state_dir
    yield f"# Its user is made by: adduser --system --group --no-create-home --home {folder} {user}"
    for written in _written(config):
        if not (is_var_lib and written == folder) and not written.exists():
            yield f"# This folder is made by: install -d -o {user} -m 0700 '{written}'"


def _state(config: Config, written: tuple[Path, ...], is_var_lib: bool) -> Iterator[str]:
    state_dir = config.desk.state_dir
    if is_var_lib:
        yield f"StateDirectory={_escaped(str(state_dir.relative_to(VAR_LIB)))}"
        yield "StateDirectoryMode=0700"
    for folder in written:
        if not (is_var_lib and folder == state_dir):
            yield f"ReadWritePaths={_quoted(str(folder))}"


def _credentials(config: Config, path: Path) -> Iterator[str]:
    """Secrets with a relative name come from systemd, which reads them as root; `load` finds them by that name."""
    files = [table.password_file for table in (*config.imap, config.relay)]
    files += [table.oauth2.client_secret_file for table in (*config.imap, config.relay) if table.oauth2]
    files += [config.smtp.key_file] if config.smtp else []
    for file in dict.fromkeys(file for file in files if file is not None):
        if file.is_relative_to(path.parent):
            source = file if file.exists() else CREDENTIALS / file.name
            yield f"LoadCredential={_quoted(f'{file.name}:{source}')}"
        else:
            yield f"# {file} must be readable by the service's user alone."


def _hardening(config: Config, needed: tuple[Path, ...], written: tuple[Path, ...]) -> Iterator[str]:
    """The walls around the service, less those that this configuration has to pass."""
    has_groups, makes_folders = bool(_groups(config)), bool(config.maildrop and config.maildrop.group)
    is_local = _is_local(config)
    yield "CapabilityBoundingSet="
    yield "AmbientCapabilities="
    yield "NoNewPrivileges=yes"
    yield "ProtectSystem=strict"
    yield f"ProtectHome={'tmpfs' if any(_is_below(path, HOMES) for path in needed) else 'yes'}"
    yield "PrivateTmp=yes"
    yield "PrivateMounts=yes"
    # What lies in a hidden folder is shown again, for reading; ReadWritePaths does not reach there.
    for path in needed:
        if _is_below(path, (*HOMES, *TEMPORARY)):
            yield f"{'BindPaths' if path in written else 'BindReadOnlyPaths'}={_quoted(str(path))}"
    if is_local:
        yield "IPAddressDeny=any"
        yield "IPAddressAllow=localhost"
    yield "PrivateDevices=yes"
    if not has_groups:
        yield "PrivateUsers=yes"
    yield "PrivateIPC=yes"
    yield "ProtectClock=yes"
    yield "ProtectControlGroups=yes"
    yield "ProtectHostname=yes"
    yield "ProtectKernelLogs=yes"
    yield "ProtectKernelModules=yes"
    yield "ProtectKernelTunables=yes"
    yield "ProtectProc=invisible"
    yield "ProcSubset=pid"
    yield "DevicePolicy=closed"
    yield "KeyringMode=private"
    yield "LockPersonality=yes"
    yield "MemoryDenyWriteExecute=yes"
    yield "RemoveIPC=yes"
    yield "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
    yield "RestrictNamespaces=yes"
    yield "RestrictRealtime=yes"
    if not makes_folders:
        yield "RestrictSUIDSGID=yes"
    yield "SystemCallArchitectures=native"
    yield "SystemCallErrorNumber=EPERM"
    yield "SystemCallFilter=@system-service"
    yield "SystemCallFilter=~@privileged @resources"
    if has_groups:
        yield "# A folder or socket is given to a group of the service's."
        yield "SystemCallFilter=chown fchown lchown fchownat"


def _is_below(path: Path, folders: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _is_local(config: Config) -> bool:
    """Whether no packet has to leave or enter this machine."""
    doors = all(place.kind == "unix" or is_loopback(place.host) for _, place in _doors(config))
    return doors and not config.imap and not config.relay.oauth2 and (is_loopback(config.relay.host or "localhost"))


def _escaped(text: str) -> str:
    """The text where systemd reads "%" as a specifier (systemd.unit(5))."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """A word of a command line or list of paths (systemd.service(5), "Command lines")."""
    text = _escaped(word.replace("\\", "\\\\").replace('"', '\\"')).replace("$", "$$")
    return text if word and not set(word) & set(" \t'\"\\;") else f'"{text}"'
