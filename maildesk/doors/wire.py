"""What the bytes of an SMTP session mean: where a mail ends, its dots, bare newlines, plain addresses, reply codes.

Pure: values in, values out; it opens nothing and knows no desk.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from maildesk.errors import BareNewline, MaildeskError, TooLarge

# Only this ends a mail; every other spelling of it is content (RFC 5321, 4.1.1.4).
_END = b"\r\n.\r\n"
# A bare CR or LF, and after it one of two dots: software that ends lines so has doubled a first dot there as well.
_BARE = re.compile(rb"(?:\r(?!\n)|(?<!\r)\n)(?:\.(?=\.))?")
# A dot that some server would take for the end of the mail, with a command behind it: a second mail in hiding.
# Each command must be one in full: "Data for you" and "Mail from the coast" are words.
_SMUGGLED = re.compile(
    rb"(?:\A|[\r\n])\.[\r\n]+[ \t]*"
    rb"(?:MAIL[ \t]+FROM[ \t]*:|RCPT[ \t]+TO[ \t]*:|(?:EHLO|HELO|LHLO|AUTH)[ \t]+[^ \t\r\n]+[ \t]*[\r\n]"
    rb"|BDAT[ \t]+[0-9]|XCLIENT[ \t]|XFORWARD[ \t]|(?:DATA|RSET|QUIT|NOOP|STARTTLS)[ \t]*[\r\n])",
    re.IGNORECASE,
)

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PLAIN_PATH = re.compile(rf"<({_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*)>(.*)")
# Any other path, with or without its brackets: no blank and no comment outside a quoted local part (RFC 5321, 4.1.2).
# The standard library's parser takes both, and goes one call deeper for each parenthesis.
_WORDS = r"""(?:"(?:[^"\\]|\\.)*"|[^\s"()<>])"""
_PATH = re.compile(rf"(?:<{_WORDS}*>|{_WORDS}+)(?:\s.*)?")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\u2028\u2029]")
_ESMTP_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")

# What stands in for aiosmtpd's replies without an enhanced code (RFC 3463; RFC 2034).
_ENHANCED = {
    "211": "2.0.0",
    "214": "2.0.0",
    "221": "2.0.0",
    "250": "2.0.0",
    "252": "2.0.0",
    "421": "4.3.2",
    "450": "4.2.0",
    "451": "4.3.0",
    "452": "4.5.3",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "550": "5.1.1",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.5.0",
    "555": "5.5.4",
}
_HAS_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}[ \r]")
# RFC 5321, 4.5.3.1.5, less the line's end.
_REPLY_CHARACTERS = 510


class Body:
    """The bytes of one DATA, fed as they come. `content` is for when `feed` has found the end.

    It never holds more than four thirds of the limit and one chunk: what is too large is counted, not kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        # A dot before each line end makes three bytes four: no stuffing makes more of a mail that fits.
        self._keep_bytes = limit_bytes // 3 * 4 + len(_END)
        self._parts: list[bytes] = []
        self._is_too_large = False
        self._is_given_up = False
        # The end of the DATA command's own line: a lone dot may be the first thing that comes.
        self._tail = b"\r\n"

    @property
    def held_bytes(self) -> int:
        """How much of it is in memory."""
        return 0 if self._is_too_large or self._is_given_up else self.size_bytes

    def give_up(self) -> None:
        """Hold nothing of this mail any more, though it may be small enough: there is no room for it now."""
        if not self._is_too_large:
            self._is_given_up = True
            self._parts.clear()

    def feed(self, chunk: bytes) -> bytes | None:
        """What stands behind the end of the mail; None while the end has not come."""
        seam = self._tail + chunk[:4]
        at = seam.find(_END)
        if at >= 0:
            stop = at + len(_END) - len(self._tail)
        else:
            at = chunk.find(_END)
            if at < 0:
                self._tail = (self._tail + chunk)[-4:] if len(chunk) < 4 else chunk[-4:]
                self._keep(chunk)
                return None
            stop = at + len(_END)
        rest = chunk[stop:]
        # The lone dot's line is no content: three bytes, which may have come in several chunks.
        if stop >= 3:
            self._keep(chunk[: stop - 3])
        elif self._parts:
            self._parts = [b"".join(self._parts)[: stop - 3]]
        return rest

    def content(self) -> bytes:
        """The mail as its sender meant it: dots unstuffed, and bare CR and LF made CRLF where there are any.

        Raises TooLarge, BareNewline when a dot between bare newlines hides commands, MaildeskError after `give_up`.
        """
        if self._is_too_large:
            raise TooLarge("The mail is larger than this desk takes")
        if self._is_given_up:
            raise MaildeskError("Strangers send more at once than the desk has room for")
        raw = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        # RFC 5321, 4.5.2: the first dot of a line that has more than a dot goes.
        content = raw.replace(b"\r\n.", b"\r\n")
        if content.startswith(b"."):
            content = content[1:]
        if len(content) > self._limit_bytes:
            raise TooLarge("The mail is larger than this desk takes")
        pairs = raw.count(b"\r\n")
        if raw.count(b"\n") == pairs and raw.count(b"\r") == pairs:
            return content
        if _SMUGGLED.search(raw):
            raise BareNewline("A dot between bare newlines hides commands")
        return _BARE.sub(b"\r\n", content)

    def _keep(self, part: bytes) -> None:
        self.size_bytes += len(part)
        if self._is_too_large:
            return
        if self.size_bytes > self._keep_bytes:
            self._is_too_large = True
            self._parts.clear()
        elif not self._is_given_up:
            self._parts.append(part)


