"""How one letter leaves the desk: over SMTP to the smarthost, or as a file into a Maildir. Knows no store, no retry.

aiosmtplib is named here only. TLS is always verified and never given up for plaintext; credentials go over TLS, or to
this machine itself. Whatever a relay says or keeps silent about, a letter ends within its time in exactly one fate.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponse, SMTPResponseException

from maildesk import config
from maildesk.errors import MaildeskError
from maildesk.mail import address as addresses
from maildesk.oauth import TokenSource

CONNECT_S = 30.0
COMMAND_S = 60.0
LETTER_S = 300.0
# A letter of 35 MB over a slow line is no hostile relay: it gets a second more for each 32 KiB.
_SLOWEST_BYTES_PER_S = 32768
_QUIT_S = 5.0
_BARE = re.compile(rb"\r\n|\r|\n")
_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f<>]")


class RelayDown(MaildeskError):
    """The relay cannot be used just now, and no letter is to blame; the message says why, without addresses."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes over the wire: an envelope of two addresses (sender "" is the null sender) and the final bytes."""

    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The relay has answered for it (RFC 5321, 6.1)."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The relay wants this letter later."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The relay never wants this letter."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """The last dot went out and its answer did not arrive: the relay may have the letter (RFC 1047)."""

    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection ended before the last dot: nothing was delivered."""

    why: str


@dataclass(frozen=True, slots=True)
class NotOurs:
    """The lease was lost before the last dot: somebody else sends it, and this copy was not sent."""


def time_limit_s(content: bytes) -> float:
    """How long one letter may take in all."""
    return LETTER_S + len(content) / _SLOWEST_BYTES_PER_S


Fate = Accepted | Deferred | Refused | Unsure | Broken | NotOurs
StillOurs = Callable[[], Awaitable[bool]]


class Road(Protocol):
    """An open way out. Not usable: `send` would only answer Broken; close it and open another."""

    @property
    def usable(self) -> bool: ...

    async def send(self, letter: Outgoing, still_ours: StillOurs) -> Fate:
        """Send one letter; `still_ours` is asked right before the point of no return. Raises RelayDown."""

    async def close(self) -> None:
        """Say good-bye; never raises."""


async def open_road(settings: config.Relay, tokens: TokenSource | None) -> Road:
    """The way out that is configured; `tokens` where it has oauth2. Raises RelayDown."""
    if settings.maildir is not None:
        return await asyncio.to_thread(MaildirRoad, settings.maildir)
    return await SmtpRoad.open(settings, tokens)


