"""Rich text as Outlook keeps it: unpacked (MS-OXRTFCP) and read as plain text.
Total, linear and bounded."""

from __future__ import annotations

import re
import struct

from maildesk.mail.charset import decode, storable

# Unpacking takes a tenth of a microsecond a byte; a text is never that long.
UNPACKED_BYTES = 1_048_576
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor"
    b" MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20"
    b"\\b\\i\\u\\tab\\tx"
)
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.IGNORECASE
)
# Groups that hold no text of the mail.
_SILENT = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr listtable"
    b" listoverridetable rsidtbl generator themedata datastore xmlnstbl latentstyles fldinst".split()
)
_SIGNS = {
    b"par": "\n",
    b"line": "\n",
    b"row": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"cell": "\t",
    b"tab": "\t",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
}


def decompressed(packed: bytes) -> bytes:
    """The RTF of a compressed body, up to 1 MiB; b"" when the bytes are none."""
    if len(packed) < 16:
        return b""
    _, size, magic = struct.unpack_from("<II4s", packed)
    if magic == b"MELA":
        return packed[16 : 16 + size][:UNPACKED_BYTES]
    if magic != b"LZFu":
        return b""
    ring = bytearray(_START.ljust(4096, b"\0"))
    write, out, at, size = len(_START), bytearray(), 16, min(size, UNPACKED_BYTES)
    while at < len(packed) and len(out) < size:
        flags = packed[at]
        at += 1
        for bit in range(8):
            if at >= len(packed) or len(out) >= size:
                break
            if not flags >> bit & 1:
                run = packed[at : at + 1]
                at += 1
            elif at + 1 >= len(packed):
                return bytes(out)
            else:
                pair = packed[at] << 8 | packed[at + 1]
                at += 2
                begin, run = pair >> 4, b""
                if begin == write:
                    return bytes(out)
                for step in range((pair & 15) + 2):
                    # What is copied may begin to be written while it is read.
                    ring[(write + step) & 4095] = ring[(begin + step) & 4095]
                run = bytes(ring[(write + step) & 4095] for step in range((pair & 15) + 2))
            for byte in run:
                ring[write] = byte
                write = (write + 1) & 4095
            out += run
    return bytes(out)


def rtf_text(rtf: bytes) -> str:
    """The words of an RTF document."""
    if not rtf.lstrip().startswith(b"{\\rtf"):
        return ""
    out: list[str] = []
    silent, skipped, codepage = False, 1, "cp1252"
    stack: list[tuple[bool, int]] = []
    pending = bytearray()
    skip = 0
    for token in _TOKEN.finditer(rtf[:UNPACKED_BYTES]):
        word, number, code, sign, brace, run = token.groups()
        if code is not None:
            if skip:
                skip -= 1
            elif not silent:
                pending.append(int(code, 16))
            continue
        if pending:
            out.append(decode(bytes(pending), codepage))
            pending.clear()
        if brace == b"{":
            stack.append((silent, skipped))
        elif brace == b"}":
            silent, skipped = stack.pop() if stack else (False, 1)
        elif sign == b"*" or word in _SILENT:
            silent = True
        elif word == b"ansicpg" and number:
            codepage = f"cp{int(number)}"
        elif word == b"uc" and number:
            skipped = int(number)
        elif word == b"u" and number:
            if not silent:
                out.append(chr(int(number) & 0xFFFF))
            skip = skipped
        elif silent:
            continue
        elif word in _SIGNS:
            out.append(_SIGNS[word])
        elif sign in (b"{", b"}", b"\\"):
            out.append(sign.decode())
        elif sign == b"~":
            out.append(" ")
        elif run:
            out.append(decode(run[skip:], codepage))
            skip = 0
    out.append(decode(bytes(pending), codepage))
    return storable("".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")).strip()
