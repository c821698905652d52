"""The figures of `understand`, measured: `python -m tests.measure hostile|big|explain|mutations|fuzz`. Not part of the tests.

hostile    milliseconds of each hostile shape (THREATS T61 to T66), median of five, and how the time grows with the size;
           --only WORD takes the shapes that have it in their name, --all prints every one
big        milliseconds and memory of mails of 35 MB
explain    milliseconds a mail, median and 99th percentile: understood, and from the file to the command's answer; --mails DIR
mutations  damaged mails on every core: what failed, what broke a law, the slowest; --cases, --seed, and --mails DIR for more
           seeds; --case N makes one of them again, on standard output
fuzz       atheris on `understand` for --seconds, kept in a folder of its own under ~/.cache
"""

from __future__ import annotations

import argparse
import collections
import io
import math
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maildesk.cli.explain import explain
from maildesk.mail.parse import understand
from tests.mail.cases import MAILS
from tests.mail.laws import broken
from tests.memory import peak_mb
from tests.mutate import case, seeds
from tests.shapes import BIG, BIG_BYTES, SHAPES, Shape

ROOT = Path(__file__).parent.parent
WHAT = ("hostile", "big", "explain", "mutations", "fuzz")
PROMISE_MS = 200
EXPONENT = 1.2
# A shape that takes less than this at its whole size may grow as it likes: what is measured then is noise.
FLOOR_MS = 20.0
SHARES = (0.125, 0.25, 0.5, 1.0)
CASE_S = 10
CHUNK = 500


class TookTooLong(BaseException):
    """A mail took more than its time; no handler of the parser may catch this."""


def hostile(only: str, *, every: bool) -> int:
    """Print a table of milliseconds and exponents; 1 when a promise is broken."""
    understand(SHAPES["html: words and breaks"].at(0.01))
    rows = sorted((_row(name, shape) for name, shape in SHAPES.items() if only in name), reverse=True)
    bad = [row for row in rows if row[0] > PROMISE_MS or row[1] > EXPONENT or row[3]]
    print(f"{'ms':>8}  {'exponent':>8}  shape")
    for ms, exponent, name, fault in rows if every else [*rows[:40], *(row for row in rows[40:] if row in bad)]:
        print(f"{ms:8.1f}  {exponent:8.2f}  {name}{'  ' + fault if fault else ''}")
    print(f"{len(rows)} shapes, {len(bad)} above {PROMISE_MS} ms, above exponent {EXPONENT} or with a fault")
    return 1 if bad else 0


def _row(name: str, shape: Shape) -> tuple[float, float, str, str]:
    raws = [shape.at(share) for share in SHARES]
    times = [_median_ms(raw, 3) for raw in raws[:-1]] + [_median_ms(raws[-1], 5)]
    fault = "; ".join(broken(understand(raws[-1])))
    return times[-1], _exponent([len(raw) for raw in raws], times), name, fault


def _median_ms(raw: bytes, times: int) -> float:
    spans = []
    for _ in range(times):
        began = time.process_time()
        understand(raw)
        spans.append((time.process_time() - began) * 1000)
    return statistics.median(spans)


def _exponent(sizes: list[int], times: list[float]) -> float:
    """The slope of the times over the sizes, both as logarithms; a time below its share of the floor counts as that."""
    if len(set(sizes)) == 1:
        return 0.0
    xs = [math.log(size) for size in sizes]
    ys = [math.log(max(ms, FLOOR_MS * size / sizes[-1])) for size, ms in zip(sizes, times, strict=True)]
    return statistics.linear_regression(xs, ys).slope


