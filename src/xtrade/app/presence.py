"""Which nodes run on this machine, and what became of them once the kill switch was thrown.

present   a node says that it is there, for as long as a block lasts
Presence  what it may say more: that everything is flat, or what is not
look      everybody who has said so, and whether the process is still there
forget    take away what ended processes have left

A node holds a lock of the system on its file, which ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from xtrade.runtime.files import locked
from xtrade.trading.risk.kill import Flattened

__all__ = ["Found", "Presence", "Standing", "forget", "look", "present"]


class Standing(Struct, frozen=True, kw_only=True):
    """What a node says of itself. `lines` are what each venue said, once the switch was thrown."""

    pid: int
    name: str
    state: Literal["running", "flat", "not flat"] = "running"
    lines: tuple[str, ...] = ()


class Found(NamedTuple):
    """A node that has said that it is there, and whether its process still is."""

    standing: Standing
    is_there: bool


class Presence:
    """One node's file, open and held."""

    def __init__(self, descriptor: int, standing: Standing) -> None:
        self._descriptor = descriptor
        self._standing = standing

    def flattened(self, report: Flattened) -> None:
        """Say how the kill switch left the accounts; from any thread."""
        state: Literal["flat", "not flat"] = "flat" if report.is_flat else "not flat"
        self._standing = msgspec.structs.replace(self._standing, state=state, lines=tuple(report.lines()))
        self.say()

    def say(self) -> None:
        """Write down how it stands."""
        content = msgspec.json.encode(self._standing)
        os.pwrite(self._descriptor, content, 0)
        os.ftruncate(self._descriptor, len(content))

    @property
    def was_killed(self) -> bool:
        """Whether the switch was thrown: then somebody waits to read what became of it."""
        return self._standing.state != "running"


@contextmanager
def present(directory: Path, name: str) -> Iterator[Presence]:
    """Be there while the block runs. Who was killed leaves the file, for `xtrade kill` to read."""
    path = directory / f"{os.getpid()}.json"
    with locked(directory):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        presence = Presence(descriptor, Standing(pid=os.getpid(), name=name))
        presence.say()
    try:
        yield presence
    finally:
        if not presence.was_killed:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def look(directory: Path) -> list[Found]:
    """Return everybody who has said that they are there, by process number."""
    found = []
    with locked(directory):
        for path in directory.glob("*.json"):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                is_there = not _is_free(descriptor)
                standing = _read(descriptor) or Standing(pid=int(path.stem), name="?")
            finally:
                os.close(descriptor)
            found.append(Found(standing, is_there))
    return sorted(found, key=lambda each: each.standing.pid)


def forget(directory: Path) -> None:
    """Take away the files of those who are not there any more."""
    for found in look(directory):
        if not found.is_there:
            (directory / f"{found.standing.pid}.json").unlink(missing_ok=True)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Standing | None:
    """Read what stands there; None in the instant in which it is being written."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 1 << 20, 0), type=Standing)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
