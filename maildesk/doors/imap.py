"""The IMAP door: watches a folder elsewhere, hands its mails to the inbox, and marks them once they are on disk here.

Knows threads, connections and back-off, never what a mail says; its place in the folder is kept by whoever made it.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import secrets
import select
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import suppress
from datetime import datetime
from typing import Any

from maildesk import clock, log
from maildesk.config import Imap, read_secret
from maildesk.doors.imap_folder import MAX_BATCH_BYTES, FindPosition, Folder, NotNow, SavePosition
from maildesk.doors.imap_header import recipients_of
from maildesk.doors.imap_wire import (
    Broken,
    Client,
    LoginRefused,
    Refused,
    Stopped,
    checked_argument,
    connect,
    log_in_with_password,
    log_in_with_token,
)
from maildesk.errors import BareNewline, Looping, MaildeskError, TooLarge
from maildesk.mail.model import Envelope
from maildesk.oauth import TokenSource

Accept = Callable[[bytes, Envelope], Coroutine[Any, Any, Sequence[int]]]

# Server and header may count a mail's bytes a little differently; above the limit it is refused all the same.
_SIZE_SLACK_BYTES = 65_536
# However much a server chatters, it is not asked more often than this.
_LEAST_GAP_S = 0.2


class ImapDoor:
    """One folder of one account, watched by one thread (imapclient blocks, and must not be shared).

    What is taken. When the desk meets the folder for the first time: the unread mails (without \\Seen) and nothing
    else, so that connecting an old mailbox answers no old mail. From then on: everything above the last UID, read or
    not, so that a mail which somebody opens in webmail before the desk sees it is not lost; one that is marked as
    unread again later is not taken again. When the folder was made anew (another UIDVALIDITY): the unread mails, and of
    the others those of the last 28 days, received and dated, which the desk recognises by content if it has them.

    In which order. Fetched without marking it, given to `accept`, and once that has returned, which is after COMMIT,
    marked as `done` says; then the position moves. After a crash in between the mail is offered again, recognised, and
    marked. What `accept` refuses for good, and what is larger than `max_mail_bytes`, is left lying as it is, logged
    once and passed. A mail that fails three times no longer holds up those behind it; it is tried ever more rarely.

    State for monitors: last_poll_at, when the folder was last read to its end; last_error, one sentence, None when all
    is well; left_lying, how many mails were passed.
    """

    def __init__(
        self,
        settings: Imap,
        accept: Accept,
        belongs: Callable[[str], bool],
        find_position: FindPosition,
        save_position: SavePosition,
        *,
        max_mail_bytes: int = 36_700_160,
        poll_s: float = 60.0,
        timeout_s: float = 60.0,
        accept_s: float = 60.0,
        backoff_s: tuple[float, float] = (1.0, 300.0),
    ) -> None:
        """belongs: is this one of the mailbox's addresses, aliases and signed forms included?

        find_position, save_position: the durable (UIDVALIDITY, last UID); called from the thread, they may block.
        poll_s: IDLE is left and begun anew this often, far below the 9 minutes after which providers silently drop it.
        Raises BadConfig or Malformed for a username, a folder or a `done` that cannot be used.
        """
        self.settings = settings
        self.last_poll_at: datetime | None = None
        self.last_error: str | None = None
        checked_argument(settings.username, "username")
        self._accept, self._belongs = accept, belongs
        self._max_mail_bytes = max_mail_bytes
        self._poll_s, self._timeout_s, self._accept_s, self._backoff_s = poll_s, timeout_s, accept_s, backoff_s
        self._tokens = TokenSource(settings.oauth2) if settings.oauth2 else None
        self._stopping = threading.Event()
        self._folder = Folder(
            settings, self._give, find_position, save_position, self._delay, self._stopping, max_mail_bytes
        )
        self._good_since: float | None = None
        self._stop_fd, self._stop_write_fd = os.pipe()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def left_lying(self) -> int:
        return self._folder.left_lying

    def start(self) -> None:
        """Begin to watch; `accept` will run on the event loop that runs now."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=f"imap {self.settings.host}", daemon=True)
        self._thread.start()

    async def stop(self, within_s: float = 10.0) -> None:
        """End at once, in IDLE too; a mail that is being accepted is finished and marked first."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._stop_write_fd, b".")
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, within_s)
        # A thread that hangs in a name look-up will still poll the pipe: then it stays open until the process ends.
        if self._thread is None or not self._thread.is_alive():
            os.close(self._stop_fd)
            os.close(self._stop_write_fd)

    def _run(self) -> None:
        failures = 0
        with suppress(Stopped):
            while not self._stopping.is_set():
                self._good_since = None
                try:
                    self._session()
                except Stopped:
                    raise
                except Exception as error:  # noqa: BLE001 - a hostile answer raises anything in imaplib; all of it is told
                    self._folder.blame_fetch()
                    self._tell(_sentence(error, self.settings, self._timeout_s), type(error).__name__)
                # Only a connection that outlived a poll was a good one; a server that drops us at once is spared.
                good = self._good_since is not None and time.monotonic() - self._good_since >= self._poll_s
                failures = 1 if good else failures + 1
                self._sleep(self._delay(failures))

    def _session(self) -> None:
        """Connect and watch until the connection breaks. Raises whatever broke it, or Stopped."""
        client = connect(
            self.settings,
            stop_fd=self._stop_fd,
            timeout_s=self._timeout_s,
            max_literal_bytes=self._max_mail_bytes + _SIZE_SLACK_BYTES,
            max_answer_bytes=self._max_mail_bytes + MAX_BATCH_BYTES,
        )
        try:
            _log_in(client, self.settings, self._tokens)
            log.event("imap.connected", host=self.settings.host, folder=self.settings.folder)
            idles = client.has_capability("IDLE")
            while True:
                polled_at = time.monotonic()
                polled = self._folder.poll(client)
                self.last_poll_at = clock.now()
                self._tell(polled.trouble, "trouble")
                self._good_since = self._good_since or polled_at
                until = min(polled_at + self._poll_s, polled.retry_at)
                # What the server announced during the poll itself, IDLE does not announce again.
                if client.wire.news_count() == polled.news:
                    if idles and until > time.monotonic():
                        client.wire.idle_until(until)
                    else:
                        self._sleep(until - time.monotonic())
                self._sleep(polled_at + _LEAST_GAP_S - time.monotonic())
        finally:
            with suppress(OSError):
                client.shutdown()

    def _give(self, raw: bytes) -> None:
        """Returns when the mail is committed. Raises NotNow, or what the inbox refuses for good."""
        if self._loop is None:
            raise NotNow("not started")
        recipients = recipients_of(raw, self._belongs, self.settings.mailbox)
        envelope = Envelope(via="imap", peer="", sender=None, recipients=recipients, received_at=clock.now())
        future = asyncio.run_coroutine_threadsafe(self._accept(raw, envelope), self._loop)
        try:
            future.result(self._accept_s)
        except (TooLarge, Looping, BareNewline):
            raise
        except (MaildeskError, TimeoutError, FutureCancelled) as error:
            # If it was committed after all, the next offer is recognised.
            future.cancel()
            raise NotNow(type(error).__name__) from error
        except Exception as error:
            log.failure("imap.accept_failed", error, host=self.settings.host, folder=self.settings.folder)
            raise NotNow(type(error).__name__) from error

    def _tell(self, trouble: str | None, kind: str) -> None:
        """Keep it for monitors; a line in the log when it is news."""
        if trouble is not None and trouble != self.last_error:
            log.warning(
                "imap.trouble", host=self.settings.host, folder=self.settings.folder, kind=kind, why=f'"{trouble}"'
            )
        self.last_error = trouble

    def _delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row: doubling, and shaken lest many desks come at once."""
        least_s, most_s = self._backoff_s
        doubled_s = min(most_s, least_s * 2.0 ** min(failures - 1, 16))
        return doubled_s * secrets.SystemRandom().uniform(0.75, 1.0)

    def _sleep(self, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._stop_fd, select.POLLIN)
        if poller.poll(max(0.0, seconds) * 1000):
            raise Stopped


