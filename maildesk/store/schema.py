"""The tables, made and migrated by sqlite-utils. A migration that has been released is never changed, only followed.

Times are ISO-8601 text in UTC with microseconds, so that text order is time order on every engine; lists are JSON text.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("maildesk")


@migrations()
def first(db: Database) -> None:
    """Tables of the first version."""
    db.table("raws").create({"id": int, "sha256": str, "size": int, "content": bytes}, pk="id", not_null={"content"})
    db.table("mails").create(
        {
            "id": int,
            "raw_id": int,
            "via": str,
            "peer": str,
            "sender": str,
            "recipients": str,
            "mailbox": str,
            "received_at": str,
            "proof": str,
            "quiet": int,
            "message_id": str,
            "content_key": str,
            "outcome": str,
            "ticket_id": int,
            "entry_id": int,
            "cause": str,
            "why": str,
            "attempts": int,
            "settled_at": str,
        },
        pk="id",
        foreign_keys=[("raw_id", "raws", "id")],
        not_null={"raw_id", "via", "recipients", "mailbox", "received_at", "outcome"},
        defaults={"outcome": "received", "attempts": 0, "quiet": 0, "why": "[]"},
    )
    db.table("tickets").create(
        {
            "id": int,
            "number": int,
            "subject": str,
            "state": str,
            "priority": str,
            "mailbox": str,
            "language": str,
            "assignee": str,
            "requester_address": str,
            "requester_key": str,
            "requester_name": str,
            "tags": str,
            "mentions": str,
            "merged_into": int,
            "created_at": str,
            "updated_at": str,
            "solved_at": str,
        },
        pk="id",
        not_null={"number", "state", "priority", "mailbox", "created_at", "updated_at"},
        defaults={"state": "new", "priority": "normal", "tags": "[]", "mentions": "[]"},
    )
    db.table("participants").create(
        {
            "id": int,
            "ticket_id": int,
            "slot": int,
            "kind": str,
            "address": str,
            "address_key": str,
            "name": str,
            "joined_at": str,
        },
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"ticket_id", "slot", "kind", "address", "address_key"},
    )
    db.table("entries").create(
        {
            "id": int,
            "ticket_id": int,
            "mail_id": int,
            "kind": str,
            "author_address": str,
            "author_name": str,
            "at": str,
            "via": str,
            "subject": str,
            "text": str,
            "full_text": str,
            "names": str,
            "message_id": str,
            "flags": str,
        },
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"ticket_id", "kind", "at", "via"},
        defaults={"flags": "[]", "text": "", "full_text": "", "subject": "", "names": ""},
    )
    db.table("attachments").create(
        {
            "id": int,
            "entry_id": int,
            "position": int,
            "name": str,
            "type": str,
            "size": int,
            "sha256": str,
            "inline": int,
            "content_id": str,
        },
        pk="id",
        foreign_keys=[("entry_id", "entries", "id")],
        not_null={"entry_id", "position", "name", "type", "size", "sha256"},
    )
    db.table("outbox").create(
        {
            "id": int,
            "kind": str,
            "notice": str,
            "ticket_id": int,
            "slot": int,
            "copy": int,
            "recipient": str,
            "recipient_key": str,
            "envelope_from": str,
            "message_id": str,
            "braked": int,
            "state": str,
            "attempts": int,
            "next_at": str,
            "lease_until": str,
            "epoch": int,
            "error": str,
            "mail_id": int,
            "entry_id": int,
            "created_at": str,
            "sent_at": str,
        },
        pk="id",
        not_null={"kind", "notice", "recipient", "recipient_key", "message_id", "state", "created_at"},
        defaults={"state": "waiting", "attempts": 0, "epoch": 0, "braked": 0},
    )
    # The bytes stand beside the outbox: a row of it is rewritten at every attempt, they never.
    db.table("contents").create(
        {"id": int, "content": bytes}, pk="id", foreign_keys=[("id", "outbox", "id")], not_null={"content"}
    )
    db.table("people").create(
        {"id": int, "address_key": str, "address": str, "name": str, "language": str, "proved_at": str, "seen_at": str},
        pk="id",
        not_null={"address_key", "address"},
    )
    db.table("counters").create({"name": str, "value": int}, pk="name", not_null={"value"})
    db.table("positions").create({"account": str, "uidvalidity": int, "uid": int}, pk="account")
    db.table("jobs").create({"name": str, "last_at": str}, pk="name")
    # One row for each settled mail and each act of the clock, only ever added to; `digest` is where the chain of
    # proof over them goes.
    db.table("history").create(
        {"id": int, "at": str, "what": str, "mail_id": int, "ticket_id": int, "detail": str, "digest": str}, pk="id"
    )
    db.table("mails").create_index(["outcome", "id"])
    db.table("mails").create_index(["content_key", "received_at"])
    db.table("mails").create_index(["message_id"])
    db.table("tickets").create_index(["number"], unique=True)
    db.table("tickets").create_index(["state", "solved_at"])
    db.table("tickets").create_index(["requester_key"])
    db.table("participants").create_index(["ticket_id", "slot"], unique=True)
    db.table("participants").create_index(["ticket_id", "kind", "address_key"], unique=True)
    db.table("entries").create_index(["ticket_id", "id"])
    db.table("entries").create_index(["message_id"])
    db.table("attachments").create_index(["entry_id", "position"])
    db.table("outbox").create_index(["state", "next_at"])
    db.table("outbox").create_index(["message_id"], unique=True)
    db.table("outbox").create_index(["recipient_key", "created_at"])
    db.table("outbox").create_index(["ticket_id", "copy"])
    db.table("people").create_index(["address_key"], unique=True)
    db.table("entries").enable_fts(
        ["subject", "full_text", "names", "author_name", "author_address"],
        fts_version="FTS5",
        create_triggers=True,
        tokenize="unicode61 remove_diacritics 2",
    )


@migrations()
def entries_say_how_they_follow_from_their_mail(db: Database) -> None:
    """Which rule of desk/entering.py wrote an entry, so that `rebuild` can derive it again.

    Every entry of the first version was its mail, but for events, agents' answers, and notes that an agent's act made.
    """
    # Of most rows nothing is written: an UPDATE would put each into the full-text index again.
    db.table("entries").add_column("derived", str, not_null_default="mail")
    db.execute(
        "UPDATE entries SET derived = '' WHERE mail_id IS NULL OR (kind = 'event' AND author_address IS NOT NULL)"
    )
    db.execute("UPDATE entries SET derived = 'bounce' WHERE kind = 'event' AND derived = 'mail'")
    db.execute("UPDATE entries SET derived = 'act' WHERE kind = 'agent'")
    db.execute(
        """UPDATE entries SET derived = 'act' WHERE kind = 'note' AND NOT EXISTS (
             SELECT 1 FROM mails WHERE mails.id = entries.mail_id AND mails.why LIKE '%not an agent''s act%')"""
    )


@migrations()
def whom_to_trust(db: Database) -> None:
    """What was checked of a mail's author, who released what was held, who may do one thing once, and what brakes count."""
    mails = db.table("mails")
    # What the author's domain said, with the records seen (JSON), so that a decision can be made again and be the same.
    mails.add_column("checks", str)
    # Whose word lets a held mail in, or makes an act of what was a note: an agent's address, "command" for the command line.
    mails.add_column("authority", str)
    # Of held mail alone: what From claims, for the lists that people choose from.
    mails.add_column("author", str)
    mails.add_column("subject", str)
    mails.add_column("excerpt", str)
    db.table("raws").add_column("dropped_at", str)
    people = db.table("participants")
    # "limited": sees only what is written to them after they joined; "full" otherwise.
    people.add_column("reach", str, not_null_default="full")
    people.add_column("joined_entry", int, not_null_default=0)
    people.add_column("removed_at", str)
    letters = db.table("outbox")
    # The address as the budgets count it, the domain that answers for it, and whether the recipient was proved.
    letters.add_column("budget_key", str)
    letters.add_column("budget_domain", str)
    letters.add_column("unproved", int, not_null_default=0)
    # No agent had answered the recipient when it was written.
    letters.add_column("echoed", int, not_null_default=0)
    letters.add_column("bounced_at", str)
    letters.create_index(["budget_key", "created_at"])
    letters.create_index(["budget_domain", "created_at"])
    letters.create_index(["unproved", "created_at"])
    # A signed address with purpose 3 names a row: its holder may do one thing, once.
    db.table("grants").create(
        {"id": int, "kind": str, "address": str, "ticket_id": int, "mail_id": int, "created_at": str, "used_at": str},
        pk="id",
        not_null={"kind", "address", "created_at"},
    )
    # Addresses that get no automatic letter until then (NULL: for good).
    db.table("silenced").create(
        {"address_key": str, "until": str, "why": str, "created_at": str}, pk="address_key", not_null={"why"}
    )
    # Confirmations that wait for their budget; those of one address leave as one letter.
    db.table("owed").create(
        {
            "id": int,
            "budget_key": str,
            "address": str,
            "ticket_id": int,
            "language": str,
            "unproved": int,
            "echoed": int,
            "reason": str,
            "created_at": str,
        },
        pk="id",
        foreign_keys=[("ticket_id", "tickets", "id")],
        not_null={"budget_key", "address", "ticket_id", "created_at"},
    )
    db.table("owed").create_index(["budget_key", "created_at"])
    db.table("owed").create_index(["created_at"])
    db.table("tickets").create_index(["requester_key", "created_at"])
