"""How our own checks and a configured server's word make one verdict: each finding alone, and each pair of the two."""

from __future__ import annotations

import pytest

from maildesk.config import Trust
from maildesk.desk.proof import judge, of_checks
from maildesk.desk.trust import Verdict
from maildesk.mail.checks import Checks, Spf
from maildesk.mail.dmarc import Policy, Wish
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from maildesk.mail.signed import Found, Signed
from tests.desk.world import START

OURS = Trust(authserv_ids=("mx.desk.test",))


def signature(found: Found, domain: str = "client.test", unsigned: tuple[str, ...] = ()) -> Signed:
    return Signed(domain, "s1", found, "verified" if found == "pass" else "the body is not what was signed", unsigned)


def checks(
    *signatures: Signed, wish: Wish | None = None, spf: Spf | None = None, is_silent: bool = False, strict: bool = False
) -> Checks:
    policy = Policy("client.test", wish, strict, strict) if wish else None
    return Checks("client.test", signatures, policy, is_silent, spf)


MET, MISSED, OPEN = Spf("pass", "client.test"), Spf("fail", "client.test"), Spf("temperror", "client.test")
FULL, PART, BROKEN, WEAK, UNKNOWN = (
    signature("pass"),
    signature("pass", unsigned=("to",)),
    signature("fail"),
    signature("weak"),
    signature("silent"),
)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (checks(FULL), "S4"),
        (checks(FULL, wish="reject"), "S4"),
        (checks(BROKEN, FULL, wish="reject", spf=MISSED), "S4"),
        (checks(FULL, is_silent=True), "S4"),
        (checks(PART, wish="reject"), "S3"),
        (checks(PART, FULL), "S4"),
        (checks(BROKEN, wish="reject", spf=MET), "S3"),
        (checks(spf=MET), "S3"),
        # A child's signature counts, unless its parent asks for more or nobody knows what it asks for.
        (checks(signature("pass", "mail.client.test")), "S4"),
        (checks(signature("pass", "mail.client.test"), wish="none"), "S4"),
        (checks(signature("pass", "mail.client.test"), wish="none", strict=True), "S1"),
        (checks(signature("pass", "mail.client.test"), is_silent=True), "S2"),
        (checks(signature("pass", "evil.test"), wish="reject"), "S1"),
        (checks(spf=Spf("pass", "mail.client.test")), "S3"),
        (checks(spf=Spf("pass", "mail.client.test"), wish="reject", strict=True), "S0"),
        (checks(spf=Spf("pass", "evil.test"), wish="reject"), "S0"),
        # Nothing is known.
        (checks(), "S2"),
        (checks(BROKEN), "S2"),
        (checks(WEAK, spf=MISSED), "S2"),
        (checks(is_silent=True), "S2"),
        (checks(UNKNOWN, wish="reject"), "S2"),
        (checks(wish="reject", spf=OPEN), "S2"),
        (checks(BROKEN, wish="reject", spf=OPEN), "S2"),
        # The policy was not met.
        (checks(wish="none"), "S1"),
        (checks(BROKEN, wish="none", spf=MISSED), "S1"),
        (checks(wish="quarantine"), "S1"),
        (checks(wish="reject"), "S1"),
        (checks(WEAK, wish="reject"), "S1"),
        (checks(BROKEN, wish="quarantine"), "S0"),
        (checks(BROKEN, wish="reject"), "S0"),
        (checks(wish="quarantine", spf=MISSED), "S0"),
        (checks(WEAK, wish="reject", spf=Spf("none", "client.test")), "S0"),
        (checks(wish="reject", spf=Spf("permerror", "client.test")), "S0"),
    ],
)
def test_what_our_own_checks_say(found: Checks, level: str) -> None:
    """The levels of THREATS 5.4; without SPF a strict policy may have been met elsewhere, unless a signature fails."""
    verdict = of_checks(found)
    assert verdict.level == level
    assert verdict.why


def test_the_words_say_what_was_found() -> None:
    """Domain, selector and policy stand in `why`, and what is wrong."""
    assert of_checks(checks(FULL)).why == "DKIM: signed by client.test, selector s1, verified"
    assert of_checks(checks(PART)).why == "DKIM: signed by client.test, selector s1, verified; To not signed"
    assert of_checks(checks(PART)).unsigned == ("to",)
    assert of_checks(checks(wish="reject")).why == "DMARC: client.test publishes p=reject; nothing aligned is signed"
    assert (
        of_checks(checks(BROKEN, wish="reject", spf=MISSED)).why
        == "DMARC: client.test publishes p=reject; the signature of client.test: the body is not what was signed; "
        "SPF says fail for client.test"
    )


SERVER = {
    "S4": "dmarc=pass",
    "S3": "spf=pass smtp.mailfrom=client.test",
    "S2": "dmarc=none",
    "S1": "dmarc=fail policy.dmarc=none",
    "S0": "dmarc=fail",
    "nothing": "",
}
OWN = {
    "S4": checks(FULL, wish="reject"),
    "S3": checks(wish="reject", spf=MET),
    "S2": checks(),
    "S1": checks(wish="reject"),
    "S0": checks(BROKEN, wish="reject"),
    "none checked": None,
}
TABLE = {
    # our own:   S4    S3    S2    S1    S0    none checked
    "S4": ("S4", "S4", "S4", "S4", "S4", "S4"),
    "S3": ("S4", "S3", "S3", "S3", "S3", "S3"),
    "S2": ("S4", "S3", "S2", "S1", "S0", "S2"),
    "S1": ("S4", "S1", "S1", "S1", "S1", "S1"),
    "S0": ("S4", "S0", "S0", "S0", "S0", "S0"),
    "nothing": ("S4", "S3", "S2", "S1", "S0", "S2"),
}


def verdict(own: Checks | None, results: str, author: str = "lea@client.test", proof: str | None = None) -> Verdict:
    field = f"Authentication-Results: mx.desk.test; {results} header.from=client.test\r\n" if results else ""
    mail = understand(f"{field}From: {author}\r\nSubject: s\r\n\r\nx\r\n".encode())
    envelope = Envelope("smtp", "127.0.0.1", "lea@client.test", ("support@desk.test",), START, proof)
    return judge(mail, envelope, OURS, own, is_relay=True)


@pytest.mark.parametrize("server", SERVER)
@pytest.mark.parametrize("own", OWN)
def test_each_pair(server: str, own: str) -> None:
    """Our own S4 wins, then a server's dmarc=fail, then whichever proves, then our own finding."""
    assert verdict(OWN[own], SERVER[server]).level == TABLE[server][list(OWN).index(own)]


def test_a_fail_weighs_what_the_domain_asks_for() -> None:
    """A server that does not tell the policy: the record that we saw does."""
    assert verdict(checks(wish="none"), "dmarc=fail").level == "S1"
    assert verdict(checks(wish="quarantine"), "dmarc=fail").level == "S0"
    assert verdict(checks(), "dmarc=fail").level == "S0"


def test_checks_are_of_one_author() -> None:
    """Checks of another domain than the author's count for nothing, and nobody and a web session need none."""
    assert verdict(checks(FULL), "", author="eve@evil.test").level == "S2"
    assert verdict(checks(FULL), "", author="lea@mail.client.test").level == "S2"
    assert verdict(checks(FULL), "", author="lea@client.test, eve@evil.test").level == "S0"
    assert verdict(checks(FULL), "", proof="eve@evil.test").level == "S0"
    assert verdict(checks(BROKEN, wish="reject"), "", proof="lea@client.test").level == "S4"
