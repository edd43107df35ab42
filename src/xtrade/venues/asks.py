"""Asks: what a venue's codec wants to know or to have done, as data; the link carries them out.

    Ask("order", build=…, read=…, costs=(Cost("weight", 4),), priority=Priority.ACCOUNT)

`build` makes the request at an instant of the venue's clock, signed where it must be, and is called anew for each
attempt. `read` makes of the answer what was asked for, or raises what the answer means: Rejected, RateLimited,
AuthFailed, Unavailable, InDoubt, and DataError where it says nothing that can be understood. Neither has a clock, a
socket or a memory, so that a venue is tested with bytes.

An ask that may also go through a socket says so by `over`; its answer is read by the same `read`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from xtrade.net.http import Request
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat

__all__ = ["Answer", "Ask", "Over", "Page"]

T_co = TypeVar("T_co", covariant=True)


class Answer(NamedTuple):
    """What came back, over HTTP or through a socket; `received_ns` is wall time."""

    status: int
    body: bytes
    received_ns: int
    headers: Mapping[str, str] = {}


class Over(NamedTuple):
    """How an ask goes through a socket: `frame` returns the id by which its answer is known, and the message."""

    socket: str
    frame: Callable[[int], tuple[str, bytes]]


class Ask(NamedTuple, Generic[T_co]):
    """One question or command. `repeat` says what a second copy would do: see `xtrade.net.retry`."""

    what: str
    build: Callable[[int], Request]
    read: Callable[[Answer], T_co]
    costs: tuple[Cost, ...] = ()
    priority: Priority = Priority.DATA
    repeat: Repeat = Repeat.READ
    over: Over | None = None


class Page(NamedTuple, Generic[T_co]):
    """A part of a long answer, and the ask for the part that follows; None where this was the last."""

    items: tuple[T_co, ...]
    more: Ask[Page[T_co]] | None = None
