"""What an entry shows of its mail, by the part the mail plays. Pure.

The one place that knows: settling writes it, and `maildesk rebuild` derives it again from the raw mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from maildesk.desk.decision import Entered
from maildesk.desk.model import Derivation, EntryKind, Flag
from maildesk.mail.body import own_text
from maildesk.mail.model import Attachment, Mail, Person


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from a mail alone. text None: it took more than the mail to write it, so it stays as it was written."""

    subject: str
    text: str | None
    full_text: str
    attachments: tuple[Attachment, ...]


def derive(mail: Mail, how: Derivation) -> Derived | None:
    """What an entry of this mail shows; None when nothing of the entry follows from a mail."""
    match how:
        case "":
            return None
        case "mail":
            # A mail that could not be read says so.
            return Derived(mail.subject, mail.text or mail.unreadable or "", mail.full_text, mail.attachments)
        case "bounce":
            return Derived(mail.subject, bounced(mail), mail.full_text, mail.attachments)
        case "act":
            # An agent's words stay as they were sent or noted: what was cut and kept of them followed from the letters,
            # the public entries and the configuration of that moment.
            return Derived(mail.subject, None, mail.full_text, mail.attachments)
        case "forwarded":
            inner = mail.forwarded
            if inner is None:
                return None
            return Derived(inner.subject, own_text(inner.blocks) or inner.text, inner.text, inner.attachments)


def bounced(mail: Mail, recipient: str = "") -> str | None:
    """The words of a bounce's event; recipient: of the letter that came back, for a bounce that names none.

    None when nobody names one.
    """
    if mail.bounce is None:
        return None
    failures = mail.bounce.failures
    if not recipient and not (failures and all(f.recipient for f in failures)):
        return None
    status = ", ".join(f"{f.recipient or recipient} {f.status or ''}".strip() for f in failures)
    return f"{'delayed' if mail.bounce.delayed else 'not delivered'}: {status or recipient}"


def entered(
    mail: Mail,
    how: Derivation,
    kind: EntryKind,
    author: Person | None,
    flags: tuple[Flag, ...] = (),
    *,
    text: str | None = None,
) -> Entered:
    """A new entry of a mail; text: where the mail alone does not say it."""
    derived = derive(mail, how) or Derived("", "", "", ())
    words = derived.text if text is None else text
    return Entered(kind, author, derived.subject, words or "", derived.full_text, flags, derived=how)


def agreed(entry: Entered, mail: Mail, attachments: Iterable[Attachment]) -> Derivation:
    """How an entry with these attachments follows from its mail: as it says, but "" where deriving would change it.

    So a rule that builds an entry in a way that stands not here yet is never undone by a rebuild.
    """
    derived = derive(mail, entry.derived)
    if derived is None:
        return ""
    shown = (entry.subject, entry.text, entry.full_text, tuple(attachments))
    text = entry.text if derived.text is None else derived.text
    return entry.derived if shown == (derived.subject, text, derived.full_text, derived.attachments) else ""
