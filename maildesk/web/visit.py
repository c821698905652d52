"""One request to a page: who asks, in which language, what they sent, and the answers a page can give.

Every page is a row (Page); what stands in `who` and in the form's token is checked before the page is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from maildesk import clock
from maildesk.articles import Articles
from maildesk.config import Config
from maildesk.inbox import Inbox
from maildesk.settle import Settler
from maildesk.store.sqlite import SqliteEngine, Tx
from maildesk.web.brakes import Brakes
from maildesk.web.mails import Mails
from maildesk.web.pages import Pages
from maildesk.web.receipts import Receipt
from maildesk.web.uploads import Form
from maildesk.web.visitor import Session, digest, form_token, new_secret

T = TypeVar("T")
Who = Literal["anyone", "customer", "agent"]


@dataclass(frozen=True, slots=True)
class Site:
    """What pages may use. settler and pages: asked anew each time, so that a reload holds."""

    store: SqliteEngine
    inbox: Inbox
    settler: Callable[[], Settler]
    pages: Callable[[], Pages]
    settled: Callable[[int, float], Awaitable[None]]
    wake_relay: Callable[[], None]
    brakes: Brakes
    mails: Mails
    articles: Callable[[], Articles]

    @property
    def config(self) -> Config:
        """The configuration that is in force."""
        return self.settler().directory.config

    @property
    def is_secure(self) -> bool:
        """Whether people come by https, so that cookies may be tied to it."""
        return self.public_url.startswith("https:")

    @property
    def public_url(self) -> str:
        """What links in letters begin with; without a slash at its end."""
        return self.config.public_url

    def cookie_name(self, name: str) -> str:
        """The name by which browsers keep a cookie for this host alone (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{name}" if self.is_secure else name


@dataclass
class Visit:
    """One request. path: below "/<language>", for the links to the other languages."""

    site: Site
    request: Request
    language: str
    path: str
    peer: str
    visitor: str | None = None
    session: Session | None = None
    receipts: tuple[Receipt, ...] = ()
    form: Form = field(default_factory=Form)
    is_new_visitor: bool = False

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page of templates/web in the visit's language."""
        given = {"visit": self, "token": self.token, "session": self.session, "receipts": self.receipts} | values
        given |= {"desk": self.site.config.desk.name, "url": self.url, "brand": self.site.config.web, "path": self.path}
        return HTMLResponse(self.site.pages().render(template, self.language, given), status)

    def url(self, path: str = "", **query: object) -> str:
        """The address of one of our pages in the visit's language; queries without a value are left out."""
        asked = urlencode({name: str(value) for name, value in query.items() if value not in (None, "")})
        return f"/{self.language}{path}{'?' if asked else ''}{asked}"

    def to(self, path: str, /, **query: object) -> Response:
        """See another page of ours, by GET."""
        return RedirectResponse(self.url(path, **query), 303)

    def missing(self) -> Response:
        """The one answer for what does not exist, or is not theirs to see: the same bytes always."""
        self.path = "/requests"
        return self.page("missing.html", 404)

    def token(self) -> Markup:
        """The field that every form of ours carries."""
        if self.visitor is None:
            self.visitor, self.is_new_visitor = new_secret(), True
        return Markup('<input type="hidden" name="token" value="{}">').format(form_token(self.visitor))

    @property
    def visitor_hash(self) -> str:
        """The browser, as it is stored."""
        return digest(self.visitor or "")

    def gettext(self, text: str) -> str:
        """A text in the visit's language."""
        return self.site.pages().gettext(self.language, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """A text with a count."""
        return self.site.pages().ngettext(self.language, one, many, count)

    @property
    def who(self) -> Session:
        """Whoever signed in; a page for anyone asks `session` instead. Raises LookupError for nobody."""
        if self.session is None:
            raise LookupError("a page for people who signed in was shown to somebody who had not")
        return self.session

    async def read(self, work: Callable[[Tx], T]) -> T:
        """What the store says, without holding the loop."""
        return await asyncio.to_thread(self.site.store.read, work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Done when it is committed."""
        return await asyncio.wrap_future(self.site.store.write(work))

    @property
    def now(self) -> datetime:
        """The time."""
        return clock.now()


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table of pages. path: below "/<language>", with Starlette's "{name}" for its parts.

    who: whom it is for; everybody else is sent to sign in, or told that there is no such page. takes_files: its form may
    carry files. refused: the page where the form's token was wrong, so that nothing typed is lost; None for a plain one.
    """

    method: Literal["GET", "POST"]
    path: str
    who: Who
    show: Callable[[Visit], Awaitable[Response]]
    takes_files: bool = False
    refused: Callable[[Visit], Awaitable[Response]] | None = None
