"""DKIM from the bytes: what verifies, what proves nothing, what fails, and that no mail makes it slow."""

from __future__ import annotations

import base64
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.mail.checks import Checks, Spf, ask, check
from maildesk.mail.parse import understand
from maildesk.mail.signed import Signed
from tests.signing import FIELDS, ed25519_key, records, rsa_key, sign

AT_S = 1_800_000_000.0
LEA = (
    b"From: Lea Martin <lea@client.test>\r\nTo: support@desk.test\r\nSubject: The printer\r\n on the second floor\r\n"
    b"Date: Sun, 22 Nov 2026 18:00:00 +0000\r\nMessage-ID: <1@client.test>\r\n\r\nHello,\r\n\r\nit  burns. \r\n\r\n"
)
KEYS = records()


def signed(
    raw: bytes, keys: dict[str, tuple[str, ...] | None] | None = None, domain: str = "client.test"
) -> tuple[Signed, ...]:
    """What became of the signatures of a mail by somebody of this domain."""
    return check(ask(raw, domain, AT_S), KEYS if keys is None else keys).signatures


def only(raw: bytes, keys: dict[str, tuple[str, ...] | None] | None = None, domain: str = "client.test") -> Signed:
    (found,) = signed(raw, keys, domain)
    return found


@pytest.mark.parametrize("form", ["relaxed/relaxed", "simple/simple", "relaxed/simple", "simple/relaxed"])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_an_honest_signature_verifies(form: str, line_end: bytes) -> None:
    """In each of the four forms, whether the mail is kept with CR LF or, as a Maildir does, with LF."""
    raw = sign(LEA, "client.test", form=form).replace(b"\r\n", line_end)
    assert (only(raw).found, only(raw).unsigned) == ("pass", ())


def test_ed25519_verifies() -> None:
    """RFC 8463's algorithm counts like RSA; a key of the other kind under its selector fails it."""
    raw = sign(LEA, "client.test", algorithm="ed25519-sha256")
    assert only(raw, {"s1._domainkey.client.test": (ed25519_key()[1],)}).found == "pass"
    assert only(raw).found == "fail"


BODIES = {
    "empty": b"",
    "one line end": b"\r\n",
    "many line ends": b"\r\n" * 500,
    "no line end": b"hello",
    "spaces at the end": b"hello  \r\n \t \r\n\r\n",
    "spaces alone": b"   \r\n",
    "tabs": b"a\t\tb \t c\r\n",
    "a bare CR": b"a\rb\r\n\r\r\n\r\n",
    "bytes": bytes(range(14, 256)) + b"\r\n",
}


@pytest.mark.parametrize("form", ["relaxed/relaxed", "simple/simple"])
@pytest.mark.parametrize("name", BODIES)
def test_our_hash_of_a_body_is_dkimpys(name: str, form: str) -> None:
    """A signature that dkimpy makes over any body verifies with the hash that is computed here."""
    head, _, _ = LEA.partition(b"\r\n\r\n")
    assert only(sign(head + b"\r\n\r\n" + BODIES[name], "client.test", form=form)).found == "pass"


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"\xe9", b"\r"])).map(b"".join))
def test_our_hash_is_dkimpys_for_any_body(body: bytes) -> None:
    """The same for bodies of white space and letters at random, each ending in a line end as mail does."""
    head, _, _ = LEA.partition(b"\r\n\r\n")
    raw = sign(head + b"\r\n\r\n" + body + b"\r\n", "client.test", algorithm="ed25519-sha256")
    assert only(raw, {"s1._domainkey.client.test": (ed25519_key()[1],)}).found == "pass"


