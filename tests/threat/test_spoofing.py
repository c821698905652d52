"""T30 to T37: the spoof matrix. Nobody is proved who did not sign, whatever the shape, the policy and the way of looking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Config, Desk, Mailbox, Relay, Trust
from maildesk.desk.directory import Directory
from maildesk.desk.proof import judge
from maildesk.desk.trust import Verdict
from maildesk.mail.checks import ask, check
from maildesk.mail.model import Envelope, Mail
from maildesk.mail.parse import understand
from maildesk.mail.token import Keyring
from maildesk.verify import Unchecked, Verifier
from tests.desk.world import START
from tests.dns import Dns
from tests.servers.client import Client
from tests.servers.desk import Desk as RealDesk
from tests.servers.sink import Sink
from tests.signing import records, rsa_key, sign
from tests.threat.spoofs import EVIL, FROM_SHAPES, PEER, SPOOFS, VICTIM, Spoof
from tests.wait import until

POLICIES = (None, "none", "quarantine", "reject")
WAYS = ("dkim", "mx", "results")


def published(policy: str | None, peer: str = PEER) -> dict[str | tuple[str, str], tuple[str, ...]]:
    """What the two domains publish: all of evil.test is in order, and its key stands under any name that it can have."""
    evil = records("evil.test", "reject") | {
        "evil.test": (f"v=spf1 ip4:{peer} -all",),
        "a.evil.test": (f"v=spf1 ip4:{peer} -all",),
    }
    key = (rsa_key()[1],)
    names = ("victim.test'a.evil.test", "victim.test(.evil.test", "victim.test\\000.evil.test")
    evil |= {f"s1._domainkey.{name}": key for name in names}
    victim = {
        "s1._domainkey.victim.test": (rsa_key(2048, 1)[1],),
        "_dmarc.victim.test": (f"v=DMARC1; p={policy}",) if policy else (),
        "victim.test": ("v=spf1 ip4:192.0.2.1 -all",),
    }
    return {**evil, **victim}


class Look:
    """A desk that judges mails in one of the ways, for one policy of the victim."""

    def __init__(self, way: str, dns: Dns) -> None:
        trust = {
            "dkim": Trust(verify="dkim", resolvers=(dns.address,)),
            "mx": Trust(verify="mx", resolvers=(dns.address,)),
            "results": Trust(verify="none", authserv_ids=("mx.desk.test",)),
        }[way]
        config = Config(
            desk=Desk(name="D"),
            mailbox=(Mailbox(address="support@desk.test"),),
            relay=Relay(host="127.0.0.1"),
            trust=trust,
        )
        self.way, self.directory = way, Directory(config, Keyring("desk.test", 0, {0: bytes(32)}))
        self.verifier = Verifier(lambda: self.directory)
        self.runner = asyncio.Runner()

    def verdict(self, spoof: Spoof, raw: bytes | None = None) -> tuple[Mail, Verdict]:
        """What is believed of the mail."""
        raw = spoof.raw() if raw is None else raw
        if self.way == "results":
            raw = f"Authentication-Results: mx.desk.test; {spoof.says}\r\n".encode() + raw
        peer = "127.0.0.1" if self.way == "results" else PEER
        envelope, mail = Envelope("smtp", peer, spoof.sender, ("support@desk.test",), START), understand(raw)
        begun = self.verifier.begin(raw, mail, envelope)
        checks = self.runner.run(self.verifier.finish(begun)) if isinstance(begun, Unchecked) else begun
        is_relay = self.directory.is_relay(peer)
        return mail, judge(mail, envelope, self.directory.config.trust, checks, is_relay=is_relay)


@pytest.fixture(scope="module", params=[f"{way}, {policy}" for way in WAYS for policy in POLICIES])
def look(request: pytest.FixtureRequest) -> Iterator[Look]:
    way, _, policy = str(request.param).partition(", ")
    with Dns(published(None if policy == "None" else policy)) as dns:
        found = Look(way, dns)
        yield found
        found.runner.close()
        found.verifier.close()


def test_the_shapes_are_as_many_as_are_known() -> None:
    """22 attacks and more of the paper, 27 shapes of From."""
    assert len(SPOOFS) - len(FROM_SHAPES) >= 22
    assert len(FROM_SHAPES) >= 27


@pytest.mark.parametrize("name", SPOOFS)
def test_nobody_is_proved_who_did_not_sign(look: Look, name: str) -> None:
    """A forged mail is nobody's, unproved, or truly of the attacker's own address; never the victim's."""
    mail, verdict = look.verdict(SPOOFS[name])
    if verdict.is_proved:
        assert mail.author is not None
        assert mail.author.address.rpartition("@")[2] == "evil.test"
    else:
        assert not verdict.is_aligned


