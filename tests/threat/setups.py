"""Kinds of set-up that ordinary mail comes from: what their people write, and what the desk's mail server found of it.

A kind plays one little conversation each time; what it says of a reply (`wanted`) is where the promise says it belongs.
"""

from __future__ import annotations

from dataclasses import replace

from tests.desk.world import Letter
from tests.threat.honest import Stage
from tests.threat.people import (
    ANA,
    APPLE,
    OUTLOOK,
    PHONE,
    PROGRAMS,
    SUPPORT,
    Draft,
    Person,
    Program,
    new_mail,
    reply,
    somebody,
    thanks,
)

# What the desk's mail server found, as several of them write it.
SIGNED = "mx.desk.test; dkim=pass header.d={domain}; spf=pass smtp.mailfrom={domain}; dmarc=pass (p=NONE) header.from={domain}"
NOTHING = "mx.desk.test; dkim=none; spf=none smtp.mailfrom={domain}; dmarc=none header.from={domain}"
BY_SPF = "mx.desk.test; dkim=none; spf=pass smtp.mailfrom={domain}; dmarc=none header.from={domain}"
BY_SPF_WITH_POLICY = (
    "mx.desk.test; dkim=none; spf=pass smtp.mailfrom={{domain}}; dmarc=pass (p={policy}) header.from={{domain}}"
)
FORWARDED_WHOLE = SIGNED.replace("spf=pass", "spf=fail").replace("NONE", "REJECT")
FORWARDED_BROKEN = (
    "mx.desk.test; dkim=fail header.d={{domain}}; spf={spf}; dmarc={dmarc} policy.dmarc={policy} header.from={{domain}}"
)
BY_LIST = (
    "mx.desk.test; dkim=pass header.d=lists.test; spf=pass smtp.mailfrom=lists.test; dmarc=pass header.from=lists.test"
)
LIST_KEEPS_AUTHOR = (
    "mx.desk.test; dkim=fail header.d={domain}; spf=pass smtp.mailfrom=lists.test; dmarc=none header.from={domain}"
)
OF_AGENT = SIGNED.format(domain="desk.test")


def conversation(
    stage: Stage, person: Person, results: str, *, program: Program, first: str = "", replies: int = 2
) -> int | None:
    """Somebody asks and answers the confirmation and what an agent writes; `first`: the results of the first mail."""
    opened = stage.gives(new_mail(stage.chance, person, first or results, program=program)).ticket
    for number in range(replies):
        letter = stage.agent_answers(opened) if number else None
        letter = letter or stage.letter(person, opened)
        if letter is not None:
            stage.gives(reply(stage.chance, person, letter, results, program=program), wanted=opened)
    return opened


def asked(stage: Stage, person: Person, results: str) -> tuple[int, Letter]:
    """Somebody's first mail: the number of its ticket, and the confirmation they got."""
    opened = stage.gives(new_mail(stage.chance, person, results)).ticket
    letter = stage.letter(person, opened)
    assert opened is not None
    assert letter is not None
    return opened, letter


def providers(stage: Stage, number: int) -> None:
    program = PROGRAMS[number % len(PROGRAMS)]
    domain = ("mail-one.test", "mail-two.test", "mail-three.test")[number % 3]
    conversation(stage, somebody(stage.chance, number, domain), SIGNED, program=program)


def small_domains(stage: Stage, number: int) -> None:
    conversation(stage, somebody(stage.chance, number), NOTHING, program=PROGRAMS[number % len(PROGRAMS)])


def by_spf(stage: Stage, number: int) -> None:
    results = (BY_SPF, *(BY_SPF_WITH_POLICY.format(policy=p) for p in ("NONE", "QUARANTINE", "REJECT")))[number % 4]
    conversation(stage, somebody(stage.chance, number), results, program=PROGRAMS[number % len(PROGRAMS)])


def whole_forwarders(stage: Stage, number: int) -> None:
    """An old address that passes everything on; replies go to the signed address, without the detour."""
    person = somebody(stage.chance, number)
    draft = new_mail(stage.chance, person, FORWARDED_WHOLE, to="old@company.test")
    opened = stage.gives(
        replace(draft, recipients=(SUPPORT,)), sender=f"SRS0=x=y={person.domain}=c@company.test"
    ).ticket
    letter = stage.letter(person, opened)
    if letter is not None:
        stage.gives(reply(stage.chance, person, letter, SIGNED), wanted=opened)


