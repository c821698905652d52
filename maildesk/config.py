"""The configuration: one TOML file to typed values, all errors at once. Reads files, opens nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Desk(_Table):
    name: str = Field(min_length=1)
    languages: tuple[str, ...] = ("en", "fr")
    timezone: str = "Europe/Paris"
    first_number: int = Field(default=1, ge=1)
    state_dir: Path = Path("maildesk-data")
    id: str = ""
    keys_file: Path = Path("keys")
    templates: str = ""
    close_after_days: int = Field(default=28, ge=1)
    admins: tuple[str, ...] = ()


class StoreTable(_Table):
    url: str = "sqlite:maildesk.db"


class Mailbox(_Table):
    """An address customers write to."""

    address: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    language: str = ""
    confirm: bool = True
    reply_address: str = "plus"


class Agent(_Table):
    """One person who answers."""

    address: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    language: str = ""
    role: Literal["agent", "admin"] = "agent"


class Smtp(_Table):
    listen: str = "127.0.0.1:2525"
    tls: Literal["none", "starttls", "implicit"] = "none"
    cert_file: Path | None = None
    key_file: Path | None = None
    proxy_protocol: bool = False


class Lmtp(_Table):
    listen: str = "127.0.0.1:2424"
    socket_mode: str = "0660"
    socket_group: str = ""


class Maildrop(_Table):
    path: Path = Path("maildrop")
    group: str = ""


class OAuth2(_Table):
    """Where an access token comes from: a command that prints one, or a client-credentials request (RFC 6749, 4.4)."""

    command: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    scope: str = ""


class Imap(_Table):
    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    ca_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    oauth2: OAuth2 | None = None
    folder: str = "INBOX"
    mailbox: str
    done: str = "seen"


class Relay(_Table):
    host: str = ""
    port: int = Field(default=25, ge=1, le=65535)
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    username: str = ""
    password_file: Path | None = None
    oauth2: OAuth2 | None = None
    ca_file: Path | None = None
    bounce: Literal["signed", "mailbox", "null"] = "signed"
    maildir: Path | None = None


class Web(_Table):
    listen: str = "127.0.0.1:8080"
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    agents_read: bool = False


class Trust(_Table):
    relays: tuple[str, ...] = ("127.0.0.0/8", "::1", "unix")
    authserv_ids: tuple[str, ...] = ()
    verify: Literal["none", "dkim", "mx"] = "none"
    agent_proof: Literal["", "aligned", "token"] = ""
    confirm_unproved: Literal["at-once", "verify-first"] = "at-once"


class Form(_Table):
    from_: str = Field(alias="from")


class Limits(_Table):
    max_mail_bytes: int = Field(default=36700160, ge=1)


class Config(_Table):
    """The whole configuration; paths are absolute after `load`."""

    desk: Desk
    store: StoreTable = StoreTable()
    mailbox: tuple[Mailbox, ...] = Field(min_length=1)
    agent: tuple[Agent, ...] = ()
    smtp: Smtp | None = None
    lmtp: Lmtp | None = None
    maildrop: Maildrop | None = None
    imap: tuple[Imap, ...] = ()
    relay: Relay
    web: Web | None = None
    trust: Trust = Trust()
    form: tuple[Form, ...] = ()
    limits: Limits = Limits()


def load(path: Path) -> Config:
    """The configuration in `path`. Raises BadConfig with every problem at once."""
    raise NotImplementedError


def _unused() -> Any:
    return None