FAILS = {
    "another body": lambda raw: raw.replace(b"burns", b"works"),
    "a longer body": lambda raw: raw + b"and more\r\n",
    "another subject": lambda raw: raw.replace(b"The printer", b"The coffee"),
    "another author": lambda raw: raw.replace(b"lea@client", b"eve@client"),
    "another address": lambda raw: raw.replace(b"support@", b"sales@"),
    "a signature of letters": lambda raw: re.sub(rb" b=[^;]*?(?=\r\nFrom)", b" b=AAAA", raw, flags=re.DOTALL),
    "no signature in it": lambda raw: re.sub(rb" b=[^;]*?(?=\r\nFrom)", b" b=", raw, flags=re.DOTALL),
    "another version": lambda raw: raw.replace(b"v=1;", b"v=2;"),
    "no hash": lambda raw: re.sub(rb"bh=[^;]*;", b"", raw),
    "a hash of letters": lambda raw: re.sub(rb"bh=[^;]*;", b"bh=*;", raw),
    "another form": lambda raw: raw.replace(b"c=relaxed/relaxed", b"c=relaxed/none"),
    "an identity elsewhere": lambda raw: raw.replace(b"i=@client.test", b"i=@evil.test"),
    "a time of letters": lambda raw: re.sub(rb"t=\d+", b"t=now", raw),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_was_changed_fails(name: str) -> None:
    """A changed mail or a broken signature of the author's domain fails, and the reason is a sentence."""
    raw = sign(LEA, "client.test")
    changed = FAILS[name](raw)
    assert changed != raw
    assert only(changed).found == "fail"


PROVES_NOTHING = {
    "part of the body (l=)": sign(LEA, "client.test", length=True) + b"and an appended part\r\n",
    "an open Subject": sign(LEA, "client.test", fields=("from", "to", "date", "message-id")),
    "an open Date": sign(LEA, "client.test", fields=("from", "to", "subject", "message-id")),
    "sha1": sign(LEA, "client.test", algorithm="rsa-sha1"),
    "a second Subject above": b"Subject: Something else\r\n" + sign(LEA, "client.test"),
    "a second From of the same author": b"From: lea@client.test\r\n" + sign(LEA, "client.test"),
    "a second To": b"To: other@desk.test\r\n" + sign(LEA, "client.test"),
    "a second Content-Type": b"Content-Type: text/html\r\nContent-Type: text/plain\r\n" + sign(LEA, "client.test"),
    "a Subject that was not there": b"Subject: new\r\n"
    + sign(re.sub(rb"Subject:.*\r\n .*\r\n", b"", LEA), "client.test"),
}


@pytest.mark.parametrize("name", PROVES_NOTHING)
def test_what_leaves_room_proves_nothing(name: str) -> None:
    """A signature that holds and leaves something open that somebody else could have written is as if there were none."""
    assert only(PROVES_NOTHING[name]).found == "weak"


def test_a_signature_has_its_time() -> None:
    """Past its x= it proves nothing, and neither does one made in the future."""
    raw = sign(LEA, "client.test")
    expired = raw.replace(b"q=dns/txt;", b"q=dns/txt; x=%d;" % (AT_S - 90_000))
    assert (only(expired).found, only(expired).why) == ("weak", "it has expired")
    assert only(re.sub(rb"t=\d+", b"t=%d" % (AT_S + 900_000), raw)).found == "weak"


def test_what_a_signature_leaves_open_is_told() -> None:
    """Microsoft 365 does not sign To, nor Yahoo the Message-ID: the author is proved, and what may be exchanged is named."""
    copied = LEA.replace(b"Subject", b"Cc: eve@evil.test\r\nSubject", 1)
    assert only(sign(LEA, "client.test", fields=("from", "date", "subject", "message-id"))).unsigned == ("to",)
    assert only(sign(LEA, "client.test", fields=("from", "to", "date", "subject"))).unsigned == ("message-id",)
    assert only(sign(copied, "client.test", fields=("from", "to", "date", "subject", "message-id"))).unsigned == ("cc",)


edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 3),
        st.sampled_from(
            [
                b"",
                b" ",
                b"\t",
                b"\r\n",
                b"\n",
                b"\r",
                b"\0",
                b":",
                b"x",
                b"\r\n ",
                b"From: eve@evil.test\r\n",
                b"Subject: s\r\n",
            ]
        ),
    ),
    min_size=1,
    max_size=3,
)


