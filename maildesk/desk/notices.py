"""The letters the desk writes: one row each. The words stand in templates/mail/<language>/<name>.txt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maildesk.desk.model import LetterKind


@dataclass(frozen=True, slots=True)
class Notice:
    """One kind of letter.

    mark: the first letter of its Message-ID: c confirmation, n notification, r an agent's answer.
    auto_submitted: RFC 3834, 5.1; None for what a person wrote.
    is_braked: an automatic answer: it counts, and may be held back, so that no loop and no bombing can live.
    """

    name: str
    kind: LetterKind
    audience: Literal["customer", "agent", "admin"]
    mark: Literal["c", "n", "r"]
    auto_submitted: Literal["auto-replied", "auto-generated"] | None
    is_braked: bool = False


NOTICES = (
    Notice("confirmation", "confirmation", "customer", "c", "auto-replied", is_braked=True),
    Notice("confirmation-unproved", "confirmation", "customer", "c", "auto-replied", is_braked=True),
    Notice("confirmation-for", "confirmation", "customer", "c", "auto-replied", is_braked=True),
    Notice("confirmation-merged", "confirmation", "customer", "c", "auto-generated", is_braked=True),
    Notice("verify", "sign-in", "customer", "c", "auto-replied", is_braked=True),
    Notice("new", "notice", "agent", "n", "auto-generated"),
    Notice("reply", "notice", "agent", "n", "auto-generated"),
    Notice("assigned", "notice", "agent", "n", "auto-generated"),
    Notice("note", "notice", "agent", "n", "auto-generated"),
    Notice("taken", "notice", "agent", "n", "auto-generated"),
    Notice("who-wrote", "notice", "agent", "n", "auto-replied"),
    Notice("named", "notice", "agent", "n", "auto-generated"),
    Notice("answer", "answer", "customer", "r", None),
    Notice("receipt", "receipt", "agent", "n", "auto-replied"),
    Notice("help", "receipt", "agent", "n", "auto-replied"),
    Notice("not-sent", "failure", "agent", "n", "auto-replied"),
    Notice("not-done", "failure", "agent", "n", "auto-replied"),
    Notice("not-taken", "failure", "agent", "n", "auto-replied", is_braked=True),
    Notice("undelivered", "failure", "agent", "n", "auto-generated"),
    Notice("held", "digest", "agent", "n", "auto-generated"),
    Notice("held-done", "receipt", "agent", "n", "auto-replied"),
    Notice("sign-in", "sign-in", "customer", "n", "auto-generated"),
    Notice("add-address", "sign-in", "customer", "n", "auto-generated"),
    # Asked for by a proved author, five a day: history.py counts them by their names.
    Notice("history-list", "digest", "customer", "n", "auto-replied"),
    Notice("history-found", "digest", "customer", "n", "auto-replied"),
    Notice("history-request", "digest", "customer", "n", "auto-replied"),
    Notice("history-help", "digest", "customer", "n", "auto-replied"),
    Notice("article", "digest", "customer", "n", "auto-generated"),
    Notice("standstill", "digest", "admin", "n", "auto-generated"),
)
BY_NAME = {notice.name: notice for notice in NOTICES}
