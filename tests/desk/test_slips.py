"""Addresses as people type them: what is taken as it is, what is asked back, and what is left alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maildesk.desk.providers import KNOWN, TARGETS
from maildesk.desk.slips import ENDINGS, Slip, clean, known_domains, look
from maildesk.mail import address as addresses
from maildesk.mail.domains import is_top_level
from maildesk.mail.freemail import FREE_MAIL
from tests.desk.test_directory import BOUNCE, CUSTOMER, directory

DESK = directory()


def judged(address: str) -> Slip:
    return look(address, DESK)


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("lea@client.test", "lea@client.test"),
        ("  lea@client.test\r\n", "lea@client.test"),
        ("\u00a0lea@client.test\u200b", "lea@client.test"),
        ("\u202alea@client.test\u202c", "lea@client.test"),
        ("Lea.Martin@Client.TEST", "Lea.Martin@client.test"),
        ("mailto:lea@client.test", "lea@client.test"),
        ("MAILTO: lea@client.test?subject=Hello", "lea@client.test"),
        ("<lea@client.test>", "lea@client.test"),
        ("<mailto:lea@client.test>", "lea@client.test"),
        ("Lea <lea@client.test>", "lea@client.test"),
        ('"Martin, Lea" <lea@client.test>', "lea@client.test"),
        ("Lea <lea@client.test>;", "lea@client.test"),
        ("lea@client.test>", "lea@client.test"),
        ('"lea@client.test"', "lea@client.test"),
        ("« lea@client.test »", "lea@client.test"),
        ("(lea@client.test)", "lea@client.test"),
        ("lea＠client.test", "lea@client.test"),
        ("lea﹫client.test", "lea@client.test"),
        ("lea@client.test.", "lea@client.test"),
        ("lea@client.test,", "lea@client.test"),
        ("lea@client.test ;", "lea@client.test"),
        ("lea@client.test/", "lea@client.test"),
        ("lea@ｃｌｉｅｎｔ．ｔｅｓｔ", "lea@client.test"),
        ("lea@client。test", "lea@client.test"),
        ("le\u0301a@client.test", "léa@client.test"),
        ("lea@Bücher.test", "lea@bücher.test"),
        ("lea@xn--bcher-kva.test", "lea@xn--bcher-kva.test"),
        ("用户@例子.公司", "用户@例子.公司"),
        ("o'hara@client.test", "o'hara@client.test"),
        ("lea+news@client.test", "lea+news@client.test"),
        ("a@b.co", "a@b.co"),
        ("lea@client.local", "lea@client.local"),
        ("lea@client.invalid", "lea@client.invalid"),
        (f"{'a' * 80}@client.test", f"{'a' * 80}@client.test"),
    ],
)
def test_what_surrounds_an_address_goes(typed: str, cleaned: str) -> None:
    """Spaces, a link's scheme, brackets, a name, full-width letters, the end of a sentence; the address itself stays."""
    assert judged(typed) == Slip("good", cleaned)


@pytest.mark.parametrize("typed", ["", " ", "\t\r\n", "\u200b", "<>", " , ", '""'])
def test_nothing_is_missing(typed: str) -> None:
    """Nothing, and what is nothing to see, is missing and not malformed."""
    assert judged(typed) == Slip("missing", "")


@pytest.mark.parametrize(
    "typed",
    ["lea", "lea@", "@client.test", "lea@localhost", "a@b", "lea@client", "lea@192.168.0.1", "lea@[192.168.0.1]",
     "lea@-client.test", "lea@my_company.test", "lea martin@client.test", "Lea Martin", "a@x.test, b@y.test",
     "a@x.test b@y.test", "lea@client.test and more words", "lea@x.test@y.test", "a@b@c@d.test", "lea(at)nowhere",
     "lea@" + "x" * 70 + ".test", "a" * 300 + "@client.test", "x" * 5000, "@" * 5000, "lea@gmail.com, bob@web.de",
     "postmaster", '"lea martin"@client.test', "lea@xn--.test", "<a@x.test> <b@y.test>"],
)  # fmt: skip
def test_what_is_no_address_is_malformed(typed: str) -> None:
    """Nobody can be written to there; nothing is suggested where it would be a guess."""
    assert judged(typed) == Slip("malformed", clean(typed))


