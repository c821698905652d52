"""The overview for agents and admins: figures as plots and tables, the queue, a ticket to read. Nothing is changed here.

An agent sees the mailboxes that they answer for, an admin all; what is not theirs to see is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.responses import Response

from maildesk.config import Agent
from maildesk.desk.directory import Directory
from maildesk.desk.figures import AGES, WAITING, Age, Figures, ReplyTimes
from maildesk.desk.model import State
from maildesk.mail.address import same
from maildesk.store.figures import NOBODY, Queue, list_mailboxes, list_queue, read_figures
from maildesk.store.sqlite import Tx
from maildesk.web import amounts, plots
from maildesk.web.pages import counted
from maildesk.web.plots import Bar, Series
from maildesk.web.visit import Page, Visit

_PAGE = 50
# A column of the arrivals has at most so many colours; the smallest mailboxes beyond are one.
_MOST_SERIES = plots.COLOURS


@dataclass(frozen=True, slots=True)
class Told:
    """First-reply times of a mailbox or an agent, as the page shows them."""

    name: str
    replies: int
    median: str
    within: str


async def _overview(visit: Visit) -> Response:
    directory, agent = agent_of(visit)
    asked = visit.request.query_params.get("mailbox", "")
    config, now = directory.config, visit.now

    def look(tx: Tx) -> tuple[tuple[str, ...], Figures | None]:
        seen = _seen(tx, directory, agent)
        chosen = tuple(one for one in seen if same(one, asked)) if asked else seen
        return seen, read_figures(tx, chosen, now, ZoneInfo(config.desk.timezone)) if chosen else None

    seen, found = await visit.read(look)
    if found is None:
        return visit.missing()
    states, ages = state_words(visit), _ages(visit)
    times = [(visit.gettext("All"), found.times)] if found.times is not None else []
    by_mailbox = [(one.name, one) for one in found.times_by_mailbox]
    by_agent = [(name_of(directory, one.name), one) for one in found.times_by_agent]
    return visit.page(
        "overview.html",
        figures=found,
        mailboxes=seen,
        chosen=asked and found.arrivals[0].mailbox,
        states=states,
        ages=ages,
        arrivals_plot=_arrivals_plot(visit, found),
        backlog_plot=_backlog_plot(visit, found, states, ages),
        replies_plot=_replies_plot(visit, [*times, *by_mailbox, *by_agent]),
        arrivals_keys=[one.label for one in _series(visit, found)],
        days=[amounts.day(day, visit.language) for day in found.days],
        waiting=sum(sum(counts) for _, counts in found.waiting),
        median="" if found.times is None else amounts.span(found.times.median_s, visit.language),
        tables=[
            (visit.gettext("First replies by mailbox"), visit.gettext("Mailbox"), _told(visit, [*times, *by_mailbox])),
            (visit.gettext("First replies by agent"), visit.gettext("Agent"), _told(visit, [*times, *by_agent])),
        ],
    )


async def _queue(visit: Visit) -> Response:
    directory, agent = agent_of(visit)
    asked = visit.request.query_params
    mailbox, state, assignee = asked.get("mailbox", ""), asked.get("state", ""), asked.get("assignee", "")
    chosen_states: tuple[State, ...] = tuple(one for one in WAITING if state in ("", one))
    after = asked.get("after", "")
    known = directory.agent(assignee)
    if not chosen_states or not (after == "" or is_number(after)):
        return visit.missing()
    if assignee not in ("", NOBODY) and known is None:
        return visit.missing()
    who = known.address if known is not None else assignee

    def look(tx: Tx) -> tuple[tuple[str, ...], tuple[str, ...], Queue]:
        seen = _seen(tx, directory, agent)
        chosen = tuple(one for one in seen if same(one, mailbox)) if mailbox else seen
        found = list_queue(tx, chosen, chosen_states, assignee=who, after=int(after or 0), limit=_PAGE)
        return seen, chosen, found

    seen, chosen, found = await visit.read(look)
    if not chosen:
        return visit.missing()
    now = visit.now
    return visit.page(
        "overview_queue.html",
        queue=found,
        mailboxes=seen,
        states=state_words(visit),
        agents=[(one.address, directory.agent_name(one)) for one in _colleagues(directory, seen)],
        nobody=NOBODY,
        chosen={"mailbox": mailbox and chosen[0], "state": state, "assignee": who},
        is_mixed=len(chosen) > 1,
        is_first=not after,
        ages={ticket.number: amounts.span((now - ticket.created_at).total_seconds(), visit.language) for ticket in found.tickets},
        names={ticket.assignee: name_of(directory, ticket.assignee) for ticket in found.tickets if ticket.assignee},
        can_read=directory.config.web is not None and directory.config.web.agents_read,
    )  # fmt: skip


def sees(directory: Directory, agent: Agent, mailbox: str) -> bool:
    """Whether an agent sees the figures and tickets of a mailbox: theirs, and all for an admin.

    Tickets of a mailbox that has left the configuration are those of the first one, as everywhere.
    """
    return agent.role == "admin" or any(
        one.address == agent.address for one in directory.agents_of(directory.mailbox(mailbox))
    )


def agent_of(visit: Visit) -> tuple[Directory, Agent]:
    """The desk and the agent who asks. Raises LookupError for anybody else, who never comes here."""
    agent = visit.who.agent
    if agent is None:
        raise LookupError("a page for agents was shown to a customer")
    return visit.site.settler().directory, agent


def _seen(tx: Tx, directory: Directory, agent: Agent) -> tuple[str, ...]:
    """The mailboxes that an agent sees: the configuration's in its order, then others that have tickets."""
    known = dict.fromkeys((*(one.address for one in directory.config.mailbox), *list_mailboxes(tx)))
    return tuple(one for one in known if sees(directory, agent, one))