def broken_forwarders(stage: Stage, number: int) -> None:
    """A gateway that writes a footer: the signature breaks, SPF is the forwarder's; what DMARC says is the domain's policy."""
    person = somebody(stage.chance, number)
    policies = (("none", "none"), ("fail", "none"), ("fail", "quarantine"), ("fail", "reject"))
    dmarc, policy = policies[number % len(policies)]
    spf = (
        ("fail smtp.mailfrom={{domain}}", "pass smtp.mailfrom=company.test")[number % 2]
        .replace("{{", "{")
        .replace("}}", "}")
    )
    results = FORWARDED_BROKEN.format(spf=spf, dmarc=dmarc, policy=policy)
    draft = new_mail(stage.chance, person, results, to="old@company.test")
    draft = replace(draft, recipients=(SUPPORT,), text=f"{draft.text}\n-- \nScanned by company.test\n", html="")
    opened = stage.gives(draft, sender=f"SRS0=x=y={person.domain}=c@company.test").ticket
    letter = stage.letter(person, opened)
    if letter is not None:
        stage.gives(reply(stage.chance, person, letter, SIGNED), wanted=opened)


def _of_list(draft: Draft) -> Draft:
    return draft.with_headers(List_Id="<talk.lists.test>", Precedence="list", Sender="talk-bounces@lists.test")


def rewriting_lists(stage: Stage, number: int) -> None:
    """A mailing list that the desk reads writes its own address into From; whoever wrote stands in Reply-To."""
    person = somebody(stage.chance, number)
    draft = new_mail(stage.chance, person, BY_LIST, program=APPLE)
    author = f"{person.name.encode('ascii', 'replace').decode()} via Talk <talk@lists.test>"
    draft = draft.with_headers(From=author, Reply_To=str(person), Subject=f"[Talk] {draft.headers['Subject']}")
    stage.gives(_of_list(draft), sender="talk-bounces@lists.test")


def subject_lists(stage: Stage, number: int) -> None:
    """A mailing list that keeps the author, marks the subject and breaks the signature; some domains publish a policy."""
    person = somebody(stage.chance, number)
    results = (LIST_KEEPS_AUTHOR, LIST_KEEPS_AUTHOR.replace("dmarc=none", "dmarc=fail policy.dmarc=none"))[number % 2]
    draft = new_mail(stage.chance, person, results, program=APPLE)
    stage.gives(
        _of_list(draft.with_headers(Subject=f"[Talk] {draft.headers['Subject']}")), sender="talk-bounces@lists.test"
    )


def second_addresses(stage: Stage, number: int) -> None:
    """The same person answers from a private address: to the signed address it joins, marked as a stranger's."""
    person = somebody(stage.chance, number)
    private = replace(person, address=f"private{number}@home.test")
    opened, letter = asked(stage, person, SIGNED)
    results = (SIGNED, NOTHING)[number % 2]
    stage.gives(reply(stage.chance, private, letter, results, program=PHONE), wanted=opened)
    stage.gives(reply(stage.chance, person, letter, SIGNED), wanted=opened)


def stripped_tags(stage: Stage, number: int) -> None:
    """The part behind "+" gets lost on the way: the mailbox gets it, and the references lead to the ticket."""
    person = somebody(stage.chance, number)
    results = (SIGNED, BY_SPF, NOTHING)[number % 3]
    opened, letter = asked(stage, person, results)
    for program in (OUTLOOK, PHONE):
        draft = reply(stage.chance, person, letter, results, program=program)
        stage.gives(replace(draft, recipients=(SUPPORT,)).with_headers(To=SUPPORT), wanted=opened)


def rewritten_ids(stage: Stage, number: int) -> None:
    """A relay puts Message-IDs of its own on our letters: references name what nobody knows, the signed address is left."""
    person = somebody(stage.chance, number)
    results = (SIGNED, NOTHING)[number % 2]
    opened = stage.gives(new_mail(stage.chance, person, results)).ticket
    for turn in range(2):
        letter = (stage.agent_answers(opened) if turn else None) or stage.letter(person, opened)
        assert letter is not None
        foreign = f"<0102{stage.chance.getrandbits(48):012x}@eu-west-1.relay.test>"
        draft = reply(stage.chance, person, letter, results)
        stage.gives(draft.with_headers(In_Reply_To=foreign, References=foreign), wanted=opened)


def both_lost(stage: Stage, number: int) -> None:
    """Neither signed address nor known reference: the number in the subject is all, and proves nothing by itself."""
    person = somebody(stage.chance, number)
    results = (SIGNED, NOTHING)[number % 2]
    opened, letter = asked(stage, person, results)
    foreign = f"<0102{stage.chance.getrandbits(48):012x}@eu-west-1.relay.test>"
    draft = replace(reply(stage.chance, person, letter, results), recipients=(SUPPORT,))
    draft = draft.with_headers(To=SUPPORT, In_Reply_To=foreign, References=foreign)
    stage.gives(draft, wanted=opened, follows=results == NOTHING)


