"""The daemon: the only place where everything meets. Starts and stops rooms in order; decides nothing of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from zoneinfo import ZoneInfo

from maildesk import __version__, clock, log, rebuild, systemd
from maildesk.articles import Articles, folders_of
from maildesk.config import Config, Imap, Lmtp, Smtp, notes
from maildesk.control import Control
from maildesk.desk.directory import Directory, Recipient
from maildesk.desk.model import StandingStill
from maildesk.doors import dropbox
from maildesk.doors.imap import ImapDoor
from maildesk.doors.listen import open_socket, server_tls
from maildesk.doors.maildrop import MaildropDoor
from maildesk.doors.smtp import SmtpDoor
from maildesk.errors import BadConfig, MaildeskError, Problem
from maildesk.inbox import Inbox
from maildesk.jobs import Clockwork
from maildesk.keeper import KeyKeeper
from maildesk.mail.token import Keyring
from maildesk.relay import Relay
from maildesk.render import Renderer, template_folders
from maildesk.settle import Settler
from maildesk.standing import standing
from maildesk.state import Lock, first_counters, open_directory, prepare_state, store_path
from maildesk.store import ledger, tickets
from maildesk.store.outbox import ClaimedLetter
from maildesk.store.sqlite import SqliteEngine, StoreBusy, Tx
from maildesk.web.brakes import Brakes
from maildesk.web.door import WebDoor
from maildesk.web.mails import Mails
from maildesk.web.pages import Pages, make_pages
from maildesk.web.visit import Site
from maildesk.worker import Worker

# systemd's default TimeoutStopSec is 90 s.
DRAIN_S = 30.0


class Daemon:
    """One desk. `run` returns when it was told to stop and everything is down."""

    def __init__(self, load: Callable[[], Config]) -> None:
        """load: reads the configuration, at the start and at each reload; raises BadConfig."""
        self._load = load
        self._stop = asyncio.Event()
        self._broken: BaseException | None = None
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._rooms: list[asyncio.Task[None]] = []
        self._imap: list[ImapDoor] = []
        self._started_at = clock.now()
        self._keeper = KeyKeeper(lambda: self._config, self._use_keys)

    async def run(self) -> int:
        """Serve until SIGTERM; the exit code."""
        loop = asyncio.get_running_loop()
        config = self._load()
        prepare_state(config)
        lock = Lock(config.desk.state_dir)
        lock.take()
        try:
            self._apply(config)
            for line in notes(config):
                log.warning("note " + line)
            self._store = SqliteEngine(store_path(config), on_broken=lambda error: _call_soon(loop, self._break, error))
            self._store.migrate()
            self._store.start()
            try:
                self._store.write(lambda tx: first_counters(tx, config.desk.first_number)).result()
                await self._serve(config)
            finally:
                self._store.close()
        finally:
            lock.release()
        return 75 if self._broken else 0

    def _apply(self, config: Config) -> None:
        """Take a configuration into use: what a reload may change."""
        renderer = Renderer(template_folders(config.desk.templates or None), ZoneInfo(config.desk.timezone))
        pages = make_pages(config) if config.web is not None else None
        articles = Articles(folders_of(config.web.articles) if config.web else (), config.desk.languages)
        for problem in articles.problems:
            log.warning("article.refused", problem=problem)
        # Keys that were replaced meanwhile are not put back.
        with self._keeper.turn:
            directory = open_directory(config)
            self._config, self._renderer, self._pages, self._articles = config, renderer, pages, articles
            self._directory, self._settler = directory, Settler(directory, renderer)

    def _use_keys(self, keyring: Keyring) -> None:
        """Every mail and letter from now on knows the new keys."""
        self._directory = Directory(self._config, keyring)
        self._settler = Settler(self._directory, self._renderer)

    def _break(self, error: BaseException) -> None:
        """The disk failed under the database: stop at once rather than go on with what may be half there."""
        log.failure("store.broken", error)
        self._broken = error
        self._stop.set()

    async def _serve(self, config: Config) -> None:
        loop = asyncio.get_running_loop()
        self._worker = Worker(self._store, lambda: self._settler, lambda: self._relay.wake())
        self._inbox = Inbox(self._store, lambda: self._directory, config.desk.state_dir, self._worker.wake)
        self._relay = Relay(self._store, config.relay, self._letter_failed)
        renew = self._keeper.rotate_when_due
        articles = lambda: self._articles  # noqa: E731
        clockwork = Clockwork(self._store, lambda: self._settler, self._standing, self._relay.wake, renew, articles)
        handlers = {"live": self._live, "reload": self._reload_asked, "rebuild": self._rebuild, "held": self._held}
        handlers["rotate-keys"] = self._keeper.rotate_asked
        control = Control(config.desk.state_dir / "control.sock", handlers)
        worker_stop, relay_task = asyncio.Event(), asyncio.ensure_future(self._relay.run())
        worker_task = asyncio.ensure_future(self._worker.run(worker_stop))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            await control.start()
            await self._open_doors(config)
            clockwork.start()
            systemd.sd_notify("READY=1", f"MAINPID={os.getpid()}")
            log.event("desk.ready", desk=self._directory.keyring.desk_id, pid=os.getpid())
            # What was loaded by now lives as long as the desk; a collection that visits all of it keeps a page waiting for 50 ms.
            gc.freeze()
            await self._watch(worker_task, relay_task, *self._rooms)
            systemd.sd_notify("STOPPING=1")
        finally:
            clockwork.stop()
            # Together: while one waits for a mail that is coming in, no other takes a new one.
            closed = await asyncio.gather(*(close() for close in self._closers), return_exceptions=True)
            for error in closed:
                if isinstance(error, BaseException):
                    log.failure("desk.door", error)
            worker_stop.set()
            await asyncio.wait({worker_task}, timeout=DRAIN_S)
            self._relay.stop()
            _, late = await asyncio.wait({relay_task}, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(worker_task, relay_task, return_exceptions=True)
            await control.close()
            log.event("desk.stopped")

    async def _watch(self, *tasks: asyncio.Task[None]) -> None:
        """Until SIGTERM; feeds systemd's watchdog while the writer answers. A room that dies stops the desk."""
        stopping = asyncio.ensure_future(self._stop.wait())
        interval = systemd.watchdog_interval_s()
        while not self._stop.is_set():
            done, _ = await asyncio.wait({stopping, *tasks}, timeout=interval, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                error = task.exception()
                self._broken = error or RuntimeError("a room of the desk ended")
                log.failure("desk.room", self._broken)
                self._stop.set()
            if interval is not None and not self._stop.is_set():
                # The watchdog vouches for the writer, not for this loop alone.
                try:
                    await asyncio.wrap_future(self._store.write(lambda tx: tx.find("counter", name="ticket")))
                except StoreBusy:
                    # The writer answers: somebody else has locked the database, which no restart of ours would help.
                    log.warning("store.busy")
                systemd.sd_notify("WATCHDOG=1")
        stopping.cancel()

    def _recipient(self, address: str, sender: str | None, is_relay: bool) -> Recipient:
        """Asked anew each time, so that a reload holds for open doors."""
        return self._directory.recipient(address, sender, is_relay)

    async def _open_wire(self, listener: socket.socket, table: Smtp | Lmtp) -> None:
        door = SmtpDoor(
            accept=self._inbox.accept,
            recipient=self._recipient,
            need_welcome=lambda sender, peer: self._directory.need_welcome(sender, peer),
            is_relay=lambda peer: self._directory.is_relay(peer),
            need_room=self._inbox.need_room,
            max_mail_bytes=self._config.limits.max_mail_bytes,
            hostname=self._directory.keyring.desk_id,
            lmtp=isinstance(table, Lmtp),
            tls=_tls(table),
            implicit_tls=isinstance(table, Smtp) and table.tls == "implicit",
            proxy_protocol=isinstance(table, Smtp) and table.proxy_protocol,
        )
        await door.start(listener)
        self._closers.append(lambda: door.close(DRAIN_S))

    async def _open_doors(self, config: Config) -> None:
        state = config.desk.state_dir
        if config.smtp is not None:
            await self._open_wire(open_socket(config.smtp.listen, state_dir=state), config.smtp)
        if config.lmtp is not None:
            mode, group = int(config.lmtp.socket_mode, 8), config.lmtp.socket_group
            await self._open_wire(open_socket(config.lmtp.listen, state_dir=state, mode=mode, group=group), config.lmtp)
        if config.maildrop is not None:
            drop = MaildropDoor(
                str(config.maildrop.path),
                config.maildrop.group,
                self._inbox.accept,
                self._recipient,
                config.limits.max_mail_bytes,
                config.mailbox[0].address,
            )
            try:
                dropbox.create(str(config.maildrop.path), config.maildrop.group)
            except OSError as error:
                problem = Problem("maildrop.path", f"{config.maildrop.path} cannot be made: {error.strerror}")
                raise BadConfig(problem) from error
            stop = asyncio.Event()
            task = asyncio.ensure_future(drop.run(stop))
            self._rooms.append(task)
            self._closers.append(lambda: _stopped(stop, task))
        for settings in config.imap:
            self._open_imap(settings)
        if config.web is not None:
            web = WebDoor(open_socket(config.web.listen, state_dir=state), self._standing_async, self._site())
            await web.start()
            self._closers.append(web.close)

    def _site(self) -> Site:
        """What the help centre's pages may use."""

        def pages() -> Pages:
            if self._pages is None:
                raise LookupError("the web door is open and has no pages")
            return self._pages

        return Site(
            store=self._store,
            inbox=self._inbox,
            settler=lambda: self._settler,
            pages=pages,
            settled=self._worker.settled,
            wake_relay=lambda: self._relay.wake(),
            brakes=Brakes(),
            mails=Mails(self._store, self._config.desk.languages),
            articles=lambda: self._articles,
        )

    def _open_imap(self, settings: Imap) -> None:
        account = f"{settings.username}@{settings.host}:{settings.port}/{settings.folder}"

        def find_position() -> tuple[int, int] | None:
            row = self._store.read(lambda tx: tx.find("position in a mailbox", account=account))
            return None if row is None else (tickets.integer(row["uidvalidity"]), tickets.integer(row["uid"]))

        def save_position(uidvalidity: int, uid: int) -> None:
            self._store.write(
                lambda tx: tx.add("position in a mailbox", account=account, uidvalidity=uidvalidity, uid=uid)
            ).result()

        door = ImapDoor(
            settings,
            self._inbox.accept,
            lambda address: self._directory.belongs(address, self._directory.mailbox(settings.mailbox)),
            find_position,
            save_position,
            max_mail_bytes=self._config.limits.max_mail_bytes,
        )
        door.start()
        self._imap.append(door)
        self._closers.append(door.stop)

    def _letter_failed(self, tx: Tx, letter: ClaimedLetter, error: str) -> None:
        """In the relay's transaction: an event on the ticket, and the agents are told once."""
        if self._settler.owing.refused(tx, letter.ticket_id, letter.recipient, letter.notice, error, clock.now()):
            self._relay.wake()

    def _standing(self) -> tuple[StandingStill, ...]:
        state_dir = str(self._config.desk.state_dir)
        return standing(self._store, self._relay, self._inbox, self._imap, state_dir, self._started_at)

    async def _standing_async(self) -> tuple[StandingStill, ...]:
        """The same, and a write that proves the store can be written."""
        await asyncio.wrap_future(self._store.write(lambda tx: tx.change("raise a counter", name="ticket", value=0)))
        return await asyncio.to_thread(self._standing)

    async def _live(self, _question: Mapping[str, object]) -> object:
        """What stands still, for `check --live`."""
        found = await self._standing_async()
        rows = [{**asdict(s), "since": s.since.strftime("%Y-%m-%dT%H:%M:%SZ")} for s in found]
        return {"ok": not rows, "standing": rows, "pid": os.getpid()}

    async def _rebuild(self, question: Mapping[str, object]) -> object:
        """Derive the named entries again, in a thread; whoever names none only asks which version's rules run here."""
        named = question.get("entries")
        ids = [found for found in named if isinstance(found, int) and found < 2**62] if isinstance(named, list) else []
        languages = self._config.desk.languages
        work = rebuild.read_some(self._store, ids, languages)
        return {"version": __version__, "changed": await asyncio.to_thread(rebuild.write, self._store, work)}

    async def _held(self, question: Mapping[str, object]) -> object:
        """Let a held mail in, or let go of it; whether it was held."""
        mail_id, is_release = question.get("mail"), question.get("verb") == "release"
        if not isinstance(mail_id, int) or not 0 < mail_id < 2**62:
            return {"done": False}
        done = await asyncio.wrap_future(
            self._store.write(lambda tx: ledger.decide_held(tx, mail_id, is_release, clock.now()))
        )
        self._worker.wake()
        return {"done": done}

    async def _reload_asked(self, _question: Mapping[str, object]) -> object:
        return {"ok": self._reload()}

    def _reload(self) -> bool:
        """SIGHUP: a wrong new configuration changes nothing. Doors, store and relay need a restart."""
        systemd.reloading()
        try:
            config = self._load()
            fixed = {"smtp", "lmtp", "maildrop", "imap", "relay", "web", "store", "limits"}
            before, after = self._config.model_dump(include=fixed), config.model_dump(include=fixed)
            for table in sorted(fixed):
                if before[table] != after[table]:
                    log.warning("config.restart-needed", table=table)
            if config.desk.state_dir != self._config.desk.state_dir:
                raise BadConfig(Problem("desk.state_dir", "a running desk cannot move"))
            if config.desk.keys_file != self._config.desk.keys_file:
                # Fresh keys would be made there, and every address that people have would be void.
                raise BadConfig(Problem("desk.keys_file", "a running desk cannot change its keys"))
            self._apply(config)
            log.event("config.reloaded")
        except MaildeskError as error:
            log.warning("config.refused", reason=str(error).replace(" ", "_"))
            return False
        finally:
            systemd.sd_notify("READY=1")
        return True


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[BaseException], None], error: BaseException) -> None:
    """Tell the loop from the writer's thread."""
    loop.call_soon_threadsafe(call, error)


async def _stopped(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    stop.set()
    await task


def _tls(table: Smtp | Lmtp) -> ssl.SSLContext | None:
    """What a door needs for TLS; None when it has none."""
    if isinstance(table, Lmtp) or table.tls == "none" or table.cert_file is None or table.key_file is None:
        return None
    return server_tls(table.cert_file, table.key_file)
