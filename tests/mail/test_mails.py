"""Laws of the project's own mails: each is understood as the file beside it says.

A bug report becomes <trait>.eml and <trait>.toml. In the .toml stands first `shows`, one sentence: the rule that this mail
shows. Then any key of `maildesk explain --json` with its value; of tables only the keys named must agree. Besides:
`attachments` and `inline` are lists of names, `defects = ["*"]` means that there are some, `is_null` lists keys that must be
null, and `text_has`, `text_lacks`, `full_text_has` list pieces.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from maildesk.cli.explain import as_object
from maildesk.mail.parse import understand
from tests.mail.cases import ALL, MAILS

SPECIAL = ("shows", "attachments", "inline", "defects", "is_null", "text_has", "text_lacks", "full_text_has")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.relative_to(MAILS).as_posix())
def test_a_mail_is_understood_as_its_file_says(path: Path) -> None:
    """Every key of the .toml beside a mail holds."""
    wanted = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
    got = as_object(understand(path.read_bytes()), path.name)
    assert wanted["shows"].endswith("."), "a sentence says which rule the mail shows"
    assert set(wanted) <= {*got, *SPECIAL}
    for key in wanted.keys() - set(SPECIAL):
        assert _part_of(got[key], wanted[key]) == wanted[key], key
    names = [a["name"] for a in got["attachments"]]
    assert names == wanted.get("attachments", names)
    assert [a["name"] for a in got["attachments"] if a["inline"]] == wanted.get("inline", _inline(got))
    assert got["defects"] if wanted.get("defects") == ["*"] else True
    assert [key for key in wanted.get("is_null", []) if got[key] is not None] == []
    assert [piece for piece in wanted.get("text_has", []) if piece not in got["text"]] == []
    assert [piece for piece in wanted.get("text_lacks", []) if piece in got["text"]] == []
    assert [piece for piece in wanted.get("full_text_has", []) if piece not in got["full_text"]] == []


def _inline(got: dict[str, Any]) -> list[str]:
    return [a["name"] for a in got["attachments"] if a["inline"]]


def _part_of(got: Any, wanted: Any) -> Any:
    """What `got` has of the keys that `wanted` names."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return {key: _part_of(got.get(key), value) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(got, list) and len(got) == len(wanted):
        return [_part_of(g, w) for g, w in zip(got, wanted, strict=True)]
    return got


def test_every_file_belongs_to_a_mail() -> None:
    """No mail without its .toml, no .toml without its mail, no trait twice."""
    stems = [path.stem for path in ALL]
    assert len(set(stems)) == len(stems)
    others = {path.with_suffix("") for path in MAILS.rglob("*") if path.is_file() and path.suffix != ".eml"}
    assert others == {path.with_suffix("") for path in ALL}
