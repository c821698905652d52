"""A request's state in plain words, as its customer reads it."""

from __future__ import annotations

from maildesk.desk.model import State
from maildesk.web.visit import Visit


def state_words(visit: Visit) -> dict[State, str]:
    """Each state, in the visit's language."""
    return {
        "new": visit.gettext("Received"),
        "open": visit.gettext("We are working on it"),
        "pending": visit.gettext("Waiting for you"),
        "on-hold": visit.gettext("On hold"),
        "solved": visit.gettext("Solved"),
        "closed": visit.gettext("Closed"),
    }