def big() -> int:
    """Print seconds and peak memory of each big mail, each in a process of its own; 1 when one takes 2 s or 300 MB."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in BIG.items():
            path = Path(folder, "mail")
            path.write_bytes(shape.at()[:BIG_BYTES])
            command = [sys.executable, "-m", "tests.measure", "big", "--mails", str(path)]
            ended = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, megabytes = map(float, ended.stdout.split())
            bad += seconds > 2 or megabytes > 300
            print(f"{seconds:6.2f} s  {megabytes:5.0f} MB  {name}", flush=True)
    return 1 if bad else 0


def _one_big(path: Path) -> None:
    raw = path.read_bytes()
    began = time.process_time()
    understand(raw)
    print(time.process_time() - began, peak_mb())


def explained(folder: Path) -> int:
    """Print milliseconds a mail for every file under `folder`."""
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    if folder == MAILS:
        files = [file for file in files if file.endswith(".eml")]
    # What is loaded once (languages, the HTML reader) is no mail's time.
    for path in MAILS.rglob("*.eml"):
        understand(path.read_bytes())
    alone, whole = [], []
    for file in files:
        raw = Path(file).read_bytes()
        began = time.perf_counter()
        understand(raw)
        alone.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        explain((file,), as_json=True, out=io.StringIO())
        whole.append((time.perf_counter() - began) * 1000)
    for name, spans in (("understood", alone), ("explained, from the file to the answer", whole)):
        p99 = statistics.quantiles(spans, n=100)[98]
        print(f"{name}: median {statistics.median(spans):.2f} ms, p99 {p99:.2f} ms, worst {max(spans):.1f} ms")
    began = time.perf_counter()
    for at in range(0, len(files), CHUNK):
        command = [sys.executable, "-m", "maildesk", "explain", "--json", *files[at : at + CHUNK]]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    print(
        f"the command: {(time.perf_counter() - began) * 1000 / len(files):.2f} ms a mail, its start included, {len(files)} mails"
    )
    return 0


def mutations(cases: int, seed: int, folder: Path | None) -> int:
    """Understand that many damaged mails on every core, print what was found; 1 when a mail failed or broke a law."""
    mails = seeds(folder)
    found = collections.Counter[str]()
    first: dict[str, int] = {}
    slowest, began = (0.0, 0), time.monotonic()
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), _settle, (mails, seed)) as pool:
        for number, ms, faults, unreadable in pool.imap_unordered(_tried, range(cases), chunksize=50):
            slowest = max(slowest, (ms, number))
            for fault in faults:
                first.setdefault(fault.partition(":")[0], number)
                found[fault.partition(":")[0]] += 1
            found["unreadable"] += unreadable
            if sys.stdout.isatty():
                print(f"\r{number}", end="\r")
    for fault, number in first.items():
        again = f"--seed {seed} --case {number}{f' --mails {folder}' if folder else ''}"
        print(f"FAILED {found[fault]} times: {fault}; see python -m tests.measure mutations {again}")
    print(
        f"{cases} mails from {len(mails)} seeds, seed {seed}: {sum(found.values()) - found['unreadable']} faults, "
        f"{found['unreadable']} beyond the limits, slowest {slowest[0]:.0f} ms (case {slowest[1]}), "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if first else 0


_given: tuple[list[bytes], int] = ([], 0)


def _settle(mails: list[bytes], seed: int) -> None:
    global _given
    _given = mails, seed
    signal.signal(signal.SIGPROF, _too_long)


def _too_long(*_: Any) -> None:
    raise TookTooLong


def _tried(number: int) -> tuple[int, float, list[str], bool]:
    raw = case(_given[1], number, _given[0])
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CASE_S)
    try:
        mail = understand(raw)
        faults, unreadable = broken(mail), mail.unreadable is not None
    except BaseException as error:  # noqa: BLE001 - whatever comes out is what this command looks for
        faults, unreadable = [f"{type(error).__name__}: {error}"], False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return number, (time.process_time() - began) * 1000, faults, unreadable


def fuzz(seconds: int) -> int:
    """Run atheris on `understand`, print how many mails it tried and what it found; its own exit code."""
    place = Path.home() / ".cache" / "maildesk" / f"atheris-{sys.version_info.major}.{sys.version_info.minor}"
    if not place.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", str(place), "atheris"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, raw in enumerate(seeds()):
            Path(folder, f"seed-{number}").write_bytes(raw)
        ended = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "tests.fuzz",
                    folder,
                    f"-max_total_time={seconds}",
                    "-max_len=16384",
                    "-timeout=10",
                ),
                *("-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1"),
            ],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{place}"},
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    for line in _of_note(ended.stderr):
        print(line)
    return ended.returncode


def _of_note(said: str) -> Iterator[str]:
    """The last state and the figures of a run, and everything from the first fault on."""
    lines = said.splitlines()
    yield from [line for line in lines if "cov:" in line][-1:]
    fault = next((at for at, line in enumerate(lines) if re.search(r"Uncaught|ERROR|Traceback", line)), len(lines))
    yield from lines[fault:]
    yield from (line for line in lines[:fault] if line.startswith(("stat::", "Done")))


def main() -> None:
    """As `python -m tests.measure` calls it: the first argument is one of WHAT."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--mails", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    match given.what:
        case "hostile":
            sys.exit(hostile(given.only, every=given.all))
        case "big" if given.mails:
            _one_big(given.mails)
        case "big":
            sys.exit(big())
        case "explain":
            sys.exit(explained(given.mails or MAILS))
        case "mutations" if given.case is not None:
            sys.stdout.buffer.write(case(given.seed, given.case, seeds(given.mails)))
        case "mutations":
            sys.exit(mutations(given.cases, given.seed, given.mails))
        case "fuzz":
            sys.exit(fuzz(given.seconds))
