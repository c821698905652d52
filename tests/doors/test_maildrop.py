"""The maildrop's door: what it offers, what it believes about sender and recipient, and when a mail may leave."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from maildesk.doors import dropbox
from maildesk.doors.maildrop import MaildropDoor
from maildesk.errors import DiskNearlyFull, Looping, MaildeskError, TooLarge, UnknownMailbox
from maildesk.mail.model import Envelope
from tests.dropdesk import MAIL, DropDesk
from tests.wait import until_async

MAX_BYTES = 1_000_000


@dataclass
class Ledger:
    """The other side of the door: keeps what it accepts, and says no as often as it was told to."""

    refusals: list[Exception] = field(default_factory=list)
    accepted: list[tuple[bytes, Envelope]] = field(default_factory=list)
    offered: list[float] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def accept(self, raw: bytes, envelope: Envelope) -> list[int]:
        self.offered.append(asyncio.get_running_loop().time())
        if self.gate is not None:
            await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.accepted.append((raw, envelope))
        return [len(self.accepted)]


def recipient(address: str, sender: str | None, is_relay: bool) -> str:
    """As Directory.recipient: support@ and sales@desk.test with any tag are the desk's."""
    local, _, domain = address.lower().partition("@")
    base = local.partition("+")[0]
    if domain != "desk.test" or base not in ("support", "sales"):
        raise UnknownMailbox("No such mailbox here")
    assert is_relay
    return base


@pytest.fixture
def desk() -> Iterator[DropDesk]:
    with DropDesk() as made:
        yield made


@asynccontextmanager
async def opened(desk: DropDesk, ledger: Ledger, group: str = "") -> AsyncIterator[MaildropDoor]:
    """A door at work until the block ends."""
    stop = asyncio.Event()
    door = MaildropDoor(str(desk.path), group, ledger.accept, recipient, MAX_BYTES, "first@desk.test")
    running = asyncio.create_task(door.run(stop))
    try:
        yield door
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


def drop(desk: DropDesk, raw: bytes, name: str = "1.mta.host") -> None:
    """As a mail server that writes Maildirs itself: no envelope beside the mail."""
    draft = desk.path / dropbox.TMP / name
    draft.write_bytes(raw)
    draft.rename(desk.path / dropbox.NEW / name)


@pytest.mark.asyncio
async def test_a_delivered_mail_reaches_accept_and_then_leaves(desk: DropDesk) -> None:
    """What deliver stored is accepted with the same bytes and what deliver knew; then nothing is left of it."""
    done = desk.deliver("--recipient", "Support+tag@desk.test", "--sender", "lea@client.test")
    assert done.returncode == 0
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names() and not desk.names(dropbox.ENVELOPES))
    [(raw, envelope)] = ledger.accepted
    assert raw == MAIL
    assert (envelope.via, envelope.peer, envelope.sender) == ("maildrop", "", "lea@client.test")
    assert envelope.recipients == ("Support+tag@desk.test",)


@pytest.mark.asyncio
async def test_it_leaves_only_after_the_commit(desk: DropDesk) -> None:
    """While accept has not returned the mail stays; a crash at that moment loses nothing."""
    ledger = Ledger(gate=asyncio.Event())
    assert ledger.gate is not None
    async with opened(desk, ledger):
        drop(desk, MAIL)
        await until_async(lambda: ledger.offered)
        assert desk.mails() == [MAIL]
        ledger.gate.set()
        await until_async(lambda: not desk.names())


@pytest.mark.asyncio
async def test_mail_waits_for_the_daemon_and_keeps_its_order(desk: DropDesk) -> None:
    """Mails that came while the daemon was down are taken oldest first, each with the time at which it came."""
    for number in range(5):
        drop(desk, MAIL + b"%d" % number, f"{9 - number}.mta")
        os.utime(desk.path / dropbox.NEW / f"{9 - number}.mta", (1000 + number, 1000 + number))
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names())
    assert [raw[-1:] for raw, _ in ledger.accepted] == [b"0", b"1", b"2", b"3", b"4"]
    assert [envelope.received_at.timestamp() for _, envelope in ledger.accepted] == [1000, 1001, 1002, 1003, 1004]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("head", "sender", "recipients"),
    [
        (
            b"Return-Path: <lea@client.test>\nDelivered-To: sales+x@desk.test\n",
            "lea@client.test",
            ("sales+x@desk.test",),
        ),
        (b"Return-Path: <>\r\nX-Original-To: <sales@desk.test>\r\n", "", ("sales@desk.test",)),
        (b"Delivered-To: root@host.test\nX-Original-To:\n sales@desk.test\n", None, ("sales@desk.test",)),
        (b"Delivered-To: sales@desk.test\nDelivered-To: support@desk.test\n", None, ("sales@desk.test",)),
        # Below the first Received anybody may have written it.
        (b"Received: by x\nReturn-Path: <a@b.test>\nDelivered-To: sales@desk.test\n", None, ("support@desk.test",)),
        (b"Delivered-To: root@host.test\n", None, ("support@desk.test",)),
        (b"Cc: a@b.test, Sales <sales@desk.test>\n", None, ("sales@desk.test", "support@desk.test")),
        (
            b"From lea@client.test Sun Nov 22 18:00:00 2026\nReturn-Path: <b@b.test>\n",
            "b@b.test",
            ("support@desk.test",),
        ),
    ],
)
async def test_what_a_mail_server_wrote_above_the_first_received(
    desk: DropDesk, head: bytes, sender: str | None, recipients: tuple[str, ...]
) -> None:
    """Without an envelope file the stamps of the last server count, then To and Cc."""
    drop(desk, head + MAIL)
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: ledger.accepted)
    [(raw, envelope)] = ledger.accepted
    assert raw == head + MAIL
    assert (envelope.sender, envelope.recipients) == (sender, recipients)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"To: x@y.test\n\nhi", b"\0\xff" * 9, b"To: " + b"(" * 200_000, b" \n" * 99]
)
async def test_a_mail_that_names_nobody_is_the_first_mailboxs(desk: DropDesk, raw: bytes) -> None:
    """Whatever the bytes are, the mail is somebody's: an MTA that routed it here meant this desk."""
    drop(desk, raw)
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: ledger.accepted)
    assert ledger.accepted[0][1].recipients == ("first@desk.test",)


