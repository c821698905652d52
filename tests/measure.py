"""The desk's figures, measured: `python -m tests.measure WHAT`, each of which stands below. README quotes them.

What is measured of the understanding of mails (hostile, big, explain, mutations, fuzz) stands in tests/measure_mail.py.

speed    mails a second the whole way, from the sender's first byte until the relay has every letter, on a mix of 60 % new
         plain mails, 20 % HTML with an inline picture, 15 % replies and 5 % with a 300 kB attachment, 8 connections
latency  milliseconds from the 250 to the confirmation at the relay, on an idle desk
idle     memory (PSS of the tree) and processor time of an idle desk with SMTP, LMTP, one IMAP IDLE and the web port
rebuild  reading the same mix again: the time of a dry run, of a rebuild that changes every entry, and of one beside the running
         desk, with what a sender waits for the 250 meanwhile
trust    what it adds to the time of a mail, the whole way without the DNS, to check its author (tests/measure_trust.py)
web       milliseconds of the help centre's pages with 100,000 requests, under load, and the memory of a large file
overview  milliseconds of the agents' pages with 100,000 tickets (tests/measure_overview.py)
activities  the same of a customer's pages (tests/measure_activities.py)
extraction  random actors against a desk, and after each step the law that nothing leaves a ticket but to its participants:
         --steps N --seed N, and --replay WORLD:STEP
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import re
import smtplib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import EmailMessage
from pathlib import Path

from maildesk.config import Mailbox
from maildesk.store import keys
from tests import measure_activities, measure_mail, measure_overview, measure_trust, measure_web
from tests.desk.world import World
from tests.servers.desk import Desk, free_port, plain_mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.sink import Sink, read_journal
from tests.threat import honest, machine
from tests.wait import until

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_STYLE = "margin:0cm;mso-margin-top-alt:auto;font-size:11.0pt;font-family:Calibri,sans-serif;mso-fareast-language:EN-US"
_WORDS = tuple(
    re.findall(
        r"\w+", "the printer on the second floor makes a noise and then stops without any message on its small screen"
    )
)


def mix(count: int, seed: int) -> list[tuple[str, bytes]]:
    """`count` mails of the mix as (author, bytes); a reply names the mail before it of the same author."""
    chance, mails, last = random.Random(seed), list[tuple[str, bytes]](), ("", "")
    for number in range(count):
        author, kind = f"c{seed}x{number}@client.test", chance.random()
        mail = EmailMessage()
        mail["Authentication-Results"] = "mx.desk.test; dmarc=pass header.from=client.test"
        mail["Subject"] = f"Matter {number} of the {chance.choice(_WORDS)}"
        mail["Message-ID"] = f"<{seed}.{number}@client.test>"
        if 0.8 <= kind < 0.95 and last[0]:
            author = last[0]
            mail["In-Reply-To"] = last[1]
        mail["From"], mail["To"] = author, "support@desk.test"
        text = "\n".join(" ".join(chance.choices(_WORDS, k=12)) for _ in range(chance.randrange(5, 60)))
        mail.set_content(text)
        if 0.6 <= kind < 0.8:
            lines = "".join(f"<p class=MsoNormal style='{_STYLE}'>{line}<o:p></o:p></p>" for line in text.split("\n"))
            mail.add_alternative(f"<html><body>{lines * 2}<img src='cid:p@x'></body></html>", subtype="html")
            mail.get_payload()[1].add_related(_PIXEL * 150, "image", "png", cid="<p@x>")
        elif kind >= 0.95:
            mail.add_attachment(chance.randbytes(300_000), maintype="application", subtype="pdf", filename="plan.pdf")
        last = (author, str(mail["Message-ID"]))
        mails.append((author, mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))))
    return mails


def speed(count: int, connections: int, agents: int) -> None:
    """Print mails a second: accepted, and the whole way. Each of `agents` gets a notice of every mail."""
    mails = mix(count, 7)
    tables = "".join(f'[[agent]]\naddress = "agent{n}@desk.test"\n' for n in range(agents))
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal")
        sink = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.sink", "--journal", str(journal)], stdout=subprocess.PIPE, text=True
        )
        assert sink.stdout is not None
        port = int(sink.stdout.readline().split()[-1])
        try:
            with Desk(Path(folder, "desk"), port, agents=tables) as desk:
                chunks = [mails[n::connections] for n in range(connections)]
                began = time.monotonic()
                threads = [threading.Thread(target=_send_all, args=(desk.smtp_port, chunk)) for chunk in chunks]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                accepted = time.monotonic() - began
                until(lambda: _is_drained(desk), 300)
                whole = time.monotonic() - began
                cpu = _cpu_s(desk.pid)
                letters = len(read_journal(journal))
                rows = desk.json("mails", "--limit", "0")
                assert len(rows) == count
                print(
                    f"accepted {count / accepted:.0f} mails/s, the whole way {count / whole:.0f} mails/s, "
                    f"{cpu / count * 1000:.2f} ms of processor a mail, {letters} letters, {connections} connections"
                )
                assert desk.stop() == 0
        finally:
            sink.terminate()
            sink.wait()


def _send_all(port: int, mails: list[tuple[str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for author, raw in mails:
            client.sendmail(author, ["support@desk.test"], raw)


def _is_drained(desk: Desk) -> bool:
    with sqlite3.connect(f"{(desk.state / 'maildesk.db').as_uri()}?mode=ro", uri=True) as db:
        waiting = db.execute("SELECT count(*) FROM mails WHERE outcome = 'received'").fetchone()[0]
        owed = db.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()[0]
    return bool(waiting + owed == 0)


def latency(count: int) -> None:
    """Print the milliseconds from the 250 to the confirmation at the relay."""
    with tempfile.TemporaryDirectory() as folder, Sink() as sink, Desk(Path(folder), sink.port) as desk:
        spans = []
        for number in range(count):
            author = f"c{number}@client.test"
            with smtplib.SMTP("127.0.0.1", desk.smtp_port, timeout=30) as client:
                client.sendmail(author, ["support@desk.test"], plain_mail(f"matter {number}", author=author))
                answered = time.time()
            found = sink.wait_for(lambda mails, author=author: any(m.recipient == author for m in mails))
            spans.append((next(m.at for m in found if m.recipient == author) - answered) * 1000)
        cuts = statistics.quantiles(spans, n=20)
        print(
            f"confirmation at the relay after the 250: median {statistics.median(spans):.0f} ms, "
            f"p95 {cuts[18]:.0f} ms, worst {max(spans):.0f} ms, {count} mails"
        )


def idle(seconds: int) -> None:
    """Print memory and processor time of a desk that has worked a little and then waits."""
    with tempfile.TemporaryDirectory() as folder, Sink() as sink, Dovecot() as dovecot:
        secret = Path(folder, "imap-password")
        secret.touch(0o600)
        secret.write_text(PASSWORD)
        web, lmtp = free_port(), free_port()
        tables = (
            f'[lmtp]\nlisten = "127.0.0.1:{lmtp}"\n'
            f'[web]\nlisten = "127.0.0.1:{web}"\npublic_url = "http://127.0.0.1:{web}"\n'
            f'[[imap]]\nhost = "localhost"\nport = {dovecot.imaps_port}\nca_file = "{dovecot.ca_file}"\nusername = "support"\n'
            f'password_file = "{secret}"\nmailbox = "support@desk.test"\n'
        )
        with Desk(Path(folder), sink.port, tables=tables) as desk:
            until(lambda: dovecot.is_idling("support"), 30)
            fresh = _pss_mb(desk.pid)
            for number, (author, raw) in enumerate(mix(20, 3)):
                desk.send(raw, sender=author)
                assert number < 20
            until(lambda: _is_drained(desk), 30)
            began, before = time.monotonic(), _cpu_s(desk.pid)
            deadline = time.monotonic() + seconds
            until(lambda: time.monotonic() > deadline, seconds + 10)
            share = (_cpu_s(desk.pid) - before) / (time.monotonic() - began) * 100
            print(
                f"idle: {fresh:.0f} MB PSS before the first mail, {_pss_mb(desk.pid):.0f} MB after 20, "
                f"{share:.2f} % of a core over {seconds} s"
            )


# So many mails show what senders wait when nothing else goes on.
SENT_BEFORE = 150


def rebuild(count: int) -> None:
    """Print how long `maildesk rebuild` takes over `count` mails and what memory, and what senders wait meanwhile."""
    quiet = Mailbox(address="support@desk.test", confirm=False)
    with tempfile.TemporaryDirectory() as folder, Sink() as sink:
        desk = Desk(Path(folder), sink.port, mailbox="confirm = false", agents="")
        desk.state.mkdir(mode=0o700)
        world = World(desk.state, mailboxes=(quiet,), agents=())
        for author, raw in mix(count, 7):
            world.give(raw, sender=author)
        world.close()
        keys.create(desk.state / "keys", world.keyring)
        desk.config.write_text(desk.config.read_text() + '[store]\nurl = "sqlite:desk.db"\n')
        command = [sys.executable, "-m", "maildesk", "rebuild", "--config", str(desk.config)]
        _timed("a dry run, nothing differs", count, [*command, "--dry-run"])
        _age(desk.state)
        _timed("every entry changes", count, command)
        _age(desk.state)
        with desk:
            with _sending(desk, "before") as sent:
                until(lambda: len(sent) >= SENT_BEFORE, 60)
            with _sending(desk, "meanwhile"):
                _timed("every entry changes, beside the desk", count, command)


@contextmanager
def _sending(desk: Desk, when: str) -> Iterator[list[float]]:
    """Send a mail every 50 ms, and say how long each took; print what its sender waited, from the connection to the 250."""
    spans, stop = list[float](), threading.Event()

    def send() -> None:
        while not stop.wait(0.05):
            began = time.monotonic()
            desk.send(plain_mail(f"{when} {len(spans)}"))
            spans.append((time.monotonic() - began) * 1000)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield spans
    finally:
        stop.set()
        sender.join()
    print(
        f"{when}: {len(spans)} mails, each in a connection of its own: median {statistics.median(spans):.0f} ms, "
        f"p95 {statistics.quantiles(spans, n=20)[18]:.0f} ms, worst {max(spans):.0f} ms"
    )


def _age(state: Path) -> None:
    """As if an older version had written every entry."""
    with closing(sqlite3.connect(state / "desk.db")) as db, db:
        db.execute("UPDATE entries SET text = 'old ' || text, full_text = 'old ' || full_text")


# A child's peak counts that of whoever started it, up to its exec: a small process starts it.
_STARTER = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)


def _timed(what: str, count: int, command: list[str]) -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", _STARTER, *command], capture_output=True, text=True, check=True)
    span = time.monotonic() - began
    peak_mb = int(done.stderr.split()[-1]) / 1024
    print(f"{what}: {span:.1f} s, {span / count * 1000:.2f} ms a mail, {peak_mb:.0f} MB. {done.stdout.strip()}")


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _pss_mb(pid: int) -> float:
    total = 0
    for process in _tree(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _cpu_s(pid: int) -> float:
    ticks = 0
    for process in _tree(pid):
        values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(values[11]) + int(values[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    if sys.argv[1:2] == ["extraction"]:
        sys.exit(machine.main(sys.argv[2:]))
    if sys.argv[1:2] and sys.argv[1] in measure_mail.WHAT:
        measure_mail.main()
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what",
        choices=("speed", "latency", "idle", "rebuild", "honest", "trust", "overview", "activities", "web"),
    )
    parser.add_argument("--mails", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--agents", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    match given.what:
        case "speed":
            speed(given.mails, given.connections, given.agents)
        case "latency":
            latency(min(given.mails, 100))
        case "idle":
            idle(given.seconds)
        case "rebuild":
            rebuild(given.mails)
        case "trust":
            measure_trust.trust(mix(min(given.mails, 400), 7), rounds=5)
        case "overview":
            measure_overview.overview()
        case "web":
            measure_web.web(given.seconds)
        case "activities":
            measure_activities.activities()
        case "honest":
            honest.main()


if __name__ == "__main__":
    main()
