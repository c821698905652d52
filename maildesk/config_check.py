"""What parts of a configuration forbid each other: a tuple of small checks over typed tables, each yielding problems.

Looks at the modes of secret files and at group names; opens nothing.
"""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from maildesk.config_tables import (
    Agent,
    Desk,
    Form,
    Imap,
    Lmtp,
    Mailbox,
    Maildrop,
    OAuth2,
    Organisation,
    Relay,
    Smtp,
    Trust,
    Web,
)
from maildesk.config_values import nearest, parse_listen
from maildesk.errors import Problem
from maildesk.mail import address as addresses
from maildesk.mail.freemail import FREE_MAIL

TOKEN_OCTETS = 32
# A file that only its owner can open; the group counts as others, since a secret has one reader.
# What browsers show as a picture.
LOGO_TYPES = (".svg", ".png", ".webp", ".jpg")
_FOREIGN = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Parts:
    """The tables that are right in themselves, paths absolute, each of a list with its key: ("imap[0]", Imap(...)).

    damaged: top-level names with a table that is wrong in itself, about which no conclusion is drawn.
    doors: the mail doors that the file names. spoken: the languages that a templates folder has, None does not ask.
    has_files: whether the files that are named must be here.
    """

    desk: Desk | None
    mailboxes: tuple[tuple[str, Mailbox], ...]
    agents: tuple[tuple[str, Agent], ...]
    smtp: Smtp | None
    lmtp: Lmtp | None
    maildrop: Maildrop | None
    imap: tuple[tuple[str, Imap], ...]
    relay: Relay | None
    web: Web | None
    trust: Trust | None
    forms: tuple[tuple[str, Form], ...]
    organisations: tuple[tuple[str, Organisation], ...]
    damaged: frozenset[str]
    doors: frozenset[str]
    spoken: Callable[[str], Collection[str]] | None = None
    has_files: bool = True

    @property
    def addressed(self) -> tuple[tuple[str, Mailbox | Agent], ...]:
        """Every table with an address of ours."""
        return (*self.mailboxes, *self.agents)

    @property
    def accounts(self) -> tuple[tuple[str, Imap | Relay], ...]:
        """Every table with a login somewhere."""
        return self.imap if self.relay is None else (*self.imap, ("relay", self.relay))


def check(parts: Parts) -> tuple[Problem, ...]:
    """Everything that cannot be together, in the order of `CHECKS`."""
    return tuple(problem for find in CHECKS for problem in find(parts))


def one_door(parts: Parts) -> Iterator[Problem]:
    """A desk that no mail can reach is a mistake; the web alone is no door for mail."""
    if not parts.doors:
        yield Problem("", "no mail can come in: add one of [smtp], [lmtp], [maildrop] or [[imap]]")


def each_address_once(parts: Parts) -> Iterator[Problem]:
    """An address is one mailbox or one person."""
    places: dict[str, str] = {}
    for path, table in parts.addressed:
        named = [(f"{path}.address", table.address)]
        named += [(f"{path}.aliases[{i}]", alias) for i, alias in enumerate(table.aliases)]
        for place, address in named:
            first = places.setdefault(addresses.key(address), place)
            if first != place:
                yield Problem(place, f'"{address}" is {first} already, an address stands once')


def nobody_of_ours_is_blocked(parts: Parts) -> Iterator[Problem]:
    """A desk that refused or held its own people would have nobody to answer."""
    if parts.trust is None:
        return
    ours = [(path, address) for path, table in parts.addressed for address in (table.address, *table.aliases)]
    for name, entries in (("reject", parts.trust.reject), ("hold", parts.trust.hold)):
        for index, entry in enumerate(entries):
            found = next(((path, address) for path, address in ours if addresses.covers(entry, address)), None)
            if found is not None:
                yield Problem(f"trust.{name}[{index}]", f'"{entry}" means {found[1]} too, the address of {found[0]}')


