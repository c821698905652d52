"""A desk's store, keys and rules without doors or a daemon: real SQLite, mails as values or bytes, no network."""

from __future__ import annotations

import email.utils
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path

from maildesk import jobs
from maildesk.config import Agent, Config, Desk, Form, Mailbox, Organisation, Relay, Trust, Web
from maildesk.desk.directory import Directory
from maildesk.desk.model import Ticket
from maildesk.desk.proof import domain_of
from maildesk.mail.checks import ask, check
from maildesk.mail.dmarc import Records
from maildesk.mail.model import Envelope
from maildesk.mail.parse import understand
from maildesk.mail.token import Keyring
from maildesk.render import Renderer, template_folders
from maildesk.settle import Settled, Settler
from maildesk.store import ledger, tickets
from maildesk.store.sqlite import Kind, SqliteEngine

START = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
PROVED = "mx.desk.test; dmarc=pass header.from={domain}"
FAILED = "mx.desk.test; dmarc=fail header.from={domain}"


@dataclass(frozen=True)
class Letter:
    """A letter of the outbox, read as its recipient's mail program reads it."""

    notice: str
    kind: str
    recipient: str
    envelope_from: str
    message: EmailMessage
    raw: bytes

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content())


@dataclass
class World:
    """One desk. `write` is a mail on its way in; `letters` what left since the last look."""

    folder: Path
    trust: Trust = field(default_factory=lambda: Trust(authserv_ids=("mx.desk.test",), verify="none"))
    mailboxes: tuple[Mailbox, ...] = (Mailbox(address="support@desk.test", name="Desk Support"),)
    agents: tuple[Agent, ...] = (
        Agent(address="ana@desk.test", name="Ana Lima"),
        Agent(address="ben@desk.test", name="Ben Okoro"),
    )
    relay: Relay = field(default_factory=lambda: Relay(host="127.0.0.1"))
    languages: tuple[str, ...] = ("en", "fr", "de", "es", "it")
    now: datetime = START
    desk_id: str = "desk.test"
    _seen: int = 0
    _count: int = 0
    # What domains publish; with it each mail's author is checked as the worker would.
    records: Records | None = None
    forms: tuple[str, ...] = ()
    web: Web | None = None
    organisations: tuple[Organisation, ...] = ()

    def __post_init__(self) -> None:
        config = Config(
            desk=Desk(
                name="Example Support", languages=self.languages, state_dir=self.folder, admins=("root@desk.test",)
            ),
            mailbox=self.mailboxes,
            agent=self.agents,
            relay=self.relay,
            trust=self.trust,
            web=self.web,
            organisation=self.organisations,
            form=tuple(Form.model_validate({"from": address}) for address in self.forms),
        )
        self.keyring = Keyring(self.desk_id, 0, {0: bytes(range(32))})
        self.directory = Directory(config, self.keyring)
        self.settler = Settler(self.directory, Renderer(template_folders("")))
        self.store = SqliteEngine(self.folder / "desk.db")
        self.store.migrate()
        self.store.start()
        self.store.write(lambda tx: tx.add("counter", name=tickets.TICKET_COUNTER, value=50030)).result()

    def close(self) -> None:
        self.store.close()

    @classmethod
    def reopened(cls, world: World, *, agents: tuple[Agent, ...]) -> World:
        """The same desk under a changed configuration; `world` was closed."""
        return cls(
            world.folder,
            world.trust,
            world.mailboxes,
            agents,
            world.relay,
            world.languages,
            world.now,
            world.desk_id,
            world._seen,
        )

    def give(
        self,
        raw: bytes,
        *recipients: str,
        sender: str | None = "someone@client.test",
        via: str = "smtp",
        peer: str = "127.0.0.1",
    ) -> Settled:
        """Accept bytes for the desk's addresses and settle them; the last row's fate."""
        to = recipients or ("support@desk.test",)
        envelope = Envelope(via, peer, sender, to, self.now)  # type: ignore[arg-type]
        mailboxes = dict.fromkeys(self.directory.recipient(r, sender, True).mailbox.address for r in to)
        ids = self.store.write(lambda tx: ledger.add_mails(tx, raw, envelope, mailboxes), Kind.ACCEPT).result()
        mail, checks = understand(raw), None
        if self.records is not None and mail.author is not None:
            checks = check(ask(raw, domain_of(mail), self.now.timestamp()), self.records)
        for mail_id in ids:
            settled = self.store.write(
                lambda tx, i=mail_id: self.settler.settle(tx, i, mail, self.now, checks), Kind.SETTLE
            ).result()
        self.now += timedelta(seconds=1)
        return settled

    def write(
        self,
        author: str,
        words: str = "Hello,\n\nthe printer is on fire.\n",
        *,
        subject: str = "Printer on fire",
        to: tuple[str, ...] = ("support@desk.test",),
        headers: dict[str, str] | None = None,
        results: str | None = PROVED,
        answers: Letter | None = None,
        attachments: tuple[tuple[str, bytes], ...] = (),
        sender: str | None = None,
    ) -> Settled:
        """A person's mail; with `answers` a reply to that letter as mail programs write it."""
        self._count += 1
        domain = author.rpartition("@")[2].rstrip(">")
        mail = EmailMessage(policy=policy.SMTP)
        if results is not None:
            mail["Authentication-Results"] = results.format(domain=domain)
        mail["From"] = author
        mail["Date"] = email.utils.format_datetime(self.now)
        mail["Message-ID"] = f"<{self._count}.{int(self.now.timestamp())}@{domain}>"
        if answers is not None:
            to = (str(answers.message["Reply-To"]),) if to == ("support@desk.test",) else to
            subject = (
                f"Re: {str(answers.message['Subject']).removeprefix('Re: ')}"
                if subject == "Printer on fire"
                else subject
            )
            mail["In-Reply-To"] = str(answers.message["Message-ID"])
            mail["References"] = f"{answers.message['References'] or ''} {answers.message['Message-ID']}".strip()
            quoted = "".join(f"> {line}\n" for line in answers.text.splitlines())
            words = f"{words}\nOn Sun, 22 Nov 2026 at 18:05, {answers.message['From']} wrote:\n{quoted}"
        mail["Subject"] = subject
        mail["To"] = ", ".join(to)
        mail.set_content(words)
        # set_content drops every Content-* field that was there.
        for name, value in (headers or {}).items():
            mail[name] = value
        for name, content in attachments:
            mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        bare = author.rpartition("<")[2].rstrip(">")
        return self.give(bytes(mail), *to, sender=bare if sender is None else sender)

    def run(self, job: str) -> int | None:
        """Run one of the clock's jobs where it is due; how much it did."""
        work = next(one for one in jobs.JOBS if one.name == job)
        return self.store.write(
            lambda tx: jobs.run_if_due(tx, work, jobs.Now(self.now, self.settler, (), lambda _at: None))
        ).result()

    def settle_waiting(self) -> list[Settled]:
        """Settle what was let in again, as the worker does."""
        found = []
        for waiting in self.store.read(lambda tx: ledger.list_received(tx, 100)):
            stored = self.store.read(lambda tx, i=waiting.id: ledger.find_mail(tx, i))
            assert stored is not None
            mail = understand(stored.raw)
            found.append(
                self.store.write(
                    lambda tx, i=waiting.id, m=mail: self.settler.settle(tx, i, m, self.now), Kind.SETTLE
                ).result()
            )
        return found

    def letters(self) -> list[Letter]:
        """What the desk owed since the last look, oldest first."""

        with closing(sqlite3.connect(f"{(self.folder / 'desk.db').as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(
                "SELECT * FROM outbox JOIN contents USING (id) WHERE id > ? ORDER BY id", (self._seen,)
            ).fetchall()
        self._seen = rows[-1]["id"] if rows else self._seen
        return [_letter(row) for row in rows]

    def ticket(self, number: int = 50031) -> Ticket:
        """A ticket by its number."""
        found = self.store.read(lambda tx: tickets.find_ticket_by_number(tx, number))
        assert found is not None
        return found

    def set_state(self, state: str, number: int = 50031) -> None:
        """Put a ticket into a state."""
        ticket_id = self.ticket(number).id
        self.store.write(lambda tx: tickets.set_state(tx, ticket_id, state, self.now)).result()  # type: ignore[arg-type]

    def entries(self, number: int = 50031) -> list[tuple[str, str, tuple[str, ...]]]:
        """A ticket's entries, oldest first: kind, text, flags."""
        ticket = self.ticket(number)
        found = self.store.read(lambda tx: tickets.list_entries(tx, ticket.id, 100))
        return [(e.kind, e.text, e.flags) for e in reversed(found)]

    def why(self, mail_id: int | None = None) -> str:
        """The reasons of a row of the ledger; of the newest one."""
        if mail_id is not None:
            return "; ".join(self.store.read(lambda tx: ledger.list_lines_of(tx, str(mail_id)))[0].why)
        return "; ".join(self.store.read(lambda tx: ledger.list_ledger(tx, outcome="", limit=1))[0].why)


def _letter(values: sqlite3.Row) -> Letter:
    raw = values["content"]
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return Letter(values["notice"], values["kind"], values["recipient"], values["envelope_from"], message, raw)


def only(letters: list[Letter], notice: str, recipient: str | None = None) -> Letter:
    """The one letter of a notice (to somebody)."""
    found = [x for x in letters if x.notice == notice and recipient in (None, x.recipient)]
    assert len(found) == 1, [(x.notice, x.recipient) for x in letters]
    return found[0]
