"""Kinds of set-up by what a domain says of its own mail: real signatures that the desk checks, and policies that are not met."""

from __future__ import annotations

from dataclasses import replace

from maildesk.mail.checks import Records
from tests.signing import records, sign
from tests.threat.honest import Stage
from tests.threat.people import APPLE, PROGRAMS, Draft, new_mail, reply, somebody

# What a domain publishes, in turn; None: nothing.
POLICIES = ("none", "quarantine", "reject", None)
UNMET = "mx.desk.test; dkim=none; spf=fail smtp.mailfrom={{domain}}; dmarc=fail policy.dmarc={policy} header.from={{domain}}"


def signed(draft: Draft, domain: str, published: str | None, *, breaks: bool = False) -> Draft:
    """The mail without a server's word, signed by its domain; `breaks`: a footer was added on the way."""

    def finish(raw: bytes) -> tuple[bytes, Records]:
        raw = sign(raw, domain)
        return raw + b"-- \r\nScanned by company.test\r\n" if breaks else raw, records(domain, published)

    return replace(draft, results="", html="", finish=finish)


def checked_here(stage: Stage, number: int) -> None:
    """The desk is the MX, or its mail server checks nothing: signatures stand for the authors; now and then a gateway of
    the customer's breaks one."""
    person = somebody(stage.chance, number)
    published, program = POLICIES[number % len(POLICIES)], PROGRAMS[number % len(PROGRAMS)]
    breaks = number % 7 == 6
    draft = new_mail(stage.chance, person, "", program=program)
    opened = stage.gives(signed(draft, person.domain, published, breaks=breaks)).ticket
    for turn in range(2):
        letter = (stage.agent_answers(opened) if turn else None) or stage.letter(person, opened)
        if letter is not None:
            answer = reply(stage.chance, person, letter, "", program=program)
            stage.gives(signed(answer, person.domain, published), wanted=opened)


def failing_domains(stage: Stage, number: int) -> None:
    """A domain that publishes a policy and forgot a server of its own: most ask for nothing, some for refusal. Their people get
    no confirmation, so now and then one of them writes again, below their own first mail."""
    person = somebody(stage.chance, number)
    results = UNMET.format(policy=("none", "none", "none", "quarantine")[number % 4])
    first = new_mail(stage.chance, person, results, program=APPLE)
    opened = stage.gives(first).ticket
    if number % 6 == 5:
        again = new_mail(
            stage.chance, person, results, subject=f"Re: {first.headers['Subject']}", words="Did you get this?"
        )
        stage.gives(again.with_headers(In_Reply_To=first.headers["Message-ID"]), wanted=opened)
