"""Who may be believed: a verdict from Authentication-Results (RFC 8601) as [trust] says. Pure; never looks anything up.

Checking DKIM and SPF from the bytes has its place here: it makes the same Verdict from another source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from authres import AuthenticationResultsHeader, AuthResError
from authres.core import AuthenticationResult

from maildesk.config import Trust
from maildesk.mail import address as addresses
from maildesk.mail.model import Envelope, Mail, Person

# Above this length a field is not one that a mail server wrote.
_MAX_FIELD_CHARS = 8192
_BY = re.compile(r"\bby\s+([A-Za-z0-9._-]+)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of the author.

    is_aligned: DMARC pass, an aligned DKIM signature or an authenticated submission: enough for an agent's act.
    is_proved: aligned, an aligned SPF pass, or a web session.
    is_failed: the author's domain says that this mail is not from there.
    """

    is_proved: bool = False
    is_aligned: bool = False
    is_failed: bool = False
    why: str = "the author is not proved: no Authentication-Results of a configured server"


def judge(mail: Mail, envelope: Envelope, trust: Trust, *, is_relay: bool) -> Verdict:
    """The verdict on a mail's author; unproved where nothing that counts was said."""
    if mail.author is None:
        return Verdict(is_failed=True, why=f"nobody is believed: {mail.author_fault or 'no single author'}")
    if envelope.proof is not None:
        is_same = addresses.same(envelope.proof, mail.author.address)
        return Verdict(is_same, is_same, not is_same, "the author signed in on the web")
    if not trust.authserv_ids:
        return Verdict()
    if not is_relay:
        return Verdict(why="the author is not proved: the peer is not one of [trust] relays")
    author = mail.author
    verdicts = [
        _of_server(author, server, fields)
        for server, fields in _counted(mail.trace, trust.authserv_ids).items()
        if fields
    ]
    # Several servers of ours may have looked: the most cautious of them is right.
    return min(verdicts, key=lambda v: (not v.is_failed, v.is_aligned, v.is_proved), default=Verdict())


def _counted(trace: Iterable[tuple[str, str]], servers: tuple[str, ...]) -> dict[str, list[str]]:
    """The fields of each configured server above the first Received that none of them wrote."""
    ours = {server.lower() for server in servers}
    fields: dict[str, list[str]] = {server: [] for server in ours}
    for name, value in trace:
        if name == "received":
            by = _BY.search(value)
            if by is None or by[1].lower().rstrip(".") not in ours:
                break
        elif name == "authentication-results":
            server = value.split(";")[0].split()[:1]
            if server and server[0].lower() in ours:
                fields[server[0].lower()].append(value)
    return fields


def _of_server(author: Person, server: str, fields: list[str]) -> Verdict:
    """What one server said in all its fields together; the worst result of each method wins."""
    worst: dict[str, bool] = {}
    domain = addresses.a_label(addresses.split(author.address)[1])
    for field in fields:
        if len(field) > _MAX_FIELD_CHARS:
            return Verdict(why=f"the results of {server} are too long to be real")
        try:
            header = AuthenticationResultsHeader.parse(f"Authentication-Results: {field}")
        except (AuthResError, ValueError, IndexError):
            return Verdict(why=f"the results of {server} do not follow RFC 8601")
        for result in header.results:
            passed = _passed(result, author, domain)
            if passed is not None:
                worst[result.method] = worst.get(result.method, True) and passed
    if worst.get("dmarc") is False:
        return Verdict(is_failed=True, why=f"{server} says dmarc=fail for {domain}")
    for method in ("dmarc", "dkim", "auth"):
        if worst.get(method):
            return Verdict(True, True, False, f"{server} says {method}=pass for {domain}")
    if worst.get("spf"):
        return Verdict(True, False, False, f"{server} says spf=pass for {domain}")
    return Verdict(why=f"the author is not proved: {server} found nothing that proves {domain}")


def _passed(result: AuthenticationResult, author: Person, domain: str) -> bool | None:
    """Whether one result proves this author; None when it speaks of somebody else or says nothing."""
    said = {f"{p.type}.{p.name}": p.value for p in result.properties}
    is_pass = result.result == "pass"
    match result.method:
        case "dmarc":
            about = said.get("header.from")
            if about and addresses.a_label(about.rpartition("@")[2]) != domain:
                return None
            # Only a plain fail is a statement; "none", "temperror" and the like are silence.
            return is_pass if result.result in ("pass", "fail") else None
        case "dkim":
            signer = said.get("header.d") or said.get("header.i", "").rpartition("@")[2]
            return is_pass if _is_aligned(signer, domain) else None
        case "spf":
            return is_pass if _is_aligned(said.get("smtp.mailfrom", "").rpartition("@")[2], domain) else None
        case "auth":
            return is_pass if _is_login(said.get("smtp.auth", ""), author) else None
    return None


def _is_aligned(other: str, domain: str) -> bool:
    """The same domain, or a parent of at least two labels (RFC 7489, 3.1, without a public suffix list: stricter)."""
    other = addresses.a_label(other.rstrip("."))
    return other == domain or ("." in other and domain.endswith(f".{other}"))


def _is_login(login: str, author: Person) -> bool:
    """Whether an authenticated submission was by the author: the whole address, or its local part alone."""
    if "@" in login:
        return addresses.same(login, author.address)
    return bool(login) and login.casefold() == author.address.rpartition("@")[0].casefold()
