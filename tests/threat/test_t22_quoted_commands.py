"""T22: a command counts at the top of what the agent wrote and nowhere else: not in what they quote, however their program
quotes it and wherever they write, for a customer could have planted it there.
"""

from __future__ import annotations

from html import escape

import pytest

from tests.desk.world import World
from tests.mail.quoting import ATTRIBUTIONS, block, original
from tests.threat.kit import ANA, LEA, opened, outside, raw_mail, reply_to, ticket_row

PLANTED = ("#spam", "#tag planted", "#priority urgent", "#assign none", "#for eve@evil.test Eve")
QUOTED = ("Hello,", *PLANTED, "thank you.")
LINE = ATTRIBUTIONS["en"]
ANGLED = "\n".join(f"> {line}" for line in QUOTED)
HEADS = "\n".join(block("en"))
RICH = "".join(f"<p>{escape(line)}</p>" for line in QUOTED)

# Twelve programs: what each puts around a quote, and whether its mail is HTML.
CLIENTS: dict[str, tuple[str, bool]] = {
    "Gmail": (f'<div class="gmail_attr">{escape(LINE)}</div><blockquote class="gmail_quote">{RICH}</blockquote>', True),
    "Apple Mail": (f'<blockquote type="cite"><div>{escape(LINE)}</div>{RICH}</blockquote>', True),
    "Thunderbird": (
        f'<div class="moz-cite-prefix">{escape(LINE)}</div><blockquote type="cite">{RICH}</blockquote>',
        True,
    ),
    "Yahoo": (f'<div id="yahoo_quoted_1" class="yahoo_quoted"><div>{escape(LINE)}</div>{RICH}</div>', True),
    "Proton": (f'<div class="protonmail_quote">{escape(LINE)}<blockquote>{RICH}</blockquote></div>', True),
    "Outlook": (
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p>'
        f"{'<br>'.join(escape(x) for x in block('en'))}</p></div></div>{RICH}",
        True,
    ),
    "Outlook on the web": (
        f'<hr tabindex="-1"><div id="divRplyFwdMsg">{"<br>".join(escape(x) for x in block("en"))}</div><div>{RICH}</div>',
        True,
    ),
    "mutt": (f"{LINE}\n{ANGLED}", False),
    "Gmail in plain text": (f"{LINE}\n\n{ANGLED}", False),
    "Outlook in plain text": (f"{original('en')}\n{HEADS}\n\n" + "\n".join(QUOTED), False),
    "Notes": ("_" * 32 + f"\n{HEADS}\n\n" + "\n".join(QUOTED), False),
    "no attribution": (ANGLED, False),
}
# A block that ends where the quote ends: in these programs nobody can write below and be understood.
ENDLESS = ("Outlook", "Outlook on the web", "Outlook in plain text", "Notes", "Yahoo")


def body(client: str, place: str) -> tuple[str, str]:
    """The agent's mail in one program: text or HTML, and its type."""
    quote, is_html = CLIENTS[client]
    own = "<p>We look at it.</p>" if is_html else "We look at it."
    gap = "" if is_html else "\n\n"
    match place:
        case "top":
            return own + gap + quote, "html" if is_html else "plain"
        case "bottom":
            return quote + gap + own, "html" if is_html else "plain"
        case _:
            return own + gap + quote + gap + own, "html" if is_html else "plain"


@pytest.mark.parametrize("place", ["top", "bottom", "inline"])
@pytest.mark.parametrize("client", CLIENTS)
def test_planted_commands_are_never_done(world: World, client: str, place: str) -> None:
    """Lea planted them; Ana's program quotes them: tags, priority, assignee, requester stay."""
    first = opened(world)
    world.give(
        raw_mail(LEA, "\n".join(QUOTED), to=reply_to(first.answer)), reply_to(first.answer), sender="lea@client.test"
    )
    world.letters()
    before = ticket_row(world)[1:], world.ticket().requester, world.ticket().customers
    words, kind = body(client, place)
    to = reply_to(first.notice)
    raw = raw_mail(ANA, words, to=to, subject="Re: [#50031] Printer on fire")
    world.give(raw.replace(b"text/plain", f"text/{kind}".encode()), to, sender="ana@desk.test")
    assert (ticket_row(world)[1:], world.ticket().requester, world.ticket().customers) == before
    if place == "top" or client not in ENDLESS:
        assert any("We look at it." in x.text for x in outside(world.letters()))


@pytest.mark.parametrize("head", ["", "\n", "\n\n"], ids=["at once", "after a blank line", "after two"])
def test_an_agents_own_commands_on_top_are_done(world: World, head: str) -> None:
    """The control."""
    first = opened(world)
    to = reply_to(first.notice)
    world.give(
        raw_mail(ANA, f"{head}#priority urgent\n\nWe look at it.\n\n{LINE}\n{ANGLED}", to=to),
        to,
        sender="ana@desk.test",
    )
    assert ticket_row(world)[1] == "urgent"
    assert ticket_row(world)[3] == ()


@pytest.mark.parametrize(
    "words",
    ["We look at it.\n#priority urgent", "We look at it.\n\n#priority urgent\n", "> x\n\n#priority urgent\nYes."],
)
def test_a_command_below_words_or_a_quote_is_text(world: World, words: str) -> None:
    """Only the first lines are a block of commands."""
    first = opened(world)
    to = reply_to(first.notice)
    world.give(raw_mail(ANA, words, to=to), to, sender="ana@desk.test")
    assert ticket_row(world)[1] == "normal"
