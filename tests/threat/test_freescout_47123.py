"""CVE-2026-47123 of FreeScout (fixed in 1.8.220): a path that read a signed Message-ID and never looked at its signature.

Every path that takes a token, each purpose, each wrong signature: none counts for anything, and nothing goes to the customer.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from maildesk.config import Mailbox
from maildesk.errors import UnknownMailbox
from maildesk.mail.token import Keyring, Purpose, read_message_id
from tests.desk.world import World, only
from tests.threat.kit import ANA, LEA, SECRET, mutants, opened, outside, raw_mail, reply_to, texts, ticket_row, token_of

RING = Keyring("desk.test", 0, {0: bytes(range(32))})
FORMS = ("plus", "minus", "domain:reply.desk.test")


def spoiled(token: str) -> Iterator[str]:
    """Shapes that no longer are the token: cut, filled up, encoded, of another purpose, of another ticket."""
    raw = base64.b32decode(token.upper())
    yield from (
        token[:-1],
        token[1:],
        f"{token}=",
        f"{token}======",
        token[:16],
        f"{token}a",
        "",
        token.replace("a", "=61", 1),
    )
    yield from ("=3D" + token[1:], token[:10] + " " + token[10:], token[:10] + "\r\n " + token[10:])
    for purpose in Purpose:
        if purpose != raw[0] >> 3 & 7:
            head = bytes([raw[0] & 0xC7 | purpose << 3])
            yield base64.b32encode(head + raw[1:]).decode().lower()
    for ticket in (0, 2, 3, 2**40 - 1):
        yield base64.b32encode(raw[:1] + ticket.to_bytes(5, "big") + raw[6:]).decode().lower()
    yield base64.b32encode(raw[:8] + bytes(12)).decode().lower()


@pytest.mark.parametrize("purpose", Purpose)
def test_no_single_wrong_character_verifies(purpose: Purpose) -> None:
    """992 mutants of each purpose's token, for every path at once; in capitals and mixed they stay wrong."""
    for mutant in mutants(RING.sign(purpose, 1, 1)):
        for text in (mutant, mutant.upper(), mutant.title()):
            assert RING.verify(text, *Purpose) is None


@pytest.mark.parametrize("purpose", Purpose)
def test_no_spoiled_shape_verifies(purpose: Purpose) -> None:
    """What is cut, filled up or encoded is no token, and one purpose's signature is none of another's."""
    for text in spoiled(RING.sign(purpose, 1, 1)):
        assert RING.verify(text, *Purpose) is None, text


def test_letter_case_alone_spoils_nothing() -> None:
    """The control: mail programs change the case of addresses."""
    token = RING.sign(Purpose.AGENT_REPLY, 1, 1)
    assert RING.verify(token.upper(), Purpose.AGENT_REPLY) == RING.verify(token, Purpose.AGENT_REPLY) is not None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("purpose", Purpose)
def test_no_form_of_address_takes_a_wrong_signature(tmp_path: Path, form: str, purpose: Purpose) -> None:
    """Strangers are told; from a relay the mail is the mailbox's own, without a token."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test", reply_address=form),))
    try:
        for wrong in mutants(world.keyring.sign(purpose, 1, 1)):
            address = addressed(form, wrong)
            with pytest.raises(UnknownMailbox):
                world.directory.recipient(address, "", False)
            assert world.directory.recipient(address, "", True).token is None
    finally:
        world.close()


def addressed(form: str, token: str) -> str:
    """The signed address of the mailbox."""
    if form.startswith("domain:"):
        return f"{token}@{form.removeprefix('domain:')}"
    return f"support{'+' if form == 'plus' else '-'}{token}@desk.test"


@pytest.mark.parametrize("purpose", Purpose)
def test_no_message_id_of_ours_counts_with_a_wrong_signature(purpose: Purpose) -> None:
    """The FreeScout path itself: notices', answers' and anchors' ids, with and without their digest."""
    for wrong in mutants(RING.sign(purpose, 1, 1)):
        for text in (f"<n.{wrong}.{'a' * 26}@desk.test>", f"<t.{wrong}@desk.test>", f"<N.{wrong.upper()}@DESK.TEST>"):
            assert read_message_id(RING, text, *Purpose) is None


# Where a wrong token may stand in a mail that claims to be the agent's.
PATHS = ("plus address", "In-Reply-To", "References", "folded References", "bounce address", "one-time address")


def forged(path: str, wrong: str, genuine_id: str) -> tuple[bytes, str, str]:
    """A forged agent's mail that bears a wrong token, proved as well as it can be; its recipient and its sender."""
    false_id = f"<n.{wrong}.{genuine_id.rpartition('@')[0].rpartition('.')[2]}@desk.test>"
    fields: list[tuple[str, str]] = []
    to, sender = "support@desk.test", "ana@desk.test"
    match path:
        case "plus address" | "one-time address":
            to = f"support+{wrong}@desk.test"
        case "bounce address":
            to, sender = f"support+{wrong}@desk.test", ""
        case "folded References":
            fields = [("References", f"<x@y.test>\r\n\t{false_id}\r\n <z@y.test>")]
        case _:
            fields = [(path, false_id)]
    return raw_mail(ANA, f"#solved\n\nPay to this account {wrong}.", to=to, headers=fields), to, sender


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("reply_address", ["plus", "none"])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_forged_agents_mail_reaches_no_customer(
    tmp_path: Path, path: str, reply_address: str, purpose: Purpose
) -> None:
    """Even where the author is proved: without a token of theirs their mail is no act, whatever stands in its place."""
    world = World(tmp_path, mailboxes=(Mailbox(address="support@desk.test", reply_address=reply_address),))
    try:
        first = opened(world)
        before = ticket_row(world), texts(world)
        token = world.keyring.sign(purpose, 1, 2)
        tried = [*list(mutants(token))[::331], *(t for t in spoiled(token) if len(t) == 32)]
        for wrong in tried:
            raw, to, sender = forged(path, wrong, str(first.notice.message["Message-ID"]))
            world.give(raw, to, sender=sender)
        letters = world.letters()
        assert {x.recipient for x in outside(letters)} <= {"ana@desk.test"}
        assert (ticket_row(world), texts(world)) == before
        assert not any(SECRET in x.text for x in letters)
    finally:
        world.close()


def test_the_genuine_token_acts(world: World) -> None:
    """The control: the agent's own signed address does what a wrong one does not."""
    first = opened(world)
    to = reply_to(first.notice)
    assert world.keyring.verify(token_of(to), Purpose.AGENT_REPLY)
    world.give(raw_mail(ANA, "#solved\n\nDone.", to=to), to, sender="ana@desk.test")
    assert ticket_row(world)[0] == "solved"
    assert "Done." in only(world.letters(), "answer", "lea@client.test").text


def test_the_customers_own_token_is_no_agents(world: World) -> None:
    """A proved agent who writes to a customer's signed address: one purpose's token acts on no other path."""
    first = opened(world)
    to = reply_to(first.answer)
    assert LEA.endswith(f"<{first.answer.recipient}>")
    world.give(raw_mail(ANA, "#solved\n\nDone.", to=to), to, sender="ana@desk.test")
    assert ticket_row(world)[0] == "pending"
    assert outside(world.letters()) == []
