"""What the configuration holds: one frozen class a table, each key with its type, its default and what it may say.

Knows one value at a time and opens nothing; what two values forbid each other stands in config_check.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maildesk.config_values import (
    Address,
    Colour,
    DeskId,
    Domains,
    Done,
    FilePath,
    Language,
    Line,
    Listed,
    ListenAt,
    Mode,
    NeededLine,
    Network,
    OptionalFile,
    Peer,
    Port,
    ReplyForm,
    Resolver,
    SpamRule,
    StoreUrl,
    Tenant,
    Tls,
    Zone,
)


class Table(BaseModel):
    """One table: an unknown key or another type is an error, and nothing changes after `load`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Desk(Table):
    """The desk as a whole."""

    name: NeededLine
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en", "fr")
    timezone: Zone = "Europe/Paris"
    first_number: int = Field(default=1, ge=1)
    state_dir: FilePath = Path("maildesk-data")
    id: DeskId = ""
    keys_file: FilePath = Path("keys")
    templates: str = ""
    close_after_days: int = Field(default=28, ge=1)
    admins: tuple[Address, ...] = ()


class StoreTable(Table):
    """Where tickets and mail are kept."""

    url: StoreUrl = "sqlite:maildesk.db"


class Mailbox(Table):
    """An address customers write to."""

    address: Address
    name: Line = ""
    aliases: tuple[Address, ...] = ()
    language: Language = ""
    confirm: bool = True
    reply_address: ReplyForm = "plus"


class Agent(Table):
    """One person who answers."""

    address: Address
    name: Line = ""
    aliases: tuple[Address, ...] = ()
    mailboxes: tuple[Address, ...] = ()
    language: Language = ""
    role: Literal["agent", "admin"] = "agent"


class Smtp(Table):
    """The SMTP door."""

    listen: ListenAt = "127.0.0.1:2525"
    tls: Tls = "none"
    cert_file: OptionalFile = None
    key_file: OptionalFile = None
    proxy_protocol: bool = False


class Lmtp(Table):
    """The LMTP door, for a mail server on the same machine."""

    listen: ListenAt = "127.0.0.1:2424"
    socket_mode: Mode = "0660"
    socket_group: Line = ""


class Maildrop(Table):
    """A Maildir that `maildesk deliver` and mail servers write to."""

    path: FilePath = Path("maildrop")
    group: Line = ""


class OAuth2(Table):
    """Where an access token comes from: a command that prints one, or a client-credentials request (RFC 6749, 4.4)."""

    command: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret_file: OptionalFile = None
    scope: str = ""


class Imap(Table):
    """A mailbox at a provider. username "" is the mailbox's address."""

    host: NeededLine
    port: Port = 993
    tls: Tls = "implicit"
    ca_file: OptionalFile = None
    username: Line = ""
    password_file: OptionalFile = None
    oauth2: OAuth2 | None = None
    folder: NeededLine = "INBOX"
    mailbox: Address
    done: Done = "seen"


DEFAULT_RELAY = "127.0.0.1"


class Relay(Table):
    """The smarthost for all outgoing mail, or a Maildir instead."""

    host: Line = ""
    port: Port = 25
    tls: Tls = "starttls"
    username: Line = ""
    password_file: OptionalFile = None
    oauth2: OAuth2 | None = None
    ca_file: OptionalFile = None
    bounce: Literal["signed", "mailbox", "null"] = "signed"
    maildir: OptionalFile = None

    @model_validator(mode="before")
    @classmethod
    def _is_this_machine_unless_told(cls, table: object) -> object:
        """Without a host and without a maildir letters go to the mail server of this machine."""
        return (
            {"host": DEFAULT_RELAY, **table}
            if isinstance(table, dict) and not {"host", "maildir"} & table.keys()
            else table
        )


class Web(Table):
    """The web door."""

    listen: ListenAt = "127.0.0.1:8080"
    public_url: Line = ""
    trusted_proxies: tuple[Network, ...] = ()
    agents_read: bool = False
    accent: Colour = ""
    accent_dark: Colour = ""
    logo: OptionalFile = None
    footer: Line = ""
    articles: OptionalFile = None


class Trust(Table):
    """Whose word counts about who wrote a mail."""

    relays: tuple[Peer, ...] = ("127.0.0.0/8", "::1", "unix")
    authserv_ids: tuple[NeededLine, ...] = ()
    verify: Literal["none", "dkim", "mx"] = "dkim"
    resolvers: tuple[Resolver, ...] = ()
    microsoft_tenant: Tenant = ""
    agent_proof: Literal["", "aligned", "token"] = ""
    confirm_unproved: Literal["at-once", "verify-first"] = "at-once"
    reject: tuple[Listed, ...] = ()
    hold: tuple[Listed, ...] = ()
    allow: tuple[Listed, ...] = ()
    identity_senders: tuple[Listed, ...] = ()
    spam_headers: tuple[SpamRule, ...] = ("X-Spam-Flag: yes", "X-Spam-Status: yes", "X-Spam: yes", "X-Spam: true")

    @property
    def is_proof_configured(self) -> bool:
        """Whether anything can prove an author."""
        return bool(self.authserv_ids) or bool(self.microsoft_tenant) or self.verify != "none"


class Form(Table):
    """A website's contact form that writes for its visitors."""

    from_: Address = Field(alias="from")


class Organisation(Table):
    """People who see each other's requests, by the domains of their addresses."""

    name: NeededLine
    domains: Domains
    shared: bool = True


class Limits(Table):
    """How much the desk takes."""

    max_mail_bytes: int = Field(default=36700160, ge=1)


class Config(Table):
    """The whole configuration; after `load` every path is absolute."""

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
    organisation: tuple[Organisation, ...] = ()
    limits: Limits = Limits()

    @property
    def public_url(self) -> str:
        """What links in letters begin with, without a slash at its end; "" without [web]."""
        if self.web is None:
            return ""
        return (self.web.public_url or f"http://{self.web.listen}").rstrip("/")

    @property
    def agent_proof_in_force(self) -> Literal["aligned", "token"]:
        """What an agent's act needs: what [trust] agent_proof says, else "aligned" where any proof is configured."""
        if self.trust.agent_proof:
            return self.trust.agent_proof
        return "aligned" if self.trust.is_proof_configured else "token"
