"""Who wrote a mail: our own checks and the word of a configured server, made one verdict. Pure; the DNS was asked before."""

from __future__ import annotations

from dataclasses import replace

from maildesk.config import Trust
from maildesk.desk import trust as servers
from maildesk.desk.trust import Level, Verdict
from maildesk.mail import address as addresses
from maildesk.mail.checks import Checks
from maildesk.mail.domains import is_aligned
from maildesk.mail.model import Envelope, Mail


def judge(mail: Mail, envelope: Envelope, trust: Trust, checks: Checks | None, *, is_relay: bool) -> Verdict:
    """The verdict on a mail's author; checks: None where nothing was checked, or not yet.

    Two sources, and this is how they combine:
    1. A signature of ours that leaves nothing open (S4) wins over everything: it is proof by itself.
    2. Then a configured server's dmarc=fail wins; it weighs less (S1) where that server, or the record we saw, says p=none.
    3. Then whichever proves (S3, S4), the stronger of two.
    4. Where neither proves and the server said nothing, our own finding stands (S2, S1, S0).
    Without an author, or with a web session, there is nothing to combine.
    """
    if envelope.via == "web" and envelope.proof is None and mail.author is not None:
        # Whatever the domain's policy: nobody signs what is typed into a page, and nobody forged it there either.
        return Verdict("S2", "it was typed into the request form: nobody has proved whose the address is")
    server = servers.judge(mail, envelope, trust, is_relay=is_relay)
    if checks is None or mail.author is None or envelope.proof is not None:
        return server
    if checks.domain != domain_of(mail):
        # They were made when another author was read from the same bytes.
        return server
    own = of_checks(checks)
    if own.level == "S4":
        return own
    if server.is_failed:
        is_mild = checks.policy is not None and checks.policy.wish == "none"
        return replace(server, level="S1") if is_mild else server
    if server.is_proved or own.is_proved:
        best = max(server, own, key=lambda verdict: verdict.level)
        # Whoever proved it more, the bytes are signed and can be sent again.
        return replace(best, is_signed=own.is_signed)
    return own


def domain_of(mail: Mail) -> str:
    """The domain that answers for the author, as the DNS knows it; "" when there is no author."""
    return "" if mail.author is None else addresses.a_label(mail.author.address.rpartition("@")[2])


def of_checks(checks: Checks) -> Verdict:
    """What our own checks alone say.

    Where the DNS did not tell the policy, only the author's own domain is aligned: it may ask for that. A failed signature
    of an aligned domain is a statement; without one, and where SPF was not asked, a strict policy may well have been met.
    """
    policy, domain = checks.policy, checks.domain
    is_strict = (
        (checks.is_silent, checks.is_silent) if policy is None else (policy.is_dkim_strict, policy.is_spf_strict)
    )
    signed = [one for one in checks.signatures if is_aligned(one.domain, domain, is_strict=is_strict[0])]
    held = min((one for one in signed if one.found == "pass"), key=lambda one: len(one.unsigned), default=None)
    if held is not None:
        why = f"DKIM: signed by {held.domain}, selector {held.selector}, verified"
        if not held.unsigned:
            return Verdict("S4", why, is_signed=True)
        gap = " and ".join(map(str.title, held.unsigned))
        return Verdict("S3", f"{why}; {gap} not signed", is_signed=True, unsigned=held.unsigned)
    spf = checks.spf
    if spf is not None and spf.result == "pass" and is_aligned(spf.domain, domain, is_strict=is_strict[1]):
        return Verdict("S3", f"SPF: the server that sent it may write for {spf.domain}")
    reasons = [f"the signature of {one.domain}: {one.why}" for one in signed] or ["nothing aligned is signed"]
    if spf is not None:
        reasons.append(f"SPF says {spf.result} for {spf.domain}")
    found = "; ".join(reasons)
    if checks.is_silent or any(one.found == "silent" for one in signed) or (spf and spf.result == "temperror"):
        return Verdict("S2", f"the author is not proved: the DNS did not answer; {found}")
    if policy is None:
        return Verdict("S2", f"the author is not proved: {domain} publishes no DMARC policy; {found}")
    level: Level = "S1"
    if policy.wish != "none":
        level = "S0" if spf is not None or any(one.found == "fail" for one in signed) else "S1"
    return Verdict(level, f"DMARC: {policy.domain} publishes p={policy.wish}; {found}")
