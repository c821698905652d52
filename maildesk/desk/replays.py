"""An agent's mail is acted on once, and soon: whoever has signed bytes can send them again, under other headers. Pure."""

from __future__ import annotations

from datetime import timedelta

from maildesk.desk.case import Case

# An agent's mail that waited longer on its way may be somebody's copy of it.
STALE_AFTER = timedelta(hours=72)


def once(case: Case) -> Case:
    """An agent's mail that was acted on before, or is old, is held: nothing is done twice, or long after it was meant."""
    if case.authority:
        return case
    if case.facts.acted:
        # A signature lives as long as its key, and whoever has the bytes can send them again under other headers.
        return case.held("replay", f"mail {case.facts.acted[0]} with the same Message-ID was acted on")
    return case.held("stale-act", "it is dated more than 72 hours before it came") if _is_stale(case) else case


def _is_stale(case: Case) -> bool:
    """A date that nobody signed says nothing: whoever could replay the mail could write another."""
    is_old = case.mail.date is not None and case.envelope.received_at - case.mail.date > STALE_AFTER
    return is_old and case.verdict.is_signed
