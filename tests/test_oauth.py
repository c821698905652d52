"""Access tokens from a command and from a token server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from maildesk import oauth
from maildesk.config import OAuth2
from maildesk.oauth import NoToken, TokenSource
from tests.wait import until


class TokenServer:
    """Answers each POST with `status` and `answer`; `asked` holds the forms."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: bytes = b""
        self.asked: list[dict[str, str]] = []
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                outer.asked.append({key: values[0] for key, values in form.items()})
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
                """Say nothing; pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token?tenant=a"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def give(self, **values: Any) -> None:
        self.answer = json.dumps({"token_type": "Bearer", **values}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[TokenServer]:
    token_server = TokenServer()
    yield token_server
    token_server.close()


def by_server(server: TokenServer, folder: Path, **values: Any) -> TokenSource:
    secret = folder / "client-secret"
    secret.write_text("s3cret&more\n")
    secret.chmod(0o600)
    fields = {"token_url": server.url, "client_id": "desk", "client_secret_file": secret, "scope": "a b", **values}
    return TokenSource(OAuth2(**fields))


def by_command(folder: Path, script: str) -> TokenSource:
    command = folder / "get token"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return TokenSource(OAuth2(command=f"'{command}' 'two words' '$HOME; touch {folder}/injected'"))


def test_a_command_prints_a_token_on_its_first_line(tmp_path: Path) -> None:
    """Its first line is the token, its arguments are words and not shell, and it is asked once."""
    tokens = by_command(tmp_path, f'echo "$#:$1:$2" >> {tmp_path}/asked; echo tok.en-1=; echo more')
    assert [tokens.token(), tokens.token()] == ["tok.en-1="] * 2
    assert (tmp_path / "asked").read_text() == f"2:two words:$HOME; touch {tmp_path}/injected\n"
    assert not (tmp_path / "injected").exists()


def test_a_forgotten_token_is_asked_for_again(tmp_path: Path) -> None:
    """After a refusal the next token is a new one; forgetting one that is already replaced changes nothing."""
    tokens = by_command(tmp_path, f"echo x >> {tmp_path}/asked; echo token$(wc -l < {tmp_path}/asked)")
    first = tokens.token()
    tokens.forget(first)
    second = tokens.token()
    tokens.forget(first)
    assert (first, second, tokens.token()) == ("token1", "token2", "token2")
    tokens.forget()
    assert tokens.token() == "token3"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo token; exit 3", "status 3"),
        ("true", "no usable access token"),
        ("echo 'two words'", "no usable access token"),
        ("printf 'tok\\001en\\n'", "no usable access token"),
        ("printf 'tok\\303\\251n\\n'", "no usable access token"),
        ("head -c 200000 /dev/zero | tr '\\0' a", "no usable access token"),
    ],
)
def test_a_command_that_gives_no_token_is_told(tmp_path: Path, script: str, words: str) -> None:
    """The error says what was wrong; what the command printed is not in it."""
    with pytest.raises(NoToken, match=words) as caught:
        by_command(tmp_path, script).token()
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize("command", ["/does/not/exist", "'open", " "])
def test_a_command_that_cannot_run_is_told(command: str) -> None:
    """A missing program, an open quotation mark, nothing at all."""
    with pytest.raises(NoToken, match=r"oauth2\.command"):
        TokenSource(OAuth2(command=command)).token()


def state_of(number: str) -> str:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    "script", ["sleep 60", "sleep 60 & echo $! > {folder}/child; echo token", "echo token; exec >&-; sleep 60", "yes"]
)
def test_a_command_that_does_not_end_is_ended(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its deadline it is killed with its children, whether it is silent or floods."""
    monkeypatch.setattr(oauth, "_PATIENCE_S", 0.4)
    began = time.monotonic()
    with pytest.raises(NoToken, match="within"):
        by_command(tmp_path, f"echo $$ > {tmp_path}/pid; " + script.replace("{folder}", str(tmp_path))).token()
    assert time.monotonic() - began < 3
    for name in ("pid", "child"):
        number = (tmp_path / name).read_text().strip() if (tmp_path / name).exists() else "none"
        until(lambda number=number: not Path(f"/proc/{number}").exists() or "Z" in state_of(number))


