"""What Exchange Online says of a mail's author, in a mailbox that is read there. Pure; knows the places of its fields.

Exchange writes Authentication-Results without a server's name, so only the place tells whose word it is: from top to bottom
stand the hops inside, then Exchange's results, then the Received field of the gate that took the mail from outside, and below
it everything that the sender wrote. Its header firewall takes X-MS-Exchange-Organization fields off what comes from outside
and off what leaves the organisation, so that they are Exchange's own in a mailbox, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from maildesk.errors import Malformed
from maildesk.mail.received import writers_of
from maildesk.mail.results import Results, read_results

SERVER = "Exchange Online"
METHODS = ("spf", "dkim", "dmarc")
AUTH_AS, TENANT = "x-ms-exchange-organization-authas", "x-ms-exchange-crosstenant-id"

_HOSTS = (".outlook.com", ".office365.com", ".exchangelabs.com")
_GATE = ".protection.outlook.com"

Trace = tuple[tuple[str, str], ...]


def outside(trace: Trace) -> Results | None:
    """The results that Exchange wrote on a mail from outside; without results where it cannot have written them so.

    None where nothing tells that the mail is from outside, or nothing was written: only X-MS-Exchange-Organization-AuthAs
    Anonymous, once, and a gate below nothing but Exchange's hosts tell it. compauth is a guess and no result.
    """
    if _every(trace, AUTH_AS) != ["anonymous"]:
        return None
    above, is_gate = _above_the_gate(trace)
    said = [value for name, value in above if name == "authentication-results"]
    if not is_gate or not said:
        return None
    try:
        found = read_results(f"exchange.invalid; {said[0]}")
    except Malformed:
        return Results(SERVER, False, ())
    return Results(SERVER, True, tuple(one for one in found.results if one.method in METHODS))


def is_inside(trace: Trace, tenant: str) -> bool:
    """Whether a mailbox of this tenant sent the mail and it never left Exchange Online: it signed in, and may write for From."""
    hops = [value for name, value in trace if name == "received"]
    return (
        bool(tenant)
        and _every(trace, AUTH_AS) == ["internal"]
        and _every(trace, TENANT) == [tenant.casefold()]
        and bool(hops)
        # What came through a gate was sent by a device or a connector, and these may write anybody into From.
        and all(_is_exchange(hop) and not _is_gate(hop) for hop in hops)
    )


def _above_the_gate(trace: Trace) -> tuple[list[tuple[str, str]], bool]:
    """The fields above the first Received of a gate, and whether there is one; nothing counts below a foreign host."""
    above: list[tuple[str, str]] = []
    for name, value in trace:
        if name == "received":
            if not _is_exchange(value):
                break
            if _is_gate(value):
                return above, True
        above.append((name, value))
    return [], False


def _is_exchange(received: str) -> bool:
    return _all_under(writers_of(received), _HOSTS)


def _is_gate(received: str) -> bool:
    return _all_under(writers_of(received), (_GATE,))


def _all_under(names: Iterable[str], suffixes: tuple[str, ...]) -> bool:
    found = tuple(names)
    return bool(found) and all(name.endswith(suffixes) for name in found)


def _every(trace: Trace, field: str) -> list[str]:
    return [value.casefold() for name, value in trace if name == field]