def each_form_is_one(parts: Parts) -> Iterator[Problem]:
    """A form has an address of its own, or a mailbox's, as websites are often set up; an agent's would end their acts."""
    agents = {addresses.key(a): path for path, table in parts.agents for a in (table.address, *table.aliases)}
    places: dict[str, str] = {}
    for path, form in parts.forms:
        key = addresses.key(form.from_)
        if key in agents:
            yield Problem(f"{path}.from", f'"{form.from_}" is the address of {agents[key]}: an agent is no form')
        first = places.setdefault(key, path)
        if first != path:
            yield Problem(f"{path}.from", f'"{form.from_}" is {first}.from already, a form stands once')


def organisations_are_apart(parts: Parts) -> Iterator[Problem]:
    """Whose requests are shared is said by one organisation, and never by a domain where anybody has a mailbox."""
    places: dict[str, str] = {}
    for path, organisation in parts.organisations:
        for index, domain in enumerate(organisation.domains):
            place = f"{path}.domains[{index}]"
            first = places.setdefault(domain, place)
            if domain in FREE_MAIL:
                yield Problem(
                    place, f'"{domain}" gives mailboxes to anybody: strangers would read each other\'s requests'
                )
            elif first != place:
                yield Problem(place, f'"{domain}" is {first} already, a domain stands once')


def signed_form_fits(parts: Parts) -> Iterator[Problem]:
    """A mailbox's address with a token in it is an address that mail servers take (RFC 5321, 4.5.3.1)."""
    for path, mailbox in parts.mailboxes:
        signed = addresses.with_token(mailbox.address, mailbox.reply_address, "x" * TOKEN_OCTETS)
        if signed is None:
            continue
        local, _, _ = signed.rpartition("@")
        if len(local.encode()) > addresses.MAX_LOCAL_OCTETS or len(signed.encode()) > addresses.MAX_ADDRESS_OCTETS:
            yield Problem(
                f"{path}.address",
                f'"{mailbox.address}" is too long: with a token it has {len(local.encode())} octets before the @ and '
                f"{len(signed.encode())} in all, possible are {addresses.MAX_LOCAL_OCTETS} "
                f"and {addresses.MAX_ADDRESS_OCTETS}; "
                'a shorter address or reply_address = "domain:..." helps',
            )
        elif mailbox.reply_address == "plus" and "+" in mailbox.address.rpartition("@")[0]:
            yield Problem(
                f"{path}.reply_address",
                f'"plus" cannot sign "{mailbox.address}", which holds a + already; "minus" and "domain:..." can',
            )


def named_mailboxes_exist(parts: Parts) -> Iterator[Problem]:
    """What [[imap]] and agents call a mailbox is the address of one."""
    if "mailbox" in parts.damaged:
        return
    known = {addresses.key(mailbox.address): mailbox.address for _, mailbox in parts.mailboxes}
    owners = {addresses.key(alias): mailbox.address for _, mailbox in parts.mailboxes for alias in mailbox.aliases}
    named = [(f"{path}.mailbox", imap.mailbox) for path, imap in parts.imap]
    named += [(f"{p}.mailboxes[{i}]", name) for p, agent in parts.agents for i, name in enumerate(agent.mailboxes)]
    for place, name in named:
        if addresses.key(name) not in known:
            guess = owners.get(addresses.key(name)) or nearest(name, known.values())
            yield Problem(place, f'"{name}" is the address of no [[mailbox]]', guess)


def languages_are_spoken(parts: Parts) -> Iterator[Problem]:
    """Every language has templates, and a mailbox or agent has one of the desk's."""
    if parts.desk is None:
        return
    if parts.spoken is not None:
        spoken = sorted(parts.spoken(parts.desk.templates))
        for index, language in enumerate(parts.desk.languages):
            if language not in spoken:
                message = f'"{language}" has no templates, there are {", ".join(spoken)}'
                yield Problem(f"desk.languages[{index}]", message, nearest(language, spoken))
    for path, table in parts.addressed:
        if table.language and table.language not in parts.desk.languages:
            message = f'"{table.language}" is none of [desk] languages'
            yield Problem(f"{path}.language", message, nearest(table.language, parts.desk.languages))


