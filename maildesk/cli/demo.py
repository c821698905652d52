"""`maildesk demo`: a whole desk on loopback in a temporary folder, and one conversation over real sockets.

A customer, two agents and a mail server that keeps everybody's mail are played here; the desk is the real daemon.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from threading import Thread
from typing import TextIO

import click
from aiosmtpd.smtp import SMTP, Envelope, Session

from maildesk import clock
from maildesk.errors import MaildeskError

_STEP_S = 8.0
_CONFIG = """\
[desk]
name = "Demo Support"
languages = ["en", "fr"]
state_dir = "state"
first_number = 50031
id = "desk.test"

[[mailbox]]
address = "support@desk.test"

[[agent]]
address = "ana@desk.test"
name = "Ana Lima"

[[agent]]
address = "ben@desk.test"
name = "Ben Okoro"

[smtp]
listen = "127.0.0.1:{smtp}"

[relay]
host = "127.0.0.1"
port = {relay}
tls = "none"

# Its people's mail server has checked who they are and says so; domains that end in .test publish nothing to check.
[trust]
authserv_ids = ["mx.desk.test"]
verify = "none"
"""


class StepMissed(MaildeskError):
    """Something that should have been seen on the wire was not."""


@dataclass
class _Post:
    """Everybody's mail server: keeps what it gets, for each address."""

    boxes: dict[str, list[EmailMessage]] = field(default_factory=dict)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        letter = message_from_bytes(content, policy=policy.default)
        for recipient in envelope.rcpt_tos:
            self.boxes.setdefault(recipient, []).append(letter)
        return "250 2.0.0 kept"


def demo(out: TextIO) -> int:
    """Play the conversation; 0 only when every step was seen on the wire. Raises StepMissed otherwise."""
    post, loop = _Post(), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="maildesk-demo-") as folder:
        server = asyncio.run_coroutine_threadsafe(
            loop.create_server(lambda: SMTP(post, hostname="mail.test", loop=loop), "127.0.0.1", 0), loop
        ).result()
        relay_port, smtp_port = server.sockets[0].getsockname()[1], _free_port()
        config = Path(folder, "maildesk.toml")
        config.write_text(_CONFIG.format(smtp=smtp_port, relay=relay_port))
        log = Path(folder, "log")
        with log.open("wb") as stream:
            desk = subprocess.Popen(  # noqa: S603 - our own interpreter with our own arguments
                [sys.executable, "-m", "maildesk", "serve", "--config", str(config)], stdout=stream, stderr=stream
            )
        try:
            _converse(post, smtp_port, desk, out)
            desk.terminate()
            if desk.wait(_STEP_S) != 0:
                raise StepMissed("The desk did not stop cleanly.")
        except MaildeskError:
            out.write(log.read_text(errors="replace"))
            raise
        finally:
            if desk.poll() is None:
                desk.kill()
                desk.wait()
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_STEP_S)
    out.write("\nEvery step was seen on the wire. `maildesk init` writes a configuration to start from.\n")
    return 0


