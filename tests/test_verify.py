"""Checking the author of accepted mail, with a real DNS server and the real worker: what is asked, stored, and believed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from maildesk.config import Trust
from maildesk.desk.directory import Directory
from maildesk.desk.proof import judge
from maildesk.desk.trust import Verdict
from maildesk.mail.checks import Checks
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from maildesk.store import ledger
from maildesk.store.sqlite import Kind
from maildesk.verify import Unchecked, Verifier
from maildesk.worker import Worker
from tests.desk.world import START, World
from tests.dns import Dns
from tests.signing import records, sign
from tests.wait import until_async

SUPPORT = ("support@desk.test",)
LEA = (
    b"From: Lea <lea@client.test>\r\nTo: support@desk.test\r\nSubject: The printer\r\n"
    b"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\nMessage-ID: <1@client.test>\r\n\r\nIt burns.\r\n"
)
PASSES = {
    ("client.test", "TXT"): ("v=spf1 ip4:192.0.2.7 mx include:_spf.esp.test -all",),
    ("client.test", "MX"): ("10 mx.client.test",),
} | {
    ("mx.client.test", "A"): ("192.0.2.8",),
    "_spf.esp.test": ("v=spf1 ip4:198.51.100.0/24 ~all",),
}


@pytest.fixture
def dns() -> Iterator[Dns]:
    with Dns(records(policy="reject")) as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, dns: Dns) -> Iterator[World]:
    found = World(tmp_path, Trust(verify="dkim", resolvers=(dns.address,)))
    yield found
    found.close()


def envelope(**values: object) -> Envelope:
    given = {
        "via": "smtp",
        "peer": "192.0.2.7",
        "sender": "lea@client.test",
        "recipients": SUPPORT,
        "received_at": START,
    }
    return Envelope(**given | values)  # type: ignore[arg-type]


def checked(desk: World, raw: bytes, **values: object) -> tuple[Checks | None, Verdict]:
    """What a Verifier of its own finds, and the verdict that follows."""
    at, mail = envelope(**values), understand(raw)
    verifier = Verifier(lambda: desk.directory)

    async def look() -> Checks | None:
        begun = await asyncio.to_thread(verifier.begin, raw, mail, at)
        return await verifier.finish(begun) if isinstance(begun, Unchecked) else begun

    found = asyncio.run(look())
    is_relay = desk.directory.is_relay(at.peer)
    return found, judge(mail, at, desk.directory.config.trust, found, is_relay=is_relay)


def level(desk: World, raw: bytes, **values: object) -> str:
    return checked(desk, raw, **values)[1].level


def test_a_signature_proves_behind_any_door(desk: World, dns: Dns) -> None:
    """Only the bytes are needed: SMTP from anywhere, LMTP, a maildrop or IMAP, and the words of `why` say what was found."""
    raw = sign(LEA, "client.test")
    for via, peer in (("smtp", "192.0.2.7"), ("smtp", "127.0.0.1"), ("lmtp", "unix"), ("maildrop", ""), ("imap", "")):
        checks, verdict = checked(desk, raw, via=via, peer=peer)
        assert (verdict.level, verdict.why) == ("S4", "DKIM: signed by client.test, selector s1, verified")
        assert checks is not None
        assert checks.spf is None


def test_nothing_is_asked_in_vain(desk: World, dns: Dns) -> None:
    """No question to the DNS for who has no author, an import, a web session, or a desk that says "none"."""
    raw = sign(LEA, "client.test")
    for values in ({"quiet": True}, {"via": "web", "proof": "lea@client.test"}):
        assert checked(desk, raw, **values)[0] is None
    assert checked(desk, b"From: eve@evil.test\r\n" + LEA)[0] is None
    (desk.folder / "off").mkdir()
    off = World(desk.folder / "off", Trust(verify="none"))
    assert checked(off, raw)[0] is None
    off.close()
    assert dns.asked == []


def test_dkim_mode_never_asks_for_spf(desk: World, dns: Dns) -> None:
    """Behind a relay the peer is not the sender's, so "dkim" asks for keys and policies alone."""
    dns.records |= PASSES
    assert level(desk, LEA) == "S1"
    assert [name for name, _, _ in dns.asked] == ["_dmarc.client.test"]


@pytest.fixture
def mx(tmp_path: Path, dns: Dns) -> Iterator[World]:
    dns.records |= PASSES
    found = World(tmp_path, Trust(verify="mx", resolvers=(dns.address,)))
    yield found
    found.close()


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"peer": "192.0.2.7"}, "S3"),
        ({"peer": "192.0.2.8"}, "S3"),
        ({"peer": "198.51.100.9"}, "S3"),
        ({"peer": "::ffff:192.0.2.7"}, "S3"),
        ({"peer": "192.0.2.9"}, "S0"),
        ({"peer": "2001:db8::1"}, "S0"),
        ({"peer": "192.0.2.7", "sender": "x@evil.test"}, "S0"),
        ({"peer": "192.0.2.7", "sender": "bounce@mail.client.test"}, "S0"),
        # Where the peer is not the sender's server, SPF might have been met elsewhere.
        ({"peer": "192.0.2.7", "sender": ""}, "S1"),
        ({"peer": "192.0.2.7", "sender": None}, "S1"),
        ({"peer": "127.0.0.1"}, "S1"),
        ({"peer": "unix", "via": "lmtp"}, "S1"),
        ({"peer": "", "via": "maildrop"}, "S1"),
    ],
)
def test_spf_where_maildesk_is_the_mx(mx: World, values: dict[str, object], wanted: str) -> None:
    """In "mx" mode the peer's right to send for the author's domain proves, and with everything checked a failure is S0."""
    checks, verdict = checked(mx, LEA, **values)
    assert verdict.level == wanted, verdict.why
    assert checks is not None


