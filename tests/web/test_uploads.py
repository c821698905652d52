"""T92: the body of a POST, read from real bytes: what browsers send, what others try, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from maildesk.errors import BadForm, DiskNearlyFull, TooLarge
from maildesk.web.file_names import clean_name
from maildesk.web.uploads import MIB, TOO_LARGE, TOO_MANY, Form, FormLimits, read_form

MULTIPART = "multipart/form-data; boundary=----WebKitFormBoundaryx7"
QUERY = "application/x-www-form-urlencoded"
SMALL = FormLimits(
    max_body_bytes=5_000, max_files=2, max_files_bytes=1_000, max_fields=4, max_text_bytes=500, max_texts_bytes=900,
    max_parts=12, drain_bytes=2_000, drain_s=5, idle_s=5,
)  # fmt: skip


def anything(_count: int) -> None:
    """Always room."""


def field(name: str, value: str | bytes) -> bytes:
    """A part as browsers write a field."""
    return part(f'form-data; name="{name}"', value)


def file(filename: str, value: bytes, type_: str = "text/plain") -> bytes:
    """A part as browsers write a file."""
    return part(f'form-data; name="attachments"; filename="{filename}"', value, type_)


def part(disposition: str, value: str | bytes, type_: str = "") -> bytes:
    octets = value.encode() if isinstance(value, str) else value
    kind = f"Content-Type: {type_}\r\n" if type_ else ""
    return f"Content-Disposition: {disposition}\r\n{kind}\r\n".encode() + octets


def multipart(*parts: bytes) -> bytes:
    """The body as browsers write it."""
    border = b"------WebKitFormBoundaryx7"
    return b"".join(border + b"\r\n" + each + b"\r\n" for each in parts) + border + b"--\r\n"


def request(pieces: Iterable[bytes], type_: str, *, length: int | None = None, hangs_up: bool = False) -> Request:
    """A POST whose body comes in these pieces."""
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": b""})
    arriving = iter(waiting)

    async def receive() -> dict[str, object]:
        return next(arriving)

    headers = [(b"content-type", type_.encode("latin-1"))] if type_ else []
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive)


def read(
    folder: Path,
    *pieces: bytes,
    type_: str = MULTIPART,
    limits: FormLimits = FormLimits(),  # noqa: B008 frozen
    need_room: Callable[[int], None] = anything,
    length: int | None = None,
    hangs_up: bool = False,
) -> Form:
    return asyncio.run(read_form(request(pieces, type_, length=length, hangs_up=hangs_up), folder, limits, need_room))


def contents(form: Form) -> list[tuple[str, str, bytes]]:
    return [(found.name, found.type, found.path.read_bytes()) for found in form.files]


BODY = multipart(
    field("address", "lea@client.test"),
    field("subject", "Größe — «ça va»"),
    file("a.png", b"\x89PNG\r\n--\r\n------WebKitFormBoundaryx\r\n\0", "image/png"),
    file("", b"", "application/octet-stream"),
    field("topic", "one"),
    field("topic", "two\r\nlines"),
)


def test_what_a_browser_sends(tmp_path: Path) -> None:
    """Fields in their order as text, files with name, type and bytes; an empty file input is no file."""
    form = read(tmp_path / "uploads", BODY)
    assert form.get("address") == "lea@client.test"
    assert form.get("subject") == "Größe — «ça va»"
    assert form.all("topic") == ("one", "two\nlines")
    assert form.get("none", "x") == "x"
    assert form.all("none") == ()
    assert contents(form) == [("a.png", "image/png", b"\x89PNG\r\n--\r\n------WebKitFormBoundaryx\r\n\0")]
    assert form.files[0].size_bytes == len(contents(form)[0][2])
    assert form.refused == ()


def test_a_file_is_for_the_desk_alone(tmp_path: Path) -> None:
    """The folder has mode 0700, a file 0600 and a name that tells nothing; discard removes it, twice is no harm."""
    folder = tmp_path / "state" / "uploads"
    form = read(folder, BODY)
    path = form.files[0].path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent == folder
    assert len(path.name) == 32
    assert path.name != read(folder, BODY).files[0].path.name
    form.discard()
    form.discard()
    assert not path.exists()


def test_the_pieces_may_end_anywhere(tmp_path: Path) -> None:
    """Wherever the network cuts the body in two, and cut into single octets, the form is the same."""
    whole = read(tmp_path, BODY)
    cuts = [(BODY[:at], BODY[at:]) for at in range(len(BODY) + 1)]
    for pieces in [*cuts, tuple(BODY[at : at + 1] for at in range(len(BODY)))]:
        form = read(tmp_path, *pieces)
        assert (form.fields, contents(form)) == (whole.fields, contents(whole))


def test_a_form_without_files(tmp_path: Path) -> None:
    """Urlencoded fields come as they were typed, whatever the pieces; nothing is written down."""
    fields = [("address", "lea@client.test"), ("subject", "a+b & ü=1"), ("empty", ""), ("text", "one\r\ntwo")]
    body = urlencode(fields).encode()
    for at in range(len(body)):
        form = read(tmp_path / "uploads", body[:at], body[at:], type_=QUERY)
        assert form.fields == (*fields[:3], ("text", "one\ntwo"))
    assert not (tmp_path / "uploads").exists()


def test_bad_octets_are_shown_as_such(tmp_path: Path) -> None:
    """Octets that are no UTF-8 become U+FFFD, in both kinds of form; NUL is gone, which no store takes."""
    assert read(tmp_path, b"a=%ff%41&b=x%00y\xff", type_=QUERY).fields == (("a", "�A"), ("b", "xy�"))
    assert read(tmp_path, multipart(field("a", b"\xffA\0"))).fields == (("a", "�A"),)


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (BODY, "multipart/form-data"),
        (BODY, "multipart/form-data; boundary="),
        (BODY, "multipart/form-data; boundary=" + "x" * 71),
        (BODY, "multipart/form-data; boundary=other"),
        (BODY, "multipart/mixed; boundary=----WebKitFormBoundaryx7"),
        (BODY, "text/plain"),
        (BODY, ""),
        (b"", MULTIPART),
        (b"no part at all", MULTIPART),
        (BODY[:-4], MULTIPART),
        (BODY[: len(BODY) // 2], MULTIPART),
        (multipart(b"X: y\r\n\r\nnothing says what this is"), MULTIPART),
        (multipart(part('attachment; filename="a"', b"x")), MULTIPART),
        (multipart(b"Content-Disposition: form-data; name=x; y=" + b"z" * 9000 + b"\r\n\r\n"), MULTIPART),
        (multipart(b"X-Y: z\r\n" * 50 + field("a", "b")), MULTIPART),
        (multipart(b"no colon here\r\n\r\n"), MULTIPART),
        (multipart(field("n" * 300, "x")), MULTIPART),
    ],
)
def test_what_is_no_form_is_refused(tmp_path: Path, body: bytes, type_: str) -> None:
    """Without a boundary, cut short, with a huge header or no header: 400, and no file stays."""
    with pytest.raises(BadForm) as raised:
        read(tmp_path, body, type_=type_)
    assert raised.value.reply.http == 400
    assert list(tmp_path.iterdir()) == []


def test_a_form_within_a_form_is_a_file_or_text(tmp_path: Path) -> None:
    """Parts that hold parts are not opened."""
    inner = b"--in\r\nContent-Disposition: file; filename=evil\r\n\r\nx\r\n--in--"
    body = multipart(
        part('form-data; name="files"', inner, "multipart/mixed; boundary=in"),
        part('form-data; name="f"; filename="f.bin"', inner, "multipart/mixed; boundary=in"),
    )
    form = read(tmp_path, body)
    assert form.get("files") == inner.decode().replace("\r\n", "\n")
    assert contents(form) == [("f.bin", "application/octet-stream", inner)]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ('filename="../../../etc/passwd"', "passwd"),
        ('filename="C:\\\\Users\\\\lea\\\\rapport été.pdf"', "rapport été.pdf"),
        ('filename="C:\\fakepath\\new.txt"', "new.txt"),
        ('filename="..\\..\\boot.ini"', "boot.ini"),
        ('filename="/"', "file"),
        ('filename=".."', "file"),
        ('filename="   "', "file"),
        ('filename=".htaccess"', "htaccess"),
        ('filename="\u200b.\u202ehtaccess"', "htaccess"),
        ('filename="inv\u202egnp.exe"', "invgnp.exe"),
        ('filename="a\x00b\x01c\x7f.txt"', "abc.txt"),
        ('filename="a%22b%0D%0Ac.txt"', 'a"b c.txt'),
        ('filename="a;b=c.txt"', "a;b=c.txt"),
        ("filename=plain.txt", "plain.txt"),
        ('FileName="case.txt"', "case.txt"),
        ('filename="e\u0301te\u0301.txt"', "été.txt"),
        ('filename="日本語.pdf"', "日本語.pdf"),
        ("filename*=UTF-8''na%C3%AFve%20one.txt", "naïve one.txt"),
        ("filename*=iso-8859-1'fr'%E9t%E9.txt", "été.txt"),
        ("filename*=x-nowhere''%41.txt", "A.txt"),
        ("filename*=utf-8''%2e%2e%2f%2ehidden", "hidden"),
        ("filename=\"plain.txt\"; filename*=UTF-8''other.exe", "plain.txt"),
        (f'filename="{"é" * 300}.pdf"', "é" * 146 + ".pdf"),
        (f'filename="{"a." * 200}"', ("a." * 75).rstrip(".")),
    ],
)
def test_a_name_is_one_step_of_a_path(tmp_path: Path, parameters: str, name: str) -> None:
    """Whatever a Content-Disposition says, the name is short, seen whole, and no path; the bytes lie elsewhere."""
    form = read(tmp_path, multipart(part(f'form-data; name="f"; {parameters}', b"x")))
    assert [found.name for found in form.files] == [name]
    assert [path.parent for path in (form.files[0].path,)] == [tmp_path]


@given(st.text(st.characters(), max_size=400))
def test_any_name_is_safe(name: str) -> None:
    """One to 150 characters, none unseen, no slash, no dot or space before; a clean name stays as it is."""
    cleaned = clean_name(name)
    assert 1 <= len(cleaned) <= 150
    assert not {"/", "\\"} & set(cleaned)
    assert cleaned.isprintable() or any(letter.isspace() or not letter.isprintable() for letter in name)
    assert cleaned[0] not in ". "
    assert clean_name(cleaned) == cleaned


@pytest.mark.parametrize("type_", ["text/html; charset=x", "TEXT/HTML", "text/html"])
def test_a_type_is_without_parameters(tmp_path: Path, type_: str) -> None:
    """The type is what the browser claims, lower-case; what is no type is of no known type."""
    assert read(tmp_path, multipart(file("a", b"x", type_))).files[0].type == "text/html"
    assert read(tmp_path, multipart(file("a", b"x", "../../x"))).files[0].type == "application/octet-stream"
    assert read(tmp_path, multipart(part('form-data; name=a; filename="a"', b"x"))).files[0].type == (
        "application/octet-stream"
    )


def test_a_file_of_no_bytes(tmp_path: Path) -> None:
    """A file with a name and no bytes is a file; one with bytes and no name is called "file"."""
    form = read(tmp_path, multipart(file("empty.txt", b""), file("", b"x")))
    assert contents(form) == [("empty.txt", "text/plain", b""), ("file", "text/plain", b"x")]


def test_too_many_files_lose_no_text(tmp_path: Path) -> None:
    """Files beyond the limit are named and dropped; what was typed after them is there, an empty input is not named."""
    parts = [file(f"{at}.txt", b"x") for at in range(4)]
    form = read(tmp_path, multipart(*parts, file("", b""), field("late", "typed")), limits=SMALL)
    assert [found.name for found in form.files] == ["0.txt", "1.txt"]
    assert form.refused == (("2.txt", TOO_MANY), ("3.txt", TOO_MANY))
    assert form.get("late") == "typed"
    assert len(list(tmp_path.iterdir())) == 2


def test_too_large_files_lose_no_text(tmp_path: Path) -> None:
    """A file that brings all files above the limit is named, dropped and removed; a smaller one after it is taken."""
    body = multipart(
        file("big", b"x" * 1001), file("fits", b"y" * 1000), file("one more", b"z"), field("late", "typed")
    )
    form = read(tmp_path, body, limits=SMALL)
    assert [found.name for found in form.files] == ["fits"]
    assert form.refused == (("big", TOO_LARGE), ("one more", TOO_LARGE))
    assert form.get("late") == "typed"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_too_large_by_its_end_leaves_nothing(tmp_path: Path) -> None:
    """A file whose first megabytes are written already is removed when its last ones are too many."""
    limits = FormLimits(max_files_bytes=3 * MIB)
    body = multipart(file("big", b"x" * (3 * MIB + 1)), field("late", "typed"))
    form = read(tmp_path, *(body[at : at + 60_000] for at in range(0, len(body), 60_000)), limits=limits)
    assert form.files == ()
    assert form.refused == (("big", TOO_LARGE),)
    assert form.get("late") == "typed"
    assert list(tmp_path.iterdir()) == []


def test_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    """25 MiB of files in all are taken, and 1 MiB of text."""
    body = multipart(file("all", b"x" * 26_214_400), field("text", "y" * MIB))
    form = read(tmp_path, *(body[at : at + 65_536] for at in range(0, len(body), 65_536)))
    assert form.files[0].path.stat().st_size == form.files[0].size_bytes == 26_214_400
    assert len(form.get("text")) == MIB


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (multipart(file("first", b"x"), field("text", "x" * 501)), MULTIPART),
        (multipart(file("first", b"x"), *(field("text", "x" * 301) for _ in range(3))), MULTIPART),
        (multipart(file("first", b"x"), *(field(str(at), "") for at in range(5))), MULTIPART),
        (multipart(file("first", b"x"), *(file(str(at), b"x") for at in range(12))), MULTIPART),
        (multipart(file("first", b"x"), file("second", b"x" * 5_000)), MULTIPART),
        (b"text=" + b"x" * 501, QUERY),
        (b"text=" + b"%41" * 501, QUERY),
        (b"&".join(b"text=" + b"x" * 301 for _ in range(3)), QUERY),
        (b"a&b&c&d&e", QUERY),
        (b"&" * 100, QUERY),
        (b"text=" + b"x" * 5_000, QUERY),
    ],
)
@pytest.mark.parametrize("size", [100, 100_000])
def test_too_much_text_is_refused(tmp_path: Path, body: bytes, type_: str, size: int) -> None:
    """Too long a field, all fields, too many of them or of parts, too long a body: 413, and no file stays."""
    with pytest.raises(TooLarge) as raised:
        read(tmp_path, *(body[at : at + size] for at in range(0, len(body), size)), type_=type_, limits=SMALL)
    assert raised.value.reply.http == 413
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_parts_are_refused(tmp_path: Path) -> None:
    """Neither ten thousand fields nor ten thousand files are read to their end, and no file stays."""
    for each in (field("a", "b"), file("a", b"b"), file("", b"")):
        with pytest.raises(TooLarge):
            read(tmp_path, multipart(*[each] * 10_000))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("type_", [MULTIPART, QUERY])
def test_a_body_that_is_declared_too_long_is_not_written(tmp_path: Path, type_: str) -> None:
    """A Content-Length beyond the limit is refused before anything is read into a file."""
    for length in (5_001, 10**30):
        with pytest.raises(TooLarge):
            read(tmp_path / "uploads", BODY, type_=type_, limits=SMALL, length=length)
    assert not (tmp_path / "uploads").exists()


@asynccontextmanager
async def endless(first: bytes, then: bytes) -> AsyncIterator[tuple[Request, list[int]]]:
    """A POST that never ends, and how many octets of it were read."""
    seen = [0]

    async def receive() -> dict[str, object]:
        body = then if seen[0] else first
        seen[0] += len(body)
        return {"type": "http.request", "body": body, "more_body": True}

    headers = [(b"content-type", MULTIPART.encode())]
    yield (
        Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive),
        seen,
    )


def test_what_is_read_after_an_error_is_bounded(tmp_path: Path) -> None:
    """Of a body that never ends, the limit and what is drained are read, no more; what broke at once drains as little."""

    async def sent(first: bytes) -> int:
        async with endless(first, b"x" * 500) as (post, seen):
            with pytest.raises((BadForm, TooLarge)):
                await read_form(post, tmp_path, SMALL, anything)
            return seen[0]

    assert 5_000 < asyncio.run(sent(multipart(file("a", b""))[:-6])) <= 5_000 + 2_000 + 1_000
    assert 2_000 < asyncio.run(sent(b"no boundary")) <= 2_000 + 1_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [0, 10, 200, 400, 440, len(BODY) - 2])
def test_a_client_that_hangs_up_leaves_no_file(tmp_path: Path, at: int) -> None:
    """Wherever the connection breaks, the caller hears it and no file stays."""
    with pytest.raises(ClientDisconnect):
        read(tmp_path, BODY[:at], hangs_up=True)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_hangs_up_in_a_large_file_leaves_none(tmp_path: Path) -> None:
    """A file of which some blocks are written down is removed with the connection."""
    seen: list[int] = []
    pieces = [multipart(file("big", b"x" * 300_000))[:-40], b"x" * 300_000]
    with pytest.raises(ClientDisconnect):
        read(tmp_path, *pieces, hangs_up=True, need_room=seen.append)
    assert sum(seen) > 500_000
    assert list(tmp_path.iterdir()) == []


def test_a_visit_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    """The server stops while a body arrives: the file goes, whatever a thread still writes."""

    async def story() -> None:
        asked, first = asyncio.Event(), [multipart(file("big", b"x" * 300_000))[:-40]]

        async def receive() -> dict[str, object]:
            if first:
                return {"type": "http.request", "body": first.pop(), "more_body": True}
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        scope = {"type": "http", "headers": [(b"content-type", MULTIPART.encode())]}
        reading = asyncio.ensure_future(read_form(Request(scope, receive), tmp_path, FormLimits(), anything))
        await asked.wait()
        assert len(os.listdir(tmp_path)) == 1
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_stops_arriving_is_given_up(tmp_path: Path) -> None:
    """Silence for idle_s ends the reading with 400, and no file stays."""

    async def story() -> None:
        first = [multipart(file("big", b"x" * 300_000))[:-40]]

        async def receive() -> dict[str, object]:
            if first:
                return {"type": "http.request", "body": first.pop(), "more_body": True}
            await asyncio.Event().wait()
            raise AssertionError

        scope = {"type": "http", "headers": [(b"content-type", MULTIPART.encode())]}
        with pytest.raises(BadForm):
            await read_form(Request(scope, receive), tmp_path, FormLimits(idle_s=0.02), anything)

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_refuses_files(tmp_path: Path) -> None:
    """need_room hears of each block before it is written, and what it raises is raised; text alone needs none."""

    def full(_count: int) -> None:
        raise DiskNearlyFull("The disk is nearly full")

    counts: list[int] = []
    read(tmp_path, multipart(file("a", b"x" * 200_000), file("b", b"y")), need_room=counts.append).discard()
    assert sum(counts) == 200_001
    assert max(counts) <= 4 * 65_536
    with pytest.raises(DiskNearlyFull):
        read(tmp_path, BODY, need_room=full)
    assert list(tmp_path.iterdir()) == []
    assert read(tmp_path, multipart(field("a", "b"), file("", b"")), need_room=full).get("a") == "b"


PIECES = st.sampled_from([
    b"------WebKitFormBoundaryx7", b"\r\n", b"--", b"\r", b"\n", b"-", b" ", b"\t",
    b"Content-Disposition: form-data", b'; name="a"', b'; filename="b"', b"; filename*=utf-8''%ff", b'"', b"\\", b";",
    b"Content-Type: text/plain", b"\r\n\r\n", b"\xff\0", b"a" * 600, b"=", b"&", b"%4", b"+",
])  # fmt: skip
TYPES = st.one_of(
    st.sampled_from([MULTIPART, QUERY, "multipart/form-data; boundary=--"]),
    st.binary(max_size=60).map(lambda found: "multipart/form-data; boundary=" + found.decode("latin-1")),
    st.binary(max_size=60).map(lambda found: found.decode("latin-1")),
)


@given(
    pieces=st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=40).map(b"".join),
    parts=st.lists(st.lists(PIECES, max_size=6).map(b"".join), max_size=6),
    cut=st.integers(1, 700),
    type_=TYPES,
    hangs_up=st.booleans(),
)
def test_any_octets_are_a_form_or_an_error(
    pieces: bytes, parts: list[bytes], cut: int, type_: str, hangs_up: bool
) -> None:
    """Whatever arrives is a form within the limits or one of the desk's errors; only a form's files are left."""
    for body in (pieces, multipart(*(field("f", b"") + each for each in parts))):
        with TemporaryDirectory() as name:
            folder = Path(name)
            sent = [body[at : at + cut] for at in range(0, len(body), cut)]
            try:
                form = read(folder, *sent, type_=type_, limits=SMALL, hangs_up=hangs_up)
            except (BadForm, TooLarge, ClientDisconnect):
                form = Form()
            assert {found.path for found in form.files} == set(folder.iterdir())
            assert len(form.files) <= 2
            assert len(form.fields) <= 4
            assert sum(found.size_bytes for found in form.files) <= 1_000
            assert sum(len(value) for _, value in form.fields) <= 900