@pytest.mark.parametrize(
    "typed",
    ["support@desk.test", "Support@DESK.test", "help@desk.test", "hilfe@bücher.test", "hilfe@xn--bcher-kva.test",
     "sales-eu@desk.test", f"support+{CUSTOMER}@desk.test", f"support+{BOUNCE}@desk.test", "support+my@desk.test",
     "postmaster@desk.test", "Desk <support@desk.test>"],
)  # fmt: skip
def test_the_desks_own_addresses_are_ours(typed: str) -> None:
    """Mailboxes, aliases, tags and signed forms; an agent's own address is not the desk's."""
    assert judged(typed).kind == "ours"
    assert judged("ana@desk.test").kind == "good"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(typed, meant) for meant, slips in {
        "gmail.com": "gmial.com gmal.com gmai.com gmil.com gamil.com gmaill.com ggmail.com gmsil.com gmaul.com gmqil.com"
        " fmail.com hmail.com gnail.com gmall.com gmali.com g-mail.com gmail.con gmail.cmo gmail.ocm gmail.vom gmail.cim"
        " gmail.comm gmail.co gmail.cm gmail.om gmail.c gmail.fr gmail.de gmail.co.uk gmail.com.br gmail.net gmial.con"
        " gmai.cmo www.gmail.com gmáil.com GMIAL.COM",
        "googlemail.com": "googlmail.com gogglemail.com googelmail.com goglmail.com googlemail.de googlemail.cmo",
        "hotmail.com": "hotmial.com hotmal.com hotmai.com homail.com hotamil.com htomail.com hormail.com hotnail.com"
        " hotmail.con hotmail.co hotmail.cm hot-mail.com hotmaill.com otmail.com",
        "hotmail.fr": "hotmial.fr hotmal.fr hotmail.rf hotmail.ft hotmail.frr",
        "hotmail.it": "hotmial.it hotmal.it hitmail.it",
        "hotmail.es": "hotmial.es hormail.es",
        "hotmail.co.uk": "hotmial.co.uk hotmail.co.ku hotmail.couk hotmail.co.u",
        "outlook.com": "outlok.com outloook.com oultook.com outlook.con outlook.cmo outllok.com outlook.co otlook.com",
        "outlook.fr": "outlok.fr oulook.fr",
        "yahoo.com": "yaho.com yahooo.com yhaoo.com yahoo.con yahoo.cmo ahoo.com yahoo.co",
        "yahoo.fr": "yaho.fr yhoo.fr yahoo.rf yahoo.frr",
        "yahoo.co.uk": "yaho.co.uk yahoo.couk",
        "icloud.com": "icoud.com iclod.com icluod.com icloud.con icloud.fr icloud.co",
        "orange.fr": "orange.rf ornage.fr orangee.fr ornge.fr orange.f orange.ff orangé.fr",
        "wanadoo.fr": "wanado.fr wanadooo.fr wandoo.fr wnadoo.fr wanadoo.rf",
        "laposte.net": "laposte.ner lapostee.net laposte.nte lapsote.net laposte.nett lapote.net laposte.ent",
        "free.fr": "free.f free.rf free.frr",
        "sfr.fr": "sfr.rf sfr.f",
        "web.de": "web.dr web.d web.ed web.dee",
        "gmx.de": "gmx.ed gmx.d gmx.dee gmx.dr",
        "gmx.net": "gmx.nett gmx.nte",
        "t-online.de": "t-online.d t-onlin.de tonline.de t.online.de t-onlien.de t-online.ed t-oline.de",
        "freenet.de": "frenet.de freenet.d freeent.de",
        "libero.it": "lbero.it libreo.it libero.ti libero.i liberp.it",
        "virgilio.it": "virgili.it vrigilio.it",
        "telefonica.net": "telefonca.net telefoncia.net telefonica.nte",
        "btinternet.com": "btinernet.com bt-internet.com btintenret.con",
        "virginmedia.com": "virginmeda.com virgnmedia.com",
        "comcast.net": "comcst.net comcast.nett",
        "protonmail.com": "protonmial.com protonmail.con protnmail.com",
    }.items() for typed in slips.split()],
)  # fmt: skip
def test_slips_of_providers(typed: str, meant: str) -> None:
    """A provider's name with a letter swapped, missing, doubled or of the key beside, or with no true ending."""
    assert judged(f"Lea.Martin@{typed}") == Slip("good", f"Lea.Martin@{typed.lower()}", f"Lea.Martin@{meant}")


