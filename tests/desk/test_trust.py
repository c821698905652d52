"""Who is believed: forged Authentication-Results prove nobody, those of real servers do, and hostile From fields are nobody's."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.config import Trust
from maildesk.desk.trust import Verdict, judge
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand

US = Trust(authserv_ids=("mx.desk.test",))
AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
PASS = "mx.desk.test; dmarc=pass header.from=client.test"
OURS = "Received: from gate.client.test (gate [192.0.2.7]) by mx.desk.test (Postfix) with ESMTPS; Sun, 22 Nov 2026 18:00:00 +0000"
THEIRS = "Received: from lea.client.test by mx.client.test with ESMTPSA; Sun, 22 Nov 2026 17:59:59 +0000"


def verdict_on(
    *lines: str, author: str = "Lea Martin <lea@client.test>", trust: Trust = US, is_relay: bool = True
) -> Verdict:
    """The verdict on a mail with these header lines above its From."""
    raw = "".join(f"{line}\r\n" for line in (*lines, f"From: {author}")).encode() + b"Subject: s\r\n\r\nhello\r\n"
    envelope = Envelope("smtp", "127.0.0.1", "lea@client.test", ("support@desk.test",), AT)
    return judge(understand(raw), envelope, trust, is_relay=is_relay)


def said(*values: str) -> tuple[str, ...]:
    return tuple(f"Authentication-Results: {value}" for value in values)


FORGED = {
    # Somebody else's id, or something that only looks like ours.
    "other id": said("mx.evil.test; dmarc=pass header.from=client.test"),
    "longer id": said("mx.desk.test.evil.test; dmarc=pass header.from=client.test"),
    "prefixed id": said("evil-mx.desk.test; dmarc=pass header.from=client.test"),
    "parent id": said("desk.test; dmarc=pass header.from=client.test"),
    "id with a dot behind": said("mx.desk.test.; dmarc=pass header.from=client.test"),
    "id in capitals": said("MX.DESK.TEST; dmarc=pass header.from=client.test"),
    "id with one capital": said("Mx.desk.test; dmarc=pass header.from=client.test"),
    "quoted id": said('"mx.desk.test"; dmarc=pass header.from=client.test'),
    "id with an escape": said('"mx.desk\\.test"; dmarc=pass header.from=client.test'),
    "id behind a comment": said("(mx.evil.test) mx.desk.test; dmarc=pass header.from=client.test"),
    "id glued to a comment": said("mx.desk.test(hello); dmarc=pass header.from=client.test"),
    "id inside a comment": said("(mx.desk.test; dmarc=pass header.from=client.test) mx.evil.test; none"),
    "id in a comment of another": said("mx.evil.test (mx.desk.test); dmarc=pass header.from=client.test"),
    "two ids": said("mx.evil.test mx.desk.test; dmarc=pass header.from=client.test"),
    "id with a homograph": said("mx.dеsk.test; dmarc=pass header.from=client.test"),
    "no id": said("dmarc=pass header.from=client.test"),
    "no id but a semicolon": said("; dmarc=pass header.from=client.test"),
    "an encoded id": said("=?us-ascii?q?mx=2Edesk=2Etest?=; dmarc=pass header.from=client.test"),
    "an encoded field": said("=?us-ascii?q?mx=2Edesk=2Etest=3B_dmarc=3Dpass_header=2Efrom=3Dclient=2Etest?="),
    # Not the field that counts.
    "ARC": ("ARC-Authentication-Results: i=1; " + PASS,),
    "X field": ("X-Authentication-Results: " + PASS,),
    "Received-SPF": ("Received-SPF: pass (mx.desk.test: domain of client.test) client-ip=192.0.2.7",),
    "a verified mark": ("X-Verified: yes", "X-Maildesk-Proof: lea@client.test"),
    "in the subject": ("Subject: x Authentication-Results: " + PASS,),
    "a name with a space": ("X-Nothing: 1", "Authentication -Results: " + PASS),
    # Below what a foreign server wrote.
    "below a foreign Received": (OURS, THEIRS, *said(PASS)),
    "below a first Received": (THEIRS, *said(PASS)),
    "below a Received without by": (OURS, "Received: (qmail 7 invoked by mx.desk.test); 22 Nov 2026", *said(PASS)),
    "below a HELO that names us": (
        "Received: from by.mx.desk.test ( by mx.desk.test ) by mx.client.test with SMTP",
        *said(PASS),
    ),
    "below a HELO of several words": ("Received: from x by mx.desk.test (x) by mx.client.test with SMTP", *said(PASS)),
    "below a comment that names us": ("Received: from x (by mx.desk.test) by mx.client.test with SMTP", *said(PASS)),
    "below a nested comment": ("Received: from x ((a) by mx.desk.test (b)) by mx.client.test", *said(PASS)),
    "below a date that names us": ("Received: from x by mx.client.test; by mx.desk.test", *said(PASS)),
    "below a longer name of ours": ("Received: from x by mx.desk.test.evil.test with SMTP", *said(PASS)),
    # Two fields of one id, or two results: the worst wins.
    "a fail below": said(PASS, "mx.desk.test; dmarc=fail header.from=client.test"),
    "a fail above": said("mx.desk.test; dmarc=fail header.from=client.test", PASS),
    "none above": said("mx.desk.test; dmarc=none header.from=client.test", PASS),
    "a temporary error above": said("mx.desk.test; dmarc=temperror header.from=client.test", PASS),
    "a pass of another above": said("mx.desk.test; dmarc=pass header.from=evil.test", PASS),
    "a fail in one field": said("mx.desk.test; dmarc=fail header.from=client.test; dmarc=pass header.from=client.test"),
    "spf twice": said(
        "mx.desk.test; spf=pass smtp.mailfrom=evil.test", "mx.desk.test; spf=pass smtp.mailfrom=client.test"
    ),
    "no signature at all": said("mx.desk.test; dkim=none", "mx.desk.test; dkim=pass header.d=client.test"),
    "a broken signature": said(
        "mx.desk.test; dkim=fail header.d=client.test", "mx.desk.test; dkim=pass header.d=client.test"
    ),
    "a broken field above": said("mx.desk.test; dmarc=pass (", PASS),
    "a field in capitals above": said("MX.desk.test; dmarc=none header.from=client.test", PASS),
    # The version and the grammar.
    "version 2": said("mx.desk.test 2; dmarc=pass header.from=client.test"),
    "version 10": said("mx.desk.test 10; dmarc=pass header.from=client.test"),
    "a method's version": said("mx.desk.test; dmarc/2=pass header.from=client.test"),
    "an open comment": said("mx.desk.test; dmarc=pass header.from=client.test (evil"),
    "an open quote": said('mx.desk.test; spf=fail smtp.mailfrom="x; dmarc=pass header.from=client.test'),
    "a comment that ends early": said(
        "mx.desk.test; spf=fail (x) ; dmarc=pass header.from=client.test) smtp.mailfrom=x"
    ),
    "two values": said("mx.desk.test; dmarc=pass header.from=evil.test header.from=client.test"),
    "no value": said("mx.desk.test; dmarc=pass header.from="),
    "no property": said("mx.desk.test; dmarc=pass"),
    "none and more": said("mx.desk.test; none; dmarc=pass header.from=client.test"),
    "no result": said("mx.desk.test; dmarc header.from=client.test; dkim=pass header.d=client.test"),
    "words between": said("mx.desk.test; evil words; dmarc=pass header.from=client.test"),
    "a NUL": said("mx.desk.test; dmarc=pass\0 header.from=client.test \\"),
    # Injected by whatever a server repeats of the sender's words.
    "injected in a quoted mailfrom": said(
        'mx.desk.test; spf=pass smtp.mailfrom="x; dmarc=pass header.from=client.test; y"@evil.test'
    ),
    "injected in a comment": said(
        "mx.desk.test; spf=none (evil; dmarc=pass header.from=client.test) smtp.mailfrom=x@evil.test"
    ),
    "injected behind an escape": said(
        "mx.desk.test; spf=none (evil \\) ; dmarc=pass header.from=client.test) smtp.mailfrom=x@evil.test"
    ),
    "injected in nested comments": said(
        "mx.desk.test; spf=none ((evil) ; dmarc=pass header.from=client.test) smtp.mailfrom=x@evil.test"
    ),
    "injected in an encoded word": said(
        "mx.desk.test; spf=pass smtp.mailfrom==?us-ascii?q?x=3B_dmarc=3Dpass_header=2Efrom=3Dclient=2Etest?=@evil.test"
    ),
    "injected without quotes": said(
        "mx.desk.test; spf=fail smtp.mailfrom=x; dmarc=pass header.from=client.test; y@evil.test"
    ),
    "injected in a reason": said(
        'mx.desk.test; spf=fail reason="; dmarc=pass header.from=client.test" smtp.mailfrom=evil.test'
    ),
    "injected behind a quote in a quote": said(
        'mx.desk.test; spf=fail smtp.mailfrom="a\\"; dmarc=pass header.from=client.test; b"@evil.test'
    ),
    # A pass of something else.
    "another domain": said("mx.desk.test; dmarc=pass header.from=evil.test"),
    "a longer domain": said("mx.desk.test; dmarc=pass header.from=client.test.evil.test"),
    "a domain that ends alike": said("mx.desk.test; dkim=pass header.d=evilclient.test"),
    "another owner's domain below one suffix": said("mx.desk.test; dkim=pass header.d=github.io"),
    "a top domain": said("mx.desk.test; dkim=pass header.d=test"),
    "an address as domain": said("mx.desk.test; dkim=pass header.i=client.test@evil.test"),
    "arc alone": said("mx.desk.test; arc=pass header.from=client.test"),
    "iprev alone": said("mx.desk.test; iprev=pass policy.iprev=192.0.2.7 header.from=client.test"),
    "an unknown method": said("mx.desk.test; x-trust=pass header.from=client.test"),
    "dmarc by policy": said("mx.desk.test; dmarc=bestguesspass header.from=client.test"),
    "dmarc none": said("mx.desk.test; dmarc=none header.from=client.test"),
    "dkim of one's own": said("mx.desk.test; dkim=pass header.d=evil.test"),
    "spf of one's own": said("mx.desk.test; spf=pass smtp.mailfrom=x@evil.test"),
    "spf of a HELO": said("mx.desk.test; spf=pass smtp.helo=client.test"),
    "somebody else's login": said("mx.desk.test; auth=pass smtp.auth=eve@client.test"),
    "a login at home": said("mx.desk.test; auth=pass smtp.auth=lea"),
    "an empty login": said("mx.desk.test; auth=pass smtp.auth="),
    # Length.
    "too long": said(f"mx.desk.test; x=none ({'a' * 9000}); dmarc=pass header.from=client.test"),
    "much too long": said(f"mx.desk.test; dmarc=pass header.from=client.test; x=none ({'a' * 20000})"),
    "deep": said(f"mx.desk.test; x=none {'(' * 3000}{')' * 2999} ; dmarc=pass header.from=client.test"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_field_proves_nobody(name: str) -> None:
    """No forgery of THREATS T36 proves an author, and none raises."""
    verdict = verdict_on(*FORGED[name])
    assert not verdict.is_proved
    assert not verdict.is_aligned


HONEST = {
    "opendmarc": (
        OURS,
        *said(
            "mx.desk.test; dmarc=pass (p=reject dis=none) header.from=client.test",
            "mx.desk.test;\r\n\tdkim=pass (2048-bit key; unprotected) header.d=client.test header.i=@client.test"
            " header.b=AbC/+d1=",
        ),
    ),
    "opendmarc above its Received": (
        *said("mx.desk.test; dmarc=pass (p=none dis=none) header.from=client.test"),
        OURS,
        THEIRS,
    ),
    "rspamd": said(
        "mx.desk.test;\r\n\tdkim=pass header.d=client.test header.s=s1 header.b=x1;\r\n\tdmarc=pass (policy=none)"
        " header.from=client.test;\r\n\tspf=pass (mx.desk.test: domain of lea@client.test designates 192.0.2.7 as"
        " permitted sender) smtp.mailfrom=lea@client.test"
    ),
    "Google": said(
        "mx.desk.test;\r\n       dkim=pass header.i=@client.test header.s=20230601 header.b=J3n0;\r\n       arc=pass"
        " (i=1 spf=pass dkim=pass);\r\n       spf=pass (google.com: domain of lea@client.test designates 209.85.1.1 as"
        " permitted sender) smtp.mailfrom=lea@client.test;\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE)"
        " header.from=client.test;\r\n       dara=pass header.i=@desk.test"
    ),
    "Exchange": said(
        "mx.desk.test; spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=client.test; dkim=pass (signature was verified)"
        " header.d=client.test;dmarc=pass action=none header.from=client.test;compauth=pass reason=100"
    ),
    "a version": said("mx.desk.test 1; dmarc=pass header.from=client.test"),
    "a semicolon behind": said("mx.desk.test; dmarc=pass header.from=client.test;"),
    "capitals elsewhere": said("mx.desk.test; DMARC=Pass Header.From=Client.Test"),
    "a foreign field below": (*said(PASS), OURS, THEIRS, *said("mx.client.test; dmarc=fail header.from=client.test")),
    "a foreign field beside": said(PASS, "mx.evil.test; dmarc=fail header.from=client.test", "mx.evil.test; (("),
    "a list's broken signature": said("mx.desk.test; dkim=fail header.d=list.test; dmarc=pass header.from=client.test"),
    "dkim, exact": said("mx.desk.test; dkim=pass header.d=client.test"),
    "dkim by identity": said("mx.desk.test; dkim=pass header.i=@client.test"),
    "dkim and a foreign one": said("mx.desk.test; dkim=fail header.d=esp.test; dkim=pass header.d=client.test"),
    "login": said("mx.desk.test; auth=pass smtp.auth=Lea@client.test smtp.mailfrom=lea@client.test"),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_real_servers_write_proves(name: str) -> None:
    """The shapes of opendmarc, rspamd, Google and Exchange prove their author, alignment included."""
    verdict = verdict_on(*HONEST[name])
    assert verdict.is_proved, verdict.why
    assert verdict.is_aligned


@pytest.mark.parametrize(
    ("results", "author", "proved", "aligned"),
    [
        ("dkim=pass header.d=client.test", "lea@mail.client.test", True, True),
        ("dkim=pass header.d=mail.client.test", "lea@client.test", True, True),
        ("dkim=pass header.d=eve.github.io", "lea@lea.github.io", False, False),
        ("spf=pass smtp.mailfrom=bounce.client.test", "lea@mail.client.test", True, False),
        ("spf=pass smtp.mailfrom=bounce@client.test", "lea@client.test", True, False),
        ("spf=pass smtp.mailfrom=client.test", "lea@mail.client.test", True, False),
        ("spf=pass smtp.helo=mx.client.test; spf=pass smtp.mailfrom=lea@client.test", "lea@client.test", True, False),
        ("spf=softfail smtp.mailfrom=client.test", "lea@client.test", False, False),
        ("auth=pass smtp.auth=lea", "lea@desk.test", True, True),
        ("auth=pass smtp.auth=lea", "lea@client.test", False, False),
        ("auth=pass smtp.auth=eve", "lea@desk.test", False, False),
        ("auth=fail smtp.auth=lea@client.test", "lea@client.test", False, False),
        ("dmarc=pass header.from=xn--strae-oqa.test", "lea@straße.test", True, True),
        ("dmarc=pass header.from=straße.test", "lea@strasse.test", False, False),
        ("none", "lea@client.test", False, False),
    ],
)
def test_alignment(results: str, author: str, proved: bool, aligned: bool) -> None:
    """DKIM counts for the domains of one owner; SPF proves and does not align; a login is its own author's alone."""
    verdict = verdict_on(*said(f"mx.desk.test; {results}"), author=author)
    assert (verdict.is_proved, verdict.is_aligned) == (proved, aligned)