def _colleagues(directory: Directory, mailboxes: tuple[str, ...]) -> tuple[Agent, ...]:
    """Who answers for any of these mailboxes."""
    found = {agent.address: agent for mailbox in mailboxes for agent in directory.agents_of(directory.mailbox(mailbox))}
    return tuple(sorted(found.values(), key=lambda agent: directory.agent_name(agent).casefold()))


def name_of(directory: Directory, address: str) -> str:
    """An agent's name; the address of somebody who is no agent any more."""
    agent = directory.agent(address)
    return address if agent is None else directory.agent_name(agent)


def is_number(text: str) -> bool:
    """Whether it can be a ticket's number."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def state_words(visit: Visit) -> dict[State, str]:
    """Each state in words."""
    return {
        "new": visit.gettext("New"),
        "open": visit.gettext("Open"),
        "pending": visit.gettext("Waits for the customer"),
        "on-hold": visit.gettext("On hold"),
        "solved": visit.gettext("Solved"),
        "closed": visit.gettext("Closed"),
    }


def _ages(visit: Visit) -> dict[Age, str]:
    """Each age in words."""
    return {
        "under-1-day": visit.gettext("Under 1 day"),
        "1-to-3-days": visit.gettext("1 to 3 days"),
        "3-to-7-days": visit.gettext("3 to 7 days"),
        "7-to-30-days": visit.gettext("7 to 30 days"),
        "over-30-days": visit.gettext("Over 30 days"),
    }


def _series(visit: Visit, found: Figures) -> tuple[Series, ...]:
    """Arrivals by mailbox; beyond so many colours the smallest are one."""
    largest = sorted(found.arrivals, key=lambda one: -sum(one.counts))
    kept = largest if len(largest) <= _MOST_SERIES else largest[: _MOST_SERIES - 1]
    shown = [Series(one.mailbox, one.counts) for one in found.arrivals if one in kept]
    if len(kept) < len(largest):
        rest = [one.counts for one in found.arrivals if one not in kept]
        shown.append(Series(visit.gettext("Other mailboxes"), tuple(map(sum, zip(*rest, strict=True)))))
    return tuple(shown)


def _arrivals_plot(visit: Visit, found: Figures) -> Markup:
    last = len(found.days) - 1
    return plots.columns(
        "arrivals",
        visit.gettext("Tickets that came, by day"),
        [amounts.day(day, visit.language) for day in found.days],
        _series(visit, found),
        lambda number: amounts.short_count(number, visit.language),
        # Today, and each week before.
        {at: amounts.short_day(found.days[at], visit.language) for at in range(last, -1, -7)},
    )


def _backlog_plot(visit: Visit, found: Figures, states: Mapping[State, str], ages: Mapping[Age, str]) -> Markup:
    def said(number: int) -> str:
        return counted(number, visit.language)

    rows = [
        Bar(
            ages[age],
            said(sum(counts[at] for _, counts in found.waiting)),
            tuple(
                (colour, states[state], counts[at], said(counts[at]))
                for colour, (state, counts) in enumerate(found.waiting, 1)
            ),
        )
        for at, (age, _) in enumerate(AGES)
    ]
    return plots.bars("backlog", visit.gettext("Tickets that wait, by age and state"), rows, is_stacked=True)


def _replies_plot(visit: Visit, times: list[tuple[str, ReplyTimes]]) -> Markup:
    half, nine = visit.gettext("half within"), visit.gettext("nine in ten within")
    rows = []
    for name, one in times:
        median, within = amounts.span(one.median_s, visit.language), amounts.span(one.within_s, visit.language)
        rows.append(
            Bar(name, f"{median} · {within}", ((1, half, one.median_s, median), (2, nine, one.within_s, within)))
        )
    return plots.bars("replies", visit.gettext("How soon first replies went out"), rows, is_stacked=False)


def _told(visit: Visit, times: list[tuple[str, ReplyTimes]]) -> list[Told]:
    return [
        Told(
            name,
            one.replies,
            amounts.span(one.median_s, visit.language),
            amounts.span(one.within_s, visit.language),
        )
        for name, one in times
    ]


PAGES = (Page("GET", "/overview", "agent", _overview), Page("GET", "/overview/queue", "agent", _queue))
