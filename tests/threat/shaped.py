"""The laws of hostile shapes (tests/shapes.py) that the rows T61 to T66 share: read soon, in time that grows as the mail does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from math import log2

from maildesk.mail.parse import understand
from tests.shapes import SHAPES, Shape

# The promise, 200 ms at the whole size on an idle machine, is what `python -m tests.measure hostile` measures.
SHARE = 0.1
PATIENCE_S = 0.5
# Three doublings of the size; below the floor a time is noise. The promise is 1.2, measured five times; here is one look.
DOUBLINGS = 3
FLOOR_S = 0.12
EXPONENT = 1.5


def family(*names: str) -> dict[str, Shape]:
    """The shapes of some families: "part" are those called "part: ..."."""
    return {name: shape for name, shape in SHAPES.items() if name.partition(":")[0] in names}


def slow(shapes: dict[str, Shape], patience_s: float = PATIENCE_S) -> dict[str, float]:
    """Those that take too long, with their seconds; none may make the parser fail."""
    _warm_up()
    return {name: took for name, shape in shapes.items() if (took := _spent(shape.at(SHARE))) > patience_s}


def steep(shapes: dict[str, Shape]) -> dict[str, float]:
    """Those whose time grows faster than their size, with the exponent: 1 is as fast, a square's is 2."""
    _warm_up()
    found = {}
    for name, shape in shapes.items():
        large = _spent(shape.at(0.3))
        if large > FLOOR_S:
            small = min(_spent(shape.at(0.3 / 2**DOUBLINGS)) for _ in range(2))
            exponent = log2(large / max(small, FLOOR_S / 2**DOUBLINGS)) / DOUBLINGS
            found.update({name: exponent} if exponent > EXPONENT else {})
    return found


def bytes_of(shapes: Iterable[Shape], share: float = SHARE) -> list[bytes]:
    """The mails themselves."""
    return [shape.at(share) for shape in shapes]


def _warm_up() -> None:
    understand(SHAPES["html: breaks"].at(0.001))


def _spent(raw: bytes) -> float:
    """Seconds of processor for one mail."""
    began = time.process_time()
    mail = understand(raw)
    took = time.process_time() - began
    assert not (mail.unreadable or "").startswith("the parser failed")
    return took
