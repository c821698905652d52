"""Whose an address is: mailboxes, aliases, tags, signed forms, postmaster; and who may send there."""

from __future__ import annotations

import pytest

from maildesk.config import Agent, Config, Desk, Mailbox, Relay, Trust
from maildesk.desk.directory import Directory
from maildesk.errors import UnknownMailbox
from maildesk.mail.token import Keyring, Purpose

RING = Keyring("desk.test", 0, {0: bytes(range(32))})
CUSTOMER, AGENT, BOUNCE = (RING.sign(Purpose(p), 7, 1) for p in (1, 2, 4))
FOREIGN = Keyring("desk.test", 0, {0: bytes(32)}).sign(Purpose.CUSTOMER_REPLY, 7, 1)


def directory(form: str = "plus", *, trust: Trust | None = None) -> Directory:
    return Directory(
        Config(
            desk=Desk(name="Example Support"),
            mailbox=(
                Mailbox(
                    address="support@desk.test", aliases=("help@desk.test", "hilfe@bücher.test"), reply_address=form
                ),
                Mailbox(address="sales-eu@desk.test", reply_address="none"),
            ),
            agent=(
                Agent(address="ana@desk.test", aliases=("ana.lima@home.test",), mailboxes=("Support@desk.test",)),
                Agent(address="ben@desk.test"),
            ),
            relay=Relay(host="127.0.0.1"),
            trust=trust or Trust(),
        ),
        RING,
    )


def found(address: str, form: str = "plus", sender: str | None = "lea@client.test", is_relay: bool = False) -> str:
    """The mailbox and the token's purpose: "support@desk.test 1"; "" when it is nobody's."""
    try:
        recipient = directory(form).recipient(address, sender, is_relay)
    except UnknownMailbox:
        return ""
    return (
        f"{recipient.mailbox.address} {int(recipient.token.purpose)}" if recipient.token else recipient.mailbox.address
    )


@pytest.mark.parametrize(
    "address",
    ["support@desk.test", "Support@Desk.TEST", "help@desk.test", "hilfe@bücher.test", "hilfe@xn--bcher-kva.test",
     "support@desk.test.", "postmaster", "POSTMASTER", "postmaster@desk.test", "Postmaster@bücher.test"],
)  # fmt: skip
def test_base_addresses(address: str) -> None:
    """The address, its aliases in either form of their domain, in any case, and postmaster of each domain."""
    assert found(address) == "support@desk.test"


@pytest.mark.parametrize(
    "address",
    ["", "@", "nobody@desk.test", "support@evil.test", "support", "support@", "sup.port@desk.test", "support@desk.test.evil",
     "support%desk.test@evil.test", "@desk.test:support@desk.test", "support@desk.test@evil.test", "support-x@desk.test",
     "+support@desk.test", "postmaster@evil.test", f"{CUSTOMER}@desk.test", f"nobody+{CUSTOMER}@desk.test"],
)  # fmt: skip
def test_nobodys_addresses(address: str) -> None:
    """No relaying for anyone, and no guessing."""
    assert found(address) == found(address, is_relay=True) == ""


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ("plus", "support+{}@desk.test"),
        ("minus", "support-{}@desk.test"),
        ("domain:reply.desk.test", "{}@reply.desk.test"),
    ],
)
def test_signed_forms(form: str, address: str) -> None:
    """A token is honoured in each form and in any case; a wrong one is refused to strangers and is the mailbox to relays."""
    assert found(address.format(CUSTOMER), form) == "support@desk.test 1"
    assert found(address.format(AGENT).upper(), form) == "support@desk.test 2"
    for wrong in (FOREIGN, CUSTOMER[:-1] + "x" if CUSTOMER[-1] != "x" else CUSTOMER[:-1] + "y"):
        assert found(address.format(wrong), form) == ""
        assert found(address.format(wrong), form, is_relay=True) == "support@desk.test"


def test_aliases_honour_tokens_too() -> None:
    """The tag may stand behind any of a mailbox's names."""
    assert found(f"help+{CUSTOMER}@desk.test") == "support@desk.test 1"
    assert found(f"hilfe+{CUSTOMER}@xn--bcher-kva.test") == "support@desk.test 1"


@pytest.mark.parametrize(
    "tag", ["x", "my", "newsletter-2026", "a+b", CUSTOMER[:31], CUSTOMER + "a", "1" * 32, "ä" * 32]
)
def test_any_other_tag_is_the_mailbox(tag: str) -> None:
    """What has no token's shape is no evidence and no error."""
    assert found(f"support+{tag}@desk.test") == "support@desk.test"


