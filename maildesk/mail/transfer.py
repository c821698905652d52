"""Transfer encodings undone as far as they can be: base64, quoted-printable, uuencode, yEnc.
Total and linear; none of it knows what a part is for."""

from __future__ import annotations

import binascii
import re

# Base64 that was encoded in pieces has "=" between them; with more of it than this it is noise.
RUNS = 10_000
# Files that one text may hold; more of them stay text.
FILES = 200
# A footer's rules and empty lines above its words.
_RULES = 5
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOT_BASE64 = bytes(sorted(set(range(256)) - _BASE64 - {0x3D}))
# The alphabet of URLs, which some programs write into mail (RFC 4648, 5).
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_WORDS = re.compile(rb"[^\s=]{1,40}[ \t]{1,9}[^\s=]{1,40}[ \t]{1,9}[^\s=]")
_RULE = re.compile(rb"[ \t]*[-_=*#.~]*[ \t]*\r?")
_SAMPLE_BYTES = 2_000
_SPACED_BREAK = re.compile(rb"=[ \t]{1,998}(?=\r?\n)")
_LONE_CR_BREAK = re.compile(rb"=\r(?!\n)")
_UU_BEGIN = re.compile(
    rb"^begin(-base64)? [0-7]{3,4} (?P<name>[^\r\n]{1,200})\r?\n(?=([^\r\n]{1,100})\r?\n)", re.MULTILINE
)
_UU_END = re.compile(rb"^(?:end|====)[ \t]*\r?$", re.MULTILINE)
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]{1,76}={0,2}")
_Y_BEGIN = re.compile(
    rb"^=ybegin [^\r\n]{0,200}?name=(?P<name>[^\r\n]{1,200})\r?\n(?:=ypart [^\r\n]{0,200}\n)?", re.MULTILINE
)
_Y_PLAIN = bytes((b - 42) & 255 for b in range(256))


def from_base64(encoded: bytes) -> bytes:
    """The bytes of base64 text, whatever else stands in it; a lone last character is dropped."""
    clean = encoded.translate(None, _NOT_BASE64)
    if clean.count(b"=") > RUNS:
        clean = clean.replace(b"=", b"")
    out = []
    for run in clean.split(b"="):
        if run:
            whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
            out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return out[0] if len(out) == 1 else b"".join(out)


def base64_body(body: bytes) -> tuple[bytes, bytes]:
    """A base64 body undone, and the plain text that stands behind it: a list server's footer, a scanner's note.

    Text that only claims to be base64 comes back as it is.
    """
    sample = body[:_SAMPLE_BYTES].strip()
    if sample and sum(c in b" .,;:!?<>()\"'" for c in sample) * 20 > len(sample):
        return body, b""
    cut = len(body)
    if b" " in body and (words := _WORDS.search(body, max(0, body.find(b" ") - 40))):
        # Words with spaces between them are no base64: it ends where their line, and a rule above it, begins.
        cut = body.rfind(b"\n", 0, words.start()) + 1
        for _ in range(_RULES):
            above = body.rfind(b"\n", 0, max(0, cut - 1)) + 1
            if not cut or not _RULE.fullmatch(body, above, cut - 1):
                break
            cut = above
    encoded = body[:cut]
    if b"+" not in encoded and b"/" not in encoded:
        encoded = encoded.translate(_FROM_URL)
    return from_base64(encoded), body[cut:]


def from_quoted(body: bytes) -> bytes:
    """Quoted-printable undone; white space behind a soft line break and a lone CR do not end it."""
    return binascii.a2b_qp(_LONE_CR_BREAK.sub(b"=\n", _SPACED_BREAK.sub(b"=", body)))


def files_in(body: bytes) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """The text less the files that stand in it as uuencode or yEnc, and those files as (name, bytes); at most 200."""
    files: list[tuple[bytes, bytes]] = []
    for begins, file_at in ((_UU_BEGIN, _uu_file), (_Y_BEGIN, _y_file)):
        at, rest, has_end = 0, [], True
        while (found := begins.search(body, at)) and len(files) < FILES:
            end, content, has_end = file_at(body, found, has_end)
            rest.append(body[at : found.start() if end else found.end()])
            at = end or found.end()
            if end:
                files.append((found["name"], content))
        body = b"".join(rest) + body[at:]
    return body, tuple(files)


def _uu_file(body: bytes, begin: re.Match[bytes], has_end: bool) -> tuple[int, bytes, bool]:
    """Where the file ends, its bytes, and whether any end follows; (0, b"", ...) where "begin" is a word of the text."""
    is_base64 = begin[1] is not None
    if not is_base64 and not _is_uu(begin[3]):
        return 0, b"", has_end
    # Looked for once where there is none: a thousand beginnings must not each search to the end.
    end = _UU_END.search(body, begin.end()) if has_end else None
    stop = begin.end()
    while end is None and stop < len(body):
        # The mail was cut: the file goes as far as its lines look like it.
        line = body[stop : stop + 100].partition(b"\n")[0].rstrip(b"\r")
        if not (_BASE64_LINE.fullmatch(line) if is_base64 else _is_uu(line)):
            break
        stop = body.find(b"\n", stop) + 1 or len(body)
    lines = body[begin.end() : end.start() if end else stop]
    return end.end() if end else stop, from_base64(lines) if is_base64 else from_uu(lines), end is not None


def _is_uu(line: bytes) -> bool:
    """Whether a line has about the length that its first character says."""
    return bool(line) and 32 < line[0] <= 96 and abs(len(line) - 1 - ((line[0] - 32 & 63) + 2) // 3 * 4) <= 2


def from_uu(lines: bytes) -> bytes:
    """The bytes of uuencoded lines up to `end`."""
    out = []
    for line in lines.splitlines():
        if line.strip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders pad the line beyond what its first character says.
            out.append(_a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3]) if line and line[0] >= 32 else b"")
    return b"".join(out)


def _a2b_uu(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        return b""


def _y_file(body: bytes, begin: re.Match[bytes], has_end: bool) -> tuple[int, bytes, bool]:
    """The same for yEnc (1.3): what never ends is no file."""
    end = body.find(b"\n=yend", begin.end() - 1) if has_end else -1
    if end < 0:
        return 0, b"", False
    inner = body[begin.end() : end].translate(None, b"\r\n")
    for escaped in b"@JMI`n}":
        # The critical characters alone are escaped; "=" itself comes last, or it would open an escape.
        inner = inner.replace(bytes((0x3D, escaped)), bytes((escaped - 64,)))
    newline = body.find(b"\n", end + 1)
    return newline + 1 if newline >= 0 else len(body), inner.translate(_Y_PLAIN), True
