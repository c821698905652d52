"""What was checked of a mail's author, as it is stored: results and the records they rest on. Values only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from maildesk.mail.dmarc import Policy, Records, find_policy, names
from maildesk.mail.signed import Claim, Signed, claims, verify


@dataclass(frozen=True, slots=True)
class Spf:
    """What SPF says of the peer for the domain of MAIL FROM (RFC 7208, 2.6); result as there: "pass", "temperror", ..."""

    result: str
    domain: str


@dataclass(frozen=True, slots=True)
class Checks:
    """domain: the author's. spf: None where the peer is not the sender's or SPF is not asked for.

    is_silent: the DNS did not say whether there is a policy. records: all that the DNS said, by the name asked for.
    """

    domain: str
    signatures: tuple[Signed, ...] = ()
    policy: Policy | None = None
    is_silent: bool = False
    spf: Spf | None = None
    records: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)

    def to_json(self) -> str:
        """The form that the ledger keeps."""
        return json.dumps(asdict(self), ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Checks:
        """What `to_json` wrote."""
        found = json.loads(text)
        return cls(
            found["domain"],
            tuple(Signed(**{**one, "unsigned": tuple(one["unsigned"])}) for one in found["signatures"]),
            Policy(**found["policy"]) if found["policy"] else None,
            found["is_silent"],
            Spf(**found["spf"]) if found["spf"] else None,
            {name: None if texts is None else tuple(texts) for name, texts in found["records"].items()},
        )


@dataclass(frozen=True, slots=True)
class Questions:
    """What a mail leaves to ask of the DNS: small, whatever the mail's size."""

    domain: str
    claims: tuple[Claim, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Whose TXT records are needed."""
        keys = (claim.name for claim in self.claims if claim.verdict is None)
        return tuple(dict.fromkeys((*keys, *names(self.domain))))


def ask(raw: bytes, domain: str, received_s: float) -> Questions:
    """What is to be asked about a mail whose author is of this domain. received_s: when it came, in seconds since 1970."""
    return Questions(domain, claims(raw, domain, received_s))


def check(questions: Questions, records: Records, spf: Spf | None = None) -> Checks:
    """What the records say of the mail. A name that is not among them was not answered."""
    policy, is_silent = find_policy(questions.domain, records)
    return Checks(
        questions.domain,
        tuple(verify(claim, records) for claim in questions.claims),
        policy,
        is_silent,
        spf,
        {name: records.get(name) for name in (*questions.names, *records)},
    )