def doors_do_not_collide(parts: Parts) -> Iterator[Problem]:
    """Two doors cannot listen in one place."""
    places: dict[str, str] = {}
    for path, table in (("smtp", parts.smtp), ("lmtp", parts.lmtp), ("web", parts.web)):
        if table is not None and (first := places.setdefault(table.listen, path)) != path:
            yield Problem(f"{path}.listen", f'"{table.listen}" is where [{first}] listens already')


def relay_is_one_and_elsewhere(parts: Parts) -> Iterator[Problem]:
    """Letters go to a host or a Maildir, and never into a door of ours: that would be a loop."""
    relay = parts.relay
    if relay is None:
        return
    if bool(relay.host) == bool(relay.maildir):
        if relay.host:
            yield Problem("relay.maildir", "stands beside a host, keep one")
        else:
            yield Problem(
                "relay.host", "is missing: name the mail server that takes our letters, or a maildir to try out"
            )
        return
    for path, door in (("smtp", parts.smtp), ("lmtp", parts.lmtp)):
        if relay.host and door is not None and _is_same_place(relay.host, relay.port, door.listen):
            yield Problem(
                "relay.host", f'"{relay.host}" with port {relay.port} is our own [{path}] door, mail would go round'
            )
    drop = parts.maildrop
    if drop is not None and relay.maildir is not None and relay.maildir == drop.path:
        yield Problem("relay.maildir", f'"{relay.maildir}" is our own [maildrop], mail would go round')


def secrets_go_with_names(parts: Parts) -> Iterator[Problem]:
    """A login has a user and exactly one secret."""
    for path, table in parts.accounts:
        if table.password_file is not None and table.oauth2 is not None:
            yield Problem(f"{path}.oauth2", "stands beside a password_file, keep one")
        has_secret = table.password_file is not None or table.oauth2 is not None
        if isinstance(table, Imap) and not has_secret:
            yield Problem(f"{path}.oauth2", "is missing, or a password_file")
        if isinstance(table, Relay) and has_secret and not table.username:
            yield Problem(f"{path}.username", "is needed with a password_file or oauth2")
        if isinstance(table, Relay) and table.username and not has_secret:
            yield Problem(f"{path}.username", f'"{table.username}" needs a password_file or oauth2')
        if has_secret and table.tls == "none" and not is_loopback(table.host):
            yield Problem(f"{path}.tls", '"none" would send the secret in the clear, use "implicit" or "starttls"')
        if table.oauth2 is not None:
            yield from _oauth2(f"{path}.oauth2", table.oauth2)


def _oauth2(path: str, oauth2: OAuth2) -> Iterator[Problem]:
    if bool(oauth2.command) == bool(oauth2.token_url):
        yield Problem(path, "needs either a command or a token_url")
    elif oauth2.token_url:
        missing = [key for key in ("client_id", "client_secret_file") if not getattr(oauth2, key)]
        if missing:
            yield Problem(path, f"needs {' and '.join(missing)} with its token_url")
        if not _is_safe_url(oauth2.token_url):
            yield Problem(f"{path}.token_url", f'"{oauth2.token_url}" must begin with https://')


def secret_files(parts: Parts) -> Iterator[Problem]:
    """Every file that is named is there, and a secret is its owner's alone."""
    if not parts.has_files:
        return
    files: list[tuple[str, Path | None, bool]] = []
    for path, table in parts.accounts:
        files += [(f"{path}.password_file", table.password_file, True), (f"{path}.ca_file", table.ca_file, False)]
        if table.oauth2 is not None:
            files.append((f"{path}.oauth2.client_secret_file", table.oauth2.client_secret_file, True))
    if parts.smtp is not None:
        files += [("smtp.cert_file", parts.smtp.cert_file, False), ("smtp.key_file", parts.smtp.key_file, True)]
    for path, file, is_secret in files:
        if file is not None and (fault := file_fault(file, is_secret)):
            yield Problem(path, fault)


def file_fault(file: Path, is_secret: bool) -> str | None:
    """What is wrong with a file that the configuration names, as the end of a sentence; None when nothing is."""
    try:
        found = file.stat()
    except OSError as error:
        return f'"{file}" cannot be read: {error.strerror}'
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISCHR(found.st_mode):
        return f'"{file}" is no file'
    # systemd lets the service's user read a credential by an access list, which shows as a group's right.
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if is_secret and found.st_mode & _FOREIGN and not (credentials and file.parent == Path(credentials)):
        return f'"{file}" can be read by others, run: chmod 600 "{file}"'
    return None if os.access(file, os.R_OK) else f'"{file}" cannot be read by this user'


