"""The laws of DATA: where a mail ends, what its bytes become, and how much of it the door will hold."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maildesk.doors.wire import Body
from maildesk.errors import BareNewline, TooLarge
from tests.servers.client import stuffed
from tests.smtpdesk import SmtpDesk

PIECES = st.sampled_from([b".", b"\r\n", b"..", b"\r\n.", b"a", b"\x00", b"\xff", b".\r\n.", b"MAIL FROM:<a@b.c>"])
# A body whose line ends are all CRLF, with dots in every place.
BODIES = st.lists(PIECES | st.binary(max_size=40).map(lambda raw: re.sub(rb"[\r\n]", b"", raw)), max_size=30).map(
    lambda pieces: b"".join(pieces) + (b"\r\n" if pieces else b"")
)


def collected(raw: bytes, cuts: list[int], limit_bytes: int = 100_000) -> tuple[Body, bytes | None]:
    """A Body fed with `raw` cut at the places, and what was behind its end."""
    body, rest, at = Body(limit_bytes), None, 0
    for cut in [*sorted({cut for cut in cuts if 0 < cut < len(raw)}), len(raw)]:
        if rest is not None:
            return body, rest + raw[at:]
        rest = body.feed(raw[at:cut])
        at = cut
    return body, rest


@given(
    raw=BODIES, cuts=st.lists(st.integers(0, 300), max_size=12), behind=st.sampled_from([b"", b"QUIT\r\n", b".\r\n"])
)
@settings(max_examples=300)
def test_any_body_comes_out_as_it_went_in(raw: bytes, cuts: list[int], behind: bytes) -> None:
    """Whatever the dots and the chunks, the content is what was stuffed, and what stands behind is given back."""
    body, rest = collected(stuffed(raw) + b".\r\n" + behind, cuts)
    assert body.content() == raw
    assert rest == behind


@given(raw=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=8))
@settings(max_examples=300)
def test_any_bytes_end_only_with_their_dot(raw: bytes, cuts: list[int]) -> None:
    """Bytes of any kind are one mail or a refusal, and come out with CRLF for each bare CR and LF."""
    body, rest = collected(stuffed(raw) + b".\r\n", cuts)
    assert rest == b""
    expected = re.sub(rb"\r\n|\r|\n", b"\r\n", stuffed(raw).replace(b"\r\n..", b"\r\n."))
    assert body.content().replace(b".", b"") == expected.replace(b".", b"")


@pytest.fixture(scope="module")
def desk() -> object:
    with SmtpDesk() as desk:
        yield desk


@given(
    raw=BODIES,
    cuts=st.lists(st.integers(0, 300), max_size=3),
    behind=st.sampled_from([b"", b"NOOP\r\n", b"NOOP\r\n" * 2]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_travels(desk: SmtpDesk, raw: bytes, cuts: list[int], behind: bytes) -> None:
    """The same over a real socket, in pieces, with commands behind the dot."""
    wire = stuffed(raw) + b".\r\n" + behind
    with desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        at = 0
        for cut in [*sorted({cut for cut in cuts if 0 < cut < len(wire)}), len(wire)]:
            client.send(wire[at:cut])
            at = cut
        assert client.reply().startswith("250 2.0.0 ")
        assert desk.mails[-1][0] == raw
        for _ in range(behind.count(b"NOOP")):
            assert client.reply() == "250 2.0.0 OK"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b".\r\n",
        b"..\r\n",
        b"x" * 60_000 + b"\r\n",
        b"Subject: \xe4\xf6\xfc \x80\xff\r\nX\xff: \x00\x01\r\n\r\n\x00NUL\x00\r\n",
        b"Subject: =?utf-8?b?" + b"A" * 5000 + b"?=\r\n\r\n",
        b"From: " + b"(" * 20_000 + b"\r\n\r\n",
        b"\r\n\r\n\r\n",
        bytes(range(32, 256)) * 10 + b"\r\n",
    ],
)
def test_no_content_is_refused(desk: SmtpDesk, raw: bytes) -> None:
    """Empty mails, long lines, 8-bit text, NUL and hostile headers are stored byte for byte."""
    with desk.greeted() as client:
        assert client.mail("lea@client.test", ["support@desk.test"], raw).startswith("250")
        assert desk.mails[-1][0] == raw


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a\nb\nc\r\n", b"a\r\nb\r\nc\r\n"),
        (b"a\rb\r\n", b"a\r\nb\r\n"),
        (b"a\r\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n..b\n.c\r\n", b"a\r\n.b\r\n.c\r\n"),
        (b"a\n.\nb\r\n", b"a\r\n.\r\nb\r\n"),
        (b"a\n.\nMail from the coast\r\n", b"a\r\n.\r\nMail from the coast\r\n"),
    ],
)
def test_bare_newlines_become_line_ends(desk: SmtpDesk, sent: bytes, kept: bytes) -> None:
    """An honest mail with bare CR or LF is taken, with CRLF for each; a dot alone is text when no command follows."""
    with desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(sent + b".\r\n")
        assert client.reply().startswith("250")
        assert desk.mails[-1][0] == kept


def test_exactly_the_limit_fits(desk: SmtpDesk) -> None:
    """A mail of `max_mail_bytes` is taken, stuffed dots not counted; one byte more is 552 5.3.4, and no more."""
    limit, dots = 100_000, b".\r\n" * 33_333
    with desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        assert client.data(dots).startswith("250")
        client.envelope("lea@client.test", ["support@desk.test"])
        assert client.data(b"x" * (limit - 2) + b"\r\n").startswith("250")
        assert len(desk.mails[-1][0]) == limit
        client.envelope("lea@client.test", ["support@desk.test"])
        assert client.data(b"x" * (limit - 1) + b"\r\n").startswith("552 5.3.4 ")
        assert client.mail("lea@client.test", ["support@desk.test"], b"\r\n").startswith("250")


def test_a_lie_about_the_size_is_found_out(desk: SmtpDesk) -> None:
    """What is over the limit is read to its end and then 552 5.3.4, whatever SIZE said."""
    with desk.greeted() as client:
        client.say("MAIL FROM:<lea@client.test> SIZE=10")
        client.say("RCPT TO:<support@desk.test>")
        assert client.data(b"x" * 150_000).startswith("552 5.3.4 ")
        assert client.say("NOOP").startswith("250")


def test_far_too_much_is_cut(desk: SmtpDesk) -> None:
    """After twice the limit the sender hears 552 5.3.4 and is let go."""
    with desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        client.say("DATA")
        client.send(b"x" * 200_001)
        assert client.reply().startswith("552 5.3.4 ")
        assert client.reply().startswith("421 ")
        assert client.is_closed()


@pytest.mark.parametrize("in_data", [True, False])
def test_an_endless_line_does_not_grow_memory(in_data: bool) -> None:
    """100 MB without a line end, as a command or as a mail of a desk that takes 50 MB less, stay within the limit."""
    with SmtpDesk(max_mail_bytes=60_000_000 if in_data else 1_000_000) as desk, desk.greeted() as client:
        client.envelope("lea@client.test", ["support@desk.test"])
        if in_data:
            client.say("DATA")
        before = resident_bytes()
        highest = before
        block = b"x" * 1_000_000
        for _ in range(100):
            client.send(block)
            highest = max(highest, resident_bytes())
        client.send(b"\r\n.\r\n")
        assert client.reply().startswith("552 5.3.4 " if in_data else "500 5.5.2 ")
        assert highest - before < (90_000_000 if in_data else 10_000_000)


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


def test_what_is_too_large_is_not_kept() -> None:
    """From the moment a body is over its limit, nothing of it is held."""
    body = Body(1000)
    for _ in range(100):
        assert body.feed(b"x" * 100) is None
    assert body.feed(b"\r\n.\r\n") == b""
    assert not body._parts
    with pytest.raises(TooLarge):
        body.content()


def test_ten_megabytes_take_no_time() -> None:
    """The end is looked for once in each byte, however small the chunks and however often it nearly comes."""
    body, chunk = Body(40_000_000), b"\r\n.\r" * 1000
    began = time.process_time()
    for _ in range(2500):
        assert body.feed(chunk) is None
    body.feed(b"\r\n.\r\n")
    with_bare = body.content()
    assert len(with_bare) > 5_000_000
    assert time.process_time() - began < 5


def test_a_hidden_command_is_found_in_reasonable_time() -> None:
    """Ten megabytes of dots and bare newlines are judged without going back."""
    body = Body(40_000_000)
    body.feed(b"\n.\n\n\n\n\n\n\n" * 1_000_000 + b"MAIL FROM:<a@b.c>\r\n.\r\n")
    began = time.process_time()
    with pytest.raises(BareNewline):
        body.content()
    assert time.process_time() - began < 5
