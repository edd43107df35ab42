"""A log file of bounded size: when it is full it becomes `name.1`, that becomes `name.2`, and the oldest goes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["RotatingFile"]


class RotatingFile:
    """Lines appended to one path, in at most `files_max` files of `bytes_max` bytes.

    Readable by the owner alone, also where it was there before with other rights.
    Raises OSError as the system does; what to do about it is the caller's affair.
    One process writes one path: give each its own.
    """

    def __init__(self, path: Path, *, bytes_max: int, files_max: int) -> None:
        self.path = path
        self._bytes_max = bytes_max
        self._files_max = files_max
        self._descriptor: int | None = None
        self._size = 0
        self._torn = False
        self._is_regular = True

    def write(self, line: bytes) -> None:
        """Append one line. It is with the operating system on return, so a crash of this process keeps it."""
        data = line + b"\n"
        if self._torn:
            data = b"\n" + data
        if self._descriptor is None:
            self._open()
        if self._size and self._size + len(data) > self._bytes_max and self._is_regular:
            self._rotate()
        assert self._descriptor is not None
        written = os.write(self._descriptor, data)
        self._size += written
        # A full disk takes half a line; the next one must not be glued to it.
        self._torn = written < len(data)
        if self._torn:
            raise OSError(28, "only a part of the line could be written", str(self.path))

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, flags, 0o600)
        status = os.fstat(self._descriptor)
        self._size = status.st_size
        # A device or pipe (/dev/null, /dev/stderr) has no size to bound, and must never be renamed.
        self._is_regular = stat.S_ISREG(status.st_mode)
        if self._is_regular and stat.S_IMODE(status.st_mode) & 0o077:
            # It was there before, with other rights. Whose file it is not can only log into it.
            with suppress(PermissionError):
                os.fchmod(self._descriptor, 0o600)

    def _rotate(self) -> None:
        self.close()
        if self._files_max <= 1:
            self.path.unlink()
        for number in range(self._files_max - 1, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
