"""The daemon's control socket: one JSON object a line in, one out. Only the desk's own user can open it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from maildesk import log
from maildesk.errors import MaildeskError

Handler = Callable[[Mapping[str, object]], Awaitable[object]]
_MAX_LINE_BYTES = 1 << 20
_TIMEOUT_S = 30.0


class NotRunning(MaildeskError):
    """No daemon listens on the control socket."""


class Control:
    """The daemon's side."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path, self._handlers = path, handlers
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket file left by a killed daemon is replaced (the lock is held)."""
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_MAX_LINE_BYTES)
        finally:
            os.umask(old)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._answer(await reader.readline())
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, RecursionError, TimeoutError) as error:
            log.failure("control.failed", error)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, object]:
        question = json.loads(line)
        if not isinstance(question, dict) or str(question.get("command")) not in self._handlers:
            return {"error": "it knows no such command"}
        try:
            return {"answer": await self._handlers[str(question["command"])](question)}
        except MaildeskError as error:
            log.failure("control.failed", error)
            return {"error": str(error).rstrip(".")}


def ask(path: Path, command: str, **values: object) -> object:
    """The running daemon's answer. Raises NotRunning when there is none, MaildeskError when it cannot answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise NotRunning(f"No daemon answers on {path}; is `maildesk serve` running?") from error
        try:
            connection.sendall(json.dumps({"command": command, **values}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                found = json.loads(stream.readline(_MAX_LINE_BYTES))
        except (OSError, ValueError) as error:
            raise MaildeskError("The daemon did not answer; see its log.") from error
    if not isinstance(found, dict) or "answer" not in found:
        reason = found.get("error") if isinstance(found, dict) else None
        raise MaildeskError(f"The daemon could not answer: {reason or 'see its log'}.")
    return found["answer"]
