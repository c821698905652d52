"""Confirmations that wait for their budget: those of one address leave as one letter, or are dropped after a day.

Inside one transaction, by the clock (jobs.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from maildesk.braking import count, is_silenced, measure_bounces, over
from maildesk.clock import iso
from maildesk.desk import brakes
from maildesk.desk.directory import Directory
from maildesk.desk.model import LetterPlan, LetterView, Ticket
from maildesk.errors import NotComposable
from maildesk.mail.model import Person
from maildesk.owing import Owing
from maildesk.store import tickets
from maildesk.store.sqlite import Row, Tx

# One turn of the clock writes to so many addresses, and looks at no more of what waits.
AT_ONCE = 200
_ROWS_AT_ONCE = 2000


def send_owed(tx: Tx, owing: Owing, now: datetime) -> int:
    """One letter for each address whose budget allows it, for all of its requests that wait. How many letters."""
    measure_bounces(tx, now)
    _drop_late(tx, now)
    owed: dict[str, list[Row]] = {}
    for row in tx.list("owed confirmations", limit=_ROWS_AT_ONCE):
        owed.setdefault(tickets.text(row["budget_key"]), []).append(row)
    sent = 0
    for rows in owed.values():
        waiting = [row for row in rows if not _is_needless(tx, row, now)]
        for row in rows:
            if row not in waiting:
                tx.drop("owed confirmation", id=row["id"])
        if not waiting or sent >= AT_ONCE:
            continue
        address, is_unproved = tickets.text(waiting[-1]["address"]), any(row["unproved"] for row in waiting)
        is_echo = any(row["echoed"] for row in waiting)
        if over(tx, address, is_unproved, now, is_echo=is_echo) is not None:
            continue
        sent += _send(tx, owing, waiting, (is_unproved, is_echo), now)
    return sent


def _is_needless(tx: Tx, row: Row, now: datetime) -> bool:
    """An agent answered meanwhile, or the address wants no letter."""
    key = tickets.key(tickets.text(row["address"]))
    answer = tx.find("answer to somebody on a ticket", ticket_id=row["ticket_id"], recipient_key=key)
    return answer is not None or is_silenced(tx, tickets.text(row["address"]), now) is not None


def _send(tx: Tx, owing: Owing, rows: Sequence[Row], marks: tuple[bool, bool], now: datetime) -> int:
    found = [tickets.find_ticket(tx, tickets.integer(row["ticket_id"])) for row in rows]
    known = [ticket for ticket in found if ticket is not None]
    for row in rows:
        tx.drop("owed confirmation", id=row["id"])
    if not known:
        return 0
    newest, directory = known[-1], owing.directory
    plan = _merged(directory, tickets.text(rows[-1]["address"]), tickets.text(rows[-1]["language"]), known, now)
    try:
        count(tx, owing.owe(tx, plan, newest, now), replace(plan, is_unproved=marks[0], is_echo=marks[1]), now)
    except NotComposable:
        return 0
    return 1


def _merged(directory: Directory, address: str, language: str, found: Sequence[Ticket], now: datetime) -> LetterPlan:
    mailbox = directory.mailbox(found[-1].mailbox)
    name = directory.mailbox_name(mailbox)
    view = LetterView(
        desk=directory.name,
        mailbox=name,
        mailbox_address=mailbox.address,
        language=directory.language(language),
        created_at=now,
        numbers=tuple(dict.fromkeys(ticket.number for ticket in found)),
    )
    return LetterPlan("confirmation-merged", Person(address), "customer", name, view, is_unproved=True, grant="silence")


def _drop_late(tx: Tx, now: datetime) -> None:
    """What waited for a day is dropped, and the history says so."""
    # One of a time to come was written by a clock that stood wrong.
    times = {"before": iso(now - brakes.OWED_FOR), "after": iso(now + brakes.AHEAD)}
    for row in tx.list("owed confirmations that are late", limit=_ROWS_AT_ONCE, **times):
        tx.drop("owed confirmation", id=row["id"])
        detail = json.dumps({"reason": row["reason"]})
        what = "no confirmation within a day"
        tx.add("history", at=iso(now), what=what, mail_id=None, ticket_id=row["ticket_id"], detail=detail)
