"""Domains where anybody has a mailbox: what one of their people does says nothing of the others. Data; add to it freely."""

FREE_MAIL = frozenset({
    "163.com", "126.com", "139.com", "189.cn", "abv.bg", "alice.it", "aol.com", "arcor.de", "att.net", "bigpond.com",
    "bluewin.ch", "bol.com.br", "btinternet.com", "centrum.cz", "comcast.net", "cox.net", "daum.net", "docomo.ne.jp",
    "earthlink.net", "email.cz", "email.it", "ezweb.ne.jp", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr",
    "freemail.hu", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com",
    "hanmail.net", "hey.com", "hotmail.be", "hotmail.ca", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.es",
    "hotmail.fr", "hotmail.it", "hushmail.com", "icloud.com", "inbox.lv", "inbox.ru", "interia.pl", "kolabnow.com",
    "laposte.net", "libero.it", "list.ru", "live.ca", "live.co.uk", "live.com", "live.fr", "live.nl", "mac.com", "mail.com",
    "mail.de", "mail.ee", "mail.ru", "mailbox.org", "mailfence.com", "me.com", "msn.com", "naver.com", "neuf.fr",
    "ntlworld.com", "o2.pl", "onet.pl", "online.no", "orange.fr", "outlook.com", "outlook.de", "outlook.es", "outlook.fr",
    "outlook.it", "outlook.jp", "poczta.onet.pl", "posteo.de", "posteo.net", "post.cz", "proton.me", "protonmail.ch",
    "protonmail.com", "pm.me", "qq.com", "rambler.ru", "rediffmail.com", "rocketmail.com", "sapo.pt", "sbcglobal.net",
    "seznam.cz", "sfr.fr", "sina.com", "sky.com", "sohu.com", "sympatico.ca", "t-online.de", "talktalk.net", "telenet.be",
    "terra.com.br", "tiscali.it", "tuta.com", "tuta.io", "tutanota.com", "ukr.net", "uol.com.br", "verizon.net",
    "virgilio.it", "virginmedia.com", "volny.cz", "wanadoo.fr", "web.de", "wp.pl", "xtra.co.nz", "ya.ru", "yahoo.ca",
    "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it",
    "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
})  # fmt: skip
