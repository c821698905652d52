"""Every page there is, in one table: whom it is for, and by which method it is asked."""

from __future__ import annotations

from maildesk.web import (
    account,
    activities,
    articles,
    attachments,
    confirm,
    home,
    new_request,
    organisation,
    overview,
    overview_request,
    request,
    sent,
    sign_in,
)
from maildesk.web.visit import Page

PAGES: tuple[Page, ...] = (
    *home.PAGES,
    *sign_in.PAGES,
    *account.PAGES,
    *new_request.PAGES,
    *sent.PAGES,
    *confirm.PAGES,
    *articles.PAGES,
    *activities.PAGES,
    *organisation.PAGES,
    # Behind those whose path is no number.
    *request.PAGES,
    *attachments.PAGES,
    *overview.PAGES,
    *overview_request.PAGES,
)
