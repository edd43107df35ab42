"""A journal as lines of JSON: readable with any tool, whole up to the last line whatever ends the process.

Every record is handed to the operating system before `append` returns: the end of the process loses none. (A power cut
may lose the last ones; who trades real money wants more than that.)
"""

from __future__ import annotations

import os
from pathlib import Path

from xtrade.model.errors import DataError
from xtrade.model.records import to_json
from xtrade.trading.ports import Journal, Record

__all__ = ["JournalFile", "Journals"]


class JournalFile:
    """A new file of records, one a line: {"record": kind, "of": {…}}."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise DataError(f"the journal {path} cannot be begun: {error.strerror}") from error

    def append(self, record: Record) -> None:
        """Write one record."""
        line = b'{"record":"%s","of":%s}\n' % (type(record).__name__.encode(), to_json(record))
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise DataError(f"the journal {self.path} cannot be written: {error.strerror}") from error
        if written != len(line):
            raise DataError(f"the journal {self.path} cannot be written: the disk is full")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


class Journals:
    """Several journals as one: the first is the one to rely on, and is written first."""

    def __init__(self, *journals: Journal) -> None:
        self._journals = journals

    def append(self, record: Record) -> None:
        """Write one record to each."""
        for journal in self._journals:
            journal.append(record)
