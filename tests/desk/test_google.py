"""What Gmail says, read in a mailbox there: its own results prove, and nobody else can write them."""

from __future__ import annotations

import pytest

from maildesk.config import Trust
from maildesk.desk.trust import Verdict
from tests.desk.test_trust import OURS, said, verdict_on

GMAIL = Trust(authserv_ids=("mx.google.com",))
AT = "Sun, 22 Nov 2026 10:00:00 -0800 (PST)"
INNER = f"Received: by 2002:a05:6102:22c6:0:0:0:0 with SMTP id a6csp126141vsh;\r\n        {AT}"
SHORT = f"Received: by 2002:a05:7022:4a3::1 with SMTP id b7csp1; {AT}"
GATE = (
    "Received: from mail.client.test (mail.client.test. [192.0.2.7])\r\n        by mx.google.com with ESMTPS id"
    f" d2e1a72fcca58-7c3f0si1.100\r\n        for <support@desk.test>\r\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384"
    f" bits=256/256);\r\n        {AT}"
)
THEIRS = f"Received: from [10.0.0.9] by mail.client.test with ESMTPSA; {AT}"
FULL = (
    "mx.google.com;\r\n       dkim=pass header.i=@client.test header.s=s1 header.b=J3n0;\r\n       spf=pass (google.com: domain"
    " of lea@client.test designates 192.0.2.7 as permitted sender) smtp.mailfrom=lea@client.test;\r\n       dmarc=pass (p=REJECT"
    " sp=REJECT dis=NONE) header.from=client.test"
)
NOTHING = "mx.google.com; spf=pass (google.com: best guess) smtp.mailfrom=eve@evil.test"
TOP = (
    "Delivered-To: support@desk.test",
    INNER,
    "X-Google-Smtp-Source: AGHT+IE1",
    f"X-Received: by 2002:a05:6a00:1c96:b0 with SMTP id x1mr1.2; {AT}",
    "ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=google.com; s=arc-20240605; b=AAAA",
    f"ARC-Authentication-Results: i=1; {FULL}",
    "Return-Path: <lea@client.test>",
)
SPF = "Received-SPF: pass (google.com: domain of lea@client.test designates 192.0.2.7 as permitted sender) client-ip=192.0.2.7;"


def head(*below: str, value: str = FULL) -> tuple[str, ...]:
    """The head of a mail as it stands in a mailbox; below: what the sender wrote."""
    return (*TOP, GATE, SPF, *said(value), *below, THEIRS)


def verdict(*lines: str, trust: Trust = GMAIL, is_relay: bool = True) -> Verdict:
    return verdict_on(*lines, trust=trust, is_relay=is_relay)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (FULL, "S4"),
        ("mx.google.com; dkim=pass header.i=@client.test header.s=s1 header.b=J3n0", "S4"),
        ("mx.google.com; spf=pass (google.com: x) smtp.mailfrom=lea@client.test", "S3"),
        ("mx.google.com; dkim=pass header.i=@esp.test; spf=pass smtp.mailfrom=bounce@esp.test", "S2"),
        ("mx.google.com; dkim=neutral (body hash did not verify) header.i=@client.test", "S2"),
        ("mx.google.com; dmarc=fail (p=REJECT sp=REJECT dis=NONE) header.from=client.test", "S0"),
        (NOTHING, "S2"),
    ],
)
def test_each_result_has_its_level(value: str, level: str) -> None:
    """What stands where Google writes it is read as any server's results are."""
    assert verdict(*head(value=value)).level == level


def test_hops_inside_are_googles() -> None:
    """Each number of inner Received fields, and none, stands above mx.google.com's own."""
    for hops in ((), (INNER,), (INNER, SHORT), (SHORT, INNER, SHORT)):
        assert verdict(*hops, GATE, *said(FULL), THEIRS).level == "S4"


FAKE = ("Received: by 2002:a05:6102:22c6:0:0:0:0 with SMTP id a6csp126141vsh; x", GATE, SPF, *said(FULL))

