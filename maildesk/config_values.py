"""What one value of the configuration may say: its type, and a sentence for whoever wrote another. Opens nothing."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.spam import read_rule

# Atoms with dots, non-ASCII letters included (RFC 5322, 3.2.3; RFC 6531, 3.3): a quoted local part or an address
# literal is nothing that customers are given.
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)
_NAME_OF_SOCKET = re.compile(r"[!-9;-~]{1,255}")  # systemd.socket(5), FileDescriptorName=


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a door listens: a host and port, a unix socket's path, or the name of a socket that systemd passes."""

    kind: Literal["tcp", "unix", "fd"]
    host: str = ""
    port: int = 0
    path: str = ""
    name: str = ""


def parse_listen(text: str) -> Listen:
    """The place that "127.0.0.1:25", "[::1]:25", "unix:smtp.sock" or "fd:smtp" names.

    Raises ValueError with a sentence.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Listen("unix", path=text.removeprefix("unix:"))
    if text.startswith("fd:") and _NAME_OF_SOCKET.fullmatch(text.removeprefix("fd:")):
        return Listen("fd", name=text.removeprefix("fd:"))
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare == host:
        raise ValueError(f"write an IPv6 address in brackets: [{host}]:{port}")
    try:
        ip_address(bare.partition("%")[0])
    except ValueError:
        if bare != "localhost":
            raise ValueError('must be like "127.0.0.1:25", "[::1]:25", "unix:smtp.sock" or "fd:smtp"') from None
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError("needs a port from 1 to 65535")
    return Listen("tcp", host=bare, port=int(port))


def bad(message: str, value: object, nearest: str | None = None) -> PydanticCustomError:
    """The error of a value that has its type and makes no sense."""
    context = {"message": message, "value": value, "nearest": nearest}
    return PydanticCustomError("maildesk", "{message}", context)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the word; None when none is like it."""
    return next(iter(get_close_matches(word.lower(), list(known), n=1)), None)


def _address(text: str) -> str:
    try:
        addresses.split(text)
    except Malformed:
        raise bad("is not an address", text) from None
    _, domain = addresses.split(text)
    local_octets = len(text.rpartition("@")[0].encode())
    if _ADDRESS.fullmatch(text) is None or not _DOMAIN.fullmatch(addresses.a_label(domain)):
        raise bad("is not an address", text)
    if local_octets > addresses.MAX_LOCAL_OCTETS:
        raise bad("has more than 64 octets before the @", text)
    return text


def _zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            raise bad("cannot be looked up: this machine has no time zones, install tzdata", text) from None
        last = nearest(text.rpartition("/")[2], (name.rpartition("/")[2].lower() for name in known))
        guess = nearest(text, (name.lower() for name in known)) or last
        found = next((name for name in sorted(known) if guess in (name.lower(), name.rpartition("/")[2].lower())), None)
        raise bad("is not a time zone", text, found) from None
    return text


def _listen(text: str) -> str:
    try:
        parse_listen(text)
    except ValueError as error:
        raise bad(str(error), text) from None
    return text


def _reply_address(text: str) -> str:
    if text.startswith("domain:"):
        if _DOMAIN.fullmatch(addresses.a_label(text.removeprefix("domain:"))) is None:
            raise bad('needs a domain, as in "domain:reply.example.com"', text)
    elif text not in (known := ("plus", "minus", "none")):
        raise bad('must be "plus", "minus", "domain:reply.example.com" or "none"', text, nearest(text, known))
    return text


def _done(text: str) -> str:
    if text.startswith("move:") and text.removeprefix("move:").strip() and text.isprintable():
        return text
    if text not in (known := ("seen", "delete")):
        raise bad('must be "seen", "delete" or "move:Archive"', text, nearest(text, known))
    return text


def _language(text: str) -> str:
    if text and _LANGUAGE.fullmatch(text) is None:
        raise bad('must be a language like "en"', text)
    return text


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise bad('must be an address or a network like "192.0.2.0/24"', text) from None
    return text


def _peer(text: str) -> str:
    return text if text == "unix" else _network(text)


