"""Where people have their mailboxes, the largest first, and what only looks like it. Data; add to it freely."""

from maildesk.mail.freemail import FREE_MAIL

# Whose names people mistype most, by country and there by size: of two that are as near, the first one is meant.
TARGETS = tuple(dict.fromkeys((
    "gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "icloud.com", "gmx.de", "web.de", "orange.fr", "free.fr",
    "hotmail.fr", "wanadoo.fr", "laposte.net", "sfr.fr", "yahoo.fr", "live.fr", "outlook.fr", "neuf.fr", "bbox.fr",
    "aliceadsl.fr", "club-internet.fr", "numericable.fr", "gmx.fr", "t-online.de", "gmx.net", "freenet.de", "googlemail.com",
    "hotmail.de", "yahoo.de", "outlook.de", "live.de", "arcor.de", "aol.de", "posteo.de", "mailbox.org", "gmx.at",
    "gmx.ch", "bluewin.ch", "hotmail.es", "yahoo.es", "outlook.es", "telefonica.net", "movistar.es", "gmx.es", "libero.it",
    "hotmail.it", "yahoo.it", "virgilio.it", "alice.it", "tiscali.it", "tin.it", "outlook.it", "live.it", "fastwebnet.it",
    "hotmail.co.uk", "yahoo.co.uk", "btinternet.com", "live.co.uk", "outlook.co.uk", "sky.com", "virginmedia.com",
    "talktalk.net", "ntlworld.com", "blueyonder.co.uk", "aol.com", "aol.fr", "msn.com", "live.com", "comcast.net", "me.com",
    "mac.com", "att.net", "sbcglobal.net", "verizon.net", "bellsouth.net", "cox.net", "charter.net", "earthlink.net",
    "protonmail.com", "proton.me", "gmx.com", "hotmail.be", "telenet.be", "skynet.be", "live.be", "yahoo.ca", "hotmail.ca",
    "hotmail.nl", "live.nl", "hotmail.ch", "yahoo.com.br", "hotmail.com.br", "yahoo.com.mx", "hotmail.com.ar", "yahoo.com.ar",
)))  # fmt: skip

# A name of these under a true ending is a mailbox of somebody's, whatever the country.
_COUNTRIES = {
    "gmx": "at biz ch cn com co.uk de es eu fr hk info it li net org ph pt ru se sg tm tw us",
    "hotmail": "at be ca ch cl co.id co.il co.jp co.kr co.nz co.th co.uk co.za com com.ar com.au com.br com.hk com.mx com.my"
    " com.ph com.sg com.tr com.tw com.vn cz de dk es fi fr gr hu ie it jp lt lv my nl no ph rs se sg sk",
    "live": "at be ca ch cl cn co.jp co.kr co.uk co.za com com.ar com.au com.mx com.my com.ph com.pt com.sg de dk fi fr hk"
    " ie in it jp nl no ru se",
    "outlook": "at be cl co.id co.il co.th co.uk com com.ar com.au com.br com.gr com.tr com.vn cz de dk es fr hu ie in it jp"
    " kr lv my ph pt ro sa sg sk",
    "yahoo": "at be bg ca ch cl cn co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.ve co.za com com.ar com.au com.br"
    " com.cn com.co com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.ve com.vn cz de dk es fi fr gr hr hu ie in"
    " it lt lv nl no pl pt ro se sk",
}
# Of these only the ending "com" takes mail: any other one is a slip.
ONLY_COM = frozenset(("gmail", "googlemail", "icloud"))
# Of these Colombia, Cameroon and Oman are slips of "com".
OFTEN_COM = ONLY_COM | frozenset(("hotmail", "outlook", "yahoo", "protonmail"))

# Smaller providers and names that stand near a large one and are themselves: never questioned.
_OTHERS = frozenset((
    "1und1.de", "9online.fr", "a1.net", "alice.de", "alice-dsl.net", "alive.it", "ameritech.net", "aol.co.uk", "aol.es",
    "aol.it", "aon.at", "arco.de", "aruba.it", "bell.net", "btopenworld.com", "caramail.com", "caramail.fr", "carter.net",
    "cegetel.net", "centurylink.net", "chatter.net", "chello.at", "cloud.com", "dbmail.com", "email.com", "email.de",
    "email.fr", "euskaltel.net", "ewe.net", "ewetel.net", "fastweb.it", "fastwebmail.it", "frontier.com", "frontiernet.net",
    "gail.com", "hetnet.nl", "hispeed.ch", "home.nl", "inmail.com", "internet.com", "inwind.it", "iol.it", "juno.com",
    "kabelmail.de", "kpnmail.nl", "libera.it", "liber.it", "libertysurf.fr", "libro.it", "lycos.de", "magenta.de", "mail.fr",
    "mail.it", "mailo.com", "mindspring.com", "netcologne.de", "netcourrier.com", "netzero.net", "noos.fr", "nordnet.fr",
    "numericable.com", "o2.co.uk", "o2mail.de", "o2online.de", "online.de", "ono.com", "optonline.net", "orage.fr",
    "orange.com", "orange.es", "orange.net", "pacbell.net", "pec.it", "planet.nl", "post.com", "poste.de", "poste.it",
    "prodigy.net", "proton.com", "proto.me", "proximus.be", "range.fr", "rogers.com", "scarlet.be", "shaw.ca", "suddenlink.net",
    "sunrise.ch", "t-mobile.de", "telefonia.net", "telekom.de", "telnet.be", "telus.net", "terra.es", "tim.it",
    "tiscali.co.uk", "unitybox.de", "versanet.de", "videotron.ca", "vodafone.de", "vodafone.it", "vodafonemail.de", "voila.fr",
    "voo.be", "wanadoo.es", "windstream.net", "xs4all.nl", "ya.com", "zmail.com", "ziggo.nl",
))  # fmt: skip

KNOWN = (
    FREE_MAIL
    | frozenset(TARGETS)
    | _OTHERS
    | frozenset(f"{name}.{ending}" for name, endings in _COUNTRIES.items() for ending in endings.split())
)
