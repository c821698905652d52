"""A website's contact form: the requester is its Reply-To, unproved; what no visitor stands behind has no requester."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk.world import FAILED, PROVED, World, only

FORM = "wordpress@example.com"
SHAPES = sorted((Path(__file__).parent.parent / "mails" / "forms").glob("*.eml"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[World]:
    """A desk that knows the contact form of a website."""
    found = World(tmp_path, forms=(FORM,))
    yield found
    found.close()


def fill_in(site: World, reply_to: str | None = "Noe Weber <noe@client.test>", **settings: object) -> str:
    """A mail of the form; what became of it."""
    headers = {**({"Reply-To": reply_to} if reply_to else {}), **settings.pop("headers", {})}  # type: ignore[dict-item]
    return site.write(f"Example Shop <{FORM}>", headers=headers, **settings).outcome  # type: ignore[arg-type]


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_each_form_program_opens_its_visitors_ticket(site: World, path: Path) -> None:
    """Whatever marks the program sets: the visitor is the requester and is confirmed to with fixed text."""
    assert site.give(path.read_bytes(), sender="www-data@web3.host.test").outcome == "ticket"
    ticket = site.ticket()
    assert ticket.requester is not None
    assert ticket.requester.address == "noe@client.test"
    letters = site.letters()
    confirmation = only(letters, "confirmation-unproved")
    assert confirmation.recipient == "noe@client.test"
    assert "suitcase" not in confirmation.raw.decode()
    assert {x.recipient for x in letters if x.notice == "new"} == {"ana@desk.test", "ben@desk.test"}
    [(kind, text, flags)] = site.entries()
    assert (kind, flags) == ("customer", ("unverified",))
    assert "suitcase" in text or "Koffer" in text
    assert f"the contact form {FORM} wrote it for noe@client.test" in site.why()


def test_the_visitors_name_is_the_one_in_reply_to(site: World) -> None:
    """Agents see who asks, not the website."""
    fill_in(site)
    requester = site.ticket().requester
    assert requester is not None
    assert requester.name == "Noe Weber"
    assert "Noe Weber" in str(only(site.letters(), "new", "ana@desk.test").message["From"])


def test_a_form_that_its_domain_disowns_writes_to_nobody(site: World) -> None:
    """Somebody who knows the form's address has the desk write to no victim of theirs; the ticket is quiet."""
    assert fill_in(site, results=FAILED) == "ticket"
    assert site.entries()[0][2] == ("unverified", "auth-fail")
    assert site.letters() == []


@pytest.mark.parametrize("results", [PROVED, None])
def test_what_proves_the_form_proves_no_visitor(site: World, results: str | None) -> None:
    """The verdict on the website's domain proves no visitor."""
    fill_in(site, results=results)
    assert site.entries()[0][2] == ("unverified",)
    assert only(site.letters(), "confirmation-unproved").recipient == "noe@client.test"


@pytest.mark.parametrize(
    ("reply_to", "why"),
    [
        (None, "names nobody"),
        ("", "names nobody"),
        (FORM, "a form's own address"),
        ("WordPress@Example.com", "a form's own address"),
        ("support@desk.test", "one of our own"),
        ("support+x@desk.test", "one of our own"),
        ("Ana <ana@desk.test>", "one of our own"),
        ("no-reply@client.test", "nobody reads"),
    ],
)
def test_without_a_visitor_nobody_is_written_to_but_agents(site: World, reply_to: str | None, why: str) -> None:
    """The form's own address is nobody to write to: a ticket without requester, and the agents are told."""
    assert fill_in(site, reply_to) == "ticket"
    assert site.ticket().requester is None
    letters = site.letters()
    assert sorted((x.notice, x.recipient) for x in letters) == [("new", "ana@desk.test"), ("new", "ben@desk.test")]
    assert not any("<>" in x.text or "None" in x.text for x in letters)
    assert site.entries()[0][2] == ("unverified",)
    assert why in site.why()


