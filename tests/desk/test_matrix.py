"""The matrix, cell by cell, on a real desk: what a customer's mail does by evidence, author and proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildesk.desk.matrix import MATRIX
from tests.desk.world import FAILED, PROVED, Letter, World, only

AUTHORS = {"addressee": "lea@client.test", "participant": "lea@client.test", "other": "eve@evil.test"}
LENIENT = "mx.desk.test; dmarc=fail policy.dmarc=none header.from={domain}"
SPF = "mx.desk.test; spf=pass smtp.mailfrom=x@{domain}"
RESULTS = {"S4": PROVED, "S3": SPF, "S2": None, "S1": LENIENT, "S0": FAILED}
# (evidence, author): what happens at S4, S3, S2, S1 and S0: an entry (with a flag), a ticket of its own, or a cause.
JOIN, STRANGER, SUBJECT, NEW, SHY, QUIET = "join", "stranger", "by-subject", "new", "unconfirmed", "quiet"
FORGED, OUTSIDE, UNPROVED = "held: auth-fail", "held: stranger", "held: unproved"
TABLE = {
    ("signed-address", "addressee"): (JOIN, JOIN, JOIN, JOIN, FORGED),
    ("signed-address", "participant"): (JOIN, JOIN, JOIN, JOIN, FORGED),
    ("signed-address", "other"): (STRANGER, STRANGER, STRANGER, OUTSIDE, FORGED),
    ("signed-id", "addressee"): (JOIN, JOIN, JOIN, JOIN, FORGED),
    ("signed-id", "participant"): (JOIN, JOIN, JOIN, JOIN, FORGED),
    ("signed-id", "other"): (NEW, NEW, NEW, OUTSIDE, FORGED),
    ("known-id", "participant"): (JOIN, JOIN, JOIN, UNPROVED, FORGED),
    ("known-id", "other"): (NEW, NEW, NEW, OUTSIDE, FORGED),
    ("subject", "participant"): (SUBJECT, SUBJECT, NEW, SHY, FORGED),
    ("subject", "other"): (NEW, NEW, NEW, SHY, FORGED),
    ("none", "other"): (NEW, NEW, NEW, SHY, QUIET),
}
CELLS = [(level, who, proof, TABLE[level, who][i]) for level, who in TABLE for i, proof in enumerate(RESULTS)]


def test_the_table_has_no_other_cells() -> None:
    """Every row of the product's matrix is tried below, but for those who were removed (test_participants.py)."""
    assert {key for key in MATRIX if key[1] != "former"} == set(TABLE)


def test_less_proof_never_does_more() -> None:
    """From left to right a row only loses: an entry, then a ticket of its own, then nothing before a person has looked."""
    rank = {"join": 0, "new": 4, "hold": 8}
    for row in MATRIX.values():
        ranks = [rank[cell.does] + cell.is_unconfirmed + cell.is_quiet for cell in row]
        assert ranks == sorted(ranks)


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
        case "subject":
            return ("support@desk.test",), {}, "Re: [#50031] Printer on fire"
        case _:
            return ("support@desk.test",), {}, "Another matter"


@pytest.mark.parametrize(("level", "who", "proof", "what"), CELLS)
def test_each_cell(tmp_path: Path, level: str, who: str, proof: str, what: str) -> None:
    """An entry or a ticket that mentions, its flags, and who hears of it; held mail is nowhere and told to nobody."""
    world = World(tmp_path)
    try:
        world.write("lea@client.test")
        to, headers, subject = _to(level, who, world.letters())
        fate = world.write(AUTHORS[who], "More.\n", to=to, headers=headers, subject=subject, results=RESULTS[proof])
        failed = ("unverified", "auth-fail")
        distrust: tuple[str, ...] = {"S4": (), "S3": (), "S2": ("unverified",)}.get(proof, failed)
        letters = world.letters()
        if what.startswith("held: "):
            assert (fate.outcome, f"held: {fate.cause}", fate.ticket, letters) == ("held", what, None, [])
            assert len(world.entries()) == 1
            return
        if what in (NEW, SHY, QUIET):
            assert len(world.entries()) == 1
            assert world.ticket(50032).mentions == (() if level == "none" else (50031,))
            assert world.entries(50032)[0][2] == distrust
            known = {"confirmation", "new"}
            kinds = {"S4": known, "S3": known, "S2": {"confirmation-unproved", "new"}, "S1": {"new"}}.get(proof, set())
        else:
            extra = () if what == JOIN else (what,)
            assert world.entries()[1][2] == distrust + extra
            assert [p.address for p in world.ticket().customers] == ["lea@client.test"]
            kinds = {"reply"}
        assert {x.notice for x in letters} == kinds
        assert {x.recipient for x in letters} <= {"ana@desk.test", "ben@desk.test", AUTHORS[who]}
    finally:
        world.close()
