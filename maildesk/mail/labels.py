"""Which Python codec reads a charset label: the table of the WHATWG Encoding Standard, and the labels that mail adds.
Never touches the bytes themselves."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Only where Python knows the label not at all or as something narrower (WHATWG Encoding, 4.2 "names and labels").
_TABLE = {
    "utf-8": "utf-8mb4 unicode11utf8 unicode20utf8 x-unicode20utf8 unicode-1-1-utf-8",
    "cp1252": "x-cp1252 x-user-defined x-ansi ansi",
    "cp1254": "iso88599 x-cp1254",
    "cp874": "iso885911 tis-620 windows-874 dos-874",
    "cp1250": "x-cp1250",
    "cp1251": "x-cp1251",
    "cp1253": "x-cp1253",
    "cp1255": "x-cp1255",
    "cp1256": "x-cp1256",
    "cp1257": "x-cp1257",
    "cp1258": "x-cp1258",
    "iso8859-6": "iso-8859-6-e iso-8859-6-i csiso88596e csiso88596i iso88596",
    "iso8859-7": "sun_eu_greek iso88597",
    "iso8859-8": "iso-8859-8-i iso-8859-8-e csiso88598e csiso88598i visual logical iso88598",
    "iso8859-15": "csisolatin9 iso885915",
    "koi8-r": "koi koi8",
    "koi8-u": "koi8-ru",
    "mac_roman": "macintosh mac csmacintosh x-mac-roman",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb_2312 gb_2312-80 x-gbk csgb2312",
    "big5hkscs": "cn-big5 x-x-big5",
    "euc_jp": "x-euc-jp cseucpkdfmtjapanese",
    "iso2022_jp": "iso-2022-jp-ms cp50220 cp50221",
    "cp932": "x-sjis shift-jis windows-31j",
    "cp949": "ks_c_5601-1989 ksc_5601 cseuckr csksc56011987 iso-ir-149 windows-949",
    "utf-16-le": "unicode ucs-2 iso-10646-ucs-2 csunicode unicodefeff",
    "utf-16-be": "unicodefffe",
    "utf-7": "unicode-1-1-utf-7 csunicode11utf7",
    "hz": "hzgb2312",
}
_LABELS = {label: codec for codec, labels in _TABLE.items() for label in labels.split()}
# What the standard reads with a codec that knows more characters.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
    "iso2022_jp_ext": "iso2022_jp",
}
# Python knows these as codecs, but no mail is written in them; some of them raise or run for long.
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"))
# "Windows 1251", "x-win-1252", "cp-850": one code page in many spellings.
_CODE_PAGE = re.compile(r"(?:x[-_]?)?(?:windows|win|cp|ibm|microsoft[-_]cp|ms)[-_ ]?(\d{3,5})(?!\d)")
_ISO = re.compile(r"(?:x[-_]?)?(?:iso)?[-_ ]?8859[-_ ]?(\d{1,2})(?!\d)")
_JUNK = re.compile(r"[\s;,\"'<>()\\/]")


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The Python codec for a charset label, None when nobody knows it: "ISO-8859-1" is "cp1252"."""
    name = label.strip().strip("\"'").strip().casefold()[:80]
    if not name.isascii() or "\0" in name:
        return None
    return _known(name) or _known(_JUNK.split(name, maxsplit=1)[0]) or _in_other_words(name)


def _known(name: str) -> str | None:
    if not name:
        return None
    try:
        info = codecs.lookup(_LABELS.get(name, name))
    except (LookupError, ValueError):
        return None
    if info.name in _NO_CHARSETS or not getattr(info, "_is_text_encoding", True):
        return None
    return _WIDER.get(info.name, info.name)


def _in_other_words(name: str) -> str | None:
    if re.match(r"(?:x-)?utf[-_ ]?8", name):
        return "utf-8"
    if found := _CODE_PAGE.match(name):
        return _known(f"cp{found[1]}") or _known(f"windows-{found[1]}")
    found = _ISO.match(name)
    return _known(f"iso-8859-{int(found[1])}") if found else None