@pytest.mark.parametrize(
    ("form", "asks", "mailbox"),
    [
        (
            "plus",
            ("support+my@desk.test", "Help+MY@desk.test", "hilfe+my@xn--bcher-kva.test"),
            ("support-my@desk.test",),
        ),
        ("minus", ("support-my@desk.test", "support+my@desk.test"), ("support+mine@desk.test",)),
        ("none", ("support+my@desk.test", "sales-eu+my@desk.test"), ("support+my+x@desk.test", "support+@desk.test")),
        ("domain:reply.desk.test", ("my@reply.desk.test", "support+my@desk.test"), ("mine@reply.desk.test",)),
    ],
)
def test_where_people_ask_for_their_own_requests(form: str, asks: tuple[str, ...], mailbox: tuple[str, ...]) -> None:
    """The tag "my" behind any name of a mailbox, or where its signed addresses carry theirs; nothing that is nearly it."""
    for address in asks:
        assert directory(form).recipient(address, "lea@client.test", False).is_history, address
    for address in mailbox:
        try:
            assert not directory(form).recipient(address, "lea@client.test", True).is_history, address
        except UnknownMailbox:
            continue


def test_a_mailbox_of_that_name_is_itself() -> None:
    """Whoever has configured "support+my@" as a mailbox has a mailbox."""
    config = Config(
        desk=Desk(name="Example Support"),
        mailbox=(Mailbox(address="support@desk.test"), Mailbox(address="support+my@desk.test")),
        relay=Relay(host="127.0.0.1"),
    )
    recipient = Directory(config, RING).recipient("support+my@desk.test", "lea@client.test", False)
    assert (recipient.mailbox.address, recipient.is_history) == ("support+my@desk.test", False)


def test_a_mailbox_without_signed_addresses_takes_tokens_for_tags() -> None:
    """reply_address = "none": any tag means the mailbox itself."""
    assert found(f"sales-eu+{FOREIGN}@desk.test", "none") == "sales-eu@desk.test"
    assert found(f"support+{FOREIGN}@desk.test", "none") == "support@desk.test"


def test_other_words_of_the_reply_domain_are_nobody() -> None:
    """The domain of signed addresses is no catch-all; its postmaster is ours."""
    assert found("hello@reply.desk.test", "domain:reply.desk.test", is_relay=True) == ""
    assert found("postmaster@reply.desk.test", "domain:reply.desk.test") == "support@desk.test"


def test_bounces_come_from_nobody() -> None:
    """A bounce address takes the null sender, or a door that knows none; a person writing there is refused."""
    address = f"support+{BOUNCE}@desk.test"
    assert found(address, sender="") == found(address, sender=None) == "support@desk.test 4"
    assert found(address, sender="lea@client.test") == found(address, sender="lea@client.test", is_relay=True) == ""


def test_a_message_ids_token_is_no_address() -> None:
    """Each purpose has its own path: a Message-ID's token in an address is a wrong signature."""
    assert found(f"support+{RING.sign(Purpose.MESSAGE_ID, 7, 1)}@desk.test") == ""


@pytest.mark.parametrize(
    ("peer", "is_relay"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("unix", True), ("", True),
     ("192.0.2.7", False), ("fe80::1%eth0", False), ("::ffff:192.0.2.7", False), ("nonsense", False)],
)  # fmt: skip
def test_relays(peer: str, is_relay: bool) -> None:
    """Loopback in any form, the Unix socket, and doors without a peer; nobody else by default."""
    assert directory().is_relay(peer) is is_relay


def test_agents() -> None:
    """An agent is found by any of their addresses, and answers for their mailboxes; without any for all."""
    desk = directory()
    ana, ben = desk.config.agent
    assert desk.agent("ANA.LIMA@home.test") == ana
    assert desk.agent("eve@evil.test") is None
    assert desk.agent("no address") is None
    support, sales = desk.config.mailbox
    assert desk.agents_of(support) == (ana, ben)
    assert desk.agents_of(sales) == (ben,)
    assert desk.agent_name(ben) == "ben"


@pytest.mark.parametrize(
    ("trust", "needs"),
    [(Trust(), True), (Trust(verify="none"), False), (Trust(authserv_ids=("mx",)), True), (Trust(agent_proof="aligned"), True),
     (Trust(authserv_ids=("mx",), agent_proof="token"), False),
     (Trust(verify="none", microsoft_tenant="7f3c2a10-0000-4000-8000-0123456789ab"), True)],
)  # fmt: skip
def test_what_an_agents_act_needs(trust: Trust, needs: bool) -> None:
    """What agent_proof says; else a proved author wherever any proof is configured."""
    assert directory(trust=trust).needs_alignment is needs
