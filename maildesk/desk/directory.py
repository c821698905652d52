"""Who and what the desk is: its mailboxes, agents and keys, and whose an address is. Built once from the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from maildesk.config import Agent, Config, Mailbox, Organisation
from maildesk.desk.lists import Lists, peer_address
from maildesk.errors import Malformed, NotWelcome, UnknownMailbox
from maildesk.mail import address as addresses
from maildesk.mail.token import Keyring, Purpose, Token, looks_like_token

_REPLY = (Purpose.CUSTOMER_REPLY, Purpose.AGENT_REPLY)
# "support+my@": what a person asks there is answered by mail (history.py).
_MY = "my"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A mailbox, and the verified token of the address when it was a signed one.

    is_retired: it was signed by a key that counts no more. is_history: where a person asks for their own requests.
    """

    mailbox: Mailbox
    token: Token | None = None
    is_retired: bool = False
    is_history: bool = False


class Directory:
    """The desk's own addresses. Immutable; a reload builds a new one."""

    def __init__(self, config: Config, keyring: Keyring) -> None:
        self.config = config
        self.keyring = keyring
        self.name = config.desk.name
        self._mailboxes: dict[str, Mailbox] = {}
        self._agents: dict[str, Agent] = {}
        self._reply_domains: dict[str, Mailbox] = {}
        self.lists = Lists(config.trust.reject, config.trust.hold, config.trust.allow)
        self._networks = tuple(ip_network(peer, strict=False) for peer in config.trust.relays if peer != "unix")
        for mailbox in config.mailbox:
            for address in (mailbox.address, *mailbox.aliases):
                self._mailboxes[addresses.key(address)] = mailbox
            if mailbox.reply_address.startswith("domain:"):
                domain = addresses.a_label(mailbox.reply_address.removeprefix("domain:"))
                self._reply_domains.setdefault(domain, mailbox)
        self._forms = {addresses.key(form.from_): form.from_ for form in config.form}
        for agent in config.agent:
            for address in (agent.address, *agent.aliases):
                self._agents[addresses.key(address)] = agent

    def is_relay(self, peer: str) -> bool:
        """Whether the peer is one of [trust] relays; mail without a peer (maildrop, IMAP) comes from a trusted server."""
        if peer in ("", "unix"):
            return peer == "" or "unix" in self.config.trust.relays
        found = peer_address(peer)
        return found is not None and any(found in network for network in self._networks)

    def need_welcome(self, sender: str, peer: str) -> None:
        """For the doors that can refuse. Raises NotWelcome for an envelope sender or a peer of [trust] reject."""
        found = self.lists.at_door(sender, peer, is_relay=self.is_relay(peer))
        if found is not None:
            raise NotWelcome(f'[trust] reject names its {found.of} ("{found.entry}")')

    def recipient(self, address: str, sender: str | None, is_relay: bool) -> Recipient:
        """Whose address this is, for RCPT and for every other door.

        The tag "my" asks for one's own requests; another that is no token means the mailbox itself, and so does a token of
        a retired key. One whose signature is wrong does so from a relay; elsewhere the sender is told. A bounce address is
        taken from the null sender only (sender "" or None).
        Raises UnknownMailbox.
        """
        if address.casefold() == "postmaster":  # RFC 5321, 4.5.1: without a domain it is ours
            return Recipient(self.config.mailbox[0])
        try:
            address_key = addresses.key(address)
            local, domain = addresses.split(address)
        except Malformed as error:
            raise UnknownMailbox("No such mailbox here") from error
        if (mailbox := self._mailboxes.get(address_key)) is not None:
            return Recipient(mailbox)
        domain = addresses.a_label(domain)
        if local.casefold() == "postmaster" and self._has(domain):
            return Recipient(self.config.mailbox[0])
        if (mailbox := self._history_of(local.casefold(), domain)) is not None:
            return Recipient(mailbox, is_history=True)
        if (mailbox := self._reply_domains.get(domain)) is not None:
            return self._signed(mailbox, local, sender, is_relay)
        for separator in "+-":
            base, _, tag = local.rpartition(separator)
            mailbox = self._mailboxes.get(f"{base.casefold()}@{domain}")
            if mailbox is not None and looks_like_token(tag) and mailbox.reply_address.startswith(("plus", "minus")):
                return self._signed(mailbox, tag, sender, is_relay)
        for at in (i for i, char in enumerate(local) if char == "+" and i + 1 < len(local)):
            if (mailbox := self._mailboxes.get(f"{local[:at].casefold()}@{domain}")) is not None:
                return Recipient(mailbox)
        raise UnknownMailbox("No such mailbox here")

    def _history_of(self, local: str, domain: str) -> Mailbox | None:
        """The mailbox whose owners' requests this address asks for: with "+my", or as its signed addresses are written."""
        if (mailbox := self._reply_domains.get(domain)) is not None and local == _MY:
            return mailbox
        if (mailbox := self._mailboxes.get(f"{local.removesuffix(f'+{_MY}')}@{domain}")) is not None:
            return mailbox
        mailbox = self._mailboxes.get(f"{local.removesuffix(f'-{_MY}')}@{domain}")
        return mailbox if mailbox is not None and mailbox.reply_address == "minus" else None

    def _has(self, domain: str) -> bool:
        return domain in self._reply_domains or any(key.endswith(f"@{domain}") for key in self._mailboxes)

    def _signed(self, mailbox: Mailbox, text: str, sender: str | None, is_relay: bool) -> Recipient:
        if not looks_like_token(text):
            raise UnknownMailbox("No such mailbox here")
        token = self.keyring.verify(text, *_REPLY, Purpose.WEB, Purpose.BOUNCE)
        if token is not None and token.purpose is Purpose.BOUNCE and sender:
            raise UnknownMailbox("This address takes delivery reports only")
        is_retired = token is None and self.keyring.was_ours(text)
        if token is None and not is_retired and not is_relay:
            raise UnknownMailbox("No such reply address here")
        return Recipient(mailbox, token, is_retired)

    def is_own(self, address: str) -> bool:
        """Whether an address is the desk's own, in any of its forms."""
        try:
            self.recipient(address, "", True)
        except UnknownMailbox:
            return False
        return True

    def token_of(self, address: str) -> Token | None:
        """The verified token of a signed address; None for any other."""
        try:
            return self.recipient(address, "", True).token
        except UnknownMailbox:
            return None

    def belongs(self, address: str, mailbox: Mailbox) -> bool:
        """Whether an address is a form of this mailbox's."""
        try:
            return self.recipient(address, None, True).mailbox.address == mailbox.address
        except UnknownMailbox:
            return False

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of this base address; the first one when it has left the configuration."""
        return self._mailboxes.get(addresses.key(address), self.config.mailbox[0])

    def form(self, address: str) -> str | None:
        """The address of the contact form, as [[form]] has it, whose address this is."""
        try:
            return self._forms.get(addresses.key(address))
        except Malformed:
            return None

    def agent(self, address: str) -> Agent | None:
        """The agent of this address, aliases included."""
        try:
            return self._agents.get(addresses.key(address))
        except Malformed:
            return None

    def organisations_of(self, people: Iterable[str]) -> tuple[Organisation, ...]:
        """The organisations that share their requests with somebody of these proved addresses."""
        domains = {addresses.domain_key(address.rpartition("@")[2]) for address in people}
        return tuple(one for one in self.config.organisation if one.shared and domains & set(one.domains))

    def agents_of(self, mailbox: Mailbox) -> tuple[Agent, ...]:
        """Who answers for a mailbox."""
        return tuple(
            agent
            for agent in self.config.agent
            if not agent.mailboxes or any(addresses.same(mailbox.address, a) for a in agent.mailboxes)
        )

    def mailbox_name(self, mailbox: Mailbox) -> str:
        """What people read beside the address."""
        return mailbox.name or self.name

    def agent_name(self, agent: Agent) -> str:
        """What people read instead of an agent's address."""
        return agent.name or addresses.split(agent.address)[0]

    def language(self, *candidates: str | None) -> str:
        """The first candidate the desk speaks (RFC 5646 tags: "fr-CA" is "fr"); its first language otherwise."""
        spoken = self.config.desk.languages
        for candidate in candidates:
            primary = (candidate or "").replace("_", "-").split("-")[0].strip().lower()
            if primary in spoken:
                return primary
        return spoken[0]

    @property
    def needs_alignment(self) -> bool:
        """Whether an agent's act needs a proved author: what [trust] agent_proof says, or whether proof is configured."""
        trust = self.config.trust
        if trust.agent_proof:
            return trust.agent_proof == "aligned"
        return trust.is_proof_configured