@given(edits, st.sampled_from(["relaxed/relaxed", "simple/simple"]))
def test_what_verifies_is_what_was_signed(changes: list[tuple[float, int, bytes]], form: str) -> None:
    """However a signed mail is cut and mended, where its signature still holds in full the desk reads the same mail."""
    raw = ED25519[form]
    for place, cut, put in changes:
        at = int(place * len(raw))
        raw = raw[:at] + put + raw[at + cut :]
    found = signed(raw, {"s1._domainkey.client.test": (ed25519_key()[1],)})
    if [one for one in found if one.found == "pass" and not one.unsigned]:
        before, after = understand(LEA), understand(raw)
        assert (after.author, after.subject, after.to) == (before.author, before.subject, before.to)
        assert (after.date, after.message_id) == (before.date, before.message_id)
        assert after.full_text.split() == before.full_text.split()


ED25519 = {
    form: sign(LEA, "client.test", algorithm="ed25519-sha256", form=form)
    for form in ("relaxed/relaxed", "simple/simple")
}

ODD_HEADERS = {
    "a space before a colon": lambda raw: raw.replace(b"Subject:", b"Subject :"),
    "a space in front": lambda raw: b" X: 1\r\n" + raw,
    "a line that is no field": lambda raw: raw.replace(b"To:", b"no field\r\nTo:"),
    "a NUL": lambda raw: raw.replace(b"To:", b"X: \0\r\nTo:"),
    "a bare CR": lambda raw: raw.replace(b"To:", b"X: a\rFrom: b\r\nTo:"),
    "a line of spaces": lambda raw: raw.replace(b"To:", b"X: a\r\n  \r\nTo:"),
    "no blank line": lambda raw: raw.replace(b"\r\n\r\nHello", b"\r\nHello"),
    "too many fields": lambda raw: b"X: 1\r\n" * 1001 + raw,
    "a long header": lambda raw: b"X-%s: 1\r\n" % (b"a" * 60) * 4000 + raw,
    "a long signature": lambda raw: raw.replace(b"q=dns/txt;", b"q=dns/txt; z=" + b"a" * 9000 + b";"),
    "white space without end": lambda raw: raw.replace(b"q=dns/txt;", b"q=dns/txt;" + b" " * 500),
}


@pytest.mark.parametrize("name", ODD_HEADERS)
def test_behind_an_odd_header_no_signature_counts(name: str) -> None:
    """Where two readers could see two headers, and where a field is of hostile size, no signature is even looked at."""
    assert signed(ODD_HEADERS[name](sign(LEA, "client.test"))) == ()


def test_only_the_authors_domain_is_asked_about() -> None:
    """Signatures of others leave no question to the DNS; those of the domain's owner do, at most three."""
    raw = sign(sign(LEA, "evil.test"), "client.test.evil.test")
    assert ask(raw, "client.test", AT_S).names == ("_dmarc.client.test",)
    for number in range(5):
        raw = sign(raw, "mail.client.test", selector=f"s{number}")
    assert ask(raw, "shop.client.test", AT_S).names == (
        "s4._domainkey.mail.client.test",
        "s3._domainkey.mail.client.test",
        "s2._domainkey.mail.client.test",
        "_dmarc.shop.client.test",
        "_dmarc.client.test",
    )


KEY = rsa_key()[1]
KEYS_THAT_FAIL = {
    "nothing": (),
    "another text": ("v=spf1 -all",),
    "revoked": ("v=DKIM1; k=rsa; p=",),
    "letters": ("v=DKIM1; k=rsa; p=letters",),
    "base64 of nothing": ("v=DKIM1; k=rsa; p=AAAA",),
    "another version": (KEY.replace("DKIM1", "DKIM2"),),
    "another kind": (KEY.replace("k=rsa", "k=ed25519"),),
    "an unknown kind": (KEY.replace("k=rsa", "k=dsa"),),
    "not for mail": (KEY.replace("k=rsa", "s=tlsrpt"),),
    "another algorithm": (KEY.replace("k=rsa", "h=sha1"),),
    "another key": (rsa_key(2048, 1)[1],),
    "much too long": (KEY + " " * 5000,),
    "too large": (rsa_key(8192)[1],),
    "no ASCII": (KEY + "; n=é",),
}


@pytest.mark.parametrize("name", KEYS_THAT_FAIL)
def test_a_broken_key_fails(name: str) -> None:
    """What the domain publishes for its selector decides; a permanent error is a failure, and nothing raises."""
    assert only(sign(LEA, "client.test"), {"s1._domainkey.client.test": KEYS_THAT_FAIL[name]}).found == "fail"


