"""Help articles as pages: index, search, one article, whether it helped, and following it by mail."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from maildesk.articles import Article
from maildesk.clock import iso
from maildesk.store import articles as stored
from maildesk.web.brakes import VOTES
from maildesk.web.visit import Page, Visit
from maildesk.web.visitor import digest, network_of

_SUGGESTED = 3


async def _index(visit: Visit) -> Response:
    """All articles by section, or what a search found."""
    asked = visit.request.query_params.get("q", "")[:200]
    found = visit.site.articles()
    hits = found.search(asked, visit.language) if asked.strip() else None
    return visit.page("articles.html", sections=found.sections(visit.language), asked=asked, hits=hits)


async def _suggest(visit: Visit) -> Response:
    """A few links for the form's subject as it is typed: a piece of HTML, empty where nothing is near."""
    asked = visit.request.query_params.get("q", "")[:200]
    hits = visit.site.articles().search(asked, visit.language, _SUGGESTED)
    values = {"hits": hits, "url": visit.url}
    return HTMLResponse(visit.site.pages().render("suggestions.html", visit.language, values))


async def _article(visit: Visit) -> Response:
    """One article, in the visit's language or the nearest that there is."""
    article = _found(visit)
    if article is None:
        return visit.missing()
    account = visit.session.account_id if visit.session is not None else 0
    visitor = visit.visitor_hash if visit.visitor is not None else ""
    known = await visit.read(lambda tx: stored.find_opinion(tx, article.slug, article.language, visitor, account))
    done = visit.request.query_params.get("done", "")
    return visit.page("article.html", article=article, opinion=known, done=done)


async def _helpful(visit: Visit) -> Response:
    """Yes or no, once for each browser; the last word counts."""
    article, said = _found(visit), visit.form.get("helpful")
    if article is None:
        return visit.missing()
    if said not in ("yes", "no"):
        return visit.to(f"/articles/{article.slug}")
    network = network_of(visit.peer)
    if visit.site.brakes.is_over(VOTES, network):
        return visit.page("trouble.html", 429, kind="often")
    visit.site.brakes.count(VOTES, network)
    is_helpful, visitor, now = said == "yes", digest(visit.visitor or ""), visit.now
    await visit.write(
        lambda tx: tx.add(
            "vote on an article",
            slug=article.slug,
            language=article.language,
            visitor_hash=visitor,
            is_helpful=int(is_helpful),
            at=iso(now),
        )
    )
    return visit.to(f"/articles/{article.slug}", done="voted")


async def _follow(visit: Visit) -> Response:
    """A mail when the article changes."""
    article, who, now = _found(visit), visit.who, visit.now
    if article is None:
        return visit.missing()
    await visit.write(
        lambda tx: tx.add(
            "follower of an article",
            account_id=who.account_id,
            address=who.address,
            slug=article.slug,
            language=visit.language,
            at=iso(now),
        )
    )
    return visit.to(f"/articles/{article.slug}", done="followed")


async def _unfollow(visit: Visit) -> Response:
    """No more mails about it."""
    slug, who = str(visit.request.path_params["slug"]), visit.who
    await visit.write(lambda tx: tx.drop("follower of an article", account_id=who.account_id, slug=slug))
    return visit.missing() if _found(visit) is None else visit.to(f"/articles/{slug}", done="unfollowed")


def _found(visit: Visit) -> Article | None:
    return visit.site.articles().find(str(visit.request.path_params["slug"]), visit.language)


PAGES = (
    Page("GET", "/articles", "anyone", _index),
    Page("GET", "/articles/suggest", "anyone", _suggest),
    Page("GET", "/articles/{slug}", "anyone", _article),
    Page("POST", "/articles/{slug}/helpful", "anyone", _helpful),
    Page("POST", "/articles/{slug}/follow", "customer", _follow),
    Page("POST", "/articles/{slug}/unfollow", "customer", _unfollow),
)
