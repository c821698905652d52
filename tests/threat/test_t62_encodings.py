"""T62: nothing that is packed is unpacked: archives are kept as they came, encodings are undone once, within bounds."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import zipfile
from binascii import b2a_uu

import pytest

from maildesk.mail.parse import understand
from tests.threat.shaped import family, slow, steep
from tests.threat.wire import Wire, mail

PARTS = family("part")
ZEROS = 10_000_000


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    return out.getvalue()


def bombs() -> dict[str, tuple[str, bytes]]:
    """Files of some kilobytes that hold much more, each with its type."""
    zeros = b"\0" * ZEROS
    return {
        "zip": ("application/zip", zipped(zeros)),
        "zip in zip": ("application/zip", zipped(zipped(zeros) * 20)),
        "gzip": ("application/gzip", gzip.compress(zeros)),
        "gzip that says it is text": ("text/plain; name=a.txt.gz", gzip.compress(zeros)),
        "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", zipped(zeros)),
    }


@pytest.mark.parametrize("name", bombs())
def test_an_archive_is_kept_as_it_came(wire: Wire, name: str) -> None:
    """The attachment has the archive's own size and digest; what would come out of it is nowhere."""
    kind, content = bombs()[name]
    head = b"Content-Type: multipart/mixed; boundary=b\r\n"
    part = f"--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename=a.bin\r\n".encode()
    body = (
        b"--b\r\n\r\nsee\r\n"
        + part
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(content)
        + b"--b--"
    )
    row = wire.gives(mail(f"t62 {name}", body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), fields=head))
    found = wire.rows("SELECT size, sha256 FROM attachments WHERE entry_id = ?", row["entry_id"])
    assert found == [{"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]


def test_an_encoding_is_undone_once() -> None:
    """Base64 in base64, and uuencode in uuencode, give the inner one as it is."""
    inner = base64.encodebytes(b"word " * 100)
    raw = mail("t62 twice", base64.encodebytes(inner), fields=b"Content-Transfer-Encoding: base64\r\n")
    assert understand(raw).full_text.split() == inner.decode().split()
    packed = b"begin 644 inner\n" + b2a_uu(b"word") + b"`\nend\n"
    lines = b"".join(b2a_uu(packed[at : at + 45]) for at in range(0, len(packed), 45))
    (file,) = understand(mail("t62 uu", b"see\n\nbegin 644 outer\n" + lines + b"`\nend\n")).attachments
    assert file.content == packed


def test_no_encoding_takes_long() -> None:
    """No shape of a part is slow, and the time of none grows faster than its size."""
    assert slow(PARTS) == {}
    assert steep(PARTS) == {}