def test_client_credentials_are_sent_as_the_rfc_says(server: TokenServer, tmp_path: Path) -> None:
    """One POST with the five fields of RFC 6749, 4.4.2 and 2.3.1; the token is kept."""
    server.give(access_token="t1", expires_in=3600)
    tokens = by_server(server, tmp_path)
    assert [tokens.token(), tokens.token()] == ["t1", "t1"]
    assert server.asked == [
        {"grant_type": "client_credentials", "client_id": "desk", "client_secret": "s3cret&more", "scope": "a b"}
    ]


@pytest.mark.parametrize("expires_in", [1, "1"])
def test_a_token_is_renewed_shortly_before_it_ends(server: TokenServer, tmp_path: Path, expires_in: object) -> None:
    """It is kept nearly as long as the server says, and not longer."""
    server.give(access_token="t1", expires_in=expires_in)
    tokens = by_server(server, tmp_path)
    began = time.monotonic()
    assert tokens.token() == "t1"
    server.give(access_token="t2", expires_in=3600)
    while tokens.token() == "t1":
        assert time.monotonic() - began < 2
    assert 0.8 < time.monotonic() - began < 1.0


def test_threads_that_want_a_token_together_ask_once(server: TokenServer, tmp_path: Path) -> None:
    """The doors and the relay may share one account."""
    server.give(access_token="t1", expires_in=3600)
    tokens = by_server(server, tmp_path)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(tokens.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["t1"] * 8
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (
            401,
            b'{"error": "invalid_client", "error_description": "AADSTS7000215: no s3cret&more"}',
            "401 invalid_client",
        ),
        (401, b'{"error": "x", "error_description": "AADSTS7000215: no"}', "AADSTS7000215"),
        (400, b'{"error": "s3cret&more"}', "400$"),
        (500, b"<html>", "500 without a JSON object"),
        (200, b"[" * 60_000, "without a JSON object"),
        (200, b'{"token_type": "Bearer"}', "no usable access token"),
        (200, b'{"token_type": "mac", "access_token": "x"}', "not of the type Bearer"),
        (200, b'{"access_token": "a b"}', "no usable access token"),
        (200, b'{"access_token": "' + b"a" * 100_000 + b'"}', "without a JSON object|no usable"),
    ],
)
def test_a_refusal_is_told_without_secrets(
    server: TokenServer, tmp_path: Path, status: int, answer: bytes, words: str
) -> None:
    """The code and Microsoft's number help; the server's sentence may repeat the secret."""
    server.status, server.answer = status, answer
    with pytest.raises(NoToken, match=words) as caught:
        by_server(server, tmp_path).token()
    assert "s3cret" not in str(caught.value)


def test_a_redirect_is_not_followed(server: TokenServer, tmp_path: Path) -> None:
    """The secret goes to the configured address and nowhere else."""
    server.status, server.headers, server.answer = 307, {"Location": server.url}, b"{}"
    with pytest.raises(NoToken, match="307"):
        by_server(server, tmp_path).token()
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["http://login.example.com/token", "ftp://127.0.0.1/", "token", ""])
def test_the_secret_never_travels_in_the_clear(server: TokenServer, tmp_path: Path, url: str) -> None:
    """Off loopback only https will do, and no connection is made without it."""
    with pytest.raises(NoToken, match="https"):
        by_server(server, tmp_path, token_url=url).token()


def test_a_dead_token_server_is_told(server: TokenServer, tmp_path: Path) -> None:
    """Nobody listens there; the sentence says so, and the next call tries again."""
    with pytest.raises(NoToken, match="cannot be asked"):
        by_server(server, tmp_path, token_url="http://127.0.0.1:9/token").token()


def test_a_secret_that_is_missing_or_empty_is_told(server: TokenServer, tmp_path: Path) -> None:
    """The file is named, its content never."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "empty").chmod(0o600)
    for name in ("missing", "empty"):
        with pytest.raises(NoToken, match=name):
            by_server(server, tmp_path, client_secret_file=tmp_path / name).token()
