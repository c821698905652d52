"""The overview's arithmetic: days of a time zone, ages, percentiles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.desk.figures import (
    AGES,
    DAYS,
    Arrivals,
    Backlog,
    Reply,
    age_bounds,
    day_bounds,
    last_days,
    reply_times,
    to_figures,
)

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
# Half an hour, three quarters of an hour, midnight put forward, a day that never was, both ends of the world.
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia")


@pytest.mark.parametrize(
    ("zone", "today"), [("Pacific/Kiritimati", date(2026, 11, 23)), ("Pacific/Pago_Pago", date(2026, 11, 22))]
)
def test_today_is_the_zones(zone: str, today: date) -> None:
    """The last day is today where the desk is, and there are thirty."""
    days = last_days(AT, ZoneInfo(zone))
    assert (days[-1], len(days)) == (today, DAYS)
    assert all(after - before == timedelta(days=1) for before, after in pairwise(days))


def test_days_have_as_many_hours_as_the_clock_gives_them() -> None:
    """The night the clock is put back has 25 hours, the one it is put forward 23."""
    paris = ZoneInfo("Europe/Paris")
    back = day_bounds((date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)), paris)
    assert [after - before for before, after in pairwise(back)] == [timedelta(hours=hours) for hours in (24, 25, 24)]
    forward = day_bounds((date(2027, 3, 28),), paris)
    assert forward == (datetime(2027, 3, 27, 23, tzinfo=UTC), datetime(2027, 3, 28, 22, tzinfo=UTC))


@given(
    st.integers(1293840000, 2114380800).map(lambda s: datetime.fromtimestamp(s, UTC)),  # 2011 to 2036
    st.sampled_from(ZONES),
)
def test_every_moment_is_of_the_day_that_a_clock_on_the_wall_shows(at: datetime, zone: str) -> None:
    """Whatever the zone: a moment between a day's bounds has that day's date, and the bounds follow each other."""
    days = last_days(at, ZoneInfo(zone))
    bounds = day_bounds(days, ZoneInfo(zone))
    assert list(bounds) == sorted(bounds)
    assert bounds[-2] <= at < bounds[-1]
    for day, since, until in zip(days, bounds, bounds[1:], strict=False):
        for moment in (since, until - timedelta(seconds=1)):
            # A day that the zone left out has no moment.
            assert since == until or moment.astimezone(ZoneInfo(zone)).date() == day


def test_a_ticket_is_of_one_age() -> None:
    """Each time is of exactly one age: the first whose least age it has not passed; the future counts as young."""
    bounds = age_bounds(AT)
    for old, age in [
        (timedelta(days=-1), 0),
        (timedelta(0), 0),
        (timedelta(days=1), 0),
        (timedelta(days=1, microseconds=1), 1),
        (timedelta(days=2), 1),
        (timedelta(days=5), 2),
        (timedelta(days=29), 3),
        (timedelta(days=30, microseconds=1), 4),
        (timedelta(days=9000), 4),
    ]:
        at = AT - old
        assert [
            number
            for number, (since, until) in enumerate(bounds)
            if (since is None or at >= since) and (until is None or at < until)
        ] == [age], old


def test_percentiles() -> None:
    """The middle one or the mean of the middle two; the smallest time that nine in ten do not exceed; none of nothing."""
    assert reply_times("", []) is None
    one = reply_times("x", [5])
    assert one is not None
    assert (one.name, one.replies, one.median_s, one.within_s) == ("x", 1, 5, 5)
    ten = reply_times("", [100, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert ten is not None
    assert (ten.median_s, ten.within_s) == (5.5, 9)
    eleven = reply_times("", range(1, 12))
    assert eleven is not None
    assert (eleven.median_s, eleven.within_s) == (6, 10)


@given(st.lists(st.floats(0, 1e7), min_size=1))
def test_nine_in_ten_are_within(times: list[float]) -> None:
    """At least half are within the median and nine in ten within the other; the slowest is never exceeded."""
    found = reply_times("", times)
    assert found is not None
    assert sum(time <= found.within_s for time in times) * 10 >= len(times) * 9
    assert sum(time <= found.median_s for time in times) * 2 >= len(times)
    assert found.within_s in times
    assert found.median_s <= max(times)


def test_totals_are_the_sums_of_their_parts() -> None:
    """Over mailboxes by day and by state; replies by mailbox and by agent are the same replies."""
    days = (date(2026, 11, 21), date(2026, 11, 22))
    old = (0,) * (len(AGES) - 1)
    found = to_figures(
        AT,
        "UTC",
        days,
        [Arrivals("a@x.test", (1, 2)), Arrivals("b@x.test", (10, 0))],
        [Backlog("a@x.test", "new", (3, *old)), Backlog("b@x.test", "new", (4, *old)), Backlog("b@x.test", "open", (1, *old))],
        [Reply("a@x.test", "ana@x.test", 60), Reply("b@x.test", "ana@x.test", 120), Reply("b@x.test", "ben@x.test", 30)],
    )  # fmt: skip
    assert found.arrived == (11, 2)
    assert dict(found.waiting) == {"new": (7, *old), "open": (1, *old), "pending": (0, *old), "on-hold": (0, *old)}
    assert [(x.name, x.replies, x.median_s) for x in found.times_by_mailbox] == [
        ("a@x.test", 1, 60),
        ("b@x.test", 2, 75),
    ]
    assert [(x.name, x.replies, x.median_s) for x in found.times_by_agent] == [
        ("ana@x.test", 2, 90),
        ("ben@x.test", 1, 30),
    ]
    assert found.times is not None
    assert found.times.replies == 3
