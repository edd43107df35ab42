"""Files that survive a crash and a neighbour: replaced whole or not at all, changed by one process at a time.

For small files that must be right (marks, keystores). Journals append instead.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep as _sleep  # noqa: TID251  (the neighbour is a real process, also under virtual time)
from typing import Final

__all__ = ["followed", "locked", "replace_file"]

OWNER_ONLY: Final = 0o600


def followed(path: Path) -> Path:
    """Return the file that a path leads to, so that links stay what they are when it is written.

    Raises OSError if a link leads nowhere: what it was meant to hold is elsewhere, and must not be begun anew.
    """
    return Path(os.path.realpath(path, strict=True)) if path.is_symlink() else path


@contextmanager
def locked(directory: Path, *, tries: int | None = None) -> Iterator[None]:
    """Hold a directory, made if need be, against the other processes that ask for it, and wait for them.

    With `tries`, a millisecond apart, a neighbour that does not let go (stopped, stuck) ends in a BlockingIOError:
    for whoever must not stand still, such as a loop that trades.

    The kernel holds the lock on the open directory and frees it when the process ends, however it ends: there is
    no lock file to go stale, and no process number that could be somebody else's by now.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if tries is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _lock_soon(descriptor, tries)
        yield
    finally:
        os.close(descriptor)


def _lock_soon(descriptor: int, tries: int) -> None:
    for _ in range(tries):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _sleep(0.001)
    raise BlockingIOError(errno.EAGAIN, "another process holds the directory and does not let go")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner alone, so that after a crash at any moment the old or the new one is there.

    When this returns, the new content is on the disk. One writer at a time: hold `locked(path.parent)`. Where the
    path is a link, the file that it leads to is replaced.
    """
    path = followed(path)
    new = path.with_name(f".{path.name}.new")
    # What a crash left behind may have been made with other rights: it goes, and is never opened.
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    # The name is part of the file: without this a power cut may bring the old one back.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
