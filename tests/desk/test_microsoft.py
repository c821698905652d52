"""What Exchange Online says, read in a mailbox there: its own results prove, and nobody else can write them."""

from __future__ import annotations

import pytest

from maildesk.config import Trust
from maildesk.desk.trust import Verdict
from tests.desk.test_trust import OURS, said, verdict_on

TENANT = "7f3c2a10-0000-4000-8000-0123456789ab"
M365 = Trust(microsoft_tenant=TENANT)
AT = "Sun, 22 Nov 2026 18:00:00 +0000"
HOP = (
    "Received: from AS8PR01MB0001.eurprd01.prod.exchangelabs.com (2603:10a6::1)\r\n by AM0PR01MB0002.eurprd01.prod.outlook.com"
    f" with HTTPS; {AT}"
)
INNER = (
    "Received: from AM1EPF0001.eurprd01.prod.outlook.com (2603:10a6::2) by\r\n AS4P0001.outlook.office365.com (2603:10a6::3)"
    f" with Microsoft SMTP Server (version=TLS1_3,\r\n cipher=TLS_AES_256_GCM_SHA384) id 15.20.1.1 via Frontend Transport; {AT}"
)
GATE = (
    "Received: from mail.client.test (192.0.2.1) by\r\n AM1EPF0001.mail.protection.outlook.com (10.167.1.1) with Microsoft SMTP"
    f"\r\n Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.1.2 via Frontend\r\n Transport; {AT}"
)
THEIRS = f"Received: from [10.0.0.9] by mail.client.test with ESMTPSA; {AT}"
SUBMITTED = (
    "Received: from AS8PR01MB0001.eurprd01.prod.outlook.com\r\n ([fe80::1]) by AS8PR01MB0001.eurprd01.prod.outlook.com\r\n"
    f" ([fe80::1%4]) with mapi id 15.20.1.3; {AT}"
)
FULL = (
    "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=client.test; dkim=pass (signature was verified)\r\n"
    " header.d=client.test;dmarc=pass action=none\r\n header.from=client.test;compauth=pass reason=100"
)
ANONYMOUS, INTERNAL = (f"X-MS-Exchange-Organization-AuthAs: {word}" for word in ("Anonymous", "Internal"))
OF_TENANT = f"X-MS-Exchange-CrossTenant-Id: {TENANT}"


def outside(value: str = FULL) -> tuple[str, ...]:
    """The head of a mail from outside as it stands in a mailbox."""
    return (HOP, INNER, *said(value), "Received-SPF: Pass (protection.outlook.com)", GATE, ANONYMOUS, OF_TENANT, THEIRS)


def verdict(*lines: str, trust: Trust = M365, is_relay: bool = True) -> Verdict:
    return verdict_on(*lines, trust=trust, is_relay=is_relay)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (FULL, "S4"),
        (
            "spf=fail smtp.mailfrom=evil.test; dkim=none header.d=none;dmarc=pass action=none header.from=client.test",
            "S4",
        ),
        (
            "dkim=pass (signature was verified) header.d=client.test;dmarc=none action=none header.from=client.test",
            "S4",
        ),
        ("spf=none; dkim=pass (signature was verified) header.d=mail.client.test", "S4"),
        ("spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=client.test; dkim=none header.d=none", "S3"),
        ("spf=pass smtp.mailfrom=evil.test; dkim=pass header.d=evil.test;compauth=pass reason=100", "S2"),
        ("dmarc=pass action=none header.from=evil.test", "S2"),
        ("dmarc=pass action=none header.from=mail.client.test", "S2"),
        ("dmarc=bestguesspass action=none header.from=client.test;compauth=pass reason=109", "S2"),
        ("compauth=pass reason=100", "S2"),
        ("auth=pass smtp.auth=lea@client.test", "S2"),
        ("dmarc=fail action=oreject header.from=client.test;compauth=pass reason=130", "S0"),
        ("dmarc=fail action=quarantine header.from=client.test", "S0"),
        ("dmarc=fail action=none header.from=client.test;compauth=pass reason=115", "S1"),
    ],
)
def test_each_result_has_its_level(value: str, level: str) -> None:
    """DMARC and DKIM prove an act, SPF a customer, a fail disowns as its action says; compauth is never asked."""
    assert verdict(*outside(value)).level == level


INSIDE = (HOP, SUBMITTED, INTERNAL, OF_TENANT)


def test_mail_inside_the_tenant_is_its_authors() -> None:
    """A mailbox of the tenant signed in, and Exchange says so in fields that nobody outside can write."""
    assert verdict(*INSIDE).level == "S4"
    assert verdict(HOP, SUBMITTED, INTERNAL, OF_TENANT.upper()).level == "S4"