def _log_in(client: Client, settings: Imap, tokens: TokenSource | None) -> None:
    if tokens is None:
        if settings.password_file is None:
            raise LoginRefused("imap needs password_file or oauth2")
        log_in_with_password(client, settings.username, read_secret(settings.password_file))
        return
    token = tokens.token()
    try:
        log_in_with_token(client, settings.username, token)
    except LoginRefused:
        # It may have ended before its time; the next connection comes with a fresh one.
        tokens.forget(token)
        raise


def try_out(settings: Imap, *, timeout_s: float = 30.0) -> int:
    """Sign in and look at the folder as the door would, for `check --online`; how many mails lie there.

    Changes nothing. Raises MaildeskError with one sentence.
    """
    stop_fd, stop_write_fd = os.pipe()
    try:
        client = connect(settings, stop_fd=stop_fd, timeout_s=timeout_s, max_literal_bytes=0, max_answer_bytes=0)
        try:
            _log_in(client, settings, TokenSource(settings.oauth2) if settings.oauth2 else None)
            found = client.select_folder(checked_argument(settings.folder, "folder"), readonly=True)
            return int(found[b"EXISTS"])
        finally:
            client.shutdown()
    except (OSError, imaplib.IMAP4.error) as error:
        raise Refused(_sentence(error, settings, timeout_s)) from error
    finally:
        os.close(stop_fd)
        os.close(stop_write_fd)


def _sentence(error: BaseException, settings: Imap, timeout_s: float) -> str:
    """What went wrong, for an admin. Never the server's words: they may repeat a password or a mail."""
    server = f"{settings.host}:{settings.port}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (Broken, MaildeskError)):
            return f"{server}: {cause}"
        cause = cause.__context__
    match error:
        case ssl.SSLCertVerificationError():
            return f"{server}: the certificate cannot be verified ({error.verify_message}); see imap.ca_file"
        case ssl.SSLError():
            return f"{server}: TLS failed ({error.reason or type(error).__name__})"
        case TimeoutError():
            return f"{server}: no answer within {timeout_s:g} s"
        case OSError():
            return f"{server}: {error.strerror or type(error).__name__}"
        case imaplib.IMAP4.error():
            return f"{server}: the server refused a command or broke off ({type(error).__name__})"
        case _:
            return f"{server}: the server's answer cannot be understood ({type(error).__name__})"
