"""What has not moved for too long: mail, letters, mailboxes, the disk. For the daily letter, `check --live` and /readyz."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from maildesk import braking, clock
from maildesk.desk.model import StandingStill
from maildesk.doors.imap import ImapDoor
from maildesk.errors import DiskNearlyFull
from maildesk.inbox import Inbox
from maildesk.relay import Relay
from maildesk.store import ledger, outbox
from maildesk.store.sqlite import SqliteEngine, Tx

# What has not moved for so long stands still.
MAIL_AFTER = timedelta(minutes=10)
LETTER_AFTER = timedelta(hours=1)
MAILBOX_AFTER = timedelta(minutes=15)


def standing(
    store: SqliteEngine, relay: Relay, inbox: Inbox, doors: Iterable[ImapDoor], state_dir: str, started_at: datetime
) -> tuple[StandingStill, ...]:
    """What stands still now; a mailbox that was never polled counts from started_at."""
    now = clock.now()
    found: list[StandingStill] = []

    def look(tx: Tx) -> tuple[datetime | None, datetime | None, StandingStill | None]:
        oldest = ledger.list_received(tx, 1)
        mail_at = oldest[0].received_at if oldest else None
        return mail_at, outbox.oldest_letter_at(tx), braking.standing_still(tx, now)

    mail_at, letter_at, confirmations = store.read(look)
    if mail_at is not None and now - mail_at > MAIL_AFTER:
        found.append(StandingStill("mail", "", mail_at))
    if letter_at is not None and now - letter_at > LETTER_AFTER:
        found.append(StandingStill("letter", "", letter_at, relay.down.why if relay.down else ""))
    if confirmations is not None:
        found.append(confirmations)
    for door in doors:
        polled_at = door.last_poll_at or started_at
        if now - polled_at > MAILBOX_AFTER:
            found.append(StandingStill("mailbox", door.settings.mailbox, polled_at, door.last_error or ""))
    try:
        inbox.need_room()
    except DiskNearlyFull:
        found.append(StandingStill("disk", state_dir, now))
    return tuple(found)
