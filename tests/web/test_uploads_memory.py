"""What a large file takes of memory while it arrives: next to nothing, through the very server that the desk runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

FILE_BYTES = 25 * 1024 * 1024

# The whole memory of a process is compared, so nothing else may happen in it.
SERVER = """
import asyncio, hashlib, json, socket, sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from maildesk.web.uploads import FILES, read_form
from tests.memory import peak_mb

async def take(request):
    form = await read_form(request, Path(sys.argv[1]), FILES, lambda count: None)
    peak = peak_mb()
    said = {"peak": peak, "files": [(file.size_bytes, file.path.stat().st_size) for file in form.files],
            "text": len(form.get("description")), "refused": form.refused}
    said["sha256"] = [hashlib.file_digest(file.path.open("rb"), "sha256").hexdigest() for file in form.files]
    form.discard()
    return JSONResponse(said)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/", take, methods=["POST"])])
uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run([listener])
"""

CLIENT = """
import hashlib, http.client, json, sys
port, size = int(sys.argv[1]), int(sys.argv[2])
border = "----WebKitFormBoundaryx7"
block = bytes(range(256)) * 256

def send(size):
    head = (f'--{border}\\r\\nContent-Disposition: form-data; name="description"\\r\\n\\r\\n' + "x" * 1000
            + f'\\r\\n--{border}\\r\\nContent-Disposition: form-data; name="attachments"; filename="big.bin"\\r\\n\\r\\n')
    tail = f"\\r\\n--{border}--\\r\\n"
    digest = hashlib.sha256()
    there = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    there.putrequest("POST", "/")
    there.putheader("Content-Type", f"multipart/form-data; boundary={border}")
    there.putheader("Content-Length", str(len(head) + size + len(tail)))
    there.endheaders(head.encode())
    while size:
        piece = block[: min(size, len(block))]
        digest.update(piece)
        there.send(piece)
        size -= len(piece)
    there.send(tail.encode())
    answer = json.loads(there.getresponse().read())
    assert answer["sha256"] == [digest.hexdigest()]
    return answer

print(json.dumps([send(200_000), send(200_000), send(size)]))
"""


def test_a_file_of_25_mb_takes_less_than_10_mb_of_memory(tmp_path: Path) -> None:
    """Spooled while it arrives: the most that the server's process ever held grows by less than 10 MB, byte for byte."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            client = [sys.executable, "-c", CLIENT, port, str(FILE_BYTES)]
            ran = subprocess.run(client, capture_output=True, text=True, timeout=100, check=True)
        finally:
            server.terminate()
    _, small, large = json.loads(ran.stdout)
    assert small["files"] == [[200_000, 200_000]]
    assert large["files"] == [[FILE_BYTES, FILE_BYTES]]
    assert large["refused"] == []
    assert large["text"] == 1000
    assert large["peak"] - small["peak"] < 10
    assert list(tmp_path.iterdir()) == []
