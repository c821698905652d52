"""Every row of the threat table that applies has a file that says its law; rows.toml names them."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROWS = tomllib.loads((FOLDER / "rows.toml").read_text("utf-8"))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_file_that_says_its_law(row: str) -> None:
    """The file begins with the row's number, holds tests, and skips none."""
    path = FOLDER / ROWS[row]["file"]
    module = ast.parse(path.read_text("utf-8"))
    said = ast.get_docstring(module) or ""
    assert said.startswith(row), said[:80]
    tests = [
        x for x in module.body if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef) and x.name.startswith("test_")
    ]
    assert tests
    assert all(ast.get_docstring(test) for test in tests)
    assert "mark.skip" not in path.read_text("utf-8")
    assert ROWS[row]["law"].endswith(".")


def test_no_row_has_two_files() -> None:
    """A row's law stands in one place."""
    files = [row["file"] for row in ROWS.values()]
    assert len(set(files)) == len(files)
