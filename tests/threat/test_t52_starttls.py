"""T52: what was sent before TLS does not count inside it (CVE-2011-0411): the session begins anew behind the handshake."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.threat.wire import Wire, mail, wired


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Wire]:
    """A desk that offers STARTTLS."""
    folder: Path = tmp_path_factory.mktemp("t52")
    issued = authority.issue_cert("desk.test")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    os.chmod(folder / "key.pem", 0o600)
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    with wired(folder, smtp='tls = "starttls"\ncert_file = "cert.pem"\nkey_file = "key.pem"') as found:
        yield found


INJECTED = (
    b"MAIL FROM:<eve@evil.test>\r\n",
    b"MAIL FROM:<eve@evil.test>\r\nRCPT TO:<support@desk.test>\r\n",
    b"EHLO evil.test\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n",
    b"MAIL FROM:<eve@evil.test>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\nSubject: injected\r\n\r\nx\r\n.\r\n",
)


@pytest.mark.parametrize(
    "before", [b"", b"MAIL FROM:<eve@evil.test>\r\n"], ids=["in one segment", "in a session begun"]
)
@pytest.mark.parametrize("injected", INJECTED, ids=["MAIL", "RCPT", "EHLO to DATA", "a whole mail"])
def test_nothing_sent_in_the_clear_runs_inside(
    secure: Wire, authority: trustme.CA, injected: bytes, before: bytes
) -> None:
    """Whatever stood before the handshake or came with STARTTLS in one segment: inside, nobody has said EHLO or MAIL."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    kept = len(secure.rows("SELECT id FROM mails"))
    with secure.client() as client:
        client.send(before)
        if before:
            client.reply()
        client.send(b"STARTTLS\r\n" + injected)
        assert client.reply().startswith("220 ")
        client.start_tls(trust)
        assert client.say("RCPT TO:<support@desk.test>").startswith("503 ")
        assert client.say("MAIL FROM:<lea@client.test>").startswith("503 ")
        assert "STARTTLS" not in client.say("EHLO client.test")
        assert client.say("RCPT TO:<support@desk.test>").startswith("503 ")
        assert len(secure.rows("SELECT id FROM mails")) == kept
        name = f"t52 {len(injected)} {len(before)}"
        assert client.mail("lea@client.test", ["support@desk.test"], mail(name)).startswith("250 ")
