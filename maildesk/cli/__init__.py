"""The `maildesk` command: finds the command's module and imports only that, so that `deliver` starts fast.

What goes wrong becomes one sentence on standard error and an exit code; a traceback is for those who ask for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from maildesk.errors import MaildeskError

FAULT_OF_OURS = 75
INTERRUPTED = 130  # as a shell counts: 128 and the signal's number


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command of `argv`, else of the command line. Always raises SystemExit."""
    raise SystemExit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """The exit code of a command line."""
    try:
        if "deliver" in argv:
            # A word behind `deliver` may be a stranger's (an envelope sender): only what stands before it is ours to sort.
            at = argv.index("deliver")
            before, other = hoist_config(argv[:at])
            if not other:
                from maildesk.cli.deliver import main as deliver

                return deliver([*before, *argv[at + 1 :]])
        front, rest = hoist_config(argv)
        from maildesk.cli.main import run as run_command

        code = run_command([*front, *rest])
        sys.stdout.flush()
        return code
    except MaildeskError as error:
        print(error, file=sys.stderr)
        return error.reply.exit
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not find the pipe again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("MAILDESK_DEBUG"):
            raise
        print(_apology(error), file=sys.stderr)
        return FAULT_OF_OURS


def hoist_config(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split a command line into ["--config", FILE] (empty when it has none) and the rest: the option stands anywhere.

    Nothing is taken from behind "--"; of several the last counts; one without a FILE stays where it is.
    """
    front: list[str] = []
    rest: list[str] = []
    at = 0
    while at < len(argv) and argv[at] != "--":
        word = argv[at]
        if word == "--config" and at + 1 < len(argv):
            front, at = ["--config", argv[at + 1]], at + 1
        elif word.startswith("--config="):
            front = ["--config", word.removeprefix("--config=")]
        else:
            rest.append(word)
        at += 1
    return front, rest + argv[at:]


def _apology(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"That could not be done now: {error.strerror}{place}"
    return (
        f"maildesk made a mistake of its own ({type(error).__name__}): please report it to its makers with the command "
        "that you gave; MAILDESK_DEBUG=1 before the command shows where it happened"
    )
