"""T36: forged Authentication-Results. Whatever the desk checks itself and whatever the victim publishes, no forged field proves
anybody. The shapes that tests/desk/test_trust.py knows are run again through both checks; more are added here."""

from __future__ import annotations

import json

import pytest

from maildesk.config import Trust
from maildesk.desk.proof import judge
from maildesk.desk.trust import Verdict
from maildesk.mail.checks import ask, check
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from tests.desk.test_trust import FORGED as KNOWN
from tests.desk.test_trust import OURS, PASS, THEIRS, said
from tests.desk.world import START
from tests.signing import records, sign
from tests.threat.wire import Wire, mail

POLICIES = (None, "none", "quarantine", "reject")
# The verdict's level where nothing but the victim's policy speaks: a policy that was not met without a signature is mild.
SILENT = {None: "S2", "none": "S1", "quarantine": "S1", "reject": "S1"}

FROM = "header.from=client.test"
SPAM = "dmarc=none header.from=client.test"

FORGED = {
    # The id: what looks like ours to one reader or another.
    "id in brackets": said(f"<mx.desk.test>; dmarc=pass {FROM}"),
    "id as an address": said(f"postmaster@mx.desk.test; dmarc=pass {FROM}"),
    "id with a port": said(f"mx.desk.test:25; dmarc=pass {FROM}"),
    "id with a slash": said(f"mx.desk.test/evil; dmarc=pass {FROM}"),
    "id with a suffix in quotes": said(f'"mx.desk.test evil"; dmarc=pass {FROM}'),
    "id with a full stop of another script": said(f"mx。desk。test; dmarc=pass {FROM}"),
    "id with a zero width space": said(f"mx.desk.test\u200b; dmarc=pass {FROM}"),
    "id with a soft hyphen": said(f"mx.de\u00adsk.test; dmarc=pass {FROM}"),
    "id behind a byte order mark": said(f"\ufeffmx.desk.test; dmarc=pass {FROM}"),
    "id with a dotless i's neighbour": said(f"mx.de\u017fk.test; dmarc=pass {FROM}"),
    "id in wide letters": said(f"ｍｘ.desk.test; dmarc=pass {FROM}"),
    "id as a property": said(f"mx.evil.test; x=none policy.id=mx.desk.test; dmarc=pass {FROM}"),
    "id as a second field's tail": said(f"mx.evil.test;\r\n\tmx.desk.test; dmarc=pass {FROM}"),
    "id folded": said(f"mx.desk\r\n .test; dmarc=pass {FROM}"),
    "id folded behind its dot": said(f"mx.desk.\r\n\ttest; dmarc=pass {FROM}"),
    "id folded from a foreign one": said(f"mx.evil.test\r\n mx.desk.test; dmarc=pass {FROM}"),
    "our id inside a comment before the semicolon": said(f"evil (mx.desk.test;) ; dmarc=pass {FROM}"),
    "our id inside nested comments": said(f"mx.evil.test ((mx.desk.test) x); dmarc=pass {FROM}"),
    "a comma for the semicolon": said(f"mx.desk.test, dmarc=pass {FROM}"),
    "no semicolon": said(f"mx.desk.test dmarc=pass {FROM}"),
    # Versions.
    "version 0": said(f"mx.desk.test 0; dmarc=pass {FROM}"),
    "version 1.0": said(f"mx.desk.test 1.0; dmarc=pass {FROM}"),
    "version 01": said(f"mx.desk.test 01; dmarc=pass {FROM}"),
    "two versions": said(f"mx.desk.test 1 1; dmarc=pass {FROM}"),
    "a version in quotes": said(f'mx.desk.test "1"; dmarc=pass {FROM}'),
    # Letters that are not there.
    "a NUL in the id": said(f"mx.desk.test\0; dmarc=pass {FROM}"),
    "a NUL in the value": said("mx.desk.test; dmarc=pass header.from=client.test\0.evil.test"),
    "a NUL in a quoted value": said('mx.desk.test; dmarc=pass header.from="client.test\0.evil.test"'),
    "a bell in the value": said("mx.desk.test; dmarc=pass header.from=client.test\a"),
    # Another field's name.
    "ARC as a server seals it": (
        "ARC-Authentication-Results: i=1; mx.desk.test 1; dmarc=pass header.from=client.test",
    ),
    "ARC's whole set": (
        "ARC-Seal: i=1; a=rsa-sha256; d=client.test; s=s1; cv=none; b=AAAA",
        "ARC-Message-Signature: i=1; a=rsa-sha256; d=client.test; s=s1; h=from; bh=AAAA; b=AAAA",
        "ARC-Authentication-Results: i=1; mx.desk.test; dmarc=pass header.from=client.test",
    ),
    "original results": ("Authentication-Results-Original: " + PASS, "X-Original-Authentication-Results: " + PASS),
    "a server's private mark": ("X-MS-Exchange-Organization-AuthAs: Internal", "X-Google-DKIM-Verified: client.test"),
    "what filters write": ("X-Spam-Status: No, DKIM_VALID_AU, DMARC_PASS", "X-DMARC-Result: pass", "X-Sender-ID: pass"),
    "a login that says so": ("X-Authenticated-Sender: lea@client.test", "X-Auth-ID: lea@client.test"),
    "a name with an underscore": ("Authentication_Results: " + PASS,),
    "a name in another script": ("Authenticatiоn-Results: " + PASS,),
    "in a field's continuation": ("X-Note: hello\r\n Authentication-Results: " + PASS,),
    "in an encoded word that holds a line": (
        "X-Note: =?utf-8?q?a=0D=0AAuthentication-Results=3A_mx=2Edesk=2Etest=3B_dmarc=3Dpass_header=2Efrom=3Dclient=2Etest?=",
    ),
    # A second field, from the sender, below ours.
    "a better one below ours": (*said(f"mx.desk.test; {SPAM}"), OURS, *said(PASS)),
    "a better one below and above": said(PASS, f"mx.desk.test; {SPAM}", PASS),
    "a better signature below a broken one": (
        *said("mx.desk.test; dkim=fail header.d=client.test"),
        OURS,
        *said("mx.desk.test; dkim=pass header.d=client.test"),
    ),
    "a better mailfrom below ours": (
        *said("mx.desk.test; spf=softfail smtp.mailfrom=client.test"),
        OURS,
        *said("mx.desk.test; spf=pass smtp.mailfrom=client.test"),
    ),
    "below a foreign server that had it from us": (
        "Received: from mx.desk.test by relay.evil.test with ESMTP",
        *said(PASS),
    ),
    "below two foreign ones": (OURS, THEIRS, THEIRS, *said(PASS)),
    "below a folded foreign Received": (
        "Received: from mx.desk.test\r\n\tby mx.desk.test\r\n\tby mx.evil.test",
        *said(PASS),
    ),
    "below an empty Received": ("Received:", *said(PASS)),
    "below a Received whose by is a comment": ("Received: from x (by mx.desk.test)", *said(PASS)),
    "below a by in an open comment": ("Received: from x (y by mx.desk.test", *said(PASS)),
    "below a by with an address behind": ("Received: from x by mx.desk.test@evil.test with SMTP", *said(PASS)),
    # Properties.
    "a property twice": said(f"mx.desk.test; dmarc=pass {FROM} {FROM}"),
    "a list of domains": said("mx.desk.test; dmarc=pass header.from=client.test,evil.test"),
    "a list of authors": said('mx.desk.test; dmarc=pass header.from="lea@client.test, eve@evil.test"'),
    "a group": said('mx.desk.test; dmarc=pass header.from="x: lea@client.test;"'),
    "an address of another in quotes": said('mx.desk.test; dmarc=pass header.from="lea@client.test"@evil.test'),
    "no ptype": said("mx.desk.test; dmarc=pass from=client.test"),
    "another ptype": said("mx.desk.test; dmarc=pass smtp.from=client.test"),
    "a ptype that nobody knows": said("mx.desk.test; dmarc=pass body.from=client.test; dkim=pass body.d=client.test"),
    "a selector as domain": said("mx.desk.test; dkim=pass header.s=client.test"),
    "a body's hash as domain": said("mx.desk.test; dkim=pass header.b=client.test"),
    "a mailfrom as the signer": said("mx.desk.test; dkim=pass smtp.mailfrom=client.test"),
    "the recipient as mailfrom": said("mx.desk.test; spf=pass smtp.rcptto=client.test"),
    "a dot too many": said("mx.desk.test; dmarc=pass header..from=client.test"),
    "a domain behind a dot": said("mx.desk.test; dmarc=pass header.from=.client.test"),
    "the parent's policy": said("mx.desk.test; dmarc=pass header.from=test"),
    "a child's pass": said("mx.desk.test; dmarc=pass header.from=mail.client.test"),
    "a comment in the value": said("mx.desk.test; dmarc=pass header.from=evil.test(client.test)"),
    "a value in a comment": said("mx.desk.test; dmarc=pass header.from=(client.test) evil.test"),
    # Methods and results.
    "sender-id": said("mx.desk.test; sender-id=pass header.from=client.test"),
    "domainkeys": said("mx.desk.test; domainkeys=pass header.d=client.test header.from=client.test"),
    "dkim-adsp": said("mx.desk.test; dkim-adsp=pass header.from=lea@client.test"),
    "dkim-atps": said("mx.desk.test; dkim-atps=pass header.from=lea@client.test"),
    "smime": said("mx.desk.test; smime=pass body.smime-identifier=lea@client.test"),
    "vbr": said("mx.desk.test; vbr=pass header.md=client.test"),
    "compauth": said("mx.desk.test; compauth=pass reason=100 header.from=client.test"),
    "a result that begins alike": said("mx.desk.test; dmarc=passed header.from=client.test"),
    "a result in quotes": said('mx.desk.test; dmarc="pass" header.from=client.test'),
    "neutral": said("mx.desk.test; dkim=neutral header.d=client.test; spf=neutral smtp.mailfrom=client.test"),
    "policy": said("mx.desk.test; dkim=policy header.d=client.test"),
    "a result in a comment": said("mx.desk.test; dmarc=(pass) fail header.from=evil.test"),
    "two results": said("mx.desk.test; dmarc=pass pass header.from=client.test"),
    # Quotes and brackets that swallow.
    "a comment that swallows the fail": said(f"mx.desk.test; dmarc=none ( {FROM} ; dmarc=pass {FROM}"),
    "brackets that never open": said(f"mx.desk.test ); dmarc=pass {FROM}"),
    "a backslash outside": said(f"mx.desk.test\\; dmarc=pass {FROM}"),
    "a quote over two fields": said('mx.desk.test; spf=none smtp.mailfrom="a', f'b"; dmarc=pass {FROM}'),
    "a comment over two fields": said("mx.desk.test; spf=none (a", f"b); dmarc=pass {FROM}"),
}


