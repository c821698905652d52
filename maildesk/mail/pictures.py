"""Pictures of an HTML mail as words at their place. Never fetches one, never shows where it would be fetched from."""

from __future__ import annotations

import re
from typing import Any

ALT_CHARS = 200
# What programs write where a person would have said something: names of files, addresses, one word for any picture.
_SAYS_NOTHING = re.compile(
    r"(?:cid:|data:|https?:|www\.|description:).*|[^\s]*\.(?:png|jpe?g|gif|bmp|svg|webp|emz|wmz)\W*"
    r"|(?:inline |company |e?mail )?(?:image|img|picture|photo|pic|logo|icon|banner|spacer|header|footer|bild|grafik|imagen"
    r"|imagem|immagine|afbeelding|pixel|image removed by sender\.?)[\s\d_.-]{0,9}|\W{0,9}",
    re.IGNORECASE | re.DOTALL,
)
_SMALL = re.compile(r"\s*[0-3](?:px)?\s*$")


def mark_pictures(tree: Any) -> None:
    """Put words in the place of each picture of an lxml tree: "[image: cid:ID]" where the mail holds it, else its alt text."""
    for picture in tree.xpath("//img"):
        words = words_of(picture)
        if words and picture.getparent() is not None:
            picture.tail = f"{words}{picture.tail or ''}"


def words_of(picture: Any) -> str:
    """What the text says in a picture's place, "" where it says nothing."""
    source = (picture.get("src") or "").strip()
    if source[:4].casefold() == "cid:":
        return f"[image: cid:{source[4:250].strip()}]" if source[4:].strip() and "]" not in source else ""
    if _SMALL.match(picture.get("width") or "") or _SMALL.match(picture.get("height") or ""):
        return ""
    alt = " ".join((picture.get("alt") or "").split())
    # An emoji is a picture too, and its alt text the whole of what was said.
    says = not _SAYS_NOTHING.fullmatch(alt) or (bool(alt) and len(alt) <= 8 and not alt.isascii())
    return alt[:ALT_CHARS] if says else ""
