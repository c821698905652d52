"""[trust] reject, hold and allow: which entry speaks of a mail, and what becomes of it behind doors that cannot refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Trust
from maildesk.desk.lists import Lists
from tests.desk.world import FAILED, PROVED, World, only

MX = "mx.desk.test"


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """A desk with lists of each kind; loopback is its relay."""
    trust = Trust(
        authserv_ids=(MX,),
        reject=("evil.test", "spam@mixed.test", "192.0.2.0/24"),
        hold=("doubt.test", "203.0.113.0/24"),
        allow=("good@evil.test", "friend.doubt.test", "192.0.2.7"),
    )
    found = World(tmp_path, trust=trust)
    yield found
    found.close()


def lists(**named: tuple[str, ...]) -> Lists:
    return Lists(**named)


def said(found: Lists, sender: str = "", author: str = "", peer: str = "", *, is_proved: bool = True) -> str:
    """What the lists say of a mail: "hold evil.test", "" for nothing."""
    match = found.of_mail(sender, author, peer, is_proved=is_proved, is_relay=False)
    return "" if match is None else f"{match.list} {match.entry}"


@pytest.mark.parametrize(
    ("author", "entry"),
    [
        ("lea@evil.test", "reject evil.test"),
        ("Lea@EVIL.test", "reject evil.test"),
        ("lea@mail.evil.test", "reject evil.test"),
        ("lea@deep.mail.evil.test", "reject evil.test"),
        ("lea@notevil.test", ""),
        ("lea@evil.test.example", ""),
        ("lea@xn--bse-sna.test", "hold böse.test"),
        ("lea@böse.test", "hold böse.test"),
        ("spam@Mixed.test", "hold Spam@mixed.test"),
        ("ham@mixed.test", ""),
        ("no address", ""),
    ],
)
def test_a_domain_means_all_below_it_and_an_address_itself(author: str, entry: str) -> None:
    """However it is written."""
    found = lists(reject=("evil.test",), hold=("böse.test", "Spam@mixed.test"))
    assert said(found, author=author) == entry
    assert said(found, sender=author) == entry


@pytest.mark.parametrize(
    ("peer", "entry"),
    [
        ("192.0.2.1", "reject 192.0.2.0/24"),
        ("::ffff:192.0.2.1", "reject 192.0.2.0/24"),
        ("192.0.3.1", ""),
        ("2001:db8::5", "hold 2001:db8::/32"),
        ("2001:db8::5%eth0", "hold 2001:db8::/32"),
        ("unix", ""),
        ("", ""),
    ],
)
def test_a_network_means_its_peers(peer: str, entry: str) -> None:
    """Of either family; a peer without an address is in none."""
    assert said(lists(reject=("192.0.2.0/24",), hold=("2001:db8::/32",)), peer=peer) == entry


@pytest.mark.parametrize(
    ("named", "entry"),
    [
        ({"reject": ("lea@evil.test",), "allow": ("evil.test",)}, "reject lea@evil.test"),
        ({"reject": ("evil.test",), "hold": ("lea@evil.test",)}, "hold lea@evil.test"),
        ({"reject": ("test",), "hold": ("evil.test",), "allow": ("192.0.2.1",)}, "hold evil.test"),
        ({"reject": ("192.0.2.0/24",), "allow": ("192.0.0.0/16",)}, "reject 192.0.2.0/24"),
        ({"reject": ("192.0.0.0/16",), "hold": ("192.0.2.0/24",)}, "hold 192.0.2.0/24"),
        ({"reject": ("evil.test",), "hold": ("evil.test",)}, "hold evil.test"),
        ({"hold": ("evil.test",), "allow": ("evil.test",)}, "allow evil.test"),
        ({"reject": ("192.0.2.1",), "hold": ("192.0.2.1",), "allow": ("192.0.2.1",)}, "allow 192.0.2.1"),
    ],
)
def test_the_most_specific_entry_wins(named: dict[str, tuple[str, ...]], entry: str) -> None:
    """Address over domain over network, the narrower over the wider; at equal rank allow over hold over reject."""
    assert said(lists(**named), author="lea@evil.test", peer="192.0.2.1") == entry


def test_allow_believes_nobody() -> None:
    """An address or domain that is allowed counts for its proved author, never for what somebody claims or sends under."""
    found = lists(hold=("192.0.2.0/24",), allow=("friend.test",))
    assert said(found, author="lea@friend.test", peer="192.0.2.1") == "allow friend.test"
    assert said(found, author="lea@friend.test", peer="192.0.2.1", is_proved=False) == "hold 192.0.2.0/24"
    assert said(found, sender="lea@friend.test", author="x@else.test", peer="192.0.2.1") == "hold 192.0.2.0/24"


def test_at_the_door_what_may_be_allowed_comes_in() -> None:
    """Whether it is proved is seen later; without it the mail is held, so that nothing that was allowed is lost."""
    found = lists(reject=("evil.test", "192.0.2.0/24"), allow=("good@evil.test",), hold=("doubt.evil.test",))
    assert found.at_door("bad@evil.test", "", is_relay=False) is not None
    assert found.at_door("good@evil.test", "192.0.2.1", is_relay=False) is None
    assert found.at_door("x@doubt.evil.test", "", is_relay=False) is None
    assert found.at_door("", "", is_relay=False) is None
    assert found.at_door("", "192.0.2.1", is_relay=False) is not None
    assert found.at_door("", "192.0.2.1", is_relay=True) is None


@pytest.mark.parametrize(
    ("author", "entry"),
    [
        ("bad@evil.test", '[trust] reject names its author ("evil.test")'),
        ("x@doubt.test", "[trust] hold names its author"),
    ],
)
@pytest.mark.parametrize("results", [PROVED, FAILED, None])
def test_what_matches_by_from_is_held(strict: World, author: str, entry: str, results: str | None) -> None:
    """Proved or not: no ticket, no letter, the cause, and the entry in `why`."""
    settled = strict.write(author, results=results, sender="bounce@list.test")
    assert (settled.outcome, settled.cause, settled.ticket) == ("held", "blocked", None)
    assert strict.letters() == []
    assert entry in strict.why()


@pytest.mark.parametrize("via", ["imap", "maildrop", "lmtp"])
def test_doors_that_cannot_refuse_hold(strict: World, via: str) -> None:
    """By the envelope sender too."""
    raw = b"From: lea@client.test\r\nSubject: x\r\nMessage-ID: <1@client.test>\r\n\r\nhello\r\n"
    settled = strict.give(raw, sender="bulk@evil.test", via=via, peer="")
    assert (settled.outcome, settled.cause) == ("held", "blocked")
    assert "envelope sender" in strict.why()


def test_a_proved_author_who_is_allowed_comes_in(strict: World) -> None:
    """One good address of a bad domain; unproved it is one of that domain's."""
    assert strict.write("good@evil.test").outcome == "ticket"
    assert '[trust] allow names its author ("good@evil.test")' in strict.why()
    assert strict.write("good@evil.test", results=None).cause == "blocked"
    assert strict.write("lea@friend.doubt.test").outcome == "ticket"


