"""T58: the desk takes mail for its own addresses and for nobody else, however a recipient is spelt."""

from __future__ import annotations

import re

from tests.threat.wire import Wire

FOREIGN = (
    "elsewhere.test",
    "mail.elsewhere.test",
    "desk.test.elsewhere.test",
    "notdesk.test",
    "desk.tes",
    "[192.0.2.7]",
)
LOCALS = (
    "a",
    "support",
    "root",
    "postmaster+x",
    "SUPPORT",
    '"support"',
    "support%elsewhere.test",
    "elsewhere.test!support",
)
# Foreign domains in eight spellings of a local part each, and the ways in which old servers were told to pass mail on.
PLAIN = [f"{local}@{domain}" for domain in FOREIGN for local in LOCALS]
ROUTES = [
    f"{local}{sign}{domain}@desk.test"
    for sign in ("%", "!", "@", "#", ":", "=", "/")
    for domain in FOREIGN[:3]
    for local in "ab"
]
SOURCE_ROUTES = [
    f"{route}:{address}"
    for route in ("@desk.test", "@desk.test,@elsewhere.test", "@elsewhere.test", "@[127.0.0.1]", "@")
    for address in ("a@elsewhere.test", "support@elsewhere.test", "a%elsewhere.test@desk.test", "a@b@desk.test")
]
QUOTED = [
    f'"{inner}"@desk.test'
    for inner in (
        "a@elsewhere.test",
        "a%elsewhere.test",
        "@desk.test:a@elsewhere.test",
        "support@desk.test",
        "support ",
        " support",
        "support\\\\",
        "sup port",
        "",
    )
]
DOMAINS = [
    f"support@{domain}"
    for domain in (
        "",
        ".",
        "desk",
        "desk.test.",
        ".desk.test",
        "desk..test",
        "desk.test@",
        "desk.test%00",
        "desk.test\x00",
        "desk.test\x7f",
        "desk.test elsewhere.test",
        "desk.test,elsewhere.test",
        "desk.test;elsewhere.test",
        "desk.test/elsewhere.test",
        "desk.test(elsewhere.test)",
        "(desk.test)elsewhere.test",
        "[desk.test]",
        "[127.0.0.1]",
        "[IPv6:::1]",
        "#1",
        "xn--desk.test",
        "d\u0435sk.test",
        "d\u0435sk.t\u0435st",
        "desk.test\u200b",
        "desk.t\u00e9st",
        "localhost",
        "127.0.0.1",
    )
]
LOCAL_PARTS = [
    f"{local}@desk.test"
    for local in (
        "",
        "nobody",
        "root",
        "admin",
        "support.",
        ".support",
        "sup..port",
        "support%",
        "support!",
        "support-x",
        "support=elsewhere.test",
        "xsupport",
        "supportx",
        "support\t",
        "support ",
        "support\x00",
        "(support)support",
        "support(x)",
        "s\u0443pport",
        "\uff53upport",
        "supp\u200bort",
        "suppo\u00adrt",
        "s\u0131pport",
        "supp\u03bfrt",
        "support\u202e",
        "support\ufe0f",
        "\u200esupport",
        "support\x1b[m",
        "support'",
        "sup,port",
        "su\u0301pport",
        "| /bin/sh",
        "/dev/null",
        ":include:/etc/passwd",
        "`id`",
        "$(id)",
        "support\\",
        "*",
        "support*",
        "?upport",
        "support&cat",
        "%",
        "_",
        "' OR 1=1 --",
    )
]
LONG = [
    unit * count
    for unit, count in (("(", 3000), ("[", 3000), ('"', 3000), ("a", 4000), ("a.", 2000), ("a@", 2000), ("@", 3000))
]
SHORT = [
    "",
    "@",
    "support",
    "support desk.test",
    "<support@elsewhere.test>",
    "a@elsewhere.test>,<support@desk.test",
]
SPELLINGS = [*PLAIN, *ROUTES, *SOURCE_ROUTES, *QUOTED, *DOMAINS, *LOCAL_PARTS, *LONG, *SHORT]


def test_there_are_two_hundred_spellings() -> None:
    """None stands there twice."""
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 200


def test_no_spelling_relays(wire: Wire) -> None:
    """Each is refused for good at RCPT, without words from inside, and without a recipient there is no DATA."""
    before = len(wire.left())
    taken = []
    with wire.client() as client:
        for address in SPELLINGS:
            assert client.say("MAIL FROM:<lea@client.test> SMTPUTF8").startswith("250")
            reply = client.say(f"RCPT TO:<{address}>")
            if not re.fullmatch(r"5(00|01|50|53) 5\.[15]\.\d [A-Z][\w :,.'<>\[\]-]+", reply):
                taken.append((address, reply))
            elif not (then := client.say("DATA")).startswith("503 5.5.1"):
                taken.append((address, then))
            client.say("RSET")
    assert taken == [], taken
    assert len(wire.left()) == before


def test_nobody_signs_in(wire: Wire) -> None:
    """There is no AUTH to offer and none to try: what an account may not do cannot be stolen."""
    with wire.client() as client:
        assert "AUTH" not in client.say("EHLO client.test")
        for command in ("AUTH PLAIN AHUAcA==", "AUTH LOGIN", "AUTH CRAM-MD5"):
            assert client.say(command)[:3] in ("500", "502", "503", "504")
