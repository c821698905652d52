"""T67: the desk never looks at a picture and never follows a link: its sockets lead to the relay, to DNS and to nobody else."""

from __future__ import annotations

import re
from pathlib import Path

from tests.threat.wire import mail, wired
from tests.wait import until

# Everything by which a mail asks its reader to fetch something.
HTML = """<html><head><link rel=stylesheet href="http://{bait}/s.css"><base href="http://{bait}/">
<meta http-equiv=refresh content="0;url=http://{bait}/m"><style>@import "http://{bait}/i.css";
body {{ background: url(http://{bait}/b.png) }}</style></head><body background="http://{bait}/bg.png">
<img src="http://{bait}/1.png"><img srcset="http://{bait}/2.png 2x"><iframe src="http://{bait}/f"></iframe>
<object data="http://{bait}/o"></object><embed src="http://{bait}/e"><video poster="http://{bait}/p"></video>
<svg><image href="http://{bait}/svg.png"/></svg><a href="http://{bait}/reset?confirm=1" ping="http://{bait}/ping">click</a>
<form action="http://{bait}/post"><input type=image src="http://{bait}/in.png"></form></body></html>"""
SVG = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "http://{bait}/xxe">]><svg><image href="http://{bait}/s"/>&e;</svg>'
EXTERNAL = (
    'Content-Type: message/external-body; access-type=URL; URL="http://{bait}/body"\r\n\r\n'
    "Content-Type: text/plain\r\n\r\n"
)
FIELDS = (
    "Disposition-Notification-To: read@{host}\r\nReturn-Receipt-To: read@{host}\r\nX-Confirm-Reading-To: read@{host}\r\n"
    "List-Unsubscribe: <http://{bait}/u>\r\nX-Image-URL: http://{bait}/face.png\r\nFace: aGVsbG8=\r\n"
)


def hostile(bait: str) -> bytes:
    """A mail with all of it, and a picture that is a bomb to whoever unpacks it."""
    parts = (
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML.format(bait=bait)}",
        f"Content-Type: image/svg+xml; name=a.svg\r\n\r\n{SVG.format(bait=bait)}",
        EXTERNAL.format(bait=bait),
        "Content-Type: image/png; name=bomb.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "iVBORw0KGgoAAAANSUhEUgAAw1AAAMNQCAYAAAB3vq8JAAAA",
        "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"
        f"ATTACH:http://{bait}/cal\r\nURL:http://{bait}/url\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--"
    fields = FIELDS.format(bait=bait, host="bait.test") + "Content-Type: multipart/mixed; boundary=b\r\n"
    return mail("t67 bait", body.encode(), fields=fields.encode())


def test_no_socket_leads_elsewhere(tmp_path: Path) -> None:
    """While a mail full of bait is read and told to an agent, every connect of the daemon and of its children, as the kernel
    saw it, is to the relay, to a name server or within this machine's files."""
    trace = tmp_path / "trace"
    # -D: the daemon is our own child, so that it hears our signals.
    strace = (
        "strace",
        "-D",
        "-f",
        "-qq",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-e",
        "signal=none",
        "-o",
        str(trace),
    )
    with wired(tmp_path, prefix=strace) as wire:
        assert wire.gives(hostile("192.0.2.66:80"))["outcome"] == "ticket"
        wire.letter("ana@desk.test", "t67 bait")
        wire.left()
        assert wire.desk.stop() == 0
        relay = str(wire.sink.port)
    calls = until(lambda: trace.read_text(errors="replace"))
    targets = set(
        re.findall(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([^"]+)")', calls)
    )
    assert (relay, "127.0.0.1", "") in targets
    assert {target for target in targets if target[0] not in (relay, "53")} == set()
    assert "192.0.2.66" not in calls