@pytest.mark.parametrize("slip", sorted(ENDINGS))
def test_slips_of_endings(slip: str) -> None:
    """Of a company's domain an ending that nobody can register is asked back, and the rest stays as it is."""
    assert judged(f"lea@my-client.{slip}").nearest == f"lea@my-client.{ENDINGS[slip]}"
    assert judged(f"lea@mail.bücher.{slip}").nearest == f"lea@mail.bücher.{ENDINGS[slip]}"
    assert not is_top_level(slip.rpartition(".")[2])
    assert is_top_level(ENDINGS[slip])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lea@gmail,com", "lea@gmail.com"),
        ("lea@gmail;com", "lea@gmail.com"),
        ("lea@gmail:com", "lea@gmail.com"),
        ("lea@gmail com", "lea@gmail.com"),
        ("lea@gmail/com", "lea@gmail.com"),
        ("lea@gmail..com", "lea@gmail.com"),
        ("lea@.gmail.com", "lea@gmail.com"),
        ("lea@gmailcom", "lea@gmail.com"),
        ("lea@gmialcom", "lea@gmail.com"),
        ("lea@gmail", "lea@gmail.com"),
        ("lea@gmial,con", "lea@gmail.com"),
        ("lea@hotmailfr", "lea@hotmail.fr"),
        ("lea@hotmailcouk", "lea@hotmail.co.uk"),
        ("lea@orange,fr", "lea@orange.fr"),
        ("lea@orange", "lea@orange.fr"),
        ("lea@web", "lea@web.de"),
        ("lea@webde", "lea@web.de"),
        ("lea@t-online", "lea@t-online.de"),
        ("lea@my-client,com", "lea@my-client.com"),
        ("lea@my-client,con", "lea@my-client.com"),
        ("lea @ my-client.com", "lea@my-client.com"),
        ("lea@my-client. com", "lea@my-client.com"),
        ("lea@my-client .com", "lea@my-client.com"),
        ("lea@my-client.com bonjour", "lea@my-client.com"),
        ("lea@@client.test", "lea@client.test"),
        ("lea@ @client.test", "lea@client.test"),
        ("lea@gmail@com", "lea@gmail.com"),
        ("lea@martin@gmail.com", "lea.martin@gmail.com"),
        ("lea@lea@client.test", "lea@client.test"),
        ("lea@gmail.com@gmail.com", "lea@gmail.com"),
        ("lea at gmail.com", "lea@gmail.com"),
        ("lea AT client.test", "lea@client.test"),
        ("lea(at)client.test", "lea@client.test"),
        ("lea [at] client.test", "lea@client.test"),
        ("lea.martin.gmail.com", "lea.martin@gmail.com"),
        ("leagmail.com", "lea@gmail.com"),
        ("leaàgmail.com", "lea@gmail.com"),
        ("lea.web.de", "lea@web.de"),
        ("lea,martin@client.test", "lea.martin@client.test"),
        ("lea..martin@client.test", "lea.martin@client.test"),
        ("lea.@client.test", "lea@client.test"),
        (".lea@client.test", "lea@client.test"),
        ("lea. martin@client.test", "lea.martin@client.test"),
    ],
)
def test_slips_that_leave_no_address(typed: str, meant: str) -> None:
    """A comma for a dot, a missing dot, two "@" or none: what is sure is suggested, and what was typed is kept."""
    assert judged(typed) == Slip("malformed", typed, meant)


