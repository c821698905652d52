"""A maildrop that belongs to a group: who may add, who may read, and what is said when nobody can."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maildesk.doors import dropbox
from maildesk.doors.maildrop import MaildropDoor
from maildesk.errors import BadConfig
from maildesk.mail.model import Envelope
from tests.dropdesk import GROUP, MAIL, MEMBER, OTHER_MEMBER, SERVICE, DropDesk


@pytest.fixture
def desk() -> Iterator[DropDesk]:
    with DropDesk() as made:
        yield made


async def accept(raw: bytes, envelope: Envelope) -> list[int]:
    """No mail comes in these tests."""
    raise AssertionError(f"{len(raw)} bytes for {envelope.recipients}")


def test_an_unknown_group_is_a_configuration_error(desk: DropDesk) -> None:
    """A group that the machine does not have is said by its name."""
    with pytest.raises(BadConfig, match="no-such-group"):
        dropbox.create(str(desk.path), "no-such-group")


def test_a_maildrop_that_the_group_cannot_reach_is_said(desk: DropDesk, caplog: pytest.LogCaptureFixture) -> None:
    """A closed folder on the way makes every delivery fail; the door names it when it starts."""
    for mode, is_said in ((0o700, True), (0o711, False)):
        desk.folder.chmod(mode)
        caplog.clear()
        MaildropDoor(str(desk.path), GROUP, accept, lambda *_: None, 1_000_000, "first@desk.test").prepare()
        assert (f"maildrop.unreachable group={GROUP} closed={desk.folder}" in caplog.text) == is_said


def test_a_group_the_service_is_not_in_is_a_configuration_error() -> None:
    """The service can only give a folder to a group of its own."""
    with DropDesk() as desk:
        path = desk.folder / "its-own"
        path.mkdir()
        desk.folder.chmod(0o777)
        code = f"dropbox.create({str(path) + '2'!r}, {GROUP!r})"
        failed = desk.python_as(SERVICE, code, check=False)
        assert "must be a member" in failed.stderr


def test_members_add_and_the_service_reads_and_removes() -> None:
    """A service that is not root, in the group: it reads and removes what members put there, envelope included."""
    with DropDesk(GROUP, SERVICE) as desk:
        done = desk.deliver("--recipient", "support@desk.test", user=MEMBER)
        assert (done.returncode, done.stderr) == (0, b"")
        [name] = desk.names()
        mail = f"{str(desk.path)!r}, {name!r}"
        code = f"print(dropbox.read({mail}, 10**6), dropbox.read_envelope({mail})); dropbox.remove({mail})"
        said = desk.python_as(SERVICE, code, [GROUP]).stdout
        assert "It smokes." in said
        assert "support@desk.test" in said
        assert desk.names() == desk.names(dropbox.ENVELOPES) == []


def test_members_cannot_read_list_or_remove_each_others_mail() -> None:
    """A member who is not its author finds no mail, and cannot remove or replace one even by its name."""
    with DropDesk(GROUP, SERVICE) as desk:
        assert desk.deliver("--recipient", "support@desk.test", user=MEMBER).returncode == 0
        [name] = desk.names()
        new = str(desk.path / dropbox.NEW)
        for attempt in (
            f"os.listdir({new!r})",
            f"os.listdir({str(desk.path)!r})",
            f"os.unlink({f'{new}/{name}'!r})",
            f"os.rename({f'{new}/{name}'!r}, {f'{new}/mine'!r})",
            f"os.listdir({str(desk.path / dropbox.REFUSED)!r})",
        ):
            failed = desk.python_as(OTHER_MEMBER, attempt, [GROUP], check=False)
            assert failed.returncode != 0, attempt
            assert "not permitted" in failed.stderr or "denied" in failed.stderr
        assert desk.mails() == [MAIL]
