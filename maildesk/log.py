"""Log lines: one for each fate of a mail, stable event names, key=value. Never a body, an address or a token.

A line goes to standard error with the priority prefix that journald reads (sd-daemon(3)).
"""

from __future__ import annotations

import logging
import re
import sys

_TOKEN = re.compile(r"(?<![a-z2-7])[a-z2-7]{32}(?![a-z2-7])")
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_logger = logging.getLogger("maildesk")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += " " + _place(record.exc_info[1])
        text = _TOKEN.sub("<token>", text.replace("\n", " ").replace("\r", " "))
        return f"<{_PRIORITY.get(record.levelno, 6)}>{text}"


def _place(error: BaseException) -> str:
    """Where an error came from, without values: a mail's words must not reach the journal."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "maildesk" in code.co_filename:
            place = f"{code.co_filename.rsplit('/maildesk/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"error={type(error).__name__} at={place or '?'}"


def start(*, level: int = logging.INFO) -> None:
    """Send the desk's lines, and the libraries' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # aiosmtpd logs each command with its addresses at INFO and whole exceptions at ERROR; ours say what matters.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    logging.getLogger("mail.debug").setLevel(logging.CRITICAL)
    # It warns of each form that breaks a rule: strangers would fill the log, and each hears it in the answer.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    _logger.setLevel(level)


def event(name: str, **values: object) -> None:
    """One line about something that happened: `event("mail.accepted", mail=17, via="smtp", bytes=3120)`."""
    _logger.info("%s%s", name, _pairs(values))


def warning(name: str, **values: object) -> None:
    """One line about something an admin may want to look at."""
    _logger.warning("%s%s", name, _pairs(values))


def failure(name: str, error: BaseException, **values: object) -> None:
    """One line about an error of ours: its class and place, never its text, which may hold a mail's words."""
    _logger.error("%s%s %s", name, _pairs(values), _place(error))


def _pairs(values: dict[str, object]) -> str:
    return "".join(f" {key}={value}" for key, value in values.items() if value is not None)
