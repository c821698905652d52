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
                question = json.loads(await reader.readline())
                handler = self._handlers.get(str(question.get("command")))
                answer: object = {"error": "unknown command"}
                if handler is not None:
                    answer = {"answer": await handler(question)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError, MaildeskError) as error:
            log.failure("control.failed", error)
        finally:
            writer.close()


def ask(path: Path, command: str, **values: object) -> object:
    """The running daemon's answer. Raises NotRunning when there is none, MaildeskError when it cannot answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise NotRunning(f"No daemon answers on {path}; is `maildesk serve` running?") from error
        connection.sendall(json.dumps({"command": command, **values}).encode() + b"\n")
        with connection.makefile("rb") as stream:
            line = stream.readline(_MAX_LINE_BYTES)
    try:
        found = json.loads(line)
    except ValueError as error:
        raise MaildeskError("The daemon did not answer; see its log.") from error
    if "answer" not in found:
        raise MaildeskError(f"The daemon could not answer: {found.get('error', 'see its log')}.")
    return found["answer"]
