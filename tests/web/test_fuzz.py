"""Every page with anything at all as its path, query, form, cookies and headers: an answer each time, and a safe one."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from maildesk.config import Web
from maildesk.web.app import HEADERS
from maildesk.web.table import PAGES
from maildesk.web.visit import Page
from maildesk.web.visitor import form_token
from tests.hostile_words import WORDS
from tests.web.house import House, house

LEA, ANA = "lea@client.test", "ana@desk.test"
# Stands in whatever is sent; as it is, it would close a tag, an attribute or a script of ours.
MARK = "q9<'w9\"z9"
EXAMPLES = 1600
# What ends the session that the rest is asked with is asked for with another cookie.
ENDINGS = ("/sign-out", "/account/sessions", "/account/delete")

odd = st.one_of(
    st.sampled_from((*WORDS, "", "0", "-1", "1e9", "9" * 40, "٣", "²", "%00", "..", "../..", "\x00", "a" * 9000)),
    st.text(max_size=40),
    st.text(alphabet="<>\"'`&%/\\\r\n\x00\x1b\u202e=;:@{}$#", max_size=30),
).map(lambda words: words + MARK)
likely = st.sampled_from(
    (
        "50031",
        "50032",
        "1",
        "request-arrived",
        "solved",
        "as-cc",
        "yes",
        "no",
        "others",
        "2",
        LEA,
        "lea@gmial.com",
        "fr",
    )
)
value = st.one_of(odd, odd, likely)
part = st.one_of(odd, likely, likely)
FIELDS = (
    *("address", "name", "subject", "description", "mailbox", "submission", "kept", "meant", "sure", "wish", "entry"),
    *(
        "answer",
        "session",
        "language",
        "code",
        "next",
        "back",
        "helpful",
        "done",
        "q",
        "state",
        "page",
        "role",
        "again",
    ),
    *("agent", "sort", "days", "age"),
)
# Some fields, or each that any page reads, so that whatever a page says again is tried.
pairs = st.one_of(
    st.lists(st.tuples(st.one_of(st.sampled_from(FIELDS), odd), value), max_size=6),
    odd.filter(lambda words: len(words) < 200).map(lambda words: [(name, words) for name in FIELDS]),
)
NAMES = (
    *("accept-language", "x-forwarded-for", "referer", "user-agent", "x-forwarded-host", "origin", "cookie", "range"),
    *("if-none-match", "content-length", "transfer-encoding", "expect", "upgrade", "x-http-method-override", "accept"),
)
# A length that is a number is waited for.
headers = st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=2).map(
    lambda head: [(name, words) for name, words in head if name != "content-length" or not words.isdigit()]
)


@dataclass(frozen=True)
class Ask:
    """One request, as it goes over the wire."""

    page: Page
    method: str
    path: str
    who: str
    head: tuple[tuple[str, str], ...]
    body: bytes


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """A page of the table with whatever somebody may send to it; half of it so that the page itself has to answer."""
    page = draw(st.sampled_from(PAGES))
    is_wild = draw(st.integers(0, 3)) == 0
    method = (
        draw(st.sampled_from(("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X")))
        if is_wild
        else page.method
    )
    language = draw(st.sampled_from(("en", "fr", "xx", "EN", "en%00", ""))) if is_wild else "en"
    path = re.sub(r"\{\w+\}", lambda _: quote(draw(part), safe="") or "-", page.path)
    query = urlencode(draw(pairs), errors="surrogatepass") if draw(st.booleans()) else draw(odd) if is_wild else ""
    who = draw(st.sampled_from(("", LEA, LEA, LEA, ANA, ANA, "garbage")))
    fields = draw(pairs) if page.method == "POST" else []
    kind = draw(st.sampled_from(("form", "form", "form", "multipart", "json", "raw")))
    body, head = _body(kind, fields), [("content-type", _TYPES[kind])]
    if is_wild:
        head += draw(headers)
    target = f"/{language}{path}" + (f"?{query}" if query else "")
    safe = "".join(c if "!" <= c <= "~" else quote(c, errors="replace") for c in target)
    return Ask(page, method, safe, who, tuple(head), body if method not in ("GET", "HEAD") else b"")


_TYPES = {
    "form": "application/x-www-form-urlencoded",
    "multipart": 'multipart/form-data; boundary="b"',
    "json": "application/json",
    "raw": "text/plain",
}


def _body(kind: str, fields: list[tuple[str, str]]) -> bytes:
    match kind:
        case "multipart":
            parts = [
                f'--b\r\nContent-Disposition: form-data; name="{name}"{"; filename=x" if at % 3 == 2 else ""}\r\n\r\n{words}\r\n'
                for at, (name, words) in enumerate([("token", "TOKEN"), *fields])
            ]
            return ("".join(parts) + "--b--\r\n").encode("utf-8", "replace")
        case "json":
            return json.dumps(fields).encode()
        case "raw":
            return repr(fields).encode()
        case _:
            return b"token=TOKEN&" + urlencode(fields, errors="replace").encode()


def wire(ask: Ask, visitor: str, session: str) -> bytes:
    """The request's bytes. Its token is the right one, or nothing but the refusal would be tried."""
    body = ask.body.replace(b"TOKEN", form_token(visitor).encode())
    cookie = f"visitor={visitor}; session={session}" if ask.who else ""
    head = [("host", "127.0.0.1"), ("cookie", cookie), ("sec-fetch-site", "same-origin"), *ask.head]
    lines = [f"{ask.method} {ask.path} HTTP/1.1", *(f"{name}: {re.sub(r'[^ -~]', '?', words)}" for name, words in head)]
    if "transfer-encoding" not in dict(ask.head) and "content-length" not in dict(ask.head):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1") + body