def test_the_victims_own_mail_is_proved(look: Look) -> None:
    """The control: signed with the victim's key, or met by SPF, the same mail is the victim's."""
    honest = Spoof(b"From: The CEO <ceo@victim.test>\r\n", VICTIM, "", "dmarc=pass header.from=victim.test")
    raw = sign(honest.raw(), "victim.test", key=rsa_key(2048, 1)[0])
    assert look.verdict(honest, raw)[1].level == "S4"


def test_the_attackers_own_mail_is_the_attackers(look: Look) -> None:
    """The other control: evil.test is able to prove itself, so that the matrix is not about signatures that fail anyway."""
    mail, verdict = look.verdict(Spoof(b"From: Eve <eve@evil.test>\r\n"))
    assert (mail.author.address if mail.author else "", verdict.level) == (EVIL, "S4")


FAMILIES = (
    "A2 an empty MAIL FROM",
    "A4 a quote in d=",
    "A6 a bare domain with a quoted local part",
    "A8 two From fields",
    "A9 a space before the second",
    "A10 a space before the colon",
    "A12 Sender is the attacker",
    "A13 Resent-From is the attacker",
    "A14 two addresses",
    "A16 a route",
    "A17 words behind the address",
    "T30 a bare CR",
    "T31 a group alone",
    "T32 two brackets",
    "T33 a NUL in the name",
    "T34 an encoded word as address",
    "T37 no From but others",
)


def test_byte_for_byte_on_the_wire(tmp_path: Path) -> None:
    """One of each family through the real door of a desk that is the MX: no mail names the victim as proved, and no letter
    to the victim holds a word of them; the victim's own mail, in the same door, is proved and gets its subject back."""
    with Dns(published("reject", peer="127.0.0.1")) as dns, Sink() as sink:
        trust = f'verify = "mx"\nrelays = []\nresolvers = ["{dns.address}"]'
        with RealDesk(tmp_path, sink.port, trust=trust, agents="") as desk:
            spoofs = {number: SPOOFS[name] for number, name in enumerate(FAMILIES, 1)}
            honest = Spoof(b"From: The CEO <ceo@victim.test>\r\n", VICTIM, "")
            with Client(("127.0.0.1", desk.smtp_port)) as client:
                client.say("EHLO evil.test")
                for number, spoof in spoofs.items():
                    assert client.mail(spoof.sender, ["support@desk.test"], spoof.raw(number)).startswith("250")
                raw = sign(honest.raw(99).replace(b"zebra", b"giraffe"), "victim.test", key=rsa_key(2048, 1)[0])
                assert client.mail(honest.sender, ["support@desk.test"], raw).startswith("250")
            until(lambda: all(row["outcome"] != "received" for row in desk.json("mails", "--limit", "0")), 30)
            until(lambda: [m for m in sink.mails if m.recipient == VICTIM and b"giraffe" in m.raw], 30)
            why = {row["id"]: " ".join(row["why"]) for row in desk.json("mails", "--limit", "0")}
            assert "DKIM: signed by victim.test, selector s1, verified" in why.pop(max(why))
            assert len(why) == len(FAMILIES)
            assert not [
                line for line in why.values() if "signed by victim.test" in line or "write for victim.test" in line
            ]
            assert not [m for m in sink.mails if m.recipient == VICTIM and b"zebra" in m.raw]


def test_the_signatures_of_the_shapes_hold() -> None:
    """Most shapes bear a signature of evil.test that verifies, and every one does that is read strictly: they fail for whose
    it is, not because it is broken."""
    found = {
        name: check(ask(spoof.raw(), "evil.test", START.timestamp()), published(None)).signatures
        for name, spoof in SPOOFS.items()
    }  # type: ignore[arg-type]
    held = [name for name, signatures in found.items() if [one for one in signatures if one.found in ("pass", "weak")]]
    assert len(held) >= 30, held
