"""Every page there is, in one table: whom it is for, and by which method it is asked."""

from __future__ import annotations

from maildesk.web import home
from maildesk.web.visit import Page

PAGES: tuple[Page, ...] = (*home.PAGES,)