def test_a_peer_is_held_or_exempt_by_its_network(strict: World) -> None:
    """The relay that brings everybody's mail is no peer in this sense."""
    raw = b"From: lea@client.test\r\nSubject: x\r\nMessage-ID: <%d@client.test>\r\n\r\nhello %d\r\n"
    assert strict.give(raw % (1, 1), peer="203.0.113.9").cause == "blocked"
    assert strict.give(raw % (2, 2), peer="192.0.2.9").cause == "blocked"
    assert strict.give(raw % (3, 3), peer="192.0.2.7").outcome == "ticket"


def test_allow_exempts_from_a_spam_mark(strict: World) -> None:
    """The admin knows better than the filter; the ticket is an ordinary one. Unproved the mark counts."""
    strict.write("good@evil.test", headers={"X-Spam-Flag": "YES"})
    assert strict.ticket().tags == ()
    assert only(strict.letters(), "confirmation").recipient == "good@evil.test"
    strict.write("lea@client.test", headers={"X-Spam-Flag": "YES"})
    assert strict.ticket(50032).tags == ("spam",)


def test_allow_proves_nothing(strict: World) -> None:
    """A peer that is allowed brings mail that is as unproved as anyone's."""
    raw = b"From: lea@client.test\r\nSubject: x\r\nMessage-ID: <1@client.test>\r\n\r\nhello\r\n"
    strict.give(raw, peer="192.0.2.7")
    assert strict.entries()[0][2] == ("unverified",)


def test_what_was_held_once_is_not_held_again(strict: World) -> None:
    """Redelivered, it is the same mail."""
    raw = b"From: bad@evil.test\r\nSubject: x\r\nMessage-ID: <1@evil.test>\r\n\r\nhello\r\n"
    assert strict.give(raw, sender="a@b.test").outcome == "held"
    assert strict.give(raw, sender="a@b.test").outcome == "duplicate"


def test_a_blocked_mail_can_be_let_in(strict: World) -> None:
    """Somebody looks, and releases it: a ticket, as unproved as it came."""
    strict.write("x@doubt.test", results=None)
    strict.run("tell-held")
    letter = only(strict.letters(), "held", "ana@desk.test")
    strict.write("ana@desk.test", "#release 1\n", answers=letter)
    strict.settle_waiting()
    assert strict.ticket().requester is not None
    assert strict.entries()[0][2] == ("unverified",)
    assert "hold names its" in strict.why(1)
