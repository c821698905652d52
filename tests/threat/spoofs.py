"""Mails that look as if somebody of victim.test had written them; all were sent by whoever owns evil.test.

Written after the attacks of "Composition Kills" (Chen, Paxson, Jiang; USENIX Security 2020), whose tool has 22 of them, and
the shapes of From in T30 to T34 and T37. Each is signed by evil.test wherever a signature can be made at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import dkim

from tests.signing import sign

VICTIM, EVIL = "ceo@victim.test", "eve@evil.test"
# Where evil.test sends from; its SPF record allows it.
PEER = "203.0.113.9"


@dataclass(frozen=True, slots=True)
class Spoof:
    """One forged mail: its lines around From, what stands in MAIL FROM, whose signature it bears.

    says: what an honest mail server in front writes of it into Authentication-Results. A server repeats what it was told.
    """

    head: bytes
    sender: str = EVIL
    signer: str = "evil.test"
    says: str = "spf=pass smtp.mailfrom=evil.test; dkim=pass header.d=evil.test; dmarc=pass header.from=evil.test"
    selector: str = "s1"

    def raw(self, number: int = 0) -> bytes:
        """The mail, signed."""
        mail = (
            self.head
            + b"To: support@desk.test\r\nSubject: zebra %d\r\nDate: Sun, 22 Nov 2026 18:00:00 +0000\r\n" % number
            + b"Message-ID: <%d@evil.test>\r\n\r\nPlease pay at once.\r\n" % number
        )
        if not self.signer:
            return mail
        try:
            # d= as it is told, although no key could be found there: b= is right for its bytes all the same.
            return sign(
                mail, self.signer, selector=self.selector, fields=("from", "to", "subject", "date", "message-id")
            )
        except (dkim.DKIMException, IndexError):
            # dkimpy refuses to read some of the headers; what they bear is the signature of an honest mail then.
            honest = b"From: eve@evil.test\r\n" + mail.removeprefix(self.head)
            return sign(honest, self.signer, selector=self.selector).partition(b"From: eve")[0] + mail


def _from(value: bytes) -> bytes:
    return b"From: " + value + b"\r\n"


_PLAIN = _from(b"The CEO <ceo@victim.test>")

ESPOOFER = {
    # HELO and MAIL FROM confusion: what SPF speaks of is not what DMARC does.
    "A1 a MAIL FROM below the victim that does not exist": Spoof(
        _PLAIN, "any@notexist.victim.test", "", "spf=none smtp.mailfrom=notexist.victim.test"
    ),
    "A2 an empty MAIL FROM": Spoof(
        _PLAIN, "", "evil.test", "spf=pass smtp.helo=evil.test; dkim=pass header.d=evil.test"
    ),
    # d= and s= that one reader ends earlier than another.
    "A3 a NUL in d=": Spoof(_PLAIN, EVIL, "victim.test\0.evil.test", "dkim=fail header.d=evil.test"),
    "A3 a NUL in s=": Spoof(
        _PLAIN, EVIL, "victim.test", "dkim=neutral header.d=victim.test", selector="s1._domainkey.evil.test\0x"
    ),
    # What a server repeats is read as its own words.
    "A4 a quote in d=": Spoof(_PLAIN, EVIL, "victim.test'a.evil.test", "dkim=pass header.d=victim.test'a.evil.test"),
    "A4 a bracket in d=": Spoof(_PLAIN, EVIL, "victim.test(.evil.test", "dkim=pass header.d=victim.test(.evil.test"),
    "A4 a semicolon in d=": Spoof(
        _PLAIN, EVIL, "evil.test", 'dkim=pass header.d="evil.test; dmarc=pass header.from=victim.test"'
    ),
    "A5 a quote in MAIL FROM": Spoof(
        _PLAIN, "any@victim.test'@a.evil.test", "evil.test", "spf=pass smtp.mailfrom=any@victim.test'@a.evil.test"
    ),
    "A6 a bracket in MAIL FROM": Spoof(
        _PLAIN, "any@victim.test(@a.evil.test", "evil.test", "spf=pass smtp.mailfrom=any@victim.test(@a.evil.test"
    ),
    "A6 a bare domain with a quoted local part": Spoof(
        _PLAIN, '"any@victim.test"@evil.test', "evil.test", 'spf=pass smtp.mailfrom="any@victim.test"@evil.test'
    ),
    "A7 a route in MAIL FROM": Spoof(
        _PLAIN,
        "@victim.test,@any.test:eve@evil.test",
        "evil.test",
        "spf=pass smtp.mailfrom=@victim.test,@any.test:eve@evil.test",
    ),
    # Several From fields, of which one is checked and another one shown.
    "A8 two From fields": Spoof(_from(b"<eve@evil.test>") + _from(b"<ceo@victim.test>")),
    "A8 two From fields, the victim above": Spoof(_from(b"<ceo@victim.test>") + _from(b"<eve@evil.test>")),
    "A9 a space before the second": Spoof(_from(b"<eve@evil.test>") + b" From: <ceo@victim.test>\r\n"),
    "A10 a space before the colon": Spoof(_from(b"<eve@evil.test>") + b"From : <ceo@victim.test>\r\n"),
    "A11 a folded second": Spoof(b"From\r\n : <ceo@victim.test>\r\n" + _from(b"<eve@evil.test>")),
    # Other fields than From.
    "A12 Sender is the attacker": Spoof(_PLAIN + b"Sender: <eve@evil.test>\r\n"),
    "A13 Resent-From is the attacker": Spoof(_PLAIN + b"Resent-From: <eve@evil.test>\r\n"),
    # One field, several addresses.
    "A14 two addresses": Spoof(_from(b"<ceo@victim.test>, <eve@evil.test>")),
    "A15 an encoded second address": Spoof(_from(b"=?utf-8?B?PGNlb0B2aWN0aW0udGVzdD4=?=, <eve@evil.test>")),
    "A16 a route": Spoof(_from(b"<@evil.test,@any.test:ceo@victim.test>")),
    "A17 words behind the address": Spoof(_from(b"<eve@evil.test>ceo@victim.test")),
    "A18 specials between": Spoof(_from(b"ceo@victim.test,<eve@evil.test>")),
    "A19 an address as display name": Spoof(_from(b'"ceo@victim.test" <eve@evil.test>')),
    "replayed from another of the same server": Spoof(
        _PLAIN, EVIL, "evil.test", "auth=pass smtp.auth=eve; spf=pass smtp.mailfrom=evil.test"
    ),
}

FROM_SHAPES = {
    "T30 a second in capitals": _from(b"eve@evil.test") + b"FROM: ceo@victim.test\r\n",
    "T30 a tab before the colon": b"From\t: ceo@victim.test\r\n" + _from(b"eve@evil.test"),
    "T30 a space in front of the first": b" From: ceo@victim.test\r\n" + _from(b"eve@evil.test"),
    "T30 three": _from(b"eve@evil.test") * 2 + _from(b"ceo@victim.test"),
    "T30 an empty one and the victim's": b"From:\r\n" + _from(b"ceo@victim.test"),
    "T30 a folded value": b"From:\r\n ceo@victim.test\r\n\t,eve@evil.test\r\n",
    "T30 a bare CR": b"From: eve@evil.test\rFrom: ceo@victim.test\r\n",
    "T30 a bare LF": b"From: eve@evil.test\nFrom: ceo@victim.test\r\n",
    "T31 a list": _from(b"ceo@victim.test, eve@evil.test"),
    "T31 a group and one": _from(b"grp: ceo@victim.test;, eve@evil.test"),
    "T31 a group alone": _from(b"grp: ceo@victim.test;"),
    "T31 a semicolon": _from(b"ceo@victim.test; eve@evil.test"),
    "T31 an empty group": _from(b"undisclosed-recipients:;"),
    "T32 an address as words": _from(b"ceo@victim.test <eve@evil.test>"),
    "T32 the attacker as words": _from(b"eve@evil.test <ceo@victim.test>"),
    "T32 two brackets": _from(b"<ceo@victim.test> <eve@evil.test>"),
    "T32 a comment between": _from(b"ceo@victim.test(<eve@evil.test>)"),
    "T32 two @": _from(b"ceo@victim.test@evil.test"),
    "T32 a quoted local part": _from(b'"ceo@victim.test "@evil.test'),
    "T33 a NUL": _from(b"<ceo@victim.test\0@evil.test>"),
    "T33 a NUL in the name": _from(b"a\0b <ceo@victim.test>"),
    "T34 an encoded word as address": _from(b"=?utf-8?q?ceo=40victim=2Etest?="),
    "T34 an encoded word inside": _from(b"<=?utf-8?q?ceo?=@victim.test>"),
    "T34 an encoded line end in the name": _from(b"=?utf-8?q?x=0D=0AFrom=3A_ceo=40victim=2Etest?= <eve@evil.test>"),
    "T34 other letters that fold to it": _from("ceo@viсtim.test".encode()),
    "T37 no From but others": b"Sender: ceo@victim.test\r\nResent-From: ceo@victim.test\r\nReturn-Path: <ceo@victim.test>\r\n",
    "T37 the victim resends": _from(b"eve@evil.test")
    + b"Resent-From: ceo@victim.test\r\nReply-To: ceo@victim.test\r\n",
}

SPOOFS = ESPOOFER | {name: Spoof(head) for name, head in FROM_SHAPES.items()}
