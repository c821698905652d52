"""The one way in: what is refused, and what is on disk when it says yes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Mailbox
from maildesk.errors import DiskNearlyFull, Looping, TooLarge, UnknownMailbox
from maildesk.inbox import MAX_RECEIVED, Inbox
from maildesk.mail.model import Envelope
from maildesk.store import ledger
from tests.desk.world import START, World

MAIL = b"From: lea@client.test\r\nSubject: s\r\n\r\nhello\r\n"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    """A desk with two mailboxes."""
    mailboxes = (
        Mailbox(address="support@desk.test", aliases=("help@desk.test",)),
        Mailbox(address="sales@desk.test"),
    )
    world = World(tmp_path, mailboxes=mailboxes)
    yield world
    world.close()


def inbox(world: World, place: Path | None = None) -> Inbox:
    return Inbox(world.store, lambda: world.directory, place or world.folder, lambda: None)


def envelope(*recipients: str, sender: str | None = "lea@client.test") -> Envelope:
    return Envelope("smtp", "127.0.0.1", sender, recipients or ("support@desk.test",), START)


@pytest.mark.asyncio
async def test_it_is_on_disk_with_its_envelope(two: World) -> None:
    """The bytes as they came, one row for each of our mailboxes, however often each is named."""
    to = ("support@desk.test", "HELP@desk.test", "support+x@desk.test", "sales@desk.test")
    ids = await inbox(two).accept(MAIL, envelope(*to))
    found = [two.store.read(lambda tx, i=i: ledger.find_mail(tx, i)) for i in ids]  # type: ignore[misc]
    assert [x.mailbox for x in found if x] == ["support@desk.test", "sales@desk.test"]
    assert all(x and (x.raw, x.envelope) == (MAIL, envelope(*to)) for x in found)


@pytest.mark.asyncio
async def test_a_recipient_that_is_gone_does_not_stop_the_others(two: World) -> None:
    """A reload between RCPT and DATA took one of two mailboxes: the other has the mail; without any it is refused."""
    assert len(await inbox(two).accept(MAIL, envelope("gone@desk.test", "sales@desk.test"))) == 1
    with pytest.raises(UnknownMailbox):
        await inbox(two).accept(MAIL, envelope("gone@desk.test"))


@pytest.mark.asyncio
async def test_too_large(two: World) -> None:
    """The limit itself is taken, one byte more is not."""
    limit = two.directory.config.limits.max_mail_bytes
    await inbox(two).accept(MAIL.ljust(limit, b"x"), envelope())
    with pytest.raises(TooLarge):
        await inbox(two).accept(MAIL.ljust(limit + 1, b"x"), envelope())


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.asyncio
async def test_fifty_hops_are_a_loop(two: World, end: bytes) -> None:
    """49 Received fields are taken, 50 are not, in any case and with either end of line."""
    hop = b"rEceived: from a by b;" + end + b"\tSun, 22 Nov 2026 18:00:00 +0000" + end
    mail = MAIL.replace(b"\r\n", end)
    await inbox(two).accept(hop * (MAX_RECEIVED - 1) + mail, envelope())
    with pytest.raises(Looping):
        await inbox(two).accept(hop * MAX_RECEIVED + mail, envelope())


@pytest.mark.parametrize("mail", [MAIL, MAIL.replace(b"\r\n", b"\n")])
@pytest.mark.asyncio
async def test_hops_in_the_body_are_words(two: World, mail: bytes) -> None:
    """A bounce that quotes sixty of them is no loop, whatever ends its lines."""
    await inbox(two).accept(mail + b"Received: from a by b\r\n" * 60 + b"\r\n\r\n", envelope())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    assert subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False).returncode == 0
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.asyncio
async def test_a_nearly_full_disk(two: World, small: Path) -> None:
    """On a volume where the mail would leave less than a twentieth free it is not taken; a smaller one is."""
    (small / "fill").write_bytes(os.urandom(3_000_000))
    await inbox(two, small).accept(MAIL, envelope())
    with pytest.raises(DiskNearlyFull):
        await inbox(two, small).accept(MAIL + b"x" * 1_100_000, envelope())
    inbox(two, small).need_room()
    (small / "more").write_bytes(os.urandom(1_000_000))
    with pytest.raises(DiskNearlyFull):
        inbox(two, small).need_room()


@pytest.mark.asyncio
async def test_a_stopped_store_is_no_yes(two: World) -> None:
    """When the bytes cannot be committed nobody hears an id."""
    found = inbox(two)
    two.store.close()
    with pytest.raises(Exception, match="stopping"):
        await found.accept(MAIL, envelope())
