"""The tables and indexes of the help centre, behind those of schema.py; the same rules hold."""

from __future__ import annotations

from sqlite_utils import Database

from maildesk.store.schema import migrations

__all__ = ["migrations"]


@migrations()
def help_centre(db: Database) -> None:
    """Accounts, sessions and what pages remember. Secrets stand here as SHA-256 digests alone (columns *_hash)."""
    # What its author asked for beside the words, on a page.
    db.table("mails").add_column("wish", str, not_null_default="")
    # Whose address it is, once a link that was mailed there came back.
    db.table("people").add_column("account_id", int)
    db.table("people").create_index(["account_id"])
    db.table("participants").create_index(["address_key", "kind"])
    db.table("accounts").create(
        {"id": int, "name": str, "language": str, "created_at": str},
        pk="id",
        not_null={"name", "language", "created_at"},
    )
    db.table("sessions").create(
        {
            "id": int,
            "token_hash": str,
            "account_id": int,
            "address": str,
            "device": str,
            "created_at": str,
            "fresh_at": str,
            "seen_at": str,
            "expires_at": str,
            "ended_at": str,
        },
        pk="id",
        foreign_keys=[("account_id", "accounts", "id")],
        not_null={"token_hash", "account_id", "address", "created_at", "fresh_at", "seen_at", "expires_at"},
    )
    db.table("sessions").create_index(["token_hash"], unique=True)
    db.table("sessions").create_index(["account_id"])
    # kind "sign-in" or "address" (one more for an account); visitor_hash: the browser that asked, where the code counts.
    db.table("sign_ins").create(
        {
            "id": int,
            "kind": str,
            "address": str,
            "address_key": str,
            "account_id": int,
            "name": str,
            "language": str,
            "next": str,
            "visitor_hash": str,
            "link_hash": str,
            "code_hash": str,
            "tries": int,
            "is_sent": int,
            "created_at": str,
            "used_at": str,
        },
        pk="id",
        not_null={"kind", "address", "address_key", "visitor_hash", "link_hash", "code_hash", "created_at"},
        defaults={"tries": 0, "is_sent": 0},
    )
    db.table("sign_ins").create_index(["link_hash"], unique=True)
    db.table("sign_ins").create_index(["visitor_hash", "created_at"])
    db.table("sign_ins").create_index(["address_key", "created_at"])
    db.table("sign_ins").create_index(["created_at"])
    # One for each request that was sent from the form; submission_hash makes two presses of its button one request.
    db.table("web_requests").create(
        {
            "id": int,
            "submission_hash": str,
            "visitor_hash": str,
            "mail_id": int,
            "address": str,
            "proved": int,
            "language": str,
            "created_at": str,
            "corrected_at": str,
            "closed_at": str,
        },
        pk="id",
        foreign_keys=[("mail_id", "mails", "id")],
        not_null={"submission_hash", "visitor_hash", "mail_id", "address", "created_at"},
        defaults={"proved": 0},
    )
    db.table("web_requests").create_index(["submission_hash"], unique=True)
    db.table("web_requests").create_index(["visitor_hash", "created_at"])
    db.table("web_requests").create_index(["created_at"])
    # Files of a form that could not be taken yet; file: the name in the folder of uploads.
    db.table("uploads").create(
        {
            "id": int,
            "token_hash": str,
            "visitor_hash": str,
            "name": str,
            "type": str,
            "size": int,
            "file": str,
            "created_at": str,
        },
        pk="id",
        not_null={"token_hash", "visitor_hash", "name", "type", "size", "file", "created_at"},
    )
    db.table("uploads").create_index(["token_hash"], unique=True)
    db.table("uploads").create_index(["created_at"])
    # "Was it you?": what somebody said of an entry in their name that nobody had proved.
    db.table("owned").create(
        {"entry_id": int, "account_id": int, "is_theirs": int, "at": str},
        pk="entry_id",
        foreign_keys=[("entry_id", "entries", "id")],
        not_null={"account_id", "is_theirs", "at"},
    )
    db.table("article_votes").create(
        {"id": int, "slug": str, "language": str, "visitor_hash": str, "is_helpful": int, "at": str},
        pk="id",
        not_null={"slug", "language", "visitor_hash", "is_helpful", "at"},
    )
    db.table("article_votes").create_index(["slug", "language", "visitor_hash"], unique=True)
    db.table("article_follows").create(
        {"id": int, "account_id": int, "address": str, "slug": str, "language": str, "at": str},
        pk="id",
        not_null={"account_id", "address", "slug", "language", "at"},
    )
    db.table("article_follows").create_index(["account_id", "slug"], unique=True)
    db.table("article_follows").create_index(["slug"])
    db.table("article_digests").create(
        {"id": int, "slug": str, "language": str, "digest": str, "title": str, "at": str},
        pk="id",
        not_null={"slug", "language", "digest", "title", "at"},
    )
    db.table("article_digests").create_index(["slug", "language"], unique=True)


@migrations()
def figures_fast(db: Database) -> None:
    """What the overview counts, and the queue, are read from indexes alone."""
    db.table("tickets").create_index(["mailbox", "created_at"])
    # In this order a page of the queue is read without sorting, whoever it is for.
    db.table("tickets").create_index(["state", "mailbox", "created_at", "id", "assignee"])
    db.execute("CREATE INDEX idx_entries_answers ON entries (at, ticket_id, author_address) WHERE kind = 'agent'")
    db.execute("CREATE INDEX idx_entries_answered ON entries (ticket_id, at) WHERE kind = 'agent'")


@migrations()
def whose_domain_a_request_is_of(db: Database) -> None:
    """What an organisation shares is found by the requester's domain, whatever number is asked for."""
    db.table("tickets").add_column("requester_domain", str)
    # What stands in quotes before an "@" is no domain that an organisation has.
    db.execute("UPDATE tickets SET requester_domain = substr(requester_key, instr(requester_key, '@') + 1)")
    db.table("tickets").create_index(["requester_domain", "number"])