def test_reply_to_joins_no_ticket(site: World) -> None:
    """Anybody can type a customer's address: a number or a known Message-ID beside it opens a new ticket."""
    site.write("noe@client.test")
    confirmation = only(site.letters(), "confirmation")
    first = str(confirmation.message["In-Reply-To"])
    fill_in(site, subject="[#50031] Re: Printer on fire", results=PROVED)
    fill_in(site, headers={"In-Reply-To": first})
    fill_in(site, headers={"In-Reply-To": str(confirmation.message["Message-ID"])})
    assert len(site.entries(50031)) == 1
    assert [site.ticket(n).requester is not None for n in (50032, 50033, 50034)] == [True, True, True]


def test_a_signed_address_lets_a_form_in_as_a_stranger(site: World) -> None:
    """Whoever holds one may deposit; the visitor is no more believed for it."""
    site.write("noe@client.test")
    signed = str(only(site.letters(), "confirmation").message["Reply-To"])
    assert fill_in(site, to=(signed,)) == "entry"
    assert site.entries()[1][2] == ("unverified", "stranger")


def test_an_agent_in_reply_to_does_nothing(site: World) -> None:
    """No act, no command, not even with the agent's own signed address."""
    site.write("noe@client.test")
    notice = only(site.letters(), "new", "ana@desk.test")
    fill_in(site, "ana@desk.test", to=(str(notice.message["Reply-To"]),), words="#solved\n")
    assert site.ticket().state != "solved"
    assert not [x for x in site.letters() if x.notice == "answer"]


def test_what_comes_back_is_a_machines(site: World) -> None:
    """The null sender counts, whatever the form's address."""
    site.write(f"Example Shop <{FORM}>", headers={"Reply-To": "noe@client.test"}, sender="")
    assert not [x for x in site.letters() if x.notice.startswith("confirmation")]
    assert "automatic" in site.entries()[0][2]


def test_a_report_from_the_forms_address_is_a_report(site: World) -> None:
    """A host that bounces from the same address, Reply-To and all: nobody is confirmed to."""
    raw = (
        f"From: {FORM}\r\nReply-To: noe@client.test\r\nTo: support@desk.test\r\nSubject: Undelivered Mail\r\n"
        "Message-ID: <b1@example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; web3.host.test\r\n\r\n"
        "Final-Recipient: rfc822; x@client.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    assert site.give(raw.encode(), sender=FORM).outcome == "ignored"
    assert site.letters() == []


def test_a_visitor_who_is_known_is_answered_in_their_language(site: World) -> None:
    """What is known of the visitor is asked for, not of the website."""
    site.write(
        "noe@client.test", "Bonjour, la poignée de ma valise bleue est cassée depuis hier, que puis-je faire ?\n"
    )
    assert only(site.letters(), "confirmation").message["Content-Language"] == "fr"
    fill_in(site, words="77310\n", subject="77310")
    assert only(site.letters(), "confirmation-unproved").message["Content-Language"] == "fr"


def test_the_budget_holds_for_visitors(site: World) -> None:
    """A bot that types one victim's address a hundred times: three confirmations in all."""
    for count in range(100):
        fill_in(site, words=f"{count}\n")
    assert len([x for x in site.letters() if x.notice == "confirmation-unproved"]) <= 3


def test_without_the_setting_the_form_is_anyone(world: World) -> None:
    """No [[form]], no such reading: the author is who stands in From, and Reply-To is nobody."""
    world.write(f"Example Shop <{FORM}>", headers={"Reply-To": "noe@client.test"})
    requester = world.ticket().requester
    assert requester is not None
    assert requester.address == FORM
    assert not [x for x in world.letters() if x.recipient == "noe@client.test"]


def test_an_agent_answers_the_visitor(site: World) -> None:
    """The whole way: the answer goes to the visitor, and their reply by mail joins the ticket."""
    fill_in(site)
    notice = only(site.letters(), "new", "ana@desk.test")
    site.write("Ana Lima <ana@desk.test>", "A new handle is on its way.\n", answers=notice)
    answer = only(site.letters(), "answer")
    assert answer.recipient == "noe@client.test"
    site.write("noe@client.test", "Thank you!\n", answers=answer)
    assert [kind for kind, _, _ in site.entries()] == ["customer", "agent", "customer"]
