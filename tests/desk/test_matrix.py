"""The matrix, cell by cell, on a real desk: what a customer's mail does by evidence, author and proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildesk.desk.matrix import MATRIX
from tests.desk.world import FAILED, PROVED, Letter, World, only

AUTHORS = {"addressee": "lea@client.test", "participant": "lea@client.test", "other": "eve@evil.test"}
RESULTS = {"proved": PROVED, "unproved": None, "failed": FAILED}
# (evidence, author): what happens to a proved, an unproved and a failed mail.
JOIN, STRANGER, SUBJECT, NEW = "join", "stranger", "by-subject", "new"
TABLE = {
    ("signed-address", "addressee"): (JOIN, JOIN, JOIN),
    ("signed-address", "participant"): (JOIN, JOIN, JOIN),
    ("signed-address", "other"): (STRANGER, STRANGER, STRANGER),
    ("signed-id", "addressee"): (JOIN, JOIN, JOIN),
    ("signed-id", "participant"): (JOIN, JOIN, JOIN),
    ("signed-id", "other"): (NEW, NEW, NEW),
    ("known-id", "participant"): (JOIN, JOIN, JOIN),
    ("known-id", "other"): (NEW, NEW, NEW),
    ("subject", "participant"): (SUBJECT, NEW, NEW),
    ("subject", "other"): (NEW, NEW, NEW),
}
CELLS = [(level, who, proof, TABLE[level, who][i]) for level, who in TABLE for i, proof in enumerate(RESULTS)]


def test_the_table_has_no_other_cells() -> None:
    """Every row of the product's matrix is tried below."""
    assert set(MATRIX) == set(TABLE)


def _to(level: str, who: str, letters: list[Letter]) -> tuple[tuple[str, ...], dict[str, str], str]:
    """Recipients, headers and subject that make this evidence; a participant's is another person's letter."""
    letter = only(letters, "confirmation") if who != "participant" else only(letters, "new", "ben@desk.test")
    match level:
        case "signed-address":
            return (str(letter.message["Reply-To"]),), {}, "other"
        case "signed-id":
            return ("support@desk.test",), {"In-Reply-To": str(letter.message["Message-ID"])}, "other"
        case "known-id":
            return ("support@desk.test",), {"References": "<1.1795370400@client.test>"}, "other"
        case _:
            return ("support@desk.test",), {}, "Re: [#50031] Printer on fire"


@pytest.mark.parametrize(("level", "who", "proof", "what"), CELLS)
def test_each_cell(tmp_path: Path, level: str, who: str, proof: str, what: str) -> None:
    """An entry or a ticket that mentions, its flags, and who hears of it: nobody when the domain disowns the author."""
    world = World(tmp_path)
    try:
        world.write("lea@client.test")
        to, headers, subject = _to(level, who, world.letters())
        world.write(AUTHORS[who], "More.\n", to=to, headers=headers, subject=subject, results=RESULTS[proof])
        distrust = {"proved": (), "unproved": ("unverified",), "failed": ("unverified", "auth-fail")}[proof]
        letters = world.letters()
        if what == NEW:
            assert len(world.entries()) == 1
            assert world.ticket(50032).mentions == (50031,)
            assert world.entries(50032)[0][2] == distrust
            kinds = {"proved": {"confirmation", "new"}, "unproved": {"confirmation-unproved", "new"}, "failed": set()}
        else:
            extra = () if what == JOIN else (what,)
            assert world.entries()[1][2] == distrust + extra
            assert [p.address for p in world.ticket().customers] == ["lea@client.test"]
            kinds = {"proved": {"reply"}, "unproved": {"reply"}, "failed": set()}
        assert {x.notice for x in letters} == kinds[proof]
        assert {x.recipient for x in letters} <= {"ana@desk.test", "ben@desk.test", AUTHORS[who]}
    finally:
        world.close()
