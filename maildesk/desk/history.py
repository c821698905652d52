"""History by mail: what a person asks at "+my" about their own requests is answered to them, or to nobody. Pure.

Nobody but the proved author of the mail learns anything, and a mail there never becomes a ticket.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from maildesk.desk.asking import Wanted, wanted
from maildesk.desk.case import Case
from maildesk.desk.letters import customer_language
from maildesk.desk.model import LetterPlan, LetterView
from maildesk.desk.own_requests import (
    History,
    OwnEntry,
    OwnLine,
    OwnRequest,
    Passage,
    files_of,
    matches,
    reading,
    text_of,
)
from maildesk.desk.participants import FRESH_FOR
from maildesk.errors import UnknownMailbox
from maildesk.mail import address as addresses
from maildesk.mail.model import Attachment, Person
from maildesk.mail.token import Purpose

# The cause in the ledger of a mail that was answered.
ANSWERED = "history"
A_DAY = 5
_FOUND = 20
# A letter is to be read; the file beside it has the whole.
_PASSAGE_CHARS, _LETTER_CHARS = 10_000, 60_000
_FILE_CHARS = 5_000_000


def own_requests(case: Case) -> Case:
    """A mail to "+my" is answered with what its proved author asks for. Why not, says `why`; nothing goes to anybody else."""
    mine = [r for r in case.recipients if addresses.same(r.mailbox.address, case.mailbox.address)]
    if not any(r.is_history for r in mine) or any(r.token is not None for r in case.recipients):
        return case
    for twin in case.facts.twins:
        if twin.cause == ANSWERED:
            return case.settled("duplicate", "redelivered", f"mail {twin.mail_id} with the same content was answered")
    cause, why = _refused(case)
    found = case.facts.history
    if cause or found is None or case.author is None:
        return case.settled("ignored", cause or "history: not proved", f"nothing is sent: {why}")
    asked = wanted(case.mail)
    answer = _DOES[asked.verb](case, asked, found)
    told = f"{asked.verb} is answered to {case.author.address}"
    return case.with_letters(answer).settled("ignored", ANSWERED, f"{told}: {found.answered + 1} of {A_DAY} a day")


def _refused(case: Case) -> tuple[str, str]:
    """The cause, and in words why nothing is sent; "" where the answer may go."""
    mail, found = case.mail, case.facts.history
    if case.machine or mail.suppress:
        return "history: a machine", mail.suppress or "a machine asked for a person's requests"
    if case.is_quiet or case.is_form:
        return "history: not asked by mail", "it was imported, or typed into a form"
    if not case.verdict.is_aligned or found is None:
        return "history: not proved", "its author is not proved (S4), and own requests go to nobody else"
    if not _address(case):
        return "history: not addressed", "neither To nor Cc names the address that it came to"
    if mail.date is not None and case.envelope.received_at - mail.date > FRESH_FOR:
        return "history: stale", "it is dated more than 72 hours before it came"
    if found.answered >= A_DAY:
        return "history: too many", f"{A_DAY} answers a day to one address"
    return "", ""


def _address(case: Case) -> str:
    """The address of this mailbox at which the author asked, as To or Cc has it; "" where neither does."""
    for address in (*case.mail.to, *case.mail.cc):
        try:
            recipient = case.directory.recipient(address, None, True)
        except UnknownMailbox:
            continue
        if recipient.is_history and addresses.same(recipient.mailbox.address, case.mailbox.address):
            return address
    return ""


# The letters.


def _plan(case: Case, notice: str, asked: Wanted, **values: object) -> LetterPlan:
    """A letter to the author; the next question can be its answer."""
    language = case.directory.language(asked.language, customer_language(case))
    blank = LetterView(
        desk=case.directory.name,
        mailbox=case.directory.mailbox_name(case.mailbox),
        mailbox_address=case.mailbox.address,
        language=language,
        created_at=case.facts.now,
    )
    return LetterPlan(
        notice=notice,
        recipient=Person(case.author.address if case.author else ""),
        role="customer",
        from_name=case.directory.mailbox_name(case.mailbox),
        view=replace(blank, **values),  # type: ignore[arg-type]
        replies_to=case.mail.message_id,
        reply_to=_address(case),
    )


def _listed(case: Case, asked: Wanted, found: History) -> LetterPlan:
    lines = tuple(_line(case, own) for own in found.requests)
    return _plan(case, "history-list", asked, own=lines, more=max(0, found.count - len(lines)))


def _found(case: Case, asked: Wanted, found: History) -> LetterPlan:
    best = matches(found.entries, asked.words)
    lines = tuple(
        replace(_line(case, match.own.request), excerpt=match.excerpt, at=match.own.entry.at) for match in best[:_FOUND]
    )
    more = max(0, len(best) - len(lines))
    return _plan(case, "history-found", asked, own=lines, more=more, looked_for=" ".join(asked.words))


def _sent(case: Case, asked: Wanted, found: History) -> LetterPlan:
    """The whole request, in the letter and as a file; what is no request of theirs is as one that never was."""
    own = next(iter(found.requests), None)
    if own is None:
        return _plan(case, "history-help", asked, number=asked.number)
    passages = tuple(
        passage for entry in found.entries if (passage := _passage(case, entry, found.entries)) is not None
    )
    line = _line(case, own)
    name = f"request-{own.number}.txt"
    plan = _plan(
        case,
        "history-request",
        asked,
        number=own.number,
        subject=line.subject,
        state=own.state,
        conversation=_shortened(passages),
    )
    content = transcript(line, passages).encode("utf-8", "replace")
    # Without signed addresses the number in the subject leads a proved person's answer to their request.
    reply_to = line.address or case.directory.mailbox(own.mailbox).address
    return replace(plan, attachments=(Attachment(name, "text/plain", content),), reply_to=reply_to)


def _help(case: Case, asked: Wanted, _found: History) -> LetterPlan:
    return _plan(case, "history-help", asked)


_DOES = {"status": _listed, "find": _found, "send": _sent, "help": _help}


def _line(case: Case, own: OwnRequest) -> OwnLine:
    mailbox = case.directory.mailbox(own.mailbox)
    token = case.directory.keyring.sign(Purpose.CUSTOMER_REPLY, own.ticket_id, own.reader.slot)
    address = addresses.with_token(mailbox.address, mailbox.reply_address, token) or ""
    return OwnLine(own.number, "" if own.is_doubtful else own.subject, own.state, own.changed_at, address)


def _passage(case: Case, own: OwnEntry, others: tuple[OwnEntry, ...]) -> Passage | None:
    """An entry as its reader may have it; None where it is nothing for them."""
    entry, may = own.entry, reading(own)
    if may == "no":
        return None
    if may == "kept":
        return Passage("", entry.at, "", is_kept=True)
    return Passage(_name(case, own), entry.at, text_of(own, others), files_of(own))


def _name(case: Case, own: OwnEntry) -> str:
    """An author's name, never another person's address (THREATS T80)."""
    author = own.entry.author
    if own.entry.kind == "agent":
        agent = case.directory.agent(author.address) if author is not None else None
        mailbox = case.directory.mailbox(own.request.mailbox)
        name = case.directory.agent_name(agent) if agent else author.name if author else ""
        return name or case.directory.mailbox_name(mailbox)
    if author is None:
        return ""
    is_reader = addresses.same(author.address, own.request.reader.person.address)
    return author.name or (author.address if is_reader else "")


def _shortened(passages: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """The passages as a letter holds them: the newest in full, what is too much for one letter cut."""
    kept: list[Passage] = []
    left = _LETTER_CHARS
    for passage in reversed(passages):
        room = min(_PASSAGE_CHARS, left)
        cut = passage if len(passage.text) <= room else replace(passage, text=passage.text[:room], is_cut=True)
        left -= len(cut.text)
        kept.append(cut)
    return tuple(reversed(kept))


def transcript(own: OwnLine, passages: Iterable[Passage]) -> str:
    """The request as a text file, in words of nobody but its people. Begins with a byte order mark: programs guess less."""
    pieces = [f"\ufeff#{own.number} {own.subject}".rstrip()]
    total = 0
    for passage in passages:
        head = f"--- {passage.at:%Y-%m-%d %H:%M} UTC {passage.author}".rstrip()
        files = "".join(f"\n[{file.name}, {file.size_bytes} B]" for file in passage.files)
        text = "[…]" if passage.is_kept else passage.text
        total += len(text)
        pieces.append(f"{head}\n\n{text}{files}" if total <= _FILE_CHARS else f"{head}\n\n[…]{files}")
    return "\r\n".join("\n\n".join(pieces).splitlines()) + "\r\n"
