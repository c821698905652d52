"""`check --online` and `check --live`: what only the world can say of a configuration. Changes nothing in the store."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from maildesk import clock
from maildesk.config import Config, Imap
from maildesk.control import ask
from maildesk.doors.imap import try_out
from maildesk.errors import MaildeskError
from maildesk.mail import address as addresses
from maildesk.mail.compose import Outgoing, compose
from maildesk.mail.token import Keyring, Purpose, make_message_id
from maildesk.oauth import TokenSource
from maildesk.resolver import Resolver
from maildesk.smarthost import Accepted, Fate, RelayDown, open_road
from maildesk.smarthost import Outgoing as Wire
from maildesk.state import store_path
from maildesk.store import ledger
from maildesk.store.keys import load as load_keys
from maildesk.store.sqlite import SqliteEngine

# A letter to ourselves takes the relay's time and the way back; IMAP folders are polled once a minute.
_RETURN_S = 90.0
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: its configuration key, what was seen, and whether that is good; a warning fails nothing."""

    path: str
    message: str
    is_good: bool
    is_warning: bool = False


def try_online(config: Config) -> Iterator[Finding]:
    """Store, DNS, names, relay, IMAP folders, and one letter to the signed address form; each as soon as it is known."""
    yield _tried("store.url", lambda: _store(config))
    if config.trust.verify != "none":
        yield _tried("trust.resolvers", lambda: _dns(config.trust.resolvers))
    for path, host in _hosts(config):
        yield _tried(path, lambda host=host: _resolve(host))  # type: ignore[misc]
    for number, settings in enumerate(config.imap):
        yield _tried(f"imap[{number}]", lambda settings=settings: _imap(settings))  # type: ignore[misc]
    yield from _login_domains(config)
    for number, mailbox in enumerate(config.mailbox):
        yield _tried(f"mailbox[{number}].reply_address", lambda address=mailbox.address: _letter(config, address))  # type: ignore[misc]


def _login_domains(config: Config) -> Iterator[Finding]:
    """Mailboxes in a domain where people of the company have addresses too.

    Services let anybody in who reads a code that they mail to such an address ("join with your company's address"), and
    a desk's address is one that strangers make codes be sent to. Codes are held for admins; a domain of its own is safer.
    """
    people = {addresses.split(agent.address)[1] for agent in config.agent}
    for number, mailbox in enumerate(config.mailbox):
        domain = addresses.split(mailbox.address)[1]
        if domain in people:
            yield Finding(
                f"mailbox[{number}].address",
                f"{domain} is also the domain of agents' own addresses: services that let everybody of a domain in would let in "
                f"whoever reads this desk's mail; a domain of its own, as help.{domain}, is safer",
                True,
                is_warning=True,
            )


def _tried(path: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(path, work(), True)
    except (MaildeskError, OSError) as error:
        return Finding(path, str(error), False)


def _store(config: Config) -> str:
    path = store_path(config)
    if not path.exists():
        return f"no database yet; the first `maildesk serve` makes {path}"
    engine = SqliteEngine(path)
    try:
        waiting = engine.read(lambda tx: ledger.list_received(tx, 1))
    finally:
        engine.close()
    return "the database can be read" + (", a mail waits to be worked on" if waiting else "")


def _dns(servers: tuple[str, ...]) -> str:
    named = ", ".join(servers) or "the system's servers"

    async def answers() -> bool:
        return await Resolver(servers).answers()

    if not asyncio.run(answers()):
        raise MaildeskError(f"the DNS does not answer ({named}): nothing can be checked of who wrote a mail")
    return f"the DNS answers ({named})"


def _hosts(config: Config) -> Iterator[tuple[str, str]]:
    if config.relay.host:
        yield "relay.host", config.relay.host
    for number, settings in enumerate(config.imap):
        yield f"imap[{number}].host", settings.host


def _resolve(host: str) -> str:
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return f"{host} is {', '.join(sorted(found))}"


def _imap(settings: Imap) -> str:
    return f"signed in at {settings.host}, {try_out(settings)} mails in {settings.folder}"


def _letter(config: Config, mailbox: str) -> str:
    """Send one letter through the relay to the mailbox's signed form; with a daemon running, see it arrive."""
    keyring = load_keys(config.desk.keys_file) if config.desk.keys_file.exists() else None
    if keyring is None:
        raise MaildeskError(
            "no signing keys yet; start the desk once, then a letter to its signed address can be tried"
        )
    letter = _probe(config, keyring, mailbox)
    fate = asyncio.run(_send(config, letter[0]))
    if not isinstance(fate, Accepted):
        raise RelayDown(f"the relay did not take a letter to {letter[0].recipient}: {getattr(fate, 'why', 'unsure')}")
    try:
        ask(config.desk.state_dir / "control.sock", "live")
    except MaildeskError:
        return "the relay took a letter to the signed address; start the desk to see it come back"
    engine = SqliteEngine(store_path(config))
    try:
        deadline = time.monotonic() + _RETURN_S
        while not engine.read(lambda tx: ledger.list_lines_of(tx, letter[1])):
            if time.monotonic() > deadline:
                raise MaildeskError(
                    f"a letter to {letter[0].recipient} left and did not come back in {_RETURN_S:.0f} s: does the mail server "
                    'deliver addresses with a tag? reply_address has other forms, "none" among them'
                )
            time.sleep(_LOOK_S)
    finally:
        engine.close()
    return "a letter to the signed address left by the relay and came back"


def _probe(config: Config, keyring: Keyring, mailbox: str) -> tuple[Wire, str]:
    """The letter and its Message-ID. It names ticket 0: the desk knows it for its own and ignores it."""
    form = next(m.reply_address for m in config.mailbox if m.address == mailbox)
    to = addresses.with_token(mailbox, form, keyring.sign(Purpose.CUSTOMER_REPLY, 0)) or mailbox
    chance = int.from_bytes(clock.fresh_bytes(6), "big")
    message_id = make_message_id(keyring, "v", 0, 0, chance, Purpose.MESSAGE_ID)
    content = compose(
        Outgoing(
            from_name=config.desk.name,
            from_address=mailbox,
            to=to,
            subject=f"{config.desk.name}: check --online",
            message_id=message_id,
            date=clock.now(),
            text="`maildesk check --online` sent this letter to see that it arrives.\n",
            desk_id=keyring.desk_id,
            auto_submitted="auto-generated",
        )
    )
    return Wire(mailbox, to, content), message_id


async def _send(config: Config, letter: Wire) -> Fate:
    async def ours() -> bool:
        return True

    tokens = TokenSource(config.relay.oauth2) if config.relay.oauth2 else None
    road = await open_road(config.relay, tokens)
    try:
        return await road.send(letter, ours)
    finally:
        await road.close()


def try_live(config: Config) -> list[Finding]:
    """What stands still, as the running daemon sees it. Raises NotRunning."""
    answer = ask(config.desk.state_dir / "control.sock", "live")
    rows = answer.get("standing", []) if isinstance(answer, dict) else []
    return [
        Finding(
            f"{row['what']} {row['name']}".strip(), f"stands still since {row['since']} {row['detail']}".strip(), False
        )
        for row in rows
    ]
