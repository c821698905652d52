"""T25: an agent's absence notice that answers a notice of the desk is no answer: nothing goes to the customer, no state
changes, nobody is written to.
"""

from __future__ import annotations

import pytest

from tests.desk.world import World
from tests.threat.kit import ANA, opened, raw_mail, reply_to, ticket_row

WORDS = "#solved\nI am away until Monday. In urgent cases write to Ben."
# As programs write them: subject and fields. The envelope's sender is null for those that RFC 3834 rules.
ABSENCES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "Exchange": (
        "Automatic reply: [#50031] Printer on fire",
        (
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("X-MS-Exchange-Inbox-Rules-Loop", ANA),
        ),
    ),
    "Exchange in German": (
        "Automatische Antwort: [#50031] Printer",
        (("X-Auto-Response-Suppress", "All"), ("Auto-Submitted", "auto-generated")),
    ),
    "Outlook 2007": (
        "Out of Office: [#50031]",
        (("X-Auto-Response-Suppress", "All"), ("X-MimeOLE", "Produced By Microsoft Exchange V6.5")),
    ),
    "Gmail": (
        "Out of office Re: [#50031] Printer",
        (("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("X-Autoreply", "yes")),
    ),
    "Notes": (
        "Ana Lima is out of the office",
        (("Auto-Submitted", "auto-replied"), ("X-Mailer", "Lotus Notes Release 9.0.1")),
    ),
    "vacation(1)": ("away from my mail", (("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"))),
    "old vacation(1)": ("away from my mail", (("Precedence", "junk"),)),
    "Sieve": ("Auto: [#50031] Printer on fire", (("Auto-Submitted", "auto-replied (vacation)"),)),
    "Sieve with a subject": ("Urlaub", (("Auto-Submitted", "auto-replied"), ("X-Sieve", "Pigeonhole Sieve 0.5"))),
    "cPanel": (
        "Away",
        (("X-Autorespond", "Printer"), ("Auto-Submitted", "auto-replied"), ("Precedence", "auto_reply")),
    ),
    "Plesk": ("Away", (("X-Autoreply", "yes"), ("Precedence", "auto_reply"))),
    "Kerio": ("Away", (("Auto-Submitted", "auto-replied"), ("X-Autoreply-From", "ana@desk.test"))),
    "Zimbra": ("Away", (("Auto-Submitted", "auto-replied"), ("X-Zimbra-Version", "8"))),
    "iCloud": ("Away", (("Auto-Submitted", "auto-replied"), ("X-Mailer", "iCloud"))),
    "GroupWise": ("Away", (("Auto-Submitted", "auto-generated"), ("X-Mailer", "Novell GroupWise"))),
}


@pytest.mark.parametrize("sender", ["", "ana@desk.test"], ids=["null sender", "own sender"])
@pytest.mark.parametrize("program", ABSENCES)
def test_an_absence_notice_on_an_agents_address_stays_inside(world: World, program: str, sender: str) -> None:
    """Proved, to the agent's own signed address, with the notice's Message-ID: the only thing it lacks is a person."""
    first = opened(world)
    before = ticket_row(world)
    subject, fields = ABSENCES[program]
    references = ("In-Reply-To", str(first.notice.message["Message-ID"]))
    raw = raw_mail(ANA, WORDS, subject=subject, to=reply_to(first.notice), headers=(*fields, references))
    world.give(raw, reply_to(first.notice), sender=sender)
    assert ticket_row(world) == before
    assert world.letters() == []
    assert all(kind != "agent" for kind, text, _ in world.entries() if "away until" in text)


def test_the_same_words_of_a_person_go_out(world: World) -> None:
    """The control: without a machine's mark it is an answer."""
    first = opened(world)
    raw = raw_mail(ANA, WORDS, subject="Re: [#50031] Printer on fire", to=reply_to(first.notice))
    world.give(raw, reply_to(first.notice), sender="ana@desk.test")
    assert any("away until Monday" in x.text for x in world.letters() if x.recipient == "lea@client.test")