def test_keys_that_count() -> None:
    """1024 bits are enough and 512 are not; spaces and a second key beside do no harm; who is trying out fails nobody."""
    small = rsa_key(1024)
    assert only(sign(LEA, "client.test", key=small[0]), {"s1._domainkey.client.test": (small[1],)}).found == "pass"
    raw = sign(LEA, "client.test")
    # RSAPublicKey of RFC 8017 with a modulus of 512 bits.
    tiny = base64.b64encode(b"\x30\x48\x02\x41\0" + b"\xff" * 64 + b"\x02\x03\1\0\1").decode()
    assert only(raw, {"s1._domainkey.client.test": (f"v=DKIM1; p={tiny}",)}).why == "its key has 512 bits"
    for texts in ((KEY.replace("; ", " ;\t"),), (rsa_key(2048, 1)[1], KEY), ("v=spf1 -all", KEY)):
        assert only(raw, {"s1._domainkey.client.test": texts}).found == "pass"
    trying = {"s1._domainkey.client.test": (KEY.replace("k=rsa", "t=y"),)}
    assert only(raw, trying).found == "pass"
    assert only(raw.replace(b"The printer", b"The coffee"), trying).found == "weak"


def test_silence_is_not_failure() -> None:
    """Without an answer of the DNS a signature neither holds nor fails."""
    assert only(sign(LEA, "client.test"), {}).found == "silent"
    assert only(sign(LEA, "client.test"), {"s1._domainkey.client.test": None}).found == "silent"


def test_checks_are_kept_whole() -> None:
    """What is stored and read again is the same value, with the records seen."""
    raw = sign(LEA, "client.test", fields=FIELDS[:4])
    found = check(ask(raw, "client.test", AT_S), records(policy="reject"), Spf("pass", "client.test"))
    assert Checks.from_json(found.to_json()) == found
    assert found.records["_dmarc.client.test"] == ("v=DMARC1; p=reject",)
    assert Checks.from_json(Checks("x.test").to_json()) == Checks("x.test")


HOSTILE = {
    "a body of spaces": lambda raw: raw + b" " * 35_000_000,
    "lines of spaces": lambda raw: raw + b" \t" * 10_000_000 + b"x\r\n" * 4_000_000,
    "line ends alone": lambda raw: raw + b"\r\n" * 17_000_000,
    "CR alone": lambda raw: raw + b"\r" * 35_000_000,
    "LF alone": lambda raw: raw + b"\n" * 30_000_000,
    "base64": lambda raw: raw + (b"QUJD" * 19 + b"\r\n") * 450_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_large_mail_takes_no_time(name: str) -> None:
    """35 MB of whatever a sender likes are asked about and verified in two seconds."""
    raw = HOSTILE[name](sign(LEA, "client.test"))
    began = time.process_time()
    assert only(raw).found in ("pass", "fail")
    assert time.process_time() - began < 2.0


HOSTILE_FIELDS = {
    "names": b"h=" + b":".join(b"x%d" % n for n in range(1500)),
    "one name": b"h=from" + b":from" * 1600,
    "equals": b"b=" + b"=" * 8000,
    "semicolons": b";" * 8000,
    "letters": b"b" * 8000,
    "spaces between": (b" " * 90 + b"b") * 85,
    "b and spaces": b"".join(b" b" + b"\r\n " * 30 + b"=" for _ in range(80)),
}


@pytest.mark.parametrize("name", HOSTILE_FIELDS)
def test_a_hostile_signature_takes_no_time(name: str) -> None:
    """Fifty signature fields of eight kilobytes, made to be slow, are done with in a second."""
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=client.test; s=s1; bh=AA==; " + HOSTILE_FIELDS[name] + b"\r\n"
    began = time.process_time()
    assert not [one for one in signed(field * 30 + LEA) if one.found == "pass"]
    assert time.process_time() - began < 1.0


@given(st.binary(max_size=300))
def test_nothing_raises(junk: bytes) -> None:
    """Any bytes as signature, key and body give an answer."""
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=client.test; s=s1; " + junk + b"\r\n" + LEA
    signed(raw, {"s1._domainkey.client.test": (junk.decode("latin-1"), "p=" + junk.hex())})
    signed(junk + sign(LEA, "client.test") + junk)