def test_spf_of_a_child_domain_is_aligned_unless_strict(mx: World, dns: Dns) -> None:
    """aspf=s asks for the author's very domain."""
    dns.records["mail.client.test"] = ("v=spf1 ip4:192.0.2.7 -all",)
    values = {"sender": "bounce@mail.client.test"}
    assert level(mx, LEA, **values) == "S3"
    dns.records["_dmarc.client.test"] = ("v=DMARC1; p=reject; aspf=s",)
    assert level(mx, LEA, **values) == "S0"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:client.test -all",
        "v=spf1 " + "a:x.test " * 30,
        "v=spf1 %{q}",
        "v=spf1 exists:%{i}.%{l}",
        "v=spf1 ip4:x",
        "v=spf1 exists:" + "%{" * 3000,
        "v=spf1 exists:" + "%{" * 900,
    ],
)
def test_a_broken_spf_record_proves_nothing(mx: World, dns: Dns, record: str) -> None:
    """Loops, too many questions and wrong words end, and nobody is proved by them."""
    dns.records["client.test", "TXT"] = (record,)
    assert level(mx, LEA) == "S0"


def test_silence_is_nobodys_fault(mx: World, dns: Dns) -> None:
    """Whatever of the answers is missing, a mail is S2 within the budget, and says why."""
    for name in ("_dmarc.client.test", "client.test"):
        dns.trouble = {name: "servfail"}
        _, verdict = checked(mx, LEA, peer="192.0.2.99")
        assert (verdict.level, "the DNS did not answer" in verdict.why) == ("S2", True)
    dns.trouble = {"s1._domainkey.client.test": "servfail"}
    assert level(mx, sign(LEA, "client.test"), peer="192.0.2.99") == "S2"
    dns.trouble = {"": "swallow"}
    began = time.monotonic()
    assert level(mx, sign(LEA, "client.test")) == "S2"
    assert time.monotonic() - began < 4.0


def test_all_that_was_seen_is_kept(mx: World) -> None:
    """The stored checks hold every record that the decision rests on."""
    checks, _ = checked(mx, sign(LEA, "client.test"), peer="198.51.100.9")
    assert checks is not None
    assert set(checks.records) == {
        "s1._domainkey.client.test",
        "_dmarc.client.test",
        "client.test",
        "_spf.esp.test",
        "MX client.test",
        "A mx.client.test",
    }


def test_a_reload_asks_other_servers(desk: World, dns: Dns) -> None:
    """The resolver follows the configuration of the moment, and is kept while that names the same servers."""
    verifier = Verifier(lambda: desk.directory)
    first = verifier.resolver
    assert verifier.resolver is first
    config = desk.directory.config
    changed = config.model_copy(update={"trust": config.trust.model_copy(update={"resolvers": ("192.0.2.53",)})})
    desk.directory = Directory(changed, desk.keyring)
    assert verifier.resolver.servers == ("192.0.2.53",)


async def settle(desk: World, *mails: bytes) -> Worker:
    """Accept mails and let the real worker settle them."""
    for raw in mails:
        desk.store.write(lambda tx, raw=raw: ledger.add_mails(tx, raw, envelope(), SUPPORT), Kind.ACCEPT).result()
    worker, stop = Worker(desk.store, lambda: desk.settler, lambda: None), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    await until_async(lambda: not desk.store.read(lambda tx: ledger.list_received(tx, 1)), 30)
    stop.set()
    await task
    return worker


def rows(desk: World) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(desk.folder / "desk.db")) as db:
        db.row_factory = sqlite3.Row
        return db.execute("SELECT * FROM mails ORDER BY id").fetchall()


def test_the_worker_checks_each_mail_once_and_stores_it(desk: World, dns: Dns) -> None:
    """Twenty signed mails in a row: all are proved, the domain was asked once, and each row has its checks."""
    mails = [
        sign(LEA.replace(b"<1@", b"<%d@" % n).replace(b"burns", b"burns %d" % n), "client.test") for n in range(20)
    ]
    asyncio.run(settle(desk, *mails))
    found = rows(desk)
    assert len(found) == 20
    assert all("DKIM: signed by client.test, selector s1, verified" in row["why"] for row in found)
    assert all(Checks.from_json(row["checks"]).signatures[0].found == "pass" for row in found)
    assert dns.times("s1._domainkey.client.test") == dns.times("_dmarc.client.test") == 1


def test_what_is_stored_decides_again(desk: World, dns: Dns) -> None:
    """A mail that is settled a second time rests on the records of its first time, whatever the domain says by then."""
    asyncio.run(settle(desk, sign(LEA, "client.test")))
    before = rows(desk)[0]
    with closing(sqlite3.connect(desk.folder / "desk.db")) as db, db:
        db.execute("UPDATE mails SET outcome = 'received', content_key = NULL")
    dns.records.clear()
    dns.asked.clear()
    asyncio.run(settle(desk))
    after = rows(desk)[0]
    # The worker's look at its start asks for the root.
    assert (after["checks"], [name for name, _, _ in dns.asked if "client.test" in name]) == (before["checks"], [])
    assert "DKIM: signed by client.test, selector s1, verified" in after["why"]


def test_a_dead_resolver_does_not_slow_the_desk_down(desk: World, dns: Dns) -> None:
    """A hundred mails of a hundred domains while the DNS swallows all: settled within two budgets, each says why."""
    dns.trouble[""] = "swallow"
    mails = [LEA.replace(b"client.test", b"c%d.test" % n).replace(b"burns", b"burns %d" % n) for n in range(100)]
    began = time.monotonic()
    asyncio.run(settle(desk, *mails))
    assert time.monotonic() - began < 12.0
    assert all("the DNS did not answer" in row["why"] for row in rows(desk))
