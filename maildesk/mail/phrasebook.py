"""What clients and machines write in each language, read once from phrases/*.toml.
Data only: what a phrase means is decided elsewhere."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

KEYS = (
    "starts",
    "verbs",
    "from",
    "sent",
    "to",
    "cc",
    "subject",
    "original",
    "forwarded",
    "above",
    "forward_prefixes",
    "reply_prefixes",
    "behalf",
    "months",
    "morning",
    "afternoon",
    "banners",
    "banner_sent",
    "banner_ends",
    "devices",
    "closings",
    "thanks",
    "references",
    "footers",
    "disclaimers",
    "absence",
    "leave",
    "away",
    "failed",
    "bounced",
    "delayed",
    "delivered",
    "reason_full",
    "reason_large",
    "reason_loop",
    "reason_moved",
    "reason_disabled",
    "reason_no_host",
    "reason_syntax",
    "reason_unknown",
    "reason_refused",
    "reason_timeout",
    "codes",
    "resets",
    "confirms",
    "sign_ins",
)


@dataclass(frozen=True, slots=True)
class Phrases:
    """All languages' phrases together, in lower case.

    starts, verbs: an attribution line begins with one and holds the other ("on", "wrote").
    labels: the labels of the header block that Outlook writes over a quote, each with the field it stands for.
    original, forwarded: what stands between the dashes over a quoted, over a forwarded mail.
    above: what a desk's line above its own letters holds: "reply above this line".
    forward_prefixes: what stands before the colon in the subject of a forward, each with the "from" labels of those
    languages in which it marks a reply ("VS:" forwards in Danish and answers in Finnish).
    behalf: what parts the sender from whom they write for ("on behalf of").
    months: every name of a month, and which one it is; morning, afternoon: what stands beside a twelve-hour time.
    banners, banner_ends: how a client's own advertisement line begins, how it ends where the language puts the verb last.
    banner_sent: how one begins that people write too ("sent with"): it and one told by its end name one of the devices.
    closings, thanks: the whole line over a name that ends a letter; thanks alone may also be all that somebody says.
    references: what stands beside a number that a desk wants to know, also below a name ("order 4711").
    footers: what a mailing list's footer holds.
    disclaimers: what a gateway's text holds; one of several words tells it, single words only together.
    absence: what an absence notice's subject begins with; leave: what one may begin with, and a person's too.
    away: what follows a name in one ("is out of the office").
    failed: what the subject of a bounce holds.
    bounced, delayed, delivered: what the words of a report of failure, of delay, of success hold.
    codes: what a service calls the code that it mails; resets, confirms, sign_ins: what it says beside a link.
    reasons: why a mail failed, in a report's words, by the name of the reason ("reason_full").
    """

    starts: tuple[str, ...]
    verbs: tuple[str, ...]
    labels: dict[str, str]
    original: frozenset[str]
    forwarded: frozenset[str]
    above: tuple[str, ...]
    forward_prefixes: dict[str, frozenset[str]]
    behalf: tuple[str, ...]
    months: dict[str, int]
    morning: tuple[str, ...]
    afternoon: tuple[str, ...]
    banners: tuple[str, ...]
    banner_sent: tuple[str, ...]
    banner_ends: tuple[str, ...]
    devices: tuple[str, ...]
    closings: frozenset[str]
    thanks: frozenset[str]
    references: tuple[str, ...]
    footers: tuple[str, ...]
    disclaimers: tuple[str, ...]
    absence: tuple[str, ...]
    leave: tuple[str, ...]
    away: tuple[str, ...]
    failed: tuple[str, ...]
    bounced: tuple[str, ...]
    delayed: tuple[str, ...]
    delivered: tuple[str, ...]
    reasons: dict[str, tuple[str, ...]]
    codes: tuple[str, ...]
    resets: tuple[str, ...]
    confirms: tuple[str, ...]
    sign_ins: tuple[str, ...]


def read_language(text: str) -> dict[str, list[str]]:
    """One language's file as its lists; raises KeyError for a key that nobody reads."""
    lists: dict[str, list[str]] = {key: [] for key in KEYS}
    for key, words in tomllib.loads(text).items():
        lists[key] += words
    return lists


@cache
def phrases() -> Phrases:
    """The phrase book of all languages."""
    folder = files("maildesk.mail") / "phrases"
    books = [
        read_language(f.read_text("utf-8"))
        for f in sorted(folder.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".toml")
    ]

    def every(key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for book in books for word in book[key]))

    # "from" comes last, so that a label that two languages read differently ("från") opens a block rather than none.
    labels = {word: key for key in ("cc", "subject", "to", "sent", "from") for word in every(key)}
    return Phrases(
        starts=every("starts"),
        verbs=every("verbs"),
        labels=labels,
        original=frozenset(every("original")),
        forwarded=frozenset(every("forwarded")),
        above=every("above"),
        forward_prefixes={
            prefix: frozenset(
                label
                for book in books
                if prefix in book["reply_prefixes"] and prefix not in book["forward_prefixes"]
                for label in book["from"]
            )
            for prefix in every("forward_prefixes")
        },
        behalf=every("behalf"),
        months={
            name: number for book in books for number, names in enumerate(book["months"], 1) for name in names.split()
        },
        morning=every("morning"),
        afternoon=every("afternoon"),
        banners=every("banners"),
        banner_sent=every("banner_sent"),
        banner_ends=every("banner_ends"),
        devices=every("devices"),
        closings=frozenset(every("closings")),
        thanks=frozenset(every("thanks")),
        references=every("references"),
        footers=every("footers"),
        disclaimers=every("disclaimers"),
        absence=every("absence"),
        leave=every("leave"),
        away=every("away"),
        failed=every("failed"),
        bounced=every("bounced"),
        delayed=every("delayed"),
        delivered=every("delivered"),
        reasons={key: every(key) for key in KEYS if key.startswith("reason_")},
        codes=every("codes"),
        resets=every("resets"),
        confirms=every("confirms"),
        sign_ins=every("sign_ins"),
    )
