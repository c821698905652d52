"""What a configured server says of a mail's author: Authentication-Results (RFC 8601) as [trust] says. Pure.

What the desk checked itself makes the same Verdict in proof.py, where the two become one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from maildesk.config import Trust
from maildesk.desk import google, microsoft
from maildesk.errors import Malformed
from maildesk.mail import address as addresses
from maildesk.mail.domains import is_aligned
from maildesk.mail.model import Envelope, Mail, Person
from maildesk.mail.received import writers_of
from maildesk.mail.results import Result, Results, read_results

# S4 a signature, a DMARC pass or a login of the author's; S3 an aligned SPF pass; S2 nothing is known; S1 the domain's policy
# was not met and asks for nothing; S0 it was not met and asks for refusal, or nobody single stands in From.
Level = Literal["S0", "S1", "S2", "S3", "S4"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of the author, in words.

    is_signed: a signature that the desk has verified itself covers the date: whoever has the bytes can send them again later,
    and cannot change it.
    unsigned: which of To, Cc and Message-ID the only proof leaves open, lower-case: whoever passed the mail on may have
    written them.
    """

    level: Level = "S2"
    why: str = "the author is not proved: no Authentication-Results of a configured server"
    is_signed: bool = False
    unsigned: tuple[str, ...] = ()

    @property
    def is_aligned(self) -> bool:
        """Enough for an agent's act."""
        return self.level == "S4"

    @property
    def is_proved(self) -> bool:
        """Whether the author's domain stands for this mail."""
        return self.level in ("S3", "S4")

    @property
    def is_failed(self) -> bool:
        """Whether the author's domain says that this mail is not from there, or nobody can be believed."""
        return self.level in ("S0", "S1")


def judge(mail: Mail, envelope: Envelope, trust: Trust, *, is_relay: bool) -> Verdict:
    """The verdict on a mail's author; unproved where nothing that counts was said."""
    if mail.author is None:
        return Verdict("S0", f"nobody is believed: {mail.author_fault or 'no single author'}")
    if envelope.proof is not None:
        is_same = addresses.same(envelope.proof, mail.author.address)
        return Verdict("S4" if is_same else "S0", "the author signed in on the web")
    if not trust.authserv_ids and not trust.microsoft_tenant:
        return Verdict()
    if not is_relay:
        return Verdict(why="the author is not proved: the peer is not one of [trust] relays")
    others = tuple(server for server in trust.authserv_ids if server.casefold() != google.SERVER)
    verdicts = [_of_server(mail.author, server, fields) for server, fields in _counted(mail.trace, others)]
    if len(others) < len(trust.authserv_ids) and (found := google.results(mail.trace)) is not None:
        verdicts.append(_of_server(mail.author, google.SERVER, (found,)))
    verdicts += _of_exchange(mail, mail.author, trust.microsoft_tenant)
    # Several servers of ours may have looked: the most cautious of them is right.
    return min(verdicts, key=lambda v: v.level, default=Verdict())


def _counted(trace: Iterable[tuple[str, str]], servers: tuple[str, ...]) -> tuple[tuple[str, tuple[Results, ...]], ...]:
    """The fields of each configured server above the first Received that none of them wrote.

    A field that names a server of ours in any other way than that server does, or breaks the grammar, stands without
    results: whoever wrote it, that server's word is in doubt.
    """
    fields: dict[str, list[Results]] = {}
    for name, value in trace:
        if name == "received" and not _is_ours(value, servers):
            break
        if name == "authentication-results":
            head = value.partition(";")[0].casefold()
            near = next((server for server in servers if server.casefold() in head), None)
            try:
                found = read_results(value)
            except Malformed:
                if near is not None:
                    fields.setdefault(near, []).append(Results(near, False, ()))
                continue
            for server in servers:
                if found.server.casefold() == server.casefold():
                    fields.setdefault(server, []).append(found)
    return tuple((server, tuple(found)) for server, found in fields.items())


def _is_ours(received: str, servers: tuple[str, ...]) -> bool:
    """Whether one of our servers wrote a Received field: every "by" outside of comments names it."""
    names = writers_of(received)
    return bool(names) and names <= {server.casefold() for server in servers}


def _of_exchange(mail: Mail, author: Person, tenant: str) -> list[Verdict]:
    """What Exchange Online said, where a tenant is configured and it said anything."""
    if not tenant:
        return []
    if microsoft.is_inside(mail.trace, tenant):
        return [Verdict("S4", f"{microsoft.SERVER} says auth: the author signed in to the tenant")]
    found = microsoft.outside(mail.trace)
    return [] if found is None else [_of_server(author, microsoft.SERVER, (found,))]


def _of_server(author: Person, server: str, fields: tuple[Results, ...]) -> Verdict:
    """What one server said in all its fields together; the worst result of each method wins."""
    domain = addresses.a_label(author.address.rpartition("@")[2])
    said = [(r, _passed(r, author, domain, server)) for field in fields for r in field.results]
    failed = [r for r, passed in said if r.method == "dmarc" and r.result == "fail" and passed is False]
    if failed:
        is_mild = all("none" in (r.one("policy.dmarc").casefold(), r.one("action").casefold()) for r in failed)
        return Verdict("S1" if is_mild else "S0", f"{server} says dmarc=fail for {domain}")
    if any(not field.is_plain or field.server != server for field in fields):
        return Verdict(why=f"the author is not proved: a field of {server} is not as that server writes it")
    worst: dict[str, bool] = {}
    for result, passed in said:
        if passed is not None:
            worst[result.method] = worst.get(result.method, True) and passed
    for method in ("dmarc", "dkim", "auth"):
        if worst.get(method):
            return Verdict("S4", f"{server} says {method}=pass for {domain}")
    if worst.get("spf"):
        return Verdict("S3", f"{server} says spf=pass for {domain}")
    return Verdict(why=f"the author is not proved: {server} found nothing that proves {domain}")


def _passed(result: Result, author: Person, domain: str, server: str) -> bool | None:
    """Whether one result proves this author; None when it speaks of somebody else.

    A server has one result for DMARC, SPF and a login: one that proves nobody contradicts another that does.
    """
    is_pass = result.result == "pass"
    match result.method:
        case "dmarc":
            return is_pass and addresses.a_label(result.one("header.from").rpartition("@")[2]) == domain
        case "dkim":
            signer = result.one("header.d") or result.one("header.i").rpartition("@")[2]
            # A mail may bear signatures of others; without any there is no "pass" either.
            return is_pass if is_aligned(signer, domain) else False if result.result == "none" else None
        case "spf":
            mail_from = result.one("smtp.mailfrom").strip("<>").rpartition("@")[2]
            if not mail_from and result.one("smtp.helo"):
                return None
            return is_pass and is_aligned(mail_from, domain)
        case "auth":
            return is_pass and _is_login(result.one("smtp.auth"), author, domain, server)
    return None


def _is_login(login: str, author: Person, domain: str, server: str) -> bool:
    """Whether an authenticated submission was by the author: the whole address, or its local part alone at home.

    A user name without a domain is one of the server's own people: "lea" at mx.desk.test is nobody of client.test.
    """
    if "@" in login:
        return addresses.same(login, author.address)
    is_at_home = server.casefold() == domain or server.casefold().endswith(f".{domain}")
    return is_at_home and bool(login) and login.casefold() == author.address.rpartition("@")[0].casefold()