PHONE_WITHOUT_REFERENCES = replace(PHONE, references="none")
WEBMAIL = Program("a web-mailer", "<{0:x}.{1:x}@webmail.{2}>", references="last")


def phones(stage: Stage, number: int) -> None:
    results = (SIGNED, NOTHING)[number % 2]
    program = PHONE if number % 3 else PHONE_WITHOUT_REFERENCES
    conversation(stage, somebody(stage.chance, number), results, program=program)


def web_mailers(stage: Stage, number: int) -> None:
    conversation(stage, somebody(stage.chance, number), (SIGNED, BY_SPF)[number % 2], program=WEBMAIL)


def address_books(stage: Stage, number: int) -> None:
    """The signed address was saved: for the same matter at once, and for another one weeks after it was solved."""
    person = somebody(stage.chance, number)
    opened, letter = asked(stage, person, SIGNED)
    saved = str(letter.message["Reply-To"]).rpartition("<")[2].rstrip(">")
    stage.gives(new_mail(stage.chance, person, SIGNED, subject="One more thing", to=saved), wanted=opened)
    stage.world.set_state("solved", opened)
    stage.later(days=12)
    stage.gives(
        new_mail(stage.chance, person, SIGNED, subject="Something else altogether", to=saved),
        wanted=opened,
        follows=True,
    )


def months_later(stage: Stage, number: int) -> None:
    """Solved, not closed, and the customer answers an old letter."""
    person = somebody(stage.chance, number)
    opened, letter = asked(stage, person, SIGNED)
    stage.world.set_state("solved", opened)
    stage.later(days=stage.chance.randrange(40, 200))
    stage.gives(reply(stage.chance, person, letter, (SIGNED, NOTHING)[number % 2]), wanted=opened)


def closed_tickets(stage: Stage, number: int) -> None:
    """What comes to a closed ticket is a follow-up that mentions it."""
    person = somebody(stage.chance, number)
    opened, letter = asked(stage, person, SIGNED)
    stage.world.set_state("closed", opened)
    stage.later(days=60)
    stage.gives(reply(stage.chance, person, letter, (SIGNED, NOTHING)[number % 2]), wanted=opened, follows=True)


ABSENT = {
    "en": ("Out of office", "I am on holiday until Monday and will answer then."),
    "fr": ("Absence du bureau", "Je suis absent jusqu'à lundi."),
    "de": ("Abwesenheitsnotiz", "Ich bin bis Montag nicht im Haus."),
    "es": ("Fuera de la oficina", "Estoy de vacaciones hasta el lunes."),
}


def absences(stage: Stage, number: int) -> None:
    """A vacation responder answers the confirmation; some programs leave out which letter they answer."""
    person = somebody(stage.chance, number, language=tuple(ABSENT)[number % 4])
    opened, letter = asked(stage, person, SIGNED)
    subject, words = ABSENT[person.language]
    is_bare = number % 5 == 4
    draft = reply(stage.chance, person, letter, SIGNED, words=words, program=replace(APPLE, quotes="none"))
    fields = {"Subject": f"{subject}: {letter.message['Subject']}", "Auto_Submitted": "auto-replied"}
    draft = draft.with_headers(**fields, X_Auto_Response_Suppress="All")
    if is_bare:
        draft = replace(draft, recipients=(SUPPORT,)).with_headers(
            To=SUPPORT, In_Reply_To="", References="", Subject=subject
        )
    stage.gives(draft, wanted=None if is_bare else opened, sender="")


def contact_forms(stage: Stage, number: int) -> None:
    """A website writes for its visitors; [[form]] names its address."""
    visitor = somebody(stage.chance, number)
    shop = Person("Web shop", "wordpress@shop.test")
    draft = new_mail(
        stage.chance, shop, SIGNED, subject=f"Contact form {number}", words=f"{thanks(stage.chance, visitor)}"
    )
    stage.gives(draft.with_headers(Reply_To=str(visitor)))