class MaildirRoad:
    """Each letter becomes a file in new/ of a Maildir, durable before `send` returns. The same letter is one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Letters are their readers' alone; a folder that an admin has made keeps its mode.
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in ("tmp", "new", "cur"):
                (path / folder).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise RelayDown(f"The Maildir {path} cannot be written: {error.strerror}.") from error

    @property
    def usable(self) -> bool:
        return True

    async def send(self, letter: Outgoing, still_ours: StillOurs) -> Fate:
        if not await still_ours():
            return NotOurs()
        try:
            await asyncio.to_thread(self._write, letter)
        except OSError as error:
            raise RelayDown(f"The Maildir {self._path} cannot be written: {error.strerror}.") from error
        return Accepted()

    async def close(self) -> None:
        return

    def _write(self, letter: Outgoing) -> None:
        # Named by its content: a letter that is written again after a crash replaces itself.
        name = hashlib.sha256(letter.recipient.encode() + b"\0" + letter.content).hexdigest()[:40] + ".maildesk"
        draft = self._path / "tmp" / name
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(letter.content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._path / "new" / name)
        folder = os.open(self._path / "new", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class SmtpRoad:
    """One connection to the smarthost, kept for many letters."""

    def __init__(self, client: SMTP) -> None:
        self._client = client
        self._dot_sent = False

    @classmethod
    async def open(cls, settings: config.Relay, tokens: TokenSource | None = None) -> SmtpRoad:
        """Connect, secure, sign in. Raises RelayDown, whatever went wrong."""
        client: SMTP | None = None
        where = f"{settings.host}:{settings.port}"
        try:
            context = await asyncio.to_thread(_trust, settings) if settings.tls != "none" else None
            client = SMTP(
                hostname=settings.host,
                port=settings.port,
                use_tls=settings.tls == "implicit",
                start_tls=False,
                tls_context=context,
                timeout=COMMAND_S,
                # Replaced by the connection's own address below; without one aiosmtplib asks the DNS for our name.
                local_hostname="localhost",
            )
            async with asyncio.timeout(LETTER_S):
                await client.connect(timeout=CONNECT_S)
                hello = _literal(client.get_transport_info("sockname"))
                await client.ehlo(hostname=hello)
                if settings.tls == "starttls":
                    await client.starttls(timeout=CONNECT_S)
                    # What the relay said before TLS counts for nothing (RFC 3207, 4.2).
                    await client.ehlo(hostname=hello)
                if settings.username:
                    await _sign_in(client, settings, tokens)
        except BaseException as error:
            if client is not None:
                client.close()
            if isinstance(error, RelayDown):
                raise
            if isinstance(error, (SMTPException, OSError, ValueError, MaildeskError)):
                raise RelayDown(f"The relay {where} cannot be used: {_said(error)}") from error
            raise
        return cls(client)

    @property
    def usable(self) -> bool:
        return self._client.is_connected

    async def send(self, letter: Outgoing, still_ours: StillOurs) -> Fate:
        self._dot_sent = False
        try:
            async with asyncio.timeout(time_limit_s(letter.content)):
                return await self._transaction(letter, still_ours)
        except (SMTPException, OSError) as error:
            self._client.close()
            return Unsure(_said(error)) if self._dot_sent else Broken(_said(error))
        except BaseException:
            self._client.close()
            raise

    async def close(self) -> None:
        # The letters are away; how the relay says good-bye changes nothing.
        with contextlib.suppress(SMTPException, OSError):
            async with asyncio.timeout(_QUIT_S):
                await self._client.quit(timeout=_QUIT_S)
        self._client.close()

    async def _transaction(self, letter: Outgoing, still_ours: StillOurs) -> Fate:
        """MAIL, RCPT, DATA, the last dot (RFC 5321, 3.3)."""
        client, content = self._client, _with_crlf(letter.content)
        letter = replace(letter, sender=_on_the_wire(letter.sender), recipient=_on_the_wire(letter.recipient))
        if _NOT_IN_A_PATH.search(letter.sender + letter.recipient):
            return Refused("the address cannot be written in an SMTP command")
        options = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
        if not content.isascii():
            if not client.supports_extension("8bitmime"):
                return Refused("the letter holds 8-bit text, and the relay takes 7-bit text only (RFC 6152)")
            options.append("BODY=8BITMIME")
        if _needs_utf8(letter):
            if not client.supports_extension("smtputf8"):
                return Refused("the address needs SMTPUTF8, and the relay does not offer it (RFC 6531)")
            options.append("SMTPUTF8")
        path = " ".join([f"MAIL FROM:<{letter.sender}>", *options])
        reply = await client.execute_command(path.encode())
        if reply.code != 250:
            return await self._refusal("MAIL", reply)
        reply = await client.execute_command(f"RCPT TO:<{letter.recipient}>".encode())
        if reply.code not in (250, 251):
            return await self._refusal("RCPT", reply)
        reply = await client.execute_command(b"DATA")
        if reply.code != 354:
            return await self._refusal("DATA", reply)
        # Everything but the dot goes out first, so that the lease is checked at the last moment there is.
        if client.protocol is None:
            return Broken("the connection was lost")
        client.protocol.write(_stuffed(content))
        if not await still_ours():
            client.close()
            return NotOurs()
        self._dot_sent = True
        # The time of the whole letter bounds this wait: giving up early here is what makes duplicates (RFC 1047).
        reply = await client.execute_command(b".", timeout=None)
        if 200 <= reply.code < 300:
            return Accepted()
        if 400 <= reply.code < 500:
            return Deferred(_words(".", reply))
        if 500 <= reply.code < 600:
            return Refused(_words(".", reply))
        client.close()
        return Unsure(_words(".", reply))

    async def _refusal(self, stage: str, reply: SMTPResponse) -> Fate:
        """What an answer before the last dot means for the letter; the connection is ready for another, or closed."""
        words = _words(stage, reply)
        match reply.code:
            case 530 | 534 | 535 | 538:
                # Authentication is the desk's affair with its relay (RFC 4954, 6).
                self._client.close()
                raise RelayDown(f"The relay wants another sign-in: {reply.code}.")
            case 421:
                return Broken(words)
            case code if 400 <= code < 500:
                await self._reset()
                return Deferred(words)
            case 500 | 502 | 503 | 504:
                # The two sides do not agree where they are; that says nothing about the letter.
                self._client.close()
                return Broken(words)
            case code if 500 <= code < 600:
                await self._reset()
                # A sender that the relay dislikes is a wrong setting, and failing every letter would not set it right.
                # Only 552 speaks of the letter here: it is too large (RFC 1870, 6.1).
                if stage == "MAIL" and code != 552:
                    return Deferred(words)
                return Refused(words)
            case _:
                self._client.close()
                return Broken(words)

    async def _reset(self) -> None:
        try:
            reply = await self._client.execute_command(b"RSET")
        except (SMTPException, OSError):
            self._client.close()
        else:
            if reply.code != 250:
                self._client.close()


async def _sign_in(client: SMTP, settings: config.Relay, tokens: TokenSource | None) -> None:
    """AUTH with one mechanism and one try: a second wrong password locks accounts. Raises RelayDown, SMTPException."""
    if settings.tls == "none" and not is_this_machine(str(client.get_transport_info("peername")[0])):
        raise RelayDown("The relay is on another machine and [relay] tls is none: the password is not sent in clear.")
    offered = client.server_auth_methods
    if settings.oauth2 is not None:
        if tokens is None or "xoauth2" not in offered:
            raise RelayDown("The relay does not offer XOAUTH2; set [relay] password_file instead of oauth2.")
        token = await asyncio.to_thread(tokens.token)
        try:
            await client.auth_xoauth2(settings.username, token)
        except SMTPAuthenticationError:
            tokens.forget(token)
            raise
        return
    password = await asyncio.to_thread(config.read_secret, settings.password_file) if settings.password_file else ""
    if "plain" in offered:
        await client.auth_plain(settings.username, password)
    elif "login" in offered:
        await client.auth_login(settings.username, password)
    elif "cram-md5" in offered:
        await client.auth_crammd5(settings.username, password)
    else:
        raise RelayDown("The relay offers no way to sign in that the desk knows (PLAIN, LOGIN, CRAM-MD5).")


def is_this_machine(peer: str) -> bool:
    """Whether a socket's peer is a loopback address, the only place where a password may go in clear."""
    return ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def _trust(settings: config.Relay) -> ssl.SSLContext:
    """Verification of chain and name, with the configured authority alone or the system's."""
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)


