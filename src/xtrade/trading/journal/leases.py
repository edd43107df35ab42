"""One account, one writer: who holds a journal and its accounts, and how a second process is told.

A lease in a file is a lock that the kernel holds on an open file and frees when the process ends, however it ends; what
stands in the file only says who it is, and counts the holders (the fencing number). In PostgreSQL it is an advisory
lock of the writing connection (xtrade.trading.journal.postgres).
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from xtrade.model.errors import AccountHeld, DataError
from xtrade.runtime import clock

__all__ = ["FileLeases", "Holder", "held_message", "me"]

SECOND: Final = 1_000_000_000


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds a lease. `number` rises with each holder: the fencing number."""

    host: str
    pid: int
    since_ns: int
    number: int = 0
    program: str = ""


def me(number: int = 0) -> Holder:
    """Describe this process as a holder."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return Holder(
        host=socket.gethostname(), pid=os.getpid(), since_ns=clock.now_ns(), number=number, program=program
    )


def held_message(name: str, holder: Holder | None) -> str:
    """Say who holds a lease that was asked for."""
    if holder is None:
        return f"{name} is held by another process, which has not said who it is yet: try again"
    since = datetime.fromtimestamp(holder.since_ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{name} is held by process {holder.pid} ({holder.program}) on {holder.host} since {since} UTC: one account"
        " has one writer, so stop that one first"
    )


class FileLeases:
    """Leases in files of one directory: `journal NAME` and `account NAME`, all or none."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._held: list[int] = []
        self._pid = os.getpid()

    @property
    def are_held(self) -> bool:
        """Whether this very process holds what it took: a forked child does not."""
        return bool(self._held) and self._pid == os.getpid()

    def take(self, names: Sequence[str]) -> None:
        """Take every lease named, or raise AccountHeld and take none."""
        self._pid = os.getpid()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in sorted(names):
                self._held.append(self._take(name))
        except OSError as error:
            self.release()
            raise DataError(f"cannot take a lease in {self.directory}: {error.strerror}") from error
        except AccountHeld:
            self.release()
            raise

    def release(self) -> None:
        """Let all go."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def _take(self, name: str) -> int:
        path = self.directory / f"{name.replace(os.sep, '_')}.lease"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AccountHeld(held_message(name, _read(descriptor))) from None
            before = _read(descriptor)
            holder = me(1 if before is None else before.number + 1)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, msgspec.json.encode(holder), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _read(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 65_536, 0), type=Holder)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