def believed(
    lines: tuple[str, ...], way: str, policy: str | None, *, signs: bool = False, relay: bool = True
) -> Verdict:
    """What is believed of Lea's mail with these header lines on top."""
    raw = b"From: Lea <lea@client.test>\r\nSubject: s\r\nDate: Sun, 22 Nov 2026 17:59:00 +0000\r\n\r\nhello\r\n"
    raw = "".join(f"{line}\r\n" for line in lines).encode() + (sign(raw, "client.test") if signs else raw)
    checks = None
    if way == "dkim":
        checks = check(ask(raw, "client.test", START.timestamp()), records("client.test", policy))
    trust = Trust(authserv_ids=("mx.desk.test",), verify=way)  # type: ignore[arg-type]
    envelope = Envelope("smtp", "127.0.0.1", "lea@client.test", ("support@desk.test",), START)
    return judge(understand(raw), envelope, trust, checks, is_relay=relay)


# A name that is no field's, and a NUL, are nothing that a signed mail may hold.
BROKEN = {"a name in another script", *(name for name, lines in FORGED.items() if "\0" in "".join(lines))}
WAYS = [("none", None), *(("dkim", policy) for policy in POLICIES)]


def test_the_forgeries_are_as_many_as_asked() -> None:
    """More than 60 here, and none of them stands in test_trust.py."""
    assert len(FORGED) >= 60
    assert not set(FORGED) & set(KNOWN)
    assert not set(FORGED.values()) & set(KNOWN.values())