HONEST = """
    gmail.com googlemail.com hotmail.com hotmail.fr hotmail.es hotmail.it hotmail.de hotmail.co.uk hotmail.be hotmail.nl
    hotmail.ch hotmail.se hotmail.no hotmail.com.br hotmail.com.ar hotmail.co.jp outlook.com outlook.fr outlook.es
    outlook.it outlook.de outlook.be outlook.com.br outlook.co.th live.com live.fr live.it live.co.uk live.nl live.be
    live.ca live.com.mx live.cn msn.com yahoo.com yahoo.fr yahoo.es yahoo.it yahoo.de yahoo.co.uk yahoo.ca yahoo.in
    yahoo.co.in yahoo.co.jp yahoo.com.br yahoo.com.mx yahoo.com.ar yahoo.gr yahoo.ie yahoo.se ymail.com rocketmail.com
    mail.com email.com mail.de email.de mail.ru mail.fr email.it inbox.ru fastmail.com fastmail.fm zoho.com hey.com
    gmx.de gmx.fr gmx.net gmx.at gmx.ch gmx.com gmx.es gmx.eu gmx.us gmx.co.uk web.de t-online.de online.de freenet.de
    arcor.de posteo.de posteo.net mailbox.org 1und1.de o2online.de vodafone.de kabelmail.de netcologne.de ewe.net
    telekom.de t-mobile.de aon.at a1.net bluewin.ch sunrise.ch free.fr orange.fr orange.com orange.es wanadoo.fr wanadoo.es
    sfr.fr neuf.fr bbox.fr laposte.net laposte.fr aliceadsl.fr numericable.fr noos.fr caramail.fr mailo.com ac-paris.fr
    ac-lyon.fr libero.it libera.it liber.it libro.it alice.it tin.it tim.it virgilio.it tiscali.it pec.it aruba.it fastwebnet.it
    fastweb.it movistar.es telefonica.net telefonica.com terra.es ono.com btinternet.com internet.com virginmedia.com
    virgin.com sky.com mtinternet.com talktalk.net ntlworld.com blueyonder.co.uk tiscali.co.uk o2.co.uk plus.com aol.com aol.fr
    me.com
    mac.com icloud.com cloud.com comcast.net verizon.net att.net cox.net charter.net carter.net earthlink.net proton.me
    protonmail.com pm.me tutanota.com hushmail.com qq.com 163.com 126.com sina.com naver.com daum.net yandex.ru ya.ru
    telenet.be telnet.be skynet.be proximus.be ziggo.nl kpnmail.nl seznam.cz wp.pl onet.pl
    google.com apple.com microsoft.com amazon.fr amazon.co.uk bmw.de wdr.de gmv.com gmk.de gma.fr wob.de wab.de webb.de
    weber.de web.dk free.se tree.fr fred.fr frei.de str.fr sfp.fr life.com love.com five.com man.com mas.com all.com aal.com
    main.com ski.com key.com fox.net ma.com mm.me range.fr orage.fr grange.fr oranges.fr photon.me alive.it poste.it
    siemens.com bosch.de sap.com dhl.de sncf.fr edf.fr renault.fr ulb.be epfl.ch ethz.ch uni-koeln.de u-bordeaux.fr
    cam.ac.uk ox.ac.uk mit.edu nhs.uk nhs.net gov.uk bund.de gouv.fr interieur.gouv.fr europa.eu ec.europa.eu un.org
    client.test client.example client.local intern.lan example.com example.org client.co client.cm client.om client.io client.ai
    client.dev client.app client.online client.email client.cam client.community client.company client.me client.ne
    bücher.de straße.de müller.ch österreich.at xn--bcher-kva.de россия.рф 例子.公司 mail.client.com smtp.gmail.example
    company.com.co firma.cz firma.sk bild.de zeit.de lemonde.fr lefigaro.fr elpais.es corriere.it bbc.co.uk theguardian.com
"""


