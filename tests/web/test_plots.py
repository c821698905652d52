"""Plots as SVG: the figures that were given, drawn and said, and nothing that a name could smuggle in."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from maildesk.web.plots import Bar, Series, bars, columns, grid_step

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script> & <b x=\'y\' onload="z">'


def parsed(svg: str) -> Any:
    """The plot, read as XML by itself: role, names and ids are there, and no style, script or link."""
    root = etree.fromstring(str(svg))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    title, desc = root.get("aria-labelledby").split()
    assert (root[0].tag, root[0].get("id"), bool(root[0].text)) == (f"{SVG}title", title, True)
    assert (root[1].tag, root[1].get("id"), bool(root[1].text)) == (f"{SVG}desc", desc, True)
    assert all(one.tag == f"{SVG}title" for column in root.findall(f"{SVG}svg") for one in column[:1])
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "title", "desc", "g", "rect", "line", "text"}
    allowed = {
        "class", "role", "width", "height", "aria-labelledby", "id", "x", "y", "x1", "x2", "y1", "y2", "text-anchor",
    }  # fmt: skip
    assert {name for one in root.iter() for name in one.attrib} <= allowed
    return root


@given(
    st.integers(1, 8).flatmap(lambda days: st.lists(st.tuples(*[st.integers(0, 10**6)] * days), min_size=1, max_size=8))
)
def test_columns_show_what_was_given(values: list[tuple[int, ...]]) -> None:
    """Every figure that is not 0 has its bar, one on the other and in proportion; the text alternative has each of them."""
    labels = [f"day {at}" for at in range(len(values[0]))]
    root = parsed(columns("p", "T", labels, [Series(f"m{at}", v) for at, v in enumerate(values)], str, {0: "d"}))
    marks = [int(one.text) for one in root.iter(f"{SVG}text") if one.text.isdigit()]
    top, told = max(marks), []
    shown = iter(root.findall(f"{SVG}svg"))
    for day, label in enumerate(labels):
        given = [(at, one[day]) for at, one in enumerate(values) if one[day]]
        total = sum(count for _, count in given)
        parts = f" ({', '.join(f'm{at} {count}' for at, count in given)})" if len(values) > 1 and given else ""
        told.append(f"{label}: {total}{parts}")
        if not given:
            continue
        column = next(shown)
        assert column.findtext(f"{SVG}title") == told[-1]
        base = 182.0
        for rect, (at, count) in zip(column.iter(f"{SVG}rect"), given, strict=True):
            assert rect.get("class") == f"s{at % 6 + 1}"
            assert abs(float(rect.get("height")) - 168 * count / top) <= 0.21
            assert abs(float(rect.get("y")) + float(rect.get("height")) - base) < 0.1
            base = float(rect.get("y"))
        assert base >= 13.9
    assert next(shown, None) is None
    assert root[1].text == "; ".join(told) + "."
    assert top >= max(sum(one[day] for one in values) for day in range(len(labels)))
    assert 2 <= len(marks) <= 6


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12), st.booleans())
def test_bars_show_what_was_given(values: list[tuple[int, int]], stacked: bool) -> None:
    """Lengths are in proportion to the longest row, which fills the width; none leaves it."""
    rows = [
        Bar(f"row {at}", f"{a} {b}", ((1, "a", a, str(a)), (2, "b", b, str(b)))) for at, (a, b) in enumerate(values)
    ]
    root = parsed(bars("p", "T", rows, is_stacked=stacked))
    longest = max(a + b if stacked else max(a, b) for a, b in values) or 1
    found = [one for one in root.iter(f"{SVG}rect") if one.get("class") != "track"]
    wanted = [(f"row {at}, {name}: {value}", 100 * value / longest)
              for at, pair in enumerate(values) for name, value in zip("ab", pair, strict=True) if value]  # fmt: skip
    assert [one.findtext(f"{SVG}title") for one in found] == [said for said, _ in wanted]
    for one, (_, width) in zip(found, wanted, strict=True):
        assert abs(float(one.get("width").rstrip("%")) - width) < 0.01
        assert float(one.get("x").rstrip("%")) + float(one.get("width").rstrip("%")) <= 100.02
        assert float(one.get("height")) > 0
    ends: dict[str, float] = {}
    for one in found:
        # Of one row: a stacked part begins where the one before ends, any other at the left.
        row, begin = one.findtext(f"{SVG}title").partition(",")[0], float(one.get("x").rstrip("%"))
        assert abs(begin - (ends.get(row, 0.0) if stacked else 0)) < 0.02
        ends[row] = begin + float(one.get("width").rstrip("%"))
    for at, (a, b) in enumerate(values):
        assert (f"row {at}: {a} {b} (a {a}, b {b})" if stacked else f"row {at}: a {a}, b {b}") in root[1].text


def test_names_are_text_and_nothing_else() -> None:
    """Whatever stands in a name, a title or a figure: it is shown as it is, and makes no element."""
    column = parsed(columns("p", HOSTILE, [HOSTILE], [Series(HOSTILE, (1,)), Series("b", (2,))], str, {0: HOSTILE}))
    row = parsed(bars("p", HOSTILE, [Bar(HOSTILE, HOSTILE, ((1, HOSTILE, 1, HOSTILE),))], is_stacked=True))
    for root in (column, row):
        assert root[0].text == HOSTILE
        assert HOSTILE in root[1].text
    assert column.find(f"{SVG}svg").findtext(f"{SVG}title") == f"{HOSTILE}: 3 ({HOSTILE} 1, b 2)"


def test_nothing_is_a_plot_too() -> None:
    """Without any figure there is a grid with its nought, and a text that says so."""
    root = parsed(columns("p", "T", ["a", "b"], [Series("m", (0, 0))], str, {1: "b"}))
    assert list(root.iter(f"{SVG}rect")) == []
    assert root[1].text == "a: 0; b: 0."
    parsed(bars("p", "T", [Bar("a", "0", ((1, "x", 0, "0"),))], is_stacked=True))


def test_a_long_name_and_its_figures_stand_below_each_other() -> None:
    """A phone has some 36 characters in a line: figures go below, and what is longer still is cut where it is drawn."""
    short = parsed(bars("p", "T", [Bar("a", "1", ())], is_stacked=True))
    long = parsed(bars("p", "T", [Bar("x" * 60, "1", ()), Bar("a", "1", ())], is_stacked=True))
    assert len({one.get("y") for one in short.iter(f"{SVG}text")}) == 1
    texts = [(one.text, one.get("x")) for one in long.iter(f"{SVG}text")]
    assert texts == [("x" * 35 + "…", "0"), ("1", "0"), ("a", "0"), ("1", "0")]
    assert "x" * 60 in long[1].text


@given(st.integers(0, 10**9))
def test_the_grid_has_few_lines_at_round_numbers(most: int) -> None:
    """1, 2 or 5 and noughts, and never more than five steps up to the highest column."""
    step = grid_step(most)
    assert re.fullmatch("[125]0*", str(step))
    assert most <= 5 * step
