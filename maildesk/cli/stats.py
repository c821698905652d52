"""`maildesk stats`: the overview's figures, for people and as JSON. Counts nothing itself."""

from __future__ import annotations

import sys
from typing import TextIO
from zoneinfo import ZoneInfo

import click

from maildesk import clock
from maildesk.cli.context import Invocation, print_json
from maildesk.cli.read import ALL, as_time
from maildesk.cli.reading import ask_store
from maildesk.cli.terminal import write_table
from maildesk.desk.figures import AGES, Figures, ReplyTimes
from maildesk.errors import NotFound
from maildesk.mail.address import same
from maildesk.store.figures import list_mailboxes, read_figures
from maildesk.store.sqlite import Tx

_AGE_HEADS = ("UNDER 1 DAY", "1-3 DAYS", "3-7 DAYS", "7-30 DAYS", "OLDER")


@click.command(epilog="\b\nExamples:\n  maildesk stats\n  maildesk stats --mailbox support@example.com --json")
@click.option("--mailbox", metavar="A", default="", help="Only this mailbox.")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.pass_obj
def command(invocation: Invocation, mailbox: str, as_json: bool) -> int:
    """Arrivals, backlog and first-reply times of the last 30 days, in the desk's time zone.

    A first reply is the first answer of an agent on a ticket. Exit code 1 when there is no such mailbox.
    """
    config = invocation.load(looks_at_secrets=False)
    configured = tuple(one.address for one in config.mailbox)

    def look(tx: Tx) -> Figures:
        known = tuple(dict.fromkeys((*configured, *list_mailboxes(tx))))
        asked = tuple(one for one in known if same(one, mailbox)) if mailbox else known
        if not asked:
            raise NotFound(f"There is no mailbox {mailbox}; there are {', '.join(known)}.")
        return read_figures(tx, asked, clock.now(), ZoneInfo(config.desk.timezone), most_replies=ALL)

    found = ask_store(invocation, look)
    if as_json:
        print_json(figures_json(found))
    else:
        write_figures(sys.stdout, found)
    return 0


def figures_json(found: Figures) -> dict[str, object]:
    """The figures as `stats --json` shows them: each day, state and age stands there, also with 0."""
    return {
        "at": as_time(found.at),
        "timezone": found.timezone,
        "arrivals": [
            {"day": day.isoformat(), "mailbox": one.mailbox, "tickets": count}
            for one in found.arrivals
            for day, count in zip(found.days, one.counts, strict=True)
        ],
        "backlog": [
            {"mailbox": one.mailbox, "state": one.state, "age": age, "tickets": count}
            for one in found.backlog
            for (age, _), count in zip(AGES, one.counts, strict=True)
        ],
        "first_replies": {
            "all": None if found.times is None else _times_json(found.times),
            "by_mailbox": [{"mailbox": one.name, **_times_json(one)} for one in found.times_by_mailbox],
            "by_agent": [{"agent": one.name, **_times_json(one)} for one in found.times_by_agent],
        },
    }


def write_figures(out: TextIO, found: Figures) -> None:
    """The figures for people, as three tables."""
    out.write(f"Tickets that came in the last {len(found.days)} days ({found.timezone})\n\n")
    names = [one.mailbox for one in found.arrivals]
    by_day = zip(found.days, found.arrived, *(one.counts for one in found.arrivals), strict=True)
    rows = [(day.isoformat(), *counts) for day, *counts in by_day]
    write_table(
        out, ("DAY", "ALL", *names), [*rows, ("all", sum(found.arrived), *(sum(a.counts) for a in found.arrivals))]
    )
    out.write("\nTickets that wait, by age\n\n")
    waiting = [(one.mailbox, one.state, *one.counts, sum(one.counts)) for one in found.backlog]
    totals = [("all", state, *counts, sum(counts)) for state, counts in found.waiting]
    write_table(out, ("MAILBOX", "STATE", *_AGE_HEADS, "ALL"), [*waiting, *totals])
    out.write(f"\nFirst replies of the last {len(found.days)} days\n\n")
    times = ([] if found.times is None else [("all", found.times)]) + [
        (one.name, one) for one in (*found.times_by_mailbox, *found.times_by_agent)
    ]
    shown = [(name, one.replies, _span(one.median_s), _span(one.within_s)) for name, one in times]
    write_table(out, ("OF", "REPLIES", "HALF WITHIN", "NINE IN TEN WITHIN"), shown)


def _times_json(times: ReplyTimes) -> dict[str, object]:
    return {"replies": times.replies, "median_s": round(times.median_s), "within_s": round(times.within_s)}


def _span(seconds: float) -> str:
    """Two units of a span: "3 d 4 h", "2 h 5 min", "40 s"."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest_s} s"