def _literal(name: tuple[str, int]) -> str:
    """The connection's own address as EHLO takes it: "[127.0.0.1]", "[IPv6:::1]" (RFC 5321, 4.1.3)."""
    host = name[0].partition("%")[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


def _with_crlf(content: bytes) -> bytes:
    """The content with CRLF alone, and one at its end; a lone CR or LF could hide a second mail (SMTP smuggling)."""
    lines = content.count(b"\r\n")
    if content.count(b"\n") != lines or content.count(b"\r") != lines:
        content = _BARE.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _stuffed(content: bytes) -> bytes:
    """A dot more before each line that begins with one (RFC 5321, 4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def _on_the_wire(address: str) -> str:
    """The domain in ASCII where that makes the whole address ASCII: then no server needs SMTPUTF8 for it."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{addresses.a_label(domain)}" if at and local.isascii() and not domain.isascii() else address


def _needs_utf8(letter: Outgoing) -> bool:
    """Whether an address or a header field is more than ASCII (RFC 6531, 3.4)."""
    if not (letter.sender.isascii() and letter.recipient.isascii()):
        return True
    return not letter.content.isascii() and not letter.content.partition(b"\r\n\r\n")[0].isascii()


def _words(stage: str, reply: SMTPResponse) -> str:
    return f"{stage}: {reply.code} {' '.join(reply.message.split())}"[:500]


def _said(error: BaseException) -> str:
    """An error in words for the admin; a reply by its code alone, because its text may name somebody."""
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__} {error.code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid here: {error.verify_message}"
    return f"{type(error).__name__}: {error}"[:300]