def answer(port: int, raw: bytes, method: str) -> tuple[int, dict[str, list[str]], str]:
    """Status, headers and text."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        found = HTTPResponse(connection, method=method)
        found.begin()
        try:
            text = found.read().decode("utf-8", "replace")
        except IncompleteRead as error:
            text = error.partial.decode("utf-8", "replace")
        given: dict[str, list[str]] = {}
        for name, words in found.getheaders():
            given.setdefault(name.lower(), []).append(words)
        return found.status, given, text


def faults(status: int, given: dict[str, list[str]], text: str) -> list[str]:
    """What is wrong with an answer."""
    found = [f"status {status}"] if status >= 500 else []
    if status == 400 and "content-security-policy" not in given:
        # The server's own word for what is no request at all; no page of ours heard of it.
        return found + ([] if text in ("", "Invalid HTTP request received.") else ["a bare answer"])
    found += [f"without {name!r}" for name, words in HEADERS if given.get(name.decode()) != [words.decode()]]
    policy = given.get("content-security-policy", [""])[0]
    if "default-src 'none'" not in policy or "unsafe" in policy:
        found.append(f"policy {policy}")
    if given.get("cache-control") != ["no-store"]:
        found.append("is kept")
    if given.get("content-type", ["text/html"])[0].startswith("text/html"):
        found += [f"says {raw} as it is" for raw in ("q9<", "<'", "'w9", 'w9"') if raw in text]
    to = given.get("location", ["/"])[0]
    if not re.fullmatch(r"/(?:[a-z]{2}/[^\\]*)?", to):
        found.append(f"leads to {to}")
    if any(one.partition("=")[0] not in ("visitor", "session") for one in given.get("set-cookie", [])):
        found.append("another cookie")
    return found


@pytest.mark.asyncio
async def test_every_page_answers_whatever_it_is_asked(tmp_path: Path) -> None:
    """No 5xx, the headers on each answer, nothing kept by a cache, what was sent never as markup, redirects to our own pages
    alone, and no cookie but ours: for anyone, a customer and an agent, with the form's token right."""
    async with house(tmp_path, web=Web(agents_read=True)) as home:
        home.world.write(LEA)
        home.world.write(LEA, subject="Second")
        people: dict[str, tuple[str, str]] = {"": ("visitor", ""), "garbage": (MARK, "x" * 50)}
        for who in (LEA, ANA):
            browser = await home.sign_in(who)
            people[who] = tuple(str(browser.client.cookies[name]) for name in ("visitor", "session"))  # type: ignore[assignment]
        seen: dict[tuple[str, int], int] = {}
        await asyncio.to_thread(_ask_everything, home, people, seen)
        # Everybody was still who they were, and every page had to answer.
        for who in (LEA, ANA):
            assert seen[who, 200] > EXAMPLES / 60, seen
        assert {page for page, _ in seen} >= {page.path for page in PAGES}


def _ask_everything(home: House, people: dict[str, tuple[str, str]], seen: dict[Any, int]) -> None:
    port = int(home.base.rpartition(":")[2])

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(asks())
    def every(ask: Ask) -> None:
        who = "garbage" if ask.page.path in ENDINGS else ask.who
        visitor, session = people[who]
        raw = wire(ask, visitor, session)
        status, given_headers, text = answer(port, raw, ask.method)
        for key in ((who, status), (ask.page.path, status)):
            seen[key] = seen.get(key, 0) + 1
        assert faults(status, given_headers, text) == [], raw[:3000]

    every()
