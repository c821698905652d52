"""Laws of charsets: labels read as browsers read them, and no bytes are too odd for a text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildesk.mail.charset import decode, mended, one_line, storable
from maildesk.mail.labels import codec_of

# The labels of the WHATWG Encoding Standard, 4.2, by encoding, and the Python codec that reads it.
WHATWG = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e"
    " iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597"
    " iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598"
    " iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591"
    " iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5"
    " windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601"
    " windows-949",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
}


@pytest.mark.parametrize("codec", sorted(WHATWG))
def test_every_label_of_the_standard_is_known(codec: str) -> None:
    """Each label means what browsers mean by it, in any case and with white space or quotes around it."""
    wanted = codecs.lookup(codec).name
    assert {label: codec_of(f' "{label.upper()}" ') for label in WHATWG[codec].split()} == dict.fromkeys(
        WHATWG[codec].split(), wanted
    )


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("Windows 1251", "cp1251"),
        ("x-win-1252", "cp1252"),
        ("cp-850", "cp850"),
        ("utf-8;format=flowed", "utf-8"),
        ("UTF 8", "utf-8"),
        ("8859-2", "iso8859-2"),
        ("hz-gb-2312", "hz"),
        ("utf-7", "utf-7"),
        ("unknown-8bit", None),
        ("punycode", None),
        ("rot13", None),
        ("", None),
    ],
)
def test_labels_that_mail_adds(label: str, codec: str | None) -> None:
    """A code page is known in all its spellings; what is no charset is none."""
    assert codec_of(label) == codec


@pytest.mark.parametrize(
    ("raw", "label", "text"),
    [
        ("déjà".encode(), "us-ascii", "déjà"),
        ("déjà".encode("cp1252"), None, "déjà"),
        ("déjà".encode("cp1252"), "utf-8", "déjà"),
        ("“déjà”".encode("cp1252"), "iso-8859-1", "“déjà”"),
        ("привет мир".encode(), "windows-1251", "привет мир"),
        ("Рё".encode("cp1251"), "windows-1251", "Рё"),
        ("联通".encode("gbk"), "gb2312", "联通"),
        ("中文邮件内容在这里".encode(), "gb2312", "中文邮件内容在这里"),
        ("①㈱テスト".encode("cp932"), "shift_jis", "①㈱テスト"),
        ("№テスト".encode("euc_jis_2004"), "euc-jp", "№テスト"),
        (b"\x1b$B-j-b\x1b(B ok", "iso-2022-jp", "㈱№ ok"),
        (b"\x1b$B$3$s\x1b(B", "us-ascii", "こん"),
        (b"\x1b(I6@\x1b(B", "iso-2022-jp", "ｶﾀ"),
        (b"~{VPND~} a", "hz-gb-2312", "中文 a"),
        (b"~{VPND~}", None, "~{VPND~}"),
        (b"caf+AOk-", "utf-7", "café"),
        (b"1 + 1", "utf-7x", "1 + 1"),
        ("é\n".encode("utf-16"), None, "é\n"),
        ("é\n".encode("utf-16-be"), "utf-16be", "é\n"),
        ("plain é".encode(), "unicode", "plain é"),
        (b"\xef\xbb\xbfa", None, "a"),
        (b"plain", "utf-16", "plain"),
    ],
)
def test_bytes_read_as_their_writer_meant(raw: bytes, label: str | None, text: str) -> None:
    """The declared charset counts unless the bytes say otherwise beyond doubt."""
    assert decode(raw, label) == text


@given(st.binary(max_size=200), st.sampled_from([None, *" ".join(WHATWG.values()).split(), "nonsense"]))
def test_any_bytes_are_a_text(raw: bytes, label: str | None) -> None:
    """No bytes and no label raise, and what comes out can be stored."""
    storable(decode(raw, label)).encode()


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x1b\ufeff\0")),
    st.sampled_from([None, "us-ascii", "utf-8"]),
)
def test_valid_utf8_stays(text: str, label: str | None) -> None:
    """What is valid UTF-8 is read as UTF-8 where no charset that is not Western is declared."""
    assert decode(text.encode(), label) == text


@given(
    st.lists(st.sampled_from(["naïve", "café", "Grüße", "“ja”", "größer – viel", "Привет", "中文", "😀", "and"])),
    st.integers(1, 2),
)
def test_mojibake_is_undone(words: list[str], times: int) -> None:
    """UTF-8 that was read as windows-1252, once or twice, comes back; and what was sound stays."""
    text = broken = " ".join(words)
    for _ in range(times):
        broken = "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in broken.encode())
    assert (mended(broken), mended(text)) == (text, text)


@pytest.mark.parametrize(
    "text",
    ["São Paulo", "MAÇÃ", "é and Ã©", "Â", "naïve", "«Ã»", "ÐÑ", "Ã ", "10 Â°C é", "AMANHÃ…", "Spaß– und", "NÜ… so"],
)
def test_text_with_one_sound_letter_stays(text: str) -> None:
    """Text is mended as a whole or not at all."""
    assert mended(text) == text


def test_one_line_has_no_controls() -> None:
    """Line breaks, bidi controls and controls are gone from a subject."""
    assert one_line("a\r\nb\u202ec\x07 \u2028 d") == "a bc d"


UNDECLARED = {
    "Здравствуйте, я заказал у вас книгу две недели назад, но она так и не пришла. Где мой заказ?": (
        "cp1251",
        "koi8_r",
        "cp866",
        "iso8859_5",
    ),
    "您好，我两个星期以前在你们网站上订了一本书，但是到现在还没有收到。请问什么时候可以送到？谢谢。": ("gb18030",),
    "您好，我兩個星期以前在你們網站上訂了一本書，但是到現在還沒有收到。請問什麼時候可以送到？謝謝。": ("big5",),
    "お世話になっております。二週間前に本を注文しましたが、まだ届いておりません。よろしくお願いします。": (
        "cp932",
        "euc_jp",
    ),
    "안녕하세요. 두 주 전에 책을 한 권 주문했는데 아직 도착하지 않았습니다. 감사합니다.": ("cp949",),
    "Καλημέρα σας, παρήγγειλα ένα βιβλίο πριν από δύο εβδομάδες αλλά δεν έχει έρθει ακόμα.": ("cp1253",),
    "שלום, הזמנתי ספר לפני שבועיים והוא עדיין לא הגיע. אנא אמרו לי היכן ההזמנה שלי. תודה רבה.": ("cp1255",),
}


@pytest.mark.parametrize("text", UNDECLARED)
@pytest.mark.parametrize("label", [None, "us-ascii", "iso-8859-1", "unknown-8bit"])
def test_undeclared_text_in_another_script_is_guessed(text: str, label: str | None) -> None:
    """A text that is mostly 8-bit is read in its own script, where nothing or nonsense is declared."""
    assert [decode(text.encode(codec), label) for codec in UNDECLARED[text]] == [text] * len(UNDECLARED[text])


@pytest.mark.parametrize(
    "text",
    [
        "Où est ma commande ? Elle a été passée il y a déjà trois semaines, à l'été, et j'espérais la recevoir.",
        "Größere Mengen müssen über die Außenstelle in Köln bestellt werden, möglichst früh natürlich.",
        "Não há informação sobre a entrega, não há previsão, não há ninguém que responda às questões.",
        "ÉTÉ ÀÀÀÀ ÉÉÉÉÉÉ",
        "ééééééééééééé" * 9 + " and then so many words of plain letters that nobody takes it for anything else",
    ],
)
def test_western_text_is_never_guessed(text: str) -> None:
    """Undeclared text in Latin letters is windows-1252."""
    assert decode(text.encode("cp1252")) == text