def _converse(post: _Post, port: int, desk: subprocess.Popen[bytes], out: TextIO) -> None:
    _until(lambda: _answers(port) or desk.poll() is not None, "the desk listens")
    mail = _letter("Léa Martin <lea@client.test>", "support@desk.test", "Facture du mois de mars introuvable")
    mail.set_content(
        "Bonjour,\n\nje ne retrouve pas la facture du mois de mars dans mon espace client.\n"
        "Pourriez-vous me l'envoyer, s'il vous plaît ?\n\nMerci d'avance,\nLéa Martin\n"
    )
    mail.add_attachment(b"%PDF-1.4 demo", maintype="application", subtype="pdf", filename="commande.pdf")
    began = time.monotonic()
    _send(mail, port)
    _say(out, "Léa writes to support@desk.test", None)
    confirmation = _next(post, "lea@client.test", 0, "the confirmation")
    took_ms = (time.monotonic() - began) * 1000
    number = str(confirmation["Subject"]).partition("[#")[2].partition("]")[0]
    _say(out, f"Léa gets the confirmation of #{number} ({took_ms:.0f} ms later)", confirmation)
    notice = _next(post, "ana@desk.test", 0, "Ana's notice")
    _say(out, f"Ana gets the notice of #{number}", notice)
    ben_notice = _next(post, "ben@desk.test", 0, "Ben's notice")
    _say(out, f"Ben gets one too, from {ben_notice['From']}", None)

    answer = _reply(notice, "Ana Lima <ana@desk.test>", "Bonjour Léa,\n\nvoici la facture de mars.\n\nAna\n")
    _send(answer, port)
    _say(out, "Ana answers her notice from her own mail program", None)
    answered = _next(post, "lea@client.test", 1, "the answer")
    _say(out, "Léa gets the answer; Ana's own address stands nowhere in it", answered)
    if "ana@desk.test" in answered.as_string():
        raise StepMissed("The answer shows the agent's address.")
    _say(out, "Ben hears of it in a line", _next(post, "ben@desk.test", 1, "Ben's line"))

    thanks = _reply(answered, "Léa Martin <lea@client.test>", "Merci beaucoup, c'est parfait !\n\nLéa\n")
    _send(thanks, port)
    _say(out, "Léa replies", None)
    told = _next(post, "ana@desk.test", 1, "Ana's second notice")
    if f"[#{number}]" not in str(told["Subject"]):
        raise StepMissed("The reply opened another ticket.")
    _say(out, f"Ana, who took it, hears that Léa wrote again on #{number}", told)

    _send(_reply(told, "Ana Lima <ana@desk.test>", "#solved\n"), port)
    _say(out, f"Ana writes #solved; her receipt for #{number}", _next(post, "ana@desk.test", 2, "the receipt"))
    if len(post.boxes["lea@client.test"]) != 2:
        raise StepMissed("A command alone sent the customer something.")


def _letter(author: str, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    # What the customers' and agents' mail server says of them; the desk believes it because it comes from a relay.
    domain = author.rpartition("@")[2].rstrip(">")
    mail["Authentication-Results"] = f"mx.desk.test; dmarc=pass header.from={domain}"
    mail["From"], mail["To"], mail["Subject"] = author, to, subject
    mail["Date"], mail["Message-ID"] = format_datetime(clock.now()), make_msgid(domain=domain)
    return mail


def _reply(to: EmailMessage, author: str, words: str) -> EmailMessage:
    """A reply as mail programs write it: to Reply-To, threaded, the whole letter quoted below."""
    mail = _letter(author, str(to["Reply-To"]), f"Re: {str(to['Subject']).removeprefix('Re: ')}")
    mail["In-Reply-To"] = str(to["Message-ID"])
    mail["References"] = f"{to['References'] or ''} {to['Message-ID']}".strip()
    quoted = "".join(f"> {line}\n" for line in _text(to).splitlines())
    mail.set_content(f"{words}\nOn Sun, 22 Nov 2026 at 18:05, {to['From']} wrote:\n{quoted}")
    return mail


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def _send(mail: EmailMessage, port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=_STEP_S) as client:
        client.send_message(mail)


def _next(post: _Post, address: str, index: int, what: str) -> EmailMessage:
    _until(lambda: len(post.boxes.get(address, ())) > index, what)
    return post.boxes[address][index]


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _STEP_S
    while not condition():
        if time.monotonic() > deadline:
            raise StepMissed(f"Not seen within {_STEP_S:.0f} s: {what}.")
        time.sleep(0.01)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(out: TextIO, what: str, letter: EmailMessage | None) -> None:
    out.write(f"\n== {what}\n")
    if letter is not None:
        head = "".join(f"   | {name}: {letter[name]}\n" for name in ("From", "To", "Subject"))
        body = "".join(f"   | {line}\n".replace(" \n", "\n") for line in _text(letter).strip().splitlines())
        out.write(f"{head}   |\n{body}")
    out.flush()


@click.command(epilog="\b\nExample:\n  maildesk demo")
def command() -> int:
    """A whole desk on this machine for a few seconds: a customer writes, an agent answers, the customer replies."""
    return demo(sys.stdout)