def plain_path(text: str) -> tuple[str, str] | None:
    """Split "<help@x.org> SIZE=9" into ("help@x.org", " SIZE=9"); None when a real parser must look at it."""
    match = _PLAIN_PATH.fullmatch(text)
    return (match[1], match[2]) if match else None


def is_path(text: str) -> bool:
    """Whether text like "<help@x.org> SIZE=9" is worth a parser's time."""
    return _PATH.fullmatch(text) is not None


def is_printable(address: str) -> bool:
    """Whether every character could stand in an address: no control, no byte that was not UTF-8."""
    return not _UNPRINTABLE.search(address)


def parameters(words: list[str]) -> dict[str, str | bool] | None:
    """Split ["SIZE=9", "SMTPUTF8"] into {"SIZE": "9", "SMTPUTF8": True}; None when a word is no parameter.

    RFC 5321, 4.1.2: a keyword holds letters, digits and hyphens.
    """
    found: dict[str, str | bool] = {}
    for word in words:
        keyword, equals, value = word.partition("=")
        if not _ESMTP_KEYWORD.fullmatch(keyword) or (equals and not value):
            return None
        found[keyword] = value if equals else True
    return found


@lru_cache(maxsize=256)
def with_code(reply: str) -> bytes:
    """The reply line with an enhanced status code behind its number (RFC 2034), without the line's end.

    The greeting and 354 have none.
    """
    number, text = reply[:3], reply[4:]
    if reply == "220 Ready to start TLS":
        reply = "220 2.0.0 Ready to start TLS"
    elif number[:1] in {"2", "4", "5"} and number != "220" and not _HAS_CODE.match(text):
        reply = f"{number} {_ENHANCED.get(number, f'{number[:1]}.0.0')} {text}"
    return reply[:_REPLY_CHARACTERS].encode("ascii", "replace")


def peer_name(address: object) -> str:
    """The client's address as one writes it, without port and zone; "unix" for a socket file.

    ("::ffff:192.0.2.1", 5000, 0, 0), as a socket for both families says it, is "192.0.2.1".
    """
    if not isinstance(address, tuple) or not address:
        return "unix"
    host = str(address[0]).partition("%")[0]
    if ":" in host:
        mapped = IPv6Address(host).ipv4_mapped
        return str(mapped) if mapped else host
    return host


def neighbourhood(peer: str) -> str:
    """Whom limits count as one: an IPv4 address, the /64 of an IPv6 address, "unix"."""
    if ":" not in peer:
        return peer
    return str(IPv6Address(int(ip_address(peer)) >> 64 << 64)) + "/64"
