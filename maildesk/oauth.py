"""Access tokens for mail servers: from a command or a client-credentials request.

Keeps a token in memory only; never logs one, and no error holds one.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shlex
import signal
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from maildesk.config import OAuth2, read_secret
from maildesk.errors import BadConfig, MaildeskError

_PATIENCE_S = 30.0
_MAX_ANSWER_BYTES = 65_536
# What a token server does not say, and a command cannot: long enough to spare both, far shorter than any token's life.
_DEFAULT_LIFE_S = 300.0
_MARGIN_S = 60.0
# The characters of RFC 6750, 2.1 and nothing else: a line break or a ^A would end our command and begin another.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=:!|-]{1,16384}")


class NoToken(MaildeskError):
    """No access token could be had; the message says where to look and holds no secret."""


class TokenSource:
    """Gives the current access token and asks for a new one shortly before the old one ends; threads may share it."""

    def __init__(self, settings: OAuth2) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """An access token. Blocks for at most about 30 s. Raises NoToken."""
        with self._lock:
            if not self._token or time.monotonic() >= self._good_until:
                asked_at = time.monotonic()
                settings = self._settings
                self._token, life_s = _from_command(settings.command) if settings.command else _from_server(settings)
                self._good_until = asked_at + life_s - min(_MARGIN_S, life_s / 10)
            return self._token

    def forget(self, token: str | None = None) -> None:
        """The mail server refused this token (any, when None): the next `token()` asks for another one.

        Names the token so that of two threads that were refused the second does not drop what the first has just got.
        """
        with self._lock:
            if token is None or token == self._token:
                self._token = ""


def _checked(token: object, whence: str) -> str:
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise NoToken(f"{whence} gave no usable access token (one word of printable ASCII on the first line)")
    return token


def _from_command(command: str) -> tuple[str, float]:
    """The first line that the command prints. No shell sees it: words are split as a shell would, none expanded."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise NoToken("oauth2.command has an open quotation mark") from error
    if not words:
        raise NoToken("oauth2.command is empty")
    try:
        # A session of its own, so that at the deadline its children go with it.
        process = subprocess.Popen(  # noqa: S603 - the words come from the admin's configuration and meet no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise NoToken(f"oauth2.command cannot be started: {error.strerror}") from error
    try:
        output = _read_output(process, time.monotonic() + _PATIENCE_S)
    except BaseException:
        # Before the first process is waited for: until then nobody else can have its number.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        raise NoToken(f"oauth2.command ended with status {process.returncode}; run it by hand to see why")
    first = output.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    return _checked(first, "oauth2.command"), _DEFAULT_LIFE_S


def _read_output(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """What the command writes until it closes its output and ends, of which only the beginning is kept."""
    if process.stdout is None:
        return b""
    output = bytearray()
    poller = select.poll()
    poller.register(process.stdout, select.POLLIN)
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poller.poll(left_s * 1000):
            raise NoToken(f"oauth2.command gave no token within {_PATIENCE_S:.0f} s")
        chunk = os.read(process.stdout.fileno(), 4096)
        if not chunk:
            break
        if len(output) < _MAX_ANSWER_BYTES:
            output += chunk
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise NoToken(f"oauth2.command did not end within {_PATIENCE_S:.0f} s") from error
    return bytes(output)


def _from_server(settings: OAuth2) -> tuple[str, float]:
    """A token and its life in seconds by the client credentials grant (RFC 6749, 4.4, credentials as in 2.3.1)."""
    if settings.client_secret_file is None:
        raise NoToken("oauth2 needs a command, or token_url with client_id and client_secret_file")
    try:
        secret = read_secret(settings.client_secret_file)
    except BadConfig as error:
        raise NoToken(str(error)) from error
    if not secret:
        raise NoToken(f"the secret in {settings.client_secret_file} is empty")
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": secret,
    }
    if settings.scope:
        form["scope"] = settings.scope
    status, answer = _post(settings.token_url, urlencode(form))
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise NoToken(f"the token server answered {status} without a JSON object")
    if status != 200:
        raise NoToken(f"the token server refused with {status}{_reason(told)}")
    if str(told.get("token_type", "bearer")).lower() != "bearer":
        raise NoToken("the token server gave a token that is not of the type Bearer")
    return _checked(told.get("access_token"), "the token server"), _life(told.get("expires_in"))


def _life(stated: object) -> float:
    try:
        life_s = float(str(stated))
    except ValueError:
        return _DEFAULT_LIFE_S
    return min(life_s, 86_400.0) if life_s > 0 else _DEFAULT_LIFE_S


def _reason(told: dict[str, object]) -> str:
    """The error's code (RFC 6749, 5.2) and Microsoft's number; never the description, which may repeat what we sent."""
    code = str(told.get("error", ""))
    number = re.search(r"AADSTS\d{1,9}", str(told.get("error_description", ""))[:1000])
    words = [code if re.fullmatch(r"[a-z_]{1,40}", code) else "", number[0] if number else ""]
    return "".join(f" {word}" for word in words if word)


def _post(url: str, body: str) -> tuple[int, bytes]:
    """Status and body of one POST, no redirect followed. TLS except to this machine. Raises NoToken."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, parts.port, timeout=_PATIENCE_S, context=context)
        elif parts.scheme == "http" and _is_loopback(host):
            connection = http.client.HTTPConnection(host, parts.port, timeout=_PATIENCE_S)
        else:
            raise NoToken("oauth2.token_url must begin with https://, else the client secret travels in the clear")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        deadline = time.monotonic() + _PATIENCE_S
        try:
            connection.request("POST", path, body=body, headers=headers)
            response = connection.getresponse()
            answer = bytearray()
            while len(answer) <= _MAX_ANSWER_BYTES and (chunk := response.read1(4096)):
                answer += chunk
                if time.monotonic() > deadline:
                    raise TimeoutError
            return response.status, bytes(answer)
        finally:
            connection.close()
    except TimeoutError as error:
        raise NoToken(f"the token server gave no answer within {_PATIENCE_S:.0f} s") from error
    except ssl.SSLCertVerificationError as error:
        raise NoToken("the token server's certificate cannot be verified") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoToken(f"the token server cannot be asked ({type(error).__name__})") from error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
