"""The configuration: what is refused, all of it at once, and what the example promises."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from maildesk.config import Config, Imap, OAuth2, find_config, load, notes, parse_listen, read_secret, refuse_unbuilt
from maildesk.errors import BadConfig
from tests.conftest import ROOT, SMALLEST

Write = Callable[[str], Path]

EXAMPLE = ROOT / "config.example.toml"
# Keys whose default cannot be shown: what they hold in the example is an example.
SHOWN = {
    "desk.name",
    "mailbox.address",
    "agent.address",
    "imap.host",
    "imap.mailbox",
    "imap.password_file",
    "imap.oauth2",
    "relay.host",
    "relay.maildir",
    "relay.oauth2",
    "form.from",
    "organisation.name",
    "organisation.domains",
}


def problems(path: Path, **how: Any) -> dict[str, str]:
    """Each problem's path and sentence."""
    with pytest.raises(BadConfig) as caught:
        load(path, **how)
    assert len({problem.path for problem in caught.value.problems}) == len(caught.value.problems)
    return {problem.path: str(problem) for problem in caught.value.problems}


def uncommented() -> str:
    """The example with the tables and keys that stand behind "# "."""
    return re.sub(r"^# (?=\[|[a-z_0-9]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def models() -> dict[str, type[BaseModel]]:
    """Each table's model, found in Config's own fields."""
    found = {}
    for name, field in Config.model_fields.items():
        text = str(field.annotation)
        inner = re.search(r"maildesk\.config_tables\.(\w+)", text)
        assert inner is not None, text
        found[name] = getattr(__import__("maildesk.config_tables", fromlist=["x"]), inner[1])
    return found


def keys(model: type[BaseModel]) -> dict[str, Any]:
    """Each key's default as TOML writes it; None for a required one."""
    defaults: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = None if field.is_required() else field.default
        plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
        defaults[field.alias or name] = "" if plain is None and not field.is_required() else plain
    return defaults


def test_the_example_loads_as_it_is(tmp_path: Path) -> None:
    """config.example.toml is a configuration without a mistake."""
    path = tmp_path / "maildesk.toml"
    path.write_text(EXAMPLE.read_text())
    assert load(path).desk.name == "Example Support"


def test_the_example_loads_with_every_table_that_it_only_shows(tmp_path: Path) -> None:
    """What stands behind "# " is right too: a mailbox with a password, a form."""
    text = re.sub(r"^(oauth2|maildir) = .*\n", "", uncommented(), flags=re.MULTILINE)
    (tmp_path / "imap-password").write_text("secret")
    (tmp_path / "imap-password").chmod(0o600)
    path = tmp_path / "maildesk.toml"
    path.write_text(text)
    config = load(path)
    assert config.imap[0].username == "support@example.com"
    assert config.form[0].from_ == "wordpress@example.com"


def test_the_example_holds_every_key_at_its_default() -> None:
    """Each key of each table stands in the example with the value it has when it is missing, and no other key does."""
    shown = tomllib.loads(uncommented())
    assert list(shown) == list(models())
    for name, model in models().items():
        table = shown[name][0] if isinstance(shown[name], list) else shown[name]
        defaults = keys(model)
        assert set(table) == set(defaults), name
        for key, default in defaults.items():
            if f"{name}.{key}" not in SHOWN:
                assert table[key] == default, f"{name}.{key}"
    assert set(shown["imap"][0]["oauth2"]) == set(keys(OAuth2))


def test_every_key_of_the_example_has_a_sentence_above_it() -> None:
    """A key's line follows a comment that ends like a sentence."""
    lines = EXAMPLE.read_text().splitlines()
    found = 0
    for above, line in pairwise(lines):
        if re.match(r"(# )?[a-z_0-9]+ = ", line):
            found += 1
            assert re.fullmatch(r"# [A-Z].*[.]", above), line
    assert found > 60


def test_an_unknown_key_is_named_with_the_nearest(write_config: Write) -> None:
    """A slip of the pen costs one look: path, and what was meant."""
    found = problems(write_config(SMALLEST + "[lmtp]\nlisen = '127.0.0.1:1'\n[webb]\n"))
    assert found == {
        "lmtp.lisen": 'lmtp.lisen: unknown key, did you mean "listen"?',
        "webb": 'webb: unknown table, did you mean "web"?',
    }


def test_all_errors_come_at_once(write_config: Write) -> None:
    """Types, values, missing keys and impossible pairs are told together, each once, with its value."""
    found = problems(
        write_config("""
            [desk]
            timezone = "europe/pari"
            first_number = "1"
            [[mailbox]]
            address = "support"
            [[mailbox]]
            address = "a@x.org"
            aliases = ["b@x.org", "B@X.ORG"]
            confirm = 1
            reply_address = "plsu"
            [smtp]
            listen = "127.0.0.1"
            tls = "startls"
            [relay]
            host = "h"
            maildir = "m"
            port = 70000
            [[imap]]
            host = "h"
            mailbox = "c@x.org"
            oauth2 = { comand = "x" }
        """)
    )
    assert found == {
        "desk.name": "desk.name: is missing",
        "desk.timezone": 'desk.timezone: "europe/pari" is not a time zone, did you mean "Europe/Paris"?',
        "desk.first_number": 'desk.first_number: "1" must be a whole number',
        "mailbox[0].address": 'mailbox[0].address: "support" is not an address',
        "mailbox[1].confirm": "mailbox[1].confirm: 1 must be true or false",
        "mailbox[1].reply_address": 'mailbox[1].reply_address: "plsu" must be "plus", "minus", '
        '"domain:reply.example.com" or "none", did you mean "plus"?',
        "mailbox[1].aliases[1]": 'mailbox[1].aliases[1]: "B@X.ORG" is mailbox[1].aliases[0] already, '
        "an address stands once",
        "smtp.listen": 'smtp.listen: "127.0.0.1" must be like "127.0.0.1:25", "[::1]:25", "unix:smtp.sock" or "fd:smtp"',
        "smtp.tls": 'smtp.tls: "startls" must be one of "none", "starttls", "implicit", did you mean "starttls"?',
        "relay.port": "relay.port: 70000 must be at most 65535",
        "relay.maildir": "relay.maildir: stands beside a host, keep one",
        "imap[0].oauth2.comand": 'imap[0].oauth2.comand: unknown key, did you mean "command"?',
    }


def test_what_is_required_is_asked_for(write_config: Write) -> None:
    """An empty file lacks a desk, a mailbox, a relay and a door."""
    assert set(problems(write_config(""))) == {"desk", "mailbox", "relay", ""}


def test_a_mistake_of_syntax_has_its_line(write_config: Write) -> None:
    """What is not TOML is one problem, with the place."""
    found = problems(write_config("[desk]\nname = \n"))
    assert list(found) == [""]
    assert "line 2" in found[""]


@pytest.mark.parametrize(
    "text", ["desk = 3", "[mailbox]\naddress = 'a@x.org'", "[[relay]]", "imap = ['x']", "smtp = true"]
)
def test_a_table_of_the_wrong_kind_is_refused(write_config: Write, text: str) -> None:
    """One bracket for two, a value for a table: the name is told, and no traceback."""
    name = re.sub(r"\W.*", "", text.strip("["), flags=re.DOTALL)
    assert name in problems(write_config(text))


RELAY = '[relay]\nhost = "mail.example.com"\n'
DESK = '[desk]\nname = "D"\n'
BOX = '[[mailbox]]\naddress = "support@example.com"\n'
AGENT = '[[agent]]\naddress = "ana@example.com"\n'
IMAP = '[[imap]]\nhost = "h"\nmailbox = "support@example.com"\noauth2 = { command = "x" }\n'
ORG = '\n[[organisation]]\nname = "Client"\n'
PAIRS = {
    "no mail door": (DESK + BOX + RELAY + "[web]", ""),
    "an agent who is a mailbox": (SMALLEST + '[[agent]]\naddress = "Support@EXAMPLE.com"', "agent[0].address"),
    "an alias that is a mailbox": (
        SMALLEST + '[[mailbox]]\naddress = "b@x.org"\naliases = ["support@example.com"]',
        "mailbox[1].aliases[0]",
    ),
    "a relay without a place": (DESK + BOX + "[smtp]\n[relay]\nhost = ''", "relay.host"),
    "a relay that is our SMTP door": (DESK + BOX + '[smtp]\n[relay]\nhost = "localhost"\nport = 2525', "relay.host"),
    "a relay that is our LMTP door": (
        DESK + BOX + '[lmtp]\nlisten = "0.0.0.0:24"\n[relay]\nhost = "127.0.0.1"\nport = 24',
        "relay.host",
    ),
    "a relay that is our maildrop": (
        DESK + BOX + '[maildrop]\n[relay]\nmaildir = "maildesk-data/maildrop"',
        "relay.maildir",
    ),
    "two doors in one place": (SMALLEST + '[lmtp]\nlisten = "127.0.0.1:2525"', "lmtp.listen"),
    "plain http to the world": (SMALLEST + '[web]\npublic_url = "http://help.example.com"', "web.public_url"),
    "a base address too long to sign": (
        SMALLEST + f'[[mailbox]]\naddress = "{"a" * 32}@example.com"',
        "mailbox[1].address",
    ),
    "an address too long to sign": (
        SMALLEST + f'[[mailbox]]\naddress = "a@{"b" * 60}.{"c" * 60}.{"d" * 60}.{"e" * 39}"',
        "mailbox[1].address",
    ),
    "a plus in a base address": (SMALLEST + '[[mailbox]]\naddress = "a+b@example.com"', "mailbox[1].reply_address"),
    "IMAP for no mailbox": (SMALLEST + IMAP.replace("support@", "suport@"), "imap[0].mailbox"),
    "IMAP without a secret": (SMALLEST + IMAP.replace('oauth2 = { command = "x" }', ""), "imap[0].oauth2"),
    "a password in the clear": (SMALLEST + IMAP + 'tls = "none"', "imap[0].tls"),
    "an agent of no mailbox": (SMALLEST + AGENT + 'mailboxes = ["sales@example.com"]', "agent[0].mailboxes[0]"),
    "an agent's language that is not spoken": (SMALLEST + AGENT + 'language = "it"', "agent[0].language"),
    "TLS without a certificate": (
        SMALLEST.replace("[smtp]", '[smtp]\ntls = "starttls"\ncert_file = "/dev/null"'),
        "smtp.key_file",
    ),
    "a login without a secret": (SMALLEST + 'username = "u"', "relay.username"),
    "OAuth by half": (SMALLEST + 'username = "u"\noauth2 = { token_url = "https://x.org" }', "relay.oauth2"),
    "OAuth in two ways": (
        SMALLEST + 'username = "u"\noauth2 = { command = "x", token_url = "https://x.org" }',
        "relay.oauth2",
    ),
    "a group that is none": (SMALLEST + '[maildrop]\npath = "/srv/x"\ngroup = "nobody-at-all"', "maildrop.group"),
    "a group that cannot get there": (SMALLEST + '[maildrop]\ngroup = "mail"', "maildrop.path"),
    "a socket whose group cannot get there": (
        SMALLEST + '[lmtp]\nlisten = "unix:lmtp.sock"\nsocket_group = "mail"',
        "lmtp.listen",
    ),
    "an agent who is refused": (
        SMALLEST + AGENT + '[trust]\nreject = ["Example.COM"]\nallow = ["example.com"]',
        "trust.reject[0]",
    ),
    "a mailbox that is held": (SMALLEST + '[trust]\nhold = ["x.org", "Support@example.com"]', "trust.hold[1]"),
    "a form that is an agent": (SMALLEST + AGENT + '[[form]]\nfrom = "ana@example.com"', "form[0].from"),
    "a form twice": (SMALLEST + '[[form]]\nfrom = "w@x.org"\n[[form]]\nfrom = "W@X.org"', "form[1].from"),
    "an organisation of free mail": (
        SMALLEST + ORG + 'domains = ["client.test", "GMail.com"]',
        "organisation[0].domains[1]",
    ),
    "a domain of two organisations": (
        SMALLEST + ORG + 'domains = ["client.test"]' + ORG + 'domains = ["x.test", "Client.test."]',
        "organisation[1].domains[1]",
    ),
    "a certificate that is not there": (SMALLEST + 'ca_file = "none.pem"', "relay.ca_file"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_an_impossible_pair_is_refused(write_config: Write, case: str) -> None:
    """What cannot be together is one problem with its path."""
    text, path = PAIRS[case]
    assert list(problems(write_config(text))) == [path]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("[limits]\nmax_mail_bytes = 1.5", "limits.max_mail_bytes"),
        ("[limits]\nmax_mail_bytes = true", "limits.max_mail_bytes"),
        ('[trust]\nrelays = ["300.1.1.1"]', "trust.relays[0]"),
        ('[trust]\nrelays = "unix"', "trust.relays"),
        ('[lmtp]\nsocket_mode = "0999"', "lmtp.socket_mode"),
        ('[lmtp]\nlisten = "::1:24"', "lmtp.listen"),
        ('[lmtp]\nlisten = "127.0.0.1:0"', "lmtp.listen"),
        ('[lmtp]\nlisten = "unix:"', "lmtp.listen"),
        ('[store]\nurl = "mysql:x"', "store.url"),
        ('[maildrop]\npath = ""', "maildrop.path"),
        ('[maildrop]\npath = "a\\u0000b"', "maildrop.path"),
        ('[[form]]\nfrom = "x"', "form[0].from"),
        ('[[organisation]]\nname = "Client"\ndomains = []', "organisation[0].domains"),
        ('[[organisation]]\nname = "Client"\ndomains = ["lea@client.test"]', "organisation[0].domains[0]"),
        ('[[organisation]]\nname = "Client"\ndomains = ["test"]', "organisation[0].domains[0]"),
        ('[trust]\nreject = ["evil"]', "trust.reject[0]"),
        ('[trust]\nhold = ["evil.test", "@evil.test"]', "trust.hold[1]"),
        ('[trust]\nallow = ["192.0.2.0/33"]', "trust.allow[0]"),
        ('[[agent]]\naddress = "a@b@c.org"', "agent[0].address"),
        ('[[agent]]\naddress = "a@x.org"\nname = "A\\nBcc: b@x.org"', "agent[0].name"),
        ('[[agent]]\naddress = "a@x.org"\nrole = "amin"', "agent[0].role"),
        (
            '[[imap]]\nhost = "h"\nmailbox = "support@example.com"\noauth2 = {command="x"}\ndone = "move:"',
            "imap[0].done",
        ),
    ],
)
def test_an_impossible_value_is_refused(write_config: Write, line: str, path: str) -> None:
    """A value that has no meaning is an error like a wrong type."""
    assert list(problems(write_config(SMALLEST + line))) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_that_others_can_read_is_refused(write_config: Write, tmp_path: Path, mode: int) -> None:
    """Group or world: the sentence says what to do."""
    secret = tmp_path / "pw"
    secret.write_text("x")
    secret.chmod(mode)
    found = problems(write_config(SMALLEST + 'username = "u"\npassword_file = "pw"'))
    assert list(found) == ["relay.password_file"]
    assert "chmod 600" in found["relay.password_file"]
    with pytest.raises(BadConfig, match="can be read by others"):
        read_secret(secret)


def test_a_secret_comes_from_the_credentials_when_it_is_not_beside(
    write_config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd's credential of that name is read, with the access list's group right; one line break is no part of it."""
    path = write_config(SMALLEST + 'username = "u"\npassword_file = "secrets/pw"')
    assert list(problems(path)) == ["relay.password_file"]
    assert load(path, looks_at_secrets=False).relay.password_file == tmp_path / "secrets/pw"
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "pw").write_text("hunter 2\n\n")
    (credentials / "pw").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    found = load(path).relay.password_file
    assert found is not None
    assert read_secret(found) == "hunter 2\n"


def test_paths_are_absolute_after_load(write_config: Write, tmp_path: Path) -> None:
    """What the desk keeps lies in state_dir, the rest beside the file."""
    config = load(
        write_config(
            DESK + 'state_dir = "state"\ntemplates = "own"\n' + BOX + "[maildrop]\n[lmtp]\nlisten = 'unix:lmtp.sock'\n"
            "[relay]\nmaildir = 'outgoing'"
        )
    )
    assert config.store.url == f"sqlite:{tmp_path}/state/maildesk.db"
    assert config.desk.keys_file == tmp_path / "state/keys"
    assert config.desk.templates == str(tmp_path / "own")
    assert config.maildrop is not None
    assert config.maildrop.path == tmp_path / "state/maildrop"
    assert config.lmtp is not None
    assert config.lmtp.listen == f"unix:{tmp_path}/state/lmtp.sock"
    assert config.relay.maildir == tmp_path / "outgoing"


def test_a_language_needs_templates(write_config: Write) -> None:
    """The desk speaks what its templates can, and the admin's folder counts."""
    path = write_config(SMALLEST.replace("[[mailbox]]", 'languages = ["fr", "nl"]\ntemplates = "own"\n[[mailbox]]'))
    asked: list[str] = []

    def spoken(folder: str) -> tuple[str, ...]:
        asked.append(folder)
        return ("en", "fr")

    assert list(problems(path, spoken=spoken)) == ["desk.languages[1]"]
    assert asked == [str(path.parent / "own")]


def test_find_config_takes_the_first_that_is_named(
    write_config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config, then the environment, then here; nothing named and nothing here is a configuration error."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfig, match="maildesk init"):
        find_config(None)
    path = write_config(SMALLEST)
    assert find_config(None) == path
    monkeypatch.setenv("MAILDESK_CONFIG", "other.toml")
    assert find_config(None) == tmp_path / "other.toml"
    assert find_config("/given.toml") == Path("/given.toml")


def test_what_is_not_built_is_said(write_config: Write) -> None:
    """Each setting that does nothing yet has its line, and the proof in force is named."""
    text = SMALLEST + '[web]\nagents_read = true\n[trust]\nverify = "mx"\nconfirm_unproved = "verify-first"\n'
    config = load(write_config(text + '[store]\nurl = "postgresql://h/d"'))
    said = "\n".join(notes(config))
    for name in (
        "PostgreSQL",
        "aligned is in force",
    ):
        assert name in said
    with pytest.raises(BadConfig):
        refuse_unbuilt(config)


@pytest.mark.parametrize(
    ("trust", "in_force"),
    [
        ("", "aligned"),
        ("verify = 'none'", "token"),
        ("authserv_ids = ['mx.x.org']", "aligned"),
        ("verify = 'none'\nmicrosoft_tenant = '7f3c2a10-0000-4000-8000-0123456789ab'", "aligned"),
        ("agent_proof = 'token'\nverify = 'dkim'", "token"),
    ],
)
def test_the_proof_of_an_agent_follows_what_is_configured(write_config: Write, trust: str, in_force: str) -> None:
    """Empty is aligned where any proof is configured; what is written wins."""
    config = load(write_config(f"{SMALLEST}[trust]\n{trust}"))
    assert config.agent_proof_in_force == in_force
    assert in_force in notes(config)[-1]


def test_addresses_stay_as_they_were_written(write_config: Write) -> None:
    """Comparing folds letters; showing does not."""
    config = load(write_config(SMALLEST.replace("support@example.com", "Support@Example.COM")))
    assert config.mailbox[0].address == "Support@Example.COM"


def test_the_imap_login_is_the_mailbox_unless_it_is_written(write_config: Write) -> None:
    """Most providers' logins are the address."""
    imap: Imap = load(write_config(SMALLEST + IMAP)).imap[0]
    assert imap.username == "support@example.com"


@given(
    st.dictionaries(
        st.sampled_from(["desk", "mailbox", "relay", "smtp", "imap", "web", "trust", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["address", "host", "name", "oauth2", "mailbox", "y"]), inner, max_size=4
                )
            ),
            max_leaves=12,
        ),
    )
)
def test_no_file_makes_load_fail_otherwise(tmp_path_factory: pytest.TempPathFactory, raw: dict[str, Any]) -> None:
    """Whatever tables hold, the answer is a Config or BadConfig with problems."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{key} = {_toml(value)}" for key, value in raw.items() if value is not None), "utf-8")
    with suppress(BadConfig):
        load(path)


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(_toml(item) for item in value if item is not None) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items() if item is not None) + "}"
        case str():
            return (
                '"' + "".join(f"\\U{ord(letter):08x}" for letter in value if not "\ud800" <= letter <= "\udfff") + '"'
            )
        case _:
            return str(value % 2**63 if isinstance(value, int) else '""')


@given(st.text(max_size=30))
def test_any_listen_is_a_place_or_a_sentence(text: str) -> None:
    """`parse_listen` raises nothing but ValueError."""
    with suppress(ValueError):
        assert parse_listen(text).kind in ("tcp", "unix", "fd")


def test_an_empty_relay_is_this_machines_mail_server(write_config: Callable[[str], Path]) -> None:
    """A missing key has its default: [relay] alone is 127.0.0.1, port 25."""
    relay = load(write_config(DESK + BOX + "[smtp]\n[relay]\n")).relay
    assert (relay.host, relay.port, relay.maildir) == ("127.0.0.1", 25, None)


def test_a_web_port_without_its_address_is_said(write_config: Write) -> None:
    """Links that begin with a socket's name, or with every address of the machine, lead nowhere: one line says so."""
    for listen, is_said in (("127.0.0.1:8080", False), ("[::1]:8080", False), ("0.0.0.0:8080", True), ("unix:w", True)):
        said = notes(load(write_config(SMALLEST + f'[web]\nlisten = "{listen}"\n')))
        assert any("public_url" in line for line in said) == is_said, listen


def test_a_proxy_that_nobody_named_is_said(write_config: Write) -> None:
    """Behind https and without [web] trusted_proxies the brakes of pages see the proxy alone."""
    for proxies, is_said in (("[]", True), ('["127.0.0.1"]', False)):
        text = f'[web]\npublic_url = "https://help.example.com"\ntrusted_proxies = {proxies}\n'
        assert any("trusted_proxies" in line for line in notes(load(write_config(SMALLEST + text)))) == is_said
