"""A conversation of ten mails between a customer and an agent who read and write with Dovecot, as people do."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest

from tests.servers.desk import Desk
from tests.servers.dovecot import Dovecot
from tests.servers.post import Post
from tests.wait import until

SUBJECT = "Où est passée la facture du mois de mars ? Elle manque dans mon espace client depuis l'été"


@dataclass
class MailProgram:
    """Somebody's mail program: a mailbox on Dovecot, and the desk's door for what is sent."""

    dovecot: Dovecot
    desk: Desk
    user: str
    name: str
    address: str
    seen: set[str] = field(default_factory=set)

    def next(self, words: str) -> EmailMessage:
        """The next letter in the INBOX that was not read yet and has these words."""

        def look() -> EmailMessage | None:
            for raw in self.dovecot.bodies(self.user):
                letter = message_from_bytes(raw, policy=policy.default)
                if letter["Message-ID"] not in self.seen and words in text_of(letter):
                    self.seen.add(letter["Message-ID"])
                    return letter
            return None

        found = until(look)
        assert found is not None
        return found

    def write(self, to: str, subject: str, words: str, answers: EmailMessage | None = None) -> EmailMessage:
        """Send a mail, and keep the sent copy in the INBOX, so that it holds the whole conversation."""
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"], mail["To"], mail["Subject"] = f"{self.name} <{self.address}>", to, subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = make_msgid(domain=self.address.rpartition("@")[2])
        if answers is not None:
            mail["In-Reply-To"] = answers["Message-ID"]
            mail["References"] = f"{answers['References'] or ''} {answers['Message-ID']}".strip()
            quoted = "".join(f"> {line}\n" for line in text_of(answers).splitlines())
            words = f"{words}\n\nOn Sun, 22 Nov 2026 at 18:05, {answers['From']} wrote:\n{quoted}"
        mail.set_content(words)
        self.seen.add(mail["Message-ID"])
        with self.dovecot.connect(self.user) as client:
            client.append("INBOX", mail.as_bytes(), [b"\\Seen"])
        domain = self.address.rpartition("@")[2]
        proved = f"Authentication-Results: mx.desk.test; dmarc=pass header.from={domain}\r\n".encode()
        with smtplib.SMTP("127.0.0.1", self.desk.smtp_port, timeout=10) as client:
            client.sendmail(self.address, [mail["To"]], proved + mail.as_bytes())
        return mail

    def reply(self, letter: EmailMessage, words: str) -> EmailMessage:
        """A reply to Reply-To, with one "Re: " and the whole letter quoted below."""
        subject = str(letter["Subject"])
        subject = subject if subject.startswith("Re: ") else f"Re: {subject}"
        return self.write(str(letter["Reply-To"]), subject, words, letter)


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    return "" if body is None else str(body.get_content())


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as made:
        yield made


def test_ten_mails_are_one_thread_for_both(tmp_path: Path, dovecot: Dovecot) -> None:
    """Each mailbox, that of an agent who only reads along too, shows one thread by THREAD=REFERENCES, also without regard
    to subjects (REFS) and by subjects alone (ORDEREDSUBJECT); all is in one ticket, and its states went as promised."""

    def carry(sender: str, recipient: str, raw: bytes) -> None:
        dovecot.deliver(recipient.partition("@")[0], raw, sender)

    agents = "".join(f'[[agent]]\naddress = "{user}@desk.test"\n' for user in ("ana", "ben"))
    with Post(carry) as post, Desk(tmp_path, post.port, agents=agents) as desk:
        lea = MailProgram(dovecot, desk, "lea", "Léa Martin", "lea@client.test")
        ana = MailProgram(dovecot, desk, "ana", "Ana Lima", "ana@desk.test")

        def state() -> str:
            return str(desk.json("tickets")[0]["state"])

        lea.write("support@desk.test", SUBJECT, "Bonjour, je ne la retrouve pas. Mail 1.")
        confirmation = lea.next("50031")
        notice = ana.next("Mail 1.")
        assert state() == "new"
        for number in range(2, 9, 2):
            ana.reply(notice, f"Bonjour Léa, voici une réponse. Mail {number}.")
            answer = lea.next(f"Mail {number}.")
            if number == 2:
                assert state() == "pending"
            lea.reply(answer, f"Merci, mais il en manque encore une. Mail {number + 1}.")
            notice = ana.next(f"Mail {number + 1}.")
            if number == 2:
                assert state() == "open"
        ana.reply(notice, "#solved\nVoilà, tout y est. Mail 10.")
        last = lea.next("Mail 10.")
        ana.next("50031")
        (row,) = desk.json("tickets")
        assert (row["state"], row["assignee"], row["language"]) == ("solved", "ana@desk.test", "fr")
        assert row["subject"] == SUBJECT
        entries = [e for e in desk.json("ticket", "50031")["entries"] if e["kind"] != "event"]
        said = [(e["kind"], e["author"]) for e in entries]
        assert said == [("customer", "lea@client.test"), ("agent", "ana@desk.test")] * 5
        assert [f"Mail {n}." in e["text"] for n, e in enumerate(entries, 1)] == [True] * 10
        assert not any(">" in e["text"] or e["flags"] for e in entries)
        assert str(confirmation["Subject"]) == str(last["Subject"]) == f"Re: [#50031] {SUBJECT}"
        assert [m["outcome"] for m in desk.json("mails")] == ["entry"] * 9 + ["ticket"]

    for user, mails in (("lea", 11), ("ana", 11), ("ben", 2)):
        assert len(dovecot.flags(user)) == mails
        for algorithm in ("REFERENCES", "REFS", "ORDEREDSUBJECT"):
            threads = dovecot.threads(user, algorithm)
            assert len(threads) == 1, (user, algorithm, threads)
