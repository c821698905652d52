"""Waiting for something to become true, with a deadline; tests never sleep for a guessed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.01

T = TypeVar("T")


def until(condition: Callable[[], T], timeout_s: float = 10.0) -> T:
    """The first true value of `condition`; AssertionError with its last value when none came within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still {value!r} after {timeout_s} s"
        time.sleep(POLL_S)
    return value


async def until_async(condition: Callable[[], T], timeout_s: float = 10.0) -> T:
    """As `until`, for a test that shares its loop with what it waits for."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still {value!r} after {timeout_s} s"
        await asyncio.sleep(POLL_S)
    return value
