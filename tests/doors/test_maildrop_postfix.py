"""The maildrop behind a real Postfix: pipe transport and .forward, as a user neither root nor the service's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from maildesk.doors import dropbox
from maildesk.doors.maildrop import MaildropDoor
from maildesk.mail.model import Envelope
from tests.dropdesk import GROUP, MAIL, MEMBER, DropDesk
from tests.servers.postfix import Postfix
from tests.wait import until, until_async


@pytest.fixture(scope="module")
def desk() -> Iterator[DropDesk]:
    with DropDesk(GROUP) as made:
        yield made


@pytest.fixture(scope="module")
def postfix(desk: DropDesk) -> Iterator[Postfix]:
    """A Postfix that pipes desk.test into deliver, and knows the system's users with their .forward files."""
    forwards = desk.folder / "forwards"
    forwards.mkdir()
    (forwards / MEMBER).write_text(f'"|{desk.command} --recipient support@desk.test"\n')
    settings = {
        "mydestination": "users.test",
        "virtual_mailbox_domains": "desk.test",
        "virtual_transport": "maildesk",
        "maildesk_destination_recipient_limit": "1",
        "forward_path": f"{forwards}/$user",
    }
    service = (
        "maildesk unix - n n - 2 pipe flags=DRXhu "
        f"user={MEMBER}:{GROUP} argv={desk.command} --sender ${{sender}} --recipient ${{original_recipient}}"
    )
    with Postfix(settings, service) as made:
        yield made


@pytest.fixture(autouse=True)
def _empty(desk: DropDesk) -> Iterator[None]:
    yield
    for folder in (dropbox.NEW, dropbox.ENVELOPES, dropbox.REFUSED):
        for name in desk.names(folder):
            (desk.path / folder / name).unlink()


async def taken(desk: DropDesk, count: int) -> list[tuple[bytes, Envelope]]:
    """What the door hands to accept, once `count` mails came."""
    accepted: list[tuple[bytes, Envelope]] = []

    async def accept(raw: bytes, envelope: Envelope) -> list[int]:
        accepted.append((raw, envelope))
        return [len(accepted)]

    stop = asyncio.Event()
    door = MaildropDoor(str(desk.path), GROUP, accept, lambda *_: None, 1_000_000, "support@desk.test")
    running = asyncio.create_task(door.run(stop))
    await until_async(lambda: len(accepted) == count)
    stop.set()
    await running
    return accepted


@pytest.mark.asyncio
async def test_the_pipe_transport_end_to_end(desk: DropDesk, postfix: Postfix) -> None:
    """A mail for two mailboxes is delivered to each, through the door, with the envelope Postfix knew."""
    postfix.submit("lea@client.test", ["support+tag@desk.test", "sales@desk.test"], MAIL)
    until(lambda: postfix.log().count("relay=maildesk") == 2)
    assert postfix.log().count("status=sent (delivered via maildesk service)") == 2
    assert len(desk.names()) == 2
    found = await taken(desk, 2)
    assert {envelope.recipients for _, envelope in found} == {("support+tag@desk.test",), ("sales@desk.test",)}
    assert {envelope.sender for _, envelope in found} == {"lea@client.test"}
    for raw, _ in found:
        assert raw.startswith(b"Return-Path: <lea@client.test>\n")
        assert raw.endswith(b"\n\nIt smokes.\n")
    assert desk.names() == desk.names(dropbox.ENVELOPES) == []


@pytest.mark.asyncio
async def test_the_null_sender_through_pipe(desk: DropDesk, postfix: Postfix) -> None:
    """Postfix names the null sender MAILER-DAEMON on a command line; the desk sees a bounce for what it is."""
    postfix.submit("", ["support@desk.test"], MAIL)
    [(_, envelope)] = await taken(desk, 1)
    assert envelope.sender == ""


@pytest.mark.asyncio
async def test_dot_forward_end_to_end(desk: DropDesk, postfix: Postfix) -> None:
    """A local user's .forward pipes into deliver; the sender comes from the "From " line that Postfix puts first."""
    postfix.submit("max@client.test", [f"{MEMBER}@users.test"], MAIL)
    until(lambda: "relay=local" in postfix.log())
    assert "delivered to command" in postfix.log()
    [(raw, envelope)] = await taken(desk, 1)
    assert (envelope.sender, envelope.recipients) == ("max@client.test", ("support@desk.test",))
    assert not raw.startswith(b"From ")
    assert raw.endswith(b"It smokes.\n")


def test_an_unknown_mailbox_bounces(desk: DropDesk, postfix: Postfix) -> None:
    """Exit 67 is a permanent refusal, told to the sender in one sentence without a path of ours."""
    postfix.submit("lea@client.test", ["nobody@desk.test"], MAIL)
    until(lambda: "to=<nobody@desk.test>" in postfix.log())
    [line] = [
        line for line in postfix.log().splitlines() if "to=<nobody@desk.test>" in line and "relay=maildesk" in line
    ]
    assert "dsn=5.1.1, status=bounced" in line
    assert "No such mailbox here" in line
    assert str(desk.path) not in line
    assert desk.names() == []


def test_a_mail_that_is_too_large_bounces(desk: DropDesk, postfix: Postfix) -> None:
    """Exit 65 is a permanent refusal."""
    postfix.submit("big@client.test", ["sales+big@desk.test"], MAIL + b"0123456789\n" * 100_000)
    until(lambda: "to=<sales+big@desk.test>" in postfix.log())
    [line] = [line for line in postfix.log().splitlines() if "to=<sales+big@desk.test>" in line]
    assert "status=bounced" in line
    assert desk.names() == []


def test_a_broken_configuration_defers_and_the_mail_comes_later(desk: DropDesk, postfix: Postfix) -> None:
    """Exit 75 keeps the mail with Postfix; once the configuration is right it arrives."""
    whole = desk.config.read_text()
    desk.config.write_text(whole.replace("[maildrop]", "[maildorp]"))
    try:
        postfix.submit("lea@client.test", ["support+later@desk.test"], MAIL)
        until(lambda: "to=<support+later@desk.test>" in postfix.log())
        assert "status=deferred" in postfix.log()
        assert desk.names() == []
    finally:
        desk.config.write_text(whole)
    postfix.flush()
    until(desk.names)
