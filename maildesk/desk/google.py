"""What Gmail says of a mail's author, in a mailbox that is read there. Pure; knows the places of its fields.

From top to bottom stand Received fields of Google's inner machines, which call themselves "2002:a05:" and more, then the one
of mx.google.com, which took the mail from somebody, then Google's results, and below them everything that the sender wrote.
"""

from __future__ import annotations

import re

from maildesk.errors import Malformed
from maildesk.mail.received import is_handed_over, writers_of
from maildesk.mail.results import Results, read_results

SERVER = "mx.google.com"
# 2002:a05::/32 stands for private IPv4 addresses (RFC 3056): no mail server out there has such a name.
_INNER = re.compile(r"2002:a05:[0-9a-f:]{1,40}")


def results(trace: tuple[tuple[str, str], ...]) -> Results | None:
    """The topmost results below the Received field in which mx.google.com took the mail, before any other Received field.

    None where another server wrote a Received field above, or where nothing of Google's stands in that place: a field of the
    same name further down is the sender's.
    """
    is_taken = False
    for name, value in trace:
        if name == "received":
            writers = writers_of(value)
            if is_taken:
                return None
            if is_handed_over(value):
                if writers != {SERVER}:
                    return None
                is_taken = True
            elif not _is_inner(writers):
                return None
        elif name == "authentication-results" and is_taken:
            return _read(value)
    return None


def _is_inner(writers: frozenset[str]) -> bool:
    return len(writers) == 1 and all(_INNER.fullmatch(name) for name in writers)


def _read(value: str) -> Results | None:
    """Google's field, which it writes right there; None for another server's."""
    try:
        found = read_results(value)
    except Malformed:
        return Results(SERVER, False, ())
    return found if found.server.casefold() == SERVER else None