def test_only_a_plain_fail_is_a_statement() -> None:
    """dmarc=fail disowns the author; none, a temporary error and a policy of another domain are silence."""
    assert verdict_on(*said("mx.desk.test; dmarc=fail header.from=client.test")).is_failed
    assert verdict_on(*said("MX.desk.test; dmarc=fail header.from=client.test")).is_failed
    for mild in ("policy.dmarc=none", "action=none"):
        assert verdict_on(*said(f"mx.desk.test; dmarc=fail {mild} header.from=client.test")).level == "S1"
    assert verdict_on(*said("mx.desk.test; dmarc=fail action=oreject header.from=client.test")).level == "S0"
    for quiet in ("dmarc=none header.from=client.test", "dmarc=temperror", "spf=fail smtp.mailfrom=client.test"):
        assert not verdict_on(*said(f"mx.desk.test; {quiet}")).is_failed


def test_results_count_from_relays_alone() -> None:
    """The same field from a stranger's address proves nothing, and without configured ids none does."""
    assert verdict_on(*said(PASS)).is_proved
    assert not verdict_on(*said(PASS), is_relay=False).is_proved
    assert not verdict_on(*said(PASS), trust=Trust()).is_proved


def test_of_two_servers_the_more_cautious_is_right() -> None:
    """A pass by one configured server and silence by another is no proof; a fail by either disowns."""
    both = Trust(authserv_ids=("mx.desk.test", "scan.desk.test"))
    assert not verdict_on(*said(PASS, "scan.desk.test; dmarc=none header.from=client.test"), trust=both).is_proved
    assert verdict_on(*said(PASS, "scan.desk.test; dmarc=fail header.from=client.test"), trust=both).is_failed
    assert verdict_on(*said(PASS, "scan.desk.test; dmarc=pass header.from=client.test"), trust=both).is_aligned


