"""The control socket: one question, one answer, and nothing a question can do stops it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from maildesk.control import Control, NotRunning, ask
from maildesk.errors import MaildeskError

pytestmark = pytest.mark.asyncio


async def echo(question: Mapping[str, object]) -> object:
    return question.get("words")


async def fails(question: Mapping[str, object]) -> object:
    raise MaildeskError("The store is full; make room.")


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[None]:
    control = Control(path, {"echo": echo, "fails": fails})
    await control.start()
    try:
        yield
    finally:
        await control.close()


def raw(path: Path, line: bytes) -> bytes:
    """What comes back for these bytes; b"" when the daemon closed without a word."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        try:
            connection.sendall(line)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()
        except OSError:
            return b""


async def test_an_answer(tmp_path: Path) -> None:
    """What the handler returns, words and all; the socket is its owner's alone and gone afterwards."""
    path = tmp_path / "control.sock"
    path.write_text("left by a killed daemon")
    async with listening(path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert await asyncio.to_thread(ask, path, "echo", words="Grüße\n") == "Grüße\n"
    assert not path.exists()


async def test_nobody_there(tmp_path: Path) -> None:
    """No socket, or one nobody listens on: a sentence that says what to do."""
    path = tmp_path / "control.sock"
    with pytest.raises(NotRunning, match="maildesk serve"):
        ask(path, "echo")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(NotRunning):
        ask(path, "echo")


async def test_an_unknown_command(tmp_path: Path) -> None:
    """It is said, and the next question is answered."""
    path = tmp_path / "control.sock"
    async with listening(path):
        with pytest.raises(MaildeskError, match="no such command"):
            await asyncio.to_thread(ask, path, "eject")
        assert await asyncio.to_thread(ask, path, "echo", words="x") == "x"


async def test_a_refusal_is_told_in_its_own_words(tmp_path: Path) -> None:
    """What a handler cannot do reaches the asker as a sentence."""
    path = tmp_path / "control.sock"
    async with listening(path):
        with pytest.raises(MaildeskError, match="make room"):
            await asyncio.to_thread(ask, path, "fails")


NONSENSE = [b"", b"\n", b"hello\n", b"[]\n", b"7\n", b'"echo"\n', b'{"command": ["echo"]}\n', b"\xff\n"]


@pytest.mark.parametrize("line", [*NONSENSE, b"[" * 500_000 + b"\n", b"x" * 3_000_000])
async def test_nonsense_stops_nothing(tmp_path: Path, line: bytes) -> None:
    """No JSON, no object, an oversized line: no answer or an error, and the next question is answered."""
    path = tmp_path / "control.sock"
    async with listening(path):
        answer = await asyncio.to_thread(raw, path, line)
        assert not answer or "error" in json.loads(answer)
        assert await asyncio.to_thread(ask, path, "echo", words="x") == "x"


async def test_an_answer_that_is_cut(tmp_path: Path) -> None:
    """A daemon that dies in the middle of its answer is a sentence too."""
    path = tmp_path / "control.sock"

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"answ')
        writer.close()

    server = await asyncio.start_unix_server(cut, str(path))
    with pytest.raises(MaildeskError, match="see its log"):
        await asyncio.to_thread(ask, path, "echo")
    server.close()
