"""A request's wrong address is put right by the browser that sent it: once, soon, and with an event for the agents.

Inside one transaction. The wrong address's place in the ticket ends; what was not sent to it yet is not sent any more.
"""

from __future__ import annotations

from datetime import datetime

from maildesk import braking
from maildesk.clock import iso
from maildesk.desk.decision import Entered
from maildesk.desk.letters import for_web
from maildesk.mail.model import Person
from maildesk.settle import Settler
from maildesk.store import tickets
from maildesk.store.sqlite import Tx
from maildesk.store.tickets import integer, key, text


def correct(
    tx: Tx, settler: Settler, request_id: int, visitor_hash: str, address: str, language: str, now: datetime
) -> bool:
    """Whether the request is the address's now; False where it was corrected before or is no request of that browser's."""
    row = tx.find("request from the form", id=request_id, visitor_hash=visitor_hash)
    if row is None or row["ticket_id"] is None or row["proved"]:
        return False
    # What others said there was for the address as it stands; what is a person's own stays theirs.
    if row["is_settled"]:
        return False
    changed = tx.change(
        "correct the address of a request", id=request_id, visitor_hash=visitor_hash, address=address, at=iso(now)
    )
    ticket = tickets.find_ticket(tx, integer(row["ticket_id"]))
    wrong = text(row["address"])
    # A suspect robot's request went to an older ticket, which is somebody else's to give away.
    if not changed or ticket is None or not ticket.is_requester(wrong) or row["outcome"] != "ticket":
        return False
    if key(wrong) == key(address):
        return True
    name = ticket.requester.name if ticket.requester else ""
    tickets.set_requester(tx, ticket.id, Person(address, name), now)
    tx.change("somebody leaves a ticket", ticket_id=ticket.id, address_key=key(wrong), at=iso(now))
    tx.change("letters to somebody that wait are not sent", ticket_id=ticket.id, recipient_key=key(wrong))
    words = f"address corrected: {wrong} → {address}"
    tickets.add_entry(tx, ticket.id, Entered("event", None, "", words, words, ()), at=now, via="web")
    tx.add("history", at=iso(now), what="corrected", mail_id=None, ticket_id=ticket.id, detail="{}")
    after = tickets.find_ticket(tx, ticket.id)
    plan = for_web(settler.directory, after or ticket, address, language, now)
    held = braking.braked(tx, plan, now)
    if held is None:
        braking.count(tx, settler.owing.owe(tx, plan, after, now), plan, now)
    elif held.waits and after is not None:
        braking.wait(tx, plan, after, held.why, now)
    return True