def test_the_honest_are_many() -> None:
    """The next law is worth something by their number."""
    assert len(set(HONEST.split())) >= 250


@pytest.mark.parametrize("domain", sorted({*HONEST.split(), *KNOWN, *FREE_MAIL}))
def test_honest_addresses_are_left_alone(domain: str) -> None:
    """Providers of any size, what stands near them and is itself, companies, schools, offices, tests: no suggestion."""
    assert judged(f"lea@{domain}") == Slip("good", f"lea@{domain}")


@pytest.mark.parametrize(
    "local",
    ["lea.martin", "l", "LEA", "lea+shop", "lea_martin", "lea-martin", "o'hara", "lea2024", "1234567", "müller", "josé",
     "用户", "иван", "info", "no-reply", "x=y", "a!b", "lea.gmail.com", "gmail", "lea@"[:-1], "support", "postmaster"],
)  # fmt: skip
def test_the_local_part_is_its_owners(local: str) -> None:
    """What stands before the "@" is never questioned."""
    for domain in ("gmail.com", "client.test", "bücher.de"):
        assert judged(f"{local}@{domain}") == Slip("good", f"{local}@{domain}")


def test_a_slip_is_not_towards_the_desk() -> None:
    """The desk's own address is never what somebody should write as theirs."""
    desk = directory()
    assert look("support@@desk.test", desk) == Slip("malformed", "support@@desk.test")


def test_known_domains_are_providers() -> None:
    """Each once, in their form to compare, those of many people first, free mail included."""
    known = known_domains()
    assert known[0] == "gmail.com"
    assert known[: len(TARGETS)] == TARGETS
    assert len(set(known)) == len(known)
    assert set(known) >= FREE_MAIL
    assert all(addresses.domain_key(each) == each and is_top_level(each.rpartition(".")[2]) for each in known)


TYPED = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.one_of(
            st.sampled_from([*TARGETS[:40], *ENDINGS, "lea", "@", "@", ".", ",", " ", "com", "<", ">", "mailto:", "at",
                             "(at)", "-", "client", "Lea", "ß", "＠", "。", "\u200b", "gmial", "support@desk.test"]),
            st.text(alphabet="gmailcohtfrdex.-@, ", max_size=8),
        ),
        max_size=8,
    ).map("".join),
    st.tuples(st.sampled_from(TARGETS), st.integers(0, 20), st.sampled_from("abcdeglmnoqrstuw.-,")).map(
        lambda found: f"lea@{found[0][: found[1]]}{found[2]}{found[0][found[1] + 1 :]}"
    ),
)  # fmt: skip


@given(TYPED)
@example("lea@gmial.con")
@example("lea@x.con.com")
@example(".'lea@gmail.com")
@example("lea@\u00af.com")
def test_a_suggestion_is_an_address_of_its_own(typed: str) -> None:
    """What is suggested is good, differs, and is not questioned again; what was cleaned is judged as what was typed."""
    slip = judged(typed)
    assert judged(slip.cleaned) == slip
    assert (slip.kind == "missing") == (not slip.cleaned)
    if slip.kind in ("good", "ours"):
        assert addresses.key(slip.cleaned)
        assert slip.cleaned.isprintable()
    if slip.nearest is not None:
        assert slip.kind in ("good", "malformed")
        assert judged(slip.nearest) == Slip("good", slip.nearest)
        assert slip.kind == "malformed" or not addresses.same(slip.nearest, slip.cleaned)


def test_no_network_is_asked() -> None:
    """Judging an address opens no socket: a form must not wait for anybody's name server."""
    code = (
        "import socket\n"
        "def no(*_, **__): raise AssertionError('network')\n"
        "from tests.desk.test_slips import judged\n"
        "socket.socket.connect = socket.socket.sendto = socket.getaddrinfo = no\n"
        "print(judged('lea@gmial.com').nearest, judged('lea@client.nowhere').kind)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "lea@gmail.com good\n"