FORGED = {
    "Google's whole head below a first server's": (THEIRS, *TOP, GATE, *said(FULL)),
    "Google's whole head below a server of ours": (OURS, *TOP, GATE, *said(FULL)),
    "an inner hop and results": (INNER, *said(FULL)),
    "results alone": said(FULL),
    "results above the gate": (INNER, *said(FULL), GATE, THEIRS),
    "a second field right below Google's": head(*said(FULL), value=NOTHING),
    "a second field below an inner hop of the sender's": head(INNER, *said(FULL), value=NOTHING),
    "a whole head below Google's": head(*FAKE, value=NOTHING),
    "a whole head where Google said nothing": (INNER, GATE, SPF, *FAKE),
    "an inner hop where Google said nothing": (INNER, GATE, SPF, INNER, *said(FULL)),
    "another server's field first": (INNER, GATE, *said("mx.evil.test; none", FULL)),
    "a broken field first": (INNER, GATE, *said("mx.google.com; dmarc=pass (", FULL)),
    "an id in capitals": (INNER, GATE, *said(FULL.replace("mx.google.com", "MX.Google.com", 1))),
    "a quoted id": (INNER, GATE, *said(FULL.replace("mx.google.com", '"mx.google.com"', 1))),
    "an id behind a NUL": (INNER, GATE, *said(FULL.replace("mx.google.com", "mx.google.com\0", 1))),
    "a longer id": (INNER, GATE, *said(FULL.replace("mx.google.com", "mx.google.com.evil.test", 1))),
    "an inner hop with a from": (INNER.replace("by 2002", "from x by 2002"), GATE, *said(FULL)),
    "an inner hop of another network": (INNER.replace("a05", "a06"), GATE, *said(FULL)),
    "an inner hop with a name behind": (INNER.replace("0:0:0:0", "0.evil.test"), GATE, *said(FULL)),
    "an inner hop of two writers": (INNER.replace("with", "by evil.test with"), GATE, *said(FULL)),
    "an inner hop in a comment": (INNER.replace("by 2002", "(by 2002").replace(" with", ") with"), GATE, *said(FULL)),
    "a HELO that names the gate": (INNER, "Received: from x by mx.google.com by mx.evil.test", *said(FULL)),
    "a comment that names the gate": (INNER, "Received: from x (by mx.google.com) by mx.evil.test", *said(FULL)),
    "a gate's longer name": (INNER, GATE.replace("mx.google.com", "mx.google.com.evil.test"), *said(FULL)),
    "ARC's results": (*TOP, GATE, SPF, THEIRS),
    "X-Received": (INNER, f"X-{GATE}", *said(FULL)),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_field_proves_nobody(name: str) -> None:
    """Fields at another place, below another server, or in Google's style further down prove nobody."""
    assert verdict(*FORGED[name]).level == "S2"


def test_a_forged_fail_takes_nothing_away() -> None:
    """What a sender, or a server before Google, wrote below Google's results is not asked."""
    assert verdict(*head(*said("mx.google.com; dmarc=fail header.from=client.test"))).level == "S4"


def test_inner_hops_are_googles_only_where_google_is_named() -> None:
    """With another server's id they are a foreign Received field, as they are without any id, and from strangers."""
    other = Trust(authserv_ids=("mx.desk.test",))
    assert verdict(INNER, *said("mx.desk.test; dmarc=pass header.from=client.test"), trust=other).level == "S2"
    assert verdict(*head(), trust=other).level == "S2"
    assert verdict(*head(), trust=Trust()).level == "S2"
    assert verdict(*head(), is_relay=False).level == "S2"


def test_google_and_a_server_of_ours_stand_beside_each_other() -> None:
    """With both named, mail of each door is read as before, and a field in Google's name below our server's is nobody's."""
    both = Trust(authserv_ids=("mx.desk.test", "mx.google.com"))
    assert verdict(*head(), trust=both).level == "S4"
    assert verdict(OURS, *said("mx.desk.test; dmarc=pass header.from=client.test"), trust=both).level == "S4"
    assert verdict(OURS, GATE, *said(FULL), trust=both).level == "S2"
