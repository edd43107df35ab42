"""Boxes on this machine: where they are, for commands that want one.

A box says where it is in a file of its own below the state directory, and takes the file away when it ends. Whoever
looks asks the address itself: a file that a killed process has left answers to nobody, and is taken away as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from xtrade.app.paths import state_dir
from xtrade.model.errors import UsageError, VenueError
from xtrade.net.http import HttpOptions, HttpSession, Request, Timeouts
from xtrade.runtime.files import replace_file
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.registry import server_of

__all__ = ["BoxAt", "account_at", "announced", "box_at", "boxes_dir", "find_box", "opened_boxes"]

_QUICK: Final = HttpOptions(timeouts=Timeouts(connect_ms=500, first_byte_ms=2_000, total_ms=3_000))


class BoxAt(Struct, frozen=True, kw_only=True):
    """A box that answers: where, as which venue, and the key of its first account."""

    venue: str
    address: str
    key: dict[str, str]


class _Note(Struct, frozen=True, kw_only=True):
    venue: str
    address: str
    pid: int


class _Account(Struct, frozen=True):
    key: dict[str, str]


class _State(Struct, frozen=True):
    venue: str
    accounts: list[_Account]


def boxes_dir() -> Path:
    """Where boxes say that they are there."""
    return state_dir() / "boxes"


@contextmanager
def announced(boxes: Sequence[Box]) -> Iterator[None]:
    """Say where these boxes are, for as long as the block lasts."""
    directory = boxes_dir()
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for box in boxes:
        path = directory / f"{box.venue}-{os.getpid()}.json"
        replace_file(path, msgspec.json.encode(_Note(venue=box.venue, address=box.address, pid=os.getpid())))
        paths.append(path)
    try:
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


async def find_box(venue: str) -> BoxAt | None:
    """Return a box of that venue which answers; None if there is none."""
    for path in sorted(boxes_dir().glob(f"{venue}-*.json"), reverse=True):
        try:
            note = msgspec.json.decode(path.read_bytes(), type=_Note)
            return await box_at(note.address, venue)
        except (OSError, msgspec.DecodeError, VenueError, UsageError):
            path.unlink(missing_ok=True)
    return None


async def box_at(address: str, venue: str) -> BoxAt:
    """Ask what is at an address for the key of its first account; UsageError if that is no box of this venue."""
    async with HttpSession(venue, _QUICK) as session:
        reply = await session.send(Request("GET", f"{address}/box"), what="box")
    try:
        state = msgspec.json.decode(reply.body, type=_State)
    except msgspec.DecodeError:
        raise UsageError(f"what answers at {address} is no box: start one with `xtrade exchange`") from None
    if state.venue != venue:
        raise UsageError(f"the box at {address} is one of {state.venue}, not of {venue}")
    return BoxAt(venue=venue, address=address, key=state.accounts[0].key)


def account_at(venue: str, address: str) -> str:
    """Name the account of a box: every process that trades it must call it the same."""
    return f"{venue}-box-{urlsplit(address).netloc.replace(':', '-')}"


async def opened_boxes(
    stack: AsyncExitStack,
    venues: Sequence[str],
    *,
    symbols: Sequence[str] = (),
    seed: int = 0,
    port: int = 0,
    **more: Any,
) -> list[Box]:
    """Open boxes of these venues over one market, until the stack is closed; ports follow each other from `port`."""
    servers = {name: server_of(name) for name in venues}
    world = world_of(servers, symbols)
    return [
        await stack.enter_async_context(
            Box(server, world, seed=seed, port=port + number if port else 0, **more)
        )
        for number, server in enumerate(servers.values())
    ]
