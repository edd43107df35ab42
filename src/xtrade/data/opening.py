"""Files as blocks of whole lines, through gzip, whatever their bytes are.

opening     the first bytes of a file, unpacked: what formats are recognised by
blocks      the whole file, some megabytes of whole lines at a time: memory does not grow with the file
contents    the whole of a small file, unpacked
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from xtrade.model.errors import DataError

__all__ = ["Opening", "blocks", "contents", "opening"]

_BLOCK: Final = 16 * 2**20
_HEAD: Final = 64 * 2**10
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Opening:
    """How a file begins."""

    path: Path
    first: bytes

    @property
    def header(self) -> tuple[str, ...]:
        """The first line as the fields of a CSV."""
        line = self.first.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
        return tuple(name.strip().strip('"') for name in line.rstrip("\r").split(","))


def opening(path: Path) -> Opening:
    """Return the first bytes of a file, unpacked; an empty or unreadable file is a DataError."""
    with _unpacked(path) as file:
        first = file.read(_HEAD)
    if not first.strip():
        raise DataError(f"{path}: the file is empty")
    return Opening(path, first)


def blocks(path: Path, size: int = _BLOCK) -> Iterator[bytes]:
    """Give the file in blocks that end where a line ends (the last as it is)."""
    rest = b""
    with _unpacked(path) as file:
        while more := file.read(size):
            cut = more.rfind(b"\n") + 1
            if cut:
                yield rest + more[:cut]
                rest = more[cut:]
            else:
                rest += more
                if len(rest) > 2 * _BLOCK:
                    raise DataError(f"{path}: a line of more than {2 * _BLOCK:,} bytes: this is no CSV")
    if rest:
        yield rest


def contents(path: Path) -> bytes:
    """Return the whole file, unpacked."""
    with _unpacked(path) as file:
        return file.read()


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            if file.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
                yield file
                return
            with gzip.open(file) as unpacked:
                yield cast("IO[bytes]", unpacked)
    except EOFError:
        raise DataError(f"{path}: the gzip file is cut off: copy or download it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error}): copy or download it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