@given(st.text(alphabet=st.sampled_from('mx.desk.test;= dmarc=pass()"\\header.from=client.test\t1/'), max_size=120))
def test_nothing_raises_and_reading_is_total(words: str) -> None:
    """Whatever stands in the field, a verdict comes out."""
    verdict_on(*said(f"mx.desk.test; {words}"), *said(words))


@pytest.mark.parametrize("words", ["(" * 200_000, '"' * 200_000, "a=b " * 50_000, "\\" * 200_000, "(a" * 100_000])
def test_hostile_fields_take_no_time(words: str) -> None:
    """A quarter of a megabyte of brackets is read in well under a second, also in Received."""
    begin = time.perf_counter()
    verdict_on(f"Received: from x {words} by mx.desk.test", *said(f"mx.desk.test; {words}"), *said(PASS))
    assert time.perf_counter() - begin < 1.0


NOBODY = {
    "two fields": b"From: lea@client.test\r\nFrom: eve@evil.test\r\n",
    "two fields in capitals": b"From: lea@client.test\r\nFROM: eve@evil.test\r\n",
    "a space before the colon": b"From : lea@client.test\r\nFrom: eve@evil.test\r\n",
    "a space in front": b" From: lea@client.test\r\nFrom: eve@evil.test\r\n",
    "two in one field": b"From: lea@client.test, eve@evil.test\r\n",
    "two in brackets": b"From: <lea@client.test>, <eve@evil.test>\r\n",
    "two brackets": b"From: <lea@client.test> <eve@evil.test>\r\n",
    "a group": b"From: grp: lea@client.test;\r\n",
    "a group and one": b"From: grp: lea@client.test;, eve@evil.test\r\n",
    "an empty group": b"From: undisclosed-recipients:;\r\n",
    "an address as name": b"From: lea@client.test <eve@evil.test>\r\n",
    "an address behind": b"From: <eve@evil.test> lea@client.test\r\n",
    "a NUL": b"From: <lea@client.test\0@evil.test>\r\n",
    "two @": b"From: lea@client.test@evil.test\r\n",
    "two @ in brackets": b"From: <lea@client.test@evil.test>\r\n",
    "a route": b"From: <@client.test,@x.test:eve@evil.test>\r\n",
    "an encoded word as address": b"From: =?utf-8?q?lea=40client=2Etest?=\r\n",
    "an encoded word inside": b"From: <=?utf-8?q?lea?=@client.test>\r\n",
    "an encoded domain": b"From: <lea@=?utf-8?q?client?=.test>\r\n",
    "nothing": b"From: \r\n",
    "no field": b"X-From: lea@client.test\r\n",
    "a name alone": b"From: Lea Martin\r\n",
    "no domain": b"From: lea@\r\n",
    "no local part": b"From: @client.test\r\n",
    "two dots": b"From: lea..martin@client.test\r\n",
    "a comment between": b"From: lea@client.test(x)@evil.test\r\n",
    "a sender instead": b"Sender: lea@client.test\r\nResent-From: lea@client.test\r\nReturn-Path: <lea@client.test>\r\n",
    "brackets deep": b"From: " + b"(" * 5000 + b"lea@client.test\r\n",
}


@pytest.mark.parametrize("name", NOBODY)
def test_a_hostile_from_is_nobody(name: str) -> None:
    """The shapes of THREATS T30 to T34 give no author, and a pass for either domain proves nobody."""
    for domain in ("client.test", "evil.test"):
        field = f"Authentication-Results: mx.desk.test; dmarc=pass header.from={domain}\r\n".encode()
        mail = understand(NOBODY[name] + field + b"Subject: s\r\n\r\nx\r\n")
        envelope = Envelope("smtp", "127.0.0.1", "lea@client.test", ("support@desk.test",), AT)
        verdict = judge(mail, envelope, US, is_relay=True)
        assert mail.author is None
        assert not verdict.is_proved
        assert mail.author_fault