def tls_has_its_files(parts: Parts) -> Iterator[Problem]:
    """TLS at the SMTP door needs a certificate and its key."""
    smtp = parts.smtp
    if smtp is not None and smtp.tls != "none":
        for key in ("cert_file", "key_file"):
            if getattr(smtp, key) is None:
                yield Problem(f"smtp.{key}", f'is needed with tls = "{smtp.tls}"')


def public_url_is_safe(parts: Parts) -> Iterator[Problem]:
    """People's links are https, or stay on this machine."""
    if parts.web is None or not parts.web.public_url:
        return
    url = parts.web.public_url
    if not _is_safe_url(url):
        yield Problem("web.public_url", f'"{url}" must begin with https://, http:// is for loopback alone')
    elif urlsplit(url).path.strip("/") or "?" in url or "#" in url:
        yield Problem("web.public_url", f'"{url}" must end with the host: pages have a host of their own')


def web_has_its_files(parts: Parts) -> Iterator[Problem]:
    """A logo that no browser shows, or that is not there, and a folder of articles that is none, are slips."""
    web = parts.web
    if web is not None and web.logo is not None:
        if web.logo.suffix.lower() not in LOGO_TYPES:
            yield Problem("web.logo", f'"{web.logo}" must end in {", ".join(LOGO_TYPES)}')
        elif parts.has_files and (fault := file_fault(web.logo, is_secret=False)):
            yield Problem("web.logo", fault)
    if web is not None and web.articles is not None and parts.has_files and not web.articles.is_dir():
        yield Problem("web.articles", f'"{web.articles}" is no folder')


def groups_exist(parts: Parts) -> Iterator[Problem]:
    """A group that may use a socket or the maildrop is one of this machine, and can reach it."""
    for path, group in (
        ("maildrop.group", parts.maildrop.group if parts.maildrop else ""),
        ("lmtp.socket_group", parts.lmtp.socket_group if parts.lmtp else ""),
    ):
        known = {entry.gr_name for entry in grp.getgrall()} if group else set()
        if group and group not in known:
            yield Problem(path, f'"{group}" is no group of this machine', nearest(group, known))
    if parts.desk is None:
        return
    named = [("maildrop.path", parts.maildrop.path)] if parts.maildrop is not None and parts.maildrop.group else []
    if parts.lmtp is not None and parts.lmtp.socket_group and (place := parse_listen(parts.lmtp.listen)).kind == "unix":
        named.append(("lmtp.listen", Path(place.path)))
    for path, place_of_group in named:
        if place_of_group.is_relative_to(parts.desk.state_dir):
            message = (
                f'"{place_of_group}" lies in state_dir, which is closed to others: what a group shares lies outside'
            )
            yield Problem(path, message)


def _is_safe_url(url: str) -> bool:
    try:
        parsed = urlsplit(url)
    except ValueError:
        return False
    if not parsed.hostname or parsed.scheme not in ("http", "https"):
        return False
    return parsed.scheme == "https" or is_loopback(parsed.hostname)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name or address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_same_place(host: str, port: int, listen: str) -> bool:
    place = parse_listen(listen)
    if place.kind != "tcp" or place.port != port:
        return False
    is_any = place.host != "localhost" and ip_address(place.host.partition("%")[0]).is_unspecified
    return host == place.host or (is_loopback(host) and (is_any or is_loopback(place.host)))


CHECKS: tuple[Callable[[Parts], Iterator[Problem]], ...] = (
    one_door,
    each_address_once,
    each_form_is_one,
    organisations_are_apart,
    nobody_of_ours_is_blocked,
    signed_form_fits,
    named_mailboxes_exist,
    languages_are_spoken,
    doors_do_not_collide,
    relay_is_one_and_elsewhere,
    secrets_go_with_names,
    secret_files,
    tls_has_its_files,
    public_url_is_safe,
    web_has_its_files,
    groups_exist,
)
