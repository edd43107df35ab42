"""Who waits for what: the listing of a deadlock.

  task 'prices' in feed() at desk.py:12: book = await books.get()
      Queue.get: <Queue maxsize=0 _getters[1]>

The place is the deepest line of somebody's own code on the task's way to where it waits; below it stands what
the standard library says it waits for.
"""

from __future__ import annotations

import asyncio
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, NamedTuple

__all__ = ["Deadlock", "Livelock", "describe", "is_standard_library", "waiting_tasks"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|(?:asyncio\.\w+\.)(?=[A-Z])| object(?= )")
_NAMES_MAX = 5


class Deadlock(RuntimeError):
    """Every task waits, and no timer is set that could wake one."""


class Livelock(RuntimeError):
    """Callbacks follow each other without end, and time stands still."""


def is_standard_library(frame: FrameType) -> bool:
    """Does this frame run code of the standard library?"""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in sys.stdlib_module_names


def waiting_tasks(tasks: Iterable[asyncio.Task[Any]]) -> str:
    """List the tasks that are not done: where each one stands, and what it waits for."""
    return "\n".join(describe(task) for task in tasks if not task.done())


def describe(task: asyncio.Task[Any]) -> str:
    """Say where one task stands, and what it waits for."""
    levels = list(_levels(task.get_coro()))
    own = [level for level in levels if not is_standard_library(level.frame)]
    place = own[-1] if own else (levels[-1] if levels else None)
    head = f"  task {task.get_name()!r}"
    if place is not None:
        head += f" in {place.name}() at {place.frame.f_code.co_filename}:{place.frame.f_lineno}"
        source = linecache.getline(place.frame.f_code.co_filename, place.frame.f_lineno).strip()
        head += f": {source}" if source else ""
    return f"{head}\n      {_awaited(task, levels)}"


class _Level(NamedTuple):
    """One coroutine on a task's way to where it waits."""

    name: str
    frame: FrameType


def _levels(coroutine: Any) -> Iterator[_Level]:
    while coroutine is not None:
        # A coroutine, an asynchronous generator, a generator-based awaitable: the same four things, three prefixes.
        prefix = next((p for p in ("cr", "ag", "gi") if hasattr(coroutine, f"{p}_frame")), None)
        if prefix is None:
            return
        frame = getattr(coroutine, f"{prefix}_frame")
        if frame is not None:
            yield _Level(coroutine.__qualname__, frame)
        coroutine = getattr(coroutine, "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await", None)


def _awaited(task: asyncio.Task[Any], levels: list[_Level]) -> str:
    waiter = getattr(task, "_fut_waiter", None)
    if isinstance(waiter, asyncio.Task):
        return f"waits for task {waiter.get_name()!r}"
    children = getattr(waiter, "_children", None)
    if children is not None:
        return f"gather: waits for {_names(children)}"
    inner = levels[-1] if levels else None
    if inner is None or not is_standard_library(inner.frame):
        return "waits for a future that nobody has completed"
    local = inner.frame.f_locals
    if "self" in local:
        return f"{inner.name}: {_ADDRESS.sub('', repr(local['self']))}"
    if "fs" in local:  # asyncio.wait
        return f"{inner.name.lstrip('_')}: waits for {_names(local['fs'])}"
    return inner.name


def _names(futures: Iterable[Any]) -> str:
    names = [
        f"task {future.get_name()!r}" if isinstance(future, asyncio.Task) else "a future"
        for future in futures
        if not future.done()
    ]
    more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
    return ", ".join(names[:_NAMES_MAX]) + more