@pytest.mark.asyncio
async def test_a_broken_envelope_counts_as_none(desk: DropDesk) -> None:
    """An envelope that is not ours to read does not hold a mail up: its head is read instead."""
    for number, broken in enumerate((b"", b"{", b"[]", b'{"sender": 1}', b"[" * 60_000, b"\xff", b"x" * 70_000)):
        (desk.path / dropbox.ENVELOPES / f"{number}.mta").write_bytes(broken)
        drop(desk, b"Delivered-To: sales@desk.test\n" + MAIL, f"{number}.mta")
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: len(ledger.accepted) == 7)
    assert {envelope.recipients for _, envelope in ledger.accepted} == {("sales@desk.test",)}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "refusal", [DiskNearlyFull("full"), MaildeskError("later"), OSError(5, "EIO"), KeyError("bug")]
)
async def test_a_temporary_failure_leaves_the_mail_and_tries_again(desk: DropDesk, refusal: Exception) -> None:
    """The mail stays where it is, and is offered again after a second, not at every look."""
    ledger = Ledger([refusal])
    drop(desk, MAIL)
    async with opened(desk, ledger):
        await until_async(lambda: ledger.offered)
        assert desk.mails() == [MAIL]
        await until_async(lambda: not desk.names())
    first, second = ledger.offered
    assert second - first >= 1.0
    assert [raw for raw, _ in ledger.accepted] == [MAIL]


@pytest.mark.asyncio
async def test_one_that_fails_holds_no_other_up(desk: DropDesk) -> None:
    """While one mail waits for its next try, the next ones are taken at once."""
    ledger = Ledger([DiskNearlyFull("full")])
    drop(desk, MAIL, "1.mta")
    async with opened(desk, ledger):
        await until_async(lambda: ledger.offered)
        drop(desk, MAIL + b"2", "2.mta")
        await until_async(lambda: ledger.accepted)
        assert (ledger.accepted[0][0], desk.names()) == (MAIL + b"2", ["1.mta"])


def test_the_wait_grows_to_five_minutes(desk: DropDesk) -> None:
    """1, 2, 4 … seconds, and never more than 300."""
    door = MaildropDoor(str(desk.path), "", Ledger().accept, recipient, MAX_BYTES, "first@desk.test")
    waits = []
    for _ in range(11):
        door._wait("a", MaildeskError("later"))
        waits.append(door._waits["a"][1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@pytest.mark.asyncio
@pytest.mark.parametrize("refusal", [UnknownMailbox("none"), TooLarge("big"), Looping("round")])
async def test_a_permanent_refusal_lays_the_mail_aside(
    desk: DropDesk, refusal: MaildeskError, caplog: pytest.LogCaptureFixture
) -> None:
    """What the desk will never take lies in refused/ with its envelope, and one line says so."""
    assert desk.deliver("--recipient", "support@desk.test").returncode == 0
    [name] = desk.names()
    ledger = Ledger([refusal])
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names())
    assert (desk.path / dropbox.REFUSED / name).read_bytes() == MAIL
    assert desk.names(dropbox.REFUSED) == [name, f"{name}.envelope"]
    assert desk.names(dropbox.ENVELOPES) == []
    assert len(ledger.offered) == 1
    [line] = [record.getMessage() for record in caplog.records if record.getMessage().startswith("maildrop.refused")]
    assert type(refusal).__name__ in line


@pytest.mark.asyncio
async def test_a_mail_for_a_mailbox_that_is_gone_is_laid_aside(desk: DropDesk) -> None:
    """The configuration changed between deliver and the daemon: nothing is lost, nothing is accepted."""
    assert desk.deliver("--recipient", "plain@desk.test").returncode == 0
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: desk.names(dropbox.REFUSED))
    assert ledger.offered == []