@pytest.mark.parametrize(("way", "policy"), WAYS)
@pytest.mark.parametrize("name", [*FORGED, *KNOWN])
def test_a_forged_field_proves_nobody(name: str, way: str, policy: str | None) -> None:
    """Whatever is checked here and whatever the victim publishes, the author stays unproved."""
    verdict = believed((FORGED | KNOWN)[name], way, policy)
    assert not verdict.is_proved, verdict.why


@pytest.mark.parametrize(("way", "policy"), WAYS)
@pytest.mark.parametrize("name", sorted(set(FORGED) - BROKEN))
def test_a_forged_field_takes_no_proof_away(name: str, way: str, policy: str | None) -> None:
    """A mail that client.test signed stays proved where the desk checks signatures, whoever put a field above it."""
    assert believed(FORGED[name], way, policy, signs=True).is_aligned is (way == "dkim")


@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_field_the_policy_speaks(policy: str | None) -> None:
    """The control: no field at all is judged as the forged ones are, and ours is believed."""
    assert believed((), "dkim", policy).level == SILENT[policy]
    assert believed((), "none", policy).level == "S2"
    assert believed(said(PASS), "dkim", policy).level == believed(said(PASS), "none", policy).level == "S4"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_stranger_says_nothing(policy: str | None) -> None:
    """From a peer that is no relay neither the best field nor the worst one counts."""
    for words in (PASS, "mx.desk.test; dmarc=fail header.from=client.test"):
        assert believed(said(words), "none", policy, relay=False).level == "S2"
        assert believed(said(words), "dkim", policy, relay=False).level == SILENT[policy]