FORGED = {
    "results without any Received": said(FULL),
    "results without a gate": (HOP, INNER, *said(FULL), ANONYMOUS),
    "results below the gate": (HOP, GATE, *said(FULL), ANONYMOUS),
    "results below a gate of the sender's": (HOP, GATE, ANONYMOUS, HOP, *said(FULL), GATE),
    "results below a foreign server": (HOP, THEIRS, *said(FULL), GATE, ANONYMOUS),
    "results below a server of ours": (OURS, *said(FULL), GATE, ANONYMOUS),
    "a better one below Exchange's": (HOP, *said("spf=none; dkim=none"), *said(FULL), GATE, ANONYMOUS),
    "a broken one above": (HOP, *said("dmarc=pass (", FULL), GATE, ANONYMOUS),
    "results with an id": (HOP, *said(f"mx.client.test; {FULL}"), GATE, ANONYMOUS),
    "results with a version": (HOP, *said(f"1; {FULL}"), GATE, ANONYMOUS),
    "results in a comment": (HOP, *said(f"spf=none ({FULL})"), GATE, ANONYMOUS),
    "ARC's results": (HOP, f"ARC-Authentication-Results: i=1; mx.microsoft.com 1; {FULL}", GATE, ANONYMOUS),
    "no AuthAs": (HOP, *said(FULL), GATE),
    "AuthAs twice": (HOP, *said(FULL), GATE, ANONYMOUS, ANONYMOUS),
    "AuthAs of both": (HOP, *said(FULL), GATE, ANONYMOUS, INTERNAL),
    "results on a mail inside": (HOP, *said(FULL), GATE, INTERNAL),
    "a host that ends alike": (HOP, *said(FULL), GATE.replace(".outlook.com", ".evil-outlook.com"), ANONYMOUS),
    "a host that begins alike": (HOP, *said(FULL), GATE.replace("outlook.com", "outlook.com.evil.test"), ANONYMOUS),
    "a HELO that names the gate": (HOP, *said(FULL), "Received: from x by a.protection.outlook.com by evil.test", ANONYMOUS),
    "a comment that names the gate": (HOP, *said(FULL), "Received: from x (by a.protection.outlook.com) by evil.test", ANONYMOUS),
    "inside, but no tenant": (HOP, SUBMITTED, INTERNAL),
    "inside of another tenant": (HOP, SUBMITTED, INTERNAL, OF_TENANT.replace("7f3c", "0000")),
    "inside of two tenants": (*INSIDE, OF_TENANT.replace("7f3c", "0000")),
    "inside, the tenant twice": (*INSIDE, OF_TENANT),
    "inside, AuthAs twice": (*INSIDE, INTERNAL),
    "inside, AuthAs of both": (*INSIDE, ANONYMOUS),
    "inside, AuthAs with more": (HOP, SUBMITTED, f"{INTERNAL} (x)", OF_TENANT),
    "inside, AuthAs with a NUL": (HOP, SUBMITTED, f"{INTERNAL}\0", OF_TENANT),
    "inside, but anonymous": (HOP, SUBMITTED, ANONYMOUS, OF_TENANT),
    "inside, through a gate": (HOP, GATE, INTERNAL, OF_TENANT),
    "inside, from a server elsewhere": (*INSIDE, THEIRS),
    "inside, passed on by a server of ours": (OURS, *INSIDE),
    "inside, without any Received": (INTERNAL, OF_TENANT),
    "inside, the tenant's own field alone": (
        HOP, SUBMITTED, "X-MS-Exchange-CrossTenant-AuthAs: Internal", OF_TENANT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_field_proves_nobody(name: str) -> None:
    """Fields at another place, twice, of another tenant, or below a foreign host prove nobody."""
    assert verdict(*FORGED[name]).level == "S2"


@pytest.mark.parametrize("lines", [outside(), INSIDE], ids=["outside", "inside"])
def test_nothing_counts_without_the_key_or_from_strangers(lines: tuple[str, ...]) -> None:
    """Without microsoft_tenant, and by SMTP from who is no relay, the same fields say nothing."""
    assert verdict(*lines).level == "S4"
    assert verdict(*lines, trust=Trust()).level == "S2"
    assert verdict(*lines, trust=Trust(authserv_ids=("mx.desk.test",))).level == "S2"
    assert verdict(*lines, is_relay=False).level == "S2"


def test_a_server_of_ours_is_heard_beside_exchange() -> None:
    """With both configured, either may prove, and the more cautious of two that spoke is right."""
    both = Trust(authserv_ids=("mx.desk.test",), microsoft_tenant=TENANT)
    assert verdict(*outside(), trust=both).level == "S4"
    assert verdict(*said("mx.desk.test; dmarc=fail header.from=client.test"), *outside(), trust=both).level == "S0"