@pytest.mark.asyncio
async def test_a_mail_over_the_limit_is_laid_aside_unread(desk: DropDesk) -> None:
    """A mail server does not know the desk's limit; the door does."""
    drop(desk, b"x" * (MAX_BYTES + 1), "1.mta")
    drop(desk, b"x" * MAX_BYTES, "2.mta")
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names())
    assert desk.names(dropbox.REFUSED) == ["1.mta"]
    assert [len(raw) for raw, _ in ledger.accepted] == [MAX_BYTES]


@pytest.mark.asyncio
async def test_links_and_pipes_are_never_read(desk: DropDesk) -> None:
    """A member of the group cannot make the service read its own secrets, nor hang on a pipe."""
    secret = desk.folder / "keys"
    secret.write_text("secret")
    (desk.path / dropbox.NEW / "1.link").symlink_to(secret)
    os.mkfifo(desk.path / dropbox.NEW / "2.pipe")
    (desk.path / dropbox.NEW / "3.folder").mkdir()
    drop(desk, MAIL, "4.mail")
    (desk.path / dropbox.ENVELOPES / "4.mail").symlink_to(secret)
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names())
    assert [raw for raw, _ in ledger.accepted] == [MAIL]
    assert desk.names(dropbox.REFUSED) == ["1.link", "2.pipe", "3.folder"]
    assert secret.read_text() == "secret"


@pytest.mark.asyncio
async def test_many_mails_at_once(desk: DropDesk) -> None:
    """Each of three hundred is accepted once, in order, though they are offered many together."""
    for number in range(300):
        drop(desk, b"%d" % number, f"{number:04}.mta")
        os.utime(desk.path / dropbox.NEW / f"{number:04}.mta", (1000 + number, 1000 + number))
    ledger = Ledger()
    async with opened(desk, ledger):
        await until_async(lambda: not desk.names())
    assert [int(raw) for raw, _ in ledger.accepted] == list(range(300))


@pytest.mark.asyncio
async def test_a_mail_is_seen_at_once_and_none_is_overlooked(desk: DropDesk) -> None:
    """Mails that come one by one at odd moments are each taken within the next look or two."""
    ledger = Ledger()
    dropped: list[int] = []
    async with opened(desk, ledger):
        for number in range(12):
            await asyncio.sleep(0.03)
            drop(desk, b"%d" % number, f"{number}.mta")
            dropped.append(number)
            begun = asyncio.get_running_loop().time()
            if number % 3 == 2:
                await until_async(lambda: len(ledger.accepted) == len(dropped))
                assert asyncio.get_running_loop().time() - begun < 1.0


@pytest.mark.asyncio
async def test_an_idle_door_costs_next_to_nothing(desk: DropDesk) -> None:
    """With nothing to do it takes less than half of the half percent of a core that the whole daemon may use."""
    drop(desk, MAIL)
    ledger = Ledger()
    async with opened(desk, ledger) as door:
        await until_async(lambda: not desk.names())
        # Past the time in which a folder's stamp is not trusted yet.
        os.utime(desk.path / dropbox.NEW, (1000, 1000))
        await until_async(lambda: door._seen_ns == 1000 * 10**9)
        before = resource.getrusage(resource.RUSAGE_SELF)
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(2.0)
        after = resource.getrusage(resource.RUSAGE_SELF)
        span_s = asyncio.get_running_loop().time() - begun
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used_s / span_s < 0.0025


@pytest.mark.asyncio
async def test_the_door_makes_its_folders(desk: DropDesk) -> None:
    """A maildrop that is not there yet is made, for the service alone, below a folder that is not there either."""
    path = desk.folder / "state" / "drop"
    stop = asyncio.Event()
    stop.set()
    await MaildropDoor(str(path), "", Ledger().accept, recipient, MAX_BYTES, "first@desk.test").run(stop)
    assert sorted(os.listdir(path)) == ["cur", "envelopes", "new", "refused", "tmp"]
    assert {(path / name).stat().st_mode & 0o7777 for name in os.listdir(path)} == {0o700}
    assert path.stat().st_mode & 0o7777 == 0o700


@pytest.mark.asyncio
async def test_a_folder_that_vanishes_is_no_end(desk: DropDesk, caplog: pytest.LogCaptureFixture) -> None:
    """The door says so and goes on when the folder is back."""
    ledger = Ledger()
    drop(desk, MAIL)
    async with opened(desk, ledger):
        await until_async(lambda: ledger.accepted and not desk.names())
        (desk.path / dropbox.NEW).rmdir()
        await until_async(lambda: "maildrop.folder error=FileNotFoundError" in caplog.text)
        (desk.path / dropbox.NEW).mkdir()
        drop(desk, MAIL + b"2")
        await until_async(lambda: len(ledger.accepted) == 2)