def parse_resolver(text: str) -> tuple[str, int]:
    """The address and port of a DNS server: of "192.0.2.53", "127.0.0.1:5353" or "[::1]:5353".

    Raises ValueError with a sentence.
    """
    host, port = text, "53"
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or "53"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ip_address(host)
        is_port = port.isascii() and port.isdigit() and 1 <= int(port) <= 65535
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError('must be an address, as in "192.0.2.53", "127.0.0.1:5353" or "[::1]:5353"')
    return host, int(port)


def _resolver(text: str) -> str:
    try:
        parse_resolver(text)
    except ValueError as error:
        raise bad(str(error), text) from None
    return text


def _tenant(text: str) -> str:
    if text and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.lower()) is None:
        raise bad("must be the tenant's ID, as in 01234567-89ab-cdef-0123-456789abcdef", text)
    return text.lower()


def _listed(text: str) -> str:
    """An address, a domain with all below it, or a network."""
    if "@" in text:
        return _address(text)
    try:
        ip_network(text, strict=False)
    except ValueError:
        if not _DOMAIN.fullmatch(addresses.a_label(text)) or "." not in text:
            raise bad('must be an address, a domain or a network, as in "evil.test" or "192.0.2.0/24"', text) from None
    return text


def _spam_rule(text: str) -> str:
    if read_rule(text) is None:
        raise bad('must be like "X-Spam-Flag: yes" or "X-Spam-Score > 8"', text)
    return text


def _mode(text: str) -> str:
    if re.fullmatch(r"0?[0-7]{3}", text) is None:
        raise bad('must be a file mode like "0660"', text)
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise bad("must be one line without control characters", text)
    return text


def _present(text: str) -> str:
    if not text.strip():
        raise bad("must not be empty", text)
    return text


def _id(text: str) -> str:
    if text and _DOMAIN.fullmatch(text) is None:
        raise bad('must be like a domain, as in "desk.example.com"', text)
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(addresses.a_label(text)) or "." not in text:
        raise bad('must be a domain, as in "client.test"', text)
    return addresses.domain_key(text)


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    # Not by a least length, which pydantic also finds too short when the only value is wrong.
    if not values:
        raise bad("must name at least one", "")
    return values


def _store(text: str) -> str:
    if not text.startswith(("sqlite:", "postgresql:")) or text in ("sqlite:", "postgresql:"):
        raise bad('must be like "sqlite:maildesk.db" or "postgresql://host/database"', text)
    return text


def _as_path(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise bad("is not a file's name", value)
    return Path(value) if isinstance(value, str) and value else value


def _as_optional_path(value: object) -> object:
    return None if value == "" else _as_path(value)


def _colour(text: str) -> str:
    if text and not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise bad('must be like "#1857b8"', text)
    return text.lower()


Address = Annotated[str, AfterValidator(_address)]
Colour = Annotated[str, AfterValidator(_colour)]
ListenAt = Annotated[str, AfterValidator(_listen)]
Language = Annotated[str, AfterValidator(_language)]
Line = Annotated[str, AfterValidator(_one_line)]
NeededLine = Annotated[str, AfterValidator(_present), AfterValidator(_one_line)]
Port = Annotated[int, Field(ge=1, le=65535)]
Tls = Literal["none", "starttls", "implicit"]
FilePath = Annotated[Path, BeforeValidator(_as_path)]
OptionalFile = Annotated[Path | None, BeforeValidator(_as_optional_path)]
Listed = Annotated[str, AfterValidator(_listed)]
Network = Annotated[str, AfterValidator(_network)]
Peer = Annotated[str, AfterValidator(_peer)]
Resolver = Annotated[str, AfterValidator(_resolver)]
SpamRule = Annotated[str, AfterValidator(_spam_rule)]
Tenant = Annotated[str, AfterValidator(_tenant)]
Zone = Annotated[str, AfterValidator(_zone)]
Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], AfterValidator(_some)]
DeskId = Annotated[str, AfterValidator(_id)]
StoreUrl = Annotated[str, AfterValidator(_store)]
ReplyForm = Annotated[str, AfterValidator(_reply_address)]
Done = Annotated[str, AfterValidator(_done)]
Mode = Annotated[str, AfterValidator(_mode)]