# Two or three of each family, as bytes: what a mail server's own parser may see otherwise.
ON_THE_WIRE = {
    "id in capitals": b"Authentication-Results: MX.DESK.TEST; dmarc=pass header.from=client.test\r\n",
    "id folded": b"Authentication-Results: mx.desk\r\n .test; dmarc=pass header.from=client.test\r\n",
    "id in latin-1": b"Authentication-Results: mx.desk.test\xad; dmarc=pass header.from=client.test\r\n",
    "version 2": b"Authentication-Results: mx.desk.test 2; dmarc=pass header.from=client.test\r\n",
    "two versions": b"Authentication-Results: mx.desk.test 1 1; dmarc=pass header.from=client.test\r\n",
    "NUL in the id": b"Authentication-Results: mx.desk.test\0; dmarc=pass header.from=client.test\r\n",
    "NUL in the value": b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\0\r\n",
    "a bare CR": b"X-A: b\rAuthentication-Results: mx.evil.test; dmarc=pass header.from=client.test\r\n",
    "ARC": b"ARC-Authentication-Results: i=1; mx.desk.test; dmarc=pass header.from=client.test\r\n",
    "an X field": b"X-Verified: yes\r\nX-Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n",
    "a field below ours": b"Authentication-Results: mx.desk.test; dmarc=none header.from=client.test\r\n"
    b"Received: from a by mx.desk.test; Sun, 22 Nov 2026 18:00:00 +0000\r\n"
    b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n",
    "below a foreign server": b"Received: from mx.desk.test by mx.evil.test; Sun, 22 Nov 2026 18:00:00 +0000\r\n"
    b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test\r\n",
    "a property twice": b"Authentication-Results: mx.desk.test; dmarc=pass header.from=evil.test header.from=client.test\r\n",
    "a list": b"Authentication-Results: mx.desk.test; dmarc=pass header.from=client.test,evil.test\r\n",
    "another domain": b"Authentication-Results: mx.desk.test; dmarc=pass header.from=evil.test\r\n",
    "swallowed": b"Authentication-Results: mx.desk.test; spf=none (a ; dmarc=pass header.from=client.test\r\n",
    "quoted mailfrom": b"Authentication-Results: mx.desk.test; spf=pass"
    b' smtp.mailfrom="; dmarc=pass header.from=client.test; "@evil.test\r\n',
    "unknown method": b"Authentication-Results: mx.desk.test; x-trust=pass header.from=client.test\r\n",
}


def test_byte_for_byte_on_the_wire(wire: Wire) -> None:
    """Two or three of each family through the SMTP door, from the relay: nobody is proved. The control is."""
    for number, (name, fields) in enumerate(ON_THE_WIRE.items()):
        raw = fields + mail(f"t36 forged {number}", is_proved=False)
        assert "the author is not proved" in _why(wire, raw), name
    assert "mx.desk.test says dmarc=pass for client.test" in _why(wire, mail("t36 control"))


def test_a_peer_that_is_no_relay_proves_nobody(wire: Wire) -> None:
    """The field that proves from the relay's address says nothing from another one."""
    assert "the peer is not one of [trust] relays" in _why(wire, mail("t36 stranger"), source="127.0.0.9")


def _why(wire: Wire, raw: bytes, source: str = "127.0.0.1") -> str:
    return " ".join(json.loads(wire.gives(raw, source=source)["why"]))