def agents_answer(stage: Stage, number: int) -> None:
    """An agent answers the notice: at the desk, from a phone, from another address of theirs, from one that nobody knows."""
    person = somebody(stage.chance, number)
    opened = stage.gives(new_mail(stage.chance, person, SIGNED)).ticket
    notice = stage.letter(ANA, opened)
    assert notice is not None
    other = (ANA, ANA, replace(ANA, address="ana.lima@desk.test"), replace(ANA, address="ana@home.test"))[number % 4]
    results = SIGNED.format(domain=other.domain)
    program = (OUTLOOK, PHONE, APPLE, PHONE)[number % 4]
    stage.gives(reply(stage.chance, other, notice, results, program=program, words="We send it today."), wanted=opened)
    letter = stage.letter(person, opened)
    assert letter is not None
    stage.gives(reply(stage.chance, person, letter, SIGNED), wanted=opened)


def agents_forward(stage: Stage, number: int) -> None:
    """A customer wrote to an agent's own address, and the agent passes it on to the desk."""
    person = somebody(stage.chance, number)
    found = new_mail(stage.chance, person, SIGNED)
    subject = found.headers["Subject"]
    text = (
        f"\n\n---------- Forwarded message ---------\nFrom: {person.bare}\nDate: Sat, Nov 21, 2026 at 10:00 AM\n"
        f"Subject: {subject}\nTo: {ANA.bare}\n\n\n{found.text}"
    )
    draft = new_mail(stage.chance, ANA, OF_AGENT, subject=f"Fwd: {subject}", words=found.marker)
    opened = stage.gives(replace(draft, text=text, html="")).ticket
    letter = stage.letter(person, opened)
    if letter is not None:
        stage.gives(reply(stage.chance, person, letter, SIGNED), wanted=opened)


def machines(stage: Stage, number: int) -> None:
    """Scanners and accounting programs send documents from addresses that nobody reads."""
    sender = (
        Person("Accounting", f"no-reply@firm{number}.test")
        if number % 2
        else Person("Scanner 2", f"scanner@firm{number}.test")
    )
    draft = new_mail(
        stage.chance,
        sender,
        (SIGNED, BY_SPF, NOTHING)[number % 3],
        program=APPLE,
        subject=f"Document {number}",
        words="See the file.",
    )
    stage.gives(replace(draft, attachments=(("document.pdf", "application/pdf", stage.chance.randbytes(900)),)))


def newsletters(stage: Stage, number: int) -> None:
    """News and notifications."""
    sender = Person("Weekly news", f"news@letter{number}.test")
    draft = new_mail(
        stage.chance, sender, SIGNED, subject=f"Our news, issue {number}", words="Ten offers for you this week."
    )
    if number % 2:
        draft = draft.with_headers(List_Unsubscribe=f"<https://letter{number}.test/leave>", Precedence="bulk")
    else:
        draft = draft.with_headers(Auto_Submitted="auto-generated")
    stage.gives(draft, sender=f"bounce-{number}@letter{number}.test")


def other_scripts(stage: Stage, number: int) -> None:
    """Names and addresses beyond ASCII, by SMTPUTF8."""
    language = ("de", "ja", "fr", "pl")[number % 4]
    person = somebody(stage.chance, number, language=language)
    local, domain = {
        "de": (f"jörg{number}", "bücher.test"),
        "ja": (f"花子{number}", "例え.test"),
        "fr": (f"léa{number}", "société.test"),
        "pl": (f"łukasz{number}", "firma.test"),
    }[language]
    conversation(stage, replace(person, address=f"{local}@{domain}"), (SIGNED, NOTHING)[number % 2], program=APPLE)


def capitals(stage: Stage, number: int) -> None:
    """Programs that write addresses in capitals, the signed one too."""
    person = somebody(stage.chance, number)
    opened, letter = asked(stage, person, SIGNED)
    draft = reply(
        stage.chance, replace(person, address=person.address.upper()), letter, SIGNED.replace("{domain}", person.domain)
    )
    to = draft.recipients[0].upper()
    bare = replace(draft, recipients=(to,)).with_headers(To=to, In_Reply_To="", References="")
    stage.gives(bare, wanted=opened)


def wrong_clocks(stage: Stage, number: int) -> None:
    """A Date of years ago, of years ahead, without a zone, or no Date at all."""
    person = somebody(stage.chance, number)
    dates = (
        "Thu, 01 Jan 1970 00:00:00 +0000",
        "Fri, 1 Jan 2038 03:14:07 +0000",
        "Sun, 22 Nov 2026 18:05:00",
        "yesterday",
    )
    opened = stage.gives(new_mail(stage.chance, person, SIGNED).with_headers(Date=dates[number % 4])).ticket
    letter = stage.letter(person, opened)
    assert letter is not None
    stage.gives(reply(stage.chance, person, letter, SIGNED).with_headers(Date=dates[(number + 1) % 4]), wanted=opened)
